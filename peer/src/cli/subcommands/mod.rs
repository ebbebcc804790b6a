//! The commands of the chat as subcommands, made from the table in [`crate::command::table`].
//!
//! clap reads options, help and what is missing; the reader of the table judges the words that are
//! left, as it judges those of the chat.

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args as _, FromArgMatches, Subcommand};

use super::Shared;
use crate::command::{
    Argument, ArgumentKind, COMMANDS, Command, Keyword, Need, Usage, UsageError, Words,
};
use crate::command::{parse, table};

/// Name of what follows the places: keywords as in the chat, and further words of a text.
const MORE: &str = "more";

/// A command of the chat, given on the command line: clap has read it, the table's reader has not.
#[derive(Debug, Clone)]
pub struct Given {
    usage: &'static Usage,
    words: Words,
}

impl Given {
    /// Reads the words by the table.
    ///
    /// # Errors
    /// A [`UsageError`] that says what to type instead.
    pub fn read(&self) -> Result<Command, UsageError> {
        (self.usage.read)(&self.words, None)
    }
}

/// Whether help is among the words of a command that says everything up to the end of the line:
/// whoever said something is not to be told with success that all was done.
pub(super) fn asks_for_help_while_saying(arguments: &[OsString]) -> bool {
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let says = |usage: &&Usage| {
        usage.arguments.last().is_some_and(|argument| argument.kind == ArgumentKind::Saying)
    };
    let command = words.find_map(|word| {
        let named = |usage: &&Usage| usage.name == word || usage.aliases.contains(&word);
        commands().find(named).filter(says)
    });
    let Some(command) = command else { return false };
    let is_help = |word: &&str| *word == "--help" || (word.starts_with("-h") && word.len() > 1);
    let before = words.take_while(|word| !is_help(word) && *word != "--");
    before.filter(|word| !word.starts_with('-')).count() >= command.arguments.len()
}

/// The commands that are subcommands: all but `help`, which clap answers itself.
fn commands() -> impl Iterator<Item = &'static Usage> {
    COMMANDS.iter().copied().filter(|usage| usage.name != table::HELP.name)
}

impl Subcommand for Given {
    fn augment_subcommands(program: clap::Command) -> clap::Command {
        program.subcommands(commands().map(subcommand))
    }

    fn augment_subcommands_for_update(program: clap::Command) -> clap::Command {
        Self::augment_subcommands(program)
    }

    fn has_subcommand(name: &str) -> bool {
        commands().any(|usage| usage.name == name)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = matches
            .subcommand()
            .and_then(|(name, given)| Some((commands().find(|usage| usage.name == name)?, given)));
        let Some((usage, given)) = given else {
            return Err(clap::Error::new(clap::error::ErrorKind::InvalidSubcommand));
        };
        Ok(Self { usage, words: words(usage, given) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What clap needs to know of one command.
fn subcommand(usage: &'static Usage) -> clap::Command {
    let places = usage.arguments.iter().map(place);
    let options = keywords(usage).map(option);
    clap::Command::new(usage.name)
        .about(capitalised(usage.summary))
        .long_about(format!("{}\n\n{}", capitalised(usage.summary), usage.details))
        .after_help(after_help(usage))
        .visible_aliases(usage.aliases)
        .override_usage(usage_line(usage))
        .args(places)
        .args(further(usage))
        .args(options)
}

/// The keywords that are options of their own. One that is called like an option of every
/// subcommand is that option.
fn keywords(usage: &'static Usage) -> impl Iterator<Item = &'static Keyword> {
    let shared = Shared::augment_args(clap::Command::new(usage.name));
    usage.keywords.iter().filter(move |keyword| {
        shared.get_arguments().all(|option| option.get_long() != Some(keyword.name))
    })
}

/// A place that one word fills.
fn place(argument: &'static Argument) -> Arg {
    Arg::new(argument.name)
        .help(argument.summary)
        .value_parser(ValueParser::string())
        .required(argument.need == Need::Required)
        .allow_negative_numbers(argument.kind == ArgumentKind::Amount)
        .allow_hyphen_values(argument.kind == ArgumentKind::Saying)
}

/// The places that the words after the named ones fill; help does not show them.
///
/// A positional of clap that takes many words and dashes takes the options among them as well, and
/// would say aloud what was meant for the program. So each further word of what is said has a place
/// of its own: an option of ours stays one, and any other word with a dash is said.
fn further(usage: &'static Usage) -> Vec<Arg> {
    let hidden = |name: String| Arg::new(name).hide(true).value_parser(ValueParser::string());
    let rest = |kind| {
        hidden(MORE.to_owned())
            .num_args(0..)
            .action(ArgAction::Append)
            .allow_negative_numbers(true)
            .allow_hyphen_values(kind == ArgumentKind::Saying)
    };
    match usage.arguments.last().map(|argument| argument.kind) {
        Some(ArgumentKind::Saying) => (0..parse::LONGEST_SAYING.div_ceil(2))
            .map(|at| hidden(format!("{MORE}-{at}")).allow_hyphen_values(true))
            // Beyond the longest text: the reader refuses it.
            .chain([rest(ArgumentKind::Saying)])
            .collect(),
        // A title, a contact or a description without quotes; keywords without dashes.
        Some(ArgumentKind::Text) => vec![rest(ArgumentKind::Text)],
        _ if !usage.keywords.is_empty() => vec![rest(ArgumentKind::Text)],
        Some(
            ArgumentKind::Room
            | ArgumentKind::Amount
            | ArgumentKind::Word
            | ArgumentKind::Command
            | ArgumentKind::Flag,
        )
        | None => Vec::new(),
    }
}

/// A keyword as an option.
fn option(keyword: &'static Keyword) -> Arg {
    let named = Arg::new(keyword.name)
        .long(keyword.name)
        .visible_aliases(keyword.aliases)
        .help(keyword.summary);
    if keyword.kind == ArgumentKind::Flag {
        return named.action(ArgAction::SetTrue);
    }
    named
        .value_name(keyword.value)
        .value_parser(ValueParser::string())
        .allow_negative_numbers(keyword.kind == ArgumentKind::Amount)
        .allow_hyphen_values(keyword.kind == ArgumentKind::Saying)
}

/// `pregao bid [OPTIONS] <ROOM> <AMOUNT> [CURRENCY]`: in the chat the room on screen can be left
/// out, here there is none.
fn usage_line(usage: &Usage) -> String {
    let mut line = format!("pregao {} [OPTIONS]", usage.name);
    for argument in usage.arguments {
        let name = argument.name;
        line.push_str(&match argument.need {
            Need::Required | Need::Judged => format!(" <{name}>"),
            Need::Optional => format!(" [{name}]"),
        });
        if argument.kind == ArgumentKind::Saying {
            line.push_str("...");
        }
    }
    line
}

/// The other subcommands begin with a capital.
fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

/// The text below the options.
fn after_help(usage: &Usage) -> String {
    let mut text = format!("Example: {}", example(usage));
    if !usage.keywords.is_empty() {
        let names: Vec<&str> = usage.keywords.iter().map(|keyword| keyword.name).collect();
        let names = names.join(", ");
        text.push_str(&format!("\nAs in the chat, these may stand without dashes: {names}."));
    }
    text
}

/// The example of the table as typed into a shell, where `#` begins a comment.
fn example(usage: &Usage) -> String {
    usage.example.replacen('/', "pregao ", 1).replace('#', "")
}

/// The words in the order in which the reader expects them: the places, the words that follow them,
/// and each option as its keyword. An option that takes what is said runs on, as its keyword does,
/// so it stays among the words.
fn words(usage: &'static Usage, given: &ArgMatches) -> Words {
    let mut words = Words::by_shell();
    for argument in usage.arguments {
        for (_, word) in values(given, argument.name) {
            words.add_word(word);
        }
    }
    let further = further(usage);
    let mut rest: Vec<(usize, Option<&Keyword>, &str)> = further
        .iter()
        .flat_map(|place| values(given, place.get_id().as_str()))
        .map(|(at, word)| (at, None, word))
        .collect();
    let is_flag = |keyword: &&Keyword| keyword.kind == ArgumentKind::Flag;
    for keyword in keywords(usage).filter(|keyword| !is_flag(keyword)) {
        rest.extend(values(given, keyword.name).map(|(at, value)| (at, Some(keyword), value)));
    }
    let apart = |keyword: &Keyword| keyword.kind != ArgumentKind::Saying;
    rest.sort_by_key(|(at, keyword, _)| (keyword.is_some_and(apart), *at));
    for (_, keyword, text) in rest {
        match keyword {
            Some(keyword) => words.add_option(keyword, text),
            None => words.add_word(text),
        }
    }
    for keyword in keywords(usage).filter(is_flag).filter(|flag| given.get_flag(flag.name)) {
        words.add_word(keyword.name);
    }
    words
}

/// What was given for a place or an option, each value with its position.
fn values<'a>(given: &'a ArgMatches, id: &str) -> impl Iterator<Item = (usize, &'a str)> {
    let at = given.indices_of(id).into_iter().flatten();
    at.zip(given.get_many::<String>(id).into_iter().flatten().map(String::as_str))
}

#[cfg(test)]
mod tests;

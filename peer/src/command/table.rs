//! The table of commands: `/help`, completion, usage errors and the command line come from it.

mod bidding;
mod listing;
mod mail;
mod queries;

use super::parse::{self, ReadCommand};
pub use bidding::{AUTO, BID, PADDLE, PADDLES, TAKE};
pub use listing::{LIST, RELIST, UNLIST};
pub use mail::{
    ACCEPT, ACK, BLOCK, BOX, CONTACT, DECLINE, DRAFT, DRAFTS, MAIL, MODE, NEW, PEOPLE, READ,
    RECALL, SEARCH, SEND, STATUS,
};
pub use queries::{BIDS, CHECK, ITEMS, MINE};

/// What a word at some place of a command is; completion offers what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArgumentKind {
    /// A room; may be left out where one is current.
    Room,
    /// An amount of money.
    Amount,
    /// One word.
    Word,
    /// One word, or several in quotes; in the last place also several without.
    Text,
    /// Everything up to the end, as it was typed.
    Saying,
    /// The name of a command.
    Command,
    /// Nothing: the keyword says it all.
    Flag,
}

/// Whether a place may be left empty on the command line, where no room is current.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Never.
    Required,
    /// Never; but a single word may belong to this place or to the one before it, so the reader
    /// says which of the two is missing.
    Judged,
    /// Always.
    Optional,
}

/// One place after the name of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argument {
    /// What it is called in the synopsis.
    pub name: &'static str,
    /// What belongs there.
    pub kind: ArgumentKind,
    /// Whether it may be left out.
    pub need: Need,
    /// One line: what to put there.
    pub summary: &'static str,
}

/// A word that is followed by a value: `step 1`, and on the command line `--step 1` too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keyword {
    /// What to type.
    pub name: &'static str,
    /// What else may be typed.
    pub aliases: &'static [&'static str],
    /// What the value is called in the synopsis.
    pub value: &'static str,
    /// What the value is.
    pub kind: ArgumentKind,
    /// One line: what it does.
    pub summary: &'static str,
}

/// One command as described to people.
#[derive(Debug)]
pub struct Usage {
    /// What to type.
    pub name: &'static str,
    /// What else may be typed.
    pub aliases: &'static [&'static str],
    /// The places after the name, in words; brackets mark what may be left out in the chat.
    pub synopsis: &'static str,
    /// The places after the name.
    pub arguments: &'static [Argument],
    /// The keywords after the places, in any order.
    pub keywords: &'static [Keyword],
    /// One line: what it does.
    pub summary: &'static str,
    /// More lines: rules and defaults.
    pub details: &'static str,
    /// A complete line that parses.
    pub example: &'static str,
    /// Reads the words after the name.
    pub(crate) read: ReadCommand,
}

/// The room in which a command acts.
const ROOM: Argument = Argument {
    name: "ROOM",
    kind: ArgumentKind::Room,
    need: Need::Required,
    summary: "Beginning of the room's name, at least four characters",
};

/// How the other side reaches the user.
const HOW_TO_REACH: Argument = Argument {
    name: "CONTACT",
    kind: ArgumentKind::Text,
    need: Need::Optional,
    summary: "How to reach you; at most 200 characters",
};

/// Follows a room.
pub static JOIN: Usage = Usage {
    name: "join",
    aliases: &["j"],
    synopsis: "[ROOM]",
    arguments: &[ROOM],
    keywords: &[],
    summary: "follow a room",
    details: "Every entry of its log is fetched and verified.",
    example: "/join 3f2a",
    read: parse::join,
};

/// Stops following a room.
pub static LEAVE: Usage = Usage {
    name: "leave",
    aliases: &["part"],
    synopsis: "[ROOM]",
    arguments: &[ROOM],
    keywords: &[],
    summary: "stop following a room",
    details: "Bids already made stay and stay binding.",
    example: "/leave 3f2a",
    read: parse::leave,
};

/// Says something.
pub static SAY: Usage = Usage {
    name: "say",
    aliases: &["s"],
    synopsis: "[#ROOM] TEXT",
    arguments: &[
        ROOM,
        Argument {
            name: "TEXT",
            kind: ArgumentKind::Saying,
            need: Need::Required,
            summary: "What to say; at most 500 characters",
        },
    ],
    keywords: &[],
    summary: "say something in a room, under a name used once",
    details: "A line without a slash is said in the room on screen; begin with // to say a line \
              that starts with a slash. Another room is marked with # and has at least four \
              characters. At most 500 characters.",
    example: "/say #3f2a is the box included?",
    read: parse::say,
};

/// Shows what may be relied on.
pub static WHOAMI: Usage = Usage {
    name: "whoami",
    aliases: &["trust"],
    synopsis: "",
    arguments: &[],
    keywords: &[],
    summary: "show your persona, its certificate, and who knows what of you",
    details: "Compare the fingerprints with those you were given by another way. It also says what the broker knows of \
              you and what others see, and what was verified.",
    example: "/whoami",
    read: parse::whoami,
};

/// Lists receipts.
pub static RECEIPTS: Usage = Usage {
    name: "receipts",
    aliases: &["proofs"],
    synopsis: "",
    arguments: &[],
    keywords: &[],
    summary: "list your receipts and check each again",
    details: "A receipt proves to anybody, without a network, that the broker took your action. /check compares them with \
              the logs as they are.",
    example: "/receipts",
    read: parse::receipts,
};

/// Writes a log and receipts to files, or a letter.
pub static EXPORT: Usage = Usage {
    name: "export",
    aliases: &["save"],
    synopsis: "[ROOM] [html] [letter N] [hash]",
    arguments: &[Argument { need: Need::Judged, ..ROOM }],
    keywords: &[
        Keyword {
            name: "html",
            aliases: &[],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "Write a page as well, that shows it and verifies itself in any browser",
        },
        Keyword {
            name: "letter",
            aliases: &[],
            value: "N",
            kind: ArgumentKind::Word,
            summary: "Instead of a room: a letter by its number, with what became of it in the box; of a deniable one that alone",
        },
        Keyword {
            name: "hash",
            aliases: &[],
            value: "",
            kind: ArgumentKind::Flag,
            summary: "Show of a letter that it was written, when and to whom, and not what it says",
        },
    ],
    summary: "write a room's log and your receipts to files, or a letter",
    details: "Anybody can check the files with `pregao verify`, without a network or an account. With \
              `html` there is a page too: it draws the log and verifies it by itself, but whoever made \
              a page could have changed its verifier. A letter that is deniable proves nothing to others, and is \
              not written.",
    example: "/export #3f2a",
    read: parse::export,
};

/// Shows what is kept as evidence.
pub static EVIDENCE: Usage = Usage {
    name: "evidence",
    aliases: &[],
    synopsis: "[WHAT] [ID] [FILE]",
    arguments: &[
        Argument {
            name: "WHAT",
            kind: ArgumentKind::Word,
            need: Need::Optional,
            summary: "list, show or export [default: list]",
        },
        Argument {
            name: "ID",
            kind: ArgumentKind::Word,
            need: Need::Optional,
            summary: "Which, as listed: at least four digits of its name",
        },
        Argument {
            name: "FILE",
            kind: ArgumentKind::Text,
            need: Need::Optional,
            summary: "Where to write it, a file that does not exist yet",
        },
    ],
    keywords: &[],
    summary: "list, show or export what shows a fault of broker or TSA",
    details: "`list` names all that is kept, `show ID` says what it proves and who lied, `export ID FILE` \
              writes it to a file that anybody can check with `pregao verify`.",
    example: "/evidence show 3f2a91c0",
    read: parse::evidence,
};

/// Hands in one's disclosure.
pub static REVEAL: Usage = Usage {
    name: "reveal",
    aliases: &["disclose"],
    synopsis: "[ROOM] \"NAME\" [CONTACT]",
    arguments: &[
        ROOM,
        Argument {
            name: "NAME",
            kind: ArgumentKind::Text,
            need: Need::Required,
            summary: "Your name as the other side is to read it; at most 80 characters",
        },
        HOW_TO_REACH,
    ],
    keywords: &[],
    summary: "after an auction: tell the other side who you are",
    details: "Sealed to the other side; the broker cannot read it and releases both or neither. \
              The other side can show it to others afterwards. You are asked before it is sent.",
    example: "/reveal #3f2a \"Your Name\" you@example.org",
    read: parse::reveal,
};

/// Hands in one's disclosure with a citizen card.
pub static PROVE: Usage = Usage {
    name: "prove",
    aliases: &[],
    synopsis: "[ROOM] [CONTACT] [show ATTRIBUTE,…] [reader N]",
    arguments: &[ROOM, HOW_TO_REACH],
    keywords: &[
        Keyword {
            name: "show",
            aliases: &[],
            value: "ATTRIBUTE",
            kind: ArgumentKind::Word,
            summary: "What to state beyond the card's certificate, with commas between",
        },
        Keyword {
            name: "reader",
            aliases: &[],
            value: "N",
            kind: ArgumentKind::Text,
            summary: "Number of the reader, or a part of its name",
        },
    ],
    summary: "as reveal, signed by your citizen card: the name is the card's",
    details: "The other side gets the card's certificate, which holds your name and civil number, \
              and can show all of it to others. `show birth-date,nationality` states more of the \
              card: also sex, document-number, card-expiry. You are asked before the PIN.",
    example: "/prove #3f2a you@example.org show birth-date",
    read: parse::prove,
};

/// Gives up a settled auction.
pub static WITHDRAW: Usage = Usage {
    name: "withdraw",
    aliases: &[],
    synopsis: "[ROOM]",
    arguments: &[ROOM],
    keywords: &[],
    summary: "leave a settled auction where the rules allow it without forfeit",
    details: "Allowed when the auction was closed late.",
    example: "/withdraw 3f2a",
    read: parse::withdraw,
};

/// Hands in through witnesses.
pub static DELIVER: Usage = Usage {
    name: "deliver",
    aliases: &[],
    synopsis: "[ROOM]",
    arguments: &[ROOM],
    keywords: &[],
    summary: "hand in through witnesses what the broker does not answer",
    details: "It goes, sealed, to the witnesses that the room names, as far as their addresses are known: the \
              TSA and those given with --witness. They see your address, or that of your proxy. If the \
              broker does not answer them either, they testify.",
    example: "/deliver 3f2a",
    read: parse::deliver,
};

/// Explains.
pub static HELP: Usage = Usage {
    name: "help",
    aliases: &["h", "?"],
    synopsis: "[COMMAND]",
    arguments: &[Argument {
        name: "COMMAND",
        kind: ArgumentKind::Command,
        need: Need::Optional,
        summary: "Command to explain",
    }],
    keywords: &[],
    summary: "explain all commands, or one",
    details: "In the chat, F1 shows the same.",
    example: "/help bid",
    read: parse::help,
};

/// Gives up puzzles.
pub static STOP: Usage = Usage {
    name: "stop",
    aliases: &[],
    synopsis: "",
    arguments: &[],
    keywords: &[],
    summary: "give up the puzzles being solved for a busy broker",
    details: "What they are for is not sent. What was handed in cannot be taken back.",
    example: "/stop",
    read: parse::stop,
};

/// Ends the program.
pub static QUIT: Usage = Usage {
    name: "quit",
    aliases: &["exit", "q"],
    synopsis: "",
    arguments: &[],
    keywords: &[],
    summary: "end the program",
    details: "Bids stay in force; receipts are in the vault.",
    example: "/quit",
    read: parse::quit,
};

/// Every command, in the order in which `/help` shows them.
pub static COMMANDS: &[&Usage] = &[
    &LIST, &BID, &TAKE, &ITEMS, &MINE, &BIDS, &JOIN, &LEAVE, &SAY, &WHOAMI, &RECEIPTS, &CHECK,
    &EXPORT, &EVIDENCE, &REVEAL, &PROVE, &RELIST, &UNLIST, &WITHDRAW, &AUTO, &PADDLE, &PADDLES,
    &DELIVER, &BOX, &PEOPLE, &CONTACT, &SEND, &DRAFT, &DRAFTS, &NEW, &MAIL, &READ, &ACK, &ACCEPT,
    &DECLINE, &STATUS, &RECALL, &BLOCK, &MODE, &SEARCH, &STOP, &HELP, &QUIT,
];

impl Usage {
    /// The keyword that a word is, by name or alias, in any case.
    #[must_use]
    pub fn keyword(&self, word: &str) -> Option<&'static Keyword> {
        let word = word.to_ascii_lowercase();
        self.keywords
            .iter()
            .find(|keyword| keyword.name == word || keyword.aliases.contains(&word.as_str()))
    }

    /// The whole line in words: `/bid [ROOM] AMOUNT [CURRENCY]`.
    #[must_use]
    pub fn line(&self) -> String {
        format!("/{} {}", self.name, self.synopsis).trim_end().to_owned()
    }
}

/// Finds a command by name or alias, with or without its slash.
#[must_use]
pub fn find(name: &str) -> Option<&'static Usage> {
    let name = name.strip_prefix('/').unwrap_or(name).to_lowercase();
    COMMANDS
        .iter()
        .find(|usage| usage.name == name || usage.aliases.contains(&name.as_str()))
        .copied()
}

/// The command whose name a mistyped name most probably means.
#[must_use]
pub fn nearest(name: &str) -> Option<&'static Usage> {
    // No command is nearly as long, and a pasted line may be.
    let name: String = name.to_lowercase().chars().take(32).collect();
    COMMANDS
        .iter()
        .map(|usage| (strsim::levenshtein(&name, usage.name), *usage))
        .filter(|(distance, usage)| {
            *distance <= 2 && distance.saturating_mul(2) <= usage.name.len()
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, usage)| usage)
}

/// The lines of `/help`, for all commands or for one.
///
/// An unknown name gives the list of all with a line that says so.
#[must_use]
pub fn help(about: Option<&str>) -> Vec<String> {
    let Some(name) = about else { return overview() };
    let Some(usage) = find(name) else {
        let mut lines =
            vec![format!("there is no command /{}", crate::text::sanitize::shortened(name, 20))];
        lines.extend(overview());
        return lines;
    };
    let mut lines = vec![usage.line(), format!("  {}", usage.summary)];
    lines.push(format!("  {}", usage.details));
    lines.push(format!("  e.g. {}", usage.example));
    if !usage.aliases.is_empty() {
        let aliases: Vec<String> = usage.aliases.iter().map(|alias| format!("/{alias}")).collect();
        lines.push(format!("  also: {}", aliases.join(" ")));
    }
    lines
}

fn overview() -> Vec<String> {
    COMMANDS.iter().map(|usage| format!("/{:<9} {}", usage.name, usage.summary)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{ChatInput, Command, read_line};
    use std::collections::BTreeSet;

    #[test]
    fn no_two_commands_share_a_name() {
        let mut seen = BTreeSet::new();
        for usage in COMMANDS {
            for name in usage.aliases.iter().chain([&usage.name]) {
                assert!(seen.insert(*name), "{name} occurs twice");
                assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '?'), "{name}");
                assert!(std::ptr::eq(find(name).unwrap(), *usage));
            }
        }
    }

    #[test]
    fn every_example_parses_to_its_own_command() {
        for usage in COMMANDS {
            let line = read_line(usage.example, None);
            let Ok(ChatInput::Command(command)) = line else { panic!("{}: {line:?}", usage.name) };
            assert!(std::ptr::eq(command.usage(), *usage), "{}", usage.name);
        }
    }

    #[test]
    fn every_command_of_the_table_is_reached_and_no_other_exists() {
        let reached: BTreeSet<String> = COMMANDS
            .iter()
            .map(|usage| match read_line(usage.example, None) {
                Ok(ChatInput::Command(command)) => {
                    serde_json::to_value(command).unwrap()["command"].as_str().unwrap().to_owned()
                }
                other => panic!("{other:?}"),
            })
            .collect();
        let unknown = serde_json::from_str::<Command>(r#"{"command":"?"}"#).unwrap_err();
        let expected = unknown.to_string();
        let variants = expected.split('`').skip(3).step_by(2).map(str::to_owned);
        assert_eq!(reached, variants.collect());
    }

    #[test]
    fn every_command_is_described_in_whole() {
        for usage in COMMANDS {
            assert!(usage.summary.len() > 10 && usage.summary.len() < 68, "{}", usage.name);
            assert!(
                !usage.details.contains("  ") && usage.details.ends_with('.'),
                "{}",
                usage.name
            );
            assert!(usage.example.starts_with(&format!("/{}", usage.name)));
            let places = usage.arguments.iter().map(|argument| argument.name);
            let pairs = usage.keywords.iter().flat_map(|keyword| [keyword.name, keyword.value]);
            // A flag has no value.
            let pairs = pairs.filter(|word| !word.is_empty());
            let shown = usage.synopsis.split(|c: char| !c.is_ascii_alphabetic() && c != '-');
            let shown: Vec<&str> = shown.filter(|word| !word.is_empty()).collect();
            assert_eq!(shown, places.chain(pairs).collect::<Vec<_>>(), "{}", usage.name);
            assert!(help(Some(usage.name)).iter().any(|line| line.contains(usage.example)));
            assert!(help(None).iter().any(|line| line.contains(usage.summary)));
        }
    }

    #[test]
    fn help_lists_every_command_and_explains_one() {
        insta::assert_snapshot!("help", help(None).join("\n"));
        let queries = ["items", "bids", "check", "whoami"].map(|name| help(Some(name)).join("\n"));
        insta::assert_snapshot!("help_of_queries", queries.join("\n"));
    }

    #[test]
    fn no_two_keywords_of_a_command_share_a_name() {
        for usage in COMMANDS {
            let mut seen = BTreeSet::new();
            for keyword in usage.keywords {
                for name in keyword.aliases.iter().chain([&keyword.name]) {
                    assert!(seen.insert(*name), "{name} occurs twice in {}", usage.name);
                    assert_eq!(usage.keyword(&name.to_uppercase()), Some(keyword));
                }
            }
            for word in ["", "--", "nothing"] {
                assert!(usage.keyword(word).is_none(), "{word}");
            }
        }
    }

    #[test]
    fn commands_without_places_refuse_more_words() {
        for usage in COMMANDS.iter().filter(|usage| usage.arguments.is_empty()) {
            let error = read_line(&format!("/{} extra", usage.name), None).unwrap_err();
            assert!(error.advice.contains(usage.example), "{}", usage.name);
        }
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbour() {
        for (typed, meant) in [("bidd", "bid"), ("itmes", "items"), ("revael", "reveal")] {
            assert_eq!(nearest(typed).map(|usage| usage.name), Some(meant));
        }
        for typed in ["", "x", "frobnicate"] {
            assert!(nearest(typed).is_none(), "{typed}");
        }
        assert!(help(Some("nothing"))[0].contains("no command"));
    }
}

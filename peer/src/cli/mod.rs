//! The command line of `pregao`.
//!
//! `enrol`, `card`, `chat`, `json`, `rule` and `verify` are described here; [`subcommands`] makes every other
//! subcommand from the table in [`crate::command::table`], with the same words as in the chat.
//! [`verify`] is `pregao verify`, [`state_folder`] reads the folder of `--citizen`.

pub mod card;
pub mod rule;
pub mod state_folder;
pub mod subcommands;
pub mod verify;

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};
use pregao_protocol::trust::jwks::TsaAddress;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::trust::witness::Operator;

use crate::command::{Command, UsageError};
use crate::desk::LockTsa;
use crate::desk::enrol::Spending;
use crate::desk::enrol::card::Wait;
use crate::net::Route;
use crate::net::broker::BrokerAddress;
use crate::text::duration;
use crate::vault::WorkFactor;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "pregao", version, about = "Auctions and letters under pseudonyms, with proof", after_help = AFTER_HELP)]
pub struct Cli {
    /// What holds for every subcommand.
    #[command(flatten)]
    pub shared: Shared,
    /// What to do.
    #[command(subcommand)]
    pub task: Task,
}

/// Options of every subcommand.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every subcommand")]
pub struct Shared {
    /// Folder of the vault [default: $XDG_DATA_HOME/pregao or ~/.local/share/pregao]
    #[arg(long, global = true, value_name = "DIR", env = "PREGAO_DATA")]
    pub data: Option<PathBuf>,
    /// File whose first line is the passphrase; otherwise the environment variable
    /// PREGAO_PASSPHRASE is used, otherwise it is asked for
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Broker to use, `ws://host:port/#<fingerprint>` [default: the one used last]; for `verify` the
    /// fingerprint alone will do
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub broker: Option<BrokerName>,
    /// PEM file of the CAs that the TLS certificates of a `wss://` broker and an `https://` TSA may come
    /// from, in place of the public ones
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Which citizen card is used, and where its PIN comes from.
    #[command(flatten)]
    pub card: CardOptions,
    /// Folder of the state's certificates, which judge the citizen cards of others: `anchors`,
    /// `intermediates`, `lists` [default: `citizen` in the vault's folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub citizen: Option<PathBuf>,
    /// Accept the state's test cards, which prove nothing about a person
    #[arg(long, global = true)]
    pub accept_test_cards: bool,
    /// SOCKS proxy on the way to the TSA, `socks5://host:port`, so that it does not see your address;
    /// `none` for no proxy [default: the one with which the persona was certified]
    #[arg(long, global = true, value_name = "URL")]
    pub proxy: Option<Route>,
    /// Address of a witness other than the TSA, for `deliver`; may be given several times
    #[arg(long = "witness", global = true, value_name = "URL", value_parser = witness_url)]
    pub witnesses: Vec<String>,
    /// Fingerprint of the stamp key of a TSA that may lock sealed bids, and a name for it: who is not named so is shown by
    /// fingerprint before you list or bid. May be given several times
    #[arg(
        long = "lock-tsa",
        global = true,
        value_name = "[NAME=]FINGERPRINT",
        env = "PREGAO_LOCK_TSAS",
        value_delimiter = ','
    )]
    pub lock_tsas: Vec<LockTsa>,
    /// Call nothing final that the witness of this operator has not cosigned, whatever the listing asks for; may
    /// be given several times. Nobody vouches for the names of operators
    #[arg(long = "final-by", global = true, value_name = "OPERATOR")]
    pub final_by: Vec<Operator>,
    /// Agree beforehand to what would be asked; without a terminal it is refused otherwise
    #[arg(long, global = true)]
    pub yes: bool,
    /// Print events as JSON, one a line
    #[arg(long, global = true)]
    pub json: bool,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Make a persona and have it certified
    Enrol(Enrol),
    /// Look at a citizen card and try it out
    Card(Card),
    /// Open the chat
    Chat,
    /// Read commands as JSON from standard input, one a line, and write events
    Json,
    /// Run without a screen until stopped: bid by itself, keep receipts, say on each line what happened
    #[command(after_help = AGENT_HELP)]
    Agent,
    /// Try out a seller's rule
    Rule(rule::RuleTask),
    /// Check transcripts, receipts, letters and evidence without a network
    #[command(after_help = VERIFY_HELP)]
    Verify(verify::Verify),
    /// A command of the chat
    #[command(flatten)]
    Command(subcommands::Given),
    /// Any other word, with all that follows it
    #[command(external_subcommand)]
    Other(Vec<OsString>),
}

/// What enrolment needs.
#[derive(Debug, Clone, Args)]
pub struct Enrol {
    /// Address of the TSA, `http://host:port/#<fingerprint of its CA>`, or `https://`; without the
    /// fingerprint the CA is trusted at first use [default: the one that the vault knows]
    #[arg(long, value_name = "URL")]
    pub tsa: Option<TsaAddress>,
    /// Invitation, where the TSA asks for one
    #[arg(long, value_name = "CODE")]
    pub invite: Option<String>,
    /// Fetch a token with the citizen card, where the TSA asks for one; the certificate is bought
    /// with it later
    #[arg(long, conflicts_with_all = ["invite", "spend"])]
    pub card: bool,
    /// How long the token is to lie, e.g. 3h [default: at random between 1h and 24h]
    #[arg(long, value_name = "TIME", requires = "card", conflicts_with = "now", value_parser = wait)]
    pub spend_after: Option<Duration>,
    /// Spend the token that --card fetched
    #[arg(long, conflicts_with = "invite")]
    pub spend: bool,
    /// Spend it before the proposed time; with --card: propose no time to wait
    #[arg(long)]
    pub now: bool,
    /// Cost of trying a passphrase as a power of two; small ones are for throw-away vaults
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=22))]
    pub work_factor: Option<u8>,
}

/// What to do with a citizen card.
#[derive(Debug, Clone, Args)]
pub struct Card {
    /// What to do with it.
    #[command(subcommand)]
    pub task: CardTask,
}

/// Which card is used, and where its PIN comes from.
#[derive(Debug, Clone, Default, Args)]
pub struct CardOptions {
    /// Reader to use: its number from `pregao card readers`, or a part of its name [default: the
    /// only one with a citizen card]
    #[arg(long, global = true, value_name = "READER")]
    pub reader: Option<String>,
    /// File whose first line is the authentication PIN, for nobody but its owner to read; otherwise
    /// it is typed on the reader's keypad, or asked for
    #[arg(long, global = true, value_name = "FILE")]
    pub pin_file: Option<PathBuf>,
}

/// The subcommands of `card`.
#[derive(Debug, Clone, Subcommand)]
pub enum CardTask {
    /// List the readers and what is in them
    Readers,
    /// Show who holds the card, its certificates and the tries left of its PIN
    Show {
        /// Show the civil number in full
        #[arg(long)]
        civil_number: bool,
    },
    /// Sign something worthless with the card, and verify it
    TestSign,
}

/// A broker as named on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrokerName {
    /// Where it is, and who it must be.
    At(BrokerAddress),
    /// Who it must be.
    Of(Fingerprint),
}

impl FromStr for BrokerName {
    type Err = crate::net::broker::AddressError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(fingerprint) => Ok(Self::Of(fingerprint)),
            Err(_) => text.parse().map(Self::At),
        }
    }
}

impl BrokerName {
    /// Fingerprint of its session key.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        match self {
            Self::At(address) => address.fingerprint,
            Self::Of(fingerprint) => *fingerprint,
        }
    }

    /// Where it is, if that was said.
    #[must_use]
    pub fn address(&self) -> Option<&BrokerAddress> {
        match self {
            Self::At(address) => Some(address),
            Self::Of(_) => None,
        }
    }
}

/// The text below the options of `verify`.
const VERIFY_HELP: &str = "Exit status: 0 everything holds and is over; 1 something does not hold, or files contradict \
                           each other; 4 a file cannot be read; 5 everything holds, and a log is not over or not final.";

/// The text below the options of `agent`.
const AGENT_HELP: &str = "Unless it is a terminal, standard input is read: commands of the chat, one a line, as JSON with \
                          --json; its end ends nothing. SIGTERM or SIGINT stops it, a second one at once. Exit status: 0 \
                          it was stopped and everything asked was answered; 1 it could not begin or go on, or something \
                          is unanswered; 3 standard output cannot be written to.";

/// The text below the subcommands.
const AFTER_HELP: &str = "`pregao COMMAND --help` tells more; text after `--` holds no options.";

impl Cli {
    /// Reads the arguments of the program, its name first. Shared options may be anywhere
    /// before a `--`, also among the words of a command.
    ///
    /// # Errors
    /// clap's, which prints itself: help and version are such "errors" too.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments: Vec<OsString> = arguments.into_iter().collect();
        Self::try_parse_from(&arguments).map_err(|error| match error.kind() {
            ErrorKind::DisplayHelp if subcommands::asks_for_help_while_saying(&arguments) => {
                let message = "help was asked for among the words to be said, and nothing was said; \
                               put -- before the words to say them all\n";
                clap::Error::raw(ErrorKind::UnknownArgument, message)
            }
            _ => error,
        })
    }
}

/// A duration as clap wants it.
/// The address of a witness, without a path.
fn witness_url(text: &str) -> Result<String, String> {
    let address: TsaAddress = text.parse().map_err(|error| format!("{error}"))?;
    match address.authority {
        None => Ok(address.url),
        Some(_) => Err("a witness is named by its address alone, without a fingerprint".to_owned()),
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    duration::parse(text).map_err(|error| format!("{}; {}", error.message, error.advice))
}

impl Enrol {
    /// How long a token is to lie.
    #[must_use]
    pub fn wait(&self) -> Wait {
        match self.spend_after {
            Some(duration) => Wait::For(duration),
            None if self.now => Wait::For(Duration::ZERO),
            None => Wait::Random,
        }
    }

    /// How a token is to be spent.
    #[must_use]
    pub fn spending(&self, shared: &Shared) -> Spending {
        let (address, route) = (self.tsa.clone(), shared.proxy.clone());
        Spending { address, route, early: self.now }
    }

    /// The cost of trying a passphrase.
    #[must_use]
    pub fn work(&self) -> WorkFactor {
        self.work_factor.map_or(WorkFactor::Measured, WorkFactor::Fixed)
    }
}

impl Shared {
    /// The vault's folder; none if neither option nor environment names one.
    #[must_use]
    pub fn folder(&self) -> Option<PathBuf> {
        self.data
            .clone()
            .or_else(|| default_folder(std::env::var_os("XDG_DATA_HOME"), std::env::var_os("HOME")))
    }
}

/// The folder by the XDG rules, which ignore relative paths.
fn default_folder(data_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |path: OsString| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
    data_home
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".local/share")))
        .map(|base| base.join("pregao"))
}

/// Reads the words of [`Task::Other`]: another name of `help`, or no command at all.
///
/// # Errors
/// A [`UsageError`] that says what to type instead; words that are not UTF-8 are one too.
pub fn read_other(words: &[OsString]) -> Result<Command, UsageError> {
    let words: Option<Vec<&str>> = words.iter().map(|word| word.to_str()).collect();
    words.as_deref().map_or_else(
        || {
            Err(UsageError {
                message: "the command line is not UTF-8".to_owned(),
                advice: "set the terminal to UTF-8".to_owned(),
            })
        },
        Command::parse,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    const PINNED: &str =
        "ws://127.0.0.1:7000/#00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn enrolment_names_its_tsa_and_a_sane_cost() {
        let parse = |line: &str| Cli::try_parse_from(line.split(' '));
        let cli = parse("pregao enrol --tsa http://t:1 --work-factor 4 --data /tmp/x").unwrap();
        let Task::Enrol(enrol) = cli.task else { panic!() };
        assert_eq!(enrol.work(), WorkFactor::Fixed(4));
        assert_eq!(cli.shared.folder(), Some(PathBuf::from("/tmp/x")));
        for line in [
            "pregao enrol --tsa http://t:1 --work-factor 0",
            "pregao",
            "pregao enrol --tsa http://t:1 --work-factor 23",
            "pregao verify",
            "pregao chat more",
            "pregao card",
            "pregao card show --reader",
            "pregao card eject",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn enrolling_with_the_card_is_one_visit_and_spending_another() {
        let parse = |line: &str| {
            let cli = Cli::try_parse_from(line.split(' ')).ok()?;
            let Task::Enrol(enrol) = cli.task else { panic!() };
            Some(enrol)
        };
        let enrol = parse("pregao enrol --tsa http://t:1 --card --reader 0 --pin-file /p").unwrap();
        assert!(enrol.card && enrol.wait() == Wait::Random);
        let enrol = parse("pregao enrol --tsa http://t:1 --card --spend-after 3h").unwrap();
        assert_eq!(enrol.wait(), Wait::For(Duration::from_secs(3 * 3_600)));
        let enrol = parse("pregao enrol --tsa http://t:1 --card --now").unwrap();
        assert_eq!(enrol.wait(), Wait::For(Duration::ZERO));
        let parse = |line: &str| {
            let cli = Cli::read(line.split(' ').map(OsString::from)).ok()?;
            let Task::Enrol(enrol) = cli.task else { panic!() };
            Some((enrol.spending(&cli.shared), enrol))
        };
        let (spending, _) = parse("pregao enrol --spend").unwrap();
        assert!(spending.address.is_none() && spending.route.is_none() && !spending.early);
        let line = "pregao enrol --spend --now --tsa http://t:1 --proxy socks5://127.0.0.1:9050";
        let (spending, _) = parse(line).unwrap();
        assert!(spending.address.is_some() && spending.early);
        assert!(matches!(spending.route, Some(Route::Through(_))));
        let (spending, _) = parse("pregao --proxy none enrol --spend").unwrap();
        assert_eq!(spending.route, Some(Route::Straight));
        assert!(parse("pregao enrol --card").is_some());
        for line in [
            "pregao enrol --tsa http://t:1 --card --spend",
            "pregao enrol --tsa http://t:1 --card --invite x",
            "pregao enrol --tsa http://t:1 --card --spend-after 3",
            "pregao enrol --tsa http://t:1 --card --spend-after 3h --now",
            "pregao enrol --tsa http://t:1 --spend-after 3h",
            "pregao enrol --spend --invite x",
            "pregao enrol --spend --proxy http://127.0.0.1:9050",
            "pregao enrol --spend --proxy 127.0.0.1:9050",
        ] {
            assert!(parse(line).is_none(), "{line}");
        }
    }

    #[test]
    fn the_options_of_a_card_stand_before_or_behind_what_is_done() {
        for line in [
            "pregao --json card --reader 2 --pin-file /p show --civil-number",
            "pregao card show --reader 2 --json --civil-number --pin-file /p",
        ] {
            let cli = Cli::read(line.split(' ').map(OsString::from)).unwrap();
            let Task::Card(card) = cli.task else { panic!("{line}") };
            assert!(cli.shared.json && matches!(card.task, CardTask::Show { civil_number: true }));
            assert_eq!(cli.shared.card.reader.as_deref(), Some("2"));
            assert_eq!(cli.shared.card.pin_file, Some(PathBuf::from("/p")));
        }
    }

    #[test]
    fn a_broker_is_pinned_or_refused() {
        let parse = |address: &str| Cli::try_parse_from(["pregao", "--broker", address, "chat"]);
        assert_eq!(parse(PINNED).unwrap().shared.broker, Some(PINNED.parse().unwrap()));
        let of = |text: &str| parse(text).unwrap().shared.broker.unwrap();
        assert_eq!(of(PINNED).address(), Some(&PINNED.parse().unwrap()));
        let (_, alone) = PINNED.split_once('#').unwrap();
        assert_eq!(
            (of(alone).fingerprint(), of(alone).address()),
            (of(PINNED).fingerprint(), None)
        );
        let bare = PINNED.split('#').next().unwrap();
        for address in [bare, "", "ws://h:1/#00", &PINNED.replace("ws://", "http://")] {
            assert!(parse(address).is_err(), "{address}");
        }
    }

    #[test]
    fn what_is_known_from_elsewhere_is_given_to_verify() {
        let digits = "0123456789abcdef".repeat(4);
        let parse = |line: &str| {
            let cli = Cli::read(line.split(' ').map(OsString::from)).ok()?;
            let Task::Verify(verify) = cli.task else { panic!("{line}") };
            Some((verify, cli.shared))
        };
        let line = format!(
            "pregao verify a b --room {digits} --broker {digits} --tsa {digits} --tsa http://t:1/#{digits} --json --evidence e"
        );
        let (verify, shared) = parse(&line).unwrap();
        assert_eq!((verify.files.len(), verify.tsa.len(), shared.json), (2, 2, true));
        assert_eq!(verify.room.map(|room| room.to_string()), Some(digits.clone()));
        assert_eq!(
            shared.broker.map(|broker| broker.fingerprint().to_string()),
            Some(digits.clone())
        );
        for wrong in ["--room 3f2a", "--tsa x", "--tsa http://t:1/", "--broker 3f2a", "--evidence"]
        {
            assert!(parse(&format!("pregao verify a {wrong}")).is_none(), "{wrong}");
        }
    }

    #[test]
    fn the_default_folder_follows_xdg() {
        let folder = |data: &str, home: &str| default_folder(Some(data.into()), Some(home.into()));
        assert_eq!(folder("/d", "/h"), Some(PathBuf::from("/d/pregao")));
        assert_eq!(folder("d", "/h"), Some(PathBuf::from("/h/.local/share/pregao")));
        assert_eq!(folder("", ""), None);
        assert_eq!(default_folder(None, None), None);
    }
}

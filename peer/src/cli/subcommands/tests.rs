use std::ffi::OsString;
use std::path::PathBuf;

use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;
use crate::cli::{Cli, Task};
use crate::command::NewListing;

/// The command line as a shell cuts it: only quotes keep words together.
fn read(line: &str) -> Result<Cli, clap::Error> {
    let words = Words::cut(line);
    Cli::read(words.words.into_iter().map(|word| OsString::from(word.text)))
}

/// The command that a line asks for, and the options around it.
fn given(line: &str) -> (Command, Shared) {
    let cli = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let Task::Command(given) = cli.task else { panic!("{line}: {:?}", cli.task) };
    (given.read().unwrap_or_else(|error| panic!("{line}: {error:?}")), cli.shared)
}

/// What clap says of a line that it does not take.
fn refused(line: &str) -> (ErrorKind, String) {
    let error = read(line).map(|cli| cli.task).expect_err(line);
    assert!(error.kind() == ErrorKind::DisplayHelp || error.exit_code() == 2, "{line}");
    (error.kind(), error.to_string())
}

/// What the table's reader says of a line that clap takes.
fn mistaken(line: &str) -> UsageError {
    let cli = read(line).unwrap_or_else(|error| panic!("{line}: {error}"));
    let Task::Command(given) = cli.task else { panic!("{line}: {:?}", cli.task) };
    given.read().expect_err(line)
}

fn said(line: &str) -> String {
    match given(line).0 {
        Command::Say { text, .. } => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn every_command_of_the_table_is_a_subcommand_with_its_places_and_options() {
    let mut program = Cli::command();
    program.build();
    for usage in COMMANDS {
        let made = program.find_subcommand(usage.name).unwrap_or_else(|| panic!("{}", usage.name));
        if usage.name == "help" {
            continue;
        }
        assert_eq!(made.get_visible_aliases().collect::<Vec<_>>(), usage.aliases);
        assert_eq!(made.get_about().unwrap().to_string(), capitalised(usage.summary));
        let places = made.get_positionals().filter(|place| !place.is_hide_set());
        let places: Vec<&str> = places.map(|place| place.get_id().as_str()).collect();
        let described: Vec<&str> = usage.arguments.iter().map(|argument| argument.name).collect();
        assert_eq!(places, described, "{}", usage.name);
        for keyword in usage.keywords {
            let is_it = |option: &&Arg| option.get_long() == Some(keyword.name);
            assert!(made.get_arguments().any(|option| is_it(&option)), "--{}", keyword.name);
        }
    }
}

#[test]
fn every_example_of_the_table_is_the_same_command_in_a_shell() {
    for usage in commands() {
        let line = example(usage);
        let in_the_chat = parse::read_line(usage.example, None).unwrap();
        assert_eq!(parse::ChatInput::Command(given(&line).0), in_the_chat, "{line}");
    }
}

#[test]
fn help_of_one_command_is_claps_and_says_what_the_table_says() {
    for usage in commands() {
        for line in [
            format!("pregao help {}", usage.name),
            format!("pregao {} --help", usage.name),
            format!("pregao --json {} --help", usage.name),
        ] {
            let (kind, text) = refused(&line);
            assert_eq!(kind, ErrorKind::DisplayHelp, "{line}");
            assert!(text.contains(&usage_line(usage)), "{line}: {text}");
            assert!(text.contains(&example(usage)), "{line}: {text}");
            let summaries = usage.arguments.iter().map(|argument| argument.summary);
            let summary = capitalised(usage.summary);
            for part in summaries.chain([summary.as_str(), usage.details]) {
                assert!(text.contains(part), "{line}: no `{part}` in {text}");
            }
            for keyword in keywords(usage) {
                let option = match keyword.kind {
                    ArgumentKind::Flag => format!("--{}", keyword.name),
                    _ => format!("--{} <{}>", keyword.name, keyword.value),
                };
                assert!(text.contains(&option), "{line}: {text}");
            }
        }
    }
    let (kind, text) = refused("pregao help");
    assert_eq!(kind, ErrorKind::DisplayHelp);
    assert!(commands().all(|usage| text.contains(&capitalised(usage.summary))), "{text}");
    assert_eq!(refused("pregao help fly").0, ErrorKind::InvalidSubcommand);
}

#[test]
fn the_chats_other_names_of_help_work_as_well() {
    for line in ["pregao h bid", "pregao ? bid"] {
        let Task::Other(words) = read(line).unwrap().task else { panic!("{line}") };
        let about = Some("bid".to_owned());
        assert_eq!(crate::cli::read_other(&words), Ok(Command::Help { about }));
    }
    for line in ["pregao fly", "pregao bidd 3f2a 12", "pregao fly --help", "pregao h fly"] {
        let Task::Other(words) = read(line).unwrap().task else { panic!("{line}") };
        assert!(crate::cli::read_other(&words).is_err(), "{line}");
    }
}

#[test]
fn an_unknown_option_is_refused_and_the_one_that_was_meant_is_named() {
    for (line, wrong, meant) in [
        ("pregao bid 3f2a 120 --jsno", "--jsno", "--json"),
        ("pregao bid --yess 3f2a 120", "--yess", "--yes"),
        ("pregao list Radio 10 --forr 90s", "--forr", "--for"),
        ("pregao list Radio 10 --for 90s --stpe 1", "--stpe", "--step"),
        ("pregao prove 3f2a --shwo sex", "--shwo", "--show"),
        ("pregao items --dta /d", "--dta", "--data"),
    ] {
        let (kind, text) = refused(line);
        assert_eq!(kind, ErrorKind::UnknownArgument, "{line}");
        assert!(text.contains(wrong) && text.contains(&format!("'{meant}'")), "{line}: {text}");
    }
    // An option of another command, and a name or contact that looks like one: what is disclosed
    // cannot be taken back.
    for line in [
        "pregao bid 3f2a 120 --step 1",
        "pregao bid 3f2a 120 -x",
        "pregao reveal 3f2a --Ana",
        "pregao reveal 3f2a Ana --contact a@x.pt",
        "pregao prove 3f2a -a@x.pt",
        "pregao whoami -",
    ] {
        assert_eq!(refused(line).0, ErrorKind::UnknownArgument, "{line}");
    }
}

#[test]
fn what_is_missing_or_too_much_is_named_by_clap() {
    for (line, named) in [
        ("pregao bid", "<ROOM>"),
        ("pregao join", "<ROOM>"),
        ("pregao leave --json", "<ROOM>"),
        ("pregao withdraw", "<ROOM>"),
        ("pregao say", "<TEXT>"),
        ("pregao say 3f2a", "<TEXT>"),
        ("pregao say 3f2a --json", "<TEXT>"),
        ("pregao reveal 3f2a", "<NAME>"),
        ("pregao prove", "<ROOM>"),
        ("pregao list", "<TITLE>"),
        ("pregao list Radio", "<START>"),
        ("pregao list Radio --for 90s", "<START>"),
    ] {
        let (kind, text) = refused(line);
        assert_eq!(kind, ErrorKind::MissingRequiredArgument, "{line}");
        assert!(text.contains(named) && text.contains("Usage: pregao "), "{line}: {text}");
    }
    for line in ["pregao whoami all", "pregao quit now", "pregao join 3f2a 77ab"] {
        assert_eq!(refused(line).0, ErrorKind::UnknownArgument, "{line}");
    }
    assert!(mistaken("pregao items all").message.contains("no kind of auction"));
    assert!(mistaken("pregao export").message.contains("in which room"));
    assert!(mistaken("pregao export 3f2a --letter 1").message.contains("not both"));
    assert!(mistaken("pregao bids 3f2a 77ab").message.contains("too many words"));
    assert_eq!(refused("pregao bid 3f2a 1 EUR more").0, ErrorKind::UnknownArgument);
    for line in [
        "pregao list Radio 10 --for",
        "pregao list Radio 10 --for --step 1",
        "pregao prove 3f2a --show",
        "pregao bid 3f2a 1 --data",
    ] {
        assert_eq!(refused(line).0, ErrorKind::InvalidValue, "{line}");
    }
    let twice = refused("pregao list Radio 10 --for 90s --for 10s");
    assert_eq!(twice.0, ErrorKind::ArgumentConflict);
}

#[test]
fn a_letter_is_exported_by_its_number() {
    let letter = |hash| Command::Export { room: None, html: false, letter: Some(12), hash };
    for (line, hash) in [
        ("pregao export letter 12", false),
        ("pregao export --letter 12", false),
        ("pregao export --letter 12 --hash", true),
        ("pregao export letter 12 hash", true),
        ("pregao export letter 12 --hash", true),
    ] {
        assert_eq!(given(line).0, letter(hash), "{line}");
    }
    let Command::Mail(filter) = given("pregao mail --export letters").0 else { panic!() };
    assert_eq!(filter.export.as_deref(), Some("letters"));
}

#[test]
fn what_a_word_means_is_judged_by_the_reader_of_the_table() {
    for (line, part) in [
        ("pregao bid 20", "in which room"),
        ("pregao bid room", "not an amount"),
        ("pregao bid 3f2a -1", "negative"),
        ("pregao bid 3f2a 12,50", "two ways"),
        ("pregao bid 1 500", "can be one amount"),
        ("pregao join 1", "too short"),
        ("pregao join ''", "not the name of a room"),
        ("pregao list Radio ten --for 90s", "not an amount"),
        ("pregao list Radio -10 --for 90s", "negative"),
        ("pregao list Radio 10", "how long"),
        ("pregao list Radio 10 --for soon", "not a duration"),
        ("pregao list Radio 10 --for 90s for 10s", "twice"),
        ("pregao list Radio 10 --for 90s surprise", "not an amount"),
        ("pregao list Radio 10 --for 90s step 1 surprise", "not expected"),
        ("pregao list Radio 10 --for 90s --step 0", "zero"),
        ("pregao list Radio 10 --for 90s --step -1", "negative"),
        ("pregao list Radio 10 --for 90s --currency euros", "not a currency"),
        ("pregao prove 3f2a --show tax-number", "nothing that the card can show"),
        ("pregao prove 3f2a show sex --show sex", "twice"),
        ("pregao reveal 3f2a Ana Silva a@x.pt", "where the name ends"),
    ] {
        let error = mistaken(line);
        assert!(error.message.contains(part), "{line}: {error:?}");
        assert!(!error.advice.is_empty(), "{line}");
    }
    let long = format!("pregao say 3f2a {}", "x ".repeat(1_000));
    assert!(mistaken(&long).message.contains("1999 characters"));
}

#[test]
fn the_terms_of_a_listing_are_options_or_words_wherever_they_stand() {
    let expected = Command::List(Box::new(NewListing {
        title: "Old radio".to_owned(),
        start: "10".to_owned(),
        currency: "EUR".to_owned(),
        increment: Some("1".to_owned()),
        steps: None,
        raise: None,
        buy: None,
        begins: None,
        duration: Some("90s".to_owned()),
        until: None,
        extend: Some("30s".to_owned()),
        fixed_end: false,
        one_per_citizen: false,
        grace: None,
        sealed: None,
        tsas: None,
        rule: None,
        rule_file: None,
        bids: None,
        reserve: None,
        dutch: None,
        every: None,
        description: Some("works, a bit loud".to_owned()),
    }));
    for line in [
        r#"pregao list "Old radio" 10 for 90s step 1 extend 30s desc "works, a bit loud""#,
        r#"pregao list "Old radio" 10 --for 90s --step=1 --extend 30s --desc "works, a bit loud""#,
        "pregao list Old radio 10 --for 90s --step 1 --extend 30s --desc works, a bit loud",
        r#"pregao sell --for 90s "Old radio" --increment 1 10 --soft 30s --description "works, a bit loud""#,
        "pregao list Old radio 10 desc works, a bit loud --for 90s step 1 --extend 30s",
        "pregao list Old radio 10 eur for=90s step=1 --extend=30s --desc=works, a bit loud",
    ] {
        assert_eq!(given(line).0, expected, "{line}");
    }
    // The value of an option is that, whatever word it is.
    let line = r#"pregao list "Old radio" 10 --desc for --for 90s"#;
    let Command::List(listing) = given(line).0 else { panic!() };
    assert_eq!(listing.description.as_deref(), Some("for"));
    let line = r#"pregao list "Old radio" 10 --for 90s --desc "- as new, -20 %""#;
    let Command::List(listing) = given(line).0 else { panic!() };
    assert_eq!(listing.description.as_deref(), Some("- as new, -20 %"));
}

#[test]
fn a_proof_by_card_takes_its_keywords_as_options() {
    let whole = given("pregao prove 3f2a call 1 2 show sex,birth-date").0;
    for line in [
        "pregao prove 3f2a call 1 2 --show sex,birth-date",
        "pregao prove --show=sex,birth-date 3f2a call 1 2",
    ] {
        assert_eq!(given(line).0, whole, "{line}");
    }
    // The reader is an option of every subcommand, and what it says there holds here.
    let (command, shared) = given("pregao prove 3f2a --reader 2");
    assert_eq!(shared.card.reader.as_deref(), Some("2"));
    let Command::Prove { reader: None, contact, .. } = command else { panic!("{command:?}") };
    assert!(contact.is_empty());
}

#[test]
fn what_is_said_is_said_as_typed_and_options_among_it_are_options() {
    for (line, text) in [
        ("pregao say 3f2a still there?", "still there?"),
        ("pregao say 3f2a -5 degrees today", "-5 degrees today"),
        ("pregao say 3f2a - hello", "- hello"),
        ("pregao say 3f2a hello --world -x", "hello --world -x"),
        ("pregao say 3f2a --world peace", "--world peace"),
        ("pregao say 3f2a '- is it new?'", "'- is it new?'"),
        ("pregao say 3f2a \"-- well, --json is an option\"", "-- well, --json is an option"),
        ("pregao say 3f2a a=b --c=d", "a=b --c=d"),
    ] {
        assert_eq!(said(line), text, "{line}");
    }
    for line in [
        "pregao say 3f2a hello --json --data /d there",
        "pregao say --json 3f2a hello there --data=/d",
        "pregao --data /d say 3f2a --json hello there",
    ] {
        let (command, shared) = given(line);
        let Command::Say { text, .. } = command else { panic!("{line}") };
        assert_eq!(text, "hello there", "{line}");
        assert!(shared.json && shared.data == Some(PathBuf::from("/d")), "{line}");
    }
    // Help among them is no success: nothing was said.
    for line in
        ["pregao say 3f2a press -h for help", "pregao say 3f2a see --help", "pregao s 3f2a x -h"]
    {
        let (kind, text) = refused(line);
        assert_eq!(kind, ErrorKind::UnknownArgument, "{line}");
        assert!(text.contains("put -- before the words"), "{text}");
    }
    for line in ["pregao say --help", "pregao say 3f2a --help", "pregao say -h"] {
        assert_eq!(refused(line).0, ErrorKind::DisplayHelp, "{line}");
    }
    // After two dashes there are no options.
    for (line, text) in [
        ("pregao say 3f2a -- --json", "--json"),
        ("pregao say 3f2a -- press -h for --help", "press -h for --help"),
        ("pregao say 3f2a hello -- --data /d", "hello --data /d"),
        ("pregao say -- 3f2a --yes", "--yes"),
    ] {
        let (command, shared) = given(line);
        let Command::Say { text: said, .. } = command else { panic!("{line}") };
        assert_eq!(said, text, "{line}");
        assert!(!shared.json && !shared.yes && shared.data.is_none(), "{line}");
    }
}

#[test]
fn as_many_words_are_said_as_fit() {
    let most = parse::LONGEST_SAYING.div_ceil(2);
    let words = vec!["x"; most].join(" ");
    assert_eq!(said(&format!("pregao say 3f2a {words}")), words);
    let error = mistaken(&format!("pregao say 3f2a {words} x"));
    assert!(error.message.contains("501 characters"), "{error:?}");
}

#[test]
fn shared_options_may_stand_anywhere() {
    for line in [
        "pregao --json --data /d bid 3f2a 120",
        "pregao bid 3f2a 120 --json --data /d",
        "pregao b --data=/d 3f2a --json 120",
    ] {
        let (command, shared) = given(line);
        assert!(shared.json && shared.data == Some(PathBuf::from("/d")), "{line}");
        let Command::Bid { room, amount, .. } = command else { panic!("{line}") };
        assert_eq!((room.as_str(), amount.as_str()), ("3f2a", "120"));
    }
}

#[test]
fn words_that_are_not_utf_8_are_refused() {
    use std::os::unix::ffi::OsStringExt as _;
    let broken = OsString::from_vec(vec![0x66, 0xff]);
    let line = ["pregao".into(), "say".into(), "3f2a".into(), broken];
    assert_eq!(Cli::read(line).unwrap_err().kind(), ErrorKind::InvalidUtf8);
}

use pregao_protocol::room::body::PriceRule;

use super::*;
use crate::command::ListFilter;
use crate::command::NewListing;

fn command(line: &str, room: Option<&str>) -> Command {
    match read_line(line, room) {
        Ok(ChatInput::Command(command)) => command,
        other => panic!("{line}: {other:?}"),
    }
}

fn refused(line: &str, room: Option<&str>) -> UsageError {
    let error = read_line(line, room).unwrap_err();
    assert!(!error.advice.is_empty(), "{line}");
    error
}

fn bid_of(room: &str, amount: &str, currency: Option<&str>) -> Command {
    Command::Bid {
        room: room.to_owned(),
        amount: amount.to_owned(),
        currency: currency.map(str::to_owned),
    }
}

#[test]
fn a_bid_names_its_room_or_takes_the_one_on_screen() {
    assert_eq!(command("/bid 3f2a 120.00", None), bid_of("3f2a", "120.00", None));
    assert_eq!(command("/bid #3f2a 120.00", Some("77")), bid_of("3f2a", "120.00", None));
    assert_eq!(command("  /BID 120 ", Some("77")), bid_of("77", "120", None));
    assert_eq!(command("/bid 120 eur", Some("77")), bid_of("77", "120", Some("EUR")));
    assert_eq!(command("/bid 3f2a 120 EUR", None), bid_of("3f2a", "120", Some("EUR")));
    assert_eq!(command("/bid #1234 120", Some("77")), bid_of("1234", "120", None));
    assert_eq!(command("/bid 1e05 120", Some("77")), bid_of("1e05", "120", None));
}

#[test]
fn a_bid_that_is_not_clear_is_refused() {
    assert!(refused("/bid 120", None).message.contains("in which room"));
    assert!(refused("/bid", Some("77")).message.contains("amount is missing"));
    assert!(refused("/bid #3f2a", Some("77")).message.contains("amount is missing"));
    assert!(refused("/bid 1,50", Some("77")).advice.contains("1234.50"));
    assert!(refused("/bid 3f2a -1", None).message.contains("negative"));
    assert!(refused("/bid 3f2a 1.5 JPY", None).message.contains("JPY has 0"));
    assert!(refused("/bid 3f2a 1 EUR more", None).message.contains("too many"));
    assert!(refused("/bid ../x 1", None).message.contains("name of a room"));
    assert!(refused("/bid 3f2a abc1", None).message.contains("not an amount"));
}

#[test]
fn digits_a_space_and_digits_are_never_a_room_and_an_amount() {
    for line in [
        "/bid 1 500",
        "/bid 1 600",
        "/bid 9 900",
        "/bid 1  500",
        "/bid 1\t500",
        "/bid 1\u{a0}500",
        "/bid 1\u{202f}500",
        "/bid 1\u{2009}500",
        "/bid 1\u{2007}500.00",
        "/bid 1\u{3000}500 EUR",
        "/bid 1234 500",
        "/bid 5000 20",
        "/bid 0541 12.50",
        "/bid 1 500 000",
        "/bid \"1\" \"500\"",
        "/bid 3f2a 1 500",
        "/bid #3f2a 1 500",
    ] {
        for room in [Some("77"), None] {
            let refused = refused(line, room);
            assert!(refused.message.contains("can be one amount"), "{line}: {refused:?}");
        }
    }
    assert_eq!(
        refused("/bid 1 500", Some("77")).advice,
        "write 1500 without the space, or mark the room: #1abc 500"
    );
    assert!(refused("/bid 1234 500", Some("77")).advice.ends_with("#1234 500"));
    for line in ["/bid #1 500", "/bid #12 500", "/bid #123 500", "/bid 1ab 500"] {
        assert!(refused(line, Some("77")).message.contains("too short"), "{line}");
    }
}

#[test]
fn a_shell_names_the_room_first_and_by_at_least_four_characters() {
    let read = |words: &[&str]| Command::parse(words);
    assert_eq!(read(&["bid", "0541", "12.50"]), Ok(bid_of("0541", "12.50", None)));
    assert_eq!(read(&["bid", "1234", "500", "EUR"]), Ok(bid_of("1234", "500", Some("EUR"))));
    for words in [
        &["bid", "1", "500"][..],
        &["bid", "123", "500"],
        &["bid", "3f2a", "1", "500"],
        &["bid", "1234", "1", "500"],
        &["bid", "12", "500", "000"],
    ] {
        assert!(read(words).unwrap_err().message.contains("can be one amount"), "{words:?}");
    }
    for words in [&["bid", "3f2a", "1 500"][..], &["bid", "3f2a", "1\u{202f}500"]] {
        assert!(read(words).unwrap_err().message.contains("two ways"), "{words:?}");
    }
    for words in
        [&["bid", "1f", "500"][..], &["join", "1"], &["say", "#1", "fan"], &["export", "abc"]]
    {
        assert!(read(words).unwrap_err().message.contains("too short"), "{words:?}");
    }
}

#[test]
fn a_number_at_the_end_of_a_title_is_not_taken_from_the_price() {
    for line in ["/list Old clock 1 500 for 10m", "/list Console 5 100 EUR for 1h"] {
        let refused = refused(line, None);
        assert!(refused.message.contains("the end of the title"), "{line}: {refused:?}");
        assert!(refused.advice.contains("quotes"));
    }
    for (line, title) in [
        ("/list \"Old clock 1\" 500 for 10m", "Old clock 1"),
        ("/list 1984 10 for 10m", "1984"),
        ("/list Apollo 11 mission patch 10 for 10m", "Apollo 11 mission patch"),
    ] {
        let Command::List(listing) = command(line, None) else { panic!("{line}") };
        assert_eq!(listing.title, title);
    }
}

#[test]
fn a_price_falls_to_a_floor_by_steps_in_their_time() {
    for (line, floor, step, every) in [
        ("/list Lamp 10 for 2h dutch 4", "4", None, None),
        ("/list Lamp 10 for 2h dutch 4 step 1 every 5s", "4", Some("1"), Some("5s")),
        ("/list Lamp 10 floor=4.50 every=1m until 18:00 fixed-end", "4.50", None, Some("1m")),
    ] {
        let Command::List(listing) = command(line, None) else { panic!("{line}") };
        assert_eq!(listing.dutch.as_deref(), Some(floor), "{line}");
        let (increment, given) = (listing.increment.as_deref(), listing.every.as_deref());
        assert_eq!((increment, given), (step, every), "{line}");
        assert_eq!(listing.meaningless(), None);
    }
    let take = |room: &str| Command::Take { room: room.to_owned() };
    assert_eq!(command("/take #3f2a", None), take("3f2a"));
    assert_eq!(command("/take", Some("3f2a")), take("3f2a"));
}

#[test]
fn bids_are_sealed_for_either_price_with_whatever_still_means_something() {
    for (line, price) in [
        ("/list Lamp 10 for 2h sealed first", PriceRule::First),
        ("/list Lamp 10 sealed=second until 18:00 begins 5m fixed-end", PriceRule::Second),
    ] {
        let Command::List(listing) = command(line, None) else { panic!("{line}") };
        assert_eq!((listing.sealed, listing.meaningless()), (Some(price), None));
    }
}

#[test]
fn a_listing_takes_its_terms_in_any_order() {
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
        r#"/list "Old radio" 10 for 90s step 1 extend 30s currency EUR desc "works, a bit loud""#,
        r#"/list Old radio 10 desc works, a bit loud extend 30s for 90s step 1"#,
        r#"/list “Old radio” 10 eur for=90s step=1 extend=30s desc="works, a bit loud""#,
        r#"/sell Old radio 10 EUR --for 90s --step 1 --extend 30s --desc "works, a bit loud""#,
    ] {
        assert_eq!(command(line, Some("77")), expected, "{line}");
    }
}

#[test]
fn a_title_may_hold_keywords_and_numbers_when_it_is_quoted() {
    let line = r#"/list "Waiting for Godot 3" 5.50 for 1h"#;
    let Command::List(listing) = command(line, None) else { panic!() };
    assert_eq!((listing.title.as_str(), listing.start.as_str()), ("Waiting for Godot 3", "5.50"));
    let words = ["list", "step 1 for all", "5", "for", "1h"];
    let Ok(Command::List(listing)) = Command::parse(&words) else { panic!() };
    assert_eq!(listing.title, "step 1 for all");
}

#[test]
fn a_listing_takes_prices_steps_and_times() {
    let line = "/list Lamp 10 until 18:00 begins 5m steps 100:5,1000:20 raise 50 buy 900.50";
    let Command::List(listing) = command(line, None) else { panic!() };
    let given = [
        listing.duration,
        listing.until,
        listing.begins,
        listing.steps,
        listing.raise,
        listing.buy,
    ];
    let texts =
        [None, Some("18:00"), Some("5m"), Some("100:5,1000:20"), Some("50"), Some("900.50")];
    assert_eq!(given.each_ref().map(Option::as_deref), texts);
    for (line, part) in [
        ("/list Lamp 10", "how long the auction runs is missing"),
        ("/list Lamp 10 for 1h until 18:00", "either for a time or until one"),
        ("/list Lamp 10 until 25:00", "is no time"),
        ("/list Lamp 10 for 1h begins soon", "is no time"),
        ("/list Lamp 10 for 1h buy 0", "the price to buy is zero"),
        ("/list Lamp 10 for 1h raise -5", "is negative"),
        ("/list Lamp 10 for 1h raise 0", "the largest raise is zero"),
        ("/list Lamp 10 for 1h steps 5", "is no table of steps"),
        ("/list Lamp 10 for 1h steps 100:5,100:6", "is no table of steps"),
        ("/list Lamp 10 for 1h steps 200:5,100:6", "is no table of steps"),
        ("/list Lamp 10 for 1h steps 100:0", "is no table of steps"),
        ("/list Lamp 10 for 1h steps 100:1.005", "has 3 decimals"),
        ("/list Lamp 10 for 1h buy 5 buy 6", "occurs twice"),
    ] {
        let error = read_line(line, None).unwrap_err();
        assert!(error.message.contains(part), "{line}: {}", error.message);
        assert!(!error.advice.is_empty());
    }
}

#[test]
fn a_listing_with_a_hole_is_refused() {
    for (line, part) in [
        ("/list", "missing"),
        ("/list radio", "missing"),
        ("/list radio for 90s", "not an amount"),
        ("/list radio 10", "how long"),
        ("/list radio ten for 90s", "not an amount"),
        ("/list radio 10 for", "no value"),
        ("/list radio 10 for soon", "not a duration"),
        ("/list radio 10 for 90s step 0", "zero"),
        ("/list radio 10 for 90s for 10s", "twice"),
        ("/list radio 10 for 90s step 1,5", "two ways"),
        ("/list radio 1.5 for 90s currency JPY", "decimals"),
        ("/list radio 10 for 90s currency euros", "not a currency"),
        ("/list radio 10 for 90s extend never", "not a duration"),
        ("/list radio 10 for 90s extend 30s fixed-end", "cannot be extended"),
        ("/list radio 10 for 90s fixed-end fixed-end", "twice"),
        ("/list radio 10 for 90s fixed-end=yes", "takes no value"),
        ("/list radio 10 for 90s dutch", "no value"),
        ("/list radio 10 for 90s dutch 0", "the floor is zero"),
        ("/list radio 10 for 90s dutch much", "amount"),
        ("/list radio 10 for 90s dutch 5 every soon", "duration"),
        (
            "/list radio 10 for 90s dutch 5 sealed first",
            "a falling price has no meaning where bids",
        ),
        (
            "/list radio 10 for 90s dutch 5 steps 20:2",
            "steps by amount has no meaning where the price",
        ),
        ("/list radio 10 for 90s dutch 5 raise 5", "a largest raise"),
        ("/list radio 10 for 90s dutch 5 buy 50", "a price to buy"),
        ("/list radio 10 for 90s dutch 5 extend 30s", "a soft close"),
        ("/list radio 10 for 90s dutch 5 rule fives.rule", "a rule has no meaning where the price"),
        ("/list radio 10 for 90s every 5s", "`every` has no meaning where the price does not fall"),
        ("/list radio 10 for 90s sealed", "no value"),
        ("/list radio 10 for 90s sealed third", "`first` or `second`, not `third`"),
        ("/list radio 10 for 90s sealed first sealed second", "twice"),
        ("/list radio 10 for 90s sealed first step 5", "a step has no meaning"),
        ("/list radio 10 for 90s sealed first steps 20:2", "steps by amount"),
        ("/list radio 10 for 90s sealed first raise 5", "a largest raise"),
        ("/list radio 10 for 90s sealed first buy 50", "a price to buy"),
        ("/list radio 10 for 90s sealed first extend 30s", "a soft close"),
        ("/list \"radio 10 for 90s", "quote"),
        ("/list \"\" 10 for 90s", "title is empty"),
        ("/list radio 10 for 90s step 1 surprise", "not expected"),
    ] {
        assert!(refused(line, None).message.contains(part), "{line}: {:?}", refused(line, None));
    }
    let long = format!("/list \"{}\" 10 for 90s", "x".repeat(81));
    assert!(refused(&long, None).message.contains("81 characters"));
    let fits = format!("/list \"{}\" 10 for 90s", "x".repeat(80));
    command(&fits, None);
}

#[test]
fn a_line_without_a_slash_is_said_as_typed() {
    let said = |text: &str| Command::Say { room: "77".to_owned(), text: text.to_owned() };
    assert_eq!(command("it's \"great\"  isn't it", Some("77")), said("it's \"great\"  isn't it"));
    assert_eq!(command("//bid is a command", Some("77")), said("/bid is a command"));
    assert_eq!(command("/say is \"it  here\"? ", Some("77")), said("is \"it  here\"?"));
    let in_another = Command::Say { room: "77ab".to_owned(), text: "hello".to_owned() };
    assert_eq!(command("/say #77ab hello", Some("12")), in_another);
    assert_eq!(command("/say 77ab hello", None), in_another);
    // A number, a word, a room without its mark: text, said as typed.
    for text in ["#1 fan of this clock", "#12 is mine", "#abc", "#radio", "3f2a hello", "# 3f2a x"]
    {
        assert_eq!(command(&format!("/say {text}"), Some("77")), said(text));
        assert_eq!(command(text, Some("77")), said(text));
    }
    assert_eq!(read_line("   ", Some("77")), Ok(ChatInput::Nothing));
}

#[test]
fn nothing_is_said_without_a_room_or_beyond_the_limit() {
    assert!(refused("hello", None).message.contains("no room"));
    assert!(refused("/say", Some("77")).message.contains("nothing to say"));
    assert!(refused("/say #77ab", Some("12")).message.contains("nothing to say"));
    let longest = "x".repeat(500);
    command(&longest, Some("77"));
    assert!(refused(&format!("{longest}x"), Some("77")).message.contains("501"));
    assert!(refused(&"x".repeat(5_000), Some("77")).message.contains("too long"));
}

#[test]
fn a_reveal_says_clearly_who_and_how() {
    let revealed = |room: &str, name: &str, contact: &str| Command::Reveal {
        room: room.to_owned(),
        name: name.to_owned(),
        contact: contact.to_owned(),
    };
    assert_eq!(
        command("/reveal \"Ana Silva\" tel 12 34", Some("77")),
        revealed("77", "Ana Silva", "tel 12 34")
    );
    assert_eq!(command("/reveal Ana ana@x.pt", Some("77")), revealed("77", "Ana", "ana@x.pt"));
    assert_eq!(
        command("/reveal #3f2a Ana ana@x.pt", Some("77")),
        revealed("3f2a", "Ana", "ana@x.pt")
    );
    for line in ["/reveal 3f2a Ana ana@x.pt", "/reveal 3f2a Ana", "/prove 912345678"] {
        let refused = refused(line, Some("77"));
        assert!(refused.message.contains("can be a room"), "{line}: {refused:?}");
        assert!(refused.advice.contains("mark a room with #") && refused.advice.contains("quote"));
    }
    assert_eq!(command("/prove \"912345678\"", Some("77")), prove_of("77", "912345678", &[], None));
    assert!(refused("/reveal #1 Ana", Some("77")).message.contains("too short"));
    assert_eq!(command("/reveal #dada Ana", Some("77")), revealed("dada", "Ana", ""));
    assert_eq!(command("/reveal dada x@y", Some("77")), revealed("77", "dada", "x@y"));
    assert_eq!(
        Command::parse(&["reveal", "3f2a", "Ana Silva", "ana@x.pt"]),
        Ok(revealed("3f2a", "Ana Silva", "ana@x.pt"))
    );
    assert!(refused("/reveal Ana Silva ana@x.pt", Some("77")).advice.contains("\"Your Name\""));
    assert!(refused("/reveal", Some("77")).message.contains("name is missing"));
    assert!(refused("/reveal 3f2a", None).message.contains("name is missing"));
    assert!(refused("/reveal \"\" x", Some("77")).message.contains("empty"));
}

#[test]
fn rooms_default_to_the_one_on_screen() {
    assert_eq!(command("/join", Some("77")), Command::Join { room: "77".to_owned() });
    assert_eq!(command("/leave 3f2a", Some("77")), Command::Leave { room: "3f2a".to_owned() });
    refused("/leave", None);
    refused("/join a b", None);
    for line in ["/leave 1", "/join #1", "/withdraw 123", "/export abc"] {
        assert!(refused(line, Some("77")).message.contains("too short"), "{line}");
    }
    refused("/join \"\"", None);
    refused(&format!("/join {}", "a".repeat(65)), None);
}

#[test]
fn aliases_and_unknown_names() {
    assert_eq!(command("/allitems", None), Command::Items(ListFilter::default()));
    assert_eq!(command("/myitems", None), Command::Mine(ListFilter::default()));
    assert_eq!(command("/help allitems", None), Command::Help { about: Some("items".to_owned()) });
    assert!(refused("/bidd 12", None).advice.contains("/bid"));
    assert!(refused("/", None).message.contains("no command"));
    assert!(refused("/help me", None).message.contains("no such command"));
    assert!(refused("/\u{1b}[2J", None).message.chars().all(|c| !c.is_control()));
}

#[test]
fn control_characters_do_not_leave_the_program() {
    for (line, named) in [("a\u{1b}[31mb", "U+001B"), ("/list \u{202e}x 1 for 1h", "U+202E")] {
        assert!(refused(line, Some("77")).message.contains(named));
    }
    // What no terminal shows alike is no fault of the text.
    for text in ["a\u{200c}b", "e\u{301}", "\u{600}9"] {
        let said = Command::Say { room: "77".to_owned(), text: text.to_owned() };
        assert_eq!(command(text, Some("77")), said);
    }
    let Command::Say { text, .. } = command("a\nb", Some("77")) else { panic!() };
    assert_eq!(text, "a b");
}

#[test]
fn any_line_is_read_without_panic() {
    for line in [
        "/list \"",
        "/list \\\" \\",
        "/say \u{202e}",
        "/bid # #",
        "/reveal # \" \"",
        "/ / /",
        "/list = = =",
    ] {
        let _ = read_line(line, None);
        let _ = read_line(line, Some("77"));
    }
}

fn prove_of(room: &str, contact: &str, show: &[Attribute], reader: Option<&str>) -> Command {
    Command::Prove {
        room: room.to_owned(),
        contact: contact.to_owned(),
        show: show.to_vec(),
        reader: reader.map(str::to_owned),
    }
}

#[test]
fn a_proof_by_card_names_room_contact_attributes_and_reader() {
    let (birth, sex) = (Attribute::BirthDate, Attribute::Sex);
    assert_eq!(command("/prove", Some("77")), prove_of("77", "", &[], None));
    assert_eq!(command("/prove 3f2a", None), prove_of("3f2a", "", &[], None));
    assert_eq!(command("/prove a@x.pt", Some("77")), prove_of("77", "a@x.pt", &[], None));
    assert_eq!(
        command("/prove #3f2a call 1 2 show birth-date,sex reader 1", Some("77")),
        prove_of("3f2a", "call 1 2", &[birth, sex], Some("1"))
    );
    assert_eq!(
        command("/prove 3f2a reader \"Virtual Reader\" show sex,sex", None),
        prove_of("3f2a", "", &[sex], Some("Virtual Reader"))
    );
    assert_eq!(
        command("/prove #3f2a \"show me\" show \"sex, birth-date\"", None),
        prove_of("3f2a", "show me", &[sex, birth], None)
    );
}

#[test]
fn a_proof_that_is_not_clear_is_refused() {
    assert!(refused("/prove", None).message.contains("in which room"));
    assert!(refused("/prove 3f2a show", None).message.contains("has no value"));
    assert!(refused("/prove 3f2a show sex more", None).message.contains("has no value"));
    assert!(refused("/prove 3f2a show sex more words", None).message.contains("not expected"));
    assert!(refused("/prove 3f2a show sex show sex", None).message.contains("twice"));
    for line in ["/prove 3f2a show tax-number", "/prove 3f2a show Sex", "/prove 3f2a show sex,"] {
        assert!(refused(line, None).advice.contains("birth-date, nationality"), "{line}");
    }
    let long = "x".repeat(201);
    assert!(refused(&format!("/prove 3f2a {long}"), None).message.contains("contact"));
    assert!(refused(&format!("/prove 3f2a reader {long}"), None).message.contains("reader"));
    assert!(refused("/prove 3f2a \"open", None).message.contains("quote"));
}

#[test]
fn a_proof_in_json_leaves_out_what_is_left_out() {
    let read = |json: &str| serde_json::from_str::<Command>(json);
    let bare = read(r#"{"command":"prove","room":"3f2a"}"#).unwrap();
    assert_eq!(bare, prove_of("3f2a", "", &[], None));
    let whole = r#"{"command":"prove","room":"3f2a","show":["birth-date"],"reader":"1"}"#;
    assert_eq!(read(whole).unwrap(), prove_of("3f2a", "", &[Attribute::BirthDate], Some("1")));
    assert!(read(r#"{"command":"prove","room":"3f2a","show":["tax"]}"#).is_err());
    assert!(read(r#"{"command":"prove","room":"3f2a","pin":"1234"}"#).is_err());
}

#[test]
fn a_room_is_exported_or_a_letter_and_never_both() {
    let export = |room: Option<&str>, html, letter, hash| Command::Export {
        room: room.map(str::to_owned),
        html,
        letter,
        hash,
    };
    for (line, expected) in [
        ("/export", export(Some("77aa"), false, None, false)),
        ("/export html", export(Some("77aa"), true, None, false)),
        ("/export #3f2a html", export(Some("3f2a"), true, None, false)),
        ("/export 3f2a --html", export(Some("3f2a"), true, None, false)),
        ("/export letter 12", export(None, false, Some(12), false)),
        ("/export letter 12 hash", export(None, false, Some(12), true)),
        ("/export hash letter 12", export(None, false, Some(12), true)),
        ("/export letter 12 html", export(None, true, Some(12), false)),
        ("/export letter 12 html hash", export(None, true, Some(12), true)),
    ] {
        assert_eq!(command(line, Some("77aa")), expected, "{line}");
    }
    assert_eq!(command("/export letter 12", None), export(None, false, Some(12), false));
    for (line, part) in [
        ("/export letter", "a number from 1 on"),
        ("/export letter 0", "a number from 1 on"),
        ("/export letter -1", "a number from 1 on"),
        ("/export letter 1 2", "not both"),
        ("/export 3f2a letter 1", "not both"),
        ("/export letter 1 letter 2", "there twice"),
        ("/export hash", "say which"),
        ("/export 3f2a hash", "say which"),
        ("/export 3f2a 3f2b", "too many words"),
    ] {
        let refused = refused(line, Some("77aa"));
        assert!(refused.message.contains(part), "{line}: {}", refused.message);
    }
    assert!(read_line("/export", None).is_err());
    let json = serde_json::from_str::<Command>(r#"{"command":"export","letter":12,"hash":true}"#);
    assert_eq!(json.unwrap(), export(None, false, Some(12), true));
}

#[test]
fn evidence_is_listed_shown_and_exported_and_nothing_else() {
    use crate::command::EvidenceTask;
    let task = |line: &str| match read_line(line, None) {
        Ok(ChatInput::Command(Command::Evidence(task))) => Some(task),
        Ok(other) => panic!("{line}: {other:?}"),
        Err(_) => None,
    };
    let id = || "3f2a91c0".to_owned();
    assert_eq!(task("/evidence"), Some(EvidenceTask::List));
    assert_eq!(task("/evidence list"), Some(EvidenceTask::List));
    assert_eq!(task("/evidence show 3f2a91c0"), Some(EvidenceTask::Show { evidence: id() }));
    let export = EvidenceTask::Export { evidence: id(), file: "my proof.json".to_owned() };
    assert_eq!(task("/evidence export 3f2a91c0 \"my proof.json\""), Some(export.clone()));
    for line in [
        "/evidence 3f2a91c0",
        "/evidence list more",
        "/evidence show",
        "/evidence show 3f2a 91c0",
        "/evidence export",
        "/evidence export 3f2a91c0",
        "/evidence export 3f2a91c0 a b",
        "/evidence export 3f2a91c0 \"a",
    ] {
        assert_eq!(task(line), None, "{line}");
    }
    let json = serde_json::to_string(&Command::Evidence(export.clone())).unwrap();
    assert_eq!(
        json,
        r#"{"command":"evidence","what":"export","evidence":"3f2a91c0","file":"my proof.json"}"#
    );
    assert_eq!(serde_json::from_str::<Command>(&json).unwrap(), Command::Evidence(export));
    for json in [r#"{"command":"evidence"}"#, r#"{"command":"evidence","what":"show","x":1}"#] {
        assert!(serde_json::from_str::<Command>(json).is_err(), "{json}");
    }
}

#[test]
fn an_item_is_offered_again_on_the_terms_given() {
    let relist = |start: Option<&str>, duration: Option<&str>, until: Option<&str>| {
        let [start, duration, until] = [start, duration, until].map(|word| word.map(str::to_owned));
        Ok(ChatInput::Command(Command::Relist { room: "3f2a".to_owned(), start, duration, until }))
    };
    for (line, read) in [
        ("/relist 3f2a", relist(None, None, None)),
        ("/relist #3f2a for 2h start 8.50", relist(Some("8.50"), Some("2h"), None)),
        ("/relist until 18:00", relist(None, None, Some("18:00"))),
    ] {
        assert_eq!(read_line(line, Some("3f2a")), read, "{line}");
    }
    for line in [
        "/relist 3f2a 8",
        "/relist 3f2a for",
        "/relist 3f2a for 2h for 3h",
        "/relist 3f2a for 2h until 18:00",
        "/relist 3f2a for ever",
        "/relist 3f2a start eight",
        "/relist 3f2a until soon",
    ] {
        assert!(read_line(line, None).is_err(), "{line}");
    }
    assert!(read_line("/relist", None).is_err(), "no room is on screen");
}

#[test]
fn an_item_is_taken_back_for_another_or_for_none() {
    let unlist = |successor: Option<&str>| {
        let (room, successor) = ("3f2a".to_owned(), successor.map(str::to_owned));
        Ok(ChatInput::Command(Command::Unlist { room, successor }))
    };
    assert_eq!(read_line("/unlist", Some("3f2a")), unlist(None));
    assert_eq!(read_line("/unlist #3f2a", None), unlist(None));
    assert_eq!(read_line("/unlist 3f2a 91c0", None), unlist(Some("91c0")));
    assert!(read_line("/unlist", None).is_err());
    assert!(read_line("/unlist 3f2a 91c0 aaaa", None).is_err());
}

#[test]
fn a_ceiling_is_given_for_a_room_and_taken_away_by_off() {
    let auto = |room: Option<&str>, ceiling: Option<&str>, steady| Command::Auto {
        room: room.map(str::to_owned),
        ceiling: ceiling.map(str::to_owned),
        steady,
    };
    for (line, expected) in [
        ("/auto", auto(None, None, false)),
        ("/auto 3f2a 50", auto(Some("3f2a"), Some("50"), false)),
        ("/auto #3f2a 50.5 steady", auto(Some("3f2a"), Some("50.5"), true)),
        ("/proxy 50", auto(Some("77"), Some("50"), false)),
        ("/auto 3f2a off", auto(Some("3f2a"), None, false)),
        ("/auto off", auto(Some("77"), None, false)),
    ] {
        assert_eq!(command(line, Some("77")), expected, "{line}");
    }
    for line in [
        "/auto #3f2a",
        "/auto steady",
        "/auto 3f2a 50 off",
        "/auto 3f2a off steady",
        "/auto 3f2a 50 EUR 9",
        "/auto 3f2a fifty",
        "/auto 3f2a -5",
    ] {
        refused(line, Some("77"));
    }
}

#[test]
fn a_paddle_is_taken_in_a_room_or_knowingly_everywhere() {
    let here = |room: &str, name: Option<&str>| {
        let (room, name) = (room.to_owned(), name.map(str::to_owned));
        Command::Paddle(PaddleTask::Here { room, name })
    };
    let all = |name: Option<&str>, anyway| {
        Command::Paddle(PaddleTask::Everywhere { name: name.map(str::to_owned), anyway })
    };
    for (line, expected) in [
        ("/paddle", Command::Paddle(PaddleTask::Tell)),
        ("/paddle 17", here("77", Some("17"))),
        ("/paddle 3f2a 17", here("3f2a", Some("17"))),
        ("/paddle #3f2a Blue-Hat", here("3f2a", Some("Blue-Hat"))),
        ("/paddle off", here("77", None)),
        ("/paddle 3f2a off", here("3f2a", None)),
        ("/paddle all 17", all(Some("17"), false)),
        ("/paddle 17 everywhere", all(Some("17"), false)),
        ("/paddle all 17 anyway", all(Some("17"), true)),
        ("/paddle all off", all(None, false)),
        ("/paddles 3f2a", Command::Paddles { room: "3f2a".to_owned() }),
        ("/paddles", Command::Paddles { room: "77".to_owned() }),
    ] {
        assert_eq!(command(line, Some("77")), expected, "{line}");
    }
    for line in [
        "/paddle #3f2a",
        "/paddle all",
        "/paddle all 3f2a 17",
        "/paddle all anyway",
        "/paddle 17 anyway",
        "/paddle all off anyway",
        "/paddle off anyway",
        "/paddle 3f2a 17 18",
        "/paddle 3f2a a_b",
        "/paddle 3f2a abcdefghijklmnopq",
        "/paddle 3f2a 17 off",
        "/paddles 3f2a 17",
    ] {
        refused(line, Some("77"));
    }
    assert!(read_line("/paddle 17", None).is_err(), "no room is current");
}

#[test]
fn a_bound_on_bids_is_a_number_that_a_refusal_can_show() {
    for (typed, bids) in [("1", 1), ("3", 3), ("32", 32)] {
        let line = format!("/list Lamp 10 for 2h bids {typed}");
        let Command::List(listing) = command(&line, None) else { panic!("{line}") };
        assert_eq!(listing.bids, Some(bids));
    }
    for typed in ["0", "33", "-1", "many", "1.5", ""] {
        refused(&format!("/list Lamp 10 for 2h bids {typed}"), None);
    }
}

//! Sellers' rules: what is one, and what it answers.

use proptest::prelude::*;

use super::*;
use crate::room::auction::rule;

mod listed;
mod made;
mod printed;
mod vectors;

use made::Maker;

/// What rules are made of, and a little else.
const WORDS: &[&str] = &[
    "let",
    "if",
    "else",
    "true",
    "false",
    "amount",
    "highest",
    "least",
    "start",
    "bids",
    "paddle_bids",
    "elapsed",
    "remaining",
    "a",
    "b",
    "=",
    ";",
    "(",
    ")",
    "{",
    "}",
    "+",
    "-",
    "*",
    "/",
    "%",
    "!",
    "&&",
    "||",
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "0",
    "1",
    "9223372036854775807",
    "\"a\"",
    "// a\n",
    ",",
    ".",
];

/// A bid of 500 on a highest of 400, with 10 more to go, an hour after the listing and a minute before the end.
const STATE: State = State {
    amount: 500,
    highest: 400,
    least: 410,
    start: 100,
    bids: 3,
    paddle_bids: 2,
    elapsed: 3_600,
    remaining: 60,
};

fn read(source: &str) -> Result<Rule, RuleError> {
    Rule::read(source, Bidding::Open)
}

fn answer(source: &str) -> Answer {
    read(source).unwrap_or_else(|error| panic!("{source}: {error}")).ask(&STATE)
}

fn says(text: &str) -> Answer {
    Answer::Says(Saying::try_from(text.to_owned()).expect("a text of the test can be seen"))
}

/// What is no rule, by the first thing that is wrong with it.
const REFUSED: &[&str] = &[
    "",
    " ",
    "\n",
    "// nothing",
    "1",
    "amount",
    "-1",
    "1 + 1",
    "let a = true;",
    "let a = 1; a",
    // Words.
    "truE",
    "True",
    "_a",
    "Amount == 1",
    "#",
    "true; ",
    "true true",
    "true // \u{202e}",
    "\ttrue",
    "true\r\n",
    "amount == 1\u{a0}",
    "@",
    "a.b",
    "amount = 1",
    "amount === 1",
    "true & true",
    "true | true",
    "!",
    "'a'",
    "`a`",
    // Numbers.
    "amount == 01",
    "amount == 1_",
    "amount == 1__0",
    "amount == _1",
    "amount == 1.0",
    "amount == 0x10",
    "amount == 1e3",
    "amount == 9223372036854775808",
    "amount == -9223372036854775808",
    "amount == 1a",
    "amount == 99999999999999999999999999",
    // Texts.
    "\"",
    "\"\"",
    "\" \"",
    "\"a",
    "\"a\nb\"",
    "\"\\n\"",
    "\"\\\"",
    "\"a\" + \"b\"",
    "\"a\" < \"b\"",
    "\"\u{200b}\"",
    "\"a\u{202e}\"",
    "\"a\"\"b\"",
    "\"\\u0041\"",
    // Kinds.
    "1 + true",
    "true + 1",
    "1 && true",
    "true && 1",
    "!1",
    "-true",
    "-\"a\"",
    "amount == true",
    "true == 1",
    "\"a\" == 1",
    "true < false",
    "amount < true",
    "if amount { true } else { false }",
    "if \"a\" { true } else { false }",
    "if true { 1 } else { true }",
    "if true { true } else { 1 }",
    "if true { \"a\" } else { 1 }",
    "if true { 1 } else { 2 }",
    "(if true { \"a\" } else { true }) == true",
    "(if true { \"a\" } else { true }) && true",
    "!(if true { \"a\" } else { true })",
    "let a = if true { \"a\" } else { true }; a == true",
    "amount < 1 < true",
    "(amount < 1) < 2",
    "\"a\" && true",
    "amount % true == 0",
    // Grammar.
    "(true",
    "true)",
    "()",
    "(true))",
    "amount == ",
    "== amount",
    "amount <",
    "amount < 1 < 2",
    "amount == 1 == true",
    "true !",
    "1 2",
    "amount + == 1",
    "amount * / 2 == 1",
    "true &&",
    "|| true",
    "true || || true",
    "if true { true }",
    "if true { true } else",
    "if true true else false",
    "if { true } else { true }",
    "else",
    "let",
    "let a",
    "let a =",
    "let a = 1",
    "let a = 1 true",
    "let a 1; true",
    "let 1 = 1; true",
    "let a = 1;; true",
    "true; let a = 1;",
    "{ true }",
    "if true { } else { true }",
    "if true { let a = 1; } else { true }",
    "if true { true } else { true } && true",
    "true && if true { true } else { true }",
    "1 + if true { 1 } else { 2 } == 2",
    "if if true { true } else { true } { true } else { true }",
    "if true { true } else { true };",
    "if true { true } elseif true { true } else { true }",
    // Names.
    "b",
    "a == 1",
    "let a = a; true",
    "let a = 1; let a = 2; true",
    "let amount = 1; true",
    "let let = 1; true",
    "let true = 1; true",
    "let if = 1; true",
    "if true { let a = true; a } else { a }",
    "let a = true; if a { let a = true; a } else { a }",
    "if true { let a = true; a } else { true } && a",
    "paddle == 1",
    "seconds == 1",
    "true()",
    "abs(amount) == 1",
    "let a = 1, b = 2; true",
    // What other languages have.
    "fn f() { true } f()",
    "while true { true }",
    "for a in 1 { true }",
    "loop { true }",
    "return true",
    "amount > 0 ? true : false",
    "[1] == [1]",
    "amount ** 2 == 4",
    "amount << 1 == 2",
    "amount ^ 1 == 1",
    "~amount == 1",
    "amount += 1; true",
    "not true",
    "true and true",
    "amount <> 1",
    "amount =< 1",
    "amount => 1",
    "let mut a = 1; true",
    "const a = 1; true",
    "print(\"a\")",
    "/* a */ true",
];

/// What is one, with its answer in [`STATE`].
const ANSWERED: &[(&str, Result<bool, &str>)] = &[
    ("true", Ok(true)),
    ("false", Ok(false)),
    ("\"no\"", Err("no")),
    (" \n// why\ntrue// so\n ", Ok(true)),
    ("true //", Ok(true)),
    ("\"a \\\"b\\\" \\\\ \u{e9} \u{1f44d}\"", Err("a \"b\" \\ \u{e9} \u{1f44d}")),
    (
        "amount==500&&highest==400&&least==410&&start==100&&bids==3&&paddle_bids==2&&elapsed==3600&&remaining==60",
        Ok(true),
    ),
    ("amount == 5_0_0", Ok(true)),
    ("amount == 500 // 5.00", Ok(true)),
    ("9_223_372_036_854_775_807 == 9223372036854775807", Ok(true)),
    ("0 == -0", Ok(true)),
    ("2 + 3 * 4 == 14 && 2 * 3 + 4 == 10 && (2 + 3) * 4 == 20", Ok(true)),
    ("10 - 3 - 2 == 5 && 100 / 10 / 5 == 2 && 100 / 10 * 5 == 50 && 17 % 10 * 2 == 14", Ok(true)),
    ("7 / 2 == 3 && -7 / 2 == -3 && 7 / -2 == -3 && -7 / -2 == 3", Ok(true)),
    ("7 % 3 == 1 && -7 % 3 == -1 && 7 % -3 == 1 && -7 % -3 == -1", Ok(true)),
    ("-9223372036854775807 - 1 < -9223372036854775807", Ok(true)),
    ("-(-5) == 5 && --5 == 5 && 5 - -5 == 10 && 5--5 == 10", Ok(true)),
    ("-2 * -3 == 6 && -2 + 3 == 1", Ok(true)),
    ("!false && !!true && !(1 == 2)", Ok(true)),
    ("!false == true", Ok(true)),
    ("1 < 2 == true && 1 < 2 != (2 < 1)", Ok(true)),
    ("1 <= 1 && 1 >= 1 && !(1 < 1) && !(1 > 1) && 1 != 2", Ok(true)),
    ("1<2&&2>1&&1<=2&&2>=1", Ok(true)),
    ("\"a\" == \"a\" && \"a\" != \"b\" && \"e\u{301}\" != \"\u{e9}\"", Ok(true)),
    ("true || false && false", Ok(true)),
    ("(true || false) && false", Ok(false)),
    // What is not needed is not looked at.
    ("false && 1 / 0 == 1", Ok(false)),
    ("true || 1 / 0 == 1", Ok(true)),
    ("if true { true } else { 1 / 0 == 1 }", Ok(true)),
    ("if false { 1 / 0 == 1 } else if true { \"b\" } else { 1 / 0 == 1 }", Err("b")),
    ("if amount % 100 != 0 { \"whole ones only\" } else { true }", Ok(true)),
    ("if amount % 300 != 0 { \"threes only\" } else { true }", Err("threes only")),
    ("let a = amount - highest; let b = a * 2; b == 200", Ok(true)),
    ("let a = 1; if a == 1 { let b = a + 1; b == 2 } else { let b = a; b == 1 }", Ok(true)),
    ("let a = \"x\"; a", Err("x")),
    ("let a = if bids > 2 { \"late\" } else { true }; a", Err("late")),
    ("let a1_ = if bids > 2 { 5 } else { 6 }; a1_ == 5", Ok(true)),
    ("1 + (if true { 1 } else { 2 }) == 2", Ok(true)),
    ("(if true { false } else { true }) || true", Ok(true)),
    ("let letter = 1; let iffy = 2; let truely = 3; letter + iffy + truely == 6", Ok(true)),
    ("let fn = 1; let while = 2; fn + while == 3", Ok(true)),
    ("highest == 0 || amount * 100 / highest >= 125", Ok(true)),
];

/// What errs in [`STATE`].
const ERRS: &[(&str, Fault)] = &[
    ("amount / 0 == 1", Fault::DivisionByZero),
    ("amount % 0 == 1", Fault::DivisionByZero),
    ("0 / 0 == 0", Fault::DivisionByZero),
    ("amount / (bids - 3) == 1", Fault::DivisionByZero),
    ("let a = 1 / 0; true", Fault::DivisionByZero),
    ("1 / 0 == 1 && false", Fault::DivisionByZero),
    ("9223372036854775807 + 1 > 0", Fault::Overflow),
    ("-9223372036854775807 - 2 < 0", Fault::Overflow),
    ("-(-9223372036854775807 - 1) > 0", Fault::Overflow),
    ("(-9223372036854775807 - 1) / -1 > 0", Fault::Overflow),
    ("(-9223372036854775807 - 1) % -1 == 0", Fault::Overflow),
    ("9223372036854775807 * 2 > 0", Fault::Overflow),
    ("9223372036854775807 + 1 - 1 > 0", Fault::Overflow),
    ("3037000500 * 3037000500 > 0", Fault::Overflow),
    ("(9223372036854775807 + 1) * (1 / 0) > 0", Fault::Overflow),
];

#[test]
fn v170_a_rule_has_1_to_2048_bytes() {
    let longest = format!("true//{}", " ".repeat(MAX_SOURCE - 6));
    assert_eq!(longest.len(), MAX_SOURCE);
    assert!(read(&longest).is_ok());
    assert_eq!(read(&format!("{longest} ")).map_err(|error| error.cause), Err(Cause::Size));
    assert_eq!(read("").map_err(|error| error.cause), Err(Cause::Size));
    // Bytes, and not characters.
    let accents = "\u{e9}".repeat(MAX_SOURCE / 2);
    assert_eq!(read(&format!("true//{accents}")).map_err(|error| error.cause), Err(Cause::Size));
}

#[test]
fn v170_a_text_has_1_to_200_characters() {
    let text = "\u{1f44d}".repeat(MAX_TEXT);
    assert_eq!(answer(&format!("\"{text}\"")), says(&text));
    let longer = read(&format!("\"{text}a\"")).map_err(|error| error.cause);
    assert_eq!(longer, Err(Cause::Text));
}

#[test]
fn v171_what_is_outside_the_grammar_is_refused() {
    for source in REFUSED {
        assert!(read(source).is_err(), "{source:?}");
    }
    // Every beginning of a rule that is none.
    let whole = "if amount % (2 + -1) != 0 { \"a\" } else { let b = !true; b || 1 < 2 }";
    assert!(read(whole).is_ok());
    for length in 0..whole.len() {
        assert!(read(&whole[..length]).is_err(), "{:?}", &whole[..length]);
    }
}

#[test]
fn v171_at_most_32_are_open_at_one_place() {
    let brackets = |depth| format!("{}true{}", "(".repeat(depth), ")".repeat(depth));
    let signs = |depth| format!("{}1 == 1", "-".repeat(depth));
    let nots = |depth| format!("{}true", "!".repeat(depth));
    let braces =
        |depth| format!("{}true{}", "if true { ".repeat(depth), " } else { true }".repeat(depth));
    let mixed = |depth| {
        format!("{}{}", "!(".repeat(depth / 2), brackets(depth % 2)) + &")".repeat(depth / 2)
    };
    for nested in [&brackets as &dyn Fn(usize) -> String, &signs, &nots, &braces, &mixed] {
        assert!(read(&nested(MAX_DEPTH)).is_ok(), "{}", nested(MAX_DEPTH));
        let deeper = read(&nested(MAX_DEPTH + 1)).map_err(|error| error.cause);
        assert_eq!(deeper, Err(Cause::Depth), "{}", nested(MAX_DEPTH + 1));
    }
    // What is beside and not within is no deeper.
    assert!(read(&format!("{} && {}", brackets(MAX_DEPTH), brackets(MAX_DEPTH))).is_ok());
}

#[test]
fn v171_the_longest_chains_are_read_and_answered() {
    let fill = |first: &str, next: &str, last: &str| {
        let room = (MAX_SOURCE - first.len() - last.len()) / next.len();
        format!("{first}{}{last}", next.repeat(room))
    };
    assert_eq!(answer(&fill("1", "+1", ">1")), Answer::Accepts);
    assert_eq!(answer(&fill("true", "&&true", "")), Answer::Accepts);
    assert_eq!(answer(&fill("true", "||true", "")), Answer::Accepts);
    let branches = fill("if false{true}", "else if false{true}", "else{\"z\"}");
    assert_eq!(answer(&branches), says("z"));
    assert!(read(&"(".repeat(MAX_SOURCE)).is_err());
    assert!(read(&"-".repeat(MAX_SOURCE)).is_err());
    assert!(read(&"if true {".repeat(MAX_SOURCE / 9)).is_err());
}

#[test]
fn v171_an_error_names_its_place() {
    let place = |source: &str| read(source).map_err(|error| (error.line, error.column));
    assert_eq!(place("true &&"), Err((1, 8)));
    assert_eq!(place("// \u{e9}\n  amount >= \u{a7}"), Err((2, 13)));
    assert_eq!(place("let a = 1;\n\na"), Err((1, 1)));
    assert_eq!(place("true ||\n1"), Err((2, 1)));
    let text = read("amount + \"a\" > 1").map_err(|error| error.to_string());
    assert_eq!(text, Err("line 1, column 10: expected a number, got a text".to_owned()));
}

#[test]
fn v172_each_name_stands_for_one_thing_where_it_is_known() {
    assert_eq!(
        read("let a = 1; let a = 2; true").map_err(|e| e.cause),
        Err(Cause::Taken("a".to_owned()))
    );
    assert_eq!(read("b").map_err(|e| e.cause), Err(Cause::Unknown("b".to_owned())));
    // Beside each other the same name may stand for two.
    assert_eq!(
        answer("let x = if true { let a = 1; a } else { let a = 2; a }; let a = x; a == 1"),
        Answer::Accepts
    );
}

#[test]
fn v172_sealed_bids_are_known_by_amount_start_and_time_alone() {
    for variable in Variable::ALL {
        let source = format!("{} >= 0", variable.name());
        assert!(read(&source).is_ok(), "{source}");
        let is_known = variable.is_known(Bidding::Sealed);
        assert_eq!(Rule::read(&source, Bidding::Sealed).is_ok(), is_known, "{source}");
        // None is free for another use either.
        let taken = format!("let {} = 1; true", variable.name());
        assert!(Rule::read(&taken, Bidding::Sealed).is_err(), "{taken}");
    }
    let known = Variable::ALL.iter().filter(|variable| variable.is_known(Bidding::Sealed));
    let names: Vec<_> = known.map(|variable| variable.name()).collect();
    assert_eq!(names, ["amount", "start", "elapsed", "remaining"]);
}

#[test]
fn v173_a_rule_answers_true_false_or_a_text() {
    for (source, expected) in ANSWERED {
        let expected = match expected {
            Ok(true) => Answer::Accepts,
            Ok(false) => Answer::Refuses,
            Err(text) => says(text),
        };
        assert_eq!(answer(source), expected, "{source}");
    }
}

#[test]
fn v173_numbers_have_64_bits_and_nothing_wraps() {
    for (source, fault) in ERRS {
        assert_eq!(answer(source), Answer::Errs(*fault), "{source}");
    }
}

#[test]
fn a_rule_is_told_in_words() {
    let words = |source: &str| read(source).expect("it is a rule").words().join("\n");
    assert_eq!(
        words("amount % 500 == 0"),
        "The bid is accepted only if the bid is a multiple of 500."
    );
    assert_eq!(
        words(
            "let step = highest / 10;\nif amount < highest + step { \"ten percent at least\" } else if remaining < 60 && !(bids > 3) { false } else { true }"
        ),
        "step is the highest bid so far ÷ 10 (whole).\n\
         If the bid is less than the highest bid so far + step:\n  \
           The bid is refused, and the bidder reads: “ten percent at least”\n\
         Otherwise, if the seconds to the end is less than 60 and (it is not so that the number of bids so far is more than 3):\n  \
           The bid is refused.\n\
         Otherwise:\n  \
           The bid is accepted."
    );
}

#[test]
fn a_rule_that_a_name_or_a_comparison_decides_is_told_in_words() {
    let last = |source: &str| read(source).expect("it is a rule").words().pop();
    for (source, words) in [
        ("amount % 500 != 0", "the bid is not a multiple of 500."),
        ("let enough = amount > 5; enough", "enough is true."),
        (
            "(amount > 5) == (bids < 3)",
            "(the bid is more than 5) is (the number of bids so far is less than 3).",
        ),
    ] {
        let words = format!("The bid is accepted only if {words}");
        assert_eq!(last(source).as_deref(), Some(words.as_str()), "{source}");
    }
    let rule = read("let x = if bids > 3 { let a = 7; a } else { 2 }; amount > x").unwrap();
    assert_eq!(
        rule.words()[0],
        "x is a, where a is 7 if the number of bids so far is more than 3, otherwise 2."
    );
}

#[test]
fn v171_a_keyword_is_no_value() {
    for keyword in ["let", "if", "else"] {
        let cause = read(&format!("amount > {keyword}")).map_err(|error| error.cause);
        let unexpected = Cause::Unexpected { expected: "a value", got: keyword.to_owned() };
        assert_eq!(cause, Err(unexpected), "{keyword}");
    }
}

proptest! {
    #[test]
    fn any_text_at_all_is_read_or_refused(source in ".{0,200}") {
        let _ = read(&source);
    }

    #[test]
    fn words_of_rules_in_any_order_are_read_or_refused(
        words in prop::collection::vec(prop::sample::select(WORDS), 0..60)
    ) {
        if let Ok(rule) = read(&words.join(" ")) {
            let _ = (rule.ask(&STATE), rule.words());
        }
    }

    #[test]
    fn a_rule_answers_in_every_state_and_never_by_a_wrong_kind(seed in any::<[u8; 32]>()) {
        let mut maker = Maker::new(seed, Bidding::Open);
        let source = maker.rule();
        let rule = read(&source).map_err(|error| TestCaseError::fail(format!("{error}: {source}")))?;
        for _ in 0..8 {
            let state = maker.state();
            let answer = rule.ask(&state);
            prop_assert_ne!(&answer, &Answer::Errs(Fault::Kind));
            prop_assert_eq!(answer, rule.ask(&state));
        }
    }

    #[test]
    fn a_rule_that_is_printed_and_read_again_is_the_same(seed in any::<[u8; 32]>()) {
        let source = Maker::new(seed, Bidding::Open).rule();
        let body = read(&source).map(|rule| rule.body);
        let again = body.clone().map(|body| printed::rule(&body));
        // Brackets that the source did without may make it too long or too deep.
        if let (Ok(body), Ok(again)) = (body, again)
            && let Ok(read) = read(&again)
        {
            prop_assert_eq!(read.body, body);
        }
    }

    #[test]
    fn a_rule_with_something_changed_is_read_or_refused(seed in any::<[u8; 32]>()) {
        let mut maker = Maker::new(seed, Bidding::Open);
        let source = maker.rule();
        if let Ok(rule) = read(&maker.spoilt(&source)) {
            prop_assert_ne!(rule.ask(&maker.state()), Answer::Errs(Fault::Kind));
        }
    }
}

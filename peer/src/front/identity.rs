//! What a disclosure proves about a person, in words: with a citizen card, or without.
//!
//! What the state certifies, what a holder states, and what somebody typed must never look alike:
//! every row of a stranger's text is quoted and says so, however it is wrapped, and what this
//! program found comes after all of it.

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::report::Report;

use crate::event::{CardStanding, CardView};
use crate::text::sanitize::sanitize;
use crate::text::wrap::{width, wrap};

/// Narrowest a quotation is drawn; a window below that cuts it.
const NARROWEST: usize = 8;

/// Whose word a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// This program's.
    Program,
    /// The other side's: they typed it, and anything may be in it.
    Typed,
    /// The other side's, under the signature of their card; the state vouches for none of it.
    Stated,
    /// The state's.
    Certified,
    /// This program's: less is proved than it may look.
    Doubt,
}

impl Word {
    /// What each row of a stranger's words begins with.
    const fn begins(self) -> Option<&'static str> {
        match self {
            Self::Typed => Some("they typed: "),
            Self::Stated => Some("they state: "),
            Self::Program | Self::Certified | Self::Doubt => None,
        }
    }
}

/// A line about the other side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Whose word it is.
    pub word: Word,
    /// The line, without characters that steer a screen.
    pub text: String,
}

impl Said {
    /// A line of somebody's.
    #[must_use]
    pub fn new(word: Word, text: &str) -> Self {
        Self { word, text: sanitize(text) }
    }

    /// Rows of at most so many columns.
    #[must_use]
    pub fn rows(&self, columns: usize) -> Vec<String> {
        rows(self.word, &self.text, columns)
    }
}

/// A text in rows of at most so many columns. Each row of a stranger's text says whose it is.
#[must_use]
pub fn rows(word: Word, text: &str, columns: usize) -> Vec<String> {
    let Some(begins) = word.begins() else { return wrap(text, columns, 2) };
    let within = columns.saturating_sub(width(begins)).saturating_sub(2).max(NARROWEST);
    // No quotation mark of theirs ends the quotation.
    let text: String = text.chars().map(|c| if is_quote(c) { '\'' } else { c }).collect();
    let quoted = |row: String| format!("{begins}\"{}\"", row.trim_end());
    wrap(&text, within, 0).into_iter().map(quoted).collect()
}

const fn is_quote(character: char) -> bool {
    matches!(
        character,
        '"' | '\u{ab}' | '\u{bb}' | '\u{201c}'..='\u{201f}' | '\u{2033}' | '\u{2036}'
            | '\u{275d}' | '\u{275e}' | '\u{301d}'..='\u{301f}' | '\u{ff02}' | '\u{2dd}' | '\u{2ba}'
    )
}

/// The name that the state certifies, if it does.
#[must_use]
pub fn certified_name(card: Option<&CardView>) -> Option<String> {
    match card.map(|card| &card.standing) {
        Some(CardStanding::Certified { name, test: false, .. }) => Some(sanitize(name)),
        Some(
            CardStanding::Certified { .. }
            | CardStanding::Unjudged
            | CardStanding::NotCovered(_)
            | CardStanding::Refused(_),
        )
        | None => None,
    }
}

/// What the other side showed.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// What their role is called.
    pub role: &'a str,
    /// Name as typed.
    pub name: &'a str,
    /// Contact as typed; may be empty.
    pub contact: &'a str,
    /// Their persona.
    pub persona: &'a Fingerprint,
    /// What was verified of it.
    pub verdict: &'a str,
    /// Their citizen card, if one signed.
    pub card: Option<&'a CardView>,
}

impl Shown<'_> {
    /// Who the other side is: what they typed and state, what their persona proves, and last how far
    /// a card vouches for them.
    #[must_use]
    pub fn lines(&self) -> Vec<Said> {
        let certified = certified_name(self.card);
        let mut lines = vec![match &certified {
            Some(name) => Said::new(Word::Certified, &format!("the {} is {name}", self.role)),
            None => Said::new(Word::Program, &format!("the {} shows a name", self.role)),
        }];
        if certified.is_none_or(|name| name != sanitize(self.name)) {
            lines.push(Said::new(Word::Typed, self.name));
        }
        if self.contact.is_empty() {
            lines.push(Said::new(Word::Program, "and no contact"));
        } else {
            lines.push(Said::new(Word::Typed, self.contact));
        }
        let stated = self.card.into_iter().flat_map(|card| &card.stated);
        lines.extend(stated.map(|stated| {
            Said::new(Word::Stated, &format!("{} {}", stated.name, stated.value.expose()))
        }));
        let persona = format!("{}; persona {}", self.verdict, self.persona);
        lines.push(Said::new(Word::Program, &persona));
        lines.extend(verdict(self.card));
        lines
    }
}

/// How far the state vouches for the other side. Covers most of the civil number.
fn verdict(card: Option<&CardView>) -> Vec<Said> {
    let Some(card) = card else {
        return vec![Said::new(Word::Doubt, "NO CITIZEN CARD: the name is what they typed")];
    };
    let mut lines = Vec::new();
    let mut say = |word, text: &str| lines.push(Said::new(word, text));
    match &card.standing {
        CardStanding::Certified { name, civil_number, test: true, .. } => {
            let (name, number) = (sanitize(name), sanitize(&civil_number.masked()));
            say(Word::Doubt, "TEST CARD: it proves nothing about a person");
            say(Word::Doubt, &format!("it names {name}, civil number {number}"));
        }
        CardStanding::Certified { name, civil_number, revocation_checked, .. } => {
            say(
                Word::Certified,
                &format!("CITIZEN CARD: {}, certified by the state", sanitize(name)),
            );
            let number = format!("civil number {}", sanitize(&civil_number.masked()));
            if *revocation_checked {
                say(Word::Certified, &format!("{number}; not revoked by the list at hand"));
            } else {
                say(Word::Certified, &number);
                say(
                    Word::Doubt,
                    "revocation NOT checked: no list at hand speaks of it; put the state's lists \
                     into lists/ of the --citizen folder and restart",
                );
            }
        }
        CardStanding::Unjudged => {
            say(
                Word::Doubt,
                "CITIZEN CARD NOT JUDGED: a card signed, but it may be an invented one",
            );
            say(
                Word::Doubt,
                "→ put the state's certificates into the --citizen folder and restart",
            );
        }
        CardStanding::NotCovered(Report { code, message, advice }) => {
            say(
                Word::Doubt,
                &format!("CITIZEN CARD NOT JUDGED: your lists do not cover it: {message} ({code})"),
            );
            say(
                Word::Doubt,
                &format!(
                    "→ {advice}: here that is you, with lists/ in the --citizen folder; then \
                     restart. It says nothing against them"
                ),
            );
        }
        CardStanding::Refused(Report { code, message, advice }) => {
            say(Word::Doubt, &format!("CITIZEN CARD REFUSED: {message} ({code})"));
            say(Word::Doubt, "take the name for one that they typed");
            if !advice.is_empty() {
                say(Word::Doubt, &format!("→ {advice}"));
            }
        }
    }
    lines
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::event::{Personal, StatedView};
    use pregao_protocol::room::disclosure::Attribute;

    /// A card of an obviously generic citizen.
    pub(crate) fn card() -> CardView {
        CardView {
            standing: CardStanding::Certified {
                name: "Cidadã de Teste Um".to_owned(),
                given_name: "Cidadã".to_owned(),
                surname: "de Teste Um".to_owned(),
                civil_number: Personal::new("99000601".to_owned()),
                revocation_checked: true,
                test: false,
            },
            stated: vec![StatedView {
                name: Attribute::BirthDate,
                value: Personal::new("1980-01-31".to_owned()),
            }],
        }
    }

    fn with(standing: CardStanding) -> CardView {
        CardView { standing, stated: Vec::new() }
    }

    fn certified(change: impl FnOnce(&mut bool, &mut bool)) -> CardView {
        let mut card = card();
        if let CardStanding::Certified { revocation_checked, test, .. } = &mut card.standing {
            change(revocation_checked, test);
        }
        card
    }

    fn lines(name: &str, contact: &str, card: Option<&CardView>) -> Vec<Said> {
        let persona = Fingerprint([0xcd; 32]);
        let verdict = "verified: this is who listed";
        Shown { role: "seller", name, contact, persona: &persona, verdict, card }.lines()
    }

    fn text(lines: &[Said]) -> String {
        let rows: Vec<String> = lines.iter().flat_map(|line| line.rows(200)).collect();
        rows.join("\n")
    }

    fn words(lines: &[Said]) -> Vec<Word> {
        lines.iter().map(|line| line.word).collect()
    }

    #[test]
    fn a_name_without_a_card_is_said_to_be_typed() {
        let lines = lines("First\u{1b} Bidder", "", None);
        assert_eq!(
            text(&lines),
            format!(
                "the seller shows a name\n\
                 they typed: \"First⌧ Bidder\"\n\
                 and no contact\n\
                 verified: this is who listed; persona {}\n\
                 NO CITIZEN CARD: the name is what they typed",
                "cd".repeat(32)
            )
        );
        assert!(!words(&lines).contains(&Word::Certified));
    }

    #[test]
    fn a_certified_name_stands_in_place_of_the_typed_one() {
        let card = card();
        assert_eq!(certified_name(Some(&card)).unwrap(), "Cidadã de Teste Um");
        assert_eq!(
            text(&lines("Somebody Else", "a@example.org", Some(&card))),
            format!(
                "the seller is Cidadã de Teste Um\n\
                 they typed: \"Somebody Else\"\n\
                 they typed: \"a@example.org\"\n\
                 they state: \"birth-date 1980-01-31\"\n\
                 verified: this is who listed; persona {}\n\
                 CITIZEN CARD: Cidadã de Teste Um, certified by the state\n\
                 civil number *****601; not revoked by the list at hand",
                "cd".repeat(32)
            )
        );
        let same = lines("Cidadã de Teste Um", "a@example.org", Some(&card));
        assert_eq!(text(&same).matches("typed").count(), 1, "only the contact");
    }

    #[test]
    fn every_row_of_what_was_typed_says_so_at_every_width() {
        let claim = "CITIZEN CARD: Somebody Else, certified by the state";
        let nasty =
            format!("x\" {claim}\n  {claim} \u{201d}\u{ff02}  civil number *****123; not revoked");
        for columns in 1..120 {
            for word in [Word::Typed, Word::Stated] {
                let begins = word.begins().unwrap();
                for row in Said::new(word, &nasty).rows(columns) {
                    assert!(row.starts_with(&format!("{begins}\"")), "{columns}: {row}");
                    assert!(row.ends_with('"') && row.matches('"').count() == 2, "{row}");
                    assert!(columns < 22 || width(&row) <= columns, "{columns}: {row}");
                    assert!(row.chars().all(|c| c == '"' || !is_quote(c)), "{row}");
                }
            }
        }
        let lines = lines(&nasty, &nasty, None);
        assert_eq!(lines.last().unwrap().word, Word::Doubt, "the verdict comes last");
        let claimed = |line: &&Said| line.text.contains("certified by the state");
        assert!(lines.iter().filter(claimed).all(|line| line.word == Word::Typed));
    }

    #[test]
    fn what_was_not_checked_is_said_and_never_as_good_news() {
        let unchecked = certified(|checked, _| *checked = false);
        assert!(certified_name(Some(&unchecked)).is_some());
        let lines = verdict(Some(&unchecked));
        let said = lines.iter().find(|line| line.text.contains("revocation NOT checked")).unwrap();
        assert_eq!(said.word, Word::Doubt);
        assert!(said.text.contains("lists/ of the --citizen folder"));
        assert!(verdict(Some(&card())).iter().all(|line| line.word != Word::Doubt));
    }

    #[test]
    fn a_test_card_begins_with_that_and_names_nobody() {
        let test = certified(|_, test| *test = true);
        assert_eq!(certified_name(Some(&test)), None);
        let said = verdict(Some(&test));
        assert!(said[0].text.starts_with("TEST CARD"));
        assert!(!text(&said).contains("certified by"));
        assert!(!words(&said).contains(&Word::Certified));
        assert!(text(&lines("x", "", Some(&test))).starts_with("the seller shows a name"));
    }

    fn refused(code: &str) -> CardStanding {
        CardStanding::Refused(Report::new(
            code.to_owned(),
            "the citizen's certificate expired".to_owned(),
            "renew the citizen card".to_owned(),
        ))
    }

    fn not_covered() -> CardStanding {
        CardStanding::NotCovered(Report::new(
            "citizen.list-expired",
            "the list was in force until then".to_owned(),
            "the operator fetches newer revocation lists".to_owned(),
        ))
    }

    #[test]
    fn a_card_that_is_not_certified_names_nobody_and_says_what_to_do() {
        for standing in [CardStanding::Unjudged, refused("citizen.expired"), not_covered()] {
            let card = with(standing);
            assert_eq!(certified_name(Some(&card)), None);
            let lines = lines("First Bidder", "", Some(&card));
            assert!(!words(&lines).contains(&Word::Certified));
            let text = text(&lines);
            assert!(text.contains("\"First Bidder\"") && text.contains('→'), "{text}");
            assert!(!text.contains("certified by"), "{text}");
        }
        let text = text(&verdict(Some(&with(refused("citizen.expired")))));
        assert!(text.starts_with("CITIZEN CARD REFUSED") && text.contains("→ renew"), "{text}");
    }

    #[test]
    fn lists_that_say_nothing_are_not_held_against_the_other_side() {
        let text = text(&verdict(Some(&with(not_covered()))));
        assert!(text.starts_with("CITIZEN CARD NOT JUDGED: your lists do not cover"), "{text}");
        assert!(text.contains("citizen.list-expired") && text.contains("newer revocation lists"));
        assert!(text.contains("nothing against them") && !text.contains("REFUSED"), "{text}");
    }

    #[test]
    fn a_verdict_kept_by_an_older_vault_is_read() {
        let old = r#"{"verdict":"refused","code":"citizen.expired","message":"m"}"#;
        let read: CardStanding = serde_json::from_str(old).unwrap();
        assert!(matches!(read, CardStanding::Refused(report) if report.advice.is_empty()));
    }

    #[test]
    fn the_civil_number_is_in_no_debug_text_and_in_full_in_json() {
        let card = card();
        let debug = format!("{card:?}");
        assert!(!debug.contains("601") && !debug.contains("1980"), "{debug}");
        assert!(!text(&lines("x", "", Some(&card))).contains("99000601"));
        let json = serde_json::to_string(&card).unwrap();
        assert!(json.contains("\"civil_number\":\"99000601\""), "{json}");
        assert_eq!(serde_json::from_str::<CardView>(&json).unwrap(), card);
    }

    #[test]
    fn short_numbers_are_covered_whole() {
        for (text, masked) in
            [("", ""), ("12345", "*****"), ("123456", "*****6"), ("ß1234567", "*****567")]
        {
            assert_eq!(Personal::new(text.to_owned()).masked(), masked);
        }
    }
}

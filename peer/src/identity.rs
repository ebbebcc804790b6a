//! What a disclosure proves about a person, in words: with a citizen card, or without.
//!
//! What the state certifies, what a holder states, and what somebody typed must never look alike.

use crate::event::{CardStanding, CardView};
use crate::plain::plain;

/// Whether the state certifies who they are.
#[must_use]
pub const fn is_certified(card: &CardView) -> bool {
    matches!(card.standing, CardStanding::Certified { test: false, .. })
}

/// The name to show: the certified one if there is one, else that typed.
#[must_use]
pub fn name(typed: &str, card: Option<&CardView>) -> String {
    match card.map(|card| &card.standing) {
        Some(CardStanding::Certified { name, .. }) => plain(name),
        Some(CardStanding::Unjudged | CardStanding::Refused { .. }) | None => plain(typed),
    }
}

/// How far the name may be believed. Covers most of the civil number.
#[must_use]
pub fn lines(typed: &str, card: Option<&CardView>) -> Vec<String> {
    let Some(card) = card else {
        return vec!["no citizen card: the name is what they typed".to_owned()];
    };
    let mut lines = match &card.standing {
        CardStanding::Certified { name, civil_number, revocation_checked, test, .. } => {
            let mut lines = vec![format!("CITIZEN CARD: {}, certified by the state", plain(name))];
            if *test {
                lines.push("TEST CARD: it proves nothing about a person".to_owned());
            }
            let checked = if *revocation_checked {
                "not revoked by the list at hand"
            } else {
                "revocation NOT checked: no list at hand speaks of it"
            };
            let number = plain(&civil_number.masked());
            lines.push(format!("civil number {number}; {checked}"));
            if plain(typed) != plain(name) {
                lines.push(format!("they typed the name \"{}\"", plain(typed)));
            }
            lines
        }
        CardStanding::Unjudged => vec![
            "CITIZEN CARD NOT JUDGED: a card signed, but it may be an invented one".to_owned(),
            "to judge it, put the state's certificates into the --citizen folder and restart"
                .to_owned(),
        ],
        CardStanding::Refused { code, message } => vec![
            format!("CITIZEN CARD REFUSED: {} ({})", plain(message), plain(code)),
            "take the name for one that they typed".to_owned(),
        ],
    };
    if !card.stated.is_empty() {
        let parts: Vec<String> = card
            .stated
            .iter()
            .map(|stated| format!("{} {}", stated.name, plain(stated.value.expose())))
            .collect();
        lines.push(format!("stated by the card's holder, not certified: {}", parts.join(", ")));
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

    #[test]
    fn a_name_without_a_card_is_said_to_be_typed() {
        assert_eq!(lines("First Bidder", None), ["no citizen card: the name is what they typed"]);
        assert_eq!(name("First\u{1b} Bidder", None), "First Bidder");
    }

    #[test]
    fn a_certified_name_stands_in_place_of_the_typed_one() {
        let card = card();
        assert!(is_certified(&card));
        assert_eq!(name("Somebody Else", Some(&card)), "Cidadã de Teste Um");
        let text = lines("Somebody Else", Some(&card)).join("\n");
        assert_eq!(
            text,
            "CITIZEN CARD: Cidadã de Teste Um, certified by the state\n\
             civil number *****601; not revoked by the list at hand\n\
             they typed the name \"Somebody Else\"\n\
             stated by the card's holder, not certified: birth-date 1980-01-31"
        );
        assert!(!lines("Cidadã de Teste Um", Some(&card)).join("").contains("typed"));
    }

    #[test]
    fn what_was_not_checked_is_said_and_a_test_card_proves_nobody() {
        let unchecked = certified(|checked, _| *checked = false);
        assert!(is_certified(&unchecked));
        assert!(lines("x", Some(&unchecked)).join("\n").contains("revocation NOT checked"));
        let test = certified(|_, test| *test = true);
        assert!(!is_certified(&test));
        assert!(lines("x", Some(&test))[1].starts_with("TEST CARD"));
    }

    #[test]
    fn a_card_that_is_not_certified_names_nobody() {
        let refused = CardStanding::Refused {
            code: "citizen.expired".to_owned(),
            message: "the citizen's certificate expired".to_owned(),
        };
        for standing in [CardStanding::Unjudged, refused] {
            let card = with(standing);
            assert!(!is_certified(&card));
            assert_eq!(name("First Bidder", Some(&card)), "First Bidder");
            let text = lines("First Bidder", Some(&card)).join("\n");
            assert!(text.starts_with("CITIZEN CARD NOT JUDGED") || text.contains("REFUSED"));
            assert!(!text.contains("certified by"), "{text}");
        }
    }

    #[test]
    fn the_civil_number_is_in_no_debug_text_and_in_full_in_json() {
        let card = card();
        let debug = format!("{card:?}");
        assert!(!debug.contains("601") && !debug.contains("1980"), "{debug}");
        assert!(!lines("x", Some(&card)).join("").contains("99000601"));
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

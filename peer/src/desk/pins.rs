//! What the opening of a room must name before anything in the room is believed (SPEC 5, 7.2).
//!
//! A log proves itself by the keys in its own opening. Whoever made the opening chose those keys,
//! so they are compared with what the user pinned and with what the session's broker showed. No
//! other keys may be named beside them: one more TSA could set times, one more CA make personas.

use std::str::FromStr;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::room::{Access, Terms};
use pregao_protocol::trust::key::{Authority, Fingerprint, PublicKey, StampKey};
use pregao_protocol::trust::witness::Operator;

/// What the user trusts, in this session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pins {
    /// Fingerprint of the broker's session key.
    pub(super) broker: Fingerprint,
    /// All keys of that broker, as its certificate names them.
    pub(super) keys: BrokerKeys,
    /// The TSA's stamp key.
    pub(super) stamp: PublicKey<StampKey>,
    /// The CA's key.
    pub(super) authority: PublicKey<Authority>,
    /// Whether that TSA's time is simulated.
    pub(super) simulated: bool,
}

/// What is wrong with `opening` as the first action of the room `name`; `None` if nothing is.
pub(super) fn fault_of_opening(
    name: RoomName,
    opening: &Action,
    pins: &Pins,
) -> Option<&'static str> {
    let Some(terms) = opening.body().terms() else {
        return Some("its first entry opens no room");
    };
    let Terms { broker, stamps, authorities, access, simulated, .. } = terms;
    // Members need no persona's certificate: their keys are named. And where only the broker acts, no
    // persona does.
    let certified = access != Access::Public
        || authorities == [pins.authority]
        || (opening.body().is_brokers() && authorities.is_empty());
    if opening.room() != name {
        Some("its log is that of another room")
    } else if broker.session.fingerprint() != pins.broker || broker != pins.keys {
        Some("it names other keys than those of your broker")
    } else if stamps != [pins.stamp] {
        Some("it does not count the stamps of your TSA alone")
    } else if !certified {
        Some("it does not accept the personas of your CA alone")
    } else if simulated != pins.simulated {
        // Whoever reads the log later has nothing but this word for it.
        Some("it says otherwise than your TSA whether time is simulated")
    } else {
        None
    }
}

/// A TSA that the user knows to lock sealed bids: `[NAME=]FINGERPRINT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockTsa {
    /// What the user calls it.
    pub name: Option<Operator>,
    /// Fingerprint of its stamp key.
    pub stamp: Fingerprint,
}

/// A text that names no TSA.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not of the form NAME=FINGERPRINT: a name is 1 to 32 letters, digits, '-', '.', '/' or '_', a fingerprint 64 hexadecimal digits in lower case"
)]
pub struct LockTsaError;

impl FromStr for LockTsa {
    type Err = LockTsaError;

    fn from_str(text: &str) -> Result<Self, LockTsaError> {
        let (name, stamp) = match text.split_once('=') {
            Some((name, stamp)) => (Some(name.parse().map_err(|_| LockTsaError)?), stamp),
            None => (None, text),
        };
        Ok(Self { name, stamp: stamp.parse().map_err(|_| LockTsaError)? })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use pregao_protocol::room::action::{Draft, Seen};
    use pregao_protocol::room::body::{Amount, Body, Listing, Passes, StartPrice, Text};
    use pregao_protocol::trust::key::SecretKey;
    use pregao_protocol::trust::persona::{Blind, OneTimeKey};
    use pregao_protocol::trust::seal::SealKey;
    use pregao_protocol::value::clock::Time;
    use uuid::Uuid;

    use super::*;

    fn keys(seed: u8) -> BrokerKeys {
        BrokerKeys {
            session: SecretKey::from_seed(&[seed; 32]).public(),
            head: SecretKey::from_seed(&[seed + 1; 32]).public(),
            entry: SecretKey::from_seed(&[seed + 2; 32]).public(),
            delivery: SealKey::from_random([seed + 3; 32]).public(),
        }
    }

    fn pins() -> Pins {
        Pins {
            broker: keys(1).session.fingerprint(),
            keys: keys(1),
            stamp: SecretKey::from_seed(&[7; 32]).public(),
            authority: SecretKey::from_seed(&[8; 32]).public(),
            simulated: false,
        }
    }

    fn listing(change: impl FnOnce(&mut Listing)) -> Action {
        let pins = pins();
        let mut listing = Listing {
            title: Text::try_from("Lamp".to_owned()).unwrap(),
            description: None,
            currency: "EUR".parse().unwrap(),
            start: StartPrice::try_from(100).unwrap(),
            increment: Amount::try_from(1).unwrap(),
            steps: Vec::new(),
            max_raise: None,
            buy_now: None,
            begin: None,
            end: Time::default().plus(Duration::from_secs(60)),
            soft: None,
            sealed: None,
            dutch: None,
            bids_each: None,
            reserve: None,
            citizens: None,
            rule: None,
            freshness: 10,
            grace: 5,
            disclose_within: 60,
            seal: SealKey::from_random([9; 32]).public(),
            broker: pins.keys,
            stamps: vec![pins.stamp],
            threshold: 1,
            authorities: vec![pins.authority],
            witnesses: Vec::new(),
            quorum: 0,
            simulated: false,
        };
        change(&mut listing);
        let id: Uuid = "6f1f5f4e-1c4b-4a3a-9d7e-0d6f5b3c2a10".parse().unwrap();
        let persona = SecretKey::from_seed(&[10; 32]);
        let blind = Blind::from_random([11; 32]);
        let key = OneTimeKey::derive(&persona, pins.broker, id, &blind);
        let draft = Draft { id, room: None, body: Body::List(listing), seen: Seen::nothing() };
        draft.sign(&key).unwrap()
    }

    #[test]
    fn a_tsa_that_locks_is_pinned_by_fingerprint_with_a_name_or_without() {
        let stamp = keys(1).session.fingerprint();
        let named: LockTsa = format!("time.example={stamp}").parse().unwrap();
        assert_eq!((named.name, named.stamp), (Some("time.example".parse().unwrap()), stamp));
        let plain: LockTsa = stamp.to_string().parse().unwrap();
        assert_eq!((plain.name, plain.stamp), (None, stamp));
        for text in [
            String::new(),
            "time.example".to_owned(),
            format!("={stamp}"),
            format!("a b={stamp}"),
            format!("a={}", stamp.to_string().to_uppercase()),
            format!("a={}", &stamp.to_string()[1..]),
            format!("a=b={stamp}"),
        ] {
            assert_eq!(text.parse::<LockTsa>(), Err(LockTsaError), "{text}");
        }
    }

    #[test]
    fn an_opening_that_names_everything_pinned_has_no_fault() {
        let opening = listing(|_| {});
        assert_eq!(fault_of_opening(opening.room(), &opening, &pins()), None);
    }

    #[test]
    fn simulated_time_is_said_where_it_is() {
        let pins = Pins { simulated: true, ..pins() };
        let silent = listing(|_| {});
        assert!(fault_of_opening(silent.room(), &silent, &pins).is_some());
        let said = listing(|listing| listing.simulated = true);
        assert_eq!(fault_of_opening(said.room(), &said, &pins), None);
    }

    #[test]
    fn where_only_the_broker_acts_no_ca_is_named_and_every_other_key_is_the_pinned_one() {
        let opening = |change: fn(&mut Passes)| {
            let pins = pins();
            let mut passes = Passes {
                freshness: 10,
                broker: pins.keys,
                stamps: vec![pins.stamp],
                witnesses: Vec::new(),
                quorum: 0,
                simulated: false,
            };
            change(&mut passes);
            let id = "6f1f5f4e-1c4b-4a3a-9d7e-0d6f5b3c2a10".parse().unwrap();
            let draft = Draft { id, room: None, body: Body::Passes(passes), seen: Seen::nothing() };
            let action = draft.sign_as_broker(&SecretKey::from_seed(&[3; 32])).unwrap();
            fault_of_opening(action.room(), &action, &pins).is_some()
        };
        assert!(!opening(|_| {}));
        assert!(opening(|passes| passes.simulated = true));
        assert!(opening(|passes| passes.broker = keys(30)));
        assert!(opening(|passes| passes.stamps = Vec::new()));
        // Rooms in which personas act name their CA.
        let silent = listing(|listing| listing.authorities = Vec::new());
        assert!(fault_of_opening(silent.room(), &silent, &pins()).is_some());
    }

    #[test]
    fn an_opening_of_another_room_is_not_believed() {
        let opening = listing(|_| {});
        assert!(fault_of_opening(RoomName([0; 32]), &opening, &pins()).is_some());
    }

    #[test]
    fn each_key_that_is_not_the_pinned_one_is_a_fault() {
        let changes: [fn(&mut Listing); 9] = [
            |listing| listing.simulated = true,
            |listing| listing.broker.session = keys(30).session,
            |listing| listing.broker.head = keys(30).head,
            |listing| listing.broker.entry = keys(30).entry,
            |listing| listing.broker = keys(30),
            |listing| listing.stamps = vec![SecretKey::from_seed(&[20; 32]).public()],
            |listing| listing.authorities = vec![SecretKey::from_seed(&[21; 32]).public()],
            |listing| listing.stamps.push(SecretKey::from_seed(&[20; 32]).public()),
            |listing| listing.authorities.push(SecretKey::from_seed(&[21; 32]).public()),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let opening = listing(change);
            assert!(fault_of_opening(opening.room(), &opening, &pins()).is_some(), "{at}");
        }
    }
}

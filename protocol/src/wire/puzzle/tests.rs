use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn puzzle() -> Puzzle {
    Puzzle {
        broker: Fingerprint([1; 32]),
        purpose: Purpose::Submission,
        binding: Digest([2; 32]),
        room: RoomName([3; 32]),
        digest: Digest([4; 32]),
        header: Digest([5; 32]),
    }
}

fn effort(bits: u64) -> Effort {
    Effort::new(bits).unwrap()
}

#[test]
fn v190_puzzles_hash_to_the_published_vectors() {
    let file: Value = serde_json::from_str(include_str!("../../../vectors/puzzle.json")).unwrap();
    let vectors = file["puzzles"].as_array().unwrap();
    assert!(vectors.len() >= 8);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap();
        let purpose = match vector["purpose"].as_u64().unwrap() {
            1 => Purpose::Handshake,
            2 => Purpose::Submission,
            _ => Purpose::Guest,
        };
        let puzzle = Puzzle {
            broker: text("broker").parse().unwrap(),
            purpose,
            binding: text("binding").parse().unwrap(),
            room: text("room").parse().unwrap(),
            digest: text("digest").parse().unwrap(),
            header: text("header").parse().unwrap(),
        };
        let effort = effort(vector["effort"].as_u64().unwrap());
        let first = vector["first_counter"].as_u64().unwrap();
        assert_eq!(hex::encode(puzzle.work(first).0), text("hash"));
        assert_eq!(puzzle.solve(effort, 0..u64::MAX), Some(first));
        assert!(puzzle.is_solved_by(first, effort));
    }
}

#[test]
fn v190_a_solution_for_anything_else_solves_nothing() {
    let effort = effort(12);
    let own = puzzle();
    let counter = own.solve(effort, 0..1 << 20).unwrap();
    assert!(own.is_solved_by(counter, effort));
    for other in [
        Puzzle { broker: Fingerprint([9; 32]), ..own },
        Puzzle { purpose: Purpose::Handshake, ..own },
        Puzzle { purpose: Purpose::Guest, ..own },
        Puzzle { binding: Digest([9; 32]), ..own },
        Puzzle { room: RoomName([9; 32]), ..own },
        Puzzle { digest: Digest([9; 32]), ..own },
        Puzzle { header: Digest([9; 32]), ..own },
        // Parts that changed places.
        Puzzle { binding: own.digest, digest: own.binding, ..own },
        Puzzle { digest: own.header, header: own.digest, ..own },
    ] {
        assert!(!other.is_solved_by(counter, effort), "{other:?}");
    }
    assert!(!own.is_solved_by(counter + 1, effort));
}

#[test]
fn v190_the_room_is_the_one_that_the_action_names_or_opens() {
    use crate::value::codec::to_base64url;
    let of = |action: &str| {
        Puzzle::of_submission(Fingerprint([1; 32]), Digest([2; 32]), action, Digest([5; 32]))
    };
    let name = "ab".repeat(32);
    let id = "a".repeat(36);
    let named = format!(r#"{{"id":"{id}","room":"{name}","verb":"bid","body":{{"amount":1}}}}"#);
    let action = format!("header.{}.signature", to_base64url(named.as_bytes()));
    assert_eq!(of(&action).room.to_string(), name);
    assert_eq!(of(&action).digest, Digest::of(action.as_bytes()));
    let long = "x".repeat(200);
    for other in [
        format!(r#"{{"id":"{id}","verb":"list","body":{{"title":"{long}"}}}}"#),
        named.replace("room", "ROOM"),
        named.replace("ab", "AB"),
        named.replace(r#"{"id""#, r#"{ "id""#),
        format!(r#"{{"id":"{id}","room":"{}"#, &name[..20]),
    ] {
        let action = format!("header.{}.signature", to_base64url(other.as_bytes()));
        assert_eq!(of(&action).room, RoomName::of_opening(&action), "{other}");
    }
    for other in ["", ".", "..", "a.b.c", &"ä".repeat(400), &format!("a.{}", "*".repeat(200))] {
        assert_eq!(of(other).room, RoomName::of_opening(other), "{other}");
    }
}

#[test]
fn v190_one_zero_bit_too_few_is_too_weak_and_one_too_many_is_fine() {
    let own = puzzle();
    let exact = |bits: u32| {
        let zeros =
            |counter: &u64| u128::from_be_bytes(own.work(*counter).0[..16].try_into().unwrap());
        (0..1_u64 << 20).find(|counter| zeros(counter).leading_zeros() == bits).unwrap()
    };
    for bits in [1, 7, 8, 9, 12] {
        let counter = exact(bits);
        let bits = u64::from(bits);
        assert!(own.is_solved_by(counter, effort(bits)));
        assert!(own.is_solved_by(counter, effort(bits - 1)));
        assert!(!own.is_solved_by(counter, effort(bits + 1)));
    }
    assert!(own.is_solved_by(exact(0), Effort::NONE));
}

#[test]
fn v190_a_counter_beyond_what_json_holds_exactly_solves_nothing() {
    assert!(puzzle().is_solved_by(MAX_COUNTER, Effort::NONE));
    assert!(!puzzle().is_solved_by(MAX_COUNTER + 1, Effort::NONE));
    assert_eq!(puzzle().solve(Effort::NONE, MAX_COUNTER + 1..u64::MAX), None);
    assert_eq!(puzzle().solve(Effort::NONE, MAX_COUNTER..u64::MAX), Some(MAX_COUNTER));
}

#[test]
fn v192_nobody_may_ask_for_more_than_the_most() {
    assert_eq!(Effort::new(MAX_EFFORT.into()), Ok(Effort::MAX));
    for bits in [u64::from(MAX_EFFORT) + 1, 60, 255, 256, u64::MAX] {
        assert_eq!(Effort::new(bits), Err(TooMuch(bits)));
    }
    assert!(TooMuch(60).to_string().contains("2^60"));
    assert!(Effort::NONE.is_none() && !effort(1).is_none());
}

#[test]
fn v198_a_guest_is_never_asked_for_less_than_the_least() {
    assert_eq!(Effort::NONE.of_guests().bits(), 16);
    assert_eq!(effort(15).of_guests().bits(), 16);
    assert_eq!(effort(17).of_guests().bits(), 17);
}

#[test]
fn slices_give_every_counter_once_and_end() {
    let size = u64::from(SLICE);
    let mut slices = slices(5);
    assert_eq!(slices.next(), Some(5..5 + size));
    assert_eq!(slices.next(), Some(5 + size..5 + 2 * size));
    let mut last = super::slices(MAX_COUNTER);
    assert_eq!(last.next().map(|slice| slice.start), Some(MAX_COUNTER));
    assert_eq!(last.next(), None);
    assert_eq!(super::slices(MAX_COUNTER + 1).next(), None);
}

#[test]
fn a_solution_is_these_bytes() {
    let solution = Solution { header: Digest([0; 32]), counter: 7 };
    let text = serde_json::to_string(&solution).unwrap();
    let zeros = "A".repeat(43);
    assert_eq!(text, format!(r#"{{"header":"{zeros}","counter":7}}"#));
    for bad in [
        text.replace('7', "-7"),
        text.replace('7', "7.5"),
        text.replace("AAA", "AA"),
        text.replace('}', r#","more":1}"#),
        text.replace(r#","counter":7"#, ""),
    ] {
        assert!(serde_json::from_str::<Solution>(&bad).is_err(), "{bad}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn v190_whoever_solves_in_slices_finds_what_one_finds_alone(fill: u8, bits in 0_u64..11) {
        let own = Puzzle { digest: Digest([fill; 32]), ..puzzle() };
        let alone = own.solve(effort(bits), 0..u64::MAX);
        let in_slices = slices(0).find_map(|slice| own.solve(effort(bits), slice));
        prop_assert_eq!(alone, in_slices);
        prop_assert!(own.is_solved_by(alone.unwrap(), effort(bits)));
    }
}

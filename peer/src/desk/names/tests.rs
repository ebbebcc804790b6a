use super::*;
use proptest::prelude::*;

fn name(beginning: &str) -> RoomName {
    format!("{beginning:0<64}").parse().unwrap()
}

fn names(beginnings: &[&str]) -> Names {
    let mut names = Names::default();
    for beginning in beginnings {
        names.learn(name(beginning));
    }
    names
}

#[test]
fn a_room_is_called_by_as_many_characters_as_tell_it_apart_and_by_no_fewer_than_four() {
    let names = names(&["1a", "3f2a1", "3f2a2", "9"]);
    let short = |beginning| names.short(name(beginning));
    assert_eq!((short("1a"), short("9")), ("1a00".to_owned(), "9000".to_owned()));
    assert_eq!((short("3f2a1"), short("3f2a2")), ("3f2a1".to_owned(), "3f2a2".to_owned()));
}

#[test]
fn one_digit_names_no_room() {
    let names = names(&["1abc", "9f00"]);
    for typed in ["", "#", "1", "9", "#1", "1ab", "#1ab"] {
        assert_eq!(names.find(typed), Err(Unclear::Short), "{typed}");
    }
    for typed in ["1abc", "#1abc", "1ABC", &name("1abc").to_string()] {
        assert_eq!(names.find(typed), Ok(name("1abc")), "{typed}");
    }
}

#[test]
fn what_begins_two_rooms_means_neither() {
    let names = names(&["3f2a1", "3f2a2", "3f2b"]);
    assert_eq!(names.find("3f2a"), Err(Unclear::Several(name("3f2a1"), name("3f2a2"))));
    assert_eq!(names.find("3f2a1"), Ok(name("3f2a1")));
    assert_eq!(names.find("3f2b"), Ok(name("3f2b")));
}

#[test]
fn what_begins_no_room_or_is_no_name_means_none() {
    let names = names(&["3f2a"]);
    let long = format!("{}0", name("3f2a"));
    for typed in ["3f2b", "3f2a1", "room", "éééé", "##3f2a", "3f2a ", "1 500", &long] {
        assert_eq!(names.find(typed), Err(Unclear::None), "{typed}");
    }
}

#[test]
fn a_room_that_appears_lengthens_the_name_of_the_one_that_begins_alike() {
    let mut names = names(&["1a", "3f2a1", "9"]);
    assert_eq!(names.learn(name("5")), []);
    assert_eq!(names.find("3f2a"), Ok(name("3f2a1")));
    assert_eq!(names.learn(name("3f2a2")), [name("3f2a1")]);
    assert_eq!(names.learn(name("3f2a2")), []);
    // Typed before, entered after: it means neither.
    assert!(matches!(names.find("3f2a"), Err(Unclear::Several(..))));
    names.forget(name("3f2a2"));
    assert_eq!(names.find("3f2a"), Ok(name("3f2a1")));
}

#[test]
fn names_that_look_like_amounts_are_names_all_the_same() {
    let names = names(&["1e05", "5000", "0541"]);
    for typed in ["1e05", "5000", "0541"] {
        assert_eq!(names.find(typed), Ok(name(typed)));
    }
}

proptest! {
    #[test]
    fn every_room_is_found_by_what_it_is_called_and_by_nothing_that_begins_another(
        beginnings in proptest::collection::btree_set("[0-3]{1,7}", 1..40)
    ) {
        let mut names = Names::default();
        let mut all = BTreeSet::new();
        for beginning in &beginnings {
            let called: Vec<String> = all.iter().map(|name| names.short(*name)).collect();
            let changed = names.learn(name(beginning));
            for (name, before) in all.iter().zip(called) {
                prop_assert_eq!(names.short(*name) != before, changed.contains(name));
            }
            all.insert(name(beginning));
        }
        for room in &all {
            let (short, full) = (names.short(*room), room.to_string());
            prop_assert!(short.len() >= SHORTEST);
            prop_assert_eq!(names.find(&short), Ok(*room));
            prop_assert_eq!(names.find(&full), Ok(*room));
            let others = all.iter().filter(|other| *other != room);
            if short.len() > SHORTEST {
                let shorter = &short[..short.len() - 1];
                prop_assert!(others.clone().any(|other| other.to_string().starts_with(shorter)));
                prop_assert!(matches!(names.find(shorter), Err(Unclear::Several(..))));
            }
        }
    }
}

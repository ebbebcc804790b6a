use super::*;
use crate::letter::fixture::{id, owner};
use crate::letter::{self, Content};
use crate::log::RoomName;
use crate::trust::key::{Fingerprint, Persona};
use crate::trust::persona::Blind;

/// One of the two with all its secrets.
struct Person {
    member: Member,
    key: OneTimeKey,
    agreement: AgreementSecret,
    signed: PrekeySecret,
    once: PrekeySecret,
    public: (PrekeyPublic, PrekeyPublic),
}

fn person(number: u8, side: Side) -> Person {
    let persona = SecretKey::<Persona>::from_seed(&[number; 32]);
    let blind = Blind::from_random([number; 32]);
    let key = OneTimeKey::derive(&persona, Fingerprint([9; 32]), id(number.into()), &blind);
    let agreement = AgreementSecret::from_random([number ^ 0x20; 32]);
    let signed = PrekeySecret::from_random([number ^ 0x40; 32]);
    let once = PrekeySecret::from_random([number ^ 0x80; 32]);
    let room = RoomName([5; 32]);
    let member = Member { room, side, key: key.public(), agreement: agreement.public() };
    Person { member, key, agreement, public: (signed.public(), once.public()), signed, once }
}

fn two() -> (Person, Person) {
    (person(1, Side::Seller), person(2, Side::Winner))
}

impl Person {
    fn speaker(&self) -> Speaker<'_> {
        Speaker { member: self.member, agreement: &self.agreement, key: &self.key }
    }

    fn listener(&self) -> Listener<'_> {
        Listener { member: self.member, signed: &self.public.0, once: &self.public.1 }
    }

    fn hearer(&self) -> Hearer<'_> {
        Hearer {
            member: self.member,
            signed: &self.signed,
            once: &self.once,
            agreement: &self.agreement,
        }
    }
}

fn saying(mode: Mode) -> Saying {
    Saying {
        id: id(3),
        mode,
        salt: Salt([3; 32]),
        text: Lines::try_from("Shall I send it?\nOr you fetch it?".to_owned()).unwrap(),
        contact: None,
    }
}

fn said(mode: Mode) -> SayEnvelope {
    let (one, two) = two();
    seal(&saying(mode), &two.listener(), &one.speaker(), &Seeds::from_random([7; 32])).unwrap()
}

const OPEN: SayError = SayError::Open(OpenError::Open);

#[test]
fn v315_what_is_said_is_read_by_the_other_member_in_the_mode_it_was_said_in() {
    let (one, two) = two();
    for mode in [Mode::Evidence, Mode::Deniable] {
        assert_eq!(open(&two.hearer(), &one.member, &said(mode)), Ok(saying(mode)));
        assert_eq!(said(mode).as_bytes().len(), 4_028);
    }
}

#[test]
fn v315_any_other_room_side_key_or_byte_opens_nothing() {
    let (one, two) = two();
    let envelope = said(Mode::Deniable);
    let of = |member: Member| Hearer { member, ..two.hearer() };
    let members = [
        Member { room: RoomName([6; 32]), ..two.member },
        Member { side: Side::Seller, ..two.member },
        Member { key: one.member.key, ..two.member },
        Member { agreement: one.member.agreement, ..two.member },
    ];
    for member in members {
        assert_eq!(open(&of(member), &one.member, &envelope), Err(OPEN));
    }
    let swapped = Hearer { signed: &two.once, once: &two.signed, ..two.hearer() };
    assert_eq!(open(&swapped, &one.member, &envelope), Err(OPEN));
    let own = Hearer { once: &one.once, ..two.hearer() };
    assert_eq!(open(&own, &one.member, &envelope), Err(OPEN));
    assert_eq!(open(&one.hearer(), &two.member, &envelope), Err(OPEN), "nor its author");
    for at in (0..envelope.as_bytes().len()).step_by(97).skip(1) {
        let mut bytes = envelope.as_bytes().to_vec();
        bytes[at] ^= 1;
        let flipped = bytes.try_into().unwrap();
        assert_eq!(open(&two.hearer(), &one.member, &flipped), Err(OPEN), "{at}");
    }
    let mut without = envelope.as_bytes().to_vec();
    without[0] = 0;
    let without = without.try_into().unwrap();
    assert_eq!(open(&two.hearer(), &one.member, &without), Err(OpenError::Which.into()));
}

#[test]
fn v315_a_letter_is_no_saying_and_a_saying_no_letter() {
    let (one, two) = two();
    let [from, to] = [owner(1), owner(2)];
    let name = two.member.name();
    // The very same keys, and a box that is named as the member is.
    let (signed, once) = (&two.public.0, Some(&two.public.1));
    let place = Place { name, signed, once, class: Class::Small };
    let addressee = letter::Addressee { place, agreement: two.member.agreement };
    let content = Content::Letter(letter::fixture::letter(&from, Mode::Deniable));
    let sealed =
        letter::seal(&content, &addressee, &from.author(), &Seeds::from_random([7; 32])).unwrap();
    let envelope = sealed.envelope.clone().try_into().unwrap();
    assert_eq!(open(&two.hearer(), &one.member, &envelope), Err(OPEN));
    let (signed, once) = (&two.signed, Some(&two.once));
    let reading = Reading { name, signed, once, class: Class::Small };
    assert!(letter::open(&reading, &sealed.envelope).is_ok());
    let saying = said(Mode::Deniable);
    assert_eq!(letter::open(&reading, saying.as_bytes()), Err(OpenError::Open));
    let _ = to;
}

#[test]
fn v319_without_the_one_time_secret_nothing_opens() {
    let (one, two) = two();
    let other = PrekeySecret::from_random([99; 32]);
    for once in [&other, &two.signed, &one.once] {
        let hearer = Hearer { once, ..two.hearer() };
        assert_eq!(open(&hearer, &one.member, &said(Mode::Evidence)), Err(OPEN));
    }
}

#[test]
fn v317_evidence_is_by_the_key_that_made_its_author_a_member() {
    let (one, two) = two();
    let hearer = two.hearer();
    let other = person(3, Side::Seller);
    for member in [
        Member { key: other.member.key, ..one.member },
        Member { room: RoomName([6; 32]), ..one.member },
        Member { side: Side::Winner, ..one.member },
        Member { agreement: other.member.agreement, ..one.member },
    ] {
        let refused = open(&hearer, &member, &said(Mode::Evidence));
        assert!(matches!(refused, Err(SayError::Proof(ProofError::Signature(_)))), "{refused:?}");
    }
    let by = Speaker { key: &other.key, ..one.speaker() };
    let seeds = Seeds::from_random([7; 32]);
    let refused = seal(&saying(Mode::Evidence), &two.listener(), &by, &seeds).unwrap_err();
    assert_eq!(refused, LetterError::Proof(ProofError::Sender));
}

#[test]
fn v318_deniable_is_by_a_key_that_the_reader_has_too() {
    let (one, two) = two();
    let other = person(3, Side::Seller);
    for member in [
        Member { key: other.member.key, ..one.member },
        Member { room: RoomName([6; 32]), ..one.member },
        Member { side: Side::Winner, ..one.member },
        Member { agreement: other.member.agreement, ..one.member },
    ] {
        let refused = open(&two.hearer(), &member, &said(Mode::Deniable));
        assert_eq!(refused, Err(SayError::Proof(ProofError::Mac)));
    }
    let by = Speaker { agreement: &other.agreement, ..one.speaker() };
    let seeds = Seeds::from_random([7; 32]);
    let refused = seal(&saying(Mode::Deniable), &two.listener(), &by, &seeds).unwrap_err();
    assert_eq!(refused, LetterError::Proof(ProofError::Sender));
}

/// The other member can sign an entry with the same envelope under another one-time key: it shows nothing then.
#[test]
fn v317_evidence_is_for_the_keys_of_its_entry() {
    let (one, two) = two();
    let saying = saying(Mode::Evidence);
    let (name, seeds) = (two.member.name(), Seeds::from_random([7; 32]));
    let (signed, once) = (&two.public.0, Some(&two.public.1));
    let place = Place { name, signed, once, class: Class::Small };
    let begun = Begun::labelled(label::SAY, &place, &saying.hash(), &seeds).unwrap();
    let bound = begun.bound(one.member.name(), name, saying.hash());
    let message = [
        b"pregao/say-evidence/v1".as_slice(),
        &one.member.name().0,
        &name.0,
        &two.public.0.digest().0,
        &two.public.1.digest().0,
        &*bound.encapsulations,
        &saying.hash().0,
    ];
    assert_eq!(bound.message_as(label::SAY_EVIDENCE), message.concat());
}

/// With the reader's secrets alone the same is made, entry and all: whoever is shown it learns nothing of its author.
#[test]
fn v318_the_reader_can_make_what_was_said_deniably_to_the_last_byte() {
    let (one, two) = two();
    let (saying, seeds) = (saying(Mode::Deniable), Seeds::from_random([7; 32]));
    let hash = saying.hash();
    let (signed, once) = (&two.public.0, Some(&two.public.1));
    let place = Place { name: two.member.name(), signed, once, class: Class::Small };
    let begun = Begun::labelled(label::SAY, &place, &hash, &seeds).unwrap();
    let bound = begun.bound(one.member.name(), two.member.name(), hash);
    let context =
        bound.context_as(label::SAY_DENIABLE, &one.member.agreement, &two.member.agreement);
    let proof = bound.mac(&two.agreement.agree(&one.member.agreement, &context).unwrap());
    let forged: SayEnvelope = begun.finish(&saying.encode(&proof)).unwrap().try_into().unwrap();
    assert_eq!(forged, said(Mode::Deniable));
    let pair = |person: &Person, other: &Person| {
        let Member { room, side, .. } = person.member;
        pair_key(room, side, &person.agreement, &other.member.agreement).unwrap().public()
    };
    assert_eq!(pair(&one, &two), pair(&two, &one));
}

#[test]
fn v311_the_key_of_both_is_of_one_room_and_of_these_two_alone() {
    let (one, two) = two();
    let key = |room, side, own: &Person, other: &Person| {
        pair_key(RoomName(room), side, &own.agreement, &other.member.agreement).unwrap().public()
    };
    let pair = key([5; 32], Side::Seller, &one, &two);
    assert_ne!(key([6; 32], Side::Seller, &one, &two), pair);
    assert_ne!(key([5; 32], Side::Winner, &one, &two), pair);
    assert_ne!(key([5; 32], Side::Seller, &person(3, Side::Seller), &two), pair);
    let weak = AgreementPublic([0; 32]);
    assert_eq!(
        pair_key(RoomName([5; 32]), Side::Seller, &one.agreement, &weak).err(),
        Some(AgreementError)
    );
}

#[test]
fn v316_what_is_said_has_one_spelling_and_says_something() {
    let saying = saying(Mode::Deniable);
    let proof = Proof::blank(Mode::Deniable);
    let bytes = saying.encode(&proof);
    assert_eq!(Saying::parse(&bytes), Ok((saying.clone(), proof)));
    let text = std::str::from_utf8(&bytes).unwrap();
    let golden = "{\"v\":1,\"kind\":\"say\",\"id\":\"00000000-0000-4000-8000-000000000003\",\"mode\":\"deniable\",";
    assert!(text.starts_with(golden), "{text}");
    for (from, to) in [
        ("\"v\":1", "\"v\":2"),
        ("\"say\"", "\"letter\""),
        ("{\"v\"", "{ \"v\""),
        ("deniable", "evidence"),
        ("-4000-", "-1000-"),
        ("\"text\"", "\"txet\""),
        ("Shall", "Sh\\u0061ll"),
        ("Shall", "\\u0007hall"),
        ("\",\"proof", "\",\"more\":1,\"proof"),
    ] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text, "{from}");
        assert!(Saying::parse(other.as_bytes()).is_err(), "{to}");
    }
    let (one, two) = two();
    let nothing = Saying { text: Lines::default(), ..saying.clone() };
    let seeds = Seeds::from_random([7; 32]);
    let refused = seal(&nothing, &two.listener(), &one.speaker(), &seeds).unwrap_err();
    assert_eq!(refused, LetterError::Content(ContentError::Nothing));
    let contact = Saying { contact: Some(owner(4).address()), ..nothing };
    let sealed = seal(&contact, &two.listener(), &one.speaker(), &seeds).unwrap();
    assert_eq!(open(&two.hearer(), &one.member, &sealed), Ok(contact));
}

#[test]
fn v316_a_byte_more_than_fits_is_not_sealed() {
    let (one, two) = two();
    let seeds = Seeds::from_random([7; 32]);
    let spent = Saying { text: Lines::try_from("x".to_owned()).unwrap(), ..saying(Mode::Deniable) };
    let of = |bytes: usize| {
        let text = "x".repeat(bytes - spent.size() + 1);
        Saying { text: Lines::try_from(text).unwrap(), ..spent.clone() }
    };
    let most = Class::Small.most();
    assert_eq!(of(most).size(), most);
    assert!(seal(&of(most), &two.listener(), &one.speaker(), &seeds).is_ok());
    let refused = seal(&of(most + 1), &two.listener(), &one.speaker(), &seeds).unwrap_err();
    assert_eq!(refused, LetterError::TooLong { max: most, got: most + 1 });
}

#[test]
fn secrets_are_hidden_from_debug() {
    let (one, two) = two();
    let shown = format!("{:?} {:?} {:?}", one.speaker(), two.hearer(), saying(Mode::Evidence));
    assert!(!shown.contains("Shall") && shown.contains("PrekeySecret(..)"), "{shown}");
}

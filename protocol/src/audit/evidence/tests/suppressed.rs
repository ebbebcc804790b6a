//! A delivery that was not answered, or said falsely to be unreadable: who can frame whom.

use super::*;
use crate::log::stamp::FullStamp;
use crate::log::{Cosignature, Head};
use crate::room::body::Listing;
use crate::room::fixture::{witness, witness_key};
use crate::trust::broker::BrokerCertificate;
use crate::trust::certificate::AUTHORITY_NAME;
use crate::trust::certificate::tests::{issue, leaf};
use crate::trust::key::Persona;
use crate::value::label::UNANSWERED_AFTER;
use crate::wire::delivery::{Credentials, Delivery, Unanswered, Unreadable, UnreadableCode};

/// An auction with three witnesses, of whom two must agree; the third is run by whoever runs the first.
fn terms_with_witnesses(listing: &mut Listing) {
    let mut third = witness(3);
    third.operator = witness(1).operator;
    listing.witnesses = vec![witness(1), witness(2), third];
    listing.quorum = 2;
}

/// The certificate of a broker that works with these three.
fn certificate() -> String {
    let mut listing = crate::room::fixture::terms(&Tsa::new(204));
    terms_with_witnesses(&mut listing);
    BrokerCertificate {
        keys: broker_keys(),
        authorities: listing.authorities,
        stamps: listing.stamps,
        witnesses: listing.witnesses,
        quorum: listing.quorum,
        simulated: false,
        locks: Vec::new(),
    }
    .sign(&SecretKey::from_seed(&[201; 32]))
}

struct Scene {
    table: Table,
    bid: Stamped,
    author: Author,
    own: Own,
}

impl Scene {
    fn new() -> Self {
        let mut table = Table::list(terms_with_witnesses).unwrap();
        let author = Author::new(120);
        let own = author.own(7);
        let action = table.sign(&author, &own, bid(1_000));
        let bid = table.tsa.stamp(action, at(SECOND));
        Self { table, bid, author, own }
    }

    fn stamp(&self) -> FullStamp {
        self.bid.stamp().with(self.bid.batch().compact())
    }

    fn credentials(&self) -> Credentials {
        let certificate = issue(&leaf::<Persona>(), AUTHORITY_NAME, &self.author.persona.public());
        Credentials { certificate, blind: self.own.blind.clone() }
    }

    fn sealed(&self, credentials: &Credentials) -> (Vec<u8>, Delivery) {
        let (broker, key) = (broker_fingerprint(), broker_keys().delivery);
        let author = credentials.seal(broker, &key, self.bid.action(), [1; 32]).unwrap();
        let action = self.bid.action();
        let delivery = Delivery::seal(broker, &key, action, self.stamp(), &author, [2; 32]);
        (author, delivery.unwrap())
    }

    fn word(&self) -> Unanswered {
        Unanswered {
            broker: broker_fingerprint(),
            room: self.table.name(),
            digest: self.bid.action().digest(),
            delivery: self.sealed(&self.credentials()).1.id(),
            since: 100,
            until: 200,
            contact: UNANSWERED_AFTER,
        }
    }

    fn suppressed(&self, statements: Vec<String>) -> Evidence {
        Evidence::Suppressed(Suppressed {
            certificate: certificate(),
            opening: self.table.opening.action().compact().to_owned(),
            action: self.bid.action().compact().to_owned(),
            statements,
        })
    }

    /// What the author shows of a delivery that the broker says it cannot read for this reason.
    fn unreadable(&self, code: UnreadableCode, credentials: &Credentials) -> FalseUnreadable {
        self.unreadable_by(code, credentials, &self.header(10 * SECOND + 1))
    }

    /// A header whose predecessor is so much after the listing.
    fn header(&self, after: u64) -> String {
        let mut tsa = self.table.tsa.clone();
        tsa.tick(at(after));
        tsa.tick(at(after))
    }

    /// The head of the listing alone, cosigned as it was stamped.
    fn head(&self, by: &[u8]) -> String {
        let (size, root) = (self.table.tree().size(), self.table.tree().root());
        let head = Head { origin: self.table.origin(), size, root };
        let seconds = at(0).as_micros() / 1_000_000;
        let line = |seed: &u8| {
            Cosignature::sign(&head, seconds, &witness_key(*seed)).line(&witness(*seed).name)
        };
        format!("{}{}", self.table.head(), by.iter().map(line).collect::<String>())
    }

    fn unreadable_by(
        &self,
        code: UnreadableCode,
        credentials: &Credentials,
        header: &str,
    ) -> FalseUnreadable {
        let (author, delivery) = self.sealed(credentials);
        let header = header.to_owned();
        let word = Unreadable { delivery: delivery.id(), code, header };
        FalseUnreadable {
            certificate: certificate(),
            opening: self.table.opening.action().compact().to_owned(),
            action: self.bid.action().compact().to_owned(),
            stamp: self.stamp(),
            author,
            seed: Digest([2; 32]),
            credentials: Some(ShownCredentials {
                credentials: credentials.clone(),
                seed: Digest([1; 32]),
            }),
            head: Some(self.head(&[1, 2])),
            unreadable: word.sign(&entry_key()),
        }
    }
}

fn said(evidence: &Evidence) -> Result<String, NoEvidence> {
    assert_eq!(Evidence::parse(&evidence.encode()).as_ref(), Ok(evidence));
    evidence.verify().map(|shown| {
        assert_eq!(shown.by, broker_fingerprint());
        shown.what
    })
}

#[test]
fn v156_witnesses_of_as_many_operators_as_the_quorum_show_it_and_fewer_do_not() {
    let scene = Scene::new();
    let word = scene.word();
    let by = |seed| word.sign(&witness_key(seed));
    let what = said(&scene.suppressed(vec![by(1), by(2)])).unwrap();
    assert!(what.contains("was offered a bid for 60 s by witnesses of 2 operators"), "{what}");
    assert!(said(&scene.suppressed(vec![by(1), by(2), by(3)])).is_ok());
    // Two witnesses of one operator are one, and so is one that speaks twice.
    for statements in [vec![], vec![by(1)], vec![by(1), by(3)]] {
        assert_eq!(said(&scene.suppressed(statements)), Err(NoEvidence::NotFinal));
    }
    let twice = scene.suppressed(vec![by(1), by(1), by(2)]);
    assert_eq!(said(&twice), Err(NoEvidence::Consistent));
    // Nobody else is a witness here: not the broker, not a stranger.
    let stranger = scene.suppressed(vec![by(1), word.sign(&witness_key(9))]);
    assert_eq!(said(&stranger), Err(NoEvidence::Cosignature));
}

#[test]
fn v156_what_is_said_of_something_else_or_for_too_short_a_time_is_no_evidence() {
    let scene = Scene::new();
    let word = scene.word();
    let with = |second: Unanswered| {
        scene.suppressed(vec![word.sign(&witness_key(1)), second.sign(&witness_key(2))])
    };
    assert!(said(&with(word)).is_ok());
    let short = Unanswered { contact: UNANSWERED_AFTER - 1, ..word };
    assert_eq!(said(&with(short)), Err(NoEvidence::Consistent));
    for other in [
        Unanswered { digest: Digest([1; 32]), ..word },
        Unanswered { room: RoomName([1; 32]), ..word },
        Unanswered { broker: Fingerprint([1; 32]), ..word },
    ] {
        assert_eq!(said(&with(other)), Err(NoEvidence::OtherThing));
    }
    // Of a room without witnesses nobody can say anything.
    let plain = Table::auction();
    let opening = plain.opening.action().compact().to_owned();
    let Evidence::Suppressed(good) = with(word) else { unreachable!() };
    let elsewhere = Evidence::Suppressed(Suppressed { opening, ..good });
    assert_eq!(said(&elsewhere), Err(NoEvidence::OtherThing));
}

#[test]
fn v156_whoever_writes_a_listing_chooses_no_witnesses_against_the_broker() {
    // A listing that was never logged, with witnesses of its author's, or with a smaller quorum.
    let own = |listing: &mut Listing| {
        (listing.witnesses, listing.quorum) = (vec![witness(8), witness(9)], 2);
    };
    let few = |listing: &mut Listing| {
        terms_with_witnesses(listing);
        listing.witnesses.remove(1);
        listing.quorum = 1;
    };
    for (table, by, expected) in [
        (Table::list(own).unwrap(), vec![8, 9], NoEvidence::Certificate),
        (Table::list(few).unwrap(), vec![1], NoEvidence::NotFinal),
    ] {
        let listing = table.opening.action();
        let word =
            Unanswered { room: table.name(), digest: listing.digest(), ..Scene::new().word() };
        let evidence = Evidence::Suppressed(Suppressed {
            certificate: certificate(),
            opening: listing.compact().to_owned(),
            action: listing.compact().to_owned(),
            statements: by.iter().map(|seed| word.sign(&witness_key(*seed))).collect(),
        });
        assert_eq!(said(&evidence), Err(expected));
    }
}

#[test]
fn v157_whoever_writes_a_listing_chooses_no_ca_and_no_tsa_against_the_broker() {
    let mine = SecretKey::<crate::trust::key::Authority>::from_seed(&[1; 32]).public();
    let with = |change: &dyn Fn(&mut Listing)| {
        let mut scene = Scene::new();
        scene.table = Table::list(|listing| {
            terms_with_witnesses(listing);
            change(listing);
        })
        .unwrap();
        scene.bid = scene.table.opening.clone();
        let evidence = scene.unreadable(UnreadableCode::Stamp, &scene.credentials());
        said(&Evidence::FalseUnreadable(Box::new(evidence)))
    };
    assert!(with(&|_| {}).is_ok());
    let foreign = SecretKey::from_seed(&[66; 32]).public();
    assert_eq!(
        with(&|listing| listing.authorities = vec![mine, foreign]),
        Err(NoEvidence::Certificate)
    );
    let tsa = Tsa::new(9).public();
    assert_eq!(with(&|listing| listing.stamps.push(tsa)), Err(NoEvidence::Certificate));
}

#[test]
fn v157_a_broker_that_says_it_cannot_read_what_it_can_is_shown_to_lie() {
    let scene = Scene::new();
    let credentials = scene.credentials();
    for (code, name) in [
        (UnreadableCode::Sealed, "sealed"),
        (UnreadableCode::Action, "action"),
        (UnreadableCode::Author, "author"),
        (UnreadableCode::Stamp, "stamp"),
        (UnreadableCode::Room, "room"),
    ] {
        let evidence = Evidence::FalseUnreadable(Box::new(scene.unreadable(code, &credentials)));
        let what = said(&evidence).unwrap();
        assert!(what.contains(&format!("could not read a bid ({name})")), "{what}");
    }
    // Only where the author is in question does showing it show the persona.
    let sealed = scene.unreadable(UnreadableCode::Sealed, &credentials);
    let hidden = FalseUnreadable { credentials: None, head: None, ..sealed };
    assert!(said(&Evidence::FalseUnreadable(Box::new(hidden))).is_ok());
}

#[test]
fn v157_a_broker_that_says_so_truly_cannot_be_framed() {
    let scene = Scene::new();
    let good = scene.credentials();
    let said = |evidence: FalseUnreadable| said(&Evidence::FalseUnreadable(Box::new(evidence)));
    // A certificate of nobody, one of another persona, another blind.
    let others = issue(&leaf::<Persona>(), AUTHORITY_NAME, &Author::new(1).persona.public());
    for bad in [
        Credentials { certificate: Vec::new(), ..good.clone() },
        Credentials { certificate: others, ..good.clone() },
        Credentials { blind: scene.author.own(8).blind, ..good.clone() },
    ] {
        let evidence = scene.unreadable(UnreadableCode::Author, &bad);
        assert_eq!(said(evidence.clone()), Err(NoEvidence::Consistent));
        // Good ones that were not what was sealed change nothing.
        let shown = ShownCredentials { credentials: good.clone(), seed: Digest([1; 32]) };
        let pretended = FalseUnreadable { credentials: Some(shown), ..evidence };
        assert_eq!(said(pretended), Err(NoEvidence::OtherThing));
    }
    // Where the author or the room is in question, what decides it has to be there.
    let author = scene.unreadable(UnreadableCode::Author, &good);
    let without = FalseUnreadable { credentials: None, ..author };
    assert_eq!(said(without), Err(NoEvidence::OtherThing));
    let room = scene.unreadable(UnreadableCode::Room, &good);
    let without = FalseUnreadable { head: None, ..room.clone() };
    assert_eq!(said(without), Err(NoEvidence::OtherThing));
    let others = Some(Table::auction().head());
    let elsewhere = FalseUnreadable { head: others, ..room.clone() };
    assert!(matches!(said(elsewhere), Err(NoEvidence::Head(_))));
    // A room may be opened right after it was said that it is not there: others must have seen it before.
    for few in [&[][..], &[1], &[1, 3]] {
        let head = Some(scene.head(few));
        assert_eq!(said(FalseUnreadable { head, ..room.clone() }), Err(NoEvidence::NotFinal));
    }
    let header = scene.header(10 * SECOND);
    let early = scene.unreadable_by(UnreadableCode::Room, &good, &header);
    assert_eq!(said(early), Err(NoEvidence::Consistent));
    // With anything exchanged it is another delivery than the one that the broker means.
    let stamp = scene.unreadable(UnreadableCode::Stamp, &good);
    let longer = FullStamp { path: vec![Digest([1; 32])], ..scene.stamp() };
    for evidence in [
        FalseUnreadable { seed: Digest([3; 32]), ..stamp.clone() },
        FalseUnreadable { stamp: longer, ..stamp.clone() },
        FalseUnreadable { author: vec![1, 2, 3], ..stamp.clone() },
    ] {
        assert_eq!(said(evidence), Err(NoEvidence::OtherThing));
    }
    let other = SecretKey::<crate::trust::key::EntryKey>::from_seed(&[1; 32]);
    let forged = Unreadable::open(&stamp.unreadable, &entry_key().public()).unwrap().sign(&other);
    let forged = FalseUnreadable { unreadable: forged, ..stamp };
    assert!(matches!(said(forged), Err(NoEvidence::Statement(_))));
}

#[test]
fn v157_a_stamp_that_does_not_fit_is_no_lie_of_the_broker() {
    let mut scene = Scene::new();
    let good = scene.credentials();
    // Stamped by a TSA that the room does not name.
    let action = scene.bid.action().clone();
    scene.bid = Tsa::new(9).stamp(action, at(SECOND));
    let evidence = scene.unreadable(UnreadableCode::Stamp, &good);
    let error = said(&Evidence::FalseUnreadable(Box::new(evidence)));
    assert_eq!(error, Err(NoEvidence::Consistent));
}

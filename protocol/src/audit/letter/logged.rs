//! Any order of what owner, writers and broker do: whatever the log of a box says of a letter, a timeline shows.

use proptest::prelude::*;

use super::fixture::{Mailbox, halves, mailbox};
use super::{Happened, NotInTime, NotShown, ShownDeposit, Telling};
use crate::letter::SealedHalf;
use crate::room::action::{Draft, Seen};
use crate::room::body::{Body, Deposit, Empty, HandedHalf, OneLetter, Registered, Taken};
use crate::room::fixture::{SECOND, at};
use crate::room::{Code, Replay, Stamped};
use crate::trust::key::SecretKey;
use crate::value::blob_class::BlobClass;
use crate::value::codec::Digest;

const DAY: u64 = 24 * 3_600 * SECOND;

/// What is signed and stamped now, and handed in later.
#[derive(Debug, Clone)]
enum Act {
    /// A letter, registered or not, that ends so many seconds later.
    Leave {
        registered: bool,
        expires: Option<u64>,
    },
    /// Letters at these places among the newest entries.
    Take(Vec<u64>),
    /// The letter so many entries before the newest one.
    Accept(u64),
    Decline(u64),
    Close,
}

#[derive(Debug, Clone)]
enum Step {
    Sign(Act),
    /// One of those that are signed.
    HandIn(usize),
    Wait(u64),
    /// The broker looks what is over.
    Lapse,
}

fn act() -> impl Strategy<Value = Act> {
    // Half of them are about an entry that is not there yet.
    let back = 0_u64..6;
    prop_oneof![
        6 => (any::<bool>(), prop::option::of(1_u64..12)).prop_map(|(registered, expires)| {
            Act::Leave { registered, expires: expires.filter(|_| !registered) }
        }),
        5 => prop::collection::btree_set(back.clone(), 1..4)
            .prop_map(|letters| Act::Take(letters.into_iter().collect())),
        3 => back.clone().prop_map(Act::Accept),
        2 => back.prop_map(Act::Decline),
        1 => Just(Act::Close),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => act().prop_map(Step::Sign),
        8 => any::<prop::sample::Index>().prop_map(|index| Step::HandIn(index.index(1 << 16))),
        3 => (1_u64..9).prop_map(|seconds| Step::Wait(seconds * SECOND)),
        1 => Just(Step::Wait(15 * DAY)),
        1 => Just(Step::Lapse),
    ]
}

/// A box, and what was signed and is not handed in.
struct Play {
    of: Mailbox,
    now: u64,
    signed: Vec<Stamped>,
    count: u64,
}

impl Play {
    fn size(&self) -> u64 {
        self.of.table.room.ledger().head().size
    }

    /// The position so many entries before the next but two.
    fn near(&self, back: u64) -> u64 {
        (self.size() + 2).saturating_sub(back)
    }

    fn draft(&mut self, body: Body, seen: Seen) -> Draft {
        self.count += 1;
        let id = crate::letter::fixture::id(1_000 + u128::from(self.count));
        Draft { id, room: Some(self.of.owner.name), body, seen }
    }

    fn sign(&mut self, act: Act) {
        let head = self.of.table.room.ledger().head();
        let body = match act {
            Act::Leave { registered, expires } => return self.leave(registered, expires),
            Act::Take(back) => {
                let mut letters: Vec<_> = back.iter().map(|back| self.near(*back)).collect();
                letters.sort_unstable();
                letters.dedup();
                Body::Taken(Taken { letters, told: false })
            }
            Act::Accept(back) => Body::Accepted(OneLetter { letter: self.near(back) }),
            Act::Decline(back) => Body::Declined(OneLetter { letter: self.near(back) }),
            Act::Close => Body::BoxClosed(Empty {}),
        };
        let action = self.draft(body, head).sign_as_owner(&self.of.owner.key).unwrap();
        self.signed.push(self.of.table.tsa.stamp(action, at(self.now)));
    }

    fn leave(&mut self, registered: bool, expires: Option<u64>) {
        let mut frontier = crate::log::merkle::Frontier::default();
        frontier.push(crate::log::merkle::leaf_hash(self.of.table.log[0].as_bytes()));
        let seen = Seen { size: 1, root: frontier.root() };
        let of = self.of.deposit(&[7; 4_028], false);
        let mut envelope = of.envelope;
        envelope.digest = Digest::of(&self.count.to_be_bytes());
        assert_eq!(envelope.size, BlobClass::SMALLEST);
        let commitment = halves().broker.commitment();
        let deposit = Deposit {
            envelope,
            expires: expires.map(|seconds| at(self.now + seconds * SECOND)),
            registered: registered.then_some(Registered { half: SealedHalf([5; 80]), commitment }),
            ..of
        };
        let draft = self.draft(Body::Deposit(deposit), seen);
        let seed = Digest::of(&self.count.to_be_bytes()).0;
        let action = draft.sign_as_guest(&SecretKey::from_seed(&seed)).unwrap();
        self.signed.push(self.of.table.tsa.stamp(action, at(self.now)));
    }

    fn hand_in(&mut self, which: usize) {
        if self.signed.is_empty() {
            return;
        }
        let entry = self.signed.swap_remove(which % self.signed.len());
        if let (Ok(_), Body::Accepted(one)) = (self.of.table.submit(&entry), entry.action().body())
        {
            let handed = HandedHalf { letter: one.letter, half: halves().broker };
            self.of.table.broker(at(self.now), Body::Handed(handed)).unwrap();
        }
    }

    fn lapse(&mut self) {
        for letter in 2..self.size() {
            let lapsed = self.of.table.broker(at(self.now), Body::Lapsed(OneLetter { letter }));
            assert!(matches!(lapsed, Ok(_) | Err(Code::LapsedWrong | Code::VerbPhase)));
        }
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Sign(act) => self.sign(act),
            Step::HandIn(which) => self.hand_in(which),
            Step::Wait(micros) => self.now += micros,
            Step::Lapse => self.lapse(),
        }
    }

    /// What the log says of the deposit at a position, as its owner makes a file of it.
    fn told(&self, seq: u64) -> Option<ShownDeposit> {
        let (mut replay, mut telling) = (Replay::new(), Telling::of(seq));
        for line in self.of.table.lines() {
            replay.line(&line).unwrap().iter().for_each(|stamped| telling.note(stamped));
        }
        let (deposit, timeline) = telling.finish(&self.of.opening, &self.of.table.head())?;
        timeline.map(|timeline| ShownDeposit { deposit, timeline })
    }
}

#[test]
fn v346_a_letter_is_not_taken_once_it_has_ended() {
    for (time, holds) in [(8 * SECOND - 1, true), (8 * SECOND, false), (9 * SECOND, false)] {
        let mut of = mailbox(2);
        let deposit = of.deposit(&[7; 4_028], false);
        of.leave(Deposit { expires: Some(at(8 * SECOND)), ..deposit });
        let action = of.acts(Body::Taken(Taken { letters: vec![2], told: false }));
        let stamped = of.table.tsa.stamp(action, at(time));
        let seq = of.force(&stamped);
        let (deposit, timeline) = (of.table.receipt(2), of.timeline(2, &[seq]));
        let verified = ShownDeposit { deposit, timeline }.verify();
        let refused = NotShown::Timeline(NotInTime::Registered);
        assert_eq!(verified.err(), (!holds).then_some(refused), "{time}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn v388_whatever_a_log_says_of_a_letter_is_a_timeline_that_holds(
        steps in prop::collection::vec(step(), 1..40),
    ) {
        let mut play = Play { of: mailbox(2), now: 2 * SECOND, signed: Vec::new(), count: 0 };
        steps.into_iter().for_each(|step| play.step(step));
        for seq in 2..play.size() {
            let entry = crate::log::Entry::parse(&play.of.table.log[usize::try_from(seq).unwrap()]);
            let action = crate::room::action::Action::parse(&entry.unwrap().action).unwrap();
            if !matches!(action.body(), Body::Deposit(_)) {
                continue;
            }
            let Some(shown) = play.told(seq) else { continue };
            let verified = shown.verify().map_err(|error| format!("{error}: {error:?}"));
            prop_assert!(verified.is_ok(), "{seq}: {}", verified.unwrap_err());
            let events = verified.unwrap().timeline.events;
            let handed = events.iter().any(|event| event.happened == Happened::Handed);
            let accepted = events.iter().any(|event| event.happened == Happened::Accepted);
            prop_assert_eq!(handed, accepted);
        }
    }
}

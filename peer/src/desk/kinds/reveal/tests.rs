use std::time::Duration;

use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::log::merkle::empty_root;
use pregao_protocol::log::stamp::BatchHeader;
use pregao_protocol::log::{Entry, Logged, RoomName};
use pregao_protocol::room::RevealRoom;
use pregao_protocol::room::action::{Action, Draft, Seen};
use pregao_protocol::room::auction::Auction;
use pregao_protocol::room::body::{
    Bid, Body, Closed, Ended, Forfeited, Reveal, SealedBody, Settled, Side,
};
use pregao_protocol::room::disclosure::{Claims, Disclosure, DisclosureContext, OwnAction};
use pregao_protocol::trust::key::{Persona, SecretKey};
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::trust::seal::{SealKey, SealPublic, seal_padded};
use pregao_protocol::value::codec::{Digest, to_base64url};
use pregao_protocol::value::label::DISCLOSURE_SIZE;
use pregao_protocol::wire::frame::{FromBroker, FromPeer, Member};
use pregao_protocol::wire::refusal::Held;

use crate::desk::fixture::{HandedIn, House, Log, Made, Session, User, entries};
use crate::event::Event;

/// The winner's persona, by the seed that it is made from.
const WINNER: u8 = 72;

/// What the broker states otherwise in the opening of a private room.
type Change<'a> = &'a dyn Fn(&mut Reveal);

/// The user sold something, and was invited to meet the winner.
struct Stage {
    house: House,
    user: User,
    session: Session,
    auction: Log,
    /// The winning bid.
    bid: Made,
    opening: Reveal,
    private: Log,
}

impl Stage {
    async fn set() -> Self {
        Self::set_with(&|_| {}).await
    }

    /// As the test has the broker open the private room.
    async fn set_with(change: Change<'_>) -> Self {
        Self::set_after(&[], change).await
    }

    /// After these personas had bid, and the winner more.
    async fn set_after(before: &[u8], change: Change<'_>) -> Self {
        let mut house = House::open();
        let (mut user, mut session) = house.desk().await;
        session.list(&[]).await;
        let auction = sell(&house, &mut user, &mut session).await;
        let (auction, bid) = won(&house, auction, before);
        let batch = house.tsa.tick();
        session.send(FromBroker::Tick { batch }).await;
        session.list(&[&auction]).await;
        session.shows(&auction, &house.secrets).await;
        let mut opening = opening(&house, &auction);
        change(&mut opening);
        let opened = house.broker_made(None, Body::Reveal(opening.clone()), Seen::nothing());
        let private = Log::open(opened.compact(), house.tsa.stamp(&opened.digest()));
        let (of, room) = (auction.name(), private.name());
        session.send(FromBroker::Invited { auction: of, room }).await;
        prove_membership(&mut session, &auction, room).await;
        let (head, consistency) = (private.head(&house.secrets), Vec::new());
        session.send(FromBroker::Joined { room, head: head.clone(), consistency }).await;
        session.says(&private, 0, Some(head)).await;
        Self { house, user, session, auction, bid, opening, private }
    }

    async fn invited(&mut self) {
        self.user.until(|event| matches!(event, Event::Invited { .. }).then_some(())).await;
    }

    async fn reveals(&self) {
        let room = self.private.name().to_string();
        self.user.send_command(&["reveal", &room, "Ana", "ana@example.org"]).await;
    }

    /// Takes the user's disclosure.
    async fn disclosed(&mut self) -> HandedIn {
        self.reveals().await;
        self.session.stamps(&self.house.tsa).await;
        self.session.handed_in().await
    }

    /// What the winner discloses, sealed to a key, of a bid that is theirs by this blind.
    fn theirs(&self, seal: &SealPublic, blind: &Blind) -> Action {
        let persona = SecretKey::<Persona>::from_seed(&[WINNER; 32]);
        let claims = Claims {
            name: "Rui".to_owned().try_into().unwrap(),
            contact: Some("rui@example.org".to_owned().try_into().unwrap()),
            certificate: to_base64url(&self.house.tsa.certify(&persona.public())),
            card: None,
            actions: vec![OwnAction { seq: 1, blind: blind.clone() }],
        };
        let (room, opening, side) = (self.private.name(), &self.opening, Side::Winner);
        let place = DisclosureContext { room, opening, side };
        let plain = Disclosure::sign(&place, &claims, &persona, &self.bid.key, None).unwrap();
        let (plain, seed) = (plain.encode(), [81; 32]);
        let sealed = seal_padded(seal, &place.info(), b"", &plain, DISCLOSURE_SIZE, seed).unwrap();
        let body = Body::Disclose(SealedBody { sealed: sealed.try_into().unwrap() });
        let id = uuid::Builder::from_random_bytes(self.house.host.random().unwrap()).into_uuid();
        let seen = self.private.seen();
        Draft { id, room: Some(room), body, seen }.sign(&self.bid.key).unwrap()
    }

    fn honest(&self) -> Action {
        self.theirs(&self.opening.seller_seal, &self.bid.blind)
    }

    /// Logs both disclosures, gives the receipt and shows the entries.
    async fn both(&mut self, own: &HandedIn, theirs: &Action) {
        let seq = self.private.push(&own.action, own.stamp.clone());
        self.private.log(theirs, &self.house.tsa);
        self.session.receipts(own.n, seq, &self.private, &self.house.secrets).await;
        let head = Some(self.private.head(&self.house.secrets));
        self.session.says(&self.private, 1, head).await;
    }

    fn saw_whom(&self) -> bool {
        self.user.seen.iter().any(|event| matches!(event, Event::Revealed { .. }))
    }

    /// Whether the secret that opens the winner's disclosure is kept.
    fn keeps_the_secret(&self) -> bool {
        let vault = self.house.unlock();
        let listing = Entry::parse(&self.auction.entries[0]).unwrap();
        let kept = vault.action(&Digest::of(listing.action.as_bytes())).unwrap();
        kept.seal_secret.is_some()
    }

    /// The connection breaks, and the desk makes another.
    async fn reconnected(self) -> Self {
        let Self { mut house, user, session, auction, bid, opening, private } = self;
        drop(session);
        let session = house.accept().await;
        Self { house, user, session, auction, bid, opening, private }
    }

    /// The user leaves, and everything told is seen.
    async fn over(&mut self) {
        self.user.leave().await;
    }
}

/// Has the user list something.
async fn sell(house: &House, user: &mut User, session: &mut Session) -> Log {
    user.send_command(&["list", "Lamp", "5", "for", "1h", "currency", "EUR"]).await;
    session.stamps(&house.tsa).await;
    let act = session.handed_in().await;
    let log = Log::open(&act.action, act.stamp.clone());
    session.receipts(act.n, 0, &log, &house.secrets).await;
    assert!(user.done().await);
    log
}

/// Somebody bids more than these did, and wins.
fn won(house: &House, mut auction: Log, before: &[u8]) -> (Log, Made) {
    let room = Some(auction.name());
    let seal = SealKey::from_random([74; 32]).public();
    let bids = |amount: u64, persona: u8, seen: Seen| {
        let (amount, currency) = (amount.try_into().unwrap(), "EUR".parse().unwrap());
        house.made(persona, room, Body::Bid(Bid { amount, currency, seal, paddle: None }), seen)
    };
    let mut price = 500_u64;
    for persona in before {
        auction.log(&bids(price, *persona, auction.seen()).action, &house.tsa);
        price += 500;
    }
    let bid = bids(price, WINNER, auction.seen());
    let winner = auction.seen().size;
    auction.log(&bid.action, &house.tsa);
    let price = price.try_into().unwrap();
    house.tsa.skip(Duration::from_secs(3_601));
    let closed = house.broker_made(
        room,
        Body::Closed(Closed { refused: 0, root: empty_root() }),
        auction.seen(),
    );
    auction.log(&closed, &house.tsa);
    let settled =
        Body::Settled(Settled { winner: Some(winner), price: Some(price), cosigned: Vec::new() });
    let settled = house.broker_made(room, settled, auction.seen());
    auction.log(&settled, &house.tsa);
    (auction, bid)
}

/// What the auction's log gives.
fn opening(house: &House, log: &Log) -> Reveal {
    let auction = Auction::of(log.room()).unwrap();
    let winner = auction.winner().unwrap();
    Reveal {
        nonce: Digest([7; 32]),
        auction: log.name(),
        settled: log.seen().size - 1,
        root: log.tree().root(),
        seller: *auction.seller(),
        winner: winner.key,
        seller_seal: auction.listing().seal,
        winner_seal: winner.seal,
        deadline: house.tsa.time().plus(Duration::from_secs(300_000)),
        withdrawal: auction.withdrawal(),
        freshness: auction.listing().freshness,
        broker: house.secrets.public(),
        stamps: vec![house.tsa.stamp.public()],
        simulated: false,
    }
}

/// The desk asks for the private room with the key that made it the seller, for this session.
async fn prove_membership(session: &mut Session, auction: &Log, room: RoomName) {
    let member: Member = session
        .until(|frame| match frame {
            FromPeer::Join { room: asked, from: 0, member } if asked == room => member,
            _ => None,
        })
        .await;
    let seller = *Auction::of(auction.room()).unwrap().seller();
    assert_eq!(member.key, seller);
    let message = Member::message(&session.id.0, room);
    seller.verify(&message, &member.signature).unwrap();
}

#[tokio::test(start_paused = true)]
async fn both_disclosures_show_each_the_other_and_the_secret_is_forgotten() {
    let mut stage = Stage::set().await;
    stage.invited().await;
    let own = stage.disclosed().await;
    let theirs = stage.honest();
    assert!(!stage.saw_whom());
    stage.both(&own, &theirs).await;
    assert!(stage.user.done().await);
    let shown = stage
        .user
        .until(|event| match event {
            Event::Revealed { name, contact, persona, .. } => {
                Some((name.clone(), contact.clone(), *persona))
            }
            _ => None,
        })
        .await;
    let winner = SecretKey::<Persona>::from_seed(&[WINNER; 32]).public().fingerprint();
    assert_eq!(shown, ("Rui".to_owned(), "rui@example.org".to_owned(), winner));
    stage.over().await;
    assert_eq!(stage.user.alarms(), 0, "{:?}", stage.user.seen);
    assert!(!stage.keeps_the_secret());
    let vault = stage.house.unlock();
    assert!(vault.contents().reveals[0].disclosed);
    assert_eq!(vault.contents().reveals[0].counterparty.as_ref().unwrap().name, "Rui");
}

#[tokio::test(start_paused = true)]
async fn one_disclosure_alone_shows_nothing_whosever_it_is() {
    for own_alone in [true, false] {
        let mut stage = Stage::set().await;
        stage.invited().await;
        let own = stage.disclosed().await;
        if own_alone {
            stage.private.push(&own.action, own.stamp.clone());
        } else {
            let theirs = stage.honest();
            stage.private.log(&theirs, &stage.house.tsa);
        }
        let head = Some(stage.private.head(&stage.house.secrets));
        stage.session.says(&stage.private, 1, head).await;
        assert!(stage.session.is_handed_nothing().await);
        stage.over().await;
        assert!(!stage.saw_whom() && stage.keeps_the_secret());
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_that_comes_before_its_private_room_is_no_lie_and_is_asked_for_again() {
    let mut stage = Stage::set().await;
    stage.invited().await;
    let own = stage.disclosed().await;
    stage.over().await;
    // The broker logs both while the user is away.
    let theirs = stage.honest();
    let seq = stage.private.push(&own.action, own.stamp.clone());
    stage.private.log(&theirs, &stage.house.tsa);
    let mut user = stage.house.start();
    let mut session = stage.house.accept().await;
    let again = session.handed_in().await;
    assert_eq!(again.action, own.action);
    session.receipts(again.n, seq, &stage.private, &stage.house.secrets).await;
    let third = session.handed_in().await;
    assert_eq!(third.action, own.action);
    session.list(&[&stage.auction]).await;
    session.shows(&stage.auction, &stage.house.secrets).await;
    let (of, room) = (stage.auction.name(), stage.private.name());
    session.send(FromBroker::Invited { auction: of, room }).await;
    prove_membership(&mut session, &stage.auction, room).await;
    let (head, consistency) = (stage.private.head(&stage.house.secrets), Vec::new());
    session.send(FromBroker::Joined { room, head: head.clone(), consistency }).await;
    session.says(&stage.private, 0, Some(head)).await;
    session.receipts(third.n, seq, &stage.private, &stage.house.secrets).await;
    user.until(|event| matches!(event, Event::Receipt(_)).then_some(())).await;
    user.leave().await;
    assert_eq!(user.alarms(), 0, "{:?}", user.seen);
    assert!(stage.house.unlock().contents().reveals[0].disclosed);
}

#[tokio::test(start_paused = true)]
async fn a_private_room_is_asked_for_again_even_when_it_is_over_for_something_may_yet_be_said() {
    let mut stage = Stage::set().await;
    stage.invited().await;
    let (auction, private) = (stage.auction.name(), stage.private.name());
    let mut stage = stage.reconnected().await;
    let asked = stage.session.joins().await;
    assert!(
        asked.contains(&auction) && asked.contains(&private),
        "nothing is disclosed: {asked:?}"
    );
    stage.session.list(&[&stage.auction]).await;
    for log in [&stage.auction, &stage.private] {
        let (room, head) = (log.name(), log.head(&stage.house.secrets));
        let joined = FromBroker::Joined { room, head: head.clone(), consistency: Vec::new() };
        stage.session.send(joined).await;
        stage.session.says(log, log.entries.len(), Some(head)).await;
    }
    let batch = stage.house.tsa.tick();
    stage.session.send(FromBroker::Tick { batch }).await;
    let (own, theirs) = (stage.disclosed().await, stage.honest());
    stage.both(&own, &theirs).await;
    stage.user.until(|event| matches!(event, Event::Revealed { .. }).then_some(())).await;
    let mut stage = stage.reconnected().await;
    let asked = stage.session.joins().await;
    assert!(
        asked.contains(&auction) && asked.contains(&private),
        "something may yet be said: {asked:?}"
    );
    stage.over().await;
    assert_eq!(stage.user.alarms(), 0, "{:?}", stage.user.seen);
}

#[tokio::test(start_paused = true)]
async fn a_pair_that_is_cut_in_two_is_an_alarm() {
    let mut stage = Stage::set().await;
    stage.invited().await;
    let own = stage.disclosed().await;
    stage.private.push(&own.action, own.stamp.clone());
    // Instead of the other half the broker says that somebody stayed away.
    let absent = pregao_protocol::room::body::Absent { seller: false, winner: true };
    let (room, seen) = (Some(stage.private.name()), stage.private.seen());
    stage.house.tsa.skip(Duration::from_secs(300_001));
    let absent = stage.house.broker_made(room, Body::Absent(absent), seen);
    let stamp = stage.house.tsa.stamp(&absent.digest());
    let action = absent.compact().to_owned();
    let entry = Entry { seq: 2, action, stamp: stamp.stamp() }.encode();
    let half = stage.private.logged().nth(1).unwrap();
    let shown = [half, Logged { entry: &entry, header: &stamp.batch }];
    let frame = entries(stage.private.name(), shown, None);
    stage.session.send(frame).await;
    let message = stage.user.alarm().await;
    assert!(message.contains("does not verify"), "{message}");
    assert!(!stage.saw_whom());
}

#[tokio::test(start_paused = true)]
async fn a_disclosure_that_is_held_is_done_and_shows_nothing_yet() {
    let mut stage = Stage::set().await;
    held(&mut stage).await;
    stage.over().await;
    assert!(!stage.saw_whom() && stage.user.alarms() == 0 && stage.keeps_the_secret());
    assert!(stage.house.unlock().contents().reveals[0].held.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_word_that_it_is_held_by_another_key_or_of_another_disclosure_is_an_alarm() {
    for other_key in [true, false] {
        let mut stage = Stage::set().await;
        stage.invited().await;
        let own = stage.disclosed().await;
        let (foreign, room) = (stage.house.foreign(), stage.private.name());
        let digest = if other_key { own.action().digest() } else { Digest([9; 32]) };
        let key = if other_key { &foreign.entry } else { &stage.house.secrets.entry };
        let held = Held { digest, room, stamp: BatchHeader::hash(&own.stamp.batch) }.sign(key);
        stage.session.send(FromBroker::Held { n: own.n, held }).await;
        assert!(!stage.user.done().await);
        assert_eq!(stage.user.alarms(), 1, "{:?}", stage.user.seen);
        stage.over().await;
        assert!(stage.house.unlock().contents().reveals[0].held.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_private_room_that_does_not_follow_from_its_auction_takes_no_disclosure() {
    let other = || SealKey::from_random([99; 32]).public();
    let said = "does not follow from its auction";
    // Another root contradicts what the broker signed about the auction's log.
    let changes: [(Change, &str); 5] = [
        (&|reveal| reveal.winner_seal = other(), said),
        (&|reveal| reveal.seller_seal = other(), said),
        (&|reveal| reveal.root = Digest([9; 32]), "another history"),
        (&|reveal| reveal.deadline = reveal.deadline.minus(Duration::from_secs(50_000)), said),
        (&|reveal| reveal.withdrawal = true, said),
    ];
    for (change, said) in changes {
        let mut stage = Stage::set_with(change).await;
        let message = stage.user.alarm().await;
        assert!(message.contains(said), "{message}");
        stage.reveals().await;
        assert!(!stage.user.done().await);
        assert!(stage.session.is_handed_nothing().await);
        assert!(!stage.user.seen.iter().any(|event| matches!(event, Event::Invited { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_or_is_not_the_winners_is_worthless() {
    let (other_key, other_blind) =
        (SealKey::from_random([99; 32]).public(), Blind::from_random([98; 32]));
    for wrong_key in [true, false] {
        let mut stage = Stage::set().await;
        stage.invited().await;
        let own = stage.disclosed().await;
        let theirs = if wrong_key {
            stage.theirs(&other_key, &stage.bid.blind)
        } else {
            stage.theirs(&stage.opening.seller_seal, &other_blind)
        };
        stage.both(&own, &theirs).await;
        let message = stage.user.alarm().await;
        assert!(message.contains("worthless"), "{message}");
        stage.over().await;
        assert!(!stage.saw_whom());
        assert!(stage.house.unlock().contents().reveals[0].counterparty.is_none());
    }
}

/// Both disclosed, and the auction then records what `body` makes of the true outcome.
async fn recorded(body: impl FnOnce(Digest) -> Body) -> Stage {
    let mut stage = Stage::set().await;
    stage.invited().await;
    let own = stage.disclosed().await;
    let theirs = stage.honest();
    stage.both(&own, &theirs).await;
    assert!(stage.user.done().await);
    let conclusion = RevealRoom::of(stage.private.room()).unwrap().conclusion().unwrap();
    // The time to disclose is over.
    stage.house.tsa.skip(Duration::from_secs(259_300));
    stage.session.ticks(&stage.house).await;
    let (room, seen) = (Some(stage.auction.name()), stage.auction.seen());
    let entry = stage.house.broker_made(room, body(conclusion.outcome), seen);
    let from = stage.auction.entries.len();
    stage.auction.log(&entry, &stage.house.tsa);
    let head = Some(stage.auction.head(&stage.house.secrets));
    stage.session.says(&stage.auction, from, head).await;
    stage
}

#[tokio::test(start_paused = true)]
async fn v145_an_auction_that_records_how_its_private_room_ended_is_believed() {
    let mut stage = recorded(|outcome| Body::Revealed(Ended { outcome })).await;
    stage.user.until(|event| matches!(event, Event::Happened { .. }).then_some(())).await;
    stage.over().await;
    assert_eq!(stage.user.alarms(), 0, "{:?}", stage.user.seen);
}

#[tokio::test(start_paused = true)]
async fn v145_an_auction_that_records_another_end_is_an_alarm() {
    type Wrong = fn(Digest) -> Body;
    let wrong: [Wrong; 2] = [
        |_| Body::Revealed(Ended { outcome: Digest([1; 32]) }),
        |outcome| Body::Forfeited(Forfeited { winner: 1, others: Vec::new(), outcome }),
    ];
    for body in wrong {
        let mut stage = recorded(body).await;
        let said = stage.user.alarm().await;
        assert!(said.contains("ANOTHER END"), "{said}");
        let kept = stage.house.evidence();
        let [file] = kept.as_slice() else { panic!("{kept:?}") };
        assert!(file.starts_with("false-outcome-"), "{file}");
        let text = std::fs::read_to_string(stage.house.vault().join("evidence").join(file));
        let shown = Evidence::parse(&text.unwrap()).unwrap().verify().unwrap();
        assert_eq!(shown.room, Some(stage.auction.name()));
    }
}

/// The broker holds the user's disclosure.
async fn held(stage: &mut Stage) {
    stage.invited().await;
    let own = stage.disclosed().await;
    let (digest, room) = (own.action().digest(), stage.private.name());
    let held = Held { digest, room, stamp: BatchHeader::hash(&own.stamp.batch) };
    let held = held.sign(&stage.house.secrets.entry);
    stage.session.send(FromBroker::Held { n: own.n, held }).await;
    assert!(stage.user.done().await);
}

/// The time to disclose passes, and the broker logs this in the auction.
async fn logs(stage: &mut Stage, bodies: Vec<Body>) {
    stage.house.tsa.skip(Duration::from_secs(300_001));
    let from = stage.auction.entries.len();
    for body in bodies {
        let (room, seen) = (Some(stage.auction.name()), stage.auction.seen());
        let entry = stage.house.broker_made(room, body, seen);
        stage.auction.log(&entry, &stage.house.tsa);
    }
    stage.session.ticks(&stage.house).await;
    let head = Some(stage.auction.head(&stage.house.secrets));
    stage.session.says(&stage.auction, from, head).await;
}

fn abandoned() -> Body {
    Body::Abandoned(Ended { outcome: Digest([5; 32]) })
}

#[tokio::test(start_paused = true)]
async fn a_seller_whose_disclosure_is_held_and_who_is_said_to_have_stayed_away_knows_better() {
    let mut stage = Stage::set().await;
    held(&mut stage).await;
    logs(&mut stage, vec![abandoned()]).await;
    let said = stage.user.alarm().await;
    assert!(said.contains("STAYED AWAY"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_seller_who_stayed_away_from_the_next_winner_was_not_wronged_by_the_first() {
    let mut stage = Stage::set_after(&[73], &|_| {}).await;
    held(&mut stage).await;
    let forfeited = Forfeited { winner: 2, others: Vec::new(), outcome: Digest([4; 32]) };
    let price = Some(500.try_into().unwrap());
    let settled = Settled { winner: Some(1), price, cosigned: Vec::new() };
    logs(&mut stage, vec![Body::Forfeited(forfeited), Body::Settled(settled)]).await;
    // The invitation to the second winner's room never came.
    logs(&mut stage, vec![abandoned()]).await;
    let is_over =
        |event: &Event| matches!(event, Event::Happened { verb, .. } if verb == "abandoned");
    stage.user.until(|event| is_over(event).then_some(())).await;
    stage.over().await;
    assert_eq!(stage.user.alarms(), 0, "{:?}", stage.user.seen);
}

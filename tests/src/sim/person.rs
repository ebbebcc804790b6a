//! A person with a desk: what they do, and everything they were told, over every crash of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use pregao::command::{Command, ListFilter, NewListing, PaddleTask};
use pregao::event::{Event, Phase, ReceiptView, RoomView};
use pregao::front::channel::{Front, Question, Subject, UserAnswer, UserRequest};
use pregao_protocol::room::body::PriceRule;
use pregao_protocol::value::clock::Time;
use tokio::time::Instant;

use super::machine::Chance;
use super::trace::Trace;

/// What some sellers ask of bids besides.
const RULE: &str =
    "if amount - highest > 2000 { \"at most twenty more\" } else { paddle_bids < 4 }";

/// What a person does once they are invited to disclose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Discloses.
    Discloses,
    /// Does nothing at all.
    Vanishes,
    /// Withdraws, if the rules let them.
    Withdraws,
}

/// Everything a person was told.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// Receipts, by room and position.
    pub receipts: BTreeMap<(String, u64), ReceiptView>,
    /// Own bids that were seen in a log, by room and position.
    pub bids: BTreeSet<(String, u64)>,
    /// Every entry that was shown, by room and position; of a bid its amount and time.
    pub shown: BTreeMap<(String, u64), Option<(u64, Time)>>,
    /// Every room that was shown, ever.
    pub heard_of: BTreeSet<String>,
    /// What was shown twice, and not alike.
    pub contradictions: Vec<String>,
    /// What did not verify.
    pub alarms: Vec<String>,
    /// Every room, as it was shown last.
    pub rooms: BTreeMap<String, RoomView>,
    /// Reveal rooms to which the person was invited, with their auctions.
    pub invited: BTreeMap<String, String>,
    /// Reveal rooms in which the counterparty's disclosure was opened, with their name and the verdict.
    pub revealed: BTreeMap<String, (String, String)>,
    /// The answer to the last `receipts`.
    pub held: Option<Vec<ReceiptView>>,
    /// How many refusals there were, by code.
    pub refusals: BTreeMap<String, u64>,
    /// Deliveries that came to a receipt.
    pub delivered: u64,
    /// Commands that were done.
    pub done: BTreeSet<String>,
    /// Reveal rooms in which there is nothing left to do: it is done, or the rules forbid it.
    answered: BTreeSet<String>,
}

impl Told {
    /// A new desk shows every room anew, and what was not done at the one before is done again.
    fn sit_down_anew(&mut self) {
        self.rooms.clear();
        self.answered.clear();
    }

    fn show(&mut self, room: String, seq: u64, bid: Option<(u64, Time)>) {
        let what = format!("entry {seq} of {room}: {bid:?}");
        match self.shown.insert((room, seq), bid) {
            Some(before) if before != bid => {
                self.contradictions.push(format!("{what}, and {before:?} before"));
            }
            Some(_) | None => {}
        }
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Receipt(view) => {
                self.receipts.insert((view.room.clone(), view.seq), view);
            }
            Event::Bid { room, seq, own, amount, time, .. } => {
                if own {
                    self.bids.insert((room.clone(), seq));
                }
                self.show(room, seq, Some((amount, time)));
            }
            Event::Said { room, seq, .. } | Event::Happened { room, seq, .. } => {
                self.show(room, seq, None);
            }
            Event::Alarm { message, advice, .. } => {
                self.alarms.push(format!("{message}; {advice}"))
            }
            Event::Room(view) => {
                self.heard_of.insert(view.room.clone());
                self.rooms.insert(view.room.clone(), view);
            }
            Event::Items { rooms, .. } => {
                self.rooms.extend(rooms.into_iter().map(|view| (view.room.clone(), view)));
            }
            Event::Invited { room, auction, .. } => {
                self.invited.insert(room, auction);
            }
            Event::Revealed { room, verdict, name, .. } => {
                self.revealed.insert(room, (name, verdict));
            }
            Event::Receipts { receipts } => self.held = Some(receipts),
            Event::Refused { report, of, .. } => {
                match (&*report.code, of.room) {
                    ("disclose.twice" | "withdraw.forbidden", Some(room)) => {
                        self.answered.insert(room);
                    }
                    // What was on its way did not arrive, or too late.
                    (_, Some(room)) => {
                        self.answered.remove(&room);
                    }
                    (_, None) => {}
                }
                // What is delivered comes later than it was meant to.
                let code = match (of.act.as_deref(), &*report.code) {
                    (Some("deliver"), code) => format!("delivered: {code}"),
                    // In a falling auction three seconds are long.
                    (Some("take"), "seen.stale") => "take: seen.stale".to_owned(),
                    (_, code) => code.to_owned(),
                };
                *self.refusals.entry(code).or_default() += 1;
            }
            Event::Done { id, ok, of } => {
                self.delivered += u64::from(ok && of.act.as_deref() == Some("deliver"));
                if ok && matches!(of.act.as_deref(), Some("reveal" | "withdraw")) {
                    self.answered.extend(of.room);
                }
                self.done.extend(id);
            }
            _ => {}
        }
    }
}

/// A person, apart from the desk they have just now.
#[derive(Debug)]
pub struct Person {
    /// What they are called in the trace.
    pub name: String,
    /// What they were told.
    pub told: Mutex<Told>,
    /// What they do when invited.
    pub disposition: Disposition,
    /// How many items they still want to list.
    pub items: Mutex<u64>,
    chance: Chance,
    numbers: Mutex<u64>,
    /// They only watch, and disclose.
    quiet: Mutex<bool>,
    seals: bool,
}

impl Person {
    /// Somebody who lists `items`.
    #[must_use]
    /// `seals` says whether some of their auctions are for sealed bids.
    pub fn new(name: String, items: u64, seals: bool, chance: &Chance) -> Arc<Self> {
        let chance = chance.fork();
        let disposition = match chance.below(8) {
            0 => Disposition::Vanishes,
            1 => Disposition::Withdraws,
            _ => Disposition::Discloses,
        };
        Arc::new(Self {
            name,
            told: Mutex::default(),
            disposition,
            items: Mutex::new(items),
            chance,
            numbers: Mutex::new(0),
            quiet: Mutex::new(false),
            seals,
        })
    }

    /// From now on they list, bid and say nothing new.
    pub fn be_quiet(&self) {
        *self.quiet.lock() = true;
    }

    /// A request with a number of its own.
    pub fn request(&self, command: Command) -> UserRequest {
        let mut numbers = self.numbers.lock();
        *numbers += 1;
        UserRequest { id: Some(numbers.to_string()), command, yes: true, written: None }
    }

    /// Sits at a desk until it is gone. What `asked` brings is done as well.
    pub async fn sit(
        self: Arc<Self>,
        front: Front,
        mut asked: tokio::sync::mpsc::UnboundedReceiver<UserRequest>,
        trace: Arc<Trace>,
    ) {
        let Front { commands, mut events, mut questions } = front;
        self.told.lock().sit_down_anew();
        let mut next = Instant::now() + self.chance.millis(500, 4_000);
        loop {
            tokio::select! {
                biased;
                event = events.recv() => {
                    let Some(event) = event else { return };
                    if !matches!(event, Event::Tick { .. }) {
                        trace.say(&self.name, || format!("hears {event:?}"));
                    }
                    self.told.lock().hear(event);
                }
                question = questions.recv() => match question {
                    Some(question) => answer(question),
                    None => return,
                },
                Some(request) = asked.recv() => {
                    if commands.send(request).await.is_err() {
                        return;
                    }
                }
                () = tokio::time::sleep_until(next) => {
                    if let Some(command) = self.decide() {
                        let request = self.request(command);
                        trace.say(&self.name, || format!("asks {:?}", request.command));
                        // A desk that is busy is asked another time.
                        let _ = commands.try_send(request);
                    }
                    next = Instant::now() + self.chance.millis(200, 4_000);
                }
            }
        }
    }

    /// What they want to do now.
    fn decide(&self) -> Option<Command> {
        let told = self.told.lock();
        // Of what ended while the desk was down, only the listing is known until it is asked for.
        let unseen = told.rooms.values().find(|room| room.is_unfollowed());
        if let Some(unseen) = unseen.filter(|_| self.chance.once_in(2)) {
            return Some(Command::Join { room: unseen.room.clone() });
        }
        let disclosing = self.disclose(&told);
        if disclosing.is_some() && self.chance.once_in(2) {
            return disclosing;
        }
        if *self.quiet.lock() {
            // A desk that was down does not tell by itself of what has ended.
            return self.chance.once_in(3).then_some(Command::Items(ListFilter::default()));
        }
        let mut items = self.items.lock();
        if *items > 0 && self.chance.once_in(2) {
            *items -= 1;
            return Some(self.list());
        }
        let open: Vec<&RoomView> =
            told.rooms.values().filter(|room| room.phase == Phase::Open).collect();
        let at = usize::try_from(self.chance.below(open.len() as u64)).ok()?;
        let room = open.get(at)?;
        if self.chance.once_in(8) {
            let text = format!("is number {} still there?", self.chance.below(100));
            return Some(Command::Say { room: room.room.clone(), text });
        }
        if self.chance.once_in(12) {
            // Whether or not anything of theirs waits for an answer there.
            return Some(Command::Deliver { room: room.room.clone() });
        }
        if room.own && !self.chance.once_in(10) {
            return None;
        }
        if self.seals && self.chance.once_in(8) {
            return Some(self.prepare(room));
        }
        Some(self.bid(room))
    }

    /// Takes a paddle, which somebody else may hold, or puts one down; or sets a ceiling.
    fn prepare(&self, room: &RoomView) -> Command {
        let room = room.room.clone();
        match self.chance.below(3) {
            0 => {
                let ceiling = Some(format!("{}", 5 + self.chance.below(60)));
                Command::Auto { room: Some(room), ceiling, steady: false }
            }
            1 => Command::Paddle(PaddleTask::Here { room, name: None }),
            _ => {
                let name = Some(format!("{}", self.chance.below(4)));
                Command::Paddle(PaddleTask::Here { room, name })
            }
        }
    }

    fn list(&self) -> Command {
        let soft = self.chance.once_in(3);
        let sealed = (self.seals && self.chance.once_in(4)).then(|| match self.chance.once_in(2) {
            true => PriceRule::First,
            false => PriceRule::Second,
        });
        let falls = self.seals && sealed.is_none() && self.chance.once_in(4);
        let open = sealed.is_none() && !falls;
        let (lot, start) = (self.chance.below(1_000), 1 + self.chance.below(50));
        // By the number of the lot, so that nothing more is drawn.
        let has_reserve = self.seals && !falls && lot % if open { 8 } else { 3 } == 0;
        Command::List(Box::new(NewListing {
            title: format!("lot {lot} of {}", self.name),
            start: format!("{start}"),
            currency: "EUR".to_owned(),
            increment: match falls {
                true => Some("0.20".to_owned()),
                false => open.then(|| "1.50".to_owned()),
            },
            steps: None,
            raise: None,
            buy: (self.chance.once_in(4) && open).then(|| "60".to_owned()),
            begins: None,
            duration: Some(format!("{}s", 20 + self.chance.below(70))),
            until: None,
            extend: (soft && open).then(|| "30s".to_owned()),
            fixed_end: !soft,
            one_per_citizen: false,
            grace: (sealed.is_some() && self.chance.once_in(2)).then(|| "5s".to_owned()),
            sealed,
            tsas: None,
            rule: (open && self.seals && self.chance.once_in(4)).then(|| RULE.to_owned()),
            rule_file: None,
            bids: (self.seals && self.chance.once_in(4)).then_some(2),
            // Between the start and what buys at once, whatever that is.
            reserve: has_reserve.then(|| format!("{}", start + 4)),
            dutch: falls.then(|| "0.50".to_owned()),
            every: falls.then(|| "3s".to_owned()),
            description: None,
        }))
    }

    fn bid(&self, room: &RoomView) -> Command {
        // Now and then what they hope it falls to.
        if let Some(falling) = room.falling.filter(|_| !self.chance.once_in(8)) {
            let patient = room.highest.is_none() && self.chance.below(falling.every.into()) > 0;
            return match patient {
                true => Command::Items(ListFilter::default()),
                false => Command::Take { room: room.room.clone() },
            };
        }
        let least = room.highest.map_or(room.start, |highest| highest + room.increment);
        // Now and then too little.
        let minor = match self.chance.below(8) {
            0 => least.saturating_sub(1).max(1),
            steps if room.sealed.is_some() => least + (steps - 1) * 150,
            steps => least + (steps - 1) * room.increment,
        };
        let amount = format!("{}.{:02}", minor / 100, minor % 100);
        Command::Bid { room: room.room.clone(), amount, currency: None }
    }

    fn disclose(&self, told: &Told) -> Option<Command> {
        let waiting = |(room, auction): &(&String, &String)| {
            let settled = told.rooms.get(*auction).is_some_and(|view| view.phase == Phase::Settled);
            settled && !told.answered.contains(*room)
        };
        let room = told.invited.iter().find(waiting)?.0.clone();
        let (name, contact) = (self.name.clone(), format!("{}@example.org", self.name));
        match self.disposition {
            Disposition::Discloses => Some(Command::Reveal { room, name, contact }),
            Disposition::Withdraws => Some(Command::Withdraw { room }),
            Disposition::Vanishes => None,
        }
    }
}

fn answer(question: Question) {
    let answer = match question.about {
        Subject::Confirm(_) => UserAnswer::Yes,
        Subject::Pin(_) => UserAnswer::Cancel,
    };
    // A desk that has crashed asks no more.
    let _ = question.reply.send(answer);
}

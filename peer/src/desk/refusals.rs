//! Refusals: replayed against the log that they name before they are shown (SPEC 7.5).
//!
//! A broker may say no for reasons that decide nothing (`failed`), without a signature, or for a
//! rule, with one. What it signs is decided again here: a refusal that is false is not shown to
//! the user as if it were true, and others can see that it is false.

use pregao_protocol::audit::evidence::{
    self, Evidence, FalseRefusal, Falsehood, Grounds, RefusedAndLogged, Statement,
};
use pregao_protocol::host::Host;
use pregao_protocol::log::merkle;
use pregao_protocol::log::{self, Logged, Receipt, RoomName};
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Verb;
use pregao_protocol::room::{Code, Replay, Room, Stamped, Undecided};
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::report::Report;
use pregao_protocol::wire::refusal::Refusal;

use super::Desk;
use super::answers::ReplyTo;
use super::evidence::Exhibit;
use super::kinds;
use super::replica::Replica;
use crate::host::blocking;
use crate::text::moment::{self, TimeZone};

/// What can be said of a refusal.
enum Judged {
    /// It is not false; what it rests on, and what happened if its code does not say all.
    Fair(Grounds, Option<String>),
    False(Falsehood, Box<FalseRefusal>),
    /// The log that it names has not arrived.
    Ahead,
    /// The room is not followed, or not believed.
    Unseen,
}

/// Whether the user was told what a refusal is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Checked,
    /// The log that it names has not arrived.
    Unchecked,
}

impl Desk {
    pub(super) async fn handle_refused(&mut self, n: u64, compact: &str) {
        let (Some(act), Some(session)) = (self.outbox.action(n), self.connection.session()) else {
            return;
        };
        // What has no stamp yet was not handed in.
        if act.stamp().is_none() {
            return;
        }
        let action = act.action.clone();
        let (digest, room) = (action.digest(), action.room());
        let judged = Refusal::open(compact, &session.certificate.keys.entry)
            .ok()
            .filter(|refusal| (refusal.digest, refusal.room) == (digest, room))
            .and_then(|refusal| Some((self.stamped_as(&action, refusal.stamp)?, refusal)));
        let Some((stamped, refusal)) = judged else {
            let action = action.compact();
            self.accuse(
                Some(room),
                "the broker refused without a valid signature",
                "it can deny this later; do it again, and keep an eye on this broker",
                Exhibit::Notes("refusal", &[compact, action]),
            )
            .await;
            return self.finish(n, false).await;
        };
        // The secrets stay: if the action turns up in a log all the same, it binds its author.
        let kept = self.vault.update(|contents| {
            for kept in contents.actions.iter_mut().filter(|kept| kept.digest == digest) {
                kept.refusal = Some(compact.to_owned());
            }
        });
        if let Err(error) = kept {
            self.vault_trouble(&error).await;
        }
        self.check_refused(&digest).await;
        self.meet_refusal(&refusal, compact).await;
        let named = Statement::Refusal(compact.to_owned());
        if !stamped.action().opens_a_room() && !self.take_statement(room, named).await {
            return self.finish(n, false).await;
        }
        self.settle_refusal(n, &stamped, &refusal, compact).await;
    }

    /// Decides again about what waits for the log that its refusal names.
    pub(super) async fn settle_refusals(&mut self, name: RoomName) {
        for (n, compact) in self.outbox.refusals_in(name) {
            let (Some(act), Some(session)) = (self.outbox.action(n), self.connection.session())
            else {
                continue;
            };
            let Ok(refusal) = Refusal::open(&compact, &session.certificate.keys.entry) else {
                continue;
            };
            let Some(stamped) = self.stamped_as(&act.action, refusal.stamp) else { continue };
            self.settle_refusal(n, &stamped, &refusal, &compact).await;
        }
        self.settle_delivered_refusals(name).await;
    }

    /// Judges a refusal and tells the user, or has it wait for the log it names.
    async fn settle_refusal(
        &mut self,
        n: u64,
        stamped: &Stamped,
        refusal: &Refusal,
        compact: &str,
    ) {
        self.reply_to = self.outbox.action(n).map(|act| act.reply_to.clone()).unwrap_or_default();
        match self.judged(stamped, refusal, compact).await {
            Judged::Ahead => {
                self.reply_to = ReplyTo::default();
                return self.outbox.refused_ahead(n, compact);
            }
            judged => self.tell_judged(judged, stamped, refusal, compact).await,
        }
        self.finish(n, false).await;
    }

    /// Judges a refusal that did not come in the session, and tells the user.
    pub(super) async fn tell_refusal(
        &mut self,
        stamped: &Stamped,
        refusal: &Refusal,
        compact: &str,
    ) -> Told {
        let judged = self.judged(stamped, refusal, compact).await;
        let told = match judged {
            Judged::Ahead => Told::Unchecked,
            Judged::Fair(..) | Judged::False(..) | Judged::Unseen => Told::Checked,
        };
        self.tell_judged(judged, stamped, refusal, compact).await;
        told
    }

    /// Judges a refusal of which the user was told unchecked, and says so if it is a lie.
    pub(super) async fn tell_if_false(
        &mut self,
        stamped: &Stamped,
        refusal: &Refusal,
        compact: &str,
    ) -> Told {
        match self.judged(stamped, refusal, compact).await {
            Judged::Ahead => Told::Unchecked,
            judged @ Judged::False(..) => {
                self.tell_judged(judged, stamped, refusal, compact).await;
                Told::Checked
            }
            Judged::Fair(..) | Judged::Unseen => Told::Checked,
        }
    }

    /// Tells of a refusal that cannot be judged.
    pub(super) async fn tell_unchecked(&self, code: Code) {
        let message = format!("{} (the broker's word, not checked)", code.message());
        self.refuse(Report::new(code.as_str(), message, code.advice())).await;
    }

    async fn tell_judged(
        &mut self,
        judged: Judged,
        stamped: &Stamped,
        refusal: &Refusal,
        compact: &str,
    ) {
        let code = refusal.code;
        match judged {
            Judged::False(falsehood, shown) => {
                let room = stamped.action().room();
                let message = format!("the broker refused with a lie ({code}): {falsehood}");
                let advice = "what you did was in order: do it elsewhere, or show this to others";
                let proof = Evidence::FalseRefusal(*shown);
                let action = stamped.action().compact();
                let shown = match proof.verify() {
                    Ok(_) => Exhibit::Proof(&proof, Some(room)),
                    Err(_) => Exhibit::Notes("refusal", &[compact, action]),
                };
                self.accuse(Some(room), &message, advice, shown).await;
            }
            Judged::Fair(Grounds::Word, _) if self.knows_better(stamped.action(), code) => {
                let message = format!("the broker refused with a lie ({code})");
                let advice = match code {
                    Code::DoorForfeited => {
                        "this vault holds no deal that you did not keep; if it is an old backup, look for one in newer ones, else keep an eye on this broker"
                    }
                    _ => "you know better than its word; keep an eye on this broker",
                };
                let notes = [compact, stamped.action().compact()];
                let room = Some(stamped.action().room());
                self.accuse(room, &message, advice, Exhibit::Notes("refusal", &notes)).await;
            }
            Judged::Fair(_, why) => {
                let advice = match refusal.until {
                    Some(until) => taken_again(until, &self.options.zone),
                    None => self.advice(code, stamped.action().room()),
                };
                let message = why.unwrap_or_else(|| code.message().to_owned());
                self.refuse(Report::new(code.as_str(), message, advice)).await;
            }
            Judged::Unseen | Judged::Ahead => self.tell_unchecked(code).await,
        }
    }

    async fn judged(&self, stamped: &Stamped, refusal: &Refusal, compact: &str) -> Judged {
        let action = stamped.action();
        let shown = |log: &[Logged<'_>]| {
            let own = Logged { entry: "", header: stamped.batch().compact() };
            let headers = log::headers(log.iter().copied().chain([own]));
            let headers = headers.into_iter().map(str::to_owned).collect();
            let log = log.iter().map(|logged| logged.entry.to_owned()).collect();
            Box::new(FalseRefusal {
                certificate: self.connection.certificate().to_owned(),
                action: action.compact().to_owned(),
                stamp: stamped.stamp().clone(),
                refusal: compact.to_owned(),
                headers,
                log,
            })
        };
        let of = |outcome: Result<Grounds, Falsehood>, log: &[Logged<'_>]| match outcome {
            Ok(grounds) => Judged::Fair(grounds, None),
            Err(falsehood) => Judged::False(falsehood, shown(log)),
        };
        let by = |room: &Room, log: &[Logged<'_>]| match of(
            evidence::judge(refusal, stamped, Some(room)),
            log,
        ) {
            Judged::Fair(grounds, _) => {
                Judged::Fair(grounds, kinds::why(room, refusal.code, stamped))
            }
            judged => judged,
        };
        if action.opens_a_room() {
            let empty = (refusal.size, refusal.root) == (0, merkle::empty_root());
            let outcome = if empty {
                evidence::judge(refusal, stamped, None)
            } else {
                Err(Falsehood::Nothing)
            };
            return of(outcome, &[]);
        }
        let Some(room) =
            self.rooms.get(&refusal.room).filter(|room| room.is_followed() && !room.is_broken())
        else {
            return Judged::Unseen;
        };
        if refusal.size > room.covered().unwrap_or(0) {
            return Judged::Ahead;
        }
        let Ok(size) = usize::try_from(refusal.size) else { return Judged::Ahead };
        let log: Vec<Logged<'_>> = room.logged().take(size).collect();
        if log.len() < size {
            return Judged::Ahead;
        }
        if refusal.size == room.size() {
            return match room.room() {
                Some(room) => by(room, &log),
                None => of(evidence::judge(refusal, stamped, None), &log),
            };
        }
        let lines = log::lines(log.iter().copied());
        match fold(&self.options.host, lines).await {
            Some(earlier) => by(&earlier, &log),
            None => of(Err(Falsehood::Nothing), &log),
        }
    }

    /// Whether the user's side knows that a reason for which the broker's word must do is false.
    fn knows_better(&self, action: &Action, code: Code) -> bool {
        match (code, action.body().terms()) {
            (Code::ListingKeys, Some(terms)) => {
                let session = self.connection.session();
                session.is_some_and(|session| terms.are_of(&session.certificate))
            }
            (Code::DiscloseTwice, _) => {
                let (room, digest) = (action.room().to_string(), action.digest());
                let other = |kept: &crate::vault::ActionRecord| {
                    kept.room == room && kept.verb == Verb::Disclose && kept.digest != digest
                };
                !self.vault.contents().actions.iter().any(other)
            }
            (Code::DoorCitizen, _) => self.is_such_a_citizen(action),
            // Nobody stays away from a reveal in which they never had a part.
            (Code::DoorForfeited, _) => !self.vault.contents().actions.iter().any(|kept| {
                matches!(kept.verb, Verb::List | Verb::Bid | Verb::SealedBid)
                    && kept.digest != action.digest()
            }),
            _ => false,
        }
    }

    fn advice(&self, code: Code, room: RoomName) -> String {
        let replica = self.rooms.get(&room).and_then(Replica::room);
        let advice = replica.and_then(|room| kinds::advice(room, code));
        advice.unwrap_or_else(|| code.advice().to_owned())
    }

    /// An own action that the broker refused under its signature must be in no log.
    pub(super) async fn check_refused(&mut self, digest: &Digest) {
        let Some(kept) = self.vault.action(digest) else { return };
        let (Some(refusal), Some(receipt)) = (&kept.refusal, &kept.receipt) else { return };
        let Ok(receipt) = Receipt::parse(&receipt.to_string()) else { return };
        let (room, refusal) = (receipt.room(), refusal.clone());
        let certificate = self.connection.certificate().to_owned();
        let both = RefusedAndLogged { certificate, refusal, receipt };
        let proof = Evidence::RefusedAndLogged(both);
        self.accuse(
            Some(room),
            "the broker logged an action of yours that it had refused under its signature",
            "the action counts, so check what it did",
            Exhibit::Proof(&proof, Some(room)),
        )
        .await;
    }

    /// An answer without a signature may only say that nothing was decided. Any other code in it is
    /// a lie, and no refusal: the action may be in the log.
    pub(super) async fn is_undecided(&mut self, n: u64, code: &str) -> bool {
        let Some(action) = self.outbox.action(n).map(|act| act.action.clone()) else { return true };
        let room = action.room();
        let said = match code.parse::<Undecided>() {
            Ok(Undecided::ROOM_UNKNOWN) if self.statements.longest(room).is_some() => {
                "the broker denies a room whose log it signed"
            }
            Ok(_) => return true,
            Err(_) => "the broker refused without a signature, by a rule that takes one",
        };
        let advice = "do not believe it: what you did may be in the log, so look at the room first";
        let notes = Exhibit::Notes("failed", &[code, action.compact()]);
        self.accuse(Some(room), said, advice, notes).await;
        false
    }
}

/// What to do for whoever stayed away from a deal (V-225).
fn taken_again(until: Time, zone: &TimeZone) -> String {
    let until = moment::print(until, zone);
    format!("list and bid again after {until}; what you have listed or won goes on")
}

/// The fold of the first entries of a log. They verified before; the work is as much as then.
async fn fold(host: &Host, lines: Vec<String>) -> Option<Room> {
    let replayed = blocking(host, move || {
        let mut replay = Replay::new();
        lines.iter().try_for_each(|line| replay.line(line).map(drop)).ok()?;
        replay.finish().ok().flatten()
    });
    replayed.await.flatten()
}

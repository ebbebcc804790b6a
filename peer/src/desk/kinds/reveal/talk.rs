//! What the user says to the other side of a private room, and the keys by which the two write to each other there
//! (SPEC 8.4).
//!
//! Nothing is published before one of the two wants to say something: then both programs publish keys by themselves, and
//! what was typed waits in the vault until the other side's are there. Secrets are durable before the keys are published.

use std::time::Duration;

use pregao_protocol::letter::say::{Listener, Member, Saying, Speaker, pair_key, seal};
use pregao_protocol::letter::{Class, Mode, Salt, Seeds};
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Body, SealedSay, Side, Talk, TalkKeys};
use pregao_protocol::room::reveal::talk::{SideKeys, open_until};
use pregao_protocol::room::{Code, RevealRoom, Room};
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{OneTime, PairKey, PublicKey, SecretKey};
use pregao_protocol::trust::persona::{Blind, OneTimeKey};
use pregao_protocol::trust::prekey::{PrekeyPublic, PrekeySecret};
use pregao_protocol::value::codec::Digest;
use pregao_protocol::value::label::MAX_TALK_KEYS;
use pregao_protocol::value::report::Report;
use pregao_protocol::value::text::Lines;

use crate::desk::Desk;
use crate::desk::answers::{Progress, ReplyTo};
use crate::desk::outbox::{by_code, no_randomness, offline};
use crate::desk::replica::Replica;
use crate::text::visible::shows_something;
use crate::vault::{
    ActionRecord, KeptSaying, SaidRecord, Secret, TalkRecord, TalkSecrets, UnsaidRecord,
};

/// How much waits to be said in one room.
const MOST_UNSAID: usize = 16;
/// More one-time keys are published when fewer than these wait.
const FEW: usize = 3;
/// After the last saying may have been stamped, entries may still be on their way for so long.
const ON_ITS_WAY: Duration = Duration::from_secs(3_600);

/// Which key made a side of a room one.
pub(super) const fn key_of(room: &RevealRoom, side: Side) -> PublicKey<OneTime> {
    match side {
        Side::Seller => room.opening().seller,
        Side::Winner => room.opening().winner,
    }
}

/// A side as what is said names it, once its keys are published.
pub(super) fn member(name: RoomName, room: &RevealRoom, side: Side) -> Option<Member> {
    let agreement = *room.talks().keys(side)?.agreement();
    Some(Member { room: name, side, key: key_of(room, side), agreement })
}

/// Why nothing can be said now.
enum NotNow {
    /// Keys are missing: it waits.
    Wait,
    /// It will never go.
    Never(Report),
}

impl From<Report> for NotNow {
    fn from(report: Report) -> Self {
        Self::Never(report)
    }
}

/// Everything that something is said with.
struct Ready {
    side: Side,
    keys: TalkSecrets,
    pair: SecretKey<PairKey>,
}

impl Desk {
    /// Whether a room that a command names is a private one.
    pub(in crate::desk) fn is_private(&self, typed: &str) -> bool {
        self.names.find(typed).is_ok_and(|name| self.rooms.auction_of(name).is_some())
    }

    /// The user's side of a private room, and the own action that made it. Unlike [`Desk::role_in`] also once the auction
    /// went on without the room: they may write to each other all the same.
    pub(in crate::desk) fn side_of_room(&self, name: RoomName) -> Option<(Side, &ActionRecord)> {
        let opening = self.rooms.get(&name)?.room().and_then(RevealRoom::of)?.opening();
        let auction = self.rooms.get(&opening.auction).filter(|auction| auction.is_verified())?;
        let made = |seq: u64, key: PublicKey<OneTime>| {
            auction.action(seq).is_some_and(|(_, own)| own == key)
        };
        let (side, seq) = if auction.is_own(0) && made(0, opening.seller) {
            (Side::Seller, 0)
        } else {
            (Side::Winner, auction.own().find(|seq| made(*seq, opening.winner))?)
        };
        Some((side, self.kept_at(auction, seq)?))
    }

    /// The key that made the user a side of a private room, with its blind.
    fn talker(&self, name: RoomName) -> Result<(OneTimeKey, Blind), Report> {
        let found = self.side_of_room(name).and_then(|(_, kept)| {
            Some((self.one_time_key(kept)?, Blind::from_random(*kept.blind.expose())))
        });
        found.ok_or_else(|| {
            let advice = "wait until the auction's log has arrived, then do it again";
            Report::new("reveal.failed", "your own action in the auction is not known yet", advice)
        })
    }

    /// Whether nothing can come in a room any more, not even something that is said.
    pub(in crate::desk) fn is_silent(&self, room: &Room) -> bool {
        let can_talk = |reveal: &RevealRoom| !self.is_talk_over(reveal);
        room.is_complete() && !RevealRoom::of(room).is_some_and(can_talk)
    }

    /// Whether nothing more can be said; false as long as the time is not known.
    fn is_talk_over(&self, room: &RevealRoom) -> bool {
        let over = open_until(room.opening()).plus(ON_ITS_WAY);
        self.reckoned().is_some_and(|now| now > over)
    }

    /// Whom what is said in a private room convinces: as chosen for the room, or for all that is written.
    pub(in crate::desk) fn talk_mode(&self, name: RoomName) -> Mode {
        let chosen = self.talk(name).and_then(|talk| talk.mode);
        chosen.unwrap_or_else(|| self.general_mode())
    }

    /// Chooses that for a room; whether it is durable.
    pub(in crate::desk) async fn choose_talk_mode(&mut self, name: RoomName, mode: Mode) -> bool {
        self.change_talk(name, |talk| talk.mode = Some(mode)).await
    }

    /// The private rooms that are believed.
    pub(in crate::desk) fn private_rooms(&self) -> Vec<RoomName> {
        let kept = self.vault.contents().reveals.iter();
        let rooms = kept.filter_map(|kept| kept.room.parse().ok());
        rooms.filter(|room| self.private_room(*room).is_some()).collect()
    }

    /// The private room that a command names.
    pub(in crate::desk) fn private_room_named(&self, typed: &str) -> Result<RoomName, Report> {
        let name = self.find(typed)?;
        match self.private_room(name) {
            Some(_) => Ok(name),
            None => Err(Report::new(
                "say.public",
                "this is no private room of a deal: what is said there everybody hears",
                "choose it for all you write: /mode evidence, or /mode deniable",
            )),
        }
    }

    /// Says something in a private room, in the mode that is set for it.
    pub(in crate::desk) async fn say_privately(&mut self, typed: &str, text: &str) -> Progress {
        let name = match self.may_say(typed, text) {
            Ok(name) => name,
            Err(report) => return self.reject(report).await,
        };
        self.reply_to.room = Some(name);
        let mode = self.talk_mode(name);
        // A screen shows it before and after; who gives one command reads it here.
        if self.options.patient {
            let whom = match mode {
                Mode::Evidence => "evidence: the other side can prove to others that you said it",
                Mode::Deniable => "deniable: the other side can prove nothing with it",
            };
            self.note(whom.to_owned()).await;
        }
        let words = UnsaidRecord { text: text.to_owned(), mode, contact: None };
        self.say_words(name, words).await
    }

    /// Says something now, or as soon as the other side has left keys for it.
    pub(super) async fn say_words(&mut self, name: RoomName, words: UnsaidRecord) -> Progress {
        let waits = self.talk(name).is_some_and(|talk| !talk.unsaid.is_empty());
        if !waits && !self.is_saying(name) {
            match self.ready(name) {
                Ok(ready) => return self.say_now(name, &ready, &words).await,
                Err(NotNow::Never(report)) => return self.reject(report).await,
                Err(NotNow::Wait) => {}
            }
        }
        if self.talk(name).is_some_and(|talk| talk.unsaid.len() >= MOST_UNSAID) {
            let advice = "wait until the other side's program was there";
            let report = Report::new("say.waiting", "too much waits to be said already", advice);
            return self.reject(report).await;
        }
        if !self.change_talk(name, |talk| talk.unsaid.push(words)).await {
            return Progress::Failed;
        }
        let text =
            "kept, and said as soon as the other side's program has left keys for it".to_owned();
        self.note(text).await;
        self.pursue_talk(name).await;
        Progress::Done
    }

    /// The room in which the two can talk, if they can at all.
    pub(super) fn may_talk(&self, typed: &str) -> Result<RoomName, Report> {
        self.connection.session().ok_or_else(offline)?;
        let name = self.find(typed)?;
        let room = self.private_room(name).ok_or_else(|| by_code(Code::RoomUnknown))?;
        self.talker(name)?;
        match self.now() {
            None => Err(by_code(Code::TsaDown)),
            Some(now) if now > open_until(room.opening()) => Err(by_code(Code::TalkOver)),
            Some(_) => Ok(name),
        }
    }

    /// The room in which something can be said, if it can be said there at all.
    fn may_say(&self, typed: &str, text: &str) -> Result<RoomName, Report> {
        let name = self.may_talk(typed)?;
        if !shows_something(text) {
            let message = "the text shows nothing: it has no character that can be seen";
            return Err(Report::new(
                "command.parse",
                message,
                "say something that people can read",
            ));
        }
        let mode = self.talk_mode(name);
        let words = UnsaidRecord { text: text.to_owned(), mode, contact: None };
        let saying = saying(&words, [0; 16], [0; 32])?;
        let (got, most) = (saying.size(), Class::Small.most());
        if got > most {
            let message = format!("it takes {got} bytes as it is sealed, and {most} are the most");
            return Err(Report::new("say.long", message, "say it in two parts"));
        }
        Ok(name)
    }

    /// A private room that is believed.
    pub(super) fn private_room(&self, name: RoomName) -> Option<&RevealRoom> {
        self.rooms.auction_of(name)?;
        let replica = self.rooms.get(&name).filter(|room| room.is_verified())?;
        // Its keys may be anybody's until it was held against its auction.
        let believed = replica.notes.reveal.announced;
        replica.room().filter(|_| believed).and_then(RevealRoom::of)
    }

    pub(super) fn talk(&self, name: RoomName) -> Option<&TalkRecord> {
        let room = name.to_string();
        let kept = self.vault.contents().reveals.iter().find(|kept| kept.room == room);
        kept.and_then(|kept| kept.talk.as_ref())
    }

    /// Changes what is kept of a room's talk; whether it is durable.
    pub(super) async fn change_talk(
        &mut self,
        name: RoomName,
        change: impl FnOnce(&mut TalkRecord),
    ) -> bool {
        let room = name.to_string();
        let changed = self.vault.update(|contents| {
            let kept = contents.reveals.iter_mut().find(|kept| kept.room == room);
            kept.map(|kept| change(kept.talk.get_or_insert_default()))
        });
        match changed {
            Ok(changed) => changed.is_some(),
            Err(error) => {
                self.vault_trouble(&error).await;
                false
            }
        }
    }

    /// Whether something of the user's for this room is under way.
    fn is_saying(&self, name: RoomName) -> bool {
        let says = |body: &Body| matches!(body, Body::SealedSay(_));
        self.outbox.actions().any(|act| act.action.room() == name && says(act.action.body()))
    }

    /// Whether keys of the user's for this room are under way.
    fn is_publishing(&self, name: RoomName) -> bool {
        let keys = |body: &Body| matches!(body, Body::Talk(_) | Body::TalkKeys(_));
        self.outbox.actions().any(|act| act.action.room() == name && keys(act.action.body()))
    }

    /// What is needed to say something now.
    fn ready(&self, name: RoomName) -> Result<Ready, NotNow> {
        let room = self.private_room(name).ok_or(NotNow::Wait)?;
        let (side, _) = self.side_of_room(name).ok_or(NotNow::Wait)?;
        let talks = room.talks();
        let keys = self.talk(name).and_then(|talk| talk.keys.clone()).ok_or(NotNow::Wait)?;
        let (own, other) = (talks.keys(side), talks.keys(side.other()));
        let (own, other) = own.zip(other).ok_or(NotNow::Wait)?;
        let stated = talks.pair().ok_or(NotNow::Wait)?;
        let agreement = AgreementSecret::from_random(*keys.agreement.expose());
        // Keys of another vault than this one: what is said to them cannot be read here.
        if agreement.public() != *own.agreement() {
            let message = "the keys published for you in this room are not those of this vault";
            return Err(Report::new("say.keys", message, LEAVE).into());
        }
        let pair = pair_key(name, side, &agreement, other.agreement());
        let pair = pair.ok().filter(|pair| pair.public() == *stated).ok_or_else(|| {
            let message = "the key stated as that of you both is not the one that you both have";
            NotNow::Never(Report::new("say.keys", message, LEAVE))
        })?;
        if other.waiting().len() == 0 {
            return Err(NotNow::Wait);
        }
        Ok(Ready { side, keys, pair })
    }

    async fn say_now(&mut self, name: RoomName, ready: &Ready, words: &UnsaidRecord) -> Progress {
        let sealed = self.sealed(name, ready, words);
        let (body, kept, blind) = match sealed {
            Ok(sealed) => sealed,
            Err(report) => return self.reject(report).await,
        };
        let unsigned = match self.unsigned(name, body, blind) {
            Ok(unsigned) => unsigned,
            Err(report) => return self.reject(report).await,
        };
        let progress = self.sign_by(unsigned, |draft| draft.sign_as_pair(&ready.pair)).await;
        if progress == Progress::Pending
            && let Some(digest) = self.outbox.newest()
        {
            // Once sealed nobody can read it but the other side: the text is kept for its author.
            let said = SaidRecord { digest, own: true, saying: Some(kept), trouble: None };
            self.change_talk(name, |talk| talk.said.push(said)).await;
        }
        progress
    }

    fn sealed(
        &self,
        name: RoomName,
        ready: &Ready,
        words: &UnsaidRecord,
    ) -> Result<(Body, KeptSaying, Blind), Report> {
        let gone = || by_code(Code::RoomUnknown);
        let room = self.private_room(name).ok_or_else(gone)?;
        let (key, blind) = self.talker(name)?;
        let (side, other) = (ready.side, ready.side.other());
        let (own, theirs) =
            member(name, room, side).zip(member(name, room, other)).ok_or_else(gone)?;
        let keys = room.talks().keys(other).ok_or_else(gone)?;
        let (digest, once) = self.unused(name, keys).ok_or_else(|| by_code(Code::SayKeyUsed))?;
        let host = &self.options.host;
        let (id, salt) =
            (host.random().map_err(no_randomness)?, host.random().map_err(no_randomness)?);
        let seeds = Seeds::from_random(host.random().map_err(no_randomness)?);
        let saying = saying(words, id, salt)?;
        let agreement = AgreementSecret::from_random(*ready.keys.agreement.expose());
        let by = Speaker { member: own, agreement: &agreement, key: &key };
        let to = Listener { member: theirs, signed: keys.signed(), once };
        let sealed = seal(&saying, &to, &by, &seeds)
            .map_err(|error| Report::new("say.long", error.to_string(), "say it in fewer words"))?;
        let body = Body::SealedSay(SealedSay { once: digest, sealed });
        let UnsaidRecord { text, mode, contact } = words.clone();
        Ok((body, KeptSaying { text, mode, contact }, blind))
    }

    /// The oldest one-time key of the other side to which nothing of the user's was ever sealed: what has no answer
    /// may be logged yet.
    fn unused<'a>(&self, name: RoomName, keys: &'a SideKeys) -> Option<(Digest, &'a PrekeyPublic)> {
        let under_way: Vec<Digest> = self
            .outbox
            .actions()
            .filter(|act| act.action.room() == name)
            .filter_map(|act| match act.action.body() {
                Body::SealedSay(said) => Some(said.once),
                _ => None,
            })
            .collect();
        let is_free = |digest: &Digest| !under_way.contains(digest);
        keys.waiting().find(|(digest, _)| is_free(digest)).map(|(digest, key)| (*digest, key))
    }

    /// Does in every private room what is due there.
    pub(in crate::desk) async fn pursue_talks(&mut self) {
        let talks = self.vault.contents().reveals.iter().filter(|kept| kept.talk.is_some());
        let rooms: Vec<RoomName> = talks.filter_map(|kept| kept.room.parse().ok()).collect();
        for room in rooms {
            self.pursue_talk(room).await;
        }
    }

    /// Shows what was said in a private room, publishes keys where they are needed, and says what waits.
    pub(in crate::desk) async fn pursue_talk(&mut self, name: RoomName) {
        let Some(room) = self.private_room(name) else { return };
        let over = self.is_talk_over(room);
        let Some((side, _)) = self.side_of_room(name) else { return };
        self.read_sayings(name, side).await;
        if over {
            return self.forget_talk(name).await;
        }
        if !self.connection.is_up() || self.now().is_none() {
            return;
        }
        let before = std::mem::replace(&mut self.reply_to, ReplyTo::of_room(name));
        self.pursue_befriending(name).await;
        self.publish_keys(name, side).await;
        self.say_what_waits(name).await;
        self.reply_to = before;
    }

    /// Nothing more can come: the secrets go, and with them what was never read.
    async fn forget_talk(&mut self, name: RoomName) {
        let keeps = |talk: &TalkRecord| {
            talk.keys.is_some() || !talk.unsaid.is_empty() || talk.befriends.is_some()
        };
        if !self.talk(name).is_some_and(keeps)
            || !self.rooms.get(&name).is_some_and(Replica::is_caught_up)
        {
            return;
        }
        self.change_talk(name, |talk| {
            talk.keys = None;
            talk.unsaid.clear();
            talk.befriends = None;
        })
        .await;
    }

    async fn say_what_waits(&mut self, name: RoomName) {
        if self.is_saying(name) {
            return;
        }
        let next = self.talk(name).and_then(|talk| talk.unsaid.first().cloned());
        let Some(words) = next else { return };
        let progress = match self.ready(name) {
            Ok(ready) => self.say_now(name, &ready, &words).await,
            Err(NotNow::Wait) => return,
            Err(NotNow::Never(report)) => self.reject(report).await,
        };
        if progress == Progress::Pending {
            self.outbox.begun_by_itself();
        }
        self.change_talk(name, |talk| {
            if !talk.unsaid.is_empty() {
                talk.unsaid.remove(0);
            }
        })
        .await;
    }

    /// Publishes keys if one of the two wants to say something, and more of them before they run out.
    async fn publish_keys(&mut self, name: RoomName, side: Side) {
        if self.is_publishing(name) {
            return;
        }
        let Some(room) = self.private_room(name) else { return };
        let (own, other) = (room.talks().keys(side), room.talks().keys(side.other()));
        let wants = self.talk(name).is_some_and(|talk| !talk.unsaid.is_empty());
        let (count, begins) = match own {
            None if wants || other.is_some() => (MAX_TALK_KEYS.saturating_sub(1), true),
            Some(own) if own.waiting().len() < FEW => (own.room_for().min(MAX_TALK_KEYS), false),
            _ => return,
        };
        if count == 0 || (!begins && self.talk(name).is_none_or(|talk| talk.keys.is_none())) {
            return;
        }
        let Some(keys) = self.secrets(name, count).await else { return };
        let body = match self.keys_body(name, side, &keys, count, begins) {
            Ok(body) => body,
            Err(report) => return self.refuse(report).await,
        };
        let signed = self.talker(name).and_then(|(key, blind)| {
            let unsigned = self.unsigned(name, body, blind)?;
            Ok((unsigned, key))
        });
        let progress = match signed {
            Ok((unsigned, key)) => self.sign(unsigned, &key).await,
            Err(report) => self.reject(report).await,
        };
        if progress == Progress::Pending {
            self.outbox.begun_by_itself();
        }
    }

    /// The secrets of this room with as many one-time keys that are not published as are asked for; durable.
    async fn secrets(&mut self, name: RoomName, count: usize) -> Option<TalkSecrets> {
        let mut keys = match self.talk(name).and_then(|talk| talk.keys.clone()) {
            Some(keys) => keys,
            None => TalkSecrets {
                agreement: Secret::new(self.options.host.random().ok()?),
                signed: Secret::new(self.options.host.random().ok()?),
                once: Vec::new(),
            },
        };
        let room = self.private_room(name)?;
        let missing = count.saturating_sub(unpublished(room, &keys).len());
        for _ in 0..missing {
            keys.once.push(Secret::new(self.options.host.random().ok()?));
        }
        let kept = keys.clone();
        self.change_talk(name, |talk| talk.keys = Some(kept)).await.then_some(keys)
    }

    fn keys_body(
        &self,
        name: RoomName,
        side: Side,
        keys: &TalkSecrets,
        count: usize,
        begins: bool,
    ) -> Result<Body, Report> {
        let room = self.private_room(name).ok_or_else(|| by_code(Code::RoomUnknown))?;
        let once: Vec<PrekeyPublic> = unpublished(room, keys).into_iter().take(count).collect();
        if !begins {
            return Ok(Body::TalkKeys(TalkKeys { once }));
        }
        let agreement = AgreementSecret::from_random(*keys.agreement.expose());
        let other = room.talks().keys(side.other());
        let pair = other.map(|other| pair_key(name, side, &agreement, other.agreement()));
        let pair =
            pair.transpose().map_err(|error| Report::new("say.keys", error.to_string(), LEAVE))?;
        Ok(Body::Talk(Talk {
            agreement: agreement.public(),
            signed: PrekeySecret::from_random(*keys.signed.expose()).public(),
            once,
            pair: pair.map(|pair| pair.public()),
        }))
    }
}

/// What to do where nothing can be said.
const LEAVE: &str = "write over the contact that the other side gives with /reveal";

/// The one-time keys that are not in the room's log.
fn unpublished(room: &RevealRoom, keys: &TalkSecrets) -> Vec<PrekeyPublic> {
    let public = keys.once.iter().map(|once| PrekeySecret::from_random(*once.expose()).public());
    public.filter(|key| room.talks().owner(&key.digest()).is_none()).collect()
}

fn saying(words: &UnsaidRecord, id: [u8; 16], salt: [u8; 32]) -> Result<Saying, Report> {
    let UnsaidRecord { text, mode, contact } = words.clone();
    let text = Lines::try_from(text).map_err(|error| {
        let advice = "say it without characters that move others about";
        Report::new("command.parse", error.to_string(), advice)
    })?;
    let id = uuid::Builder::from_random_bytes(id).into_uuid();
    Ok(Saying { id, mode, salt: Salt(salt), text, contact })
}

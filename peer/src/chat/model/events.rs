//! What events change in the model.

use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::report::Report;

use super::{Connection, Model, QUIET};
use crate::chat::room::MOST_PRICES;
use crate::chat::room::{ChatLine, Other, PricePoint, Reveal, Tone};
use crate::event::{ActView, Event, Phase, ReceiptView, Role, RoomView, report_lines, room_words};
use crate::front::identity::{Said, Shown, Word};
use crate::text::amount::print_in;
use crate::text::sanitize::sanitize;

impl Model {
    /// Takes an event in.
    pub fn apply(&mut self, event: Event) {
        self.dirty = true;
        if self.apply_letters(&event) {
            return;
        }
        match event {
            Event::Connected { persona, suite, simulated, .. } => {
                self.apply_connected(persona, &suite, simulated);
            }
            Event::Disconnected { reason, retry_in_ms } => {
                self.apply_disconnected(&reason, retry_in_ms);
            }
            // The loop carries TSA time forward and hands it in through `advance`.
            Event::Tick { .. } => {
                if std::mem::take(&mut self.tsa_down) {
                    self.push_line("", Tone::Good, "the TSA is back: its time comes again");
                }
            }
            Event::TsaDown(report) => {
                self.tsa_down = true;
                self.push_report("", "", &report);
            }
            Event::Done { id, ok, of } => self.finish(id.as_deref(), ok, &of),
            Event::Called { room, short } => self.rename_room(&room, short),
            Event::Room(view) => self.update_room(view),
            Event::Bid { room, seq, amount, currency, paddle, time, own } => {
                let price = print_in(amount, &currency);
                let under = paddle.map_or_else(String::new, |paddle| {
                    format!(", paddle {}", sanitize(&paddle))
                });
                let text = format!("{price}{under}");
                self.apply_bid(&room, seq, PricePoint { time, amount }, &text, own);
            }
            Event::Said { room, seq, author, text, time, own } => {
                let tone = if own { Tone::Own } else { Tone::Said };
                let author = if own { "you".to_owned() } else { sanitize(&author) };
                self.enter(&room, seq, time, tone, &format!("<{author}> {text}"));
            }
            ref said @ Event::SaidPrivately { ref room, seq, ref trouble, time, own, .. } => {
                let tone = match trouble {
                    Some(_) => Tone::Bad,
                    None if own => Tone::Own,
                    None => Tone::Said,
                };
                let words = said.private_words().unwrap_or_default();
                self.enter(room, seq, time, tone, &words);
            }
            Event::Happened { room, seq, verb, text, time } => {
                self.enter(&room, seq, time, Tone::System, &format!("{verb}: {text}"));
            }
            Event::Invited { room, short, auction, title, role, price, currency, deadline } => {
                let title = sanitize(&title);
                let (sent, other) = (false, None);
                let reveal =
                    Reveal { auction, title, role, price, currency, deadline, sent, other };
                self.invite(&room, reveal);
                self.rename_room(&room, short);
            }
            Event::Revealed { room, auction, role, name, contact, persona, verdict, card } => {
                let (role, persona, card) = (role.name(), &persona, card.as_ref());
                let (name, contact, verdict) = (&*name, &*contact, &*verdict);
                let shown = Shown { role, name, contact, persona, verdict, card };
                self.meet(&room, &auction, Other { lines: shown.lines() });
            }
            Event::Receipt(receipt) => self.apply_receipt(receipt),
            Event::Refused { id, report, of } => {
                let words = of.words();
                let of_act = if words.is_empty() { words } else { format!("{words}: ") };
                let rooms = match id.as_deref() {
                    Some(QUIET) => vec![String::new()],
                    id => self.answered_in(id, &of),
                };
                for room in rooms {
                    self.push_report(&room, &format!("refused: {of_act}"), &report);
                }
            }
            Event::Note { text, id, .. } => {
                let room = self.typed_in(id.as_deref()).unwrap_or_else(|| self.selected.clone());
                self.push_line(&room, Tone::System, &text);
            }
            Event::Alarm { room, message, advice, .. } => self.raise(room, &message, &advice),
            // It moves only the screen.
            Event::Mode { id: None, .. } => {}
            // They have their conversation.
            Event::Letter(_) | Event::Read { .. } => {}
            // Of what the chat asks by itself, in the lobby.
            Event::Boxes { id: None, .. } => self.show_lines("", &event),
            Event::Bids { ref id, .. }
            | Event::Checked { ref id, .. }
            | Event::Mail { ref id, .. }
            | Event::People { ref id, .. }
            | Event::Contacts { ref id, .. }
            | Event::Boxes { ref id, .. }
            | Event::Mode { ref id, .. }
            | Event::Drafts { ref id, .. }
            | Event::Draft { ref id, .. }
            | Event::Status { ref id, .. } => {
                let room = self.typed_in(id.as_deref()).unwrap_or_else(|| self.selected.clone());
                self.show_lines(&room, &event);
            }
            answer @ (Event::Items { .. }
            | Event::Mine { .. }
            | Event::Whoami(_)
            | Event::Receipts { .. }
            | Event::Paddles { .. }
            // Only written where there is no dialogue on a screen.
            | Event::Signing { .. }) => self.show_answer(&answer),
        }
    }

    fn apply_connected(&mut self, persona: Fingerprint, suite: &str, simulated: bool) {
        self.tsa_down = false;
        self.trust.connection = Connection::Connected;
        self.trust.persona = Some(persona);
        self.trust.suite = Some(sanitize(suite));
        self.trust.simulated = simulated;
        self.push_line("", Tone::System, "connected; every entry is verified as it arrives");
    }

    fn apply_disconnected(&mut self, reason: &str, retry_in_ms: Option<u64>) {
        self.trust.connection = Connection::Lost;
        self.tsa_down = false;
        let next = match retry_in_ms {
            Some(wait) => format!("trying again in {}s", wait.div_ceil(1_000)),
            None => "not trying again; /quit and start anew".to_owned(),
        };
        self.push_line("", Tone::Bad, &format!("disconnected: {reason}; {next}"));
    }

    fn apply_receipt(&mut self, receipt: ReceiptView) {
        let ReceiptView { room, short, title, seq, verb, .. } = receipt;
        let words = room_words(&short, title.as_deref());
        let text = format!("receipt held: entry {seq}, {verb}, in {words}");
        self.push_line(&room, Tone::System, &text);
        self.rename_room(&room, short);
    }

    fn push_report(&mut self, room: &str, before: &str, report: &Report) {
        for line in report_lines(before, report) {
            self.push_line(room, Tone::Bad, &line);
        }
    }

    /// Adds an entry of the log, unless it is shown already.
    pub(super) fn enter(&mut self, id: &str, seq: u64, time: Time, tone: Tone, text: &str) -> bool {
        if self.room(id).is_none_or(|room| room.shows(seq)) {
            return false;
        }
        self.add(id, ChatLine { seq: Some(seq), time: Some(time), tone, text: sanitize(text) });
        true
    }

    pub(super) fn apply_bid(
        &mut self,
        id: &str,
        seq: u64,
        step: PricePoint,
        offer: &str,
        own: bool,
    ) {
        let (tone, text) = match own {
            true => (Tone::Own, format!("you bid {offer}")),
            false => (Tone::Bid, format!("bid {offer}")),
        };
        if self.enter(id, seq, step.time, tone, &text)
            && let Some(room) = self.room(id)
        {
            if room.prices.len() >= MOST_PRICES {
                room.prices.pop_front();
            }
            room.prices.push_back(step);
        }
    }

    pub(super) fn update_room(&mut self, view: RoomView) {
        let id = view.room.clone();
        let Some(room) = self.room(&id) else { return };
        room.short = sanitize(&view.short);
        let was_leading = room.view.as_ref().is_some_and(|before| before.leading);
        let outbid = was_leading && !view.leading && view.phase == Phase::Open && view.is_known();
        let price = view.highest.map(|price| print_in(price, &view.currency));
        room.view = Some(view);
        if outbid {
            let price = price.unwrap_or_default();
            self.push_line(&id, Tone::Bad, &format!("you were outbid: the highest bid is {price}"));
            self.ring = true;
        }
    }

    pub(super) fn invite(&mut self, id: &str, reveal: Reveal) {
        let at_hand = self.selected.is_empty() || self.selected == reveal.auction;
        let text = match reveal.role {
            Role::Seller => "You sold this. The winner waits to learn who you are.",
            Role::Winner => "You won this. The seller waits to learn who you are.",
        };
        let Some(room) = self.room(id) else { return };
        let known = room.reveal.is_some();
        if !known {
            room.reveal = Some(reveal);
            self.ring = true;
            self.push_line(id, Tone::Good, text);
            let how = "Type /reveal \"Your Name\" and how to reach you; both are shown, or none.";
            self.push_line(id, Tone::System, how);
            let card =
                "With a citizen card: /prove and how to reach you. The card signs who you are.";
            self.push_line(id, Tone::System, card);
        }
        if at_hand && self.input.is_empty() && !known {
            self.select(id);
        }
    }

    /// The room where a command was typed, from its name.
    pub(super) fn typed_in(&self, id: Option<&str>) -> Option<String> {
        self.rooms.iter().map(|room| &room.id).find(|room| Some(room.as_str()) == id).cloned()
    }

    /// Where an answer is shown: in the room that it is about, and where the command was typed.
    pub(super) fn answered_in(&self, id: Option<&str>, of: &ActView) -> Vec<String> {
        let about = self.typed_in(of.room.as_deref());
        let typed = self.typed_in(id).filter(|typed| Some(typed) != about.as_ref());
        let rooms: Vec<String> = about.into_iter().chain(typed).collect();
        if rooms.is_empty() { vec![self.selected.clone()] } else { rooms }
    }

    /// A command is finished: says so where it was typed, if it was about another room.
    pub(super) fn finish(&mut self, id: Option<&str>, ok: bool, of: &ActView) {
        match (of.act.as_deref(), of.room.as_deref()) {
            (Some("reveal" | "prove"), Some(room)) if ok => self.mark_sent(room),
            (Some("items" | "mine" | "whoami" | "receipts"), _) => {
                self.asked.pop_front();
            }
            _ => {}
        }
        let typed = self.typed_in(id).filter(|typed| Some(typed) != of.room.as_ref());
        if let (true, Some(_), Some(typed)) = (ok, &of.room, typed) {
            self.push_line(&typed, Tone::Own, &format!("{}: done", of.words()));
        }
    }

    pub(super) fn rename_room(&mut self, id: &str, short: String) {
        if let Some(room) = self.rooms.iter_mut().find(|room| room.id == id) {
            room.short = sanitize(&short);
        }
    }

    pub(super) fn meet(&mut self, id: &str, auction: &str, other: Other) {
        let lines = other.lines.clone();
        let found = self.rooms.iter().any(|room| room.id == id);
        let id = if found || auction.is_empty() { id } else { auction };
        if let Some(reveal) = self.room(id).and_then(|room| room.reveal.as_mut()) {
            reveal.other = Some(other);
        }
        for Said { word, text } in lines {
            let tone = match word {
                Word::Program => Tone::System,
                Word::Certified => Tone::Good,
                Word::Doubt => Tone::Bad,
                Word::Typed | Word::Stated => Tone::Quoted(word),
            };
            self.push_line(id, tone, &text);
        }
        self.ring = true;
    }

    pub(super) fn raise(&mut self, room: Option<String>, message: &str, advice: &str) {
        self.trust.alarms = self.trust.alarms.saturating_add(1);
        let text = format!("ALARM: {message}");
        self.alarm = Some(sanitize(&format!("{message}. {advice}")));
        self.ring = true;
        for id in ["".to_owned()].into_iter().chain(room) {
            self.push_line(&id, Tone::Alarm, &text);
            self.push_line(&id, Tone::Alarm, &format!("  → {advice}"));
        }
    }

    /// Shows the answer to a question in the room where it was asked.
    pub(super) fn show_answer(&mut self, event: &Event) {
        let room = self.asked.front().cloned().unwrap_or_else(|| self.selected.clone());
        self.show_lines(&room, event);
    }

    fn show_lines(&mut self, room: &str, event: &Event) {
        for line in crate::front::oneshot::lines(event, self.now) {
            self.push_line(room, Tone::System, &line);
        }
    }
}

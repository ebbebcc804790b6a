//! What the front asks, carried out.

use std::collections::BTreeSet;

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::Verb;

use super::Desk;
use super::answers::{Progress, ReplyTo};
use super::confirm::Consent;
use super::evidence::shelf;
use super::letters::is_about_letters;
use super::places::RoomReadiness;
use super::replica::Replica;
use crate::card::certificate::facts;
use crate::command::{Command, EvidenceTask, MailFilter};
use crate::event::{Event, Trust};
use crate::front::channel::UserRequest;

impl Desk {
    /// Takes one command. False if the front leaves with it.
    pub(super) async fn handle_command(&mut self, request: UserRequest) -> bool {
        let at_once = matches!(
            request.command,
            Command::Quit
                | Command::Stop
                | Command::Help { .. }
                | Command::Evidence(_)
                | Command::Mode { room: None, .. }
        );
        let ready = at_once || self.is_ready_for_letters(&request.command);
        if self.options.patient && !ready && !self.is_caught_up() {
            self.defer(request);
            return true;
        }
        self.carry_out(request).await
    }

    /// Whether every followed room is verified up to a signed head.
    pub(super) fn is_caught_up(&self) -> bool {
        let awaited = self.rooms.values().any(Replica::is_awaited);
        self.connection.is_up() && self.rooms.is_list_whole() && !awaited
    }

    /// Without a connection nothing waits for ever for one.
    pub(super) async fn end_what_waits(&mut self) {
        self.end_deferred().await;
        self.expire_overdue().await;
    }

    /// Carries out one command. False if the front leaves with it.
    pub(super) async fn carry_out(&mut self, request: UserRequest) -> bool {
        self.carry_out_waited(request, None).await
    }

    /// As [`Desk::carry_out`], after the log of a room was waited for.
    pub(super) async fn carry_out_waited(
        &mut self,
        request: UserRequest,
        waited: Option<RoomName>,
    ) -> bool {
        if let RoomReadiness::Waits = self.follow_for(&request, waited).await {
            return true;
        }
        if self.waits_for_receipted_rooms(&request).await {
            return true;
        }
        let UserRequest { id, command, yes, written } = request;
        let last = command == Command::Quit;
        self.carry_out_with(id, command, Consent::of(yes, written)).await;
        !last
    }

    /// Carries out one command with what was agreed to.
    pub(super) async fn carry_out_with(
        &mut self,
        id: Option<String>,
        command: Command,
        consent: Consent,
    ) {
        self.reply_to = self.reply_to_command(id, &command);
        let progress = match command {
            Command::Quit => Progress::Done,
            Command::Prove { room, contact, show, reader } => {
                let yes = consent == Consent::Beforehand;
                self.prove((&room, yes), contact, show, reader).await
            }
            Command::Say { room, text } if self.is_private(&room) => {
                self.say_privately(&room, &text).await
            }
            Command::Mode { mode, room } => self.mode_command(mode, room.as_deref()).await,
            Command::Withdraw { room } => self.withdraw(&room).await,
            Command::Auto { room, ceiling, steady } => {
                self.auto(room.as_deref(), ceiling.as_deref(), steady).await
            }
            Command::Paddle(task) => self.paddle(&task).await,
            Command::Paddles { room } => self.paddles(&room).await,
            Command::Deliver { room } => self.deliver(&room).await,
            Command::Items(filter) => self.items(filter).await,
            Command::Mine(filter) => self.mine(filter).await,
            Command::Bids { room, mine, paddle, last } => {
                self.bids(room.as_deref(), mine, paddle.as_deref(), last).await
            }
            Command::Check { receipt, last } => self.check(receipt.as_deref(), last).await,
            Command::Stop => self.stop_solving().await,
            Command::Join { room } => self.join_command(&room).await,
            Command::Leave { room } => self.leave_command(&room).await,
            Command::Whoami => {
                let trust = self.trust();
                self.emit(Event::Whoami(trust)).await;
                Progress::Done
            }
            Command::Receipts => self.receipts().await,
            Command::Export { room, html, letter, hash } => {
                self.export_command((room, html), (letter, hash)).await
            }
            Command::Mail(MailFilter { export: Some(folder), .. }) => {
                self.export_letters(&folder).await
            }
            Command::Evidence(task) => self.show_evidence(&task).await,
            about_letters if is_about_letters(&about_letters) => {
                self.letters(about_letters, &consent).await
            }
            Command::Help { about } => {
                for text in crate::command::table::help(about.as_deref()) {
                    self.note(text).await;
                }
                Progress::Done
            }
            // Which kind of room it is for, the kinds know.
            acting => self.start_or_queue(acting, consent).await,
        };
        self.conclude(progress).await;
        self.reply_to = ReplyTo::default();
    }

    async fn show_evidence(&mut self, task: &EvidenceTask) -> Progress {
        match shelf::answer(&self.options.evidence, task) {
            Ok(lines) => {
                for line in lines {
                    self.note(line).await;
                }
                Progress::Done
            }
            Err(report) => {
                self.refuse(report).await;
                Progress::Failed
            }
        }
    }

    pub(super) fn trust(&self) -> Trust {
        let verified = self.rooms.values().filter(|room| room.is_verified()).count();
        Trust {
            persona: self.persona.public().fingerprint(),
            broker: self.options.broker.fingerprint,
            authority: self.tsa.authority.fingerprint(),
            suite: self.connection.session().map(|session| session.suite.to_string()),
            time: self.now(),
            age_ms: self.age_ms(),
            rooms_verified: verified as u64,
            alarms: self.user.alarms(),
            simulated: self.tsa.simulated,
            certificate_begins: facts(&self.vault.contents().certificate)
                .map(|facts| facts.not_before),
            certificate_ends: self.renewal.ends(),
            broker_knows: self.what_the_broker_knows(),
            others_see: what_others_see(),
        }
    }

    /// What the broker knows of the user, in lines.
    fn what_the_broker_knows(&self) -> Vec<String> {
        let kept = &self.vault.contents().actions;
        let rooms: BTreeSet<&str> = kept.iter().map(|kept| kept.room.as_str()).collect();
        let mut lines = vec![
            "your persona, and that all you do is done by it".to_owned(),
            format!("that you acted {} in {}", times(kept.len()), many(rooms.len(), "room")),
            "where you connect from, and when; not your name".to_owned(),
        ];
        if kept.iter().any(|kept| kept.verb == Verb::SealedBid) {
            lines.push("of sealed bids the amount only once they are opened".to_owned());
        }
        lines
    }
}

/// What everybody else sees of the user, in lines.
fn what_others_see() -> Vec<String> {
    vec![
        "each of your actions, under a key used once: none is tied to another, nor to your persona"
            .to_owned(),
        "all your bids in an auction that you win and forfeit".to_owned(),
        "whom you disclose to: your persona, and the name you give or prove".to_owned(),
    ]
}

fn many(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

//! What the front asks, carried out.

use pregao_protocol::log::RoomName;

use super::Desk;
use super::answers::{Progress, ReplyTo};
use super::confirm::Consent;
use super::evidence::shelf;
use super::places::RoomReadiness;
use super::replica::Replica;
use crate::command::{Command, EvidenceTask};
use crate::event::{Event, Trust};
use crate::front::channel::UserRequest;

impl Desk {
    /// Takes one command. False if the front leaves with it.
    pub(super) async fn handle_command(&mut self, request: UserRequest) -> bool {
        let at_once =
            matches!(request.command, Command::Quit | Command::Help { .. } | Command::Evidence(_));
        if self.options.patient && !at_once && !self.is_caught_up() {
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
            Command::Withdraw { room } => self.withdraw(&room).await,
            Command::Deliver { room } => self.deliver(&room).await,
            Command::Items => self.items().await,
            Command::Mine => self.mine().await,
            Command::Join { room } => self.join_command(&room).await,
            Command::Leave { room } => self.leave_command(&room).await,
            Command::Whoami => {
                let trust = self.trust();
                self.emit(Event::Whoami(trust)).await;
                Progress::Done
            }
            Command::Receipts => self.receipts().await,
            Command::Export { room, html } => self.export(&room, html).await,
            Command::Evidence(task) => self.show_evidence(&task).await,
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
            certificate_ends: self.renewal.ends(),
        }
    }
}

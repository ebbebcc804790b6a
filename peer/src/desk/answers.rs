//! Answers to what the user asked. Each names its act and its room, whatever else goes on meanwhile.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::Code;
use pregao_protocol::room::body::Body;
use pregao_protocol::value::report::Report;

use super::Desk;
use super::kinds;
use super::names::{SHORTEST, Unclear};
use super::replica::Replica;
use crate::command::Command;
use crate::event::{ActView, Event};
use crate::text::sanitize::shortened;

/// What is being answered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ReplyTo {
    /// The front's name for the command.
    pub(super) id: Option<String>,
    /// Name of the command.
    pub(super) act: Option<&'static str>,
    /// The room that is meant, if it is known.
    pub(super) room: Option<RoomName>,
    /// Title of an item that is offered: its room is not known yet.
    title: Option<String>,
    /// What is bid.
    offer: Option<String>,
}

impl ReplyTo {
    /// Of something that happened in a room by itself.
    pub(super) fn of_room(room: RoomName) -> Self {
        Self { room: Some(room), ..Self::default() }
    }
}

/// How far a command has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It ends when its answer comes.
    Pending,
    /// It was carried out.
    Done,
    /// It was refused or failed, and the user was told why.
    Failed,
}

impl Desk {
    /// What a command asks for, as far as it is clear.
    pub(super) fn reply_to_command(&self, id: Option<String>, command: &Command) -> ReplyTo {
        let room = command.room().and_then(|room| self.names.find(room).ok());
        let offer = kinds::offer(self, room, command);
        let title = kinds::title_of_command(command);
        ReplyTo { id, act: Some(command.usage().name), room, title, offer }
    }

    /// What is answered, with its room as it is called now.
    pub(super) fn named(&self, answering: &ReplyTo) -> ActView {
        let ReplyTo { act, room, title, offer, .. } = answering;
        ActView {
            act: act.map(str::to_owned),
            room: room.map(|room| room.to_string()),
            short: room.map(|room| self.names.short(room)),
            title: room.and_then(|room| self.title(room)).or_else(|| title.clone()),
            offer: offer.clone(),
        }
    }

    /// Title of a room, or of the auction that it belongs to.
    pub(super) fn title(&self, name: RoomName) -> Option<String> {
        let replica = self.rooms.get(&name);
        let titled = |room: &Replica| kinds::title(room.known()?);
        replica.and_then(titled).or_else(|| {
            let of = replica.and_then(Replica::room).and_then(kinds::belongs_to);
            self.rooms.get(&of.or_else(|| self.rooms.auction_of(name))?).and_then(titled)
        })
    }

    /// The room that is meant by the beginning of its name, if that is clear.
    pub(super) fn find(&self, typed: &str) -> Result<RoomName, Report> {
        let shown = shortened(typed.strip_prefix('#').unwrap_or(typed), 70);
        self.names.find(typed).map_err(|unclear| match unclear {
            Unclear::None => Report::new(
                Code::RoomUnknown.as_str(),
                format!("no room begins with {shown}"),
                match self.reply_to.act {
                    // It may have been meant as a part of the text.
                    Some("say") => {
                        "nothing was said: type /items for the rooms there are, or the line \
                                without /say to say all of it in the room on screen"
                    }
                    _ => "type /items to see the rooms there are",
                }
                .to_owned(),
            ),
            Unclear::Short => Report::new(
                "room.short",
                format!("`{shown}` is too short to name a room"),
                format!("type at least {SHORTEST} characters of its name; /items shows them"),
            ),
            Unclear::Several(first, second) => Report::new(
                "room.ambiguous",
                format!(
                    "several rooms begin with {shown}, among them {} and {}",
                    self.words(first),
                    self.words(second)
                ),
                "type more characters of the one that is meant",
            ),
        })
    }

    /// As [`Desk::find`]; tells the user what to do if it is not clear. The command is then done.
    pub(super) async fn find_or_refuse(&self, typed: &str) -> Option<RoomName> {
        match self.find(typed) {
            Ok(name) => Some(name),
            Err(report) => {
                self.reject(report).await;
                None
            }
        }
    }

    /// Takes the name of a room in, and tells which others are called otherwise for it.
    pub(super) async fn learn(&mut self, name: RoomName) {
        for other in self.names.learn(name) {
            let (room, short) = (other.to_string(), self.names.short(other));
            self.emit(Event::Called { room, short }).await;
        }
    }

    /// A room as people read it.
    pub(super) fn words(&self, name: RoomName) -> String {
        crate::event::room_words(&self.names.short(name), self.title(name).as_deref())
    }

    /// Refuses what is being answered.
    pub(super) async fn refuse(&self, report: Report) {
        let (id, of) = (self.reply_to.id.clone(), self.named(&self.reply_to));
        self.emit(Event::Refused { id, report, of }).await;
    }

    /// A line for whoever is being answered.
    pub(super) async fn note(&self, text: String) {
        let (id, of) = (self.reply_to.id.clone(), self.named(&self.reply_to));
        self.emit(Event::Note { text, id, of }).await;
    }

    /// Ends what is being answered, unless its answer is still to come.
    pub(super) async fn conclude(&mut self, progress: Progress) {
        match progress {
            Progress::Pending => {}
            Progress::Done => self.done(true).await,
            Progress::Failed => self.done(false).await,
        }
    }

    /// What is being answered is finished; nothing is, after that.
    pub(super) async fn done(&mut self, ok: bool) {
        let answering = std::mem::take(&mut self.reply_to);
        let of = self.named(&answering);
        self.emit(Event::Done { id: answering.id, ok, of }).await;
    }

    /// What is being answered, for the action that it becomes.
    pub(super) fn answering_with(&self, room: RoomName, body: &Body) -> ReplyTo {
        let mut answering = self.reply_to.clone();
        answering.room = Some(room);
        if let Some(title) = kinds::title_of_opening(body) {
            answering.title = Some(title);
        }
        answering
    }
}

//! The front's end: what it is told and asked.

use tokio::sync::mpsc;

use super::confirm::Answered;
use crate::event::Event;
use crate::front::channel::Question;

/// Answers that wait for the desk.
const WAITING: usize = 16;

/// The channels to the front, and back.
#[derive(Debug)]
pub(super) struct UserChannel {
    events: mpsc::Sender<Event>,
    questions: mpsc::Sender<Question>,
    /// What the user answered; the sender is for the tasks that ask.
    answers: (mpsc::Sender<Answered>, mpsc::Receiver<Answered>),
    alarms: u64,
}

impl UserChannel {
    pub(super) fn new(events: mpsc::Sender<Event>, questions: mpsc::Sender<Question>) -> Self {
        Self { events, questions, answers: mpsc::channel(WAITING), alarms: 0 }
    }

    pub(super) async fn emit(&self, event: Event) {
        // A front that has left hears nothing; the loop notices on its next command.
        let _ = self.events.send(event).await;
    }

    /// For a task that tells the user something.
    pub(super) fn events(&self) -> mpsc::Sender<Event> {
        self.events.clone()
    }

    /// For a task that asks the user something.
    pub(super) fn questions(&self) -> mpsc::Sender<Question> {
        self.questions.clone()
    }

    /// Takes the answers to what is asked.
    pub(super) fn answers(&self) -> mpsc::Sender<Answered> {
        self.answers.0.clone()
    }

    /// The next answer.
    pub(super) async fn answered(&mut self) -> Option<Answered> {
        self.answers.1.recv().await
    }

    pub(super) const fn count_alarm(&mut self) {
        self.alarms += 1;
    }

    /// How many alarms the user was told of.
    pub(super) const fn alarms(&self) -> u64 {
        self.alarms
    }
}

//! Letters that are being written: kept at once, without a word from outside.

use super::{Desk, Progress};
use crate::command::{DraftsTask, NewLetter};
use crate::event::{Event, WhoView};
use crate::post::office::Office;
use crate::text::sanitize::sanitize;

/// Somebody as a command names them.
pub(super) fn named(who: &WhoView) -> String {
    match (&who.name, &who.short) {
        (Some(name), _) => format!("\"{}\"", sanitize(name)),
        (None, Some(short)) => format!("#{}", sanitize(short)),
        (None, None) => "WHO".to_owned(),
    }
}

impl Desk {
    /// Keeps what is being written to somebody.
    pub(super) async fn keep_draft(&mut self, office: &Office, new: &NewLetter) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        match office.keep_draft(new, now) {
            Ok(Some(draft)) => {
                let (id, who) = (self.reply_to.id.clone(), named(&draft.who));
                self.emit(Event::Draft { id, draft: Box::new(draft) }).await;
                let text = format!("kept on this device; /drafts send {who} sends it");
                self.note(text).await;
                Progress::Done
            }
            Ok(None) => {
                self.note("there is nothing in it: no draft is kept".to_owned()).await;
                Progress::Done
            }
            Err(error) => self.reject_letters(error).await,
        }
    }

    /// Lists, shows or drops what is being written.
    pub(super) async fn drafts(&mut self, office: &Office, task: &DraftsTask) -> Progress {
        let id = self.reply_to.id.clone();
        let event = match task {
            DraftsTask::List => office.drafts().map(|drafts| Event::Drafts { id, drafts }),
            DraftsTask::Show { who } => {
                office.draft(who).map(|draft| Event::Draft { id, draft: Box::new(draft) })
            }
            DraftsTask::Drop { who } => match office.drop_draft(who) {
                Ok(()) => {
                    self.note(format!("the draft for {} is dropped", sanitize(who))).await;
                    return Progress::Done;
                }
                Err(error) => Err(error),
            },
        };
        match event {
            Ok(event) => {
                self.emit(event).await;
                Progress::Done
            }
            Err(error) => self.reject_letters(error).await,
        }
    }
}

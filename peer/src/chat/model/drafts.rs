//! What is typed in a conversation, kept by the desk: it is there after another start, whatever ended the program.
//!
//! A line is handed over once it rests, at the latest after some seconds of typing, whenever its conversation leaves the
//! screen, and at the end. What the desk says of drafts is taken into the line unless something newer stands there.

use super::{Model, QUIET};
use crate::chat::conversation::{Conversation, With};
use crate::command::{Command, DraftsTask, parse};
use crate::event::{ActView, DraftView};

/// Frames for which a line rests before it is kept: a second.
const RESTS: u8 = 10;
/// Frames after which it is kept though it does not rest: five seconds.
const AT_LATEST: u8 = 50;

/// A line that is not kept yet.
#[derive(Debug, Default)]
pub(super) struct Unsaved {
    text: String,
    /// Frames since it changed last.
    rests: u8,
    /// Frames since it was kept last.
    waits: u8,
    /// How much was handed to the desk that it has not answered.
    handed: u32,
}

/// What a line says as a letter; nothing for a command.
pub(in crate::chat) fn text_of(line: &str) -> Option<&str> {
    let line = line.trim();
    match line.strip_prefix('/') {
        Some(rest) if rest.starts_with('/') => Some(rest),
        Some(_) => None,
        None => Some(line),
    }
}

/// The line that says a text.
pub(in crate::chat) fn line_of(text: &str) -> String {
    if text.starts_with('/') { format!("/{text}") } else { text.to_owned() }
}

impl Model {
    /// What is typed in the conversation on screen, to be kept, if it is time; `now` if it is in any case.
    pub(super) fn unsaved(&mut self, now: bool) -> Option<Command> {
        let selected = self.selected.clone();
        let mut line = self.input.text().to_owned();
        let conversation = self.conversation_mut(&selected)?;
        if let Some(whole) = conversation.catch_up(&line) {
            line.clone_from(&whole);
            self.input.put(whole);
            self.dirty = true;
        }
        let conversation = self.conversation_mut(&selected)?;
        let text = text_of(&line)?;
        if !conversation.is_unsaved(text) {
            (self.unsaved.rests, self.unsaved.waits) = (0, 0);
            return None;
        }
        let rests =
            if self.unsaved.text == text { self.unsaved.rests.saturating_add(1) } else { 0 };
        text.clone_into(&mut self.unsaved.text);
        self.unsaved.rests = rests;
        self.unsaved.waits = self.unsaved.waits.saturating_add(1);
        let is_due = now || rests >= RESTS || self.unsaved.waits >= AT_LATEST;
        is_due.then(|| self.hand_over(&selected, text)).flatten()
    }

    /// What is typed in the conversation on screen and not kept yet: at the end of the program.
    pub fn last_draft(&mut self) -> Option<Command> {
        self.unsaved(true)
    }

    /// What was typed in a conversation that leaves the screen.
    pub(super) fn keep_left(&mut self, id: &str, line: &str) {
        let unsaved = |of: &mut Conversation, text: &str| of.is_unsaved(text);
        if let Some(text) = text_of(line)
            && self.conversation_mut(id).is_some_and(|of| unsaved(of, text))
        {
            let command = self.hand_over(id, text);
            self.to_ask.extend(command);
        }
    }

    fn hand_over(&mut self, id: &str, text: &str) -> Option<Command> {
        let conversation = self.conversation_mut(id)?;
        let command = parse::unfinished(&conversation.with().to()?, text);
        conversation.is_saved(text);
        (self.unsaved.rests, self.unsaved.waits) = (0, 0);
        self.unsaved.handed = self.unsaved.handed.saturating_add(1);
        Some(command)
    }

    /// The desk has answered a question of the chat itself.
    pub(super) const fn draft_answered(&mut self, is_draft: bool) {
        if is_draft {
            self.unsaved.handed = self.unsaved.handed.saturating_sub(1);
        }
    }

    /// Whether an answer is that to a draft which the chat handed over by itself.
    pub(super) fn is_of_draft(id: Option<&str>, of: &ActView) -> bool {
        id == Some(QUIET) && of.act.as_deref() == Some("draft")
    }

    /// Has it asked how drafts stand.
    pub(super) fn ask_for_drafts(&mut self) {
        let question = Command::Drafts(DraftsTask::List);
        if !self.to_ask.contains(&question) {
            self.to_ask.push(question);
        }
    }

    /// Takes in how drafts stand.
    pub(super) fn apply_drafts(&mut self, drafts: &[DraftView]) {
        if self.unsaved.handed > 0 {
            // It may have been said before the desk heard of what is newer.
            return self.ask_for_drafts();
        }
        let begun: Vec<(String, &DraftView)> = drafts
            .iter()
            .filter_map(|draft| {
                let id = self.conversation_with(&With::of(&draft.who))?;
                Some((id, draft))
            })
            .collect();
        let of_letters = self.rooms.iter().filter(|room| room.letters.is_some());
        let ids: Vec<String> = of_letters.map(|room| room.id.clone()).collect();
        for id in ids {
            let draft = begun.iter().find(|(of, _)| *of == id).map(|(_, draft)| (*draft).clone());
            let on_screen = id == self.selected;
            let typed = on_screen.then(|| self.input.text().to_owned());
            let Some(conversation) = self.conversation_mut(&id) else { continue };
            if let Some(line) = conversation.take_stored(draft, typed.as_deref())
                && on_screen
            {
                self.input.put(line);
            }
        }
    }
}

#[cfg(test)]
mod tests;

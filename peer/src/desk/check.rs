//! Receipts compared afresh with the logs that the broker shows (`/check`).

use std::collections::BTreeSet;

use pregao_protocol::audit::verify::VerifiedReceipt;
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::value::report::Report;

use super::Desk;
use super::answers::Progress;
use super::replica::{Replica, Wish};
use super::views::{HeldReceipt, newest};
use crate::command::Command;
use crate::event::{CheckVerdict, CheckView, Event};
use crate::front::channel::UserRequest;
use crate::text::sanitize::shortened;
use crate::vault::ActionRecord;

/// What comes of comparing a receipt: the verdict, why, and what to do.
type Verdict = (CheckVerdict, String, String);

impl Desk {
    /// Compares receipts with the logs. It fails if one is contradicted.
    pub(super) async fn check(&self, typed: Option<&str>, last: Option<u32>) -> Progress {
        let kept = match self.receipted(typed, last) {
            Ok(kept) => kept,
            Err(report) => return self.reject(report).await,
        };
        let (kept, left_out) = kept;
        let receipts: Vec<CheckView> = kept
            .into_iter()
            .filter_map(|kept| self.receipt_of(kept))
            .map(|held| self.compare(held))
            .collect();
        let wrong = receipts.iter().any(|checked| checked.verdict == CheckVerdict::Contradicted);
        self.emit(Event::Checked { id: self.reply_to.id.clone(), receipts, left_out }).await;
        if wrong { Progress::Failed } else { Progress::Done }
    }

    /// The receipted actions that are meant, and how many older ones are left out.
    fn receipted(
        &self,
        typed: Option<&str>,
        last: Option<u32>,
    ) -> Result<(Vec<&ActionRecord>, u64), Report> {
        let is_meant = |kept: &&ActionRecord| {
            kept.receipt.is_some()
                && typed.is_none_or(|typed| kept.digest.to_string().starts_with(typed))
        };
        let kept: Vec<&ActionRecord> =
            self.vault.contents().actions.iter().filter(is_meant).collect();
        let Some(typed) = typed else { return Ok(newest(kept, last)) };
        let shown = shortened(typed, 20);
        match kept.len() {
            1 => Ok((kept, 0)),
            0 => {
                let message = format!("you hold no receipt whose digest begins with {shown}");
                Err(Report::new("receipt.unknown", message, "/receipts shows those you hold"))
            }
            several => {
                let message = format!("the digests of {several} receipts begin with {shown}");
                Err(Report::new("receipt.ambiguous", message, "type more of its digest"))
            }
        }
    }

    /// Reads the logs that a check needs and that are not followed. Whether the command waits for that.
    pub(super) async fn waits_for_receipted_rooms(&mut self, request: &UserRequest) -> bool {
        let Command::Check { receipt, last } = &request.command else { return false };
        if !self.connection.is_up() {
            return false;
        }
        let Ok((kept, _)) = self.receipted(receipt.as_deref(), *last) else { return false };
        let rooms: BTreeSet<RoomName> =
            kept.iter().filter_map(|kept| kept.room.parse().ok()).collect();
        let mut asks = false;
        for name in rooms {
            let Some(room) = self.rooms.get_mut(&name) else { continue };
            // What was asked for already has no place, or is not shown.
            if !room.is_followed() && !room.is_broken() && room.wish() != Wish::Asked {
                room.ask_for();
                asks = true;
            }
        }
        if asks {
            // A connection that fails is noticed by whoever waits.
            let _ = self.choose_rooms_to_follow().await;
            self.defer(request.clone());
        }
        asks
    }

    fn compare(&self, held: HeldReceipt) -> CheckView {
        let HeldReceipt { view, room, verified } = held;
        let (verdict, why, advice) = match verified {
            Some((receipt, verified)) => self.compared(room, &receipt, &verified),
            None => (
                CheckVerdict::Contradicted,
                "the receipt that is kept does not verify".to_owned(),
                "do not rely on it; restore the vault from a backup, or /export the room"
                    .to_owned(),
            ),
        };
        CheckView { receipt: view, verdict, why, advice }
    }

    fn compared(
        &self,
        room: Option<RoomName>,
        receipt: &Receipt,
        holds: &VerifiedReceipt,
    ) -> Verdict {
        let short = room.map_or_else(String::new, |room| self.names.short(room));
        let replica = room.and_then(|room| self.rooms.get(&room));
        let not_yet = |why: String, advice: String| (CheckVerdict::NotYet, why, advice);
        let Some(replica) = replica else {
            return not_yet(
                "the broker does not list its room".to_owned(),
                "connect to the broker of that time with --broker; the receipt proves it all the same".to_owned(),
            );
        };
        if let Some(root) = replica.verified_root(holds.size) {
            if root != holds.root || replica.text(holds.seq) != Some(receipt.entry.as_str()) {
                return contradicted(&short);
            }
            if replica.is_broken() {
                return broken(holds.seq);
            }
            return match self.is_current(replica) {
                true => (CheckVerdict::Verified, found(holds.seq, replica), String::new()),
                false => not_yet(
                    format!("entry {} stood in the log as it was seen last", holds.seq),
                    "check again once there is a connection".to_owned(),
                ),
            };
        }
        if replica.is_broken() {
            return broken(holds.seq);
        }
        if let Some(report) = replica.denial() {
            return not_yet(
                format!("the broker does not show the room: {}", report.message),
                report.advice.to_string(),
            );
        }
        if !self.connection.is_up() {
            return not_yet(
                "there is no connection".to_owned(),
                "check again once there is one".to_owned(),
            );
        }
        if !replica.is_followed() {
            return not_yet(
                "its room is not followed".to_owned(),
                format!("/join {short}, then check again"),
            );
        }
        not_yet(
            format!("the log that is shown ends before entry {}", holds.seq),
            "check again in a moment; if it stays so, the broker owes the log and is accused by itself".to_owned(),
        )
    }

    /// Whether a log is shown as it is now.
    fn is_current(&self, replica: &Replica) -> bool {
        self.connection.is_up()
            && replica.is_followed()
            && replica.is_verified()
            && replica.is_caught_up()
    }
}

fn found(seq: u64, replica: &Replica) -> String {
    let size = replica.covered().unwrap_or(0);
    let is_final = if seq < replica.witnessed.size() { ", final" } else { "" };
    format!("it stands in the log as entry {seq} of {size}, under one history{is_final}")
}

fn contradicted(short: &str) -> Verdict {
    (
        CheckVerdict::Contradicted,
        "the log that the broker shows holds something else there: it signed two histories"
            .to_owned(),
        format!(
            "keep the vault; show it with /evidence and /export {short}: both verify for anybody"
        ),
    )
}

fn broken(seq: u64) -> Verdict {
    (
        CheckVerdict::Contradicted,
        format!(
            "the receipt of entry {seq} holds, and the log that the broker shows does not verify"
        ),
        "keep the vault, act no more in that room; /evidence shows what is kept".to_owned(),
    )
}

#[cfg(test)]
mod tests;

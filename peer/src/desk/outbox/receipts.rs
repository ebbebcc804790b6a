//! Receipts: verified, then kept.

use pregao_protocol::audit::evidence::Statement;
use pregao_protocol::audit::verify;
use pregao_protocol::log::stamp::FullStamp;
use pregao_protocol::log::{Entry, Receipt};
use pregao_protocol::value::codec::Digest;

use crate::desk::Desk;
use crate::desk::evidence::Exhibit;
use crate::desk::replica::Replica;
use crate::event::{Event, ReceiptView};

impl Desk {
    pub(in crate::desk) async fn handle_receipt(
        &mut self,
        n: u64,
        seq: u64,
        path: Vec<Digest>,
        head: String,
    ) {
        let Some(act) = self.outbox.pending.get(n) else { return };
        // What has no stamp yet was not handed in.
        if act.stamp().is_none() {
            return;
        }
        let opening = if act.action.opens_a_room() {
            act.action.compact().to_owned()
        } else {
            let replica = self.rooms.get(&act.action.room());
            replica.and_then(Replica::opening).unwrap_or_default().to_owned()
        };
        // A disclosure of an earlier run may be answered before its private room has arrived. What cannot
        // be judged yet is no lie: the same is handed in again, and answered alike.
        let now = self.options.host.clock.uptime();
        if opening.is_empty() && self.outbox.pending.turned_away(n, now).is_some() {
            return;
        }
        let Some(act) = self.outbox.pending.get(n) else { return };
        let digest = act.action.digest();
        let of_stamp = |stamp: FullStamp| {
            let action = act.action.compact().to_owned();
            let entry = Entry { seq, action, stamp: stamp.stamp() }.encode();
            let (opening, path, head) = (opening.clone(), path.clone(), head.clone());
            Receipt { opening, header: stamp.batch, entry, path, head }
        };
        // It may be logged with the stamp of a delivery. If with none, the first shows that.
        let receipts: Vec<Receipt> = self.stamps_of(&digest).into_iter().map(of_stamp).collect();
        let holds = receipts.iter().find(|receipt| verify::receipt(receipt).is_ok());
        let Some(receipt) = holds.or(receipts.first()).cloned() else { return };
        let discloses = act.action.body().is_paired();
        let room = act.action.room();
        let kept = self.keep_receipt(digest, receipt).await;
        if discloses && kept {
            self.mark_disclosed(room, None).await;
        }
        self.finish(n, kept).await;
    }

    /// Verifies a receipt and keeps it; what does not verify is an alarm.
    pub(in crate::desk) async fn keep_receipt(&mut self, digest: Digest, receipt: Receipt) -> bool {
        self.keep_receipts(vec![(digest, receipt)]).await
    }

    /// As [`Desk::keep_receipt`], with one writing of the vault for all. Whether all are kept.
    pub(in crate::desk) async fn keep_receipts(
        &mut self,
        receipts: Vec<(Digest, Receipt)>,
    ) -> bool {
        let mut all = true;
        let mut verified = Vec::new();
        for (digest, receipt) in receipts {
            let Some(kept) = self.vault.action(&digest) else {
                all = false;
                continue;
            };
            let known = kept.receipt.is_some();
            let holds = verify::receipt(&receipt).ok().filter(|holds| holds.digest == digest);
            match holds {
                Some(holds) => {
                    let text = receipt.encode();
                    // A receipt that holds by itself may still be of another log than the one shown.
                    let fits = self.take_statement(holds.room, Statement::Head(receipt.head)).await;
                    all &= fits;
                    if !known {
                        verified.push((digest, text, holds, fits));
                    }
                }
                None => {
                    // Also if a good one is kept: what came now proves that the broker lies.
                    all = false;
                    self.doubt_receipt(&receipt).await;
                }
            }
        }
        if verified.is_empty() {
            return all;
        }
        let saved = self.vault.update(|contents| {
            for kept in &mut contents.actions {
                let of = verified.iter().find(|(digest, ..)| *digest == kept.digest);
                if let Some((_, text, ..)) = of {
                    kept.receipt = serde_json::from_str(text).ok();
                }
            }
        });
        if let Err(error) = saved {
            self.vault_trouble(&error).await;
        }
        for (digest, _, verified, fits) in verified {
            self.check_refused(&digest).await;
            self.emit(Event::Receipt(ReceiptView {
                room: verified.room.to_string(),
                short: self.names.short(verified.room),
                title: self.title(verified.room),
                seq: verified.seq,
                verb: verified.verb.into(),
                time: verified.time,
                digest: digest.to_string(),
                holds: fits,
                is_final: false,
            }))
            .await;
        }
        all
    }

    pub(in crate::desk) async fn doubt_receipt(&mut self, receipt: &Receipt) {
        self.accuse(
            None,
            "the broker gave a receipt that does not verify",
            "your action may not count",
            Exhibit::Notes("receipt", &[&receipt.encode()]),
        )
        .await;
    }
}

//! `pregao verify`: receipts, logs and evidence out of files, with no network.
//!
//! Each file is checked by itself, then all of them against each other: a broker that shows
//! different logs to different people is found out when their files come together.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use pregao_protocol::codec::Digest;
use pregao_protocol::evidence::Evidence;
use pregao_protocol::log::{Line, Receipt, RoomName};
use pregao_protocol::merkle::{self, Frontier};
use pregao_protocol::verify;

/// What a file that holds says about logs: roots by room and size, each under a signed head.
type Stated = Vec<(RoomName, u64, Digest)>;

/// Checks every file, whatever the others hold, and writes a line for each. Whether all hold.
///
/// # Errors
/// If nothing can be written.
pub fn files(files: &[PathBuf], out: &mut impl Write) -> io::Result<bool> {
    let mut all = true;
    let mut stated: BTreeMap<(RoomName, u64), (Digest, &Path)> = BTreeMap::new();
    for file in files {
        let name = file.display();
        let (text, claims) = match check(file) {
            Ok(found) => found,
            Err(error) => {
                all = false;
                writeln!(out, "{name}: DOES NOT HOLD: {error:#}")?;
                continue;
            }
        };
        writeln!(out, "{name}: holds: {text}")?;
        for (room, size, root) in claims {
            let (other, first) = *stated.entry((room, size)).or_insert((root, file));
            if other != root {
                all = false;
                writeln!(
                    out,
                    "{name}: CONTRADICTS {}: the broker signed two histories of the first {size} \
                     entries of room {room}; keep both, they prove that it lied",
                    first.display()
                )?;
                break;
            }
        }
    }
    Ok(all)
}

/// A receipt or evidence is one JSON object; a log is its entries, one a line, with each batch header on
/// a line right before the first entry that names it, then a line with its head as a JSON string.
fn check(file: &Path) -> anyhow::Result<(String, Stated)> {
    let text = std::fs::read_to_string(file).context("cannot be read")?;
    if let Ok(receipt) = Receipt::parse(text.trim_end()) {
        return check_receipt(&receipt);
    }
    if let Ok(evidence) = Evidence::parse(&text) {
        let shown = evidence.verify()?;
        let about = shown.room.map_or_else(String::new, |room| format!(" about room {room}"));
        let text = format!("evidence{about}: {} {}", shown.by, shown.what);
        return Ok((text, Vec::new()));
    }
    let mut lines: Vec<&str> = text.lines().collect();
    let last = lines.pop().context("is empty")?;
    let head: String =
        serde_json::from_str(last).context("neither a receipt, nor evidence, nor a log")?;
    let room = verify::log(&lines, &head)?;
    let ledger = room.ledger();
    let text = format!("log of room {} with {} entries", ledger.name(), ledger.head().size);
    // It verified: every root up to the head's size stands under that head.
    let mut frontier = Frontier::default();
    let entries = lines.iter().filter(|line| matches!(Line::of(line), Line::Entry(_)));
    let stated = entries.map(|line| {
        frontier.push(merkle::leaf_hash(line.as_bytes()));
        (ledger.name(), frontier.size(), frontier.root())
    });
    let stated = stated.collect();
    Ok((text, stated))
}

fn check_receipt(receipt: &Receipt) -> anyhow::Result<(String, Stated)> {
    let verified = verify::receipt(receipt)?;
    let (seq, verb, time) = (verified.seq, verified.verb, verified.time);
    let text = format!("receipt of entry {seq} ({verb}) of room {}, stamped {time}", verified.room);
    Ok((text, vec![(verified.room, verified.size, verified.root)]))
}

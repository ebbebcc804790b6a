//! What shows a fault of broker, TSA or another peer, kept as files for showing it to others.
//!
//! *Proofs* rest on signatures that contradict each other: `pregao verify` accepts them anywhere.
//! *Notes* are the bytes that were met, as they came; many of them anybody could have made up. So
//! each kind has room of its own, and whoever makes noise fills the room for that noise only.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pregao_protocol::codec::Digest;
use pregao_protocol::evidence::Evidence;
use pregao_protocol::log::RoomName;

use crate::private::replace;

/// Most notes of one kind.
const MOST_NOTES: usize = 32;
/// Most proofs of one kind about one room, or about none.
const MOST_PROOFS: usize = 8;
/// How much of a hash tells files of one kind apart, in hexadecimal digits.
const DIGITS: usize = 16;

/// Something to be kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Exhibit<'a> {
    /// What others can verify.
    Proof(&'a Evidence, Option<RoomName>),
    /// What was met, by the name of its kind.
    Notes(&'a str, &'a [&'a str]),
}

/// What became of it, as told to the user.
#[derive(Debug)]
pub(super) enum Kept {
    /// In this file, now or since before.
    In(PathBuf),
    /// There is enough of this kind already.
    Enough,
    /// The file system refuses.
    Not(io::Error),
}

impl std::fmt::Display for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::In(path) => write!(f, "the evidence is in {}", path.display()),
            Self::Enough => f.write_str("there is evidence of this kind already; this is not kept"),
            Self::Not(error) => write!(f, "THE EVIDENCE COULD NOT BE KEPT: {error}"),
        }
    }
}

/// Keeps it in a file of its own, durable on return. What is there already is not written again.
pub(super) fn keep(folder: &Path, exhibit: Exhibit<'_>) -> Kept {
    match try_keep(folder, exhibit) {
        Ok(kept) => kept,
        Err(error) => {
            tracing::error!(%error, "evidence could not be kept");
            Kept::Not(error)
        }
    }
}

fn try_keep(folder: &Path, exhibit: Exhibit<'_>) -> io::Result<Kept> {
    fs::create_dir_all(folder)?;
    let (prefix, most, text) = match exhibit {
        Exhibit::Proof(evidence, room) => {
            let mut prefix = format!("{}-", evidence.kind());
            if let Some(room) = room {
                prefix.extend(room.to_string().chars().take(DIGITS));
                prefix.push('-');
            }
            (prefix, MOST_PROOFS, evidence.encode())
        }
        Exhibit::Notes(kind, parts) => {
            (format!("{kind}-"), MOST_NOTES, serde_json::json!(parts).to_string())
        }
    };
    let name = format!("{prefix}{}.json", short_hash(&text));
    let path = folder.join(&name);
    if path.exists() {
        return Ok(Kept::In(path));
    }
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let of_kind = name.to_str().and_then(|name| name.strip_prefix(&prefix));
        // Kinds may begin alike: what follows is the hash and nothing more.
        count += usize::from(of_kind.is_some_and(|rest| rest.len() == DIGITS + ".json".len()));
    }
    if count >= most {
        return Ok(Kept::Enough);
    }
    replace(&path, text.as_bytes())?;
    Ok(Kept::In(path))
}

/// Enough of a hash to tell files apart.
fn short_hash(text: &str) -> String {
    let hash = Digest::of(text.as_bytes());
    hash.0.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use pregao_protocol::evidence::{Fork, Statement};

    use super::*;

    fn fork(root: u8) -> Evidence {
        Evidence::Fork(Fork {
            certificate: "c".to_owned(),
            opening: "o".to_owned(),
            larger: Statement::Head("a".to_owned()),
            smaller: Statement::Head("b".to_owned()),
            root: Digest([root; 32]),
            path: Vec::new(),
        })
    }

    #[test]
    fn noise_fills_its_own_room_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let mut enough = 0;
        for at in 0..1_100 {
            let text = at.to_string();
            let kept = keep(folder.path(), Exhibit::Notes("opening", &[&text]));
            enough += usize::from(matches!(kept, Kept::Enough));
        }
        assert_eq!(enough, 1_100 - MOST_NOTES);
        let room = Some(RoomName([7; 32]));
        for root in 0..20 {
            let kept = keep(folder.path(), Exhibit::Proof(&fork(root), room));
            assert_eq!(matches!(kept, Kept::In(_)), usize::from(root) < MOST_PROOFS);
        }
        // Another room has room of its own, and so has another kind of notes.
        let other = Some(RoomName([8; 32]));
        assert!(matches!(keep(folder.path(), Exhibit::Proof(&fork(99), other)), Kept::In(_)));
        assert!(matches!(keep(folder.path(), Exhibit::Notes("open", &["x"])), Kept::In(_)));
    }

    #[test]
    fn the_same_again_is_written_once_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let room = Some(RoomName([7; 32]));
        let (Kept::In(one), Kept::In(two)) = (
            keep(folder.path(), Exhibit::Proof(&fork(1), room)),
            keep(folder.path(), Exhibit::Proof(&fork(1), room)),
        ) else {
            panic!("not kept")
        };
        assert_eq!(one, two);
        assert_eq!(Evidence::parse(&fs::read_to_string(one).unwrap()), Ok(fork(1)));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_kept_is_said_to_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "in the way").unwrap();
        let kept = keep(&file, Exhibit::Notes("opening", &["x"]));
        assert!(kept.to_string().contains("COULD NOT BE KEPT"), "{kept}");
    }
}

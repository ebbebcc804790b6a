//! What shows a fault of broker, TSA or another peer, kept as files for showing it to others.
//!
//! *Proofs* rest on signatures that contradict each other: `pregao verify` accepts them anywhere.
//! *Notes* are the bytes that were met, as they came; many of them anybody could have made up. So
//! each kind has room of its own, and whoever makes noise fills the room for that noise only.
//! Nothing that is kept makes place for anything else: what came first is what happened first.
//! [`shelf`] shows it again.

pub mod shelf;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::log::RoomName;
use pregao_protocol::value::codec::Digest;

use crate::private::replace;

/// How much is kept of one kind, whatever it is about.
#[derive(Debug, Clone, Copy)]
struct Quota {
    files: usize,
    bytes: u64,
}

/// Of forks, which nobody but a broker can make.
const FORKS: Quota = Quota { files: 64, bytes: 16 << 20 };
/// Of every other kind of proof; some carry whole logs.
const PROOFS: Quota = Quota { files: 16, bytes: 64 << 20 };
/// Of every kind of notes.
const NOTES: Quota = Quota { files: 32, bytes: 4 << 20 };
/// Most proofs of one kind about one room, or about none: one room leaves place for others.
const MOST_ABOUT_ONE: usize = 8;
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
pub(super) enum Filed {
    /// In this file, now or since before.
    In(PathBuf),
    /// There is enough of this kind already.
    Enough,
    /// The file system refuses.
    Not(io::Error),
}

impl std::fmt::Display for Filed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::In(path) => write!(f, "the evidence is in {}", path.display()),
            Self::Enough => f.write_str(
                "THIS IS NOT KEPT, for there is enough of its kind already: see `evidence list`",
            ),
            Self::Not(error) => write!(f, "THE EVIDENCE COULD NOT BE KEPT: {error}"),
        }
    }
}

/// Keeps it in a file of its own, durable on return. What is there already is not written again.
pub(super) fn keep(folder: &Path, exhibit: Exhibit<'_>) -> Filed {
    match try_keep(folder, exhibit) {
        Ok(kept) => kept,
        Err(error) => {
            tracing::error!(%error, "evidence could not be kept");
            Filed::Not(error)
        }
    }
}

fn try_keep(folder: &Path, exhibit: Exhibit<'_>) -> io::Result<Filed> {
    fs::create_dir_all(folder)?;
    let (kind, room, quota, text) = match exhibit {
        Exhibit::Proof(evidence, room) => {
            let quota = if matches!(evidence, Evidence::Fork(_)) { FORKS } else { PROOFS };
            (evidence.kind(), room, quota, evidence.encode())
        }
        Exhibit::Notes(kind, parts) => (kind, None, NOTES, serde_json::json!(parts).to_string()),
    };
    let room: Option<String> = room.map(|room| room.to_string().chars().take(DIGITS).collect());
    let about = room.as_ref().map_or_else(String::new, |room| format!("{room}-"));
    let path = folder.join(format!("{kind}-{about}{}.json", short_hash(&text)));
    if path.exists() {
        return Ok(Filed::In(path));
    }
    let bytes = text.len() as u64;
    if bytes > quota.bytes {
        let why = format!("it has {bytes} bytes, and at most {} are kept", quota.bytes);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    let proof = matches!(exhibit, Exhibit::Proof(..));
    let (mut files, mut used, mut about_this) = (0_usize, bytes, 0_usize);
    for item in shelf::items(folder)?.into_iter().filter(|item| item.kind == kind) {
        files = files.saturating_add(1);
        used = used.saturating_add(item.bytes);
        about_this = about_this.saturating_add(usize::from(item.room == room));
    }
    let crowded = proof && about_this >= MOST_ABOUT_ONE;
    if files >= quota.files || used > quota.bytes || crowded {
        return Ok(Filed::Enough);
    }
    replace(&path, text.as_bytes())?;
    Ok(Filed::In(path))
}

/// Enough of a hash to tell files apart.
fn short_hash(text: &str) -> String {
    let hash = Digest::of(text.as_bytes());
    hash.0.iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use pregao_protocol::audit::evidence::{Fork, Statement};

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
            enough += usize::from(matches!(kept, Filed::Enough));
        }
        assert_eq!(enough, 1_100 - NOTES.files);
        let room = Some(RoomName([7; 32]));
        for root in 0..20 {
            let kept = keep(folder.path(), Exhibit::Proof(&fork(root), room));
            assert_eq!(matches!(kept, Filed::In(_)), usize::from(root) < MOST_ABOUT_ONE);
        }
        // Another room has room of its own, and so has another kind of notes.
        let other = Some(RoomName([8; 32]));
        assert!(matches!(keep(folder.path(), Exhibit::Proof(&fork(99), other)), Filed::In(_)));
        assert!(matches!(keep(folder.path(), Exhibit::Notes("open", &["x"])), Filed::In(_)));
    }

    #[test]
    fn forks_of_many_rooms_are_kept_when_every_other_kind_is_full() {
        let folder = tempfile::tempdir().unwrap();
        let keep = |evidence: &Evidence, room: u8| {
            let room = Some(RoomName([room; 32]));
            matches!(keep(folder.path(), Exhibit::Proof(evidence, room)), Filed::In(_))
        };
        let other = |at: u8| {
            let transcript = at.to_string();
            let log = pregao_protocol::audit::evidence::BrokenLog { transcript };
            Evidence::BrokenLog(log)
        };
        let kept = (0..100).filter(|at| keep(&other(*at), *at)).count();
        assert_eq!(kept, PROOFS.files);
        let kept = (0..100).filter(|at| keep(&fork(*at), *at)).count();
        assert_eq!(kept, FORKS.files);
    }

    #[test]
    fn a_kind_takes_so_many_bytes_and_what_alone_has_more_is_said_to_be_lost() {
        let folder = tempfile::tempdir().unwrap();
        let notes = |bytes: u64, fill: &str| {
            // Two brackets and two quotes around it.
            let text = fill.repeat(usize::try_from(bytes).unwrap() - 4);
            keep(folder.path(), Exhibit::Notes("entry", &[&text]))
        };
        let lost = notes(NOTES.bytes + 1, "a");
        assert!(lost.to_string().contains("COULD NOT BE KEPT"), "{lost}");
        assert!(matches!(notes(NOTES.bytes / 2, "a"), Filed::In(_)));
        assert!(matches!(notes(NOTES.bytes / 2 + 1, "b"), Filed::Enough));
        assert!(matches!(notes(NOTES.bytes / 2, "b"), Filed::In(_)));
        let enough = notes(5, "c");
        assert!(matches!(enough, Filed::Enough) && enough.to_string().contains("NOT KEPT"));
    }

    #[test]
    fn the_same_again_is_written_once_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let room = Some(RoomName([7; 32]));
        let (Filed::In(one), Filed::In(two)) = (
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

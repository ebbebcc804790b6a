//! What the tests of store, links and writer share.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use pregao_protocol::trust::key::PublicKey;
use pregao_protocol::trust::persona::Blind;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use uuid::Uuid;

use super::{Append, Header, Kind, NewEntry, NewRoom, RoomName};
use crate::links::AuthorLink;

/// The system's generator.
pub(crate) fn random() -> Arc<dyn pregao_protocol::host::Random> {
    crate::host::system().random
}

pub(crate) fn room(name: &str) -> RoomName {
    RoomName::of_opening(name)
}

/// An entry whose action's digest depends on `action` alone. Its hashes are no tree's.
pub(crate) fn entry(seq: u64, action: &str) -> NewEntry {
    let completed = (seq + 1).trailing_zeros() + 1;
    NewEntry {
        seq,
        text: format!(r#"{{"seq":{seq},"action":"{action}"}}"#).into(),
        header: header("one"),
        digest: Digest::of(action.as_bytes()),
        hashes: (0..completed).map(|level| Digest::of(&level.to_be_bytes())).collect(),
    }
}

/// A header of a batch that is called so.
pub(crate) fn header(name: &str) -> Header {
    let text = format!("header of {name}");
    Header { hash: Digest::of(text.as_bytes()), text: text.into() }
}

/// An append of entries `size`, `size + 1`, …, one for each action.
pub(crate) fn append(name: &str, size: u64, actions: &[&str]) -> Append {
    let entries: Vec<_> = (size..).zip(actions).map(|(seq, action)| entry(seq, action)).collect();
    let head = format!("head {}", size + actions.len() as u64);
    Append { entries, head: Some(head.into()), ..Append::to(room(name), size) }
}

/// The append that makes a room with one entry.
pub(crate) fn opening(name: &str) -> Append {
    let new_room = NewRoom {
        kind: Kind::Auction,
        opening: format!("opening of {name}").into(),
        created: Time::from_micros(1_000_000).unwrap(),
    };
    Append { new_room: Some(new_room), ..append(name, 0, &[&format!("opening of {name}")]) }
}

pub(crate) fn link(number: u32) -> AuthorLink {
    let bytes = |what: &str| Digest::of(format!("{what} {number}").as_bytes()).0;
    AuthorLink {
        key: PublicKey::from_bytes(bytes("key")),
        persona: PublicKey::from_bytes(bytes("persona")),
        blind: Blind::from_random(bytes("blind")),
        action: Uuid::from_bytes(*bytes("action").first_chunk().unwrap()),
    }
}

pub(crate) fn text(size: usize) -> Arc<str> {
    "x".repeat(size).into()
}

/// This test program, about to run one ignored test in a process of its own.
pub(crate) fn child(test: &str, folder: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"]);
    command.env("PREGAO_TEST_FOLDER", folder);
    command
}

/// The folder given by [`child`]; nothing if the test was started by hand.
pub(crate) fn child_folder() -> Option<std::path::PathBuf> {
    std::env::var_os("PREGAO_TEST_FOLDER").map(Into::into)
}

/// All bytes of all files of a folder.
pub(crate) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())).collect()
}

pub(crate) fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// A file system of its own, of a few hundred KiB; unmounted when dropped.
pub(crate) struct TinyDisk(tempfile::TempDir);

impl TinyDisk {
    /// Nothing if this process may not mount.
    pub(crate) fn mount(kibibytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={kibibytes}k,mode=700");
        let mut mount = Command::new("mount");
        let status = mount.args(["-t", "tmpfs", "-o", &size, "none"]).arg(folder.path()).status();
        status.is_ok_and(|status| status.success()).then_some(Self(folder))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for TinyDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("-l").arg(self.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}

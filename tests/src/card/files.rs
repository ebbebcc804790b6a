//! The files of one application, and what SELECT says about them.

use anyhow::{Context as _, Result};
use yasna::{DERWriter, Tag};

use super::profile::{Pin, Profile};

/// A file identifier.
pub type FileId = u16;

/// The master file, above all others. A path never begins with it.
pub(super) const MASTER: FileId = 0x3F00;

/// What reading an elementary file takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Free,
    After(Pin),
}

/// An elementary file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// From the master file, which is left out.
    pub(super) path: Vec<FileId>,
    pub(super) bytes: Vec<u8>,
    pub(super) read: Access,
}

/// A dedicated file.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) path: Vec<FileId>,
    pub(super) name: Vec<u8>,
}

/// An application: what SELECT by its AID opens.
#[derive(Clone, Debug)]
pub(super) struct Application {
    pub(super) aid: [u8; 7],
    /// Whether the PINs and keys belong to it.
    pub(super) keys: bool,
    pub(super) folders: Vec<Folder>,
    pub(super) files: Vec<File>,
}

/// What a SELECT found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Folder(Vec<FileId>),
    File(usize),
}

impl Application {
    pub(super) fn new(aid: [u8; 7], keys: bool) -> Self {
        Self { aid, keys, folders: Vec::new(), files: Vec::new() }
    }

    /// Adds an elementary file, padded with NUL to `size` where it is shorter.
    pub(super) fn add(&mut self, path: &[FileId], bytes: &[u8], size: usize, read: Access) {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().max(size), 0);
        self.files.push(File { path: path.to_vec(), bytes, read });
    }

    pub(super) fn folder(&mut self, path: &[FileId], name: &[u8]) {
        self.folders.push(Folder { path: path.to_vec(), name: name.to_vec() });
    }

    /// What lies at a path from the master file.
    pub(super) fn at(&self, path: &[FileId]) -> Option<Found> {
        if let Some(index) = self.files.iter().position(|file| file.path == path) {
            return Some(Found::File(index));
        }
        let exists = path.is_empty() || self.folders.iter().any(|folder| folder.path == path);
        exists.then(|| Found::Folder(path.to_vec()))
    }

    /// What an identifier alone means while `here` is selected: a child, then `here` itself, then
    /// a sibling, then a child of the master file.
    pub(super) fn near(&self, here: &[FileId], id: FileId) -> Option<Found> {
        if id == MASTER {
            return self.at(&[]);
        }
        let parent = here.split_last().map_or(&[][..], |(_, parent)| parent);
        let child = |folder: &[FileId]| self.at(&[folder, &[id]].concat());
        child(here)
            .or_else(|| (here.last() == Some(&id)).then(|| Found::Folder(here.to_vec())))
            .or_else(|| child(parent))
            .or_else(|| child(&[]))
    }

    /// The file with a short identifier, the five low bits of its own, in a folder.
    pub(super) fn short(&self, here: &[FileId], short: u8) -> Option<usize> {
        self.files.iter().position(|file| {
            file.path
                .split_last()
                .is_some_and(|(id, folder)| folder == here && id & 0x1F == FileId::from(short))
        })
    }

    /// The file control information of what was found.
    pub(super) fn control(&self, profile: Profile, found: &Found) -> Option<Vec<u8>> {
        Some(match found {
            Found::File(index) => {
                let file = self.files.get(*index)?;
                match profile {
                    Profile::V3 | Profile::V4 | Profile::Unknown => {
                        control_of_file_by_two_bytes(file)?
                    }
                    Profile::V5 => control_of_file_by_three_bytes(file)?,
                }
            }
            Found::Folder(path) if path.is_empty() => control_of_folder(MASTER, &self.aid),
            Found::Folder(path) => {
                let folder = self.folders.iter().find(|folder| folder.path == *path)?;
                control_of_folder(*path.last()?, &folder.name)
            }
        })
    }

    /// Puts other bytes into a file.
    ///
    /// # Errors
    /// If there is no such file.
    pub(super) fn replace(&mut self, path: &[FileId], bytes: Vec<u8>) -> Result<()> {
        let file = self.files.iter_mut().find(|file| file.path == path);
        file.context("no such file on this card")?.bytes = bytes;
        Ok(())
    }
}

/// One entry of the information: a context tag with its bytes.
fn entry(writer: DERWriter<'_>, tag: u64, bytes: &[u8]) {
    writer.write_tagged_implicit(Tag::context(tag), |writer| writer.write_bytes(bytes));
}

/// v3 and v4: the size in tag 81, two bytes; access conditions in the compact form of tag 8C.
fn control_of_file_by_two_bytes(file: &File) -> Option<Vec<u8>> {
    let size = u16::try_from(file.bytes.len()).ok()?;
    let id = *file.path.last()?;
    let read = match file.read {
        Access::Free => 0x00,
        Access::After(pin) => 0x10 | (pin.reference() & 0x0F),
    };
    Some(yasna::construct_der(|writer| {
        writer.write_tagged_implicit(Tag::application(15), |writer| {
            writer.write_sequence(|writer| {
                entry(writer.next(), 1, &size.to_be_bytes());
                entry(writer.next(), 2, &[0x01]);
                entry(writer.next(), 3, &id.to_be_bytes());
                entry(writer.next(), 10, &[0x05]);
                entry(writer.next(), 12, &[0x1B, 0xFF, 0xFF, 0xFF, read]);
            });
        });
    }))
}

/// v5: the size in tag 80, three bytes; access conditions in tag 86.
fn control_of_file_by_three_bytes(file: &File) -> Option<Vec<u8>> {
    let size = u32::try_from(file.bytes.len()).ok()?.to_be_bytes();
    let id = *file.path.last()?;
    Some(yasna::construct_der(|writer| {
        writer.write_tagged_implicit(Tag::application(15), |writer| {
            writer.write_sequence(|writer| {
                entry(writer.next(), 0, size.get(1..).unwrap_or_default());
                entry(writer.next(), 2, &[0x01]);
                entry(writer.next(), 3, &id.to_be_bytes());
                entry(writer.next(), 6, &[0x40, 0x01, 0xFF]);
            });
        });
    }))
}

fn control_of_folder(id: FileId, name: &[u8]) -> Vec<u8> {
    yasna::construct_der(|writer| {
        writer.write_tagged_implicit(Tag::application(15), |writer| {
            writer.write_sequence(|writer| {
                entry(writer.next(), 3, &id.to_be_bytes());
                entry(writer.next(), 12, &[0x06, 0x00, 0x00]);
                entry(writer.next(), 4, name);
            });
        });
    })
}

//! Which files of the folder count, within which limits, and what is said of the others.

use std::io;
use std::path::{Path, PathBuf};

use super::*;
use crate::trust::citizen::folder::{
    Content, Entry, FileLoader, FolderError, MAX_CERTIFICATE_FILE, MAX_FILES, MAX_LIST_FILE,
    MAX_TOTAL, Unread, origin, select, unused,
};
use crate::trust::citizen::{PkiError, PkiInput, folder};

const NO_PEM: &str = "-----BEGIN NOTHING-----\n-----END NOTHING-----\n";
const BAD_BLOCK: &str = "-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n";

fn chosen(entries: Vec<(String, Entry<()>)>) -> (Vec<PathBuf>, Vec<String>) {
    let entries = entries.into_iter().map(|(name, entry)| (Path::new("lists").join(name), entry));
    let chosen = select(Path::new("lists"), entries);
    let faults = chosen.faults.iter().map(ToString::to_string).collect();
    (chosen.files.into_keys().collect(), faults)
}

fn file(name: &str) -> (String, Entry<()>) {
    (name.to_owned(), Entry::File(()))
}

/// What is taken from the first file, and what is wrong with it.
fn taken(place: PkiInput, bytes: impl Into<Vec<u8>>) -> (Option<Content>, Option<FolderError>) {
    taken_by(&mut FileLoader::default(), place, "a.pem", bytes)
}

fn taken_by(
    intake: &mut FileLoader,
    place: PkiInput,
    name: &str,
    bytes: impl Into<Vec<u8>>,
) -> (Option<Content>, Option<FolderError>) {
    let taken = intake.load(place, name.into(), Ok(bytes.into()));
    assert_eq!((taken.place, taken.path.as_path()), (place, Path::new(name)));
    (taken.content, taken.fault)
}

fn told(fault: Option<FolderError>) -> String {
    let fault = fault.unwrap();
    assert!(!fault.advice().is_empty());
    fault.to_string()
}

#[test]
fn files_are_chosen_by_name_and_what_is_hidden_is_no_business_of_anybodys() {
    let entries =
        vec![file("b.crl"), file("a.crl"), file(".new"), (".folder".to_owned(), Entry::Other)];
    let (files, faults) = chosen(entries);
    assert_eq!(files, ["lists/a.crl", "lists/b.crl"].map(PathBuf::from));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(chosen(Vec::new()), (Vec::new(), Vec::new()));
}

#[test]
fn what_is_no_file_is_named_and_stops_nothing() {
    let entries = vec![("pipe".to_owned(), Entry::Other), file("a.crl")];
    let (files, faults) = chosen(entries);
    assert_eq!(files, [PathBuf::from("lists/a.crl")]);
    assert_eq!(faults, ["lists/pipe is no file"]);
    assert!(FolderError::NoFile { path: "lists/pipe".into() }.is_harmless());
    // As many as one likes, and a bounded number of them is told.
    let pipes = (0..2 * MAX_FILES).map(|at| (format!("pipe-{at}"), Entry::Other)).collect();
    assert_eq!(chosen(pipes).1.len(), MAX_FILES);
}

#[test]
fn of_one_file_too_many_the_last_by_name_is_not_chosen() {
    let named = |count: usize| (0..count).rev().map(|at| file(&format!("{at:05}"))).collect();
    let (files, faults) = chosen(named(MAX_FILES));
    assert_eq!((files.len(), faults.len()), (MAX_FILES, 0));
    let (files, faults) = chosen(named(MAX_FILES + 1));
    assert_eq!(faults, [format!("lists holds more than {MAX_FILES} files")]);
    assert_eq!(files.len(), MAX_FILES);
    assert_eq!(files.last(), Some(&Path::new("lists").join(format!("{:05}", MAX_FILES - 1))));
    let path = PathBuf::from("anchors");
    assert!(!FolderError::TooMany { path }.is_harmless());
}

#[test]
fn pem_and_der_are_taken_and_what_is_neither_is_refused() {
    let root = pki().root();
    for bytes in [root.pem().as_bytes().to_vec(), pki().anchors().remove(0)] {
        let (content, fault) = taken(PkiInput::Anchor, bytes);
        assert!(content.unwrap().is_whole() && fault.is_none());
    }
    for bytes in ["", "garbage", "<html>404</html>\n", NO_PEM, BAD_BLOCK] {
        for place in PkiInput::ALL {
            let (content, fault) = taken(place, bytes);
            assert!(content.is_none(), "{bytes}");
            let fault = fault.unwrap();
            assert!(!fault.is_harmless());
            let FolderError::Content { path, source: PkiError::File } = fault else {
                panic!("{bytes}: {fault}")
            };
            assert_eq!(path, Path::new("a.pem"));
        }
    }
    // A certificate is no list.
    let (content, fault) = taken(PkiInput::List, root.pem());
    assert!(content.is_none());
    assert_eq!(told(fault), "a.pem is not accepted");
}

#[test]
fn a_bad_block_is_counted_and_spoils_no_good_one() {
    let bundle = [BAD_BLOCK, pki().root().pem(), BAD_BLOCK].concat();
    let (content, fault) = taken(PkiInput::Intermediate, bundle);
    assert!(!content.unwrap().is_whole());
    let fault = fault.unwrap();
    assert!(!fault.is_harmless());
    assert_eq!(fault.to_string(), "a.pem has 2 blocks that are not what belongs there");
}

#[test]
fn a_file_one_byte_too_long_is_refused() {
    for (place, most) in [
        (PkiInput::Anchor, MAX_CERTIFICATE_FILE),
        (PkiInput::Intermediate, MAX_CERTIFICATE_FILE),
        (PkiInput::List, MAX_LIST_FILE),
    ] {
        assert_eq!(place.longest_file(), most);
        // What begins as DER does is judged later.
        let (content, fault) = taken(place, vec![0x30; most]);
        assert!(content.is_some() && fault.is_none(), "{place}");
        let (content, fault) = taken(place, vec![0x30; most + 1]);
        assert!(content.is_none(), "{place}");
        assert_eq!(told(fault), format!("a.pem is longer than {most} bytes"));
        let unread = FileLoader::default().load(place, "a.pem".into(), Err(Unread::TooLong));
        assert_eq!(told(unread.fault), format!("a.pem is longer than {most} bytes"));
    }
}

#[test]
fn files_that_are_too_much_together_are_refused_and_smaller_ones_still_fit() {
    let mut intake = FileLoader::default();
    let mut left = MAX_TOTAL;
    while left > MAX_LIST_FILE {
        assert!(taken_by(&mut intake, PkiInput::List, "a", vec![0x30; MAX_LIST_FILE]).1.is_none());
        left -= MAX_LIST_FILE;
    }
    let (content, fault) = taken_by(&mut intake, PkiInput::List, "b", vec![0x30; left + 1]);
    assert!(content.is_none());
    assert!(told(fault).starts_with("b is one too many"));
    assert!(taken_by(&mut intake, PkiInput::List, "c", vec![0x30; left]).1.is_none());
    let (_, fault) = taken_by(&mut intake, PkiInput::Anchor, "d", [0x30]);
    assert!(!fault.unwrap().is_harmless());
}

#[test]
fn a_file_that_could_not_be_read_is_refused_with_the_reason() {
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    let taken =
        FileLoader::default().load(PkiInput::Anchor, "a.pem".into(), Err(Unread::Failed(denied)));
    assert!(taken.content.is_none());
    let fault = taken.fault.unwrap();
    assert!(!fault.is_harmless());
    assert_eq!(fault.to_string(), "cannot read a.pem");
    let cause = std::error::Error::source(&fault).unwrap().to_string();
    assert!(cause.contains("permission denied"), "{cause}");
    let gone = FileLoader::default().load(PkiInput::Anchor, "a.pem".into(), Err(Unread::NoFile));
    assert!(gone.content.is_none() && gone.fault.unwrap().is_harmless());
}

#[test]
fn an_authority_that_is_there_twice_is_taken_once_and_told() {
    let mut intake = FileLoader::default();
    let (root, der) = (pki().root().pem(), pki().anchors().remove(0));
    assert!(taken_by(&mut intake, PkiInput::Anchor, "a", root).0.is_some());
    let (content, fault) = taken_by(&mut intake, PkiInput::Anchor, "b", der.clone());
    assert!(content.is_none());
    let fault = fault.unwrap();
    assert!(fault.is_harmless());
    assert_eq!(fault.to_string(), "b holds a certificate that a holds");
    // What else is in the file counts.
    let other = pki().branch(Profile::V5).card.pem();
    let (content, fault) = taken_by(&mut intake, PkiInput::Anchor, "c", [root, other].concat());
    assert!(content.unwrap().is_whole());
    assert_eq!(told(fault), "c holds a certificate that a holds");
    let (content, fault) = taken(PkiInput::Anchor, [root, root].concat());
    assert!(content.is_some());
    assert_eq!(told(fault), "a.pem holds a certificate that a.pem holds");
    // In another place it means another thing; and a list may be there twice.
    assert!(taken_by(&mut intake, PkiInput::Intermediate, "d", der).1.is_none());
    let list = pki().lists().remove(0);
    for name in ["e", "f"] {
        assert!(taken_by(&mut intake, PkiInput::List, name, list.clone()).1.is_none());
    }
}

/// The contents of the test PKI's folder, two certificates in the first file of intermediates.
fn contents() -> Vec<Content> {
    let mut intake = FileLoader::default();
    let mut intermediates = pki().intermediates();
    let mut files = vec![(PkiInput::Anchor, pki().anchors().remove(0))];
    files.extend(intermediates.drain(..).map(|der| (PkiInput::Intermediate, der)));
    files.extend(pki().lists().into_iter().map(|der| (PkiInput::List, der)));
    let take = |(at, (place, der))| {
        let path = Path::new(PkiInput::folder(place)).join(format!("{at}"));
        intake.load(place, path, Ok(der)).content
    };
    files.into_iter().enumerate().filter_map(take).collect()
}

#[test]
fn the_pki_of_the_files_judges_a_card() {
    let contents = contents();
    let state = folder::state(Path::new("citizen"), &contents, TestCards::Accepted).unwrap();
    let leaf = &card().authentication.certificate;
    assert!(state.verify(leaf, &[], now(), Revocation::Required).is_ok());
    assert!(unused(&state, &contents).is_empty());
}

#[test]
fn without_an_anchor_and_with_a_refused_one_there_is_no_pki() {
    let refused = |contents: &[Content], tests| {
        folder::state(Path::new("citizen"), contents, tests).unwrap_err()
    };
    let fault = refused(&[], TestCards::Accepted);
    assert!(matches!(&fault, FolderError::NoAnchor { path } if path.ends_with("anchors")));
    let mut contents = contents();
    contents.retain(|content| content.place() != PkiInput::Anchor);
    let fault = refused(&contents, TestCards::Accepted);
    assert!(matches!(fault, FolderError::NoAnchor { .. }));

    let mut intake = FileLoader::default();
    let good = taken_by(&mut intake, PkiInput::Anchor, "good", unmarked().root().pem()).0;
    let test = taken_by(&mut intake, PkiInput::Anchor, "test", pki().root().pem()).0;
    let none = taken_by(&mut intake, PkiInput::Anchor, "none", [0x30, 0]).0;
    let leaf = unmarked().citizen(Profile::V5, &citizen_one()).authentication.certificate;
    let leaf = taken_by(&mut intake, PkiInput::Anchor, "leaf", leaf).0;
    for (bad, path) in [(test, "test"), (none, "none"), (leaf, "leaf")] {
        let contents: Vec<Content> = [good.clone(), bad].into_iter().flatten().collect();
        let fault = refused(&contents, TestCards::Refused);
        assert_eq!(fault.path(), Path::new(path));
        assert!(matches!(&fault, FolderError::Content { source: PkiError::Anchor { .. }, .. }));
        assert_eq!(fault.advice().contains("--accept-test-cards"), path == "test");
    }
}

#[test]
fn what_is_as_good_as_absent_is_told_by_its_file() {
    let mut contents = contents();
    let mut intake = FileLoader::default();
    let leaf = card().authentication.certificate.clone();
    contents.extend(taken_by(&mut intake, PkiInput::Intermediate, "intermediates/leaf", leaf).0);
    contents.extend(taken_by(&mut intake, PkiInput::List, "lists/none", [0x30, 0]).0);
    let state = folder::state(Path::new("citizen"), &contents, TestCards::Accepted).unwrap();
    let unused = unused(&state, &contents);
    let mut paths: Vec<&Path> = unused.iter().map(|(path, _)| path.as_path()).collect();
    paths.sort_unstable();
    assert_eq!(paths, [Path::new("intermediates/leaf"), Path::new("lists/none")]);
    assert_eq!(origin(&contents, PkiInput::Anchor, 0), Some(Path::new("anchors/0")));
    assert_eq!(origin(&contents, PkiInput::Anchor, 1), None);
}

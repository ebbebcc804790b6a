//! The state's certificates from a folder: `anchors`, `intermediates` and `lists`, each file one or
//! more certificates or revocation lists in PEM, or one in DER.
//!
//! They judge the citizen cards of others. Whoever fills the folder decides whom to believe; none
//! comes with the program. An anchor that cannot be used stops the program; anything else, which may be no more
//! than a failed download, is passed over, and the user is told its name.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pregao_protocol::trust::citizen::folder::{
    self, Content, Entry, FileLoader, FolderError, LoadedFile, SelectedFiles, Unread, select,
};
use pregao_protocol::trust::citizen::{PkiInput, StatePki, TestCards};

use crate::text::sanitize::with_causes;

/// The state's PKI as the folder has it.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Without the folder, or without a file in its `anchors`, there is none, and nobody's card is
    /// judged.
    pub state: Option<StatePki>,
    /// What was passed over and what to do about it, for the user: a line for each.
    pub passed_over: Vec<String>,
}

/// Reads the folder.
///
/// # Errors
/// [`FolderError`], which names the file, for anchors that cannot be used.
pub fn load(folder: &Path, tests: TestCards) -> Result<Loaded, FolderError> {
    let (mut contents, mut faults) = (Vec::new(), Vec::new());
    let mut intake = FileLoader::default();
    for place in PkiInput::ALL {
        let (found, wrong) = read(folder, place, &mut intake);
        contents.extend(found);
        for fault in wrong {
            if place == PkiInput::Anchor && !fault.is_harmless() {
                return Err(fault);
            }
            faults.push(fault);
        }
        if contents.is_empty() {
            // Without an anchor the rest says nothing of anybody.
            return Ok(Loaded::default());
        }
    }
    let state = folder::state(folder, &contents, tests)?;
    let mut passed_over: Vec<String> = faults
        .iter()
        .map(|fault| format!("passed over: {}; {}", with_causes(fault), advice(fault)))
        .collect();
    for (path, fault) in folder::unused(&state, &contents) {
        passed_over.push(format!("passed over: {}: {fault}; {}", path.display(), folder::REFETCH));
    }
    Ok(Loaded { state: Some(state), passed_over })
}

/// What the user can do about it.
#[must_use]
pub const fn advice(fault: &FolderError) -> &'static str {
    match fault {
        FolderError::Unreadable { .. } => {
            "check that you may read it, or name another folder with --citizen"
        }
        fault => fault.advice(),
    }
}

/// What the files of one of the three folders hold, and what is wrong with them.
fn read(root: &Path, place: PkiInput, intake: &mut FileLoader) -> (Vec<Content>, Vec<FolderError>) {
    let folder = root.join(place.folder());
    let chosen = match list(&folder) {
        Ok(chosen) => chosen,
        Err(source) => {
            return (Vec::new(), vec![FolderError::Unreadable { path: folder, source }]);
        }
    };
    let (mut contents, mut faults) = (Vec::new(), chosen.faults);
    for path in chosen.files.into_keys() {
        let bytes = bytes(&path, place.longest_file());
        let LoadedFile { content, fault, .. } = intake.load(place, path, bytes);
        contents.extend(content);
        faults.extend(fault);
    }
    (contents, faults)
}

/// The files of a folder that count; none if there is no such folder.
fn list(folder: &Path) -> io::Result<SelectedFiles<()>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(select(folder, []));
        }
        entries => entries?,
    };
    let mut failed = Ok(());
    let paths = entries.map_while(|entry| {
        entry.map(|entry| entry.path()).map_err(|error| failed = Err(error)).ok()
    });
    let listed = paths.filter_map(|path| match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() => Some((path, Entry::File(()))),
        // Removed since it was listed, and no link that leads nowhere.
        Err(_) if fs::symlink_metadata(&path).is_err() => None,
        Ok(_) | Err(_) => Some((path, Entry::Other)),
    });
    let chosen = select(folder, listed);
    failed.map(|()| chosen)
}

/// The bytes of a file, of at most `most`.
fn bytes(path: &Path, most: usize) -> Result<Vec<u8>, Unread> {
    // A pipe may have come in place of the file: opening it would wait for somebody who writes.
    let file = File::options()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)
        .map_err(Unread::Failed)?;
    let metadata = file.metadata().map_err(Unread::Failed)?;
    if !metadata.is_file() {
        return Err(Unread::NoFile);
    }
    let most = most as u64;
    let mut bytes = Vec::new();
    if metadata.len() <= most {
        file.take(most.saturating_add(1)).read_to_end(&mut bytes).map_err(Unread::Failed)?;
    }
    let fits = metadata.len() <= most && bytes.len() as u64 <= most;
    if fits { Ok(bytes) } else { Err(Unread::TooLong) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::value::clock::Time;
    use pregao_test_pki::{Pki, Plan};
    use std::sync::OnceLock;

    fn pki() -> &'static Pki {
        static PKI: OnceLock<Pki> = OnceLock::new();
        PKI.get_or_init(|| Pki::new(Plan::quick(1_795_262_400)))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        pki().write_folder(folder.path()).unwrap();
        folder
    }

    #[test]
    fn no_folder_and_no_anchor_are_no_error_and_no_pki() {
        let folder = tempfile::tempdir().unwrap();
        let loaded = |path: &Path| load(path, TestCards::Accepted).unwrap().state.is_some();
        assert!(!loaded(&folder.path().join("absent")));
        assert!(!loaded(folder.path()));
        fs::create_dir(folder.path().join("anchors")).unwrap();
        fs::write(folder.path().join("anchors/.hidden"), "x").unwrap();
        assert!(!loaded(folder.path()));
    }

    #[test]
    fn the_documented_folder_is_read() {
        let loaded = load(folder().path(), TestCards::Accepted).unwrap();
        assert!(loaded.state.is_some());
        assert_eq!(loaded.passed_over, Vec::<String>::new());
    }

    #[test]
    fn an_anchor_that_is_refused_is_named_and_stops() {
        let named = |folder: &tempfile::TempDir, tests, part: &str| {
            let error = load(folder.path(), tests).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(part), "{text}");
            assert!(!advice(&error).is_empty());
        };
        named(&folder(), TestCards::Refused, "anchors/");
        for bytes in ["no certificate", "", "-----BEGIN NOTHING-----\n-----END NOTHING-----\n"] {
            let folder = folder();
            fs::write(folder.path().join("anchors/zz.crt"), bytes).unwrap();
            named(&folder, TestCards::Accepted, "anchors/zz.crt");
        }
        let large = folder();
        let most = PkiInput::Anchor.longest_file();
        fs::write(large.path().join("anchors/zz.crt"), vec![0x30; most + 1]).unwrap();
        named(&large, TestCards::Accepted, "anchors/zz.crt");
        let unlisted = folder();
        fs::remove_dir_all(unlisted.path().join("anchors")).unwrap();
        fs::write(unlisted.path().join("anchors"), "a file").unwrap();
        named(&unlisted, TestCards::Accepted, "anchors");
    }

    #[test]
    fn anything_else_that_cannot_be_read_is_passed_over_by_name() {
        let folder = folder();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("lists/page.crl"), "<html><title>404</title></html>\n").unwrap();
        fs::write(at("lists/empty.crl"), "").unwrap();
        fs::write(at("lists/no-list.crl"), "0 is how DER begins").unwrap();
        fs::write(at("lists/certificate.crl"), pki().root().pem()).unwrap();
        fs::create_dir(at("lists/folder.crl")).unwrap();
        std::os::unix::fs::symlink("nowhere", at("lists/link.crl")).unwrap();
        File::create(at("lists/long.crl")).unwrap().set_len(1 << 30).unwrap();
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, at("lists/pipe.crl"), mode).unwrap();
        fs::write(at("intermediates/garbage.pem"), "garbage").unwrap();
        fs::write(at("intermediates/no-certificate.der"), [0x30, 0]).unwrap();
        let bad = "-----BEGIN CERTIFICATE-----\n<html>\n-----END CERTIFICATE-----\n";
        fs::write(at("intermediates/bundle.pem"), [pki().root().pem(), bad].concat()).unwrap();
        let loaded = load(folder.path(), TestCards::Accepted).unwrap();
        let names = [
            "lists/page.crl",
            "lists/empty.crl",
            "lists/no-list.crl",
            "lists/certificate.crl",
            "lists/folder.crl",
            "lists/link.crl",
            "lists/long.crl",
            "lists/pipe.crl",
            "intermediates/garbage.pem",
            "intermediates/no-certificate.der",
            "intermediates/bundle.pem",
        ];
        for name in names {
            let telling = loaded.passed_over.iter().filter(|line| line.contains(name));
            assert_eq!(telling.count(), 1, "{name}: {:?}", loaded.passed_over);
        }
        assert_eq!(loaded.passed_over.len(), names.len());
        assert!(loaded.passed_over.iter().all(|line| line.contains("; ")));
        let card =
            pki().citizen(pregao_test_pki::Profile::V5, &pregao_test_pki::CitizenData::numbered(1));
        let leaf = &card.authentication.certificate;
        let now = Time::default().plus(std::time::Duration::from_secs(1_795_262_400));
        let required = pregao_protocol::trust::citizen::Revocation::Required;
        assert!(loaded.state.unwrap().verify(leaf, &[], now, required).is_ok());
    }
}

//! Searching for what must not be written down: in files, and in whatever form a program may have
//! put it there.

use std::path::Path;

use anyhow::{Context as _, Result};
use pregao_protocol::value::codec::to_base64url;

/// Something that belongs in no file.
#[derive(Clone)]
pub struct Secret {
    /// What it is, for reports: they never hold the text.
    pub what: String,
    text: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({})", self.what)
    }
}

impl Secret {
    /// A text to look for. Short ones are found by chance as well.
    #[must_use]
    pub fn new(what: &str, text: &str) -> Self {
        Self { what: what.to_owned(), text: text.to_owned() }
    }

    /// Whether `bytes` hold it: as it is, in hexadecimal, as a list of numbers such as `Debug`
    /// prints, or within Base64 at any of its three alignments.
    #[must_use]
    pub fn is_in(&self, bytes: &[u8]) -> bool {
        self.forms().iter().any(|form| bytes.windows(form.len()).any(|window| window == form))
    }

    fn forms(&self) -> Vec<Vec<u8>> {
        let text = self.text.as_bytes();
        let low = hex::encode(text);
        let mut listed = String::new();
        for byte in text {
            if !listed.is_empty() {
                listed.push_str(", ");
            }
            listed.push_str(&byte.to_string());
        }
        let mut forms = vec![
            text.to_vec(),
            low.to_uppercase().into_bytes(),
            low.into_bytes(),
            listed.into_bytes(),
        ];
        for before in 0..3 {
            // What its neighbours decide in part is left out at both ends.
            let padded = [vec![0; before], text.to_vec()].concat();
            let encoded = to_base64url(&padded);
            let first = (before * 8).div_ceil(6);
            let whole = padded.len() * 8 / 6;
            let Some(inner) = encoded.get(first..whole) else { continue };
            forms.push(inner.as_bytes().to_vec());
            forms.push(inner.replace('-', "+").replace('_', "/").into_bytes());
        }
        forms.dedup();
        forms
    }
}

/// What a search of a folder found.
#[derive(Debug, Default)]
pub struct Searched {
    /// How many files.
    pub files: usize,
    /// How many bytes.
    pub bytes: usize,
    /// What is where. Empty is good.
    pub found: Vec<String>,
}

impl Searched {
    /// Looks into a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn file(&mut self, path: &Path, secrets: &[Secret]) -> Result<()> {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        self.text(&path.display().to_string(), &bytes, secrets);
        Ok(())
    }

    /// Looks into a text, told of as `place`.
    pub fn text(&mut self, place: &str, bytes: &[u8], secrets: &[Secret]) {
        self.files += 1;
        self.bytes += bytes.len();
        let there = secrets.iter().filter(|secret| secret.is_in(bytes));
        self.found.extend(there.map(|secret| format!("{} in {place}", secret.what)));
    }

    /// Looks into every file below a folder.
    ///
    /// # Errors
    /// If one cannot be read.
    pub fn folder(&mut self, folder: &Path, secrets: &[Secret]) -> Result<()> {
        for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let (path, kind) = entry.and_then(|entry| Ok((entry.path(), entry.file_type()?)))?;
            if kind.is_dir() {
                self.folder(&path, secrets)?;
            } else if kind.is_file() {
                self.file(&path, secrets)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a fault anywhere ends the test")]
    use super::*;

    #[test]
    fn a_secret_is_found_in_every_form() {
        let secret = Secret::new("number", "90817263");
        let around = |before: &str| to_base64url(format!("{before}90817263, and so on").as_bytes());
        for text in [
            "x90817263y".to_owned(),
            hex::encode("..90817263.."),
            hex::encode_upper("90817263"),
            format!("{:?}", b"90817263"),
            format!("{:?}", "90817263".as_bytes()),
            around(""),
            around("a"),
            around("ab"),
            around("abc"),
        ] {
            assert!(secret.is_in(text.as_bytes()), "{text}");
        }
        assert!(!secret.is_in(b"9081726 3"));
        assert!(!secret.is_in(to_base64url(b"90817163").as_bytes()));
        assert_eq!(format!("{secret:?}"), "Secret(number)");
    }

    #[test]
    fn a_folder_is_searched_to_its_depth() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a").join("b");
        std::fs::create_dir_all(&deep).unwrap();
        std::fs::write(deep.join("file"), "PIN 90817263").unwrap();
        std::fs::write(folder.path().join("other"), "nothing").unwrap();
        let mut searched = Searched::default();
        searched.folder(folder.path(), &[Secret::new("the PIN", "90817263")]).unwrap();
        assert_eq!((searched.files, searched.found.len()), (2, 1));
        assert!(searched.found.iter().all(|found| found.starts_with("the PIN in ")));
    }
}

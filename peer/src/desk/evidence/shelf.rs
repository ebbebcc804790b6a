//! What is kept as evidence, listed, shown and written elsewhere.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use pregao_protocol::audit::evidence::Evidence;
use pregao_protocol::value::report::Report;
use serde::Serialize;

use super::DIGITS;
use crate::command::EvidenceTask;
use crate::private::replace;
use crate::text::sanitize::{sanitize, with_causes};

/// Fewest digits by which a file is called.
const SHORTEST_ID: usize = 4;
/// Longest file that is read again, in bytes: longer than any that is kept.
const LONGEST: u64 = 32 << 20;

/// A file of the folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Item {
    /// By which it is called: hexadecimal digits out of its name.
    pub id: String,
    /// What it shows, or what was met.
    pub kind: String,
    /// The beginning of the name of the room that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub room: Option<String>,
    /// Its size.
    pub bytes: u64,
    /// Where it is.
    #[serde(skip)]
    pub path: PathBuf,
}

/// Every file of the folder by name; none if there is no folder.
///
/// # Errors
/// If the folder cannot be read.
pub fn items(folder: &Path) -> io::Result<Vec<Item>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut items = Vec::new();
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some((kind, room, id)) = name.to_str().and_then(parts) else { continue };
        let bytes = entry.metadata()?.len();
        items.push(Item { id, kind, room, bytes, path: entry.path() });
    }
    items.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(items)
}

/// Kind, room and hash in the name of a file.
fn parts(name: &str) -> Option<(String, Option<String>, String)> {
    let digits = |text: &str| {
        text.len() == DIGITS && text.bytes().all(|byte| b"0123456789abcdef".contains(&byte))
    };
    let (rest, id) = name.strip_suffix(".json")?.rsplit_once('-')?;
    if !digits(id) || rest.is_empty() {
        return None;
    }
    let about = rest.rsplit_once('-').filter(|(_, room)| digits(room));
    let (kind, room) = about.map_or((rest, None), |(kind, room)| (kind, Some(room.to_owned())));
    Some((kind.to_owned(), room, id.to_owned()))
}

/// Carries out what is asked about the evidence in a folder, in lines for a person.
///
/// # Errors
/// What is wrong with what was asked, or with the folder.
pub fn answer(folder: &Path, task: &EvidenceTask) -> Result<Vec<String>, Report> {
    match task {
        EvidenceTask::List => list(folder),
        EvidenceTask::Show { evidence } => show(&find(folder, evidence)?),
        EvidenceTask::Export { evidence, file } => {
            export(&find(folder, evidence)?, Path::new(file))
        }
    }
}

fn list(folder: &Path) -> Result<Vec<String>, Report> {
    let items = items(folder).map_err(|error| unreadable(folder, &error))?;
    if items.is_empty() {
        return Ok(vec!["there is no evidence: nothing was met that shows a fault".to_owned()]);
    }
    let line = |item: &Item| {
        let about = item.room.as_ref().map_or_else(String::new, |room| format!(", room {room}…"));
        format!("{}  {}{about}, {} bytes", item.id, item.kind, item.bytes)
    };
    Ok(items.iter().map(line).collect())
}

fn show(item: &Item) -> Result<Vec<String>, Report> {
    let text = read(item)?;
    let mut lines = vec![format!("{} in {}", item.kind, item.path.display())];
    match Evidence::parse(&text).map(|evidence| evidence.verify()) {
        Ok(Ok(shown)) => {
            let about = shown.room.map_or_else(String::new, |room| format!(", room {room}"));
            lines.push(format!("it proves to anybody{about}: {} {}", shown.by, shown.what));
            lines.push("check it with `pregao verify`, as everybody can".to_owned());
        }
        Ok(Err(error)) => {
            lines.push(format!("it proves nothing: {}", with_causes(&error)));
        }
        Err(_) => {
            lines.push(
                "these are notes of what was met: they remind you, and prove nothing to others"
                    .to_owned(),
            );
            lines.push(text);
        }
    }
    Ok(lines.iter().map(|line| sanitize(line)).collect())
}

fn export(item: &Item, file: &Path) -> Result<Vec<String>, Report> {
    let text = read(item)?;
    if file.exists() {
        let message = format!("{} exists already", file.display());
        return Err(Report::new("export.failed", message, "name a file that does not exist yet"));
    }
    replace(file, text.as_bytes()).map_err(|error| {
        let message = format!("cannot write {}: {error}", file.display());
        Report::new("export.failed", message, "free space or name another file")
    })?;
    Ok(vec![format!("wrote {}", file.display())])
}

/// The one file that is called so.
fn find(folder: &Path, id: &str) -> Result<Item, Report> {
    let advice = "`evidence list` shows what there is";
    if id.len() < SHORTEST_ID {
        let message = format!("{SHORTEST_ID} digits at least tell which evidence is meant");
        return Err(Report::new("evidence.unknown", message, advice));
    }
    let items = items(folder).map_err(|error| unreadable(folder, &error))?;
    let mut meant = items.into_iter().filter(|item| item.id.starts_with(id));
    match (meant.next(), meant.next()) {
        (Some(item), None) => Ok(item),
        (None, _) => Err(Report::new("evidence.unknown", "there is no such evidence", advice)),
        (Some(_), Some(_)) => {
            let message = "more than one begins like this";
            Err(Report::new("evidence.unknown", message, "give more digits"))
        }
    }
}

fn read(item: &Item) -> Result<String, Report> {
    let unreadable = |why: String| {
        let message = format!("{} cannot be read: {why}", item.path.display());
        Report::new("evidence.unreadable", message, "look at the file yourself")
    };
    if item.bytes > LONGEST {
        return Err(unreadable(format!("it has {} bytes", item.bytes)));
    }
    fs::read_to_string(&item.path).map_err(|error| unreadable(error.to_string()))
}

fn unreadable(folder: &Path, error: &io::Error) -> Report {
    let message = format!("{} cannot be read: {error}", folder.display());
    Report::new("evidence.unreadable", message, "check the folder")
}

#[cfg(test)]
mod tests {
    use super::super::{Exhibit, Filed, keep};
    use super::*;

    fn kept(folder: &Path, kind: &str, text: &str) -> PathBuf {
        match keep(folder, Exhibit::Notes(kind, &[text])) {
            Filed::In(path) => path,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_kept_is_listed_shown_and_written_elsewhere() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("evidence");
        let none = answer(&folder, &EvidenceTask::List).unwrap();
        assert!(none[0].contains("no evidence"), "{none:?}");
        let path = kept(&folder, "refused-and-odd", "a\u{1b}[31m");
        let items = items(&folder).unwrap();
        let [item] = items.as_slice() else { panic!("{items:?}") };
        assert_eq!((item.kind.as_str(), &item.room, &item.path), ("refused-and-odd", &None, &path));
        let lines = answer(&folder, &EvidenceTask::List).unwrap();
        assert!(lines[0].starts_with(&item.id), "{lines:?}");
        let id = item.id[..6].to_owned();
        let shown = answer(&folder, &EvidenceTask::Show { evidence: id.clone() }).unwrap();
        assert!(shown.iter().any(|line| line.contains("notes")), "{shown:?}");
        assert!(!shown.iter().any(|line| line.contains('\u{1b}')), "{shown:?}");
        let file = place.path().join("out.json").display().to_string();
        let export = EvidenceTask::Export { evidence: id, file: file.clone() };
        answer(&folder, &export).unwrap();
        assert_eq!(fs::read(&file).unwrap(), fs::read(&path).unwrap());
        let again = answer(&folder, &export).unwrap_err();
        assert!(again.message.contains("exists already"), "{again:?}");
    }

    #[test]
    fn what_is_not_there_or_not_clear_is_refused() {
        let place = tempfile::tempdir().unwrap();
        for at in 0..20 {
            kept(place.path(), "entry", &at.to_string());
        }
        fs::write(place.path().join("readme.txt"), "mine").unwrap();
        fs::write(place.path().join("entry-0123.json"), "mine").unwrap();
        assert_eq!(items(place.path()).unwrap().len(), 20, "what was not kept here is left alone");
        for id in ["", "abc", "zzzz", "../x"] {
            let error = find(place.path(), id).unwrap_err();
            assert_eq!(error.code, "evidence.unknown", "{id}");
        }
    }

    #[test]
    fn names_of_files_say_kind_and_room() {
        let (room, hash) = ("0123456789abcdef", "fedcba9876543210");
        let of = |name: &str| parts(name).map(|(kind, room, _)| (kind, room));
        let fork = Some(("fork".to_owned(), Some(room.to_owned())));
        assert_eq!(of(&format!("fork-{room}-{hash}.json")), fork);
        assert_eq!(of(&format!("batches-{hash}.json")), Some(("batches".to_owned(), None)));
        for name in [
            "",
            ".json",
            "fork.json",
            "fork-12.json",
            &format!("{hash}.json"),
            &format!("-{hash}.json"),
        ] {
            assert_eq!(of(name), None, "{name}");
        }
    }
}

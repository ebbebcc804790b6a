//! `pregao verify`: transcripts, receipts, letters and evidence out of files, with no network.
//!
//! Each file is judged by itself, whatever the others hold, then all of them against each other: a
//! broker that shows different logs to different people is found out when their files come together.

mod letter;
mod timeline;
mod words;

use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;
use pregao_protocol::audit::compare::{Compared, Comparison, compare};
use pregao_protocol::audit::evidence::{Accused, BrokenLog, Evidence, Shown};
use pregao_protocol::audit::verdict::{self, Examined, Pins, Standing, Subject};
use pregao_protocol::log::RoomName;
use pregao_protocol::log::transcript::MAX_TRANSCRIPT;
use pregao_protocol::room::body::BrokerKeys;
use pregao_protocol::trust::key::Fingerprint;
use serde::Serialize;

use crate::front::exit::Status;
use crate::private::replace;
use crate::text::sanitize::with_causes;

/// What to check, and what is known from elsewhere.
#[derive(Debug, Clone, Args)]
pub struct Verify {
    /// What to check: transcripts, receipts, letters, what became of them, and evidence
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The room that is meant, its whole name
    #[arg(long, value_name = "ROOM")]
    pub room: Option<RoomName>,
    /// Fingerprint of a TSA's stamp key, or of its CA; if a stamp key is given, no other may stamp
    #[arg(long, value_name = "FINGERPRINT")]
    pub tsa: Vec<AnyFingerprint>,
    /// Fingerprint of a witness's key, which the room has to name
    #[arg(long = "witness-key", value_name = "FINGERPRINT")]
    pub witness: Vec<Fingerprint>,
    /// Where to write evidence, if the files contradict each other; it must not exist
    #[arg(long, value_name = "FILE")]
    pub evidence: Option<PathBuf>,
}

/// A fingerprint, alone or at the end of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnyFingerprint(pub Fingerprint);

/// A text that is no fingerprint and does not end with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint: 64 digits 0-9 and a-f, alone or behind the # of an address")]
pub struct FingerprintError;

impl FromStr for AnyFingerprint {
    type Err = FingerprintError;
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digits = text.rsplit_once('#').map_or(text, |(_, digits)| digits);
        digits.parse().map(Self).map_err(|_| FingerprintError)
    }
}

/// A file, judged.
#[derive(Debug)]
enum Judged<'a> {
    /// As a transcript, a receipt or a letter; if it does not hold, perhaps as evidence against the broker that
    /// signed it.
    Examined(Box<Examined<'a>>, Option<Box<(Evidence, Shown)>>),
    /// As evidence: what it shows, or why it shows nothing that was asked for.
    Evidence(Box<Evidence>, Result<Shown, String>),
    /// It cannot be read at all.
    Unread(String),
}

impl Judged<'_> {
    const fn standing(&self) -> Standing {
        match self {
            Self::Examined(examined, _) => examined.verdict.verdict,
            Self::Evidence(_, Ok(_)) => Standing::Valid,
            Self::Evidence(_, Err(_)) => Standing::Invalid,
            Self::Unread(_) => Standing::Unreadable,
        }
    }
}

/// Checks every file and writes what it finds: for people, or each verdict as a line of JSON and one
/// with what was found across files. The worst of all says how it ends.
///
/// # Errors
/// If nothing can be written.
pub fn run(
    asked: &Verify,
    broker: Option<Fingerprint>,
    json: bool,
    out: &mut impl Write,
) -> io::Result<Status> {
    let tsa = asked.tsa.iter().map(|tsa| tsa.0).collect();
    let pins = Pins { room: asked.room, broker, tsa, witnesses: asked.witness.clone() };
    let read: Vec<Result<Vec<u8>, String>> = asked.files.iter().map(|file| read(file)).collect();
    let examined: Vec<Option<Examined<'_>>> =
        read.iter().map(|bytes| bytes.as_ref().ok().map(|bytes| verdict::examine(bytes))).collect();
    let certified: Vec<BrokerKeys> =
        examined.iter().flatten().filter_map(Examined::certifies).collect();
    let judged: Vec<Judged<'_>> = read
        .iter()
        .zip(examined)
        .map(|(bytes, examined)| match (bytes, examined) {
            (Ok(bytes), Some(examined)) => judge(bytes, examined.beside(&certified), &pins),
            (Ok(_), None) => Judged::Unread("it was not examined".to_owned()),
            (Err(why), _) => Judged::Unread(why.clone()),
        })
        .collect();
    for (file, judged) in asked.files.iter().zip(&judged) {
        if json {
            writeln!(out, "{}", as_json(judged))?;
        } else {
            words::file(file, judged, &pins, out)?;
        }
    }
    let comparison = compare(&judged.iter().map(compared).collect::<Vec<_>>());
    let mut worst = judged.iter().map(Judged::standing).max().unwrap_or(Standing::Valid);
    if !comparison.findings.is_empty() {
        worst = Standing::Invalid;
    }
    tell(asked, &judged, &comparison, json, out)?;
    Ok(match worst {
        Standing::Valid => Status::CarriedOut,
        Standing::Incomplete => Status::Incomplete,
        Standing::Unreadable => Status::Unreadable,
        Standing::Invalid => Status::Refused,
    })
}

fn compared<'a>(judged: &'a Judged<'a>) -> Compared<'a> {
    match judged {
        Judged::Examined(examined, _) => Compared::Examined(examined),
        Judged::Evidence(evidence, Ok(_)) => Compared::Evidence(evidence),
        Judged::Evidence(_, Err(_)) | Judged::Unread(_) => Compared::Nothing,
    }
}

/// A file's bytes, within a bound. What is no file does not end, or has no bytes.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let cannot = |error: io::Error| format!("it cannot be read: {error}");
    // Before it is opened: a pipe without a writer would wait for one.
    let kind = std::fs::metadata(path).map_err(cannot)?;
    if kind.is_dir() {
        return Err("it is a folder; give the files in it".to_owned());
    }
    if !kind.is_file() {
        return Err("it is no ordinary file; copy what is in it to one first".to_owned());
    }
    let file = File::open(path).map_err(cannot)?;
    let limit = u64::try_from(MAX_TRANSCRIPT).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte more than the longest tells that it is longer.
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

fn judge<'a>(bytes: &'a [u8], examined: Examined<'a>, pins: &Pins) -> Judged<'a> {
    if examined.verdict.verdict == Standing::Unreadable
        && let Some(evidence) = std::str::from_utf8(bytes).ok().map(Evidence::parse)
        && let Ok(evidence) = evidence
    {
        let shown = evidence
            .verify()
            .map_err(|error| format!("as evidence it shows nothing: {}", with_causes(&error)));
        let shown = shown.and_then(|shown| match pins.misses(evidence.against(), &shown) {
            None => Ok(shown),
            Some(why) => Err(why),
        });
        return Judged::Evidence(Box::new(evidence), shown);
    }
    let signed = (examined.verdict.verdict == Standing::Invalid).then(|| signed(bytes)).flatten();
    let meant = |(_, shown): &(Evidence, Shown)| pins.misses(Accused::Broker, shown).is_none();
    Judged::Examined(Box::new(examined.pinned(pins)), signed.filter(meant).map(Box::new))
}

/// A log that does not hold, as evidence against the broker whose head is over exactly it.
fn signed(bytes: &[u8]) -> Option<(Evidence, Shown)> {
    let transcript = std::str::from_utf8(bytes).ok()?.to_owned();
    let evidence = Evidence::BrokenLog(BrokenLog { transcript });
    let shown = evidence.verify().ok()?;
    Some((evidence, shown))
}

/// The verdict on evidence.
#[derive(Serialize)]
struct EvidenceVerdict<'a> {
    kind: &'static str,
    verdict: Standing,
    evidence: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Fingerprint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    room: Option<RoomName>,
    what: &'a str,
}

/// The verdict on a file that could not be read.
#[derive(Serialize)]
struct Unread {
    kind: Subject,
    verdict: Standing,
}

fn as_json(judged: &Judged<'_>) -> String {
    let line = match judged {
        Judged::Examined(examined, _) => return examined.verdict.encode(),
        Judged::Evidence(evidence, Ok(shown)) => serde_json::to_string(&EvidenceVerdict {
            kind: "evidence",
            verdict: Standing::Valid,
            evidence: evidence.kind(),
            by: Some(shown.by),
            room: shown.room,
            what: &shown.what,
        }),
        Judged::Evidence(evidence, Err(error)) => serde_json::to_string(&EvidenceVerdict {
            kind: "evidence",
            verdict: Standing::Invalid,
            evidence: evidence.kind(),
            by: None,
            room: None,
            what: error,
        }),
        Judged::Unread(_) => {
            let (kind, verdict) = (Subject::Unknown, Standing::Unreadable);
            serde_json::to_string(&Unread { kind, verdict })
        }
    };
    line.unwrap_or_default()
}

/// What was found across files.
#[derive(Serialize)]
struct Findings<'a> {
    findings: Vec<FindingShown<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ends: Vec<EndShown>,
}

/// A reveal room whose end is in an auction's log.
#[derive(Serialize)]
struct EndShown {
    reveal: String,
    auction: String,
    entry: u64,
    #[serde(rename = "final")]
    is_final: bool,
}

#[derive(Serialize)]
struct FindingShown<'a> {
    kind: &'static str,
    files: Vec<String>,
    room: Option<RoomName>,
    by: Fingerprint,
    /// Whether that is shown: without a certificate anybody may have named this broker.
    certified: bool,
    what: &'a str,
    /// Where the evidence is, if it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<String>,
    /// Why it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What became of evidence.
#[derive(Debug)]
enum Kept<'a> {
    /// Nobody asked for it.
    NotAsked,
    /// It is there.
    Written(&'a Path),
    /// It could not be written.
    Failed(io::Error),
    /// Another proof is where it was to go.
    After(&'a Path),
}

impl Kept<'_> {
    fn path(&self) -> Option<String> {
        match self {
            Self::Written(path) => Some(path.display().to_string()),
            Self::NotAsked | Self::Failed(_) | Self::After(_) => None,
        }
    }

    fn error(&self) -> Option<String> {
        match self {
            Self::Failed(error) => Some(error.to_string()),
            Self::After(_) => Some("the file has another proof in it".to_owned()),
            Self::NotAsked | Self::Written(_) => None,
        }
    }
}

/// Writes the first evidence that there is, where it was asked for.
struct Keeper<'a> {
    path: Option<&'a Path>,
    is_full: bool,
}

impl<'a> Keeper<'a> {
    fn keep(&mut self, evidence: &Evidence) -> Kept<'a> {
        let Some(path) = self.path else { return Kept::NotAsked };
        if std::mem::replace(&mut self.is_full, true) {
            return Kept::After(path);
        }
        match keep(evidence, path) {
            Ok(()) => Kept::Written(path),
            Err(error) => Kept::Failed(error),
        }
    }
}

/// Tells what was found beyond each file by itself.
fn tell(
    asked: &Verify,
    judged: &[Judged<'_>],
    comparison: &Comparison,
    json: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut keeper = Keeper { path: asked.evidence.as_deref(), is_full: false };
    let (mut shown, mut ends) = (Vec::new(), Vec::new());
    let name = |path: &Path| path.display().to_string();
    for end in &comparison.ends {
        let [reveal, auction] = [end.reveal, end.auction].map(|at| asked.files.get(at));
        let (Some(reveal), Some(auction)) = (reveal, auction) else { continue };
        if !json {
            words::end(reveal, auction, end, out)?;
            continue;
        }
        let (entry, is_final) = (end.entry, end.is_final);
        ends.push(EndShown { reveal: name(reveal), auction: name(auction), entry, is_final });
    }
    for finding in &comparison.findings {
        let [first, second] = finding.files.map(|at| asked.files.get(at).map(PathBuf::as_path));
        let (Some(first), Some(second)) = (first, second) else { continue };
        let kept = match &finding.evidence {
            Some(evidence) => keeper.keep(evidence),
            None => Kept::NotAsked,
        };
        if !json {
            words::finding([first, second], finding, &kept, out)?;
            continue;
        }
        shown.push(FindingShown {
            kind: finding.kind.as_str(),
            files: vec![name(first), name(second)],
            room: finding.room,
            by: finding.by,
            certified: finding.is_certified,
            what: &finding.what,
            evidence: kept.path(),
            error: kept.error(),
        });
    }
    for (file, judged) in asked.files.iter().zip(judged) {
        let Judged::Examined(_, Some(signed)) = judged else { continue };
        let (evidence, broken) = &**signed;
        let kept = keeper.keep(evidence);
        if !json {
            words::signed(file, broken, &kept, out)?;
            continue;
        }
        shown.push(FindingShown {
            kind: evidence.kind(),
            files: vec![name(file)],
            room: broken.room,
            by: broken.by,
            certified: true,
            what: &broken.what,
            evidence: kept.path(),
            error: kept.error(),
        });
    }
    if json && !(shown.is_empty() && ends.is_empty()) {
        let line = serde_json::to_string(&Findings { findings: shown, ends }).unwrap_or_default();
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// Writes evidence to a file that is not there yet.
fn keep(evidence: &Evidence, path: &Path) -> io::Result<()> {
    // A link that leads nowhere is there, too.
    if path.symlink_metadata().is_ok() {
        let why = "it exists already, and evidence is never written over";
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
    }
    replace(path, evidence.encode().as_bytes())
}

#[cfg(test)]
mod tests;

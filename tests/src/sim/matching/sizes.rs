//! What an observer of the network sees of a letter: bytes, which depend on its class and on nothing else of it.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pregao::command::NewLetter;
use pregao_protocol::letter::Mode;
use pregao_protocol::wire::blob::{BlobFrame, Say};
use pregao_protocol::wire::frame::FromPeer;

use super::super::recorder::{Connection, Recorder};
use super::super::street::{Street, Writer, in_a_street, is_calm, letter};
use super::PER_DAY;

/// Bytes of each message there and back, but for the batch headers that come every second of a session.
#[derive(Debug, PartialEq, Eq)]
struct Sizes {
    up: Vec<usize>,
    down: Vec<usize>,
}

impl Sizes {
    fn of(connection: &Connection, tick: usize) -> Self {
        let down = connection.down.iter().copied().filter(|size| *size != tick).collect();
        Self { up: connection.up.clone(), down }
    }
}

/// The newest session in which something like this was said.
fn newest(recorder: &Recorder, said: impl Fn(&[u8]) -> bool) -> Result<Connection> {
    let mut all = recorder.connections();
    all.retain(|connection| connection.frames.iter().any(|frame| said(&frame.bytes)));
    all.pop().context("a session")
}

fn deposits(frame: &[u8]) -> bool {
    matches!(FromPeer::parse(frame), Ok(FromPeer::Submit { .. }))
}

fn fetches(frame: &[u8]) -> bool {
    matches!(BlobFrame::from_peer(frame), Ok(BlobFrame { say: Say::Get(_), .. }))
}

/// What leaving a letter and fetching it looks like.
async fn cross(
    (ana, rui): (&Writer, &Writer),
    new: NewLetter,
    recorder: &Recorder,
    tick: usize,
) -> Result<[Sizes; 2]> {
    rui.write("ana", new)?;
    is_calm(&rui.send_all().await?)?;
    let left = newest(recorder, |frame| {
        matches!(BlobFrame::from_peer(frame), Ok(BlobFrame { say: Say::Put(_), .. }))
    })?;
    ensure!(left.frames.iter().any(|frame| deposits(&frame.bytes)));
    let before = ana.office.unread()?.unread;
    let mut shift = ana.begin(true).await?;
    shift.until("it came", |office| Ok(office.unread()?.unread > before)).await?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    is_calm(&shift.end().await?)?;
    let fetched = newest(recorder, fetches)?;
    Ok([Sizes::of(&left, tick), Sizes::of(&fetched, tick)])
}

/// The size of what comes every second: what is said most in a session in which nothing is asked.
async fn tick(street: &Street, rui: &Writer, recorder: &Recorder) -> Result<usize> {
    let session = rui.session().await?;
    tokio::time::sleep(Duration::from_secs(20)).await;
    drop(session);
    let _ = street;
    let all = recorder.connections();
    let idle = all.last().context("a session")?;
    let sizes = idle.down.iter().copied();
    sizes.max_by_key(|size| idle.down.iter().filter(|other| *other == size).count()).context("one")
}

#[test]
fn what_crosses_the_wire_for_a_letter_is_that_of_its_class_whatever_it_says_and_in_either_mode() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = (street.settle("Ana").await?, street.settle("Rui").await?);
        tokio::time::sleep(Duration::from_secs(10)).await;
        ana.move_in(None).await?;
        rui.move_in(None).await?;
        rui.befriend("ana", ana.office.address()?.name).await?;
        let recorder = street.town.record();
        let tick = tick(&street, &rui, &recorder).await?;
        let both = (&ana, &rui);
        // The box that it comes from is opened with the first, and known to its reader only then.
        cross(both, letter("ana", "Hello."), &recorder, tick).await?;
        let small = cross(both, letter("ana", "x"), &recorder, tick).await?;
        let subject = Some("S".repeat(100));
        let alike = [
            letter("ana", &"long ".repeat(100)),
            NewLetter { mode: Some(Mode::Deniable), ..letter("ana", "y") },
            NewLetter { mode: Some(Mode::Deniable), subject, ..letter("ana", "with a subject") },
            NewLetter { receipt: true, ..letter("ana", "that wants a receipt") },
        ];
        for new in alike {
            let text = new.text.clone();
            let crossed = cross(both, new, &recorder, tick).await?;
            ensure!(crossed == small, "{text}: {crossed:?} and {small:?}");
        }
        let medium = cross(both, letter("ana", &"long ".repeat(1_500)), &recorder, tick).await?;
        for (medium, small) in medium.iter().zip(&small) {
            ensure!(medium != small, "another class: {medium:?}");
        }
        // Files: of two that fit one blob nothing is told apart.
        let mut with_files = Vec::new();
        for (name, bytes) in [("short.txt", 10_usize), ("another-name.jpg", 4_000)] {
            let file = street.folder.join(name);
            std::fs::write(&file, vec![7; bytes])?;
            let attach = vec![file.display().to_string()];
            let new = NewLetter { attach, ..letter("ana", "See what comes with this.") };
            with_files.push(cross(both, new, &recorder, tick).await?);
        }
        ensure!(with_files.first() == with_files.last(), "{with_files:?}");
        ensure!(with_files.first() != Some(&small), "a file is seen");
        Ok(())
    });
}

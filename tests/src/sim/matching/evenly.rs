//! What leaves at even times, before the real broker: letters, receipts and cover, in what it records of each.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pregao::event::LetterStanding;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Body;
use pregao_protocol::wire::frame::FromPeer;

use super::super::recorder::{Connection, Recorder, Who};
use super::super::street::{in_a_street, is_calm};
use super::PER_DAY;
use super::living::{Habits, Neighbour, settle, spend_days};

const HOUR: Duration = Duration::from_secs(60 * 60);
const HABITS: Habits = Habits {
    people: 2,
    days: 2,
    letters: 2,
    answered_within: 1,
    receipts: true,
    hurry: false,
    even: true,
};

/// What a guest handed in.
fn handed_in(connection: &Connection) -> Vec<(Duration, Action)> {
    if connection.who != Some(Who::Guest) {
        return Vec::new();
    }
    let frames = connection.frames.iter();
    let actions = frames.filter_map(|frame| match FromPeer::parse(&frame.bytes) {
        Ok(FromPeer::Submit { action, .. }) => Some((frame.at, Action::parse(&action).ok()?)),
        _ => None,
    });
    actions.collect()
}

/// Sessions in which something was left, each with what was.
fn deposits(recorder: &Recorder) -> Vec<(Duration, Action, Connection)> {
    let sessions = recorder.connections().into_iter();
    let left = sessions.flat_map(|session| {
        let acts = handed_in(&session).into_iter();
        let left = acts.filter(|(_, action)| matches!(action.body(), Body::Deposit(_)));
        left.map(|(at, action)| (at, action, session.clone())).collect::<Vec<_>>()
    });
    left.collect()
}

/// How many letters were taken off.
fn taken(recorder: &Recorder) -> usize {
    let sessions = recorder.connections();
    let acts = sessions.iter().flat_map(handed_in);
    let taken = acts.map(|(_, action)| match action.body() {
        Body::Taken(taken) => taken.letters.len(),
        _ => 0,
    });
    taken.sum()
}

/// How many sessions asked what became of something.
fn asked(recorder: &Recorder) -> usize {
    let sessions = recorder.connections();
    let asks = |session: &&Connection| {
        let mut frames = session.frames.iter();
        frames
            .any(|frame| matches!(FromPeer::parse(&frame.bytes), Ok(FromPeer::AboutDeposit { .. })))
    };
    sessions.iter().filter(asks).count()
}

/// Digests of the envelopes of all letters that were left.
fn envelopes(pair: &[Neighbour]) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for neighbour in pair {
        let status = neighbour.writer.office.status(None)?;
        let known = status.iter().flat_map(|status| &status.known);
        found.extend(known.filter_map(|line| Some(line.strip_prefix("envelope ")?.to_owned())));
    }
    Ok(found)
}

/// What most sessions look like: bytes of each message to the broker.
fn most(left: &[&(Duration, Action, Connection)]) -> Option<Vec<usize>> {
    let mut counted: BTreeMap<&Vec<usize>, u32> = BTreeMap::new();
    for (.., session) in left {
        *counted.entry(&session.up).or_default() += 1;
    }
    counted.into_iter().max_by_key(|(_, count)| *count).map(|(up, _)| up.clone())
}

#[test]
fn letters_receipts_and_cover_leave_alike_at_even_times_and_only_the_reader_knows_which_is_which() {
    in_a_street(PER_DAY, async |street| {
        let mut pair = settle(&street, HABITS).await?;
        let recorder = street.town.record();
        spend_days(&street, HABITS, &mut pair).await?;
        let end = street.town.elapsed();
        let left = deposits(&recorder);
        let mut written = 0;
        for neighbour in &mut pair {
            let shift = neighbour.shift.take().context("they are there")?;
            is_calm(&shift.end().await?)?;
        }
        for (at, neighbour) in pair.iter().enumerate() {
            let letters = neighbour.writer.letters_of(200)?;
            let other = pair.get(1 - at).context("two")?.writer.letters_of(200)?;
            let has_left =
                |standing| !matches!(standing, LetterStanding::Waiting | LetterStanding::Leaving);
            let is_sent = |letter: &&pregao::event::LetterView| {
                letter.folder == pregao::command::Folder::Sent && has_left(letter.standing)
            };
            let sent = other.iter().filter(is_sent).count();
            let came = letters.iter().filter(|l| l.folder == pregao::command::Folder::Received);
            let (came, odd): (Vec<_>, Vec<_>) = came.partition(|letter| letter.mode.is_some());
            ensure!(odd.is_empty(), "cover is shown: {odd:?}");
            // The newest may not be fetched yet.
            ensure!(came.len() <= sent && came.len() + 1 >= sent, "{} of {sent}", came.len());
            written += sent;
        }
        // Two days of sixteen even times each, between six in the morning and midnight.
        ensure!((30..=100).contains(&left.len()), "{} were left", left.len());
        // Before these days each had written one letter; there were receipts for most, and much is cover.
        ensure!(written >= 6 && left.len() > 2 * written, "{written} of {}", left.len());
        // All alike, in bytes and in what is asked and said, but where a session broke off and another pass was shown for
        // the same: that befalls each.
        let of_letters = envelopes(&pair)?;
        let (letters, others): (Vec<_>, Vec<_>) =
            left.iter().partition(|(_, action, _)| match action.body() {
                Body::Deposit(deposit) => of_letters.contains(&deposit.envelope.digest.to_string()),
                _ => false,
            });
        ensure!(letters.len() >= written.saturating_sub(2), "{} of {written}", letters.len());
        let plain = most(&others).context("something")?;
        ensure!(most(&letters).as_ref() == Some(&plain), "{:?} and {plain:?}", most(&letters));
        let mut shapes: BTreeSet<_> = left.iter().map(|(.., session)| session.up.clone()).collect();
        shapes.remove(&plain);
        ensure!(shapes.len() <= 1, "{plain:?} and {shapes:?}");
        let odd = left.iter().filter(|(.., session)| session.up != plain).count();
        ensure!(odd * 4 <= left.len(), "{odd} of {} were begun again", left.len());
        let mut of_box: BTreeMap<_, u32> = BTreeMap::new();
        for (_, action, _) in &left {
            *of_box.entry(action.room()).or_default() += 1;
        }
        ensure!(of_box.len() == 2, "each has a box: {of_box:?}");
        // Each is taken off.
        ensure!(taken(&recorder) + 2 >= left.len(), "{} of {}", taken(&recorder), left.len());
        // About each is asked one to three hours later, whatever it was: programs run once an hour here.
        let old = left.iter().filter(|(at, ..)| *at + 5 * HOUR < end).count();
        ensure!(asked(&recorder) >= old, "{} of {old}", asked(&recorder));
        Ok(())
    });
}

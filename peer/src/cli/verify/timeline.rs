//! What became of a letter in the box of its reader, as a transcript in plain words: when, by whom, and what shows it.

use pregao_protocol::audit::letter::Happened;
use pregao_protocol::audit::verdict::{DepositShown, EventShown, LetterShown, TimelineShown};
use pregao_protocol::value::clock::Time;

use super::letter::of_box;

/// Of a letter that is shown, the word that it was read included.
pub(super) fn of_letter(letter: &LetterShown, lines: &mut Vec<String>) {
    let decided = letter.timeline.as_ref();
    of_end(letter.lapses, decided, lines);
    let Some(timeline) = &letter.timeline else { return };
    let mut story =
        story((letter.time, letter.entry), "the sender's box signed what is in it", timeline);
    if let Some(read) = &letter.read {
        let (entry, at) = (read.entry, read.read);
        let said = format!(
            "entry {entry} of the sender's box: its reader says that it was read at {at}; signed by the reader's box"
        );
        story.push((read.time, said));
        // Two logs: by their stamps, and within one in its order.
        story.sort_by_key(|(time, _)| *time);
    }
    told(&story, timeline, lines);
}

/// Of a letter of which nothing else is shown.
pub(super) fn of_deposit(deposit: &DepositShown, lines: &mut Vec<String>) {
    let DepositShown { to, entry, time, expires, lapses, envelope: _, bytes, timeline } = deposit;
    lines.push(format!("in {}", of_box(to)));
    let expires = expires.map_or_else(String::new, |end| format!(", to be destroyed by {end}"));
    lines.push(format!(
        "deposited as entry {entry} of that box, stamped {time}: it existed by then; {bytes} bytes sealed{expires}"
    ));
    lines.push(
        "WHO WROTE IT AND WHAT IT SAYS IS NOT SHOWN: of a deniable letter that cannot be shown to others"
            .to_owned(),
    );
    of_end(*lapses, Some(timeline), lines);
    told(&story((*time, *entry), "signed by a key of its own", timeline), timeline, lines);
    lines.push(format!("you must know from elsewhere: the reader's box {}", to.name));
}

/// When a registered letter lapses, unless what is shown has decided about it.
fn of_end(lapses: Option<Time>, timeline: Option<&TimelineShown>, lines: &mut Vec<String>) {
    let Some(lapses) = lapses else { return };
    lines.push(if timeline.is_some() {
        format!("registered: its reader could accept or decline it before {lapses}")
    } else {
        format!(
            "registered: its reader could accept or decline it before {lapses}; whether that happened is not shown"
        )
    });
}

fn story((time, entry): (Time, u64), proof: &str, timeline: &TimelineShown) -> Vec<(Time, String)> {
    let first = (time, format!("entry {entry}: left in the box by its sender; {proof}"));
    let happened = timeline.entries.iter().map(|event| {
        let EventShown { entry, what, by: _, time } = event;
        (*time, format!("entry {entry}: {}", in_words(*what)))
    });
    std::iter::once(first).chain(happened).collect()
}

fn told(story: &[(Time, String)], timeline: &TimelineShown, lines: &mut Vec<String>) {
    lines.push("timeline, in UTC, by the stamps:".to_owned());
    lines.extend(story.iter().map(|(time, what)| format!("  {time}  {what}")));
    lines.push(format!(
        "  each entry is in one log with the deposit, under a head of {} entries that the broker signed; what \
         happened besides, or did not, is not shown",
        timeline.size
    ));
}

const fn in_words(what: Happened) -> &'static str {
    match what {
        Happened::Taken => {
            "taken off by the box's owner, and its bytes were to be destroyed; signed by the key of the box, whose \
             owner had seen this letter"
        }
        Happened::Accepted => {
            "accepted by the box's owner: a receipt for it; signed by the key of the box, whose owner had seen this \
             letter"
        }
        Happened::Handed => {
            "handed over by the broker, in the same commit; its half of the letter's key is the one that the deposit \
             commits to"
        }
        Happened::Declined => {
            "declined by the box's owner; signed by the key of the box, whose owner had seen this letter"
        }
        Happened::Lapsed => "lapsed: its reader said nothing in time; signed by the broker",
        Happened::BoxClosed => "the box was closed by its owner; signed by the key of the box",
    }
}

//! Transcripts, receipts and letters that hold, and broken ones, for comparing verifiers with each other.
//!
//! `scenes` are logs that hold, of every kind and at every stage. `lies` are signed by the keys that
//! count, each against one rule. The rest is made from both by `cuts`: bytes changed, lines lost, doubled
//! and exchanged.

mod boxes;
mod citizens;
mod cuts;
mod dutch;
pub(crate) mod forge;
mod letters;
mod lies;
mod paddles;
mod passes;
mod registered;
mod reserve;
mod rules;
mod scenes;
mod sealed;
mod talk;
mod timelines;

use crate::sim::machine::Chance;

/// A file, by the name that says what was done to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Without a folder.
    pub name: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// What is broken apart from other kinds, so that each has as many broken files.
struct Kind {
    name: &'static str,
    /// Logs that hold.
    scenes: &'static [(&'static str, scenes::Scene)],
    lies: &'static [&'static [(&'static str, lies::Make)]],
}

const KINDS: &[Kind] = &[
    Kind { name: "english", scenes: scenes::SCENES, lies: lies::OF_ENGLISH },
    Kind { name: "sealed", scenes: sealed::SCENES, lies: &[sealed::LIES] },
    Kind { name: "rules", scenes: rules::SCENES, lies: &[rules::LIES] },
    Kind { name: "dutch", scenes: dutch::SCENES, lies: &[dutch::LIES] },
    Kind { name: "paddles", scenes: paddles::SCENES, lies: &[paddles::LIES] },
    Kind { name: "reserve", scenes: reserve::SCENES, lies: &[reserve::LIES] },
    Kind { name: "citizens", scenes: citizens::SCENES, lies: &[citizens::LIES] },
    Kind { name: "boxes", scenes: boxes::SCENES, lies: &[boxes::LIES] },
    Kind { name: "registered", scenes: registered::SCENES, lies: &[registered::LIES] },
    Kind { name: "passes", scenes: passes::SCENES, lies: &[passes::LIES] },
    Kind { name: "letters", scenes: &[], lies: &[letters::LIES] },
    Kind { name: "timelines", scenes: &[], lies: &[timelines::LIES] },
];

impl Kind {
    fn lies(&self) -> Vec<(&'static str, lies::Make)> {
        self.lies.iter().copied().flatten().copied().collect()
    }

    /// Every scene as logs with and without a certificate, and the receipt of one of its entries.
    fn good(&self, seed: u64, chance: &Chance) -> Vec<Made> {
        let mut good = Vec::new();
        for (at, (name, scene)) in (0..).zip(self.scenes) {
            let house = scene(seed.wrapping_add(at));
            let certified = house.file();
            let bare = certified.split_once('\n').map_or("", |(_, rest)| rest).to_owned();
            good.push(Made { name: format!("good-{name}.log"), bytes: certified.into_bytes() });
            good.push(Made { name: format!("good-{name}-bare.log"), bytes: bare.into_bytes() });
            let last = house.seen().size.saturating_sub(1);
            let receipt = house.receipt(chance.below(last.saturating_add(1)));
            good.push(Made {
                name: format!("good-{name}.receipt"),
                bytes: receipt.encode().into(),
            });
        }
        good
    }

    /// Each lie at least once, if there is room, then lies and cuts by turns.
    fn broken(&self, (seed, count): (u64, usize), good: &[Made], chance: &Chance) -> Vec<Made> {
        let lies = self.lies();
        let mut made = Vec::new();
        for at in 0..count {
            let lie = lies.get(at).copied().or_else(|| {
                let pick = usize::try_from(chance.below(lies.len() as u64)).unwrap_or_default();
                chance.once_in(5).then(|| lies.get(pick).copied()).flatten()
            });
            let (name, bytes) = match lie {
                Some((name, make)) => {
                    (format!("lie-{name}"), make(seed.wrapping_add(at as u64)).into_bytes())
                }
                None => {
                    let pick = usize::try_from(chance.below(good.len() as u64)).unwrap_or_default();
                    let Some(from) = good.get(pick) else { continue };
                    let (way, bytes) = cuts::cut(&from.bytes, chance);
                    let from = from.name.trim_start_matches("good-").replace('.', "-");
                    (format!("{way}-{from}"), bytes)
                }
            };
            made.push(Made { name: format!("broken-{}-{at:05}-{name}", self.name), bytes });
        }
        made
    }
}

/// Logs whose close witnesses dated, and a receipt.
fn witnessed(seed: u64) -> Vec<Made> {
    let dated = scenes::dated(seed);
    let mut good = Vec::new();
    for (name, by) in [("nobody", &[][..]), ("one", &[2]), ("two", &[3, 1]), ("all", &[1, 2, 3])] {
        let bytes = dated.file_with(&dated.note(by)).into_bytes();
        good.push(Made { name: format!("good-witnessed-by-{name}.log"), bytes });
    }
    let mut receipt = dated.receipt(1);
    receipt.head = dated.note(&[1, 2]);
    good.push(Made { name: "good-witnessed.receipt".to_owned(), bytes: receipt.encode().into() });
    good
}

/// Files that hold, and `count` broken ones of each kind, sorted by name. `given` are files that hold as well; some
/// of the broken ones are made from them. What is called broken may hold for once: a line of nobody may
/// change.
#[must_use]
pub fn files(seed: u64, count: usize, given: &[Made]) -> Vec<Made> {
    files_of(seed, |_| count, given)
}

fn files_of(seed: u64, count: impl Fn(&Kind) -> usize, given: &[Made]) -> Vec<Made> {
    let chance = Chance::of(seed);
    let mut made = Vec::new();
    for kind in KINDS {
        let mut good = kind.good(seed, &chance);
        if kind.name == "english" {
            good.extend(witnessed(seed));
            good.extend_from_slice(given);
        }
        if kind.name == "letters" {
            good.extend(letters::good(seed));
        }
        if kind.name == "timelines" {
            good.extend(timelines::good(seed));
        }
        made.extend(kind.broken((seed, count(kind)), &good, &chance));
        made.append(&mut good);
    }
    made.sort_by(|one, other| one.name.cmp(&other.name));
    made
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use pregao::cli::verify::{Verify, run};
    use pregao::front::exit::Status;
    use pregao_protocol::audit::verdict::{Standing, verdict};
    use pregao_protocol::trust::key::Fingerprint;

    use super::*;

    fn every_lie(seed: u64) -> Vec<Made> {
        files_of(seed, |kind| kind.lies().len(), &[])
    }

    #[test]
    fn what_is_called_good_holds_and_every_lie_is_found_out() {
        let made = every_lie(7);
        let mut rules = BTreeSet::new();
        for Made { name, bytes } in &made {
            let verdict = verdict(bytes);
            let holds = matches!(verdict.verdict, Standing::Valid | Standing::Incomplete);
            // These are as good as without the line, or say what no rule forbids.
            let harmless = name.ends_with("-witness-under-anothers-key")
                || name.ends_with("-refusals-of-nothing");
            let good = name.starts_with("good-") || harmless;
            assert_eq!(holds, good, "{name}: {}", verdict.encode());
            rules.extend(verdict.rule.map(|rule| rule.as_str()));
        }
        assert!(rules.len() > 35, "{rules:?}");
    }

    #[test]
    fn one_seed_gives_the_same_files_and_another_gives_others() {
        let made = files(1, 40, &[]);
        assert_eq!(made, files(1, 40, &[]));
        assert_ne!(made, files(2, 40, &[]));
        let names: BTreeSet<&str> = made.iter().map(|made| made.name.as_str()).collect();
        assert_eq!(names.len(), made.len());
    }

    /// Two histories of one room: the same opening, and other bids.
    fn histories() -> [String; 2] {
        [2_000, 3_000].map(|minor| {
            let mut house = scenes::open(5);
            house.bid(minor);
            house.file()
        })
    }

    fn told(asked: &Verify, broker: Option<Fingerprint>, json: bool) -> (Status, String) {
        let mut said = Vec::new();
        let status = run(asked, broker, json, &mut said).unwrap();
        (status, String::from_utf8(said).unwrap())
    }

    #[test]
    fn what_a_transcript_shows_is_told_in_words() {
        let place = tempfile::tempdir().unwrap();
        for (name, status, words) in [
            (
                "good-sold.log",
                Status::CarriedOut,
                &[
                    "sold: entry 2 won, for 12.50 EUR",
                    "closed by entry 3 at 2027-03-01T12:10:00.000000Z, in time",
                    "entry 2: 12.50 EUR at 2027-03-01T12:00:03.000000Z, at least 11.00 EUR and before the end",
                    "no witnesses are named",
                    "  broker ",
                    "  TSA ",
                    "  CA ",
                ][..],
            ),
            ("good-sold-bare.log", Status::CarriedOut, &["CERTIFICATE IS NOT HERE"]),
            ("good-open.log", Status::Incomplete, &["NOT OVER: bids count until"]),
            ("good-settled-late.log", Status::Incomplete, &["LATE: it was stamped after the end"]),
            ("good-undated.log", Status::Incomplete, &["LATE: no witness saw it", "NOT FINAL"]),
            ("good-simulated.log", Status::Incomplete, &["SIMULATED TIME"]),
            ("good-forfeited.log", Status::Incomplete, &["entry 5 takes away", "FORFEITED since"]),
            ("good-withdrawn.log", Status::CarriedOut, &["not sold: the winner withdrew"]),
            (
                "good-sealed-second-sold.log",
                Status::Incomplete,
                &[
                    "sold: entry 3 won, for 40.00 EUR",
                    "sealed bids: the highest wins, of equal ones the first, and pays the highest that loses",
                    "the broker and 1 of 1 TSAs open them, from 2027-03-01T12:10:11.000000Z on; opened by entry 6",
                    "entry 3: 50.00 EUR",
                ],
            ),
            (
                "good-sealed-voids.log",
                Status::Incomplete,
                &[
                    "entry 5: VOID: the broker's half of its key does not open",
                    "entry 6: VOID: a share of its key does not open",
                    "entry 7: VOID: its key is not the one that it is committed to",
                    "entry 8: VOID: its shares do not all give one key",
                    "entry 9: VOID: its amount does not open",
                    "entry 10: VOID: it is below the least that may be bid",
                    "entry 11: VOID: the broker's half of its key does not open",
                ],
            ),
            (
                "good-rule.log",
                Status::Incomplete,
                &[
                    "the seller's rule refuses bids that it does not answer with true:",
                    "If the bid is not a multiple of step:",
                ],
            ),
            (
                "good-rule-sealed.log",
                Status::Incomplete,
                &[
                    "entry 3: VOID: the seller's rule does not allow it: “too much”",
                    "entry 4: VOID: the seller's rule does not allow it",
                    "entry 6: VOID: it is below the least that may be bid",
                ],
            ),
            (
                "good-sealed-void.log",
                Status::Incomplete,
                &["void: no witness dates", "3 bids are still sealed"],
            ),
            (
                "good-sealed-opened-late.log",
                Status::Incomplete,
                &["LATE: what was sealed was opened too long after it could be"],
            ),
            (
                "good-dutch-sold.log",
                Status::CarriedOut,
                &[
                    "sold: entry 3 won, for 9.00 EUR",
                    "price fell from 10.00 EUR by 1.00 EUR every 5 s, to 4.00 EUR",
                    "entry 2: 8.00 EUR",
                    "3 bids, of which the earliest stamp is first",
                ],
            ),
            (
                "good-unlisted.log",
                Status::CarriedOut,
                &["not sold: the seller took it back before the first bid"],
            ),
            ("good-disclosed.log", Status::CarriedOut, &["private room", "both disclosed"]),
            ("good-absent.log", Status::CarriedOut, &["absent at the deadline"]),
            (
                "good-witnessed-by-two.log",
                Status::CarriedOut,
                &[
                    "final: witnessed by operator-1, operator-3",
                    "witness.example/2, run by operator-2",
                ],
            ),
            ("good-witnessed-by-one.log", Status::Incomplete, &["takes 2 different operators"]),
            (
                "good-letter-sender.letter",
                Status::CarriedOut,
                &[
                    "holds: letter in box ",
                    "deposited as entry 2 of the reader's box, stamped 2027-03-01T12:00:02.000000Z",
                    "evidence: signed by the key of the sender's box",
                    "its reader could open what was deposited, and it was exactly this",
                    "  | \"Come\" and hear it",
                    "no read receipt is here",
                    "it does not prove which person has either box",
                    "you must know from elsewhere: the sender's box ",
                ],
            ),
            (
                "good-letter-read.letter",
                Status::CarriedOut,
                &[
                    "that they open to it is not shown",
                    "read receipt: holds: the reader's box says that this letter was read at 2027-03-01T12:00:02.000000Z",
                    "deposited as entry 2 of the sender's box",
                    "and the broker and TSA of both",
                ],
            ),
            (
                "good-letter-hash.letter",
                Status::CarriedOut,
                &["THE TEXT IS NOT SHOWN: its sender wrote something with the hash "],
            ),
            (
                "good-letter-files.letter",
                Status::CarriedOut,
                &[
                    "attached \"clock 7.jpg\" (image/jpeg, 12345 bytes)",
                    ", deposited with it",
                    ", NOT DEPOSITED WITH IT",
                ],
            ),
            (
                "good-letter-receipt.letter",
                Status::CarriedOut,
                &["by its author, another letter was read at 2027-03-01T12:00:02.000000Z"],
            ),
            (
                "good-timeline-handed.letter",
                Status::CarriedOut,
                &[
                    "registered: its reader could accept or decline it before 2027-03-16T12:00:02.000000Z",
                    "  opened with the half that the broker handed over:",
                    "attached \"clock 8.jpg\" (image/jpeg, 12345 bytes)",
                    "  | \"Come\" and hear it",
                    "timeline, in UTC, by the stamps:",
                    "  2027-03-01T12:00:02.000000Z  entry 2: left in the box by its sender; the sender's box signed",
                    "  2027-03-01T12:00:05.000000Z  entry 3: accepted by the box's owner: a receipt for it",
                    "  2027-03-01T12:00:05.000000Z  entry 4: handed over by the broker, in the same commit",
                    "  2027-03-01T12:00:09.000000Z  entry 5: taken off by the box's owner",
                    "under a head of 6 entries that the broker signed",
                ],
            ),
            (
                "good-timeline-junk.letter",
                Status::CarriedOut,
                &["NOTHING CAN BE READ: with the right half what its sender sealed does not open"],
            ),
            (
                "good-timeline-uncommitted.letter",
                Status::CarriedOut,
                &["NOTHING CAN BE READ: its deposit does not commit to the key of this letter"],
            ),
            (
                "good-timeline-left.letter",
                Status::CarriedOut,
                &[
                    "whether that happened is not shown",
                    "no half of its key that was handed over is shown",
                ],
            ),
            (
                "good-timeline-lapsed.letter",
                Status::CarriedOut,
                &["entry 3: lapsed: its reader said nothing in time; signed by the broker"],
            ),
            (
                "good-timeline-read.letter",
                Status::CarriedOut,
                &[
                    "entry 3: taken off by the box's owner",
                    "entry 2 of the sender's box: its reader says that it was read at",
                ],
            ),
            (
                "good-timeline-alone.deposit",
                Status::CarriedOut,
                &[
                    "holds: what became of a letter in box ",
                    "WHO WROTE IT AND WHAT IT SAYS IS NOT SHOWN: of a deniable letter that cannot be shown to others",
                    "left in the box by its sender; signed by a key of its own",
                    "entry 4: handed over by the broker",
                    "you must know from elsewhere: the reader's box ",
                ],
            ),
            (
                "good-sold.receipt",
                Status::CarriedOut,
                &["holds: receipt of entry", "the broker logged it"],
            ),
        ] {
            let made = files(1, 0, &[]).into_iter().find(|made| made.name == name).unwrap();
            let path = place.path().join(name);
            std::fs::write(&path, &made.bytes).unwrap();
            let asked = Verify {
                files: vec![path],
                room: None,
                tsa: Vec::new(),
                witness: Vec::new(),
                evidence: None,
            };
            let (ended, said) = told(&asked, None, false);
            assert_eq!(ended, status, "{said}");
            for word in words {
                assert!(said.contains(word), "{name}: {word}: {said}");
            }
            let (again, line) = told(&asked, None, true);
            // Of a receipt alone, whose keys they are is shown by nothing.
            let expected =
                pregao_protocol::audit::verdict::examine(&made.bytes).beside(&[]).verdict.encode();
            assert_eq!((again, line), (status, expected + "\n"));
            let (other, said) = told(&asked, Some(Fingerprint([1; 32])), false);
            assert_eq!(other, Status::Refused);
            assert!(said.contains("DOES NOT HOLD: it is of broker"), "{said}");
        }
    }

    #[test]
    fn two_histories_are_a_fork_whose_evidence_is_written_where_asked() {
        let place = tempfile::tempdir().unwrap();
        let paths: Vec<_> = histories()
            .into_iter()
            .zip(["one.log", "two.log"])
            .map(|(text, name)| {
                let path = place.path().join(name);
                std::fs::write(&path, text).unwrap();
                path
            })
            .collect();
        let evidence = Some(place.path().join("fork.json"));
        let asked = Verify {
            files: paths.clone(),
            room: None,
            tsa: Vec::new(),
            witness: Vec::new(),
            evidence,
        };
        let (status, said) = told(&asked, None, false);
        assert_eq!(status, Status::Refused);
        assert!(said.contains("two.log: CONTRADICTS"), "{said}");
        assert!(said.contains("the evidence is in"), "{said}");
        let shown = Verify {
            files: asked.evidence.iter().cloned().collect(),
            evidence: None,
            ..asked.clone()
        };
        let (status, said) = told(&shown, None, false);
        assert_eq!(status, Status::CarriedOut, "{said}");
        assert!(said.contains("signed two different logs of 4 entries"), "{said}");
        // What is there is not written over.
        let (_, said) = told(&asked, None, false);
        assert!(said.contains("COULD NOT BE WRITTEN"), "{said}");
        let asked = Verify { evidence: None, ..asked };
        let (_, lines) = told(&asked, None, true);
        let last = lines.lines().last().unwrap();
        assert!(last.starts_with(r#"{"findings":[{"kind":"fork","files":["#), "{lines}");
        assert_eq!(lines.lines().count(), 3);
    }

    #[test]
    fn a_log_that_its_broker_signed_against_the_rules_is_shown_to_be_evidence() {
        let place = tempfile::tempdir().unwrap();
        let made = every_lie(1);
        let lie = made.iter().find(|made| made.name.ends_with("-lie-another-winner")).unwrap();
        let path = place.path().join("lie.log");
        std::fs::write(&path, &lie.bytes).unwrap();
        let evidence = Some(place.path().join("proof.json"));
        let asked = Verify {
            files: vec![path],
            room: None,
            tsa: Vec::new(),
            witness: Vec::new(),
            evidence,
        };
        let (status, said) = told(&asked, None, false);
        assert_eq!(status, Status::Refused);
        for word in
            ["(rule settled.wrong at entry 4)", "ITS BROKER SIGNED THIS", "the evidence is in"]
        {
            assert!(said.contains(word), "{word}: {said}");
        }
        let files = asked.evidence.iter().cloned().collect();
        let (status, said) = told(&Verify { files, evidence: None, ..asked }, None, false);
        assert_eq!(status, Status::CarriedOut);
        assert!(
            said.contains("signed a log that breaks the rules: entry 4: the winner named is not the one the log gives"),
            "{said}"
        );
    }
}

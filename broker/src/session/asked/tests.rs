use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::wire::puzzle::Purpose;

use super::*;

fn puzzle(solution: &Solution) -> Puzzle {
    Puzzle {
        broker: Fingerprint([1; 32]),
        purpose: Purpose::Submission,
        binding: Digest([2; 32]),
        room: RoomName([3; 32]),
        digest: Digest([4; 32]),
        header: solution.header,
    }
}

fn effort(bits: u64) -> Effort {
    Effort::new(bits).unwrap()
}

/// Solves exactly: with one bit more it would not do.
fn solved(bits: u32) -> Solution {
    let header = Digest([5; 32]);
    let of = |counter| Solution { header, counter };
    let zeros = |counter: &u64| {
        let work = puzzle(&of(*counter)).work(*counter);
        u128::from_be_bytes(work.0[..16].try_into().unwrap()).leading_zeros() == bits
    };
    of((0..1 << 24).find(zeros).unwrap())
}

const START: Duration = Duration::from_secs(100);

#[test]
fn nothing_is_asked_for_until_it_is_announced() {
    let mut asked = Asked::default();
    assert!(asked.admits(None, |_| None, START));
    assert!(!asked.announces(Effort::NONE, START));
    assert!(asked.announces(effort(10), START));
    assert!(!asked.announces(effort(10), START));
    assert!(!asked.admits(None, |solution| Some(puzzle(solution)), START));
}

#[test]
fn v194_what_is_too_weak_or_names_no_header_is_not_looked_at() {
    let mut asked = Asked::default();
    asked.announces(effort(10), START);
    let mut admits = |solution: Solution, known: bool| {
        asked.admits(Some(solution), |solution| known.then(|| puzzle(solution)), START)
    };
    assert!(!admits(solved(9), true));
    assert!(!admits(solved(10), false));
    assert!(admits(solved(10), true));
    assert!(admits(solved(11), true));
}

#[test]
fn v193_a_solution_counts_once_and_is_remembered_for_as_long_as_its_header_may_be_named() {
    let mut asked = Asked::default();
    asked.announces(effort(8), START);
    let mut admits =
        |at: Duration| asked.admits(Some(solved(8)), |solution| Some(puzzle(solution)), at);
    assert!(admits(START));
    for after in [0, 1, 29, 30, 31, 59, 60] {
        assert!(!admits(START + Duration::from_secs(after)), "{after}");
    }
    assert!(admits(START + Duration::from_secs(61)));
    assert_eq!((asked.spent.len(), asked.by_age.len()), (1, 1));
}

#[test]
fn v194_what_was_announced_before_counts_for_two_seconds_and_no_longer() {
    let mut asked = Asked::default();
    asked.announces(effort(8), START);
    asked.announces(effort(12), START);
    let known = |solution: &Solution| Some(puzzle(solution));
    let leeway = START + Duration::from_secs(2);
    assert!(asked.admits(Some(solved(8)), known, leeway));
    assert!(!asked.admits(Some(solved(9)), known, leeway + Duration::from_nanos(1)));
    assert!(asked.admits(Some(solved(12)), known, leeway + Duration::from_nanos(1)));
    // Where nothing was asked for before, nothing was solved that could be on its way.
    let mut asked = Asked::default();
    asked.announces(effort(8), START);
    assert!(!asked.admits(None, known, START));
}

#[test]
fn v197_only_what_comes_unsolved_again_and_again_is_taken_for_meant() {
    let mut asked = Asked::default();
    asked.announces(effort(8), START);
    let known = |solution: &Solution| Some(puzzle(solution));
    for _ in 1..MAX_UNSOLVED {
        assert!(!asked.admits(None, known, START));
        assert!(!asked.is_ignored());
    }
    assert!(asked.admits(Some(solved(8)), known, START));
    for _ in 1..MAX_UNSOLVED {
        assert!(!asked.admits(None, known, START));
    }
    assert!(!asked.is_ignored());
    assert!(!asked.admits(None, known, START));
    assert!(asked.is_ignored());
}

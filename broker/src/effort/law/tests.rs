use proptest::prelude::*;

use super::*;

const LAW: Law = Law { allowed: 8.0, burst: 200.0 };
const STEP_MS: u64 = 50;

fn at(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Fills a meter at a steady rate of units a second for some seconds, and gives the efforts at each step.
fn steady(units: f64, seconds: u64) -> Vec<u8> {
    let mut meter = Meter::empty(Duration::ZERO);
    let (mut owed, mut efforts) = (0.0, Vec::new());
    for step in 0..seconds * 1_000 / STEP_MS {
        let now = at(step * STEP_MS);
        owed += units * 0.05;
        while owed >= 1.0 {
            meter.fill(LAW, 1, now);
            owed -= 1.0;
        }
        efforts.push(meter.effort(LAW, Effort::MAX, now).bits());
    }
    efforts
}

#[test]
fn nothing_is_asked_below_the_burst_and_the_least_at_it() {
    let mut meter = Meter::empty(Duration::ZERO);
    meter.fill(LAW, 199, Duration::ZERO);
    assert_eq!(meter.effort(LAW, Effort::MAX, Duration::ZERO), Effort::NONE);
    meter.fill(LAW, 1, Duration::ZERO);
    assert_eq!(meter.effort(LAW, Effort::MAX, Duration::ZERO).bits(), 10);
    // Two bits for each doubling, up to the most.
    meter.fill(LAW, 200, Duration::ZERO);
    assert_eq!(meter.effort(LAW, Effort::MAX, Duration::ZERO).bits(), 12);
    meter.fill(LAW, 1_000_000, Duration::ZERO);
    assert_eq!(meter.effort(LAW, Effort::MAX, Duration::ZERO), Effort::MAX);
}

#[test]
fn what_a_session_may_send_of_accepted_actions_is_never_asked_for_work() {
    // 25 actions a second: at 50 frames a second, each is stamped and handed in.
    assert!(steady(25.0, 600).iter().all(|bits| *bits == 0));
    assert!(steady(32.0, 600).iter().any(|bits| *bits > 0));
}

#[test]
fn people_are_never_asked_for_work() {
    // A bid each two seconds, every second one of them too low.
    assert!(steady(0.5 * (1.0 + 0.5 * 4.0), 3_600).iter().all(|bits| *bits == 0));
}

#[test]
fn after_any_flood_nothing_is_asked_within_a_minute() {
    let mut meter = Meter::empty(Duration::ZERO);
    for _ in 0..10_000 {
        meter.fill(LAW, 1_000, Duration::ZERO);
    }
    assert_eq!(meter.effort(LAW, Effort::MAX, at(0)), Effort::MAX);
    let mut last = Effort::MAX;
    for ms in (0..60_000).step_by(100) {
        let effort = meter.effort(LAW, Effort::MAX, at(ms));
        assert!(effort <= last, "it only falls");
        last = effort;
    }
    assert_eq!(last, Effort::NONE);
}

#[test]
fn a_clock_that_goes_back_changes_nothing() {
    let mut meter = Meter::empty(at(10_000));
    meter.fill(LAW, 400, at(10_000));
    let before = meter.effort(LAW, Effort::MAX, at(10_000));
    assert_eq!(meter.effort(LAW, Effort::MAX, at(5_000)), before);
    assert_eq!(meter.effort(LAW, Effort::MAX, at(10_000)), before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Attackers who hash so fast, each submission as costly as that, hear of a new effort up to a second late. What is asked
    /// of them settles: after a while it stays within three bits of one place, and turns seldom.
    #[test]
    fn under_a_steady_flood_it_settles(
        hashes in 20_u32..34,
        units in 1_u32..40,
        late in 0_u64..=20,
        rate in 100.0_f64..4_000.0,
    ) {
        let mut meter = Meter::empty(Duration::ZERO);
        let power = f64::from(hashes).exp2() / 1_000.0;
        let mut heard = std::collections::VecDeque::new();
        let (mut owed, mut efforts) = (0.0, Vec::new());
        for step in 0..240_000 / STEP_MS {
            let now = at(step * STEP_MS);
            let asked = meter.effort(LAW, Effort::MAX, now);
            efforts.push(asked.bits());
            heard.push_back(asked);
            let known = if heard.len() as u64 > late { heard.pop_front().unwrap() } else { Effort::NONE };
            let solves = if known.is_none() { rate } else { (power / known.hashes() as f64).min(rate) };
            owed += solves * 0.05;
            while owed >= 1.0 {
                meter.fill(LAW, units, now);
                owed -= 1.0;
            }
        }
        let settled = &efforts[efforts.len() / 2..];
        let (least, most) = (settled.iter().min().unwrap(), settled.iter().max().unwrap());
        // Where the least effort is more than enough, it is asked for now and then.
        prop_assert!(most - least <= 3 || *least == 0, "{least} to {most}");
        let turns = settled.windows(2).filter(|two| two[0] != two[1]).count();
        prop_assert!(turns <= 120, "{turns} changes in two minutes");
    }

    /// More load never means less effort.
    #[test]
    fn whoever_costs_more_is_asked_for_as_much_or_more(
        costs in proptest::collection::vec((0_u64..2_000, 0_u32..200), 1..60),
        more in 1_u32..500,
    ) {
        let (mut one, mut other) = (Meter::empty(Duration::ZERO), Meter::empty(Duration::ZERO));
        other.fill(LAW, more, Duration::ZERO);
        let mut now = Duration::ZERO;
        for (pause, units) in costs {
            now += at(pause);
            one.fill(LAW, units, now);
            other.fill(LAW, units, now);
            let (less, asked) =
                (one.effort(LAW, Effort::MAX, now), other.effort(LAW, Effort::MAX, now));
            prop_assert!(asked >= less || asked.bits() + 1 >= less.bits(), "{asked:?} {less:?}");
        }
    }
}

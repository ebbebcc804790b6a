use std::net::{IpAddr, Ipv4Addr};

use super::*;

#[derive(Debug, Default)]
struct Hand(Mutex<Duration>);

impl Clock for Hand {
    fn uptime(&self) -> Duration {
        *self.0.lock()
    }

    fn wall(&self) -> Time {
        Time::default()
    }
}

const HERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
const THERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2)));

fn efforts() -> (Arc<Hand>, Arc<Efforts>) {
    let clock = Arc::new(Hand::default());
    let efforts = Efforts::new(clock.clone(), Effort::MAX, Arc::default());
    (clock, efforts)
}

fn persona(byte: u8) -> Fingerprint {
    Fingerprint([byte; 32])
}

#[test]
fn a_new_session_of_a_persona_or_from_an_address_that_costs_much_is_asked_at_once() {
    let (_, efforts) = efforts();
    let first = efforts.account(persona(1), HERE);
    for _ in 0..200 {
        first.charge(Cost::Broken);
    }
    let asked = first.effort();
    assert!(asked.bits() > 16, "{asked:?}");
    // Another session of the persona, wherever it is; another persona at the address; somebody else.
    assert!(!efforts.account(persona(1), THERE).effort().is_none());
    assert!(!efforts.account(persona(2), HERE).effort().is_none());
    assert_eq!(efforts.account(persona(2), THERE).effort(), Effort::NONE);
    assert!(efforts.account(persona(2), HERE).effort() < asked);
}

#[test]
fn loopback_is_no_address() {
    let (_, efforts) = efforts();
    for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.1"] {
        let address = loopback.parse().ok();
        let account = efforts.account(persona(1), address);
        for _ in 0..100 {
            account.charge(Cost::Broken);
        }
        assert_eq!(efforts.account(persona(2), address).effort(), Effort::NONE, "{loopback}");
        for _ in 0..10 {
            efforts.handshake_failed(address, true);
        }
        assert_eq!(efforts.begin_handshake(address), Effort::NONE, "{loopback}");
    }
}

#[test]
fn many_who_cost_little_each_raise_it_for_all() {
    let (_, efforts) = efforts();
    for byte in 0..100 {
        let account = efforts.account(persona(byte), None);
        for _ in 0..10 {
            account.charge(Cost::Broken);
        }
    }
    assert!(!efforts.account(persona(200), None).effort().is_none());
}

#[test]
fn misbehaviour_weighs_more_than_a_refusal_and_that_more_than_a_bid() {
    let (_, efforts) = efforts();
    let until_asked = |byte, cost: Cost| {
        let account = efforts.account(persona(byte), None);
        (1..10_000).find(|_| {
            account.charge(cost);
            !account.effort().is_none()
        })
    };
    assert_eq!(until_asked(1, Cost::Checked), Some(200));
    assert_eq!(until_asked(2, Cost::Refused), Some(50));
    assert_eq!(until_asked(3, Cost::Broken), Some(13));
    assert_eq!(until_asked(4, Cost::Unsolved), Some(200));
}

#[test]
fn a_broker_that_is_told_to_asks_for_less_or_for_nothing() {
    for most in [Effort::NONE, Effort::new(12).unwrap()] {
        let efforts = Efforts::new(Arc::new(Hand::default()), most, Arc::default());
        let account = efforts.account(persona(1), HERE);
        for _ in 0..1_000 {
            account.charge(Cost::Broken);
            efforts.handshake_failed(HERE, true);
        }
        assert_eq!((account.effort(), efforts.begin_handshake(HERE)), (most, most));
    }
}

#[test]
fn handshakes_that_fail_are_asked_for_work_and_it_is_over_within_a_minute() {
    let (clock, efforts) = efforts();
    let mut begun = 0;
    while efforts.begin_handshake(HERE).is_none() {
        efforts.handshake_failed(HERE, true);
        begun += 1;
    }
    assert!((6..12).contains(&begun), "{begun}");
    assert_eq!(efforts.begin_handshake(THERE), Effort::NONE);
    for _ in 0..100_000 {
        efforts.handshake_failed(HERE, true);
    }
    assert_eq!(efforts.begin_handshake(HERE), Effort::MAX);
    assert_eq!(efforts.begin_handshake(THERE), Effort::MAX, "all together");
    *clock.0.lock() = Duration::from_secs(60);
    assert_eq!(efforts.begin_handshake(HERE), Effort::NONE);
    assert_eq!(efforts.begin_handshake(THERE), Effort::NONE);
}

#[test]
fn what_costs_the_broker_nothing_raises_the_effort_of_nobody_else() {
    let (_, efforts) = efforts();
    let account = efforts.account(persona(1), HERE);
    for _ in 0..100_000 {
        let _ = efforts.begin_handshake(HERE);
        efforts.handshake_failed(HERE, false);
        account.charge(Cost::Unsolved);
    }
    assert_eq!((efforts.begin_handshake(HERE), account.effort()), (Effort::MAX, Effort::MAX));
    assert_eq!(efforts.begin_handshake(THERE), Effort::NONE);
    // Nor of another session of the same persona at the same place.
    assert_eq!(efforts.account(persona(1), HERE).effort(), Effort::NONE);
}

#[test]
fn the_addresses_of_one_network_count_as_one() {
    let (_, efforts) = efforts();
    let at = |text: &str| Some(text.parse().unwrap());
    for n in 0..100 {
        efforts.handshake_failed(at(&format!("2001:db8:0:1::{n}")), false);
    }
    assert!(!efforts.begin_handshake(at("2001:db8:0:1:ffff:ffff:ffff:ffff")).is_none());
    assert!(efforts.begin_handshake(at("2001:db8:0:2::1")).is_none());
}

#[test]
fn whoever_cost_something_long_ago_takes_no_memory() {
    let (clock, efforts) = efforts();
    for round in 0_u32..20 {
        *clock.0.lock() = Duration::from_secs(u64::from(round) * 120);
        for n in 0..1_000_u32 {
            let mut fingerprint = [0; 32];
            fingerprint[..4].copy_from_slice(&(round * 1_000 + n).to_be_bytes());
            let account = efforts.account(Fingerprint(fingerprint), None);
            account.charge(Cost::Refused);
            let _ = account.may_keep_refusal();
        }
    }
    assert!(efforts.personas.lock().by.len() <= 2 * MANY);
    assert!(efforts.refusals.lock().len() <= 2 * MANY);
}

#[test]
fn v191_a_header_may_be_named_for_thirty_seconds_after_its_time() {
    let (_, efforts) = efforts();
    let header = |second: u64| {
        (Digest::of(&second.to_be_bytes()), Time::default().plus(Duration::from_secs(second)))
    };
    for second in 1..=100 {
        let (hash, time) = header(second);
        efforts.note_header(hash, time);
    }
    let now = Time::default().plus(Duration::from_secs(100));
    let knows = |second: u64| efforts.knows_header(&header(second).0, now);
    assert!(knows(100) && knows(70));
    assert!(!knows(69) && !knows(101));
    let later = now.plus(Duration::from_micros(1));
    assert!(!efforts.knows_header(&header(70).0, later));
}

#[test]
fn v196_of_one_persona_so_many_refusals_are_kept_and_one_more_a_minute() {
    let (clock, efforts) = efforts();
    let (account, other) = (efforts.account(persona(1), HERE), efforts.account(persona(2), HERE));
    let kept = |account: &Account| (0..2_000).filter(|_| account.may_keep_refusal()).count();
    assert_eq!(kept(&account), 500);
    assert_eq!(kept(&efforts.account(persona(1), THERE)), 0, "another session changes nothing");
    assert_eq!(kept(&other), 500);
    *clock.0.lock() = Duration::from_millis(59_999);
    assert_eq!(kept(&account), 0);
    *clock.0.lock() = Duration::from_secs(60);
    assert_eq!(kept(&account), 1);
    *clock.0.lock() = Duration::from_secs(60 + 185);
    assert_eq!(kept(&account), 3);
    // What passed of the fourth minute is not lost.
    *clock.0.lock() = Duration::from_secs(60 + 240);
    assert_eq!(kept(&account), 1);
    *clock.0.lock() = Duration::from_secs(1_000_000);
    assert_eq!(kept(&account), 500);
}

#[test]
fn v196_of_the_owner_of_one_box_few_are_kept_and_one_more_an_hour() {
    let (clock, efforts) = efforts();
    let (one, other) = (RoomName([1; 32]), RoomName([2; 32]));
    let kept = |room| (0..100).filter(|_| efforts.may_keep_refusal_of(room)).count();
    assert_eq!((kept(one), kept(one), kept(other)), (16, 0, 16));
    *clock.0.lock() = Duration::from_millis(3_599_999);
    assert_eq!(kept(one), 0);
    *clock.0.lock() = Duration::from_secs(3_600);
    assert_eq!((kept(one), kept(one)), (1, 0));
    let guest = efforts.account_of_guest([9; 32], HERE);
    assert!(!guest.may_keep_refusal(), "each session would have a quota of its own");
}

#[test]
fn a_flood_of_headers_takes_no_memory_and_leaves_the_newest() {
    let (_, efforts) = efforts();
    let at = Time::default().plus(Duration::from_secs(100));
    let header = |n: u64| Digest::of(&n.to_be_bytes());
    for n in 0..64 {
        efforts.note_header(header(n), at);
    }
    assert!(efforts.knows_header(&header(0), at));
    efforts.note_header(header(64), at);
    assert!(!efforts.knows_header(&header(0), at) && efforts.knows_header(&header(1), at));
}

/// How many units are free: one more is asked for.
fn free(law: Law) -> u32 {
    let mut meter = Meter::empty(Duration::ZERO);
    let asked = (1..100_000).find(|_| {
        meter.fill(law, 1, Duration::ZERO);
        !meter.effort(law, Effort::MAX, Duration::ZERO).is_none()
    });
    asked.unwrap()
}

#[test]
fn a_persona_has_little_for_nothing_an_address_more_and_all_together_most() {
    let charges = |charge: &dyn Fn(u32, &Arc<Efforts>)| {
        let (_, efforts) = efforts();
        let asked = (1..10_000).find(|n| {
            charge(*n, &efforts);
            !efforts.account(persona(250), HERE).effort().is_none()
        });
        asked.map(|times| times * Cost::Broken.units())
    };
    let account = |efforts: &Arc<Efforts>, n: u32, address| {
        let mut fingerprint = [1; 32];
        fingerprint[..4].copy_from_slice(&n.to_be_bytes());
        efforts.account(Fingerprint(fingerprint), address).charge(Cost::Broken);
    };
    let by_persona = charges(&|_, efforts| {
        efforts.account(persona(250), THERE).charge(Cost::Broken);
    });
    let by_address = charges(&|n, efforts| account(efforts, n, HERE));
    let by_all = charges(&|n, efforts| account(efforts, n, None));
    let up = |law| Some(free(law).next_multiple_of(Cost::Broken.units()));
    assert_eq!((by_persona, by_address, by_all), (up(PERSONA), up(ADDRESS), up(OVERALL)));
    assert!(by_persona < by_address && by_address < by_all);
}

#[test]
fn v198_a_guests_session_is_asked_for_work_from_its_first_frame_and_pays_for_itself_alone() {
    let (_, efforts) = efforts();
    let guest = efforts.account_of_guest([9; 32], None);
    assert_eq!(guest.effort(), Effort::NONE.of_guests());
    (0..100).for_each(|_| guest.charge(Cost::Unsolved));
    assert_eq!(efforts.account_of_guest([8; 32], None).effort(), Effort::NONE.of_guests());
    assert_eq!(efforts.account(persona(1), None).effort(), Effort::NONE);
}

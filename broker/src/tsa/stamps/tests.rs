//! What of a TSA is believed; when it is down, and when it is called again.

use pregao_protocol::audit::evidence::CARRIED;
use pregao_protocol::log::stamp::BatchHeader;
use pregao_protocol::value::label::MAX_DIGESTS;
use pregao_protocol::wire::tsa::stream::StreamFrame;
use tokio::time::Instant;

use super::pool::COVER;
use super::*;
use crate::fixture::{Line, Machine, Tsa, secs};

/// A connection to a TSA, and nothing else of a broker.
struct Pool {
    machine: Arc<Machine>,
    tsa: Arc<Tsa>,
    stamps: StampClient,
    metrics: Arc<Metrics>,
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

impl Pool {
    fn start(tsa: &Arc<Tsa>) -> Self {
        let (tsa, machine, metrics) = (Arc::clone(tsa), Machine::start(1), Arc::default());
        let network = Arc::new(Line(Arc::clone(&tsa)));
        let source = StampSource { url: tsa.address().stream(), roots: Roots::default(), network };
        let keys = vec![tsa.stamp.public()];
        let stamps = StampClient::start(source, keys, Arc::clone(&metrics), &machine.host());
        Self { machine, tsa, stamps, metrics }
    }

    /// Connected, and from then on told the time by the test alone.
    async fn told_by_hand() -> Self {
        let pool = Self::start(&Tsa::new(100));
        pool.stamps.watch().wait_for(Option::is_some).await.unwrap();
        pool.tsa.conduct(|conduct| conduct.ticks = false);
        pool
    }

    /// Has a header heard, before any time passes.
    async fn hear(&self, batch: String) {
        let tells = Instant::now();
        self.tsa.tell(batch);
        self.settle().await;
        assert_eq!(tells.elapsed(), Duration::ZERO);
    }

    /// Lets everything run that can run now.
    async fn settle(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    async fn tell(&self) {
        self.hear(self.tsa.batch(&[]).0).await;
    }

    fn untrue(&self) -> u64 {
        self.metrics.tsa_untrue.value()
    }
}

fn digest(number: u8) -> Digest {
    Digest([number; 32])
}

#[tokio::test(start_paused = true)]
async fn a_stamp_covers_its_digest_and_one_request_is_one_batch() {
    let pool = Pool::told_by_hand().await;
    let digests: Vec<Digest> = (0..40).map(digest).collect();
    let other = pool.stamps.start_request(vec![digest(99)]);
    let granted = pool.stamps.request(digests.clone()).await.unwrap();
    assert_eq!(granted.stamps.len(), 40);
    for (place, digest) in granted.stamps.iter().zip(&digests) {
        let stamp = place.clone().under(granted.batch.hash());
        stamp.covers(digest, &granted.batch).unwrap();
    }
    let other = other.granted().await.unwrap();
    let stamp = other.stamps[0].clone().under(other.batch.hash());
    stamp.covers(&digest(99), &other.batch).unwrap();
    assert_eq!(other.batch, granted.batch, "what is asked within a millisecond is pooled");
    let asked = pool.tsa.asked();
    assert_eq!((asked.len(), asked[0].digests.len()), (1, 41));
    // The answer tells the time as a header does.
    assert_eq!(pool.stamps.last().unwrap().batch, granted.batch);
}

#[tokio::test(start_paused = true)]
async fn requests_that_fit_no_message_together_go_out_in_several_and_none_is_split() {
    let pool = Pool::told_by_hand().await;
    let many = |number: u8, count: usize| pool.stamps.start_request(vec![digest(number); count]);
    let asked = [many(1, MAX_DIGESTS - 1), many(2, 1), many(3, 1)];
    for one in asked {
        one.granted().await.unwrap();
    }
    let sizes: Vec<usize> = pool.tsa.asked().iter().map(|request| request.digests.len()).collect();
    assert_eq!(sizes, [MAX_DIGESTS, COVER], "full to the last digest, then another");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_comes_after_two_seconds_is_given_to_nobody() {
    let pool = Pool::start(&Tsa::new(100));
    pool.stamps.watch().wait_for(Option::is_some).await.unwrap();
    // A millisecond goes by in the pool.
    for (delay, answered) in [(1_990, true), (2_010, false), (1_990, true)] {
        pool.tsa.conduct(|conduct| conduct.delay = millis(delay));
        let begun = Instant::now();
        let granted = pool.stamps.request(vec![digest(1)]).await;
        assert_eq!(granted.is_ok(), answered, "{delay}");
        assert!(begun.elapsed() <= ANSWER_WITHIN);
        tokio::time::sleep(secs(1)).await;
    }
    assert_eq!((pool.tsa.dialled().len(), pool.untrue()), (1, 0), "late is not untrue");
}

#[tokio::test(start_paused = true)]
async fn too_few_stamps_are_no_answer_and_end_the_connection() {
    let pool = Pool::start(&Tsa::new(100));
    pool.stamps.watch().wait_for(Option::is_some).await.unwrap();
    // All digests of a full message are somebody's: one is missing whichever it is.
    let digests = vec![digest(1); COVER];
    pool.tsa.conduct(|conduct| conduct.missing = 1);
    assert_eq!(pool.stamps.request(digests.clone()).await.unwrap_err(), StampsDown);
    assert_eq!((pool.untrue(), pool.metrics.tsa_connected.value()), (1, 0));
    pool.tsa.conduct(|conduct| conduct.missing = 0);
    tokio::time::sleep(secs(1)).await;
    assert_eq!(pool.stamps.request(digests).await.unwrap().stamps.len(), COVER);
    assert_eq!(pool.tsa.dialled().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_the_tsa_refuses_fails_and_the_next_does_not() {
    let pool = Pool::told_by_hand().await;
    pool.tsa.conduct(|conduct| conduct.answers = false);
    let asked = pool.stamps.start_request(vec![digest(1)]);
    tokio::time::sleep(millis(5)).await;
    let id = Some(pool.tsa.asked()[0].id);
    let (code, message) = ("too-many".to_owned(), String::new());
    pool.tsa.say(StreamFrame::Refused { id, code, message }.encode());
    let begun = Instant::now();
    assert_eq!(asked.granted().await.unwrap_err(), StampsDown);
    assert_eq!(begun.elapsed(), Duration::ZERO);
    pool.tsa.conduct(|conduct| conduct.answers = true);
    assert!(pool.stamps.request(vec![digest(1)]).await.is_ok());
    assert_eq!(pool.untrue(), 0);
}

/// How a header that contradicts the newest is made of it.
type Forge = fn(&mut BatchHeader);

#[tokio::test(start_paused = true)]
async fn a_tsa_that_contradicts_itself_is_dropped_and_counted() {
    let forgeries: [(&str, Forge); 4] = [
        ("two of one number", |header| header.size = 1),
        ("one of one number, later", |header| header.time = header.time.plus(secs(1))),
        ("a greater number, and earlier by a microsecond", |header| {
            header.batch += 1;
            header.time = header.time.minus(Duration::from_micros(1));
            header.prev_time = header.time;
        }),
        ("a lesser number, and later by a microsecond", |header| {
            header.batch -= 1;
            header.time = header.time.plus(Duration::from_micros(1));
        }),
    ];
    for (what, forge) in forgeries {
        let pool = Pool::told_by_hand().await;
        // So that a lesser number is not the first, which nothing precedes.
        pool.tell().await;
        pool.tell().await;
        let before = pool.stamps.last().unwrap().batch;
        let mut header = pool.tsa.last();
        forge(&mut header);
        pool.hear(header.sign(&pool.tsa.stamp)).await;
        assert_eq!((pool.untrue(), pool.metrics.tsa_connected.value()), (1, 0), "{what}");
        assert_eq!(pool.stamps.last().unwrap().batch, before, "{what}: nobody heard it");
        tokio::time::sleep(millis(60)).await;
        assert_eq!(pool.tsa.dialled().len(), 2, "{what}: and it is called again");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_be_true_is_no_contradiction() {
    let pool = Pool::told_by_hand().await;
    pool.tell().await;
    let first = pool.tsa.batch(&[]).0;
    let (second, _) = pool.tsa.batch(&[]);
    pool.hear(second.clone()).await;
    let newest = pool.stamps.last().unwrap().batch;
    assert_eq!(newest.compact(), second, "time stands still within an instant, and batches go on");
    // Two of one instant, the later overtaking the earlier, and each of them twice.
    for header in [&second, &first, &second, &first] {
        pool.hear(header.clone()).await;
    }
    assert_eq!((pool.untrue(), pool.tsa.dialled().len()), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn an_older_header_does_not_take_the_place_of_a_newer_one() {
    let pool = Pool::told_by_hand().await;
    let old = pool.tsa.batch(&[]).0;
    tokio::time::sleep(millis(100)).await;
    let new = pool.tsa.batch(&[]).0;
    pool.hear(new.clone()).await;
    pool.hear(old).await;
    assert_eq!(pool.stamps.last().unwrap().batch.compact(), new);
    assert_eq!(pool.untrue(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_header_of_this_tsa_ends_the_connection() {
    let other = Tsa::new(50);
    let header = |batch| StreamFrame::Batch { batch }.encode();
    for text in [
        header(other.batch(&[]).0),
        header("..".to_owned()),
        header(String::new()),
        "{}".to_owned(),
        "no frame".to_owned(),
        String::new(),
    ] {
        let pool = Pool::told_by_hand().await;
        pool.tsa.say(text.clone());
        pool.settle().await;
        assert_eq!((pool.untrue(), pool.metrics.tsa_connected.value()), (1, 0), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_tsa_is_down_a_nanosecond_after_two_seconds_of_silence() {
    let pool = Pool::told_by_hand().await;
    pool.tell().await;
    assert!(pool.stamps.newest().is_ok());
    pool.machine.sleep(DOWN_AFTER);
    assert!(pool.stamps.newest().is_ok());
    pool.machine.sleep(Duration::from_nanos(1));
    assert_eq!(pool.stamps.newest().unwrap_err(), StampsDown);
    assert!(pool.stamps.last().is_some(), "its last word is still known");
    // A header that waited all the while shows only that the TSA was there once.
    let late = pool.tsa.batch(&[]).0;
    pool.machine.sleep(secs(10));
    pool.hear(late).await;
    assert!(pool.stamps.last().unwrap().is_down());
    pool.tsa.set(pool.tsa.now().plus(secs(12)));
    pool.tell().await;
    assert!(!pool.stamps.last().unwrap().is_down());
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_given_up_after_exactly_two_seconds() {
    let pool = Pool::told_by_hand().await;
    tokio::time::sleep(millis(700)).await;
    pool.tell().await;
    let heard = Instant::now();
    // What brings no newer header is no sign of life: stamps refused, the same header again.
    let same = pool.stamps.last().unwrap().batch.compact().to_owned();
    tokio::time::sleep(secs(1)).await;
    pool.hear(same).await;
    tokio::time::sleep(millis(999)).await;
    assert_eq!(pool.metrics.tsa_connected.value(), 1);
    tokio::time::sleep(millis(2)).await;
    assert_eq!((pool.metrics.tsa_connected.value(), pool.untrue()), (0, 0));
    tokio::time::sleep(secs(1)).await;
    let again = pool.tsa.dialled()[1] - heard;
    assert!((millis(2_050)..=millis(2_052)).contains(&again), "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn the_pauses_between_calls_double_up_to_a_second_and_begin_anew_after_a_connection() {
    let tsa = Tsa::new(100);
    tsa.conduct(|conduct| conduct.reachable = false);
    let pool = Pool::start(&tsa);
    tokio::time::sleep(secs(5)).await;
    let gaps = |from: usize| -> Vec<u128> {
        tsa.dialled()[from..].windows(2).map(|two| (two[1] - two[0]).as_millis()).collect()
    };
    let almost = |found: &[u128], expected: &[u128]| {
        found.len() >= expected.len()
            && found.iter().zip(expected).all(|(found, due)| (*due..=due + 2).contains(found))
    };
    assert!(almost(&gaps(0), &[50, 100, 200, 400, 800, 1_000, 1_000]), "{:?}", gaps(0));
    tsa.conduct(|conduct| conduct.reachable = true);
    pool.stamps.watch().wait_for(Option::is_some).await.unwrap();
    let calls = tsa.dialled().len();
    tsa.conduct(|conduct| conduct.reachable = false);
    tsa.hang_up();
    tokio::time::sleep(secs(1)).await;
    assert!(almost(&gaps(calls), &[100, 200, 400]), "{:?}", gaps(calls));
}

#[tokio::test(start_paused = true)]
async fn while_the_tsa_is_out_of_reach_requests_fail_and_none_waits_for_it() {
    let tsa = Tsa::new(100);
    tsa.conduct(|conduct| conduct.reachable = false);
    let pool = Pool::start(&tsa);
    for _ in 0..5 {
        let begun = Instant::now();
        assert_eq!(pool.stamps.request(vec![digest(1)]).await.unwrap_err(), StampsDown);
        assert!(begun.elapsed() <= secs(1), "with the next call that fails");
    }
    assert!(pool.stamps.newest().is_err() && pool.stamps.last().is_none());
    tsa.conduct(|conduct| conduct.reachable = true);
    pool.stamps.watch().wait_for(Option::is_some).await.unwrap();
    assert!(tsa.asked().is_empty(), "what failed is not asked afterwards");
}

#[tokio::test(start_paused = true)]
async fn requests_under_way_fail_with_their_connection() {
    let pool = Pool::told_by_hand().await;
    pool.tsa.conduct(|conduct| conduct.answers = false);
    let asked = pool.stamps.start_request(vec![digest(1)]);
    tokio::time::sleep(millis(5)).await;
    pool.tsa.hang_up();
    let begun = Instant::now();
    assert_eq!(asked.granted().await.unwrap_err(), StampsDown);
    assert!(begun.elapsed() < millis(5), "and not when their time is over");
}

#[tokio::test(start_paused = true)]
async fn without_chance_nothing_is_stamped_for_its_order_would_tell_who_shares_an_author() {
    let pool = Pool::told_by_hand().await;
    pool.machine.end_chance();
    assert_eq!(pool.stamps.request(vec![digest(1)]).await.unwrap_err(), StampsDown);
    assert!(pool.tsa.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn time_is_carried_between_headers_and_shown_no_further_than_a_refusal_may_rest_on() {
    let pool = Pool::told_by_hand().await;
    pool.tell().await;
    let (newest, told) = (pool.stamps.newest().unwrap(), pool.tsa.now());
    assert_eq!((newest.now(), newest.shown_now()), (told, told));
    pool.machine.sleep(millis(1_500));
    assert_eq!(newest.now(), told.plus(millis(1_500)));
    pool.machine.sleep(CARRIED);
    assert_eq!(newest.now(), told.plus(CARRIED + millis(1_500)));
    assert_eq!(newest.shown_now(), told.plus(CARRIED));
    // A header of the future is believed: it cannot come before it was made.
    pool.tsa.set(told.plus(secs(3_600)));
    pool.tell().await;
    assert_eq!(pool.stamps.newest().unwrap().now(), told.plus(secs(3_600)));
}

use super::*;

fn delivery(from: u64) -> Arc<Delivery> {
    let room = RoomName([0; 32]);
    Arc::new(Delivery { room, from, to: from + 1, frames: Vec::new() })
}

#[test]
fn a_full_queue_marks_the_watcher_and_leaves_the_others_alone() {
    let metrics = Metrics::default();
    let (slow, _slow_end) = mpsc::channel(1);
    let (fast, mut fast_end) = mpsc::channel(8);
    let lagging = Arc::new(AtomicBool::new(true));
    let mut watchers = Watchers::default();
    watchers.add(Watcher { session: 1, queue: slow, lagging: Arc::clone(&lagging) });
    watchers.add(Watcher { session: 2, queue: fast, lagging: Arc::default() });
    assert!(lagging.load(Ordering::Acquire), "the session takes the mark back");
    lagging.store(false, Ordering::Release);
    for at in 0..3 {
        watchers.deliver(&delivery(at), &metrics);
    }
    assert!(lagging.load(Ordering::Acquire));
    assert_eq!(metrics.lagging.value(), 1);
    for at in 0..3 {
        assert_eq!(fast_end.try_recv().unwrap().from, at);
    }
    watchers.remove(2);
    assert!(watchers.is_empty());
}

#[test]
fn a_session_that_is_gone_is_forgotten() {
    let (queue, end) = mpsc::channel(1);
    let mut watchers = Watchers::default();
    watchers.add(Watcher { session: 1, queue, lagging: Arc::default() });
    drop(end);
    watchers.deliver(&delivery(0), &Metrics::default());
    assert!(watchers.is_empty());
}

//! The wires between simulated machines: bytes arrive late and in order, and a wire can stall or
//! be cut.

use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio::time::Instant;

use super::machine::Chance;

/// Bytes that one end of a wire may be ahead of the other.
const LENGTH: usize = 64 * 1024;
/// Bytes that travel together at most.
const PIECE: usize = 16 * 1024;
/// A wire that brings bytes later than this is behind.
const BEHIND: Duration = Duration::from_millis(500);

/// What a wire does with bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Flows,
    /// Nothing arrives, and nobody is told.
    Stalls,
    Cut,
}

/// Every wire there is.
#[derive(Debug)]
pub struct Wires {
    chance: Chance,
    wires: Mutex<Vec<Wire>>,
    behind: Arc<Mutex<Vec<Behind>>>,
}

/// A wire to a program was behind from then to then.
#[derive(Debug)]
struct Behind {
    to: &'static str,
    since: Instant,
    until: Instant,
}

/// A wire while both of its ends are held, and to which program it leads.
#[derive(Debug)]
struct Wire {
    to: &'static str,
    flow: Weak<watch::Sender<Flow>>,
}

impl Wires {
    /// None yet.
    #[must_use]
    pub fn new(chance: &Chance) -> Arc<Self> {
        Arc::new(Self { chance: chance.fork(), wires: Mutex::default(), behind: Arc::default() })
    }

    /// Connects somebody to a program; gives the two ends of the wire. It lasts as long as both are held.
    pub fn connect(&self, to: &'static str) -> (DuplexStream, DuplexStream) {
        let (near, near_end) = tokio::io::duplex(LENGTH);
        let (far, far_end) = tokio::io::duplex(LENGTH);
        let (flow, flows) = watch::channel(Flow::Flows);
        let flow = Arc::new(flow);
        let mut wires = self.wires.lock();
        wires.retain(|wire| wire.flow.strong_count() > 0);
        wires.push(Wire { to, flow: Arc::downgrade(&flow) });
        drop(wires);
        let (near_in, near_out) = tokio::io::split(near_end);
        let (far_in, far_out) = tokio::io::split(far_end);
        let chance = self.chance.fork();
        let (there, back) = (flows.clone(), flows);
        let (there_chance, back_chance) = (chance.fork(), chance);
        // Tasks of nobody's machine: what is on its way when one crashes still arrives.
        let held = Arc::clone(&flow);
        let note = || {
            let behind = Arc::clone(&self.behind);
            move |since, until| behind.lock().push(Behind { to, since, until })
        };
        let (note_there, note_back) = (note(), note());
        tokio::spawn(async move {
            carry(near_in, far_out, there, there_chance, note_there).await;
            drop(held);
        });
        tokio::spawn(async move {
            carry(far_in, near_out, back, back_chance, note_back).await;
            drop(flow);
        });
        (near, far)
    }

    /// Whether a wire to a program was behind at any time between these.
    pub fn was_behind(&self, to: &str, from: Instant, until: Instant) -> bool {
        let behind = self.behind.lock();
        behind.iter().any(|it| it.to == to && it.until >= from && it.since <= until)
    }

    fn pick(&self) -> Option<Arc<watch::Sender<Flow>>> {
        let wires: Vec<_> =
            self.wires.lock().iter().filter_map(|wire| wire.flow.upgrade()).collect();
        let at = usize::try_from(self.chance.below(wires.len() as u64)).ok()?;
        wires.get(at).cloned()
    }

    /// Cuts one wire: both ends are told.
    pub fn cut_one(&self) {
        if let Some(wire) = self.pick() {
            wire.send_replace(Flow::Cut);
        }
    }

    /// Cuts every wire to a program: what is on its way is lost.
    pub fn cut_all(&self, to: &str) {
        let wires = self.wires.lock();
        let led = wires.iter().filter(|wire| wire.to == to);
        led.filter_map(|wire| wire.flow.upgrade()).for_each(|wire| {
            wire.send_replace(Flow::Cut);
        });
    }

    /// Lets one wire carry nothing for a while: its ends are not told.
    pub fn stall_one(&self, time: Duration) {
        let Some(wire) = self.pick() else { return };
        if change(&wire, Flow::Flows, Flow::Stalls) {
            let wire = Arc::downgrade(&wire);
            tokio::spawn(async move {
                tokio::time::sleep(time).await;
                if let Some(wire) = wire.upgrade() {
                    change(&wire, Flow::Stalls, Flow::Flows);
                }
            });
        }
    }
}

/// Changes what a wire does, if it does so now.
fn change(wire: &watch::Sender<Flow>, from: Flow, to: Flow) -> bool {
    wire.send_if_modified(|flow| {
        let changes = *flow == from;
        if changes {
            *flow = to;
        }
        changes
    })
}

/// Carries bytes in one direction until the wire is cut or one end is gone.
async fn carry(
    mut from: ReadHalf<DuplexStream>,
    mut to: WriteHalf<DuplexStream>,
    mut flow: watch::Receiver<Flow>,
    chance: Chance,
    mut behind: impl FnMut(Instant, Instant),
) {
    let mut is_cut = flow.clone();
    let cut = is_cut.wait_for(|flow| *flow == Flow::Cut);
    tokio::pin!(cut);
    let mut piece = vec![0; PIECE];
    // Since when something waits to be carried: what comes was written then at the earliest.
    let mut since = Instant::now();
    loop {
        let asked = Instant::now();
        // Now and then a frame comes in crumbs.
        let most = if chance.once_in(8) { 1 + chance.below(64) } else { PIECE as u64 };
        let most = usize::try_from(most).unwrap_or(PIECE);
        let room = piece.get_mut(..most).unwrap_or_default();
        let read = tokio::select! {
            biased;
            _ = &mut cut => return,
            read = from.read(room) => read,
        };
        let bytes = match read {
            Ok(0) | Err(_) => break,
            Ok(length) => piece.get(..length).unwrap_or_default(),
        };
        // Time stands while there is something to do, so whoever waited had nothing to carry.
        if Instant::now() > asked {
            since = Instant::now();
        }
        let delay =
            if chance.once_in(50) { chance.millis(50, 1_500) } else { chance.millis(1, 20) };
        let deliver = async {
            tokio::time::sleep(delay).await;
            // Its sender lasts as long as this task.
            let _ = flow.wait_for(|flow| *flow != Flow::Stalls).await;
            to.write_all(bytes).await
        };
        let delivered = tokio::select! {
            biased;
            _ = &mut cut => return,
            delivered = deliver => delivered,
        };
        if since.elapsed() > BEHIND {
            behind(since, Instant::now());
        }
        if delivered.is_err() {
            break;
        }
    }
    // The end that still reads hears that no more comes.
    let _ = to.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn bytes_arrive_in_order_and_late() {
        let wires = Wires::new(&Chance::of(1));
        let (mut near, mut far) = wires.connect("program");
        let began = tokio::time::Instant::now();
        let sent: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let writer = sent.clone();
        tokio::spawn(async move {
            near.write_all(&writer).await.unwrap();
            near.shutdown().await.unwrap();
            std::future::pending::<()>().await;
        });
        let mut got = Vec::new();
        far.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, sent);
        assert!(
            began.elapsed() >= Duration::from_millis(7),
            "at least seven pieces, a millisecond each"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_wire_that_stalled_was_behind_from_then_on_and_no_other_was() {
        let wires = Wires::new(&Chance::of(1));
        let (mut near, mut far) = wires.connect("program");
        let began = Instant::now();
        let stalled = Duration::from_secs(10);
        wires.stall_one(stalled);
        near.write_all(b"late").await.unwrap();
        far.read_exact(&mut [0; 4]).await.unwrap();
        assert!(began.elapsed() >= stalled);
        assert!(wires.was_behind("program", began, began));
        assert!(!wires.was_behind("other", began, began + stalled));
        let after = Instant::now() + Duration::from_secs(1);
        assert!(!wires.was_behind("program", after, after + stalled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wire_that_is_cut_says_so_and_one_that_stalls_does_not() {
        let wires = Wires::new(&Chance::of(1));
        let (mut near, mut far) = wires.connect("program");
        wires.stall_one(Duration::from_secs(1_000));
        near.write_all(b"lost").await.unwrap();
        let mut byte = [0];
        let wait = Duration::from_secs(100);
        assert!(tokio::time::timeout(wait, far.read(&mut byte)).await.is_err());
        wires.cut_one();
        assert_eq!(far.read(&mut byte).await.unwrap(), 0);
        assert_eq!(near.read(&mut byte).await.unwrap(), 0);
        tokio::time::sleep(wait).await;
        wires.cut_one();
        assert!(near.write_all(b"gone").await.is_err(), "nobody takes what is written");
    }
}

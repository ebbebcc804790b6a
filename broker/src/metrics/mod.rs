//! Counters and gauges, in the Prometheus text format. Nothing in them names a persona, a room
//! or an action.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// One number that goes up, or up and down.
#[derive(Debug, Default)]
pub struct Number(AtomicU64);

impl Number {
    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Takes one away.
    pub fn decrease(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Replaces it.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// Reads it.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! metrics {
    ($($field:ident: $kind:literal = $help:literal;)*) => {
        /// Everything the broker counts.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(#[doc = $help] pub $field: Number,)*
        }

        impl Metrics {
            /// The Prometheus text form.
            #[must_use]
            pub fn render(&self) -> String {
                let mut text = String::new();
                $(
                    let name = concat!("pregao_", stringify!($field));
                    // Writing to a String cannot fail.
                    let _ = writeln!(
                        text,
                        "# HELP {name} {}\n# TYPE {name} {}\n{name} {}",
                        $help, $kind, self.$field.value()
                    );
                )*
                text
            }
        }
    };
}

metrics! {
    connections: "gauge" = "Open connections, before and after their handshake.";
    sessions: "gauge" = "Established sessions.";
    connections_refused: "counter" = "Connections refused by a limit.";
    handshakes_failed: "counter" = "Handshakes that did not lead to a session.";
    keys_handed: "counter" = "Sets of keys of boxes that were handed out.";
    frames_refused: "counter" = "Frames that were malformed, too large or too many.";
    checked: "counter" = "Actions whose signature was checked.";
    unsolved: "counter" = "Actions turned away unread, without the puzzle that was asked for.";
    handshakes_unsolved: "counter" = "Connections turned away without the puzzle that was asked for.";
    refusals_not_kept: "counter" = "Refusals beyond what is kept of one persona or box.";
    effort: "gauge" = "Work asked of everybody for an action, in leading zero bits.";
    handshake_effort: "gauge" = "Work asked of everybody for a connection, in leading zero bits.";
    submitted: "counter" = "Actions handed in.";
    accepted: "counter" = "Actions appended to a log, durably.";
    refused: "counter" = "Actions refused with the broker's signature.";
    delivered: "counter" = "Deliveries of witnesses that were answered.";
    failed: "counter" = "Actions not decided on because TSA, store or capacity failed.";
    commits: "counter" = "Turns of rooms that were made durable.";
    deliveries: "counter" = "Entries handed to watchers.";
    lagging: "counter" = "Watchers moved to catch-up because their queue was full.";
    store_working: "gauge" = "1 while the store takes commits.";
    store_failed: "counter" = "Commits that the store failed to make durable.";
    links_unerased: "gauge" = "1 while bytes of destroyed link keys may still be in a file.";
    rooms: "gauge" = "Rooms served.";
    closed: "counter" = "Auctions closed.";
    revealed: "counter" = "Pairs of disclosures released.";
    tsa_connected: "gauge" = "1 while connected to the TSA.";
    tsa_untrue: "counter" = "Answers of the TSA that did not verify.";
}

#[cfg(test)]
mod tests;

//! How each witness does: counted, and told to those who run the broker.

use std::fmt::Write as _;
use std::time::Duration;

use parking_lot::Mutex;
use pregao_protocol::trust::witness::WitnessName;
use tokio::time::Instant;

use crate::metrics::Number;

/// A witness that has not answered for this long is told of.
const SILENT: Duration = Duration::from_secs(60);

/// What is counted of one witness.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// Heads that it cosigned.
    pub(crate) cosigned: Number,
    /// Requests that it did not answer, or by which it did not cosign.
    pub(crate) failed: Number,
    /// Since when it has answered nothing.
    silent: Mutex<Option<Instant>>,
}

impl Standing {
    /// It answered, whatever it said.
    pub(crate) fn answered(&self) {
        *self.silent.lock() = None;
    }

    /// It did not answer what it was asked at an instant.
    pub(crate) fn unanswered(&self, asked: Instant) {
        self.silent.lock().get_or_insert(asked);
    }

    pub(crate) fn silent(&self, name: &WitnessName) -> String {
        let since = self.silent.lock().map_or(Duration::ZERO, |since| since.elapsed());
        if since < SILENT {
            return String::new();
        }
        format!("witness.silent: {name} has not answered for {} s\n", since.as_secs())
    }
}

/// One line for each witness and number. A name is of letters, digits and `-./_`, so nothing is escaped.
pub(crate) fn render<'a>(
    all: impl Iterator<Item = (&'a WitnessName, &'a Standing, Duration)> + Clone,
) -> String {
    type Read = fn(&Standing, Duration) -> f64;
    #[expect(clippy::cast_precision_loss, reason = "Prometheus reads numbers so")]
    let numbers: [(&str, &str, &str, Read); 3] = [
        ("cosigned", "counter", "Heads that the witness cosigned.", |standing, _| {
            standing.cosigned.value() as f64
        }),
        (
            "failed",
            "counter",
            "Requests that the witness did not answer or refused.",
            |standing, _| standing.failed.value() as f64,
        ),
        (
            "lag_seconds",
            "gauge",
            "Age of the oldest head that the witness is asked about and has not cosigned.",
            |_, lag| lag.as_secs_f64(),
        ),
    ];
    let mut text = String::new();
    for (field, kind, help, read) in numbers {
        let name = format!("pregao_witness_{field}");
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (witness, standing, lag) in all.clone() {
            let value = read(standing, lag);
            let _ = writeln!(text, "{name}{{witness=\"{witness}\"}} {value}");
        }
    }
    text
}

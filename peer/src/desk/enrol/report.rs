//! What was done, in plain words and as JSON.

use std::time::Duration;

use pregao_protocol::trust::key::Fingerprint;
use serde_json::{Value, json};

use super::card::TokenKept;
use super::{By, Enrolled, short_name};

/// What is said of a CA that the user gave no fingerprint for.
pub(super) const UNPINNED: &str =
    "that CA was trusted at first use: compare its fingerprint with whoever runs it";
const PROXIED: &str =
    "the proxy is kept: while you trade, tickets and renewals go to the TSA through it";
const STRAIGHT: &str = "no proxy: the TSA sees your address now, and every few minutes while you trade (tickets, \
     renewals); enrolled from the same address, citizen and persona meet there (--proxy avoids it)";

/// What a person and a script are told of an outcome.
pub trait EnrolObserver {
    /// Lines for a person.
    fn lines(&self) -> Vec<String>;
    /// One object for a script.
    fn json(&self) -> Value;
}

impl EnrolObserver for Enrolled {
    fn lines(&self) -> Vec<String> {
        let mut lines = vec![
            format!("persona {}", self.persona),
            format!("certified by CA {}", self.authority),
        ];
        if let By::Token { early, renews_until } = self.by {
            lines.push(format!("for the token, which renews the certificate until {renews_until}"));
            if early {
                lines.push(
                    "warning: spent before the proposed time: whoever sees both visits may guess by \
                     their time that they are yours"
                        .to_owned(),
                );
            }
            lines.push(if self.proxied { PROXIED } else { STRAIGHT }.to_owned());
        }
        lines.extend(cautions(self.pinned, self.simulated));
        lines
    }

    fn json(&self) -> Value {
        let mut line = json!({
            "event": "enrolled",
            "persona": self.persona,
            "authority": self.authority,
            "pinned": self.pinned,
            "proxied": self.proxied,
            "simulated": self.simulated,
        });
        if let (By::Token { early, renews_until }, Some(line)) = (self.by, line.as_object_mut()) {
            line.insert("early".to_owned(), early.into());
            line.insert("renews_until".to_owned(), json!(renews_until));
        }
        line
    }
}

impl EnrolObserver for TokenKept {
    fn lines(&self) -> Vec<String> {
        let persona: Fingerprint = self.persona;
        let mut lines = vec![
            format!("persona {persona}, not certified yet: the vault holds a token for it"),
            format!("CA {}", self.authority),
            format!(
                "signed by issuer {} of the period until {}; compare the name with others who enrol",
                short_name(self.issuer),
                self.period_until
            ),
            format!(
                "now let time pass: {} (at {}) or later, from another address if you can, type",
                about(self.wait),
                self.spend_after
            ),
            "  pregao enrol --spend [--proxy socks5://127.0.0.1:9050]".to_owned(),
            "(the proxy is kept for what follows: trading reaches the TSA every few minutes too)"
                .to_owned(),
            format!("(with the same --data; at the latest before {})", self.spend_until),
        ];
        lines.extend(cautions(self.pinned, self.simulated));
        lines
    }

    fn json(&self) -> Value {
        json!({
            "event": "token-kept",
            "persona": self.persona,
            "authority": self.authority,
            "pinned": self.pinned,
            "simulated": self.simulated,
            "issuer": self.issuer,
            "period_until": self.period_until,
            "spend_after": self.spend_after,
            "spend_until": self.spend_until,
        })
    }
}

/// How long it is until then, roughly.
pub(super) fn about(wait: Duration) -> String {
    let minutes = wait.as_secs().div_ceil(60);
    match minutes {
        0 => "at once".to_owned(),
        1..=90 => format!("in about {minutes} min"),
        91..=2_880 => format!("in about {} h", (minutes + 30) / 60),
        _ => format!("in about {} days", (minutes + 720) / 1_440),
    }
}

fn cautions(pinned: bool, simulated: bool) -> impl Iterator<Item = String> {
    let cautions =
        [(!pinned, UNPINNED), (simulated, "SIMULATED TIME: this persona is for tests only")];
    cautions.into_iter().filter(|(holds, _)| *holds).map(|(_, text)| text.to_owned())
}

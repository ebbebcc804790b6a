//! How a session hears the answer to one request, and who is charged for what becomes of it.

use std::sync::Arc;

use pregao_protocol::room::Undecided;
use pregao_protocol::room::action::Action;
use pregao_protocol::room::body::Signer;
use pregao_protocol::wire::frame::FromBroker;
use tokio::sync::mpsc;

use crate::effort::{Account, Cost, Efforts};
use crate::metrics::Metrics;

/// How a session hears the answer to one request.
#[derive(Debug, Clone)]
pub struct Responder {
    /// The request's number.
    pub n: u64,
    /// The session's queue of personal frames. Bounded by what a session may have under way.
    pub to: mpsc::UnboundedSender<FromBroker>,
    /// Where it is counted that the broker could not decide.
    pub metrics: Arc<Metrics>,
    /// Who is charged for what becomes of it; nobody, for what came through a witness.
    pub account: Option<Arc<Account>>,
}

impl Responder {
    /// Answers. A session that is gone no longer listens; that is no fault.
    pub fn send(self, frame: FromBroker) {
        if matches!(frame, FromBroker::Refused { .. }) {
            self.charge(Cost::Refused);
        }
        let _ = self.to.send(frame);
    }

    /// Answers that nothing was decided: there is no other answer without a signature.
    pub fn fail(self, code: Undecided) {
        let n = self.n;
        if is_ours(code) {
            self.metrics.failed.add(1);
        }
        if is_broken(code) {
            self.charge(Cost::Broken);
        }
        // Not kept, but decided in vain as well.
        if code == Undecided::REFUSALS {
            self.charge(Cost::Refused);
        }
        self.send(FromBroker::Failed { n, code: code.code().as_str().to_owned() });
    }

    fn charge(&self, cost: Cost) {
        if let Some(account) = &self.account {
            account.charge(cost);
        }
    }

    /// Whether a refusal of an action that was handed in here may be kept (V-196). What comes through a witness always has
    /// a signed answer; what a pass was spent on, too: there are no more of these than passes.
    #[must_use]
    pub fn may_keep_refusal(&self, of: &Action, efforts: &Efforts) -> bool {
        let body = of.body();
        match body.signer() {
            _ if body.costs_a_pass() => true,
            Signer::Owner | Signer::Guest => efforts.may_keep_refusal_of(of.room()),
            Signer::Persona | Signer::Member | Signer::Broker => {
                self.account.as_ref().is_none_or(|account| account.may_keep_refusal())
            }
        }
    }
}

/// Whether what was handed in cannot have been made by an honest program.
fn is_broken(code: Undecided) -> bool {
    let broken = [
        Undecided::PARSE,
        Undecided::BLIND,
        Undecided::STAMP_OTHER,
        Undecided::STAMP_UNKNOWN_TSA,
        Undecided::FRAME_MALFORMED,
    ];
    broken.contains(&code)
}

/// Whether a failure is for want of time, store or capacity, and not for what was handed in.
fn is_ours(code: Undecided) -> bool {
    [Undecided::TSA_DOWN, Undecided::STORE_FAILED, Undecided::DOOR_RATE].contains(&code)
}

//! A broker's certificate as a file of its own: what receipts and letters need beside them (V-363).

use super::{Examined, Fault, Found, Rule, Standing, Subject, Verdict};
use crate::log::transcript::certificate_alone;
use crate::trust::broker::BrokerCertificate;

/// The verdict on a text that is a certificate in a file of its own, whatever is in it; `None` for any other.
pub(super) fn examine<'a>(text: &str) -> Option<Examined<'a>> {
    let compact = certificate_alone(text)?;
    Some(match BrokerCertificate::read(&compact) {
        Ok(certificate) => {
            // Which TSAs stamp in which of its rooms the rooms' openings say.
            let mut verdict = Verdict::bare(Subject::Certificate, Standing::Valid);
            verdict.broker = Some(certificate.keys.session.fingerprint());
            verdict.certified = Some(true);
            Examined { verdict, found: Found::Certificate(Box::new(certificate)) }
        }
        Err(error) => Examined {
            verdict: Verdict::invalid(Subject::Certificate, Rule::CERTIFICATE, None),
            found: Found::Nothing(Fault::of(&error)),
        },
    })
}

//! Every code with which this TSA refuses, as the specification lists them (SPEC 11). What is wrong with a
//! citizen's card has its codes in `pregao_protocol::trust::citizen`.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $code;)*

        /// All of them.
        #[cfg(test)]
        const ALL: &[&str] = &[$($name),*];
    };
}

codes! {
    // Requests.

    /// A body longer than the path takes.
    BODY_TOO_LONG = "body.too-long";
    /// A body that did not arrive whole.
    BODY_BROKEN = "body.broken";
    /// A body that is not the JSON of its path.
    BODY_JSON = "body.json";
    /// Nothing is at this path.
    PATH_UNKNOWN = "path.unknown";
    /// The path does not take this method.
    METHOD_UNKNOWN = "method.unknown";

    // Time-locks.

    /// It is not said of which instant.
    TIMELOCK_AT = "timelock.at";
    /// An instant too far ahead.
    TIMELOCK_FAR = "timelock.far";
    /// A day that passed, of which no key was stated.
    TIMELOCK_NEVER = "timelock.never";

    // Personas.

    /// No certification request.
    CSR_MALFORMED = "csr.malformed";
    /// A key of another algorithm.
    CSR_KEY = "csr.key";
    /// A key that everybody can sign for.
    CSR_WEAK_KEY = "csr.weak-key";
    /// Not signed by the key it is for.
    CSR_SIGNATURE = "csr.signature";
    /// No invitation, where one is needed.
    INVITE_MISSING = "invite.missing";
    /// An invitation that was used before.
    INVITE_USED = "invite.used";
    /// No invitation of this TSA.
    INVITE_UNKNOWN = "invite.unknown";
    /// A persona that the operator revoked.
    PERSONA_REVOKED = "persona.revoked";
    /// No certificate.
    CERTIFICATE_MALFORMED = "certificate.malformed";
    /// As [`CSR_WEAK_KEY`], in a certificate.
    CERTIFICATE_WEAK_KEY = "certificate.weak-key";
    /// A certificate of another CA.
    CERTIFICATE_AUTHORITY = "certificate.authority";
    /// No certificate of a persona.
    CERTIFICATE_PURPOSE = "certificate.purpose";
    /// A certificate whose time has passed.
    CERTIFICATE_EXPIRED = "certificate.expired";
    /// A certificate whose time has not come.
    CERTIFICATE_NOT_YET_VALID = "certificate.not-yet-valid";
    /// A challenge never given, used before, or too old.
    CHALLENGE_UNKNOWN = "challenge.unknown";
    /// Too many challenges were used of late.
    CHALLENGE_BUSY = "challenge.busy";
    /// A proof that its key did not sign.
    PROOF_SIGNATURE = "proof.signature";
    /// A proof for another certificate.
    PROOF_CERTIFICATE = "proof.certificate";
    /// A proof of another form.
    PROOF_CONTENT = "proof.content";

    // Citizens.

    /// Citizens do not enrol here.
    ENROLMENT_CLOSED = "enrolment.closed";
    /// An application that cannot be opened or signed.
    APPLICATION_MALFORMED = "application.malformed";
    /// An offer of an earlier period.
    CITIZEN_ISSUER = "citizen.issuer";
    /// Another request of this citizen was signed in this period.
    CITIZEN_USED = "citizen.used";
    /// The responder says that the card is revoked.
    CITIZEN_REVOKED = "citizen.revoked";
    /// The responder says that the card is on hold.
    CITIZEN_ON_HOLD = "citizen.on-hold";
    /// The responder does not know the card.
    CITIZEN_UNKNOWN = "citizen.unknown";
    /// The responder gave no answer that can be used.
    CITIZEN_OCSP = "citizen.ocsp";
    /// No token, where one is needed.
    TOKEN_MISSING = "token.missing";
    /// A token of an issuer that is not on the key set.
    TOKEN_ISSUER = "token.issuer";
    /// A token that buys nothing any more.
    TOKEN_EXPIRED = "token.expired";
    /// A token for another persona, or none.
    TOKEN_INVALID = "token.invalid";

    // Stamps and time.

    /// No digest, or too many, in one request.
    STAMP_COUNT = "stamp.count";
    /// Too many requests are waiting.
    STAMP_BUSY = "stamp.busy";
    /// No batch was signed of late.
    STAMP_STALLED = "stamp.stalled";
    /// The system clock is behind what was signed.
    CLOCK_BEHIND = "clock.behind";
    /// The system clock went ahead further than time can have passed.
    CLOCK_JUMPED = "clock.jumped";
    /// No time in RFC 3339.
    TIME_MALFORMED = "time.malformed";
    /// A simulated clock would go back.
    TIME_BACK = "time.back";
    /// The stream was not opened as a WebSocket.
    STREAM_UPGRADE = "stream.upgrade";
    /// Too many streams are open.
    STREAM_BUSY = "stream.busy";
    /// A message on the stream that is no request.
    STREAM_REQUEST = "stream.request";

    // Witness. What is wrong with a head has its codes in `pregao_protocol::wire::witness`.

    /// A broker's certificate that does not hold.
    WITNESS_CERTIFICATE = "witness.certificate";
    /// A broker that the operator did not name, where only such are known.
    WITNESS_BROKER = "witness.broker";
    /// A broker in simulated time, at a witness that is not.
    WITNESS_SIMULATED = "witness.simulated";
    /// Another head key than the one a broker is known with.
    WITNESS_HEAD_KEY = "witness.head-key";
    /// As many brokers or logs are known as may be.
    WITNESS_FULL = "witness.full";
    /// A head of this log was cosigned in this second, or too many requests are waiting.
    WITNESS_BUSY = "witness.busy";
    /// A broker's question for deliveries that is not signed by it.
    WITNESS_POLL = "witness.poll";
    /// A delivery that is not here.
    WITNESS_UNKNOWN = "witness.unknown";
    /// What came is no answer to a delivery.
    WITNESS_ANSWER = "witness.answer";

    // The TSA itself.

    /// The store takes nothing.
    STORE_FAILED = "store.failed";
    /// Too many requests are being worked on.
    TSA_BUSY = "tsa.busy";
    /// The request took too long.
    TSA_TIMEOUT = "tsa.timeout";
    /// The TSA is shutting down.
    TSA_STOPPING = "tsa.stopping";
    /// A fault of the TSA; the log says which.
    TSA_FAILED = "tsa.failed";
}

#[cfg(test)]
mod tests;

//! Domain-separation labels and limits, each once, so that none serves two purposes.
//!
//! A label begins everything that is signed or hashed in a format of ours. It
//! stops a signature or digest made for one thing from being presented as another (SPEC 2).

/// Hash of a room's opening action: the room's name.
pub const ROOM: &str = "pregao/room/v1";
/// Context of the key blinding that makes one-time keys.
pub const BLIND: &str = "pregao/blind/v1";
/// Derivation of the nonce prefix of a one-time key.
pub const NONCE: &str = "pregao/nonce/v1";
/// Prologue of a session's handshake.
pub const SESSION: &str = "pregao/session/v1";
/// What the broker signs in message 2 of the handshake.
pub const SESSION_RESPONDER: &str = "pregao/session/responder/v1";
/// What the persona signs in message 3 of the handshake.
pub const SESSION_INITIATOR: &str = "pregao/session/initiator/v1";
/// Proof of membership in a private room, bound to one session.
pub const JOIN: &str = "pregao/join/v1";
/// What a disclosure is signed over and sealed with.
pub const DISCLOSE: &str = "pregao/disclose/v1";
/// Hash of a stamp's batch header: the next header's `prev`.
pub const BATCH: &str = "pregao/batch/v1";
/// Hash under which the TSA keeps an invitation.
pub const INVITE: &str = "pregao/invite/v1";
/// Hash of how a reveal room ended, as its auction records it.
pub const OUTCOME: &str = "pregao/outcome/v1";
/// What a citizen card signs to enrol, bound to one TSA, connection and blinded request.
pub const ENROL: &str = "pregao/enrol/v1";
/// What an application for a token is sealed with.
pub const APPLY: &str = "pregao/apply/v1";
/// What the answer to an application is sealed with.
pub const ANSWER: &str = "pregao/answer/v1";
/// Message of a token: the persona it was made for.
pub const TOKEN: &str = "pregao/token/v1";
/// Derivation of the key that an offer's applications are sealed to.
pub const OFFER: &str = "pregao/offer/v1";
/// What a citizen card signs when its holder tries it out; of no use anywhere else.
pub const TEST_SIGN: &str = "pregao/test-sign/v1";
/// Keyed hash under which a TSA counts a citizen within a period.
pub const CITIZEN: &str = "pregao/citizen/v1";
/// What an action that goes through a witness is sealed with.
pub const DELIVER: &str = "pregao/deliver/v1";
/// What the credentials of its author are sealed with.
pub const AUTHOR: &str = "pregao/author/v1";
/// Hash of a delivery: its name.
pub const DELIVERY: &str = "pregao/delivery/v1";
/// Of the secret that a TSA keeps until an instant.
pub const TIMELOCK: &str = "pregao/timelock/v1";
/// What ties the parts of a sealed bid to its room and its one-time key, and what they are sealed with.
pub const SEALED_BID: &str = "pregao/sealed-bid/v1";
/// Derivation of the key of a sealed bid from its two halves.
pub const BID_KEY: &str = "pregao/bid-key/v1";
/// Derivation of what that key is committed to by.
pub const BID_COMMITMENT: &str = "pregao/bid-commitment/v1";
/// Derivation of the coefficients by which the TSAs' half is shared.
pub const BID_COEFFICIENT: &str = "pregao/bid-coefficient/v1";
/// Derivation of the randomness with which each part is sealed.
pub const BID_SEED: &str = "pregao/bid-seed/v1";
/// The same of a hidden reserve.
pub const SEALED_RESERVE: &str = "pregao/sealed-reserve/v1";
/// Derivation of both halves of the key of a reserve from one secret of its seller.
pub const RESERVE_HALVES: &str = "pregao/reserve-halves/v1";
/// Derivation of a broker's key for one room with sealed bids.
pub const SEALING: &str = "pregao/sealing/v1";
/// What decides between bids of the same time where the price falls.
pub const LOT: &str = "pregao/lot/v1";
/// What is hashed to solve a puzzle.
pub const PUZZLE: &str = "pregao/puzzle/v1";
/// Hash of a prekey's public half: its name.
pub const PREKEY: &str = "pregao/prekey/v1";
/// What a letter is sealed with.
pub const LETTER: &str = "pregao/letter/v1";
/// Derivation of the randomness with which a letter is sealed.
pub const LETTER_SEED: &str = "pregao/letter-seed/v1";
/// What the sender of a letter signs.
pub const MESSAGE: &str = "pregao/message/v1";
/// Derivation of the key by which a letter's reader, and nobody else, knows its sender.
pub const DENIABLE: &str = "pregao/deniable/v1";
/// Derivation of the key by which a letter's reader, and nobody else, knows that a box they know vouches for its sender's.
pub const VOUCH: &str = "pregao/vouch/v1";
/// Authenticated with a file that is sealed beside a letter.
pub const ATTACHMENT: &str = "pregao/attachment/v1";
/// What the broker's half of the key of a registered letter is sealed with.
pub const REGISTERED_HALF: &str = "pregao/registered-half/v1";
/// Hash that commits to that half.
pub const REGISTERED_COMMITMENT: &str = "pregao/registered-commitment/v1";
/// Derivation of the key of a registered letter from its two halves.
pub const REGISTERED_KEY: &str = "pregao/registered-key/v1";
/// What is sealed with that one member of a reveal room says to the other.
pub const SAY: &str = "pregao/say/v1";
/// Hash of a member of a reveal room: what stands for a box where members write to each other.
pub const SAY_MEMBER: &str = "pregao/say-member/v1";
/// Derivation of the key with which both members of a reveal room sign that one of them said something.
pub const SAY_PAIR: &str = "pregao/say-pair/v1";
/// What a member of a reveal room signs of what they said, where it is to be evidence.
pub const SAY_EVIDENCE: &str = "pregao/say-evidence/v1";
/// Derivation of the key by which a member of a reveal room, and nobody else, knows that the other said it.
pub const SAY_DENIABLE: &str = "pregao/say-deniable/v1";
/// Proof of having signed a deposit, bound to one session.
pub const ABOUT_DEPOSIT: &str = "pregao/about-deposit/v1";
/// Message of a pass.
pub const PASS: &str = "pregao/pass/v1";
/// Hash under which a broker remembers a pass as spent.
pub const PASS_SPENT: &str = "pregao/pass-spent/v1";

/// `typ` of an action, signed by a one-time key or by a broker's entry key.
pub const TYP_ACTION: &str = "pregao-action-v1";
/// `typ` of a batch header, signed by a TSA's stamp key.
pub const TYP_BATCH: &str = "pregao-batch-v1";
/// `typ` of a refusal, signed by a broker's entry key.
pub const TYP_REFUSAL: &str = "pregao-refusal-v1";
/// `typ` of a broker's word that it holds a disclosure, signed by its entry key.
pub const TYP_HELD: &str = "pregao-held-v1";
/// `typ` of a broker's certificate, signed by its session key.
pub const TYP_BROKER: &str = "pregao-broker-v1";
/// `typ` of the proof with which a persona asks the TSA for a ticket.
pub const TYP_PROOF: &str = "pregao-proof-v1";
/// `typ` of an offer to enrol a citizen, signed by a TSA's enrolment key.
pub const TYP_OFFER: &str = "pregao-offer-v1";
/// `typ` of the statement of an issuer's key, signed by a TSA's enrolment key.
pub const TYP_ISSUER: &str = "pregao-issuer-v1";
/// `typ` of a broker's question for deliveries, signed by its entry key.
pub const TYP_POLL: &str = "pregao-poll-v1";
/// `typ` of a broker's word that a delivery says nothing, signed by its entry key.
pub const TYP_UNREADABLE: &str = "pregao-unreadable-v1";
/// `typ` of a witness's word that a delivery was not answered, signed by its key.
pub const TYP_UNANSWERED: &str = "pregao-unanswered-v1";
/// `typ` of the statement of a key kept until an instant, signed by a TSA's stamp key.
pub const TYP_TIMELOCK: &str = "pregao-timelock-v1";
/// `typ` of the ticket (RFC 7519).
pub const TYP_TICKET: &str = "JWT";

/// Longest action accepted, in bytes of its compact JWS.
pub const MAX_ACTION: usize = 16 * 1024;
/// Longest batch header accepted, in bytes of its compact JWS.
pub const MAX_BATCH: usize = 1024;
/// Longest path of a stamp, in hashes: a batch holds at most 2^16 digests.
pub const MAX_STAMP_PATH: usize = 16;
/// Longest path of a log proof, in hashes.
pub const MAX_LOG_PATH: usize = 128;
/// Most entries in one log, 2^53 − 1: every number of a log is exact in every JSON reader.
pub const MAX_LOG_SIZE: u64 = (1 << 53) - 1;
/// Longest entry of a log accepted, in bytes of its JSON: an action with its stamp.
pub const MAX_ENTRY: usize = MAX_ACTION + 1024;
/// Longest signed head accepted, in bytes, cosignatures included.
pub const MAX_HEAD: usize = 4 * 1024;
/// Most signature lines under one head: the broker's and those of witnesses.
pub const MAX_HEAD_SIGNATURES: usize = 16;
/// Most witnesses that an opening names.
pub const MAX_WITNESSES: usize = 5;
/// Longest name of a witness, in bytes.
pub const MAX_WITNESS_NAME: usize = 48;
/// Longest name of a witness's operator, in bytes.
pub const MAX_OPERATOR: usize = 32;
/// Longest receipt accepted, in bytes of its JSON.
pub const MAX_RECEIPT: usize = 64 * 1024;
/// Largest file that shows one letter, in bytes: two receipts, two envelopes and what is in them fit.
pub const MAX_SHOWN: usize = 1024 * 1024;
/// Longest frame, in bytes of its JSON. With length prefix, padding and tag it fits one Noise
/// message (65,535 bytes).
pub const MAX_FRAME: usize = 65_000;
/// Most digests in one peer's request for stamps: their stamps fit one frame.
pub const MAX_STAMPS: usize = 32;
/// Most digests in one request to a TSA.
pub const MAX_DIGESTS: usize = 256;
/// Largest amount in minor units, 2^53 − 1: exact in every JSON reader.
pub const MAX_AMOUNT: u64 = (1 << 53) - 1;
/// Size to which a disclosure is padded before it is sealed, in bytes.
pub const DISCLOSURE_SIZE: usize = 8 * 1024;
/// Most of their own actions that one side opens to the other: with every other part at its
/// longest they still fit [`DISCLOSURE_SIZE`].
pub const MAX_OPENED: usize = 64;
/// As [`MAX_OPENED`], beside a citizen card, whose certificate and signature take their place.
pub const MAX_OPENED_WITH_CARD: usize = 16;
/// Longest certificate of a citizen card in a disclosure, in bytes of its DER.
pub const MAX_DISCLOSED_CARD: usize = 2_560;
/// Most entries in one page of a log.
pub const MAX_PAGE: usize = 256;
/// Longest certificate or certification request accepted, in bytes of its DER.
pub const MAX_CERTIFICATE: usize = 4 * 1024;
/// Longest ticket accepted, in bytes of its compact JWS.
pub const MAX_TICKET: usize = 2 * 1024;
/// Longest proof accepted, in bytes of its compact JWS.
pub const MAX_PROOF: usize = 1024;
/// Longest certificate of a citizen card or of the state's CAs accepted, in bytes of its DER.
pub const MAX_CARD_CERTIFICATE: usize = 8 * 1024;
/// Most CA certificates that an application brings along.
pub const MAX_CARD_ISSUERS: usize = 4;
/// Longest offer accepted, in bytes of its compact JWS.
pub const MAX_OFFER: usize = 2 * 1024;
/// Longest statement of an issuer's key accepted, in bytes of its compact JWS.
pub const MAX_ISSUER: usize = 2 * 1024;
/// Most issuer keys on a key set: of this period, of the one before, and of the next.
pub const MAX_ISSUERS: usize = 3;
/// Size of an issuer's RSA modulus, and so of blinded requests and token signatures, in bytes.
pub const ISSUER_SIZE: usize = 384;
/// Size to which an application is padded before it is sealed, in bytes.
pub const APPLICATION_SIZE: usize = 16 * 1024;
/// Size to which an answer is padded before it is sealed, in bytes.
pub const ANSWER_SIZE: usize = 2 * 1024;
/// Size to which a delivery is padded before it is sealed, in bytes.
pub const DELIVERY_SIZE: usize = 25 * 1024;
/// Size to which the credentials in it are padded before they are sealed, in bytes.
pub const AUTHOR_SIZE: usize = 6 * 1024;
/// Seconds for which a broker is in contact and leaves a delivery unanswered before a witness says so.
pub const UNANSWERED_AFTER: u64 = 60;
/// Seconds after which a witness cosigns no more heads of a room for which a delivery waits.
pub const HEADS_WAIT_AFTER: u64 = 20;
/// Most characters of a letter's subject.
pub const MAX_SUBJECT: usize = 200;
/// Longest key set of a TSA accepted, in bytes of its JSON.
pub const MAX_JWKS: usize = 64 * 1024;

/// A public key that letters are sealed to, in bytes: ML-KEM-768 and X25519 (X-Wing).
pub const PREKEY_SIZE: u64 = 1_216;
/// Most blobs attached to one letter.
pub const MAX_ATTACHMENTS: usize = 8;
/// Most letters that wait in one box.
pub const MAX_LETTERS: u32 = 10_000;
/// Most bytes that wait in one box.
pub const MAX_BOX: u64 = 1024 * 1024 * 1024;
/// Most one-time keys that are published at once.
pub const MAX_STOCK: u32 = 256;
/// One-time keys of one box that a broker hands out at once.
pub const KEYS_AT_ONCE: u32 = 64;
/// Seconds after which it hands out one more.
pub const KEYS_REGAINED: u64 = 600;
/// Size of the frame that tells what became of a deposit, in bytes: with its length it fills a record, whatever it tells.
pub const TOLD_FRAME: usize = 16_380;
/// Most boxes in one page of those whose owners want to be found.
pub const MAX_PEOPLE: usize = 32;
/// Stocks that letters may be sealed to: one more, and the oldest lapses.
pub const MAX_STOCKS: usize = 8;
/// Most letters that are taken off at once.
pub const MAX_TAKEN: usize = 256;
/// One-time keys of a side of a reveal room that wait to be used, at most.
pub const MAX_WAITING_KEYS: usize = 8;
/// One-time keys that a side of a reveal room publishes in all: so much can be said to it.
pub const MAX_SAID: usize = 256;
/// One-time keys in one entry of a reveal room: as many as its action has room for.
pub const MAX_TALK_KEYS: usize = 5;
/// Seconds after the deadline of a reveal room for which its members may write to each other.
pub const TALK_AFTER: u64 = 30 * 24 * 3600;
/// Seconds after which a letter expires at the latest, if it does.
pub const LONGEST_EXPIRY: u64 = 366 * 24 * 3600;

/// Seconds after its stamp at which a registered letter lapses that was neither accepted nor declined.
pub const REGISTERED_FOR: u64 = 15 * 24 * 3600;

/// Version of the session's negotiation.
pub const VERSION: u64 = 1;
/// Longest frame of the session's negotiation (`hello`, `choice`), in bytes.
pub const MAX_NEGOTIATION: usize = 1024;
/// Most suites in a list.
pub const MAX_SUITES: usize = 16;
/// Longest name of a suite, in bytes.
pub const MAX_SUITE_NAME: usize = 64;
/// Size of the payloads of handshake messages 2 and 3, padding included, in bytes.
pub const HANDSHAKE_PAYLOAD: usize = 4096;
/// Sizes a record's plaintext is padded to, in bytes; the last fills a Noise message.
pub const RECORD_BUCKETS: [usize; 10] =
    [256, 512, 1024, 2048, 4096, 5120, 8192, 16_384, 32_768, 65_519];
/// Largest record with its tag, in bytes: Noise's limit for one message.
pub const MAX_RECORD: usize = 65_535;
/// Records after which a direction of a session changes its key.
pub const REKEY_RECORDS: u64 = 4096;
/// Bytes of ciphertext, tags included, after which a direction of a session changes its key.
pub const REKEY_BYTES: u64 = 16 * 1024 * 1024;
/// Most work that a puzzle may ask for, in leading zero bits: a second of a slow laptop at the most.
pub const MAX_EFFORT: u8 = 20;
/// Least work that a puzzle asks of a guest, in leading zero bits.
pub const MIN_GUEST_EFFORT: u8 = 16;
/// Age of the batch header that a puzzle names, in seconds of TSA time.
pub const MAX_PUZZLE_AGE: u64 = 30;
/// Largest counter of a puzzle, 2^53 − 1: exact in every JSON reader.
pub const MAX_COUNTER: u64 = (1 << 53) - 1;
/// Most passes that one persona gets for one day: what signs them fits one frame.
pub const MAX_PASSES: u32 = 100;
/// How many days ahead a broker states the key of a day's passes, at most.
pub const MAX_PASS_DAYS: u32 = 8;
/// Refusals of one persona that a broker keeps at once.
pub const REFUSALS_KEPT: u64 = 500;
/// Seconds after which it keeps one more.
pub const REFUSALS_REGAINED: u64 = 60;
/// Entries with keys that the owner of one box may have logged at once.
pub const KEYS_PUBLISHED: u32 = 16;
/// Seconds after which there may be one more.
pub const KEYS_PUBLISHED_REGAINED: u64 = 1_800;
/// Requests of one session for keys that letters are sealed to.
pub const KEYS_ASKED: u32 = 16;
/// Refusals of the owner of one box that a broker keeps at once.
pub const BOX_REFUSALS_KEPT: u64 = 16;
/// Seconds after which it keeps one more of these.
pub const BOX_REFUSALS_REGAINED: u64 = 3_600;
/// Submissions of one session in a row without a solution that was asked for, before it ends.
pub const MAX_UNSOLVED: u32 = 64;
/// Seconds within which a broker answers every request: by its result, or by a code.
pub const MAX_ANSWER: u64 = 20;
/// Bytes of the header of a binary frame.
pub const BLOB_HEADER: usize = 64;
/// Bytes of the largest piece of a blob: with header and length it fills the largest record.
pub const BLOB_PIECE: u64 = 65_451;
/// Most bytes of a blob; the largest class has 256 pieces.
pub const MAX_BLOB: u64 = 16 * 1024 * 1024;
/// Most pieces in one direction of a session of which nobody has said that they came.
pub const BLOB_CREDIT: usize = 4;
/// Seconds of TSA time for which a blob that no entry names is kept at least.
pub const BLOB_UNNAMED: u64 = 600;
/// Seconds for which the next piece of a blob that is being put may be waited for.
pub const BLOB_IDLE: u64 = 60;
/// Longest life of a session in seconds; both sides start a new handshake before.
pub const MAX_SESSION: u64 = 3600;

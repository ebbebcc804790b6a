//! What crosses the wire inside a session: the second of the three vocabularies (SPEC 9).
//!
//! One frame is one JSON object with one member, the frame's name; one record carries one frame.
//! Frames are bounded by [`MAX_FRAME`] before they are parsed (V-090). Blobs have binary frames besides
//! ([`crate::wire::blob`]).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::log::stamp::{BatchProof, FullStamp};
use crate::log::{Logged, Named, RoomName, TimelineEntry};
use crate::room::body::ReleasedLock;
use crate::trust::key::{OneTime, PublicKey, Signature};
use crate::trust::pass::{Day, Pass};
use crate::trust::persona::Blind;
use crate::value::codec::{Digest, base64url_list, hashes};
use crate::value::label::{self, MAX_FRAME, TOLD_FRAME};
use crate::wire::puzzle::Solution;

/// Why bytes are not a frame.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// Longer than [`MAX_FRAME`].
    #[error("a frame of {length} bytes is longer than {MAX_FRAME}")]
    TooLong {
        /// Its length.
        length: usize,
    },
    /// Not JSON of any frame of this version.
    #[error("not a frame of this version: {reason}")]
    Malformed {
        /// What the JSON reader says.
        reason: String,
    },
}

/// From a peer to its broker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromPeer {
    /// Asks for stamps over digests; the TSA sees neither peer nor content.
    Stamp {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// 1 to [`label::MAX_STAMPS`] digests of complete actions.
        digests: Vec<Digest>,
    },
    /// Hands in an action with its stamp.
    Submit {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// Compact JWS.
        action: String,
        /// Its stamp, with the header.
        stamp: FullStamp,
        /// Ties the one-time key to the persona of this session, for the broker only.
        blind: Blind,
        /// Solves the puzzle that the broker asks for, if it asks for one (V-194).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        solution: Option<Solution>,
    },
    /// Asks for the list of public rooms, from a position on, and for new ones as they open.
    Rooms {
        /// Position in the broker's list from which on rooms are wanted.
        from: u64,
    },
    /// Asks for a room's log from a position on, and for new entries as they are logged.
    Join {
        /// The room.
        room: RoomName,
        /// Entries the peer holds already.
        from: u64,
        /// For a private room: proof of membership.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        member: Option<Member>,
    },
    /// Asks for no more entries of a room.
    Leave {
        /// The room.
        room: RoomName,
    },
    /// A guest asks for keys of a box, for one letter (V-292).
    TakeKeys {
        /// Chosen by the peer, repeated in the answer, which is a binary frame ([`crate::wire::handed`]).
        n: u64,
        /// The box.
        room: RoomName,
    },
    /// A guest asks how a box was opened (V-295).
    BoxOpening {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// The box.
        room: RoomName,
    },
    /// A guest asks for boxes whose owners want to be found, from a position on (V-296).
    People {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// Position in the broker's list.
        from: u64,
    },
    /// A guest who left a letter asks what became of it (V-350).
    AboutDeposit {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// The box.
        room: RoomName,
        /// Position of the deposit in its log.
        deposit: u64,
        /// Size of the newest head of the log that the peer has met.
        from: u64,
        /// By the key that signed the deposit, over [`deposit_message`].
        signature: Signature,
    },
    /// A persona asks for passes (V-262).
    TakePasses {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// The day that they are for: today.
        day: Day,
        /// 1 to [`label::MAX_PASSES`] blinded requests of [`label::ISSUER_SIZE`] bytes each.
        #[serde(with = "base64url_list")]
        blinded: Vec<Vec<u8>>,
    },
    /// A guest shows a pass, which its session holds from then on (V-285).
    ShowPass {
        /// Chosen by the peer, repeated in the answer.
        n: u64,
        /// The pass.
        pass: Pass,
    },
}

/// Proof that the sender holds the key that makes them a member of a private room (V-091).
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// One-time key of the listing or of the winning bid.
    pub key: PublicKey<OneTime>,
    /// By that key over [`Member::message`].
    pub signature: Signature,
}

impl Member {
    /// What is signed: label ‖ session id ‖ room. It cannot be used in another session.
    #[must_use]
    pub fn message(session: &[u8; 32], room: RoomName) -> Vec<u8> {
        [label::JOIN.as_bytes(), session, &room.0].concat()
    }
}

/// What is signed by whoever asks what became of a deposit: label ‖ session id ‖ room ‖ position (8 bytes, big-endian). It
/// cannot be used in another session.
#[must_use]
pub fn deposit_message(session: &[u8; 32], room: RoomName, deposit: u64) -> Vec<u8> {
    let label = label::ABOUT_DEPOSIT.as_bytes();
    [label, session, &room.0, &deposit.to_be_bytes()].concat()
}

/// Where the passes of a broker come from, as `welcome` says it. Nobody signs it: the room shows by itself whether it is
/// one of this broker (V-289).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassesOffered {
    /// The public room in which their keys are stated; nothing right after a broker's first start, until it is opened:
    /// [`FromBroker::PassRoom`] names it then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub room: Option<RoomName>,
    /// How many each persona may take for one day, at most [`label::MAX_PASSES`].
    pub count: u32,
}

/// From a broker to a peer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum FromBroker {
    /// First frame of a session.
    Welcome {
        /// The newest batch header: TSA time.
        batch: String,
        /// Frames a second that the session may send on average (V-093).
        rate: u32,
        /// Frames that it may send at once.
        burst: u32,
        /// Where passes come from, if the broker makes any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passes: Option<PassesOffered>,
    },
    /// A newer batch header: TSA time moves on.
    Tick {
        /// Compact JWS.
        batch: String,
    },
    /// How much work a submission takes from now on (V-194); nothing until it is said.
    Effort {
        /// Leading zero bits; 0 is none.
        effort: u64,
    },
    /// Answer to [`FromPeer::Stamp`], in the order of the digests.
    Stamped {
        /// As in the request.
        n: u64,
        /// Header of the batch that all of them are in (compact JWS).
        batch: String,
        /// The place of each digest.
        stamps: Vec<BatchProof>,
    },
    /// The action is in the log, durably.
    Receipt {
        /// As in the request.
        n: u64,
        /// Position in the log.
        seq: u64,
        /// Inclusion proof in the tree of `head`.
        #[serde(with = "hashes")]
        path: Vec<Digest>,
        /// Signed head.
        head: String,
    },
    /// A disclosure is kept until the other side's arrives.
    Held {
        /// As in the request.
        n: u64,
        /// Compact JWS of a [`crate::wire::refusal::Held`].
        held: String,
    },
    /// The action was refused, with the broker's signature under the reason.
    Refused {
        /// As in the request.
        n: u64,
        /// Compact JWS of a [`crate::wire::refusal::Refusal`].
        refusal: String,
    },
    /// A request could not be carried out; no action was decided on.
    Failed {
        /// As in the request.
        n: u64,
        /// Stable code of an [`crate::room::Undecided`]; a broker has no other way to say no
        /// without its signature (V-070).
        code: String,
    },
    /// Public rooms, by position in the broker's list.
    Lobby {
        /// Position of the first of them.
        from: u64,
        /// Batch headers that the openings name, each once, in the order in which they first name
        /// them (V-028).
        headers: Vec<String>,
        /// First entry of each room's log, as logged.
        openings: Vec<Box<RawValue>>,
        /// Whether more follow at once.
        more: bool,
    },
    /// Answer to [`FromPeer::Join`].
    Joined {
        /// The room.
        room: RoomName,
        /// The newest signed head.
        head: String,
        /// Consistency proof from the size the peer holds to the head's.
        #[serde(with = "hashes")]
        consistency: Vec<Digest>,
    },
    /// Entries of a room, without gaps.
    Entries {
        /// The room.
        room: RoomName,
        /// Batch headers that the entries name, each once, in the order in which they first name them
        /// (V-028).
        headers: Vec<String>,
        /// As logged; what they hash to is these bytes.
        entries: Vec<Box<RawValue>>,
        /// The signed head that covers the last of them; absent while more of a page follow.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<String>,
    },
    /// Witnesses cosigned a head of a room that the peer follows.
    Cosigned {
        /// The room.
        room: RoomName,
        /// The signed head, with the cosignatures gathered so far.
        head: String,
    },
    /// A sealed auction that the peer follows waits for secrets of TSAs: these are out (V-232).
    Released {
        /// The room.
        room: RoomName,
        /// By rising place in the listing; each opens the key that its TSA stated in `sealing`.
        locks: Vec<ReleasedLock>,
    },
    /// Answer to [`FromPeer::BoxOpening`].
    BoxOpened {
        /// As in the request.
        n: u64,
        /// The batch header that the entry names (compact JWS).
        header: String,
        /// First entry of the box's log, as logged.
        entry: Box<RawValue>,
        /// Whether the box is closed: nobody signs that, and nothing more is left there.
        closed: bool,
    },
    /// Answer to [`FromPeer::People`].
    PeopleListed {
        /// As in the request.
        n: u64,
        /// Batch headers that the openings name, each once, in the order in which they first name them (V-028).
        headers: Vec<String>,
        /// First entry of each box's log, as logged.
        openings: Vec<Box<RawValue>>,
        /// Position from which on the next page is asked for; nothing after the last.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        next: Option<u64>,
    },
    /// Answer to [`FromPeer::AboutDeposit`], always of one size (V-352).
    DepositTold {
        /// As in the request.
        n: u64,
        /// The newest signed head of the box.
        head: String,
        /// Consistency proof from the size that the peer named to that of the head; empty if that is smaller.
        #[serde(with = "hashes")]
        consistency: Vec<Digest>,
        /// Inclusion proof of the deposit in the tree of the head.
        #[serde(with = "hashes")]
        path: Vec<Digest>,
        /// The entries about the deposit that its depositor may be told of, in their order (V-351).
        entries: Vec<TimelineEntry>,
    },
    /// The room in which keys of passes are stated is open, which it was not as the session began (V-357).
    PassRoom {
        /// Its name.
        room: RoomName,
    },
    /// Answer to [`FromPeer::TakePasses`]: each request signed, in their order (V-262).
    Passes {
        /// As in the request.
        n: u64,
        /// [`label::ISSUER_SIZE`] bytes each.
        #[serde(with = "base64url_list")]
        signatures: Vec<Vec<u8>>,
    },
    /// Answer to [`FromPeer::ShowPass`]: the session holds the pass (V-285).
    PassHeld {
        /// As in the request.
        n: u64,
    },
    /// A blob that was put is kept, durably.
    BlobKept {
        /// As in the request.
        n: u64,
        /// Its name.
        digest: Digest,
    },
    /// What was put or got under that number has ended; nothing is decided about an action (V-268).
    BlobFailed {
        /// As in the request.
        n: u64,
        /// Stable code: a [`crate::room::BlobCode`], `door.rate` or `frame.malformed`.
        code: String,
    },
    /// The peer is one of the two in a reveal room.
    Invited {
        /// The auction.
        auction: RoomName,
        /// The private room; to be joined with proof of membership.
        room: RoomName,
    },
    /// A request was refused before it became an action, or the session ends.
    Error {
        /// Stable code.
        code: String,
        /// What happened.
        message: String,
        /// The room that was asked for, if the request named one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomName>,
    },
}

impl FromPeer {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        parse(bytes)
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if it does not fit one record.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        encode(self)
    }
}

/// What a frame of a peer asks about: the broker's answer names it, also where it refuses the
/// frame unread (V-093).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// The number of a request.
    Request(u64),
    /// A room.
    Room(RoomName),
}

impl Subject {
    /// Looks for it in bytes that need not be a frame of this version; `None` if they name nothing.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Asked {
            n: Option<u64>,
            room: Option<RoomName>,
        }
        let frame: std::collections::BTreeMap<String, Asked> = parse(bytes).ok()?;
        let mut asked = frame.into_values();
        match (asked.next()?, asked.next()) {
            (Asked { n: Some(n), .. }, None) => Some(Self::Request(n)),
            (Asked { n: None, room }, None) => room.map(Self::Room),
            (_, Some(_)) => None,
        }
    }
}

impl FromBroker {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`FrameError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, FrameError> {
        let frame = parse(bytes)?;
        // V-352: a shorter one would show whoever watches what it tells.
        if matches!(frame, Self::DepositTold { .. }) && bytes.len() < TOLD_FRAME {
            let reason = format!("what is told of a deposit has {TOLD_FRAME} bytes");
            return Err(FrameError::Malformed { reason });
        }
        Ok(frame)
    }

    /// Writes a frame.
    ///
    /// # Errors
    /// [`FrameError::TooLong`] if it does not fit one record.
    pub fn encode(&self) -> Result<Vec<u8>, FrameError> {
        let mut bytes = encode(self)?;
        // V-352: nobody learns from the size what is told.
        if matches!(self, Self::DepositTold { .. }) && bytes.len() < TOLD_FRAME {
            bytes.resize(TOLD_FRAME, b' ');
        }
        Ok(bytes)
    }
}

/// Writes entries, given as logged, as [`FromBroker::Entries`] frames that each fit one record.
/// Each carries the headers that its own entries name; only the last carries the head. Nothing is
/// parsed again: this is the broker's hot path.
#[must_use]
pub fn encode_entries(room: RoomName, entries: &[Logged<'_>], head: Option<&str>) -> Vec<Vec<u8>> {
    let opening = format!(r#"{{"entries":{{"room":"{room}","headers":["#);
    let head = head.and_then(|head| serde_json::to_string(head).ok());
    let closing = match head {
        Some(head) => format!(r#"],"head":{head}}}}}"#),
        None => "]}}".to_owned(),
    };
    let budget = MAX_FRAME.saturating_sub(opening.len() + BETWEEN.len() + closing.len());
    let mut frames = Vec::new();
    let mut rest = entries;
    loop {
        let filled = Filled::with(rest, budget);
        rest = rest.get(filled.count..).unwrap_or_default();
        let closing = if rest.is_empty() { closing.as_str() } else { "]}}" };
        let Filled { headers, entries, .. } = filled;
        frames.push([&opening, &*headers, BETWEEN, &*entries, closing].concat().into_bytes());
        if rest.is_empty() {
            return frames;
        }
    }
}

const BETWEEN: &str = r#"],"entries":["#;

/// Writes openings, given as logged, as one [`FromBroker::Lobby`] frame with as many as fit, and says
/// how many those are. `known` is the length of the broker's list.
#[must_use]
pub fn encode_lobby(from: u64, openings: &[Logged<'_>], known: u64) -> (Vec<u8>, usize) {
    let opening = format!(r#"{{"lobby":{{"from":{from},"headers":["#);
    let between = r#"],"openings":["#;
    let budget = MAX_FRAME.saturating_sub(opening.len() + between.len() + 20);
    let Filled { headers, entries, count } = Filled::with(openings, budget);
    let more = from.saturating_add(count as u64) < known;
    let closing = format!(r#"],"more":{more}}}}}"#);
    ([&opening, &*headers, between, &*entries, &closing].concat().into_bytes(), count)
}

/// Writes openings of boxes, each with its position in the broker's list and given as logged, as one
/// [`FromBroker::PeopleListed`] frame with as many as fit. `next` is where the list goes on behind them.
#[must_use]
pub fn encode_people(n: u64, openings: &[(u64, Logged<'_>)], next: Option<u64>) -> Vec<u8> {
    let opening = format!(r#"{{"people-listed":{{"n":{n},"headers":["#);
    let between = r#"],"openings":["#;
    let budget = MAX_FRAME.saturating_sub(opening.len() + between.len() + 40);
    let logged: Vec<Logged<'_>> = openings.iter().map(|(_, logged)| *logged).collect();
    let Filled { headers, entries, count } = Filled::with(&logged, budget);
    let next = openings.get(count).map(|(position, _)| *position).or(next);
    let closing = match next {
        Some(next) => format!(r#"],"next":{next}}}}}"#),
        None => "]}}".to_owned(),
    };
    [&opening, &*headers, between, &*entries, &closing].concat().into_bytes()
}

/// What of some entries goes into one frame, as JSON without the brackets.
struct Filled {
    headers: String,
    entries: String,
    count: usize,
}

impl Filled {
    /// Takes entries with their headers as long as they fit, and at least one.
    fn with(from: &[Logged<'_>], budget: usize) -> Self {
        let mut named = Named::default();
        let mut filled = Self { headers: String::new(), entries: String::new(), count: 0 };
        for Logged { entry, header } in from {
            // Two quotes and a comma.
            let header_takes = if named.would_be_new(header) { header.len() + 3 } else { 0 };
            let taken = filled.headers.len() + filled.entries.len();
            if filled.count > 0 && taken + header_takes + entry.len() + 1 > budget {
                break;
            }
            if named.is_new(header) {
                // The letters of a compact JWS need no escape.
                let comma = if filled.headers.is_empty() { "" } else { "," };
                filled.headers.extend([comma, "\"", header, "\""]);
            }
            let comma = if filled.count == 0 { "" } else { "," };
            filled.entries.extend([comma, entry]);
            filled.count += 1;
        }
        filled
    }
}

fn parse<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, FrameError> {
    if bytes.len() > MAX_FRAME {
        return Err(FrameError::TooLong { length: bytes.len() });
    }
    serde_json::from_slice(bytes)
        .map_err(|error| FrameError::Malformed { reason: error.to_string() })
}

fn encode<T: Serialize>(frame: &T) -> Result<Vec<u8>, FrameError> {
    let bytes = serde_json::to_vec(frame)
        .map_err(|error| FrameError::Malformed { reason: error.to_string() })?;
    if bytes.len() <= MAX_FRAME {
        Ok(bytes)
    } else {
        Err(FrameError::TooLong { length: bytes.len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_are_pinned_byte_for_byte() {
        let stamp = FromPeer::Stamp { n: 7, digests: vec![Digest([0; 32])] };
        let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(
            String::from_utf8(stamp.encode().unwrap()).unwrap(),
            format!(r#"{{"stamp":{{"n":7,"digests":["{zeros}"]}}}}"#)
        );
        let join = FromPeer::Join { room: RoomName([0; 32]), from: 3, member: None };
        assert_eq!(
            String::from_utf8(join.encode().unwrap()).unwrap(),
            format!(r#"{{"join":{{"room":"{}","from":3}}}}"#, "0".repeat(64))
        );
    }

    #[test]
    fn frames_about_passes_are_pinned_byte_for_byte() {
        let take = FromPeer::TakePasses { n: 7, day: Day(20_779), blinded: vec![vec![0; 3]] };
        assert_eq!(
            String::from_utf8(take.encode().unwrap()).unwrap(),
            r#"{"take-passes":{"n":7,"day":20779,"blinded":["AAAA"]}}"#
        );
        let zeros = "A".repeat(43);
        let signature = "A".repeat(512);
        let shown = format!(
            r#"{{"show-pass":{{"n":7,"pass":{{"day":1,"serial":"{zeros}","randomizer":"{zeros}","signature":"{signature}"}}}}}}"#
        );
        let read = FromPeer::parse(shown.as_bytes()).unwrap();
        assert_eq!(String::from_utf8(read.encode().unwrap()).unwrap(), shown);
        for (frame, text) in [
            (FromBroker::PassHeld { n: 7 }, r#"{"pass-held":{"n":7}}"#),
            (
                FromBroker::Passes { n: 7, signatures: vec![vec![255]] },
                r#"{"passes":{"n":7,"signatures":["_w"]}}"#,
            ),
        ] {
            assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), text);
        }
        // A broker that makes none says nothing of them.
        let welcome = FromBroker::Welcome { batch: String::new(), rate: 1, burst: 2, passes: None };
        assert_eq!(welcome.encode().unwrap(), br#"{"welcome":{"batch":"","rate":1,"burst":2}}"#);
    }

    #[test]
    fn v262_as_many_as_a_persona_gets_fit_one_frame_in_either_direction() {
        let whole = vec![0xff; label::ISSUER_SIZE];
        let most = usize::try_from(label::MAX_PASSES).unwrap();
        let take = |many| {
            let (n, day, blinded) = (u64::MAX, Day(u32::MAX), vec![whole.clone(); many]);
            FromPeer::TakePasses { n, day, blinded }.encode()
        };
        let passes = |many| {
            let signatures = vec![whole.clone(); many];
            FromBroker::Passes { n: u64::MAX, signatures }.encode()
        };
        assert!(take(most).is_ok() && passes(most).is_ok());
        assert!(take(2 * most).is_err() && passes(2 * most).is_err());
    }

    #[test]
    fn what_is_no_frame_is_refused() {
        for text in [
            "",
            "{}",
            "[]",
            "null",
            r#"{"stamp":{"n":7}}"#,
            r#"{"stamp":{"n":-1,"digests":[]}}"#,
            r#"{"stamp":{"n":7,"digests":[]},"leave":{"room":""}}"#,
            r#"{"rooms":{"from":0,"extra":1}}"#,
            r#"{"rooms":{"from":0,"from":1}}"#,
            r#"{"leave":{"room":"00"}}"#,
            r#"{"shout":{}}"#,
            r#"{"take-passes":{"n":7,"day":-1,"blinded":[]}}"#,
            r#"{"take-passes":{"n":7,"day":4294967296,"blinded":[]}}"#,
            r#"{"take-passes":{"n":7,"day":1,"blinded":"AAAA"}}"#,
            r#"{"take-passes":{"n":7,"day":1,"blinded":["AAA="]}}"#,
            r#"{"take-passes":{"n":7,"blinded":[]}}"#,
            r#"{"show-pass":{"n":7}}"#,
            r#"{"show-pass":{"n":7,"pass":"AAAA"}}"#,
            r#"{"show-pass":{"n":7,"pass":{"day":1,"serial":"AA","randomizer":"AA","signature":""}}}"#,
        ] {
            assert!(FromPeer::parse(text.as_bytes()).is_err(), "{text}");
        }
        let long = vec![b' '; MAX_FRAME + 1];
        let refused = FromPeer::parse(&long).unwrap_err();
        assert_eq!(refused, FrameError::TooLong { length: MAX_FRAME + 1 });
    }

    #[test]
    fn v093_a_frame_that_is_refused_unread_still_names_what_it_asked_for() {
        let room = RoomName([3; 32]);
        let subject = |text: &str| Subject::of(text.replace("ROOM", &room.to_string()).as_bytes());
        for (text, named) in [
            (r#"{"stamp":{"n":7,"digests":[]}}"#, Some(Subject::Request(7))),
            (r#"{"submit":{"n":18446744073709551615}}"#, Some(Subject::Request(u64::MAX))),
            (r#"{"submit":{"n":7,"action":{"n":8},"extra":[1,{}]}}"#, Some(Subject::Request(7))),
            (r#"{"shout":{"n":7}}"#, Some(Subject::Request(7))),
            (r#"{"join":{"room":"ROOM","from":0}}"#, Some(Subject::Room(room))),
            (r#"{"leave":{"room":"ROOM","n":null}}"#, Some(Subject::Room(room))),
            (r#"{"rooms":{"from":0}}"#, None),
            (r#"{"stamp":{"n":7,"n":8}}"#, None),
            (r#"{"stamp":{"n":-7}}"#, None),
            (r#"{"stamp":{"n":18446744073709551616}}"#, None),
            (r#"{"stamp":{"n":7.0}}"#, None),
            (r#"{"stamp":{"n":7},"submit":{"n":8}}"#, None),
            (r#"{"leave":{"room":"00"}}"#, None),
            (r#"{"stamp":7}"#, None),
            (r#"{"stamp":{"n":7}"#, None),
            ("7", None),
            ("", None),
        ] {
            assert_eq!(subject(text), named, "{text}");
        }
        assert_eq!(Subject::of(&vec![b' '; MAX_FRAME + 1]), None);
    }

    #[test]
    fn v091_a_proof_of_membership_holds_in_one_session_and_room() {
        let key = crate::trust::key::SecretKey::<OneTime>::from_seed(&[1; 32]);
        let (session, room) = ([2; 32], RoomName([3; 32]));
        let message = Member::message(&session, room);
        assert_eq!(message, [label::JOIN.as_bytes(), &[2; 32], &[3; 32]].concat());
        let signature = key.sign(&message);
        let shown = |session: [u8; 32], room| {
            key.public().verify(&Member::message(&session, room), &signature)
        };
        assert!(shown(session, room).is_ok());
        assert!(shown([4; 32], room).is_err());
        assert!(shown(session, RoomName([4; 32])).is_err());
    }

    #[test]
    fn v090_a_frame_is_at_most_65_000_bytes() {
        let frame = |length: usize| {
            let digests = "x".repeat(length - r#"{"submit":""}"#.len());
            FromPeer::parse(format!(r#"{{"submit":"{digests}"}}"#).as_bytes()).unwrap_err()
        };
        assert!(matches!(frame(65_000), FrameError::Malformed { .. }));
        assert_eq!(frame(65_001), FrameError::TooLong { length: 65_001 });
    }

    #[test]
    fn v090_stamps_of_the_longest_kind_fit_one_frame() {
        let path = vec![Digest([0; 32]); label::MAX_STAMP_PATH];
        let longest = BatchProof { index: u64::MAX, path };
        let stamped = |many| {
            let (batch, stamps) = ("b".repeat(label::MAX_BATCH), vec![longest.clone(); many]);
            FromBroker::Stamped { n: u64::MAX, batch, stamps }.encode().unwrap()
        };
        let frame = stamped(label::MAX_STAMPS);
        let FromBroker::Stamped { stamps, .. } = FromBroker::parse(&frame).unwrap() else {
            panic!("another frame")
        };
        assert_eq!(stamps.len(), label::MAX_STAMPS);
        let digests = vec![Digest([0; 32]); label::MAX_STAMPS];
        FromPeer::Stamp { n: u64::MAX, digests }.encode().unwrap();
        // The number is not only small enough: twice as many would take the largest record.
        let half = 32_768;
        assert!(frame.len() + 4 <= half && stamped(2 * label::MAX_STAMPS).len() + 4 > half);
    }

    /// Entries with the headers they name, of these sizes.
    fn entries(entry: usize, header: usize, named: &[u8]) -> Vec<(String, String)> {
        let made = named.iter().enumerate().map(|(at, name)| {
            let text = format!(r#"{{"seq":{at},"x":"{}"}}"#, "y".repeat(entry));
            (text, format!("{name}.{}", "h".repeat(header)))
        });
        made.collect()
    }

    fn logged(entries: &[(String, String)]) -> Vec<Logged<'_>> {
        entries.iter().map(|(entry, header)| Logged { entry, header }).collect()
    }

    #[test]
    fn v028_many_entries_are_cut_into_frames_that_fit_with_the_headers_of_their_own() {
        let names: Vec<u8> = (0..60).map(|at| at / 7).collect();
        let made = entries(3_000, 1_000, &names);
        let frames = encode_entries(RoomName([1; 32]), &logged(&made), Some("head\n"));
        assert!(frames.len() > 1);
        let mut rest = made.as_slice();
        for (at, frame) in frames.iter().enumerate() {
            let FromBroker::Entries { headers, entries, head, .. } =
                FromBroker::parse(frame).unwrap()
            else {
                panic!("another frame")
            };
            let (these, others) = rest.split_at(entries.len());
            rest = others;
            assert!(entries.iter().zip(these).all(|(raw, (text, _))| raw.get() == text));
            assert_eq!(headers, crate::log::headers(logged(these)));
            assert_eq!(head.is_some(), at + 1 == frames.len());
        }
        assert!(rest.is_empty());
    }

    #[test]
    fn a_frame_of_entries_is_pinned_byte_for_byte() {
        let made = [("{}", "a.b.c"), ("[]", "d.e.f"), ("{}", "a.b.c")];
        let made: Vec<Logged<'_>> =
            made.iter().map(|(entry, header)| Logged { entry, header }).collect();
        let room = RoomName([0; 32]);
        let zeros = "0".repeat(64);
        let frame = |entries: &[Logged<'_>], head| {
            let [frame] = <[_; 1]>::try_from(encode_entries(room, entries, head)).unwrap();
            String::from_utf8(frame).unwrap()
        };
        assert_eq!(
            frame(&made, Some("h")),
            format!(
                r#"{{"entries":{{"room":"{zeros}","headers":["a.b.c","d.e.f"],"entries":[{{}},[],{{}}],"head":"h"}}}}"#
            )
        );
        assert_eq!(
            frame(&[], None),
            format!(r#"{{"entries":{{"room":"{zeros}","headers":[],"entries":[]}}}}"#)
        );
    }

    #[test]
    fn openings_fill_a_frame_and_no_more() {
        let made = entries(6_000, 600, &[1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        let mut from = 0;
        let mut rest = made.as_slice();
        while !rest.is_empty() {
            let (frame, count) = encode_lobby(from, &logged(rest), 16);
            let FromBroker::Lobby { from: at, headers, openings, more } =
                FromBroker::parse(&frame).unwrap()
            else {
                panic!("another frame")
            };
            let (these, others) = rest.split_at(count);
            assert_eq!((at, openings.len(), more), (from, count, !others.is_empty()));
            assert_eq!(headers, crate::log::headers(logged(these)));
            rest = others;
            from += count as u64;
        }
        let (frame, count) = encode_lobby(3, &[], 3);
        assert_eq!(count, 0);
        assert_eq!(frame, br#"{"lobby":{"from":3,"headers":[],"openings":[],"more":false}}"#);
    }

    #[test]
    fn v296_a_page_of_people_fills_a_frame_and_says_where_the_list_goes_on() {
        let made = entries(6_000, 600, &[1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
        // Closed boxes leave gaps.
        let at: Vec<(u64, Logged<'_>)> =
            logged(&made).into_iter().zip(0..).map(|(entry, at)| (at * 3 + 1, entry)).collect();
        let page =
            |openings, next| match FromBroker::parse(&encode_people(7, openings, next)).unwrap() {
                FromBroker::PeopleListed { n: 7, headers, openings, next } => {
                    (headers, openings.len(), next)
                }
                other => panic!("{other:?}"),
            };
        let (headers, count, next) = page(&at, Some(99));
        assert!(count > 5 && count < 12);
        assert_eq!(next, Some(at[count].0));
        assert_eq!(headers, crate::log::headers(logged(&made[..count])));
        assert_eq!(page(&at[count..], Some(99)).2, Some(99));
        assert_eq!(page(&at[count..], None).1, 12 - count);
        assert_eq!(page(&at[count..], None).2, None);
        let empty = br#"{"people-listed":{"n":7,"headers":[],"openings":[]}}"#;
        assert_eq!(encode_people(7, &[], None), empty);
    }

    #[test]
    fn v352_what_is_told_of_a_deposit_has_one_size_whatever_it_is() {
        use crate::log::stamp::Stamp;
        use crate::log::{Entry, SeenPath};
        use crate::room::action::{Draft, Seen};
        use crate::room::body::{Body, HandedHalf, OneLetter, Taken};
        use crate::trust::key::SecretKey;
        const ENTRIES: u64 = 1 << 20;
        // All that a path to a root of so many has.
        let path = || vec![Digest([255; 32]); 20];
        let told = |entries: Vec<TimelineEntry>, hashes: usize| FromBroker::DepositTold {
            n: label::MAX_COUNTER,
            head: "h".repeat(420),
            consistency: vec![Digest([255; 32]); hashes],
            path: if entries.is_empty() { Vec::new() } else { path() },
            entries,
        };
        let entry = |body: Body| {
            let is_brokers = body.is_brokers();
            let id = crate::letter::fixture::id(u128::MAX);
            let seen = Seen { size: ENTRIES - 1, root: Digest([255; 32]) };
            let draft = Draft { id, room: Some(RoomName([255; 32])), body, seen };
            let action = if is_brokers {
                draft.sign_as_broker(&crate::room::fixture::entry_key())
            } else {
                draft.sign_as_owner(&SecretKey::from_seed(&[1; 32]))
            };
            // The largest batch.
            let (header, index) = (Digest([255; 32]), label::MAX_BATCH as u64 - 1);
            let stamp = Stamp { header, index, path: vec![Digest([255; 32]); 10] };
            let entry =
                Entry { seq: ENTRIES - 1, action: action.unwrap().compact().to_owned(), stamp };
            TimelineEntry {
                header: "a".repeat(620),
                entry: entry.encode(),
                path: path(),
                seen: (!is_brokers).then(|| SeenPath(path())),
            }
        };
        // As many as there may be, in a log of 2^20 entries: accepted, handed, and taken with as many others as it takes.
        let letter = ENTRIES - 2;
        let half = crate::letter::Half::from_random([255; 32]);
        let letters = (1..=label::MAX_TAKEN as u64).map(|n| letter - n).rev().collect();
        let entries = vec![
            entry(Body::Accepted(OneLetter { letter })),
            entry(Body::Handed(HandedHalf { letter, half })),
            entry(Body::Taken(Taken { letters, told: true })),
        ];
        let least = told(Vec::new(), 0).encode().unwrap();
        let most = told(entries, 21).encode().unwrap();
        let [.., bucket, _, _] = label::RECORD_BUCKETS;
        for bytes in [least, most] {
            assert_eq!(bytes.len(), TOLD_FRAME);
            assert_eq!(bytes.len() + crate::value::padding::PREFIX, bucket);
            assert!(matches!(FromBroker::parse(&bytes), Ok(FromBroker::DepositTold { .. })));
            assert!(bytes.ends_with(b" "), "there is room for more");
            // One that is shorter is none.
            assert!(FromBroker::parse(&bytes[..TOLD_FRAME - 1]).is_err());
        }
        // Only this one is filled.
        assert!(FromBroker::PassHeld { n: 1 }.encode().unwrap().len() < 40);
    }

    #[test]
    fn frames_about_deposits_are_pinned_byte_for_byte() {
        let room = RoomName([0; 32]);
        let signature = Signature([0; 64]);
        let (zeros, signed) = ("0".repeat(64), "A".repeat(86));
        let frame = FromPeer::AboutDeposit { n: 7, room, deposit: 2, from: 3, signature };
        let text = format!(
            r#"{{"about-deposit":{{"n":7,"room":"{zeros}","deposit":2,"from":3,"signature":"{signed}"}}}}"#
        );
        assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), text);
        assert_eq!(Subject::of(text.as_bytes()), Some(Subject::Request(7)));
        let told = FromBroker::DepositTold {
            n: 7,
            head: "h".to_owned(),
            consistency: Vec::new(),
            path: Vec::new(),
            entries: Vec::new(),
        };
        let text =
            br#"{"deposit-told":{"n":7,"head":"h","consistency":"","path":"","entries":[]}}"#;
        assert!(told.encode().unwrap().starts_with(text));
        let signed = deposit_message(&[1; 32], RoomName([2; 32]), 3);
        let mut expected = b"pregao/about-deposit/v1".to_vec();
        expected.extend([1; 32]);
        expected.extend([2; 32]);
        expected.extend([0, 0, 0, 0, 0, 0, 0, 3]);
        assert_eq!(signed, expected);
    }

    #[test]
    fn frames_about_boxes_are_pinned_byte_for_byte() {
        let room = RoomName([0; 32]);
        let zeros = "0".repeat(64);
        for (frame, text) in [
            (
                FromPeer::TakeKeys { n: 7, room },
                format!(r#"{{"take-keys":{{"n":7,"room":"{zeros}"}}}}"#),
            ),
            (
                FromPeer::BoxOpening { n: 7, room },
                format!(r#"{{"box-opening":{{"n":7,"room":"{zeros}"}}}}"#),
            ),
            (FromPeer::People { n: 7, from: 3 }, r#"{"people":{"n":7,"from":3}}"#.to_owned()),
        ] {
            assert_eq!(String::from_utf8(frame.encode().unwrap()).unwrap(), text);
            assert_eq!(Subject::of(text.as_bytes()), Some(Subject::Request(7)));
        }
        let entry = RawValue::from_string("{}".to_owned()).unwrap();
        let opened =
            FromBroker::BoxOpened { n: 7, header: "a.b.c".to_owned(), entry, closed: true };
        let text = br#"{"box-opened":{"n":7,"header":"a.b.c","entry":{},"closed":true}}"#;
        assert_eq!(opened.encode().unwrap(), text);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = (FromPeer::parse(&bytes), Subject::of(&bytes));
            let _ = FromBroker::parse(&bytes);
        }
    }
}

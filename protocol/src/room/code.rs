//! Stable codes of refusals: the words a program may rely on (SPEC 9).

macro_rules! codes {
    ($(#[$about:meta])* $name:ident:
        $($(#[$doc:meta])* $variant:ident = $code:literal, $message:literal, $advice:literal;)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$doc])* $variant,)*
        }

        impl $name {
            /// Every code, in the order of the specification.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable text form.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// What happened, for a person.
            #[must_use]
            pub const fn message(self) -> &'static str {
                match self { $(Self::$variant => $message,)* }
            }

            /// What to do next, for a person.
            #[must_use]
            pub const fn advice(self) -> &'static str {
                match self { $(Self::$variant => $advice,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownCode;
            fn from_str(text: &str) -> Result<Self, UnknownCode> {
                Self::ALL.iter().copied().find(|code| code.as_str() == text).ok_or(UnknownCode)
            }
        }
    };
}

/// A code that decides nothing about an action: the only ones that may go unsigned (V-070). Each
/// is about the submission, that is load, store, time, or what was handed in beside the action;
/// the same action may be handed in again, and may be in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Undecided(Code);

impl Undecided {
    /// The bytes are no action that a peer may hand in.
    pub const PARSE: Self = Self(Code::Parse);
    /// The blind handed in beside the action is not its own.
    pub const BLIND: Self = Self(Code::Blind);
    /// The room is not known here, so there is no log to decide by.
    pub const ROOM_UNKNOWN: Self = Self(Code::RoomUnknown);
    /// The stamp handed in beside the action is by no TSA that is known here.
    pub const STAMP_UNKNOWN_TSA: Self = Self(Code::StampUnknownTsa);
    /// The stamp handed in beside the action is not its own.
    pub const STAMP_OTHER: Self = Self(Code::StampOther);
    /// The request has another form than it may have.
    pub const FRAME_MALFORMED: Self = Self(Code::FrameMalformed);
    /// There is no TSA time.
    pub const TSA_DOWN: Self = Self(Code::TsaDown);
    /// Too much at once.
    pub const DOOR_RATE: Self = Self(Code::DoorRate);
    /// Nothing can be stored.
    pub const STORE_FAILED: Self = Self(Code::StoreFailed);
    /// Not decided within the time for an answer (V-098).
    pub const SLOW: Self = Self(Code::Slow);

    /// A puzzle is asked for, and was not solved (V-194).
    pub const PUZZLE: Self = Self(Code::Puzzle);
    /// So many refusals of this persona are kept that no more is (V-196).
    pub const REFUSALS: Self = Self(Code::Refusals);

    /// Handed in by a session of another kind than it takes (V-284).
    pub const DOOR_SESSION: Self = Self(Code::DoorSession);

    /// It needs a pass, and the session has shown none (V-287).
    pub const PASS_NONE: Self = Self(Code::PassNone);

    /// The box is closed (V-292).
    pub const BOX_CLOSED: Self = Self(Code::BoxClosed);
    /// The box has no keys yet (V-292).
    pub const BOX_NO_KEYS: Self = Self(Code::BoxNoKeys);
    /// The pass took keys of another box (V-292).
    pub const KEYS_PASS: Self = Self(Code::KeysPass);

    /// The pass was shown or spent before, on something else (V-286).
    pub const PASS_SPENT: Self = Self(Code::PassSpent);
    /// There are no passes of that day now (V-262, V-285).
    pub const PASS_DAY: Self = Self(Code::PassDay);
    /// More passes than the persona may have on that day (V-263).
    pub const PASS_QUOTA: Self = Self(Code::PassQuota);
    /// Not a pass of this broker (V-285).
    pub const PASS_BROKER: Self = Self(Code::PassBroker);

    /// All of them.
    pub const ALL: [Self; 21] = [
        Self::PARSE,
        Self::BLIND,
        Self::ROOM_UNKNOWN,
        Self::STAMP_UNKNOWN_TSA,
        Self::STAMP_OTHER,
        Self::FRAME_MALFORMED,
        Self::TSA_DOWN,
        Self::DOOR_RATE,
        Self::STORE_FAILED,
        Self::SLOW,
        Self::PUZZLE,
        Self::REFUSALS,
        Self::DOOR_SESSION,
        Self::PASS_NONE,
        Self::BOX_CLOSED,
        Self::BOX_NO_KEYS,
        Self::KEYS_PASS,
        Self::PASS_SPENT,
        Self::PASS_DAY,
        Self::PASS_QUOTA,
        Self::PASS_BROKER,
    ];

    /// The code.
    #[must_use]
    pub const fn code(self) -> Code {
        self.0
    }
}

impl std::str::FromStr for Undecided {
    type Err = UnknownCode;
    fn from_str(text: &str) -> Result<Self, UnknownCode> {
        Self::ALL.into_iter().find(|code| code.0.as_str() == text).ok_or(UnknownCode)
    }
}

codes! {
    /// Why a room is not shown, or a session ends: the codes of unsigned `error` frames beside those
    /// of [`Code`] (SPEC 9). They decide nothing about an action.
    ErrorCode:
    /// The session follows as many rooms as it may.
    RoomsLimit = "door.rooms", "too many rooms are followed at once",
        "leave another room first";
    /// The log is shorter than the one that the peer holds.
    RoomShorter = "room.shorter", "the log here is shorter than the one you hold",
        "keep both heads as evidence";
    /// The session is as old as it may get.
    SessionExpired = "session.expired", "the session is as old as it may get",
        "connect again";
    /// Nothing came from the peer for too long, not even an answer to a ping.
    SessionIdle = "session.idle", "nothing was heard for too long",
        "connect again";
    /// The broker stops.
    BrokerStopping = "broker.stopping", "the broker stops",
        "connect again in a while";
    /// Submission after submission came without the solution that was asked for (V-197).
    SessionUnsolved = "session.unsolved", "the puzzles that were asked for were not solved",
        "update the program: it solves puzzles by itself";
}

codes! {
    /// Why a blob is not kept or not given: the codes of `blob-failed` (SPEC 9.3). They decide nothing
    /// about an action.
    BlobCode:
    /// This session may not put or get this.
    Forbidden = "blob.forbidden", "this may not be stored or fetched here",
        "this is a fault of the program that made it; update it";
    /// The size, or the place asked for, is not one that such a blob has.
    Size = "blob.size", "there is no blob of this size, or no such place in it",
        "this is a fault of the program that made it; update it";
    /// The bytes are not those that the digest names.
    Hash = "blob.hash", "what arrived is not what was announced",
        "do it again; if it recurs, the file changes while it is sent";
    /// Not the next piece, one of something that was never begun, or more than may be on their way.
    Order = "blob.order", "the pieces did not come in order, or too many at once",
        "do it again; if it recurs, update the program";
    /// More at once than one may store or fetch.
    Quota = "blob.quota", "too much is being stored or fetched at once",
        "wait until what is under way is done, then do it again";
    /// Not kept here.
    Unknown = "blob.unknown", "the broker does not keep this, or no longer",
        "ask whoever left it to send it again";
    /// The disk is full.
    NoSpace = "blob.no-space", "the broker has no space left; nothing was stored",
        "try again later, and tell whoever runs the broker";
    /// Anything else that the disk says.
    Failed = "blob.failed", "the broker could not store or read it; nothing was stored",
        "try again later";
}

codes! {
    /// Why an action was refused. The text form, e.g. `bid.too-low`, is stable.
    Code:
    /// Not an action in its canonical encoding, or badly signed.
    Parse = "parse", "the action is malformed or its signature does not verify",
        "this is a fault of the program that made it; update it";
    /// The blind does not tie the one-time key to the persona of this session.
    Blind = "blind.wrong", "the one-time key does not belong to this persona",
        "this is a fault of the program that made it; update it";
    /// The room does not exist here.
    RoomUnknown = "room.unknown", "there is no such room at this broker",
        "use /items to see the rooms there are";
    /// The action names another room than the one it was put into.
    RoomOther = "room.other", "the action belongs to another room",
        "bid again in the room you mean";
    /// Rooms of this kind have no such verb.
    VerbKind = "verb.kind", "nothing of this sort is done in a room of this kind",
        "use /items to see which room is which";
    /// The verb is another's to use.
    VerbAuthor = "verb.author", "this is for somebody else in this room to do",
        "use /items to see where the auction stands";
    /// Not at this point of the room.
    VerbPhase = "verb.phase", "this cannot be done at this point",
        "use /items to see where the auction stands";
    /// The stamp's TSA is not one the listing names.
    StampUnknownTsa = "stamp.unknown-tsa", "the stamp is from a TSA this room does not accept",
        "connect to a broker that uses the room's TSA";
    /// The stamp is for other bytes.
    StampOther = "stamp.other-digest", "the stamp is for another action",
        "this is a fault of the program that made it; update it";
    /// The stamp is older than the freshness bound allows.
    StampStale = "stamp.stale", "the stamp is too old by the time the action arrived",
        "do it again; if it recurs, your connection is too slow";
    /// The stamp contradicts another stamp in this log.
    StampContradiction = "stamp.contradiction", "two stamps of this TSA contradict each other",
        "keep this message: it is evidence against the TSA";
    /// `seen` is no head this log ever had.
    SeenFalse = "seen.false", "the action builds on a log that this room never had",
        "leave and join the room again; if it recurs, keep both heads as evidence";
    /// `seen` misses entries that are too old to be missed.
    SeenStale = "seen.stale", "the action was made without knowing older entries of the room",
        "wait until the room has caught up, then do it again";
    /// The one-time key, or the very same action, already occurs in this room.
    KeyReused = "key.reused", "the one-time key was used before",
        "do it again: every action makes a fresh key";
    /// The listing's terms contradict each other or the protocol.
    ListingTerms = "listing.terms", "the terms of the listing are not possible",
        "check amounts, increment and times";
    /// The end is not after the listing's own stamp, or too far off.
    ListingEnd = "listing.end", "the auction would end before it begins, or in more than a year",
        "choose another duration";
    /// The listing names other keys than this broker and its TSA have.
    ListingKeys = "listing.keys", "the listing names other keys than this broker's",
        "connect again so that your program learns the broker's keys";
    /// The seller's rule is none, or errs where it may not.
    ListingRule = "listing.rule", "the seller's rule cannot be read, or does not always have an answer",
        "try it with: pregao rule check FILE";
    /// The statement about citizens' personas does not hold, or not for as long as the auction can last.
    ListingCitizens = "listing.citizens", "the listing asks for personas of citizens by a statement that does not hold for it",
        "connect again so that your program learns the TSA's issuers, or end it earlier";
    /// Below the least acceptable amount; equal to the highest counts as below.
    BidTooLow = "bid.too-low", "the bid is too low",
        "bid at least the highest bid plus the increment";
    /// Above the largest acceptable amount.
    BidTooHigh = "bid.too-high", "the bid raises the price by more than the seller allows",
        "bid less: the auction's terms give the largest raise";
    /// Stamped at or after the end, or logged after the close or after a bid that bought the item.
    BidLate = "bid.late", "the auction had ended by then",
        "use /items to find auctions that are open";
    /// Stamped before the listing, or before the auction begins.
    BidEarly = "bid.early", "the bid was stamped before the auction began",
        "bid again once it has begun";
    /// In another currency than the listing's.
    BidCurrency = "bid.currency", "the bid is in another currency than the auction",
        "bid in the auction's currency";
    /// The seller's rule says no, or has no answer.
    BidRule = "bid.rule", "the seller's rule does not allow this bid",
        "the auction's terms show the rule in words and as the seller wrote it";
    /// Not of the form that sealed bids of this auction have.
    BidSealed = "bid.sealed", "the bid is not sealed as this auction asks",
        "this is a fault of the program that made it; update it";
    /// Under a paddle whose holder it is not shown to be by.
    BidPaddle = "bid.paddle", "somebody else bids under this paddle",
        "choose another with /paddle; it is yours once a bid under it counts";
    /// One more than the seller allows each bidder.
    BidLimit = "bid.limit", "you have made as many bids as the seller allows each bidder",
        "nothing more can be bid in this auction; the auction's terms give the number";
    /// By the persona that listed the item.
    BidOwnItem = "bid.own-item", "this is your own item",
        "nobody may bid on their own item";
    /// The item is taken back after somebody has bid.
    UnlistBids = "unlist.bids", "somebody has bid on it by now",
        "it runs to its end; whoever wins may be told by /say that it is gone";
    /// The item is taken back by somebody who is not shown to have listed it.
    UnlistSeller = "unlist.seller", "this is not your own item",
        "only the seller can take an item back";
    /// `closed` before the end.
    ClosedEarly = "closed.early", "the auction was closed before its end",
        "keep the log: it is evidence against the broker";
    /// `closed` that has not seen every entry before it.
    ClosedSeen = "closed.seen", "the close does not cover every bid before it",
        "keep the log: it is evidence against the broker";
    /// `sealing` with keys that are not those of this auction's TSAs for its instant.
    SealingWrong = "sealing.wrong", "bids would be sealed to other keys than the terms give",
        "keep the log: it is evidence against the broker";
    /// `opened` before its instant, without a witness's date before it, or with other secrets.
    OpenedWrong = "opened.wrong", "the sealed bids were opened too early, or not by the right secrets",
        "keep the log: it is evidence against the broker";
    /// A reserve by somebody who is not shown to have listed the item.
    ReserveSeller = "reserve.seller", "this is not your own item",
        "only the seller sets its reserve";
    /// A reserve that is not of the form that everything sealed in this auction has.
    ReserveSealed = "reserve.sealed", "the reserve is not sealed as this auction asks",
        "this is a fault of the program that made it; update it";
    /// An unsealing that does not give what was sealed.
    ReserveWrong = "reserve.wrong", "this does not open the reserve that was sealed",
        "it is opened without its seller: wait for that";
    /// `settled` that names another winner or price than the log gives.
    SettledWrong = "settled.wrong", "the winner named is not the one the log gives",
        "keep the log: it is evidence against the broker";
    /// `settled` without a witness's date in time, while one could still come.
    SettledEarly = "settled.early", "the winner was named before a witness had time to date the close",
        "keep the log: it is evidence against the broker";
    /// `forfeited` whose ratios do not hold.
    ForfeitWrong = "forfeit.wrong", "the forfeited bids are not shown to be of one author",
        "keep the log: it is evidence against the broker";
    /// Withdrawal where the rules allow none.
    WithdrawForbidden = "withdraw.forbidden", "nobody may withdraw from this auction",
        "hand in your disclosure with /reveal";
    /// A second disclosure of one side.
    DiscloseTwice = "disclose.twice", "this side has disclosed already",
        "wait for the other side";
    /// A disclosure after the deadline.
    DiscloseLate = "disclose.late", "the deadline for disclosing has passed",
        "nothing more can be done in this room";
    /// A disclosure that is not followed by the other side's.
    DisclosePair = "disclose.pair", "one disclosure was logged without the other",
        "keep the log: it is evidence against the broker";
    /// `absent`, `forfeited` or `abandoned` before the deadline or against the log.
    AbsentWrong = "absent.wrong", "the absence recorded contradicts the log",
        "keep the log: it is evidence against the broker";
    /// Keys of a reveal room that were published before, or too many at once.
    TalkKeys = "talk.keys", "these keys were published before, or are too many",
        "this is a fault of the program that made it; update it";
    /// Without, or with another key of both, than there is to be.
    TalkPair = "talk.pair", "the key that both sides have in common is missing, or stated too early",
        "do it again: the other side published its keys just then";
    /// Too long after the deadline.
    TalkOver = "talk.over", "the time in which the two can write to each other here is over",
        "write over the contact that the other side gave";
    /// Sealed to a key that the other side did not publish.
    SayKey = "say.key", "it is sealed to no key that the other side published",
        "this is a fault of the program that made it; update it";
    /// Sealed to a key that something was sealed to before.
    SayKeyUsed = "say.key-used", "something else was sealed to the same key before",
        "do it again: it is sealed to another key";
    /// The terms of a box are not possible.
    BoxTerms = "box.terms", "the terms of the box are not possible",
        "this is a fault of the program that made it; update it";
    /// Keys of a box that were published before, or too many at once.
    BoxKeys = "box.keys", "these keys were published before, or are too many",
        "this is a fault of the program that made them; update it";
    /// A letter that is sealed to keys that are not those of the box by now.
    DepositKeys = "deposit.keys", "the letter is sealed to keys that the box has replaced",
        "send it again: it takes new keys by itself";
    /// A letter that is sealed to a one-time key to which another was sealed.
    DepositKeyUsed = "deposit.key-used", "another letter was sealed to the same one-time key",
        "send it again: it takes new keys by itself";
    /// An envelope that lies in the box already.
    DepositTwice = "deposit.twice", "this letter is in the box already",
        "nothing more is to be done";
    /// An envelope or attachments of sizes that none have, too many or the same one twice.
    DepositSize = "deposit.size", "the letter has another form than letters have",
        "attach fewer or smaller files";
    /// More than the box takes.
    DepositFull = "deposit.full", "the box is full",
        "try again once its owner has taken letters off, or send something smaller";
    /// A time of expiry that has passed, or too far off.
    DepositExpiry = "deposit.expiry", "the letter would end before it is there, or in more than a year",
        "choose another time";
    /// A registered letter of which the broker's half does not open.
    DepositHalf = "deposit.half", "the half of the key that is for the broker is not the one that the letter commits to",
        "this is a fault of the program that made it; update it";
    /// Accepts or declines what is no registered letter that waits for that.
    RegisteredLetter = "registered.letter", "no registered letter waits there to be accepted or declined",
        "look at what waits: /mail";
    /// Accepts or declines a registered letter after its time.
    RegisteredLate = "registered.late", "the time in which this letter could be accepted or declined is over",
        "ask its sender to send it again";
    /// A registered letter was accepted, and what follows does not hand it over.
    HandedPair = "handed.pair", "a registered letter was accepted and not handed over at once",
        "keep the log: it is evidence against the broker";
    /// `handed` without `accepted`, or with another half.
    HandedWrong = "handed.wrong", "what was handed over is not the half of the key of a letter that was just accepted",
        "keep the log: it is evidence against the broker";
    /// `lapsed` before its time, or of what is no registered letter that waits.
    LapsedWrong = "lapsed.wrong", "a registered letter was recorded as lapsed that was not",
        "keep the log: it is evidence against the broker";
    /// Takes off a registered letter that was neither accepted nor declined.
    TakenRegistered = "taken.registered", "a registered letter is taken off once it was accepted",
        "accept or decline it first";
    /// Letters that do not wait in the box.
    TakenLetter = "taken.letter", "no such letter waits in the box",
        "look at what waits: /mail";
    /// `pass-key` for a day that is over, too far ahead, or not after those before it.
    PassKeyDay = "pass-key.day", "the key of passes is not for a day that may be stated now",
        "keep the log: it is evidence against the broker";
    /// `pass-key` with a key that was stated before, or of another size.
    PassKeyWrong = "pass-key.wrong", "the key of passes was stated before, or has another size",
        "keep the log: it is evidence against the broker";
    /// A request of another form than it may have.
    FrameMalformed = "frame.malformed", "the broker does not understand the request",
        "this is a fault of the program that made it; update it";
    /// The TSA gives no time: nothing can be stamped.
    TsaDown = "tsa.down", "the time-stamping authority does not answer",
        "wait a moment and try again; nothing was lost";
    /// The stamp is older than the door's clock allows.
    DoorStale = "door.stale", "the action took too long to arrive",
        "do it again";
    /// By a persona that was not bought by a token of the issuer that the listing names (V-222).
    DoorCitizen = "door.citizen", "one persona of each citizen lists and bids there, and this one is none of them",
        "enrol with your citizen card (pregao enrol --card), or wait for an auction of the period in which you did";
    /// By a persona that stayed away from a reveal a short while ago (V-224).
    DoorForfeited = "door.forfeited", "this persona stayed away from a deal, and lists and bids nothing here for a time",
        "wait until that is over; deals that are under way go on";
    /// It names a blob that is not kept here (V-270).
    BlobMissing = "blob.missing", "it names stored bytes that the broker does not have, or no longer",
        "store them again, then do it again";
    /// The blobs that the room names are as large as they may get (V-271).
    BlobRoom = "blob.room", "the room holds as many stored bytes as it may",
        "wait until some of them are taken, then do it again";
    /// A `keys` whose blob does not hold the keys that it names (V-290).
    BlobKeys = "blob.keys", "the stored bytes are not the keys that were to be published",
        "this is a fault of the program that made them; update it";
    /// Too many requests of one peer.
    DoorRate = "door.rate", "you are sending too much at once",
        "wait a few seconds";
    /// The broker cannot store at the moment.
    StoreFailed = "store.failed", "the broker could not store the action",
        "nothing was accepted; try again later";
    /// The broker has not decided within the time it has for an answer (V-098).
    Slow = "broker.slow", "the broker did not decide in time; the action may still be logged",
        "look at the room before you do it again";
    /// A puzzle is asked for, and none was solved, or not well enough (V-194).
    Puzzle = "puzzle.wanted", "the broker is busy and asks for a puzzle before it looks at anything",
        "do it again; if it recurs, update the program: it solves puzzles by itself";
    /// So many refusals of this persona are kept that no more is (V-196).
    Refusals = "door.refusals", "so many of your actions were refused that the broker keeps no more refusals; nothing was decided",
        "wait some minutes, or hand it in through its witnesses: deliver";
    /// A persona's session does what guests do, or a guest what personas do (V-284).
    DoorSession = "door.session", "this is not done in a session of this kind",
        "this is a fault of the program that did it; update it";
    /// It needs a pass, and the session has shown none (V-287).
    PassNone = "pass.none", "this costs a pass, and none was shown",
        "show a pass of today first; you get some each day while you are connected";
    /// The box is closed: nothing is left there any more (V-292).
    BoxClosed = "box.closed", "the box is closed",
        "ask whoever it belonged to for another address";
    /// The box has no keys that a letter could be sealed to (V-292).
    BoxNoKeys = "box.no-keys", "the owner of the box has not published any keys yet",
        "try again later: its owner's program publishes them";
    /// The pass took keys of another box before (V-292).
    KeysPass = "keys.pass", "this pass has taken keys of another box",
        "use another pass";
    /// The pass was shown or spent before, on something else (V-286).
    PassSpent = "pass.spent", "the pass was shown before, in another session or for something else",
        "use another pass; what was handed in for this one can be handed in again";
    /// There are no passes of that day now (V-262, V-285).
    PassDay = "pass.day", "the pass is not of today, or there are no passes today",
        "use a pass of today; you get some each day while you are connected";
    /// More passes than the persona may have on that day (V-263).
    PassQuota = "pass.quota", "you have taken all the passes that you may have today",
        "wait until tomorrow (UTC)";
    /// Not a pass of this broker (V-285).
    PassBroker = "pass.broker", "the pass was not made by this broker, or was changed since",
        "use another pass; if none is taken, the broker changed its keys or its passes are damaged";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Code {}

/// A text that is no code of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known code")]
pub struct UnknownCode;

impl serde::Serialize for Code {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Code {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn v070_what_may_go_unsigned_is_a_closed_set_that_decides_nothing() {
        for code in Undecided::ALL {
            assert_eq!(code.code().as_str().parse(), Ok(code));
        }
        let deciding =
            Code::ALL.iter().filter(|code| !Undecided::ALL.iter().any(|own| own.code() == **code));
        assert_eq!(deciding.clone().count(), Code::ALL.len() - Undecided::ALL.len());
        for code in deciding {
            assert_eq!(code.as_str().parse::<Undecided>(), Err(UnknownCode), "{code}");
        }
        for code in [Code::BidTooLow, Code::BidLate, Code::BidOwnItem, Code::DoorStale] {
            assert!(code.as_str().parse::<Undecided>().is_err());
        }
        assert!("bid.too-high".parse::<Undecided>().is_err());
    }

    #[test]
    fn codes_are_distinct_and_read_back() {
        let errors = ErrorCode::ALL.iter().map(|code| code.as_str());
        let blobs = BlobCode::ALL.iter().map(|code| code.as_str());
        let texts = Code::ALL.iter().map(|code| code.as_str()).chain(errors).chain(blobs);
        let texts: HashSet<_> = texts.collect();
        assert_eq!(texts.len(), Code::ALL.len() + ErrorCode::ALL.len() + BlobCode::ALL.len());
        for code in BlobCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(!code.message().is_empty() && !code.advice().is_empty());
        }
        for code in ErrorCode::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(code.as_str().parse::<Code>().is_err());
            assert!(!code.message().is_empty() && !code.advice().is_empty());
        }
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
            assert!(!code.message().is_empty() && !code.advice().is_empty());
        }
        assert_eq!("bid.too-odd".parse::<Code>(), Err(UnknownCode));
    }
}

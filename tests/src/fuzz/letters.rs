//! Readers of letters, of what carries them, and of what pays for it.

use pregao_protocol::audit::letter::{ShownDeposit, ShownLetter};
use pregao_protocol::audit::verdict::{self, Standing, Subject};
use pregao_protocol::letter::{
    Address, Addressee, Author, BoxKeys, Class, Content, Halves, Letter, Place, Reading,
    RegisteredLetter, Sealed, Seeds, open, seal,
};
use pregao_protocol::log::RoomName;
use pregao_protocol::trust::agreement::AgreementSecret;
use pregao_protocol::trust::key::{BoxKey, SecretKey};
use pregao_protocol::trust::pass::Pass;
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::value::label;
use pregao_protocol::wire::blob::{self, BlobFrame, Gathering, Purpose, Say};

use super::Verdict;

/// What is in an envelope.
///
/// # Panics
/// If a promise is broken, as all of them.
pub fn content(bytes: &[u8]) -> Verdict {
    let read = Content::parse(bytes);
    assert_eq!(read, Content::parse(bytes));
    let read = read.ok();
    if let Some((content, proof)) = &read {
        assert_eq!(&**content.encode(proof), bytes, "two spellings of one letter");
        assert!(content.class().is_none_or(|class| bytes.len() <= class.most()));
        match content {
            Content::Letter(letter) => {
                assert!(letter.attachments.len() <= label::MAX_ATTACHMENTS);
            }
            Content::Registered(letter) => within(letter),
            Content::Cover(cover) => {
                assert_eq!(
                    cover.mode,
                    pregao_protocol::letter::Mode::Deniable,
                    "nobody shows who left cover"
                );
            }
            Content::Read(_) => {}
        }
    }
    Verdict::of(read.as_ref())
}

/// What is within opens with the one half, and says something.
fn within(letter: &RegisteredLetter) {
    let half = halves().broker;
    let opened = letter.open(READER, &half);
    assert_eq!(opened, letter.open(READER, &half));
    if let Ok(within) = opened {
        assert_eq!(letter.commitment, half.commitment());
        assert!(within.attachments.len() <= label::MAX_ATTACHMENTS);
        assert!(!within.text.as_str().is_empty() || !within.attachments.is_empty());
        assert!(letter.open(SENDER, &half).is_err(), "it opens in another box, too");
    }
}

fn halves() -> Halves {
    Halves::from_random(&[9; 64])
}

/// A letter as a registered one, in the box in which every envelope here lies, with halves that are known.
///
/// # Panics
/// If it is no letter.
#[must_use]
pub fn registered(letter: Letter) -> RegisteredLetter {
    RegisteredLetter::of(letter, READER, &halves()).expect("a letter")
}

/// The box in which every envelope here lies, with its secrets.
struct Reader {
    signed: PrekeySecret,
    once: PrekeySecret,
    agreement: AgreementSecret,
}

const READER: RoomName = RoomName([2; 32]);
const SENDER: RoomName = RoomName([1; 32]);

fn reader() -> Reader {
    Reader {
        signed: PrekeySecret::from_random([3; 32]),
        once: PrekeySecret::from_random([4; 32]),
        agreement: AgreementSecret::from_random([5; 32]),
    }
}

fn sender() -> (SecretKey<BoxKey>, AgreementSecret) {
    (SecretKey::from_seed(&[6; 32]), AgreementSecret::from_random([7; 32]))
}

/// The sender of every letter here.
///
/// # Panics
/// Never: it is one.
#[must_use]
pub fn address() -> Address {
    let (key, agreement) = sender();
    Address {
        name: SENDER,
        broker: "wss://broker.example/#00".to_owned().try_into().expect("an address"),
        key: key.public(),
        agreement: agreement.public(),
    }
}

/// A letter by [`address`], sealed to the keys of the box in which every envelope here lies.
///
/// # Panics
/// If the content is by another.
#[must_use]
pub fn sealed(content: &Content, with_once: bool) -> Sealed {
    let (Reader { signed, once, agreement }, (key, own)) = (reader(), sender());
    let (signed, once) = (signed.public(), once.public());
    let class = content.class().unwrap_or(Class::Large);
    let place = Place { name: READER, signed: &signed, once: with_once.then_some(&once), class };
    let to = Addressee { place, agreement: agreement.public() };
    let by = Author { key: &key, agreement: &own };
    seal(content, &to, &by, &Seeds::from_random([8; 32])).expect("a letter")
}

/// An envelope, by the secrets of its reader.
pub fn envelope(bytes: &[u8]) -> Verdict {
    let Reader { signed, once, agreement } = reader();
    let class = Class::of_envelope(bytes.len() as u64);
    // A deposit says which keys: both are tried.
    let opened = [Some(&once), None].map(|once| {
        let class = class.unwrap_or(Class::Small);
        open(&Reading { name: READER, signed: &signed, once, class }, bytes).ok()
    });
    assert!(opened.iter().flatten().count() <= 1, "one envelope, and two letters");
    let opened = opened.into_iter().flatten().next();
    if let Some(opened) = &opened {
        assert!(class.is_some());
        let address = address();
        let sender = BoxKeys { name: SENDER, key: address.key, agreement: address.agreement };
        let verified = opened.verify(&sender, &agreement);
        // Sealed under these keys by their holder, or by anybody who has them: what is not signed is refused.
        return if verified.is_ok() { Verdict::Taken } else { Verdict::Refused };
    }
    Verdict::Refused
}

/// Binary frames, in both directions.
pub fn blob_frame(bytes: &[u8]) -> Verdict {
    let (up, down) = (BlobFrame::from_peer(bytes), BlobFrame::from_broker(bytes));
    for frame in [up, down].iter().flatten() {
        assert!(blob::is_binary(bytes));
        assert_eq!(blob::request_of(bytes), Some(frame.n));
        assert_eq!(frame.encode().as_deref(), Ok(bytes), "two spellings of one frame");
        assert!(
            bytes.len() <= label::BLOB_HEADER + usize::try_from(label::BLOB_PIECE).unwrap_or(0)
        );
        let (Say::Put(piece) | Say::Piece(piece)) = frame.say else { continue };
        // It is the first of its blob, and whole, or is refused as what it is not.
        let mut gathering = Gathering::of(frame.digest, piece.class());
        let taken = gathering.take(&piece);
        assert!(taken.is_err() || piece.offset() == 0);
        assert!(Purpose::ALL.contains(&frame.purpose));
    }
    if let (Ok(up), Ok(down)) = (up, down) {
        assert_eq!(up, down);
        assert!(matches!(up.say, Say::More(_)), "a frame of both sides");
    }
    if up.is_ok() || down.is_ok() { Verdict::Taken } else { Verdict::Refused }
}

/// A guest's pass.
pub fn pass(bytes: &[u8]) -> Verdict {
    let pass = Pass::parse(bytes);
    assert_eq!(pass, Pass::parse(bytes));
    let pass = pass.ok();
    if let Some(pass) = &pass {
        assert_eq!(pass.encode().as_bytes(), bytes, "two spellings of one pass");
        assert_eq!(pass.id(), Pass::parse(pass.encode().as_bytes()).expect("it was read").id());
    }
    Verdict::of(pass.as_ref())
}

/// A letter that is shown to a third party, or what a log says of one.
pub fn letter_shown(bytes: &[u8]) -> Verdict {
    let verdict = verdict::verdict(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return Verdict::Refused };
    let Ok(shown) = ShownLetter::parse(text) else {
        assert_ne!(verdict.kind, Subject::Letter);
        return deposit_shown(text, &verdict);
    };
    assert!(ShownDeposit::parse(text).is_err(), "two readings of one file");
    assert_eq!(shown.encode(), text.strip_suffix('\n').unwrap_or(text), "two spellings");
    assert!(bytes.len() <= label::MAX_SHOWN + 1);
    let verified = shown.verify();
    assert_eq!(verified, shown.verify());
    assert_eq!(verdict.kind, Subject::Letter);
    assert_eq!(verdict.verdict == Standing::Valid, verified.is_ok());
    assert_eq!(verdict.letter.is_some(), verified.is_ok());
    if let Ok(letter) = &verified {
        let of_log = shown.timeline.as_ref().map_or(0, |timeline| timeline.entries.len() + 1);
        let receipts = 1 + usize::from(shown.read.is_some()) + of_log;
        assert_eq!(letter.receipts(&shown).len(), receipts);
        // What is within is told of nothing that was not handed over.
        let handed = letter.timeline.as_ref().is_some_and(|timeline| timeline.half.is_some());
        assert!(handed || !matches!(letter.within(), Some(Ok(_))));
    }
    Verdict::of(verified.ok().as_ref())
}

fn deposit_shown(text: &str, verdict: &verdict::Verdict) -> Verdict {
    let Ok(shown) = ShownDeposit::parse(text) else {
        assert_ne!(verdict.kind, Subject::Deposit);
        return Verdict::Refused;
    };
    assert_eq!(shown.encode(), text.strip_suffix('\n').unwrap_or(text), "two spellings");
    let verified = shown.verify();
    assert_eq!(verified, shown.verify());
    assert_eq!(verdict.kind, Subject::Deposit);
    assert_eq!(verdict.verdict == Standing::Valid, verified.is_ok());
    assert_eq!(verdict.deposit.is_some(), verified.is_ok());
    if let Ok(deposit) = &verified {
        assert_eq!(deposit.receipts(&shown).len(), shown.timeline.entries.len() + 2);
        assert_eq!(deposit.timeline.events.len(), shown.timeline.entries.len());
    }
    Verdict::of(verified.ok().as_ref())
}

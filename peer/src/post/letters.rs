//! Letters in a guest's session: boxes found, keys taken, bytes put and got, and a letter's whole way into a box (SPEC 8.2, 9.4).
//!
//! Nothing is believed that does not verify: an opening has the name of its box and a stamp, keys are in the box's log, bytes
//! have the hash by which they were asked for, and a deposit has a receipt.

use pregao_protocol::audit::told::Answer;
use pregao_protocol::host::NoRandomness;
use pregao_protocol::letter::{
    Address, Addressee, Author, BoxKeys, BrokerAddress, Class, Content, Halves, LetterError, Place,
    PublishedKeys, Sealed, Seeds, seal,
};
use pregao_protocol::log::merkle::{Frontier, leaf_hash};
use pregao_protocol::log::stamp::{FullStamp, Headers};
use pregao_protocol::log::{Receipt, RoomName};
use pregao_protocol::room::action::{Action, ActionError, Draft, Seen};
use pregao_protocol::room::body::{Blob, Body, BoxOpening, Deposit, Empty, OneLetter, Taken};
use pregao_protocol::room::{BlobCode, MessageBox, Replay};
use pregao_protocol::trust::agreement::AgreementPublic;
use pregao_protocol::trust::key::{DepositKey, OneTime, PublicKey, SecretKey};
use pregao_protocol::trust::prekey::PrekeySecret;
use pregao_protocol::trust::seal::SealError;
use pregao_protocol::value::clock::Time;
use pregao_protocol::value::codec::Digest;
use pregao_protocol::wire::blob::{
    BlobClass, BlobFrame, Credit, Gathering, Piece, Purpose, Reached, Say, is_binary,
};
use pregao_protocol::wire::frame::{FromBroker, FromPeer, deposit_message};
use pregao_protocol::wire::handed::{Handed, VerifiedKeys, is_handed};

use super::guest::{GuestError, GuestSession, Incoming};
use super::own_box::{BoxError, OwnBox};

/// Why a letter was not left, or keys not renewed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PostError {
    /// The session, or the broker's answer.
    #[error(transparent)]
    Guest(#[from] GuestError),
    /// It cannot be sealed.
    #[error(transparent)]
    Letter(#[from] LetterError),
    /// What was to be signed breaks a rule of the protocol.
    #[error("the letter cannot be left with these attachments")]
    Action(#[from] ActionError),
    /// What the owner was to sign cannot be signed.
    #[error(transparent)]
    Own(#[from] BoxError),
    /// The half of a registered letter cannot be sealed to the broker.
    #[error("the broker of the box has a key to which nothing can be sealed")]
    Half(#[from] SealError),
    /// Keys that cannot be published together.
    #[error("these keys cannot be published together")]
    Keys,
    /// The system gives no random numbers.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// Bytes of a size that no blob has.
    #[error("nothing of this size is stored: it has to be padded first")]
    Size,
}

/// A box at this broker, by its opening.
#[derive(Debug, Clone)]
pub struct FoundBox {
    action: Action,
    opening: BoxOpening,
    opened: Seen,
    closed: bool,
}

impl FoundBox {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> RoomName {
        self.action.room()
    }

    /// What its owner said of it.
    #[must_use]
    pub const fn opening(&self) -> &BoxOpening {
        &self.opening
    }

    /// The action that opened it, which its name is the hash of (compact JWS).
    #[must_use]
    pub fn compact(&self) -> &str {
        self.action.compact()
    }

    /// The head of its opening alone, which is what whoever leaves a letter has seen (V-275).
    #[must_use]
    pub const fn opened(&self) -> Seen {
        self.opened
    }

    /// What letters from it are verified by (V-247).
    #[must_use]
    pub fn keys(&self) -> BoxKeys {
        BoxKeys {
            name: self.name(),
            key: PublicKey::from_bytes(*self.action.key().as_bytes()),
            agreement: AgreementPublic(self.opening.agreement.0),
        }
    }

    /// Where it is written to, at a broker.
    #[must_use]
    pub fn address(&self, broker: BrokerAddress) -> Address {
        let BoxKeys { name, key, agreement } = self.keys();
        Address { name, broker, key, agreement }
    }

    /// Whether it is closed, by the broker's word: a broker that says so wrongly can as well refuse a letter.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The opening, verified: the first entry of a log under the keys of this broker.
    fn verify(
        session: &GuestSession<'_>,
        header: &str,
        entry: &str,
        closed: bool,
    ) -> Result<Self, GuestError> {
        let lie = GuestError::False("the opening of a box does not hold");
        let mut headers = Headers::of(&[header], 1).map_err(|_| lie.again())?;
        let mut replay = Replay::new();
        let stamped = replay.push_of(entry, &mut headers).map_err(|_| lie.again())?;
        let room = replay.room().ok_or(lie.again())?;
        let fold = MessageBox::of(room).ok_or(lie.again())?;
        if !room.terms().are_of(session.certificate()) {
            return Err(GuestError::False("the box is not under the keys of this broker"));
        }
        let mut frontier = Frontier::default();
        frontier.push(leaf_hash(entry.as_bytes()));
        let opened = Seen { size: 1, root: frontier.root() };
        let (action, opening) = (stamped.action().clone(), fold.opening().clone());
        Ok(Self { action, opening, opened, closed })
    }
}

/// A page of the boxes whose owners want to be found.
#[derive(Debug, Clone)]
pub struct PeoplePage {
    /// The boxes.
    pub boxes: Vec<FoundBox>,
    /// Where the list goes on; nothing if that was all.
    pub next: Option<u64>,
}

/// What is to be left in a box. Attachments were put before: the content names them.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'a> {
    /// What the letter says.
    pub content: &'a Content,
    /// The secrets of the box from which it is.
    pub author: Author<'a>,
    /// Its sealed attachments.
    pub attachments: &'a [Blob],
    /// When it is destroyed, taken or not.
    pub expires: Option<Time>,
    /// Both halves of the key of a registered letter, whose content was made with them; without for every other.
    pub halves: Option<&'a Halves>,
}

/// A letter that is ready to be handed in: its envelope is at the broker. To be kept durably before it is, with `seeds` and
/// `sealed.content` for showing it later.
#[derive(Debug, Clone)]
pub struct ReadyLetter {
    /// The deposit.
    pub action: Action,
    /// Its stamp.
    pub stamp: FullStamp,
    /// The envelope and what is in it.
    pub sealed: Sealed,
    /// All randomness of it.
    pub seeds: Seeds,
    /// Whether it is sealed to a one-time key, too. If not, its sender is told.
    pub used_once: bool,
    /// How large it is.
    pub class: Class,
}

impl GuestSession<'_> {
    /// How a box was opened.
    ///
    /// # Errors
    /// [`GuestError::Undecided`] with `room.unknown` if there is none; [`GuestError`].
    pub async fn opening(&mut self, name: RoomName) -> Result<FoundBox, GuestError> {
        let n = self.number();
        self.send(&FromPeer::BoxOpening { n, room: name }).await?;
        match self.answer(n).await? {
            FromBroker::BoxOpened { header, entry, closed, .. } => {
                let found = FoundBox::verify(self, &header, entry.get(), closed)?;
                let is_it = found.name() == name;
                is_it.then_some(found).ok_or(GuestError::False("another box was shown"))
            }
            _ => Err(GuestError::False("something else came than an opening")),
        }
    }

    /// What became of a letter that was left with the key that signed its deposit (V-350), unverified: what it shows is
    /// judged by [`pregao_protocol::audit::told`], with the receipt. `from` is the size of the newest head that was met.
    ///
    /// # Errors
    /// [`GuestError::Undecided`] with `room.unknown` if the broker has no such deposit; [`GuestError`].
    pub async fn about_deposit(
        &mut self,
        room: RoomName,
        deposit: u64,
        from: u64,
        key: &SecretKey<DepositKey>,
    ) -> Result<Answer, GuestError> {
        let n = self.number();
        let signature = key.sign(&deposit_message(&self.id(), room, deposit));
        self.send(&FromPeer::AboutDeposit { n, room, deposit, from, signature }).await?;
        match self.answer(n).await? {
            FromBroker::DepositTold { head, consistency, path, entries, .. } => {
                Ok(Answer { head, consistency, path, entries })
            }
            _ => Err(GuestError::False("something else came than what became of a letter")),
        }
    }

    /// Boxes whose owners want to be found, from a position on. Anybody may choose any handle.
    ///
    /// # Errors
    /// [`GuestError`].
    pub async fn people(&mut self, from: u64) -> Result<PeoplePage, GuestError> {
        let n = self.number();
        self.send(&FromPeer::People { n, from }).await?;
        let FromBroker::PeopleListed { headers, openings, next, .. } = self.answer(n).await? else {
            return Err(GuestError::False("something else came than a list"));
        };
        let lie = GuestError::False("the list of boxes does not hold");
        let mut boxes = Vec::new();
        for entry in openings {
            let parsed = pregao_protocol::log::Entry::parse(entry.get());
            let named = parsed.map_err(|_| lie.again())?.stamp.header;
            let is_it = |header: &&String| {
                Digest::labelled(super::guest::BATCH, header.as_bytes()) == named
            };
            let header = headers.iter().find(is_it).ok_or(lie.again())?;
            boxes.push(FoundBox::verify(self, header, entry.get(), false)?);
        }
        // Otherwise who follows it would never come to an end.
        if next.is_some_and(|next| next <= from) {
            return Err(lie);
        }
        Ok(PeoplePage { boxes, next })
    }

    /// Takes keys of a box for one letter, which costs the pass that the session holds: again in this session, the same come.
    ///
    /// # Errors
    /// [`GuestError::Undecided`] with `pass.none`, `box.closed`, `box.no-keys` or `keys.pass`; [`GuestError::False`] if they
    /// are not in the log of the box; [`GuestError`].
    pub async fn take_keys(&mut self, found: &FoundBox) -> Result<VerifiedKeys, GuestError> {
        let n = self.number();
        let room = found.name();
        self.send(&FromPeer::TakeKeys { n, room }).await?;
        let lie = || GuestError::False("the keys that were handed out do not verify");
        loop {
            match self.incoming().await? {
                Incoming::Binary(bytes) if is_handed(&bytes) => {
                    let handed = Handed::parse(&bytes).map_err(|_| lie())?;
                    if handed.n != n {
                        continue;
                    }
                    let verified = handed.verify(found.compact());
                    let verified = verified.map_err(|_| lie())?;
                    return if handed.room == room { Ok(verified) } else { Err(lie()) };
                }
                Incoming::Binary(_) => {}
                Incoming::Frame(frame) => self.ends(n, &frame)?,
            }
        }
    }

    /// Puts sealed bytes, so that a letter or keys can name them; on return the broker keeps them durably, for ten minutes
    /// without an entry.
    ///
    /// # Errors
    /// [`PostError::Size`] for bytes of a size that no blob has; [`GuestError::Blob`] with the broker's code.
    pub async fn put_blob(&mut self, purpose: Purpose, bytes: &[u8]) -> Result<Blob, PostError> {
        let class = BlobClass::of(bytes.len() as u64).ok_or(PostError::Size)?;
        let length = usize::try_from(class.piece()).map_err(|_| PostError::Size)?;
        let (n, digest) = (self.number(), Digest::of(bytes));
        let mut credit = Credit::default();
        let mut pieces = bytes.chunks(length).zip(0_u64..).peekable();
        loop {
            while pieces.peek().is_some() && credit.take() {
                let Some((piece, at)) = pieces.next() else { break };
                let offset = at.saturating_mul(class.piece());
                let piece = Piece::new(class, offset, piece).map_err(|_| PostError::Size)?;
                let frame = BlobFrame { n, purpose, digest, say: Say::Put(piece) };
                self.send_blob(&frame).await?;
            }
            match self.about_blob(n).await? {
                AboutBlob::Kept(of) if of == digest => return Ok(Blob { digest, size: class }),
                AboutBlob::More => credit.give_back(1),
                AboutBlob::Kept(_) | AboutBlob::Piece(..) => {
                    return Err(GuestError::False("something else came about a blob").into());
                }
            }
        }
    }

    /// Gets sealed bytes that an entry of one's own box names; the session has read that box ([`GuestSession::read`]).
    ///
    /// # Errors
    /// [`GuestError::Blob`] with the broker's code; [`GuestError::False`] if what comes is not what was asked for.
    pub async fn get_blob(&mut self, purpose: Purpose, blob: Blob) -> Result<Vec<u8>, GuestError> {
        let Blob { digest, size: class } = blob;
        let lie = || GuestError::False("other bytes came than those that the log names");
        let n = self.number();
        self.send_blob(&BlobFrame { n, purpose, digest, say: Say::Get(0) }).await?;
        let mut gathering = Gathering::of(digest, class);
        let mut bytes = Vec::new();
        while !gathering.is_complete() {
            let AboutBlob::Piece(of, offset, piece) = self.about_blob(n).await? else {
                return Err(lie());
            };
            let piece = Piece::new(of, offset, &piece).map_err(|_| lie())?;
            gathering.take(&piece).map_err(|_| lie())?;
            bytes.extend(piece.bytes());
            let reached = Reached::new(class, gathering.next()).map_err(|_| lie())?;
            self.send_blob(&BlobFrame { n, purpose, digest, say: Say::More(reached) }).await?;
        }
        gathering.finish().map_err(|_| lie())?;
        Ok(bytes)
    }

    /// Seals a letter to keys that were taken, puts its envelope and has its deposit stamped: [`GuestSession::hand_in`] does
    /// the rest, once the caller has kept this.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn prepare(
        &mut self,
        to: &FoundBox,
        keys: &VerifiedKeys,
        letter: &Outgoing<'_>,
    ) -> Result<ReadyLetter, PostError> {
        let agreement = AgreementPublic(to.opening.agreement.0);
        let class = letter.content.class().unwrap_or(Class::Large);
        let once = keys.once.as_ref();
        let place =
            Place { name: to.name(), signed: &keys.signed, once: once.map(|(_, key)| key), class };
        let seeds = Seeds::from_random(self.random()?);
        let addressee = Addressee { place, agreement };
        let sealed = seal(letter.content, &addressee, &letter.author, &seeds)?;
        let envelope = self.put_blob(Purpose::Envelope, &sealed.envelope).await?;
        let key = SecretKey::<DepositKey>::from_seed(&self.random()?);
        let registered = match letter.halves {
            Some(halves) => {
                let author = PublicKey::<OneTime>::from_bytes(*key.public().as_bytes());
                let place = (to.name(), &author, envelope.digest);
                Some(halves.deposit(&to.opening.broker.delivery, place, self.random()?)?)
            }
            None => None,
        };
        let body = Body::Deposit(Deposit {
            envelope,
            attachments: letter.attachments.to_vec(),
            signed: keys.signed.digest(),
            once: once.map(|(once, _)| *once),
            expires: letter.expires,
            registered,
        });
        let id = uuid::Builder::from_random_bytes(self.random()?).into_uuid();
        let draft = Draft { id, room: Some(to.name()), body, seen: to.opened };
        let action = draft.sign_as_guest(&key)?;
        let stamp = self.stamp(&action).await?;
        Ok(ReadyLetter { action, stamp, sealed, seeds, used_once: once.is_some(), class })
    }

    /// A letter's whole way: keys, sealing, envelope, stamp, deposit. The session holds a pass, and attachments were put in
    /// it. `keep` makes durable what is about to be handed in: of a connection that breaks then, the same is handed in again.
    ///
    /// # Errors
    /// [`GuestError::Refused`] with `deposit.full`, or with `deposit.keys` or `deposit.key-used`: then it is sent again with
    /// another pass; [`PostError`].
    pub async fn deposit(
        &mut self,
        to: &FoundBox,
        letter: &Outgoing<'_>,
        keep: impl FnOnce(&ReadyLetter),
    ) -> Result<(ReadyLetter, Receipt), PostError> {
        let keys = self.take_keys(to).await?;
        let ready = self.prepare(to, &keys, letter).await?;
        keep(&ready);
        let receipt = self.hand_in(&ready.action, &ready.stamp, to.compact()).await?;
        Ok((ready, receipt))
    }

    /// Publishes keys of one's own box, whose secrets the caller has kept durably: the signed one, and a stock that may be
    /// empty. The session has read the box; `seen` is its head.
    ///
    /// # Errors
    /// [`PostError::Keys`] if they cannot be published together; [`PostError`].
    pub async fn renew_keys(
        &mut self,
        own: &OwnBox,
        seen: Seen,
        signed: &PrekeySecret,
        stock: &[PrekeySecret],
    ) -> Result<Receipt, PostError> {
        let stock = stock.iter().map(PrekeySecret::public).collect();
        let keys = PublishedKeys::new(signed.public(), stock).map_err(|_| PostError::Keys)?;
        self.publish_keys(own, seen, &keys).await
    }

    /// As [`GuestSession::renew_keys`], the public halves being computed.
    ///
    /// # Errors
    /// As [`GuestSession::renew_keys`].
    pub async fn publish_keys(
        &mut self,
        own: &OwnBox,
        seen: Seen,
        keys: &PublishedKeys,
    ) -> Result<Receipt, PostError> {
        let entry = keys.entry().ok_or(PostError::Keys)?;
        self.put_blob(Purpose::Prekeys, &keys.bytes()).await?;
        self.act(own, seen, Body::Keys(entry)).await
    }

    /// Takes letters off one's own box, by their ascending positions: the broker destroys them. `told` lets those who left
    /// them hear of it (V-351).
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn take_off(
        &mut self,
        own: &OwnBox,
        seen: Seen,
        letters: Vec<u64>,
        told: bool,
    ) -> Result<Receipt, PostError> {
        self.act(own, seen, Body::Taken(Taken { letters, told })).await
    }

    /// Accepts a registered letter in one's own box, or declines it, by its position. With the entry that accepts it the
    /// broker logs its half of the key ([`MessageBox::handed`]), or neither. What is accepted was opened before, its proof
    /// holds and it is that of its deposit (V-339).
    ///
    /// # Errors
    /// [`GuestError::Refused`] with `registered.letter` if it does not wait to be decided about, or with `registered.late`;
    /// [`PostError`].
    pub async fn decide(
        &mut self,
        own: &OwnBox,
        seen: Seen,
        letter: u64,
        accepts: bool,
    ) -> Result<Receipt, PostError> {
        let one = OneLetter { letter };
        let body = if accepts { Body::Accepted(one) } else { Body::Declined(one) };
        self.act(own, seen, body).await
    }

    /// Closes one's own box: nothing is left or read there any more.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn close(&mut self, own: &OwnBox, seen: Seen) -> Result<Receipt, PostError> {
        self.act(own, seen, Body::BoxClosed(Empty {})).await
    }

    /// Signs, has stamped and hands in what the owner of a box does there.
    async fn act(&mut self, own: &OwnBox, seen: Seen, body: Body) -> Result<Receipt, PostError> {
        let action = own.act(self.host(), body, seen)?;
        let stamp = self.stamp(&action).await?;
        Ok(self.hand_in(&action, &stamp, own.opening().compact()).await?)
    }

    async fn send_blob(&mut self, frame: &BlobFrame<'_>) -> Result<(), GuestError> {
        let frame = frame.encode().map_err(|_| GuestError::Blob(BlobCode::Size))?;
        self.send_bytes(&frame).await
    }

    /// What is said next of the blob that is put or got under a number.
    async fn about_blob(&mut self, n: u64) -> Result<AboutBlob, GuestError> {
        let lie = || GuestError::False("a frame about a blob is none");
        loop {
            match self.incoming().await? {
                Incoming::Binary(bytes) if is_binary(&bytes) => {
                    let frame = BlobFrame::from_broker(&bytes).map_err(|_| lie())?;
                    match frame.say {
                        _ if frame.n != n => {}
                        Say::More(_) => return Ok(AboutBlob::More),
                        Say::Piece(piece) => {
                            let bytes = piece.bytes().to_vec();
                            return Ok(AboutBlob::Piece(piece.class(), piece.offset(), bytes));
                        }
                        Say::Put(_) | Say::Get(_) | Say::Stop => return Err(lie()),
                    }
                }
                Incoming::Binary(_) => {}
                Incoming::Frame(FromBroker::BlobKept { n: of, digest }) if of == n => {
                    return Ok(AboutBlob::Kept(digest));
                }
                Incoming::Frame(FromBroker::BlobFailed { n: of, code }) if of == n => {
                    return Err(GuestError::Blob(code.parse().unwrap_or(BlobCode::Failed)));
                }
                Incoming::Frame(frame) => self.ends(n, &frame)?,
            }
        }
    }
}

/// What is said of a blob.
enum AboutBlob {
    /// A piece has come.
    More,
    /// All came, and it is durable.
    Kept(Digest),
    /// One that was asked for: class, offset in bytes, bytes.
    Piece(BlobClass, u64, Vec<u8>),
}

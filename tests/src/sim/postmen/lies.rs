//! Postmen to whom a house lies: each lie is said with what shows it, and once it is told no more all goes on, with nothing
//! lost. The house is the real broker, whose words are changed ([`Falsifier`]).

use std::path::PathBuf;

use pregao_broker::store::sqlite::SqliteLog;
use pregao_broker::store::{Log as _, StoredEntry};
use pregao_protocol::log::merkle::{Tree, leaf_hash};
use pregao_protocol::log::{Entry, Head, Origin, SeenPath, TimelineEntry};
use pregao_protocol::room::Code;
use pregao_protocol::room::action::Action;
use pregao_protocol::wire::blob::{BlobFrame, Piece, Say};
use pregao_protocol::wire::frame::{FromBroker, FromPeer};
use pregao_protocol::wire::handed::{Given, Handed, Included, KeysProof, is_handed};
use pregao_protocol::wire::refusal::Refusal;
use serde_json::value::RawValue;

use super::super::falsifier::{Falsehood, Falsifier};
use super::super::street::Shift;
use super::*;
use crate::liar::BrokerSecrets;
use pregao::post::store::letters::LetterNumber;

/// Most entries of a box here.
const MOST: usize = 1_000;

/// What a house knows of its boxes, and every key with which it can lie about them.
struct Books {
    store: PathBuf,
    secrets: BrokerSecrets,
}

impl Books {
    fn of(street: &Street) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { store: street.town.store(), secrets: street.town.broker_secrets()? }))
    }

    fn log(&self, room: RoomName) -> Vec<StoredEntry> {
        SqliteLog::open(&self.store).expect("the store").read(&room, 0, MOST).expect("the log")
    }

    /// What the house signs of a log with these entries.
    fn head(&self, room: RoomName, entries: &[String]) -> (String, Tree) {
        let tree = Tree::new(entries.iter().map(|text| leaf_hash(text.as_bytes())).collect());
        let origin = Origin { broker: self.secrets.session.public().fingerprint(), room };
        let head = Head { origin, size: tree.size(), root: tree.root() };
        (head.sign(&self.secrets.head), tree)
    }

    /// Keys of another box with their proof, as that is.
    fn keys_of(&self, other: &Forged) -> Handed {
        let room = other.own.name();
        let texts: Vec<_> = self.log(room).into_iter().map(|entry| entry.text).collect();
        let (head, tree) = self.head(room, &texts);
        let keys = Included {
            entry: texts.get(1).expect("keys").clone(),
            path: tree.path(1).expect("in the log"),
        };
        let proof = KeysProof { head, keys, stock: None };
        let signed = other.signed.public();
        Handed { n: 0, room, given: Given::NoneLeft, signed, once: None, proof }
    }
}

/// A lie about binary frames.
struct Binary<F>(F);

impl<F: FnMut(Vec<u8>) -> Vec<u8> + Send> Falsehood for Binary<F> {
    fn down(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        vec![(self.0)(frame)]
    }
}

/// One lie, and what is said of it.
struct Lie {
    what: &'static str,
    said: &'static str,
    lie: Falsifier,
}

fn lie(
    what: &'static str,
    said: &'static str,
    lie: impl FnMut(FromBroker) -> Vec<FromBroker> + Send + 'static,
) -> Lie {
    Lie { what, said, lie: Falsifier::new(lie) }
}

/// A lie about the keys that are handed out.
fn about_keys(what: &'static str, change: impl Fn(&mut Handed) + Send + 'static) -> Lie {
    let lie = move |frame: Vec<u8>| {
        if !is_handed(&frame) {
            return frame;
        }
        let mut handed = Handed::parse(&frame).expect("keys");
        change(&mut handed);
        handed.encode().expect("keys")
    };
    let said = "the keys that were handed out do not verify";
    Lie { what, said, lie: Falsifier::new(Binary(lie)) }
}

/// Waits until an alarm is raised; all that are raised have to say this.
async fn alarmed(shift: &mut Shift, said: &str) -> Result<Vec<String>> {
    for _ in 0..600 {
        shift.hear();
        let mut found = None;
        for news in &shift.news {
            let News::Alarm { message, advice, notes, .. } = news else { continue };
            ensure!(message.contains(said), "`{said}` was to be said, not {message}");
            ensure!(!advice.is_empty(), "nothing to do about {message}");
            found = Some(notes.clone());
        }
        if let Some(notes) = found {
            return Ok(notes);
        }
        tokio::time::sleep(LOOK).await;
    }
    bail!("nobody noticed: `{said}`; {:?}", shift.news)
}

/// A receipt, changed.
fn about_receipt(
    what: &'static str,
    change: impl Fn(&mut u64, &mut Vec<Digest>, &mut String) + Send + 'static,
) -> Lie {
    lie(what, "the receipt does not verify", move |frame| match frame {
        FromBroker::Receipt { n, mut seq, mut path, mut head } => {
            change(&mut seq, &mut path, &mut head);
            vec![FromBroker::Receipt { n, seq, path, head }]
        }
        other => vec![other],
    })
}

/// A refusal of the action that was handed in, by somebody who is not the broker, or by the broker and about another.
struct FalseRefusal {
    books: Arc<Books>,
    by_stranger: bool,
    asked: Option<Action>,
}

impl Falsehood for FalseRefusal {
    fn up(&mut self, frame: &[u8]) {
        if let Ok(FromPeer::Submit { action, .. }) = FromPeer::parse(frame) {
            self.asked = Action::parse(&action).ok();
        }
    }

    fn down(&mut self, frame: Vec<u8>) -> Vec<Vec<u8>> {
        let Ok(FromBroker::Receipt { n, .. }) = FromBroker::parse(&frame) else {
            return vec![frame];
        };
        let asked = self.asked.as_ref().expect("something was handed in");
        let stranger = SecretKey::from_seed(&[9; 32]);
        let key = if self.by_stranger { &stranger } else { &self.books.secrets.entry };
        let digest = if self.by_stranger { asked.digest() } else { Digest([1; 32]) };
        let refusal = Refusal {
            digest,
            room: asked.room(),
            stamp: Digest([2; 32]),
            code: Code::DepositFull,
            size: 1,
            root: Digest([3; 32]),
            batch: Digest([4; 32]),
            same_author: Vec::new(),
            until: None,
            header: String::new(),
        };
        let refused = FromBroker::Refused { n, refusal: refusal.sign(key) };
        vec![refused.encode().expect("a frame")]
    }
}

/// Lies to whoever writes, about the box that they write to and another one.
fn to_a_sender(books: &Arc<Books>, other: &Forged) -> Vec<Lie> {
    let room = other.own.name();
    let mut opening = books.log(room).into_iter();
    let opening = opening.next().expect("an opening");
    let raw = |text: &str| RawValue::from_string(text.to_owned()).expect("an entry");
    let (theirs, keys) = (raw(&opening.text), books.keys_of(other));
    let header = opening.header.to_string();
    let keys_named = keys.clone();
    let stranger = || PrekeySecret::from_random([99; 32]).public();
    let refusal = |by_stranger| FalseRefusal { books: Arc::clone(books), by_stranger, asked: None };
    let refused = "a refusal does not verify";
    let mut pass_room = None;
    let own_books = Arc::clone(books);
    vec![
        lie("another box is opened", "another box was shown", move |frame| match frame {
            FromBroker::BoxOpened { n, closed, .. } => {
                let (header, entry) = (header.clone(), theirs.clone());
                vec![FromBroker::BoxOpened { n, header, entry, closed }]
            }
            other => vec![other],
        }),
        lie(
            "its opening is changed",
            "the opening of a box does not hold",
            move |frame| match frame {
                FromBroker::BoxOpened { n, header, entry, closed } => {
                    let entry = raw(&entry.get().replacen("\"action\":\"e", "\"action\":\"f", 1));
                    vec![FromBroker::BoxOpened { n, header, entry, closed }]
                }
                other => vec![other],
            },
        ),
        about_keys("keys of somebody else", move |handed| {
            *handed = Handed { n: handed.n, ..keys.clone() };
        }),
        about_keys("keys of somebody else under this name", move |handed| {
            *handed = Handed { n: handed.n, room: handed.room, ..keys_named.clone() };
        }),
        about_keys("a signed key of the house's own", move |handed| handed.signed = stranger()),
        about_keys("a one-time key of the house's own", move |handed| {
            let once = handed.once.as_mut().expect("a one-time key");
            once.key = stranger();
        }),
        about_keys("a one-time key at another place", |handed| {
            let once = handed.once.as_mut().expect("a one-time key");
            once.index ^= 1;
        }),
        lie("a stamp of something else", "the stamp does not verify", |frame| match frame {
            FromBroker::Stamped { n, batch, mut stamps } => {
                for stamp in &mut stamps {
                    stamp.index += 1;
                }
                vec![FromBroker::Stamped { n, batch, stamps }]
            }
            other => vec![other],
        }),
        lie("other bytes are kept", "something else came about a blob", |frame| match frame {
            FromBroker::BlobKept { n, .. } => {
                vec![FromBroker::BlobKept { n, digest: Digest([1; 32]) }]
            }
            other => vec![other],
        }),
        about_receipt("a receipt at another place", |seq, _, _| *seq += 1),
        about_receipt("a receipt of another log", |_, path, _| {
            if let Some(first) = path.first_mut() {
                first.0[0] ^= 1;
            }
        }),
        about_receipt("a receipt without a signature", |_, _, head| head.clear()),
        Lie { what: "a refusal by a stranger", said: refused, lie: Falsifier::new(refusal(true)) },
        Lie {
            what: "a refusal of something else",
            said: refused,
            lie: Falsifier::new(refusal(false)),
        },
        lie("a refusal that nobody signed", "a request was refused without a signature", |frame| {
            match frame {
                FromBroker::Receipt { n, .. } => {
                    vec![FromBroker::Failed { n, code: "deposit.full".to_owned() }]
                }
                other => vec![other],
            }
        }),
        lie("work without an end", "is asked for", |frame| match frame {
            FromBroker::Tick { .. } => vec![frame, FromBroker::Effort { effort: 200 }],
            other => vec![other],
        }),
        lie(
            "no key of passes is shown to guests",
            "guests are shown no key for the day of the pass",
            move |frame| match frame {
                FromBroker::Welcome { passes: Some(offered), .. } => {
                    pass_room = offered.room;
                    vec![frame]
                }
                FromBroker::Entries { room, headers, entries, head: Some(_) }
                    if pass_room == Some(room) =>
                {
                    let first = entries.first().expect("an opening").clone();
                    let texts = [first.get().to_owned()];
                    let (head, _) = own_books.head(room, &texts);
                    let headers = headers.into_iter().take(1).collect();
                    let (entries, head) = (vec![first], Some(head));
                    vec![FromBroker::Entries { room, headers, entries, head }]
                }
                other => vec![other],
            },
        ),
    ]
}

#[test]
fn each_lie_to_a_sender_is_said_and_the_letter_leaves_once_it_is_told_no_more() {
    in_a_street(100, async |street| {
        let (ana, rui) = registered::street_of_two(&street).await?;
        let mut eva = Forger::settle(&street).await?;
        let other = eva.open(9, 40).await?;
        let books = Books::of(&street)?;
        // From a box that is there: nothing else is done in the sessions below.
        rui.write("ana", letter("ana", "the first"))?;
        is_calm(&rui.send_all().await?)?;
        let mut written = vec!["the first"];
        for Lie { what, said, lie } in to_a_sender(&books, &other) {
            let number = rui.write("ana", letter("ana", what))?;
            street.town.falsify(Some(("Rui", lie)));
            let mut shift = rui.begin(true).await?;
            let found = alarmed(&mut shift, said).await;
            shift.end().await?;
            found.with_context(|| what)?;
            ensure!(rui.standing(number)? != LetterStanding::Deposited, "{what}: believed");
            ensure!(rui.standing(number)? != LetterStanding::Failed, "{what}: given up");
            street.town.falsify(None);
            let mut shift = rui.begin(true).await?;
            shift.until("all has left", |office| Ok(office.under_way()? == 0)).await?;
            shift.end().await?;
            ensure!(rui.standing(number)? == LetterStanding::Deposited, "{what}");
            written.push(what);
        }
        // Each came once: nothing that was handed in was handed in again as another.
        come_and_read(&ana, &mut written).await
    })
}

/// Reads all letters; each of these came once.
async fn come_and_read(ana: &Writer, written: &mut Vec<&'static str>) -> Result<()> {
    let count = written.len();
    let mut shift = ana.begin(true).await?;
    shift.until("all came", |office| are_opened(office, count)).await?;
    is_calm(&shift.end().await?)?;
    let mut texts = Vec::new();
    for came in ana.letters_of(100)? {
        texts.push(ana.office.read(came.letter, ana.now())?.text.expose().to_owned());
    }
    texts.sort();
    written.sort_unstable();
    ensure!(texts == *written, "{texts:?}");
    written.clear();
    Ok(())
}

/// A lie about the entries of one box that come with a signed head.
fn about_log(
    what: &'static str,
    said: &'static str,
    of: RoomName,
    change: impl Fn(&mut Vec<String>, &mut Vec<Box<RawValue>>, &mut String) + Send + 'static,
) -> Lie {
    lie(what, said, move |frame| match frame {
        FromBroker::Entries { room, mut headers, mut entries, head: Some(mut head) }
            if room == of && !entries.is_empty() =>
        {
            change(&mut headers, &mut entries, &mut head);
            vec![FromBroker::Entries { room, headers, entries, head: Some(head) }]
        }
        other => vec![other],
    })
}

/// What is said in the place of a log.
fn not_shown(what: &'static str, of: RoomName, code: &'static str) -> Lie {
    let said = "the broker has lost letters of your box, or hides them";
    lie(what, said, move |frame| match frame {
        FromBroker::Entries { room, .. } if room == of => {
            let (code, message) = (code.to_owned(), "no".to_owned());
            vec![FromBroker::Error { code, message, room: Some(room) }]
        }
        other => vec![other],
    })
}

/// Other bytes in the place of those that were asked for.
fn other_bytes(frame: Vec<u8>) -> Vec<u8> {
    let Ok(BlobFrame { n, purpose, digest, say: Say::Piece(piece) }) =
        BlobFrame::from_broker(&frame)
    else {
        return frame;
    };
    let mut bytes = piece.bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    let piece = Piece::new(piece.class(), piece.offset(), &bytes).expect("a piece");
    BlobFrame { n, purpose, digest, say: Say::Piece(piece) }.encode().expect("a frame")
}

/// Lies to the owner of a box.
fn to_an_owner(books: &Arc<Books>, of: RoomName) -> Vec<Lie> {
    let broken = "the log of the room does not hold";
    let another = "the log of the room is not the one signed";
    let backwards = Arc::clone(books);
    let foreign = Arc::clone(books);
    vec![
        about_log("an entry is left out", another, of, |headers, entries, _| {
            entries.clear();
            headers.clear();
        }),
        about_log("an entry comes twice", broken, of, |_, entries, _| {
            let first = entries.first().expect("an entry").clone();
            entries.insert(1, first);
        }),
        about_log("an entry is changed", broken, of, |_, entries, _| {
            let text = entries.first().expect("an entry").get();
            let text = text.replacen("\"action\":\"e", "\"action\":\"f", 1);
            *entries.first_mut().expect("an entry") =
                RawValue::from_string(text).expect("an entry");
        }),
        about_log(
            "a batch header too many",
            "batch headers of the log do not hold",
            of,
            |headers, _, _| headers.push("eyJ9.e30.AA".to_owned()),
        ),
        // The head that she met last, over a log that she has read to its end.
        about_log("a head that goes back", another, of, move |_, _, head| {
            let texts: Vec<_> = backwards.log(of).into_iter().map(|entry| entry.text).collect();
            *head = backwards.head(of, texts.get(..2).expect("entries")).0;
        }),
        about_log("the head of another log", another, of, move |_, _, head| {
            let texts: Vec<_> = foreign.log(of).into_iter().map(|entry| entry.text).collect();
            *head = foreign.head(RoomName([7; 32]), &texts).0;
        }),
        about_log("a head that nobody signed", another, of, |_, _, head| head.clear()),
        not_shown("a log that is not there", of, "room.unknown"),
        not_shown("a log that is shorter", of, "room.shorter"),
        Lie {
            what: "other bytes than the log names",
            said: "other bytes came than those that the log names",
            lie: Falsifier::new(Binary(other_bytes)),
        },
    ]
}

#[test]
fn each_lie_to_the_owner_of_a_box_is_said_with_the_heads_that_show_it_and_no_letter_is_lost() {
    in_a_street(100, async |street| {
        let (ana, rui) = registered::street_of_two(&street).await?;
        let books = Books::of(&street)?;
        let of = ana.office.address()?.name;
        let mut written = Vec::new();
        for Lie { what, said, lie } in to_an_owner(&books, of) {
            rui.write("ana", letter("ana", what))?;
            is_calm(&rui.send_all().await?)?;
            street.town.falsify(Some(("Ana", lie)));
            let mut shift = ana.begin(true).await?;
            let found = alarmed(&mut shift, said).await;
            shift.end().await?;
            let notes = found.with_context(|| what)?;
            // The head that was met before at least, and the one that came with the log that was not.
            ensure!(
                !notes.is_empty() || said.starts_with("other bytes"),
                "{what}: nothing shows it"
            );
            street.town.falsify(None);
            written.push(what);
            let count = written.len();
            let mut shift = ana.begin(true).await?;
            shift.until(what, |office| are_opened(office, count)).await?;
            shift.end().await?;
        }
        come_and_read(&ana, &mut written).await
    })
}

/// Two deposits under one one-time key: the second one is refused by an honest broker, and is in the log of a house that handed
/// the key out twice and does not want that to be known.
async fn two_under_one_key(
    eva: &mut Forger,
    to: RoomName,
    own: &Forged,
) -> Result<(u64, String, String)> {
    let from = own.address(&eva.writer)?;
    let mut session = eva.paid().await?;
    let found = session.opening(to).await?;
    let keys = session.take_keys(&found).await?;
    ensure!(keys.once.is_some(), "a one-time key");
    let mut ready = Vec::new();
    for (seed, text) in [(1, "The first."), (2, "The second.")] {
        let content = said(from.clone(), seed, text)?;
        let outgoing = Outgoing {
            content: &content,
            author: own.author(),
            attachments: &[],
            expires: None,
            halves: None,
        };
        ready.push(session.prepare(&found, &keys, &outgoing).await?);
    }
    let [first, second] = ready.as_slice() else { bail!("two") };
    let receipt = session.hand_in(&first.action, &first.stamp, found.compact()).await?;
    // Who was handed the key second hears that somebody used it, and takes another.
    let mut another = eva.paid().await?;
    let refused = another.hand_in(&second.action, &second.stamp, found.compact()).await;
    let used = matches!(refused, Err(GuestError::Refused { code: Code::DepositKeyUsed, .. }));
    ensure!(used, "{refused:?}");
    let seq = Entry::parse(&receipt.entry)?.seq.saturating_add(1);
    let (action, stamp) = (second.action.compact().to_owned(), second.stamp.stamp());
    Ok((seq, Entry { seq, action, stamp }.encode(), second.stamp.batch.clone()))
}

#[test]
fn a_one_time_key_that_was_handed_out_twice_is_noticed_by_both_writers_and_said_by_the_reader() {
    in_a_street(PER_DAY, async |street| {
        let ana = street.settle("Ana").await?;
        let mut eva = Forger::settle(&street).await?;
        ana.move_in(None).await?;
        let to = ana.office.address()?.name;
        let own = eva.open(9, 40).await?;
        let books = Books::of(&street)?;
        let (seq, entry, header) = two_under_one_key(&mut eva, to, &own).await?;
        let lie = move |frame| match frame {
            FromBroker::Entries { room, mut headers, mut entries, head: Some(_) } if room == to => {
                let mut texts: Vec<_> =
                    books.log(room).into_iter().map(|entry| entry.text).collect();
                texts.truncate(usize::try_from(seq).expect("a position"));
                texts.push(entry.clone());
                entries.push(RawValue::from_string(entry.clone()).expect("an entry"));
                if !headers.contains(&header) {
                    headers.push(header.clone());
                }
                let head = Some(books.head(room, &texts).0);
                vec![FromBroker::Entries { room, headers, entries, head }]
            }
            other => vec![other],
        };
        street.town.falsify(Some(("Ana", Falsifier::new(lie))));
        let mut shift = ana.begin(true).await?;
        let found = alarmed(&mut shift, "two letters under one one-time key").await;
        shift.end().await?;
        ensure!(!found?.is_empty(), "the heads show it");
        // By the log as it is, the first one is read.
        street.town.falsify(None);
        let mut shift = ana.begin(true).await?;
        shift.until("the first came", |office| are_opened(office, 1)).await?;
        is_calm(&shift.end().await?)?;
        let came = ana.letters()?.pop().context("a letter")?;
        ensure!(ana.office.read(came.letter, ana.now())?.text.expose() == "The first.");
        Ok(())
    })
}

/// A log from which an entry was taken out, the others counted anew, under a head of the house.
fn without(books: &Books, room: RoomName, left_out: usize) -> FromBroker {
    let mut log = books.log(room);
    log.remove(left_out);
    let mut texts = Vec::new();
    let mut headers: Vec<String> = Vec::new();
    for (stored, seq) in log.iter().zip(0..) {
        let entry = Entry::parse(&stored.text).expect("an entry");
        texts.push(Entry { seq, ..entry }.encode());
        if !headers.iter().any(|header| **header == *stored.header) {
            headers.push(stored.header.to_string());
        }
    }
    let head = Some(books.head(room, &texts).0);
    let raw = |text: &String| RawValue::from_string(text.clone()).expect("an entry");
    FromBroker::Entries { room, headers, entries: texts.iter().map(raw).collect(), head }
}

/// Lies in answers that somebody waits for are answered, and said as what they are.
#[test]
fn a_lie_to_who_waits_for_an_answer_is_an_alarm_too_and_nothing_is_written_or_believed() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = registered::street_of_two(&street).await?;
        let books = Books::of(&street)?;
        let of = ana.office.address()?.name;
        let picture = street.folder.join("clock.jpg");
        std::fs::write(&picture, [7; 5_000])?;
        let attach = vec![picture.display().to_string()];
        let come = async |count: usize| -> Result<()> {
            is_calm(&rui.send_all().await?)?;
            let mut shift = ana.begin(true).await?;
            shift.until("they came", |office| are_opened(office, count)).await?;
            tokio::time::sleep(Duration::from_secs(20)).await;
            is_calm(&shift.end().await?)
        };
        rui.write("ana", letter("ana", "taken off"))?;
        come(1).await?;
        // What has files waits until they are saved: nothing that she signed names these.
        for text in ["with a file", "with another"] {
            rui.write("ana", NewLetter { attach: attach.clone(), ..letter("ana", text) })?;
        }
        come(3).await?;
        let [.., number, _] = *ana.that(LetterStanding::Unread)?.as_slice() else { bail!("two") };
        let letter = LetterNumber(i64::try_from(number)?);
        // Not seen yet: with one left out before them the log is longer than she knows it.
        for text in ["later", "still later"] {
            rui.write("ana", super::letter("ana", text))?;
        }
        is_calm(&rui.send_all().await?)?;
        let folder = street.folder.join("saved");
        let lies: [(&str, Falsifier, &str); 5] = [
            (
                "list without an end",
                Falsifier::new(|frame| match frame {
                    FromBroker::PeopleListed { n, headers, openings, .. } => {
                        vec![FromBroker::PeopleListed { n, headers, openings, next: Some(0) }]
                    }
                    other => vec![other],
                }),
                "the list of boxes does not hold",
            ),
            (
                "find",
                Falsifier::new(|frame| match frame {
                    FromBroker::BoxOpened { n, header, closed, .. } => {
                        let entry = RawValue::from_string("{}".to_owned()).expect("JSON");
                        vec![FromBroker::BoxOpened { n, header, entry, closed }]
                    }
                    other => vec![other],
                }),
                "the opening of a box does not hold",
            ),
            (
                "save",
                Falsifier::new(Binary(other_bytes)),
                "other bytes came than those that the log names",
            ),
            (
                "trace",
                {
                    let books = Arc::clone(&books);
                    Falsifier::new(move |frame| match frame {
                        FromBroker::Entries { room, .. } if room == of => {
                            vec![without(&books, room, 5)]
                        }
                        other => vec![other],
                    })
                },
                "the log of the box is another than it was",
            ),
            (
                "fetch",
                Falsifier::new(|frame| match frame {
                    FromBroker::Entries { room, head: Some(_), headers, entries } => {
                        let head = Some(String::new());
                        vec![FromBroker::Entries { room, headers, entries, head }]
                    }
                    other => vec![other],
                }),
                "the log of the room is not the one signed",
            ),
        ];
        for (what, lie, said) in lies {
            street.town.falsify(Some(("Ana", lie)));
            // Nothing is looked into meanwhile that is not asked for.
            let mut shift = ana.begin(false).await?;
            let beginning = of.to_string();
            let answer = match what {
                "list without an end" => {
                    shift.ask(|reply| Errand::People { reply }).await?.map(drop)
                }
                "find" => shift.ask(|reply| Errand::Find { beginning, reply }).await?.map(drop),
                "save" => {
                    let folder = folder.clone();
                    shift.ask(|reply| Errand::Save { letter, folder, reply }).await?.map(drop)
                }
                "trace" => shift.ask(|reply| Errand::Trace { letter, reply }).await?,
                _ => shift.ask(|reply| Errand::Fetch { reply }).await?,
            };
            let not_done = answer.err().with_context(|| format!("{what} was believed"))?;
            ensure!(not_done.code == "mail.false", "{what}: {not_done:?}");
            ensure!(not_done.message.contains(said), "{what}: {not_done:?}");
            let found = alarmed(&mut shift, said).await;
            shift.end().await?;
            found.with_context(|| what)?;
            street.town.falsify(None);
        }
        ensure!(std::fs::read_dir(&folder)?.next().is_none(), "nothing was written");
        // By the broker as it is, all is done.
        let shift = ana.begin(false).await?;
        shift.ask(|reply| Errand::Save { letter, folder: folder.clone(), reply }).await??;
        shift.ask(|reply| Errand::Trace { letter, reply }).await??;
        is_calm(&shift.end().await?)
    })
}

/// What a broker may tell of a deposit, out of its log: entries with all that proves them.
fn told(books: &Books, room: RoomName, deposit: u64, about: &[u64]) -> Vec<TimelineEntry> {
    let log = books.log(room);
    let texts: Vec<_> = log.iter().map(|entry| entry.text.clone()).collect();
    let (_, tree) = books.head(room, &texts);
    let one = |seq: &u64| {
        let stored = log.iter().find(|entry| entry.seq == *seq).expect("an entry");
        let action = Entry::parse(&stored.text).map(|entry| Action::parse(&entry.action));
        let action = action.expect("an entry").expect("an action");
        let has_seen = matches!(action.body(), Body::Taken(_));
        let seen = has_seen.then(|| {
            let size = usize::try_from(action.seen().size).expect("a size");
            let (_, seen) = books.head(room, texts.get(..size).expect("entries"));
            SeenPath(seen.path(deposit).expect("seen"))
        });
        let path = tree.path(*seq).expect("in the log");
        let (header, entry) = (stored.header.to_string(), stored.text.clone());
        TimelineEntry { header, entry, path, seen }
    };
    about.iter().map(one).collect()
}

#[test]
fn what_is_told_of_another_deposit_of_a_log_that_goes_back_or_of_none_is_said_to_be_false() {
    in_a_street(PER_DAY, async |street| {
        let (ana, rui) = registered::street_of_two(&street).await?;
        let books = Books::of(&street)?;
        let of = ana.office.address()?.name;
        let number = rui.write("ana", letter("ana", "Who is there?"))?;
        rui.write("ana", letter("ana", "And again?"))?;
        is_calm(&rui.send_all().await?)?;
        let mut shift = ana.begin(true).await?;
        shift.until("they came", |office| are_opened(office, 2)).await?;
        tokio::time::sleep(Duration::from_secs(20)).await;
        is_calm(&shift.end().await?)?;
        let letter = LetterNumber(i64::try_from(number)?);
        let taken = books.log(of).len() as u64 - 1;
        // A `taken` that may not be told, somebody else's letter, the opening.
        let about = |seqs: Vec<u64>| {
            let books = Arc::clone(&books);
            Falsifier::new(move |frame| match frame {
                FromBroker::DepositTold { n, head, consistency, path, .. } => {
                    let entries = told(&books, of, 2, &seqs);
                    vec![FromBroker::DepositTold { n, head, consistency, path, entries }]
                }
                other => vec![other],
            })
        };
        let goes_back = {
            let books = Arc::clone(&books);
            Falsifier::new(move |frame| match frame {
                FromBroker::DepositTold { n, .. } => {
                    let texts: Vec<_> = books.log(of).into_iter().map(|one| one.text).collect();
                    let (head, _) = books.head(of, texts.get(..2).expect("entries"));
                    let (consistency, path, entries) = (Vec::new(), Vec::new(), Vec::new());
                    vec![FromBroker::DepositTold { n, head, consistency, path, entries }]
                }
                other => vec![other],
            })
        };
        let unknown = Falsifier::new(|frame| match frame {
            FromBroker::DepositTold { n, .. } => {
                vec![FromBroker::Failed { n, code: "room.unknown".to_owned() }]
            }
            other => vec![other],
        });
        let false_word = "what the broker tells of letter";
        let lies = [
            ("the opening", about(vec![0]), false_word),
            ("another letter", about(vec![3]), false_word),
            ("a silent `taken`", about(vec![taken]), false_word),
            ("a head that goes back", goes_back, false_word),
            ("no such deposit", unknown, "for which it gave a receipt"),
        ];
        for (what, lie, said) in lies {
            street.town.falsify(Some(("Rui", lie)));
            let mut shift = rui.begin(false).await?;
            let answer = shift.ask(|reply| Errand::Inquire { letter, reply }).await?;
            ensure!(answer.is_err_and(|not| not.code == "mail.false"), "{what} was believed");
            let found = alarmed(&mut shift, said).await;
            shift.end().await?;
            ensure!(!found.with_context(|| what)?.is_empty(), "{what}: nothing shows it");
            street.town.falsify(None);
        }
        ensure!(rui.standing(number)? == LetterStanding::Deposited);
        let shift = rui.begin(false).await?;
        shift.ask(|reply| Errand::Inquire { letter, reply }).await??;
        is_calm(&shift.end().await?)
    })
}

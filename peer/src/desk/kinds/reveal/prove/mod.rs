//! A disclosure that the user's citizen card signs too.
//!
//! Cards and people are slow, so the card's part runs beside the desk: find it, ask the user, have
//! it sign. Only a signature comes back; whatever goes wrong on the way is told from there, and
//! nothing was sent. The desk then hands in the disclosure as any other, by the state of the room
//! as it is by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Reveal, Side, Text};
use pregao_protocol::room::disclosure::{
    Attribute, CardClaims, Claims, DisclosureContext, Stated, Value,
};
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::label::MAX_DISCLOSED_CARD;
use pregao_protocol::value::report::Report;
use tokio::sync::{mpsc, oneshot};

use crate::card::prompt::tries as tries_in_words;
use crate::card::{CardError, LastTry, Tries};
use crate::desk::Desk;
use crate::desk::answers::{Progress, ReplyTo};
use crate::desk::signer::Cards;
use crate::event::Event;
use crate::front::channel::{PinQuestion, Question, Subject, UserAnswer};
use crate::text::sanitize::sanitize;

/// Most characters of a name in a disclosure.
const LONGEST_NAME: usize = 80;
/// Hexadecimal digits of a persona's fingerprint that a person compares.
const SHORT_PERSONA: usize = 8;

/// What a card is to sign, before the card is known.
pub(in crate::desk) struct Job {
    pub(in crate::desk) room: RoomName,
    pub(in crate::desk) opening: Reveal,
    pub(in crate::desk) side: Side,
    /// Title of the auction.
    pub(in crate::desk) title: String,
    /// The persona that the card's signature ties to its holder.
    pub(in crate::desk) persona: Fingerprint,
    /// Without name and card.
    pub(in crate::desk) claims: Claims,
    pub(in crate::desk) show: Vec<Attribute>,
    pub(in crate::desk) reader: Option<String>,
}

/// Claims and the card's signature over them.
#[derive(Debug)]
pub(in crate::desk) struct Proof {
    pub(in crate::desk) of: ReplyTo,
    pub(in crate::desk) room: RoomName,
    pub(in crate::desk) claims: Claims,
    pub(in crate::desk) by_card: Vec<u8>,
}

/// What the user's card does for the desk.
#[derive(Debug)]
pub(in crate::desk) struct CardWork {
    /// What the card signed, to be handed in; the sender is for the task that asks it.
    proofs: (mpsc::Sender<Proof>, mpsc::Receiver<Proof>),
    /// Whether a card is being asked.
    asked: Arc<AtomicBool>,
}

impl Default for CardWork {
    fn default() -> Self {
        Self { proofs: mpsc::channel(1), asked: Arc::default() }
    }
}

impl CardWork {
    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }

    /// Whether something signed waits to be handed in.
    fn has_signed(&self) -> bool {
        !self.proofs.1.is_empty()
    }

    /// A card is asked until what is returned first is dropped; the other takes what it signed.
    fn begin(&self) -> (Asking, mpsc::Sender<Proof>) {
        (Asking::begin(&self.asked), self.proofs.0.clone())
    }

    /// The next thing that the card signed.
    pub(in crate::desk) async fn signed(&mut self) -> Option<Proof> {
        self.proofs.1.recv().await
    }
}

impl Desk {
    /// Has the card sign a disclosure, and hands it in once it did.
    pub(in crate::desk) async fn prove(
        &mut self,
        (prefix, yes): (&str, bool),
        contact: String,
        show: Vec<Attribute>,
        reader: Option<String>,
    ) -> Progress {
        if self.card.is_asked() {
            let message = "a card is being asked already".to_owned();
            let advice = "answer that question first, or cancel it".to_owned();
            return self.reject(Report::new("card.busy", message, advice)).await;
        }
        if self.card.has_signed() {
            let message = "what your card signed waits for the connection".to_owned();
            let advice = "wait: it is handed in once there is one".to_owned();
            return self.reject(Report::new("card.busy", message, advice)).await;
        }
        if let Ok(room) = self.reveal_room(prefix).map(|(room, _)| room)
            && self.takes_up(room).await
        {
            return Progress::Pending;
        }
        let reader = reader.or_else(|| self.options.reader.clone());
        let job = match self.job(prefix, contact, show, reader) {
            Ok(job) => job,
            Err(report) => return self.reject(report).await,
        };
        self.reply_to.room = Some(job.room);
        self.note("looking for a citizen card".to_owned()).await;
        let of = std::mem::take(&mut self.reply_to);
        let view = self.named(&of);
        let cards = Arc::clone(&self.options.cards);
        let (questions, events) = (self.user.questions(), self.user.events());
        let (asking, proofs) = self.card.begin();
        let asking_the_card = move || {
            let room = job.room;
            let ran = job.run(&*cards, |pin| ask(&questions, PinQuestion { yes, ..pin }));
            // Before it is told: whoever hears of the end may ask again at once.
            drop(asking);
            match ran {
                Ok((claims, by_card, left)) => {
                    if let Some(left) = left {
                        let text = format!("signed; {}", tries_in_words(left));
                        let note = Event::Note { text, id: of.id.clone(), of: view };
                        let _ = events.blocking_send(note);
                    }
                    // Waits in the queue where there is no connection just now.
                    let _ = proofs.blocking_send(Proof { of, room, claims, by_card });
                }
                Err(report) => {
                    let id = of.id;
                    let of = view.clone();
                    let refused = Event::Refused { id: id.clone(), report, of };
                    let _ = events.blocking_send(refused);
                    let _ = events.blocking_send(Event::Done { id, ok: false, of: view });
                }
            }
        };
        self.options.host.spawn.blocking(Box::new(asking_the_card));
        Progress::Pending
    }

    /// Hands in what the card signed.
    pub(in crate::desk) async fn proved(&mut self, proof: Proof) {
        let Proof { of, room, claims, by_card } = proof;
        self.reply_to = of;
        // Much may have happened while the card was asked.
        let body = self
            .may_still_hand_in(room)
            .and_then(|()| self.sealed_disclosure(room, &claims, Some(&by_card)));
        let progress = match body {
            Ok(body) => self.hand_in(room, body).await,
            Err(report) => self.reject(report).await,
        };
        self.conclude(progress).await;
        self.reply_to = ReplyTo::default();
    }
}

/// Says that a card is being asked, until it is dropped.
struct Asking(Arc<AtomicBool>);

impl Asking {
    fn begin(proving: &Arc<AtomicBool>) -> Self {
        proving.store(true, Ordering::Release);
        Self(Arc::clone(proving))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Waits for the front's answer. Without a front, nobody answers.
fn ask(questions: &mpsc::Sender<Question>, pin: PinQuestion) -> UserAnswer {
    let (reply, answer) = oneshot::channel();
    if questions.blocking_send(Question { about: Subject::Pin(pin), reply }).is_err() {
        return UserAnswer::Cancel;
    }
    answer.blocking_recv().unwrap_or(UserAnswer::Cancel)
}

impl Job {
    /// Finds the card, asks the user, has it sign; gives the tries left afterwards too. Blocks.
    pub(in crate::desk) fn run(
        self,
        cards: &dyn Cards,
        ask: impl FnOnce(PinQuestion) -> UserAnswer,
    ) -> Result<(Claims, Vec<u8>, Option<Tries>), Report> {
        let mut card = cards.find(self.reader.as_deref())?;
        let tries = card.tries_left()?;
        if tries == Tries::Blocked {
            return Err(CardError::Blocked.into());
        }
        if card.certificate().len() > MAX_DISCLOSED_CARD {
            return Err(Report::new(
                "card.too-long",
                format!(
                    "the card's certificate is longer than the {MAX_DISCLOSED_CARD} bytes that a \
                     disclosure has room for"
                ),
                "use /reveal instead, which needs no card; nothing was sent",
            ));
        }
        let stated = if self.show.is_empty() {
            Vec::new()
        } else {
            card.attributes(&self.show)?.into_iter().map(stated).collect::<Result<_, _>>()?
        };
        let name: String = sanitize(card.holder()).chars().take(LONGEST_NAME).collect();
        let question = PinQuestion {
            holder: name.clone(),
            reader: sanitize(card.reader()),
            tries,
            warning: self.warning(&stated),
            pinpad: card.has_pinpad(),
            yes: false,
        };
        let mut claims = self.claims;
        claims.name = Text::try_from(name).map_err(|_| {
            Report::new("card.name", "the card does not name its holder", "use /reveal instead")
        })?;
        claims.card = Some(CardClaims::new(card.certificate(), stated));
        let place = DisclosureContext { room: self.room, opening: &self.opening, side: self.side };
        let message = place.to_sign(&claims).map_err(|error| {
            Report::new("reveal.failed", error.to_string(), "nothing was sent; do it again")
        })?;
        let last_try = question.is_last_try();
        match ask(question) {
            UserAnswer::Sign(_, LastTry::Refuse) if last_try => Err(Report::new(
                "card.last-try",
                "one try is left and it was not confirmed that it may be the last",
                "do it again in the chat or at a terminal, where it is asked; nothing was sent",
            )),
            UserAnswer::Sign(pin, last) => {
                let by_card = card.sign(&message, pin, last)?;
                // The signature is there; not learning the count does not undo it.
                Ok((claims, by_card, card.tries_left().ok()))
            }
            UserAnswer::Cancel | UserAnswer::Yes => Err(Report::new(
                "card.cancelled",
                "the card signed nothing and nothing was sent",
                "do it again when you like, or /reveal without a card",
            )),
            UserAnswer::Unable(report) => Err(report),
        }
    }

    /// What the user must know before they type the PIN.
    fn warning(&self, stated: &[Stated]) -> Vec<String> {
        let other = match self.side {
            Side::Seller => "winner",
            Side::Winner => "seller",
        };
        let mut lines = vec![
            format!("You show the {other} of \"{}\" who you are.", sanitize(&self.title)),
            format!(
                "The {other} gets the card's certificate: your full name and civil number. \
                 Neither can be left out."
            ),
        ];
        if !stated.is_empty() {
            let parts: Vec<String> = stated
                .iter()
                .map(|stated| format!("{} {}", stated.name, stated.value.as_str()))
                .collect();
            lines.push(format!("You state besides: {}.", parts.join(", ")));
        }
        lines.push(match &self.claims.contact {
            Some(contact) => format!("They get this contact: \"{}\"", sanitize(contact.as_str())),
            None => "They get no contact: you gave none.".to_owned(),
        });
        let persona = self.persona.to_string();
        let persona = persona.get(..SHORT_PERSONA).unwrap_or(&persona);
        lines.push(format!(
            "It ties your pseudonym {persona} and your bids here to your name, for good: who knows \
             that pseudonym elsewhere then knows you."
        ));
        lines.push(format!(
            "The {other} can show all this to others and prove that your card signed it. It \
             cannot be taken back."
        ));
        lines.push(
            "It cannot be passed on as if made for another auction or another person.".to_owned(),
        );
        lines.push(
            "The broker sees only a padded ciphertext. It releases both sides' or neither."
                .to_owned(),
        );
        lines
    }
}

fn stated((name, value): (Attribute, String)) -> Result<Stated, Report> {
    let value = Value::try_from(value.trim().to_owned()).map_err(|_| {
        let message = format!("what the card says of {name} cannot be shown");
        Report::new("card.attribute", message, "do it again without that attribute")
    })?;
    Ok(Stated { name, value })
}

#[cfg(test)]
mod tests;

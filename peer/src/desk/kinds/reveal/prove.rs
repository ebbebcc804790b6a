//! A disclosure that the user's citizen card signs too.
//!
//! Cards and people are slow, so the card's part runs beside the desk: find it, ask the user, have
//! it sign. Only a signature comes back; whatever goes wrong on the way is told from there, and
//! nothing was sent. The desk then hands in the disclosure as any other, by the state of the room
//! as it is by then.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pregao_protocol::key::Fingerprint;
use pregao_protocol::label::MAX_DISCLOSED_CARD;
use pregao_protocol::log::RoomName;
use pregao_protocol::room::body::{Reveal, Side, Text};
use pregao_protocol::room::disclosure::{Attribute, CardClaims, Claims, Place, Stated, Value};
use tokio::sync::{mpsc, oneshot};

use crate::card::prompt::tries as tries_in_words;
use crate::card::{CardError, LastTry, Tries};
use crate::desk::Desk;
use crate::desk::acts::Cannot;
use crate::desk::answers::Answering;
use crate::desk::signer::{CardTrouble, Cards};
use crate::event::Event;
use crate::front::{Answer, PinQuestion, Question, Subject};
use crate::plain::plain;

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
    pub(in crate::desk) of: Answering,
    pub(in crate::desk) room: RoomName,
    pub(in crate::desk) claims: Claims,
    pub(in crate::desk) by_card: Vec<u8>,
}

impl Desk {
    /// Has the card sign a disclosure, and hands it in once it did.
    pub(in crate::desk) async fn prove(
        &mut self,
        (prefix, yes): (&str, bool),
        contact: String,
        show: Vec<Attribute>,
        reader: Option<String>,
    ) -> Option<bool> {
        if self.proving.load(Ordering::Acquire) {
            let message = "a card is being asked already".to_owned();
            let advice = "answer that question first, or cancel it".to_owned();
            return self.cannot(Cannot("card.busy", message, advice)).await;
        }
        if !self.proofs.1.is_empty() {
            let message = "what your card signed waits for the connection".to_owned();
            let advice = "wait: it is handed in once there is one".to_owned();
            return self.cannot(Cannot("card.busy", message, advice)).await;
        }
        if let Ok(room) = self.reveal_room(prefix).map(|(room, _)| room)
            && self.takes_up(room).await
        {
            return None;
        }
        let reader = reader.or_else(|| self.options.reader.clone());
        let job = match self.job(prefix, contact, show, reader) {
            Ok(job) => job,
            Err(cannot) => return self.cannot(cannot).await,
        };
        self.answering.room = Some(job.room);
        self.note("looking for a citizen card".to_owned()).await;
        let of = std::mem::take(&mut self.answering);
        let view = self.named(&of);
        let cards = Arc::clone(&self.options.cards);
        let (questions, events) = (self.questions.clone(), self.events.clone());
        let proofs = self.proofs.0.clone();
        let asking = Asking::begin(&self.proving);
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
                Err(CardTrouble { code, message, advice }) => {
                    let (id, code) = (of.id, code.to_owned());
                    let of = view.clone();
                    let refused = Event::Refused { id: id.clone(), code, message, advice, of };
                    let _ = events.blocking_send(refused);
                    let _ = events.blocking_send(Event::Done { id, ok: false, of: view });
                }
            }
        };
        self.options.host.spawn.blocking(Box::new(asking_the_card));
        None
    }

    /// Hands in what the card signed.
    pub(in crate::desk) async fn proved(&mut self, proof: Proof) {
        let Proof { of, room, claims, by_card } = proof;
        self.answering = of;
        // Much may have happened while the card was asked.
        let body = self
            .may_still_hand_in(room)
            .and_then(|()| self.sealed_disclosure(room, &claims, Some(&by_card)));
        let done = match body {
            Ok(body) => self.hand_in(room, body).await,
            Err(cannot) => self.cannot(cannot).await,
        };
        if let Some(ok) = done {
            self.done(ok).await;
        }
        self.answering = Answering::default();
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
fn ask(questions: &mpsc::Sender<Question>, pin: PinQuestion) -> Answer {
    let (reply, answer) = oneshot::channel();
    if questions.blocking_send(Question { about: Subject::Pin(pin), reply }).is_err() {
        return Answer::Cancel;
    }
    answer.blocking_recv().unwrap_or(Answer::Cancel)
}

impl Job {
    /// Finds the card, asks the user, has it sign; gives the tries left afterwards too. Blocks.
    pub(in crate::desk) fn run(
        self,
        cards: &dyn Cards,
        ask: impl FnOnce(PinQuestion) -> Answer,
    ) -> Result<(Claims, Vec<u8>, Option<Tries>), CardTrouble> {
        let mut card = cards.find(self.reader.as_deref())?;
        let tries = card.tries_left()?;
        if tries == Tries::Blocked {
            return Err(CardError::Blocked.into());
        }
        if card.certificate().len() > MAX_DISCLOSED_CARD {
            return Err(trouble(
                "card.too-long",
                &format!(
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
        let name: String = plain(card.holder()).chars().take(LONGEST_NAME).collect();
        let question = PinQuestion {
            holder: name.clone(),
            reader: plain(card.reader()),
            tries,
            warning: self.warning(&stated),
            pinpad: card.has_pinpad(),
            yes: false,
        };
        let mut claims = self.claims;
        claims.name = Text::try_from(name).map_err(|_| {
            trouble("card.name", "the card does not name its holder", "use /reveal instead")
        })?;
        claims.card = Some(CardClaims::new(card.certificate(), stated));
        let place = Place { room: self.room, opening: &self.opening, side: self.side };
        let message = place.to_sign(&claims).map_err(|error| {
            trouble("reveal.failed", &error.to_string(), "nothing was sent; do it again")
        })?;
        let last_try = question.is_last_try();
        match ask(question) {
            Answer::Sign(_, LastTry::Refuse) if last_try => Err(trouble(
                "card.last-try",
                "one try is left and it was not confirmed that it may be the last",
                "do it again in the chat or at a terminal, where it is asked; nothing was sent",
            )),
            Answer::Sign(pin, last) => {
                let by_card = card.sign(&message, pin, last)?;
                // The signature is there; not learning the count does not undo it.
                Ok((claims, by_card, card.tries_left().ok()))
            }
            Answer::Cancel | Answer::Yes => Err(trouble(
                "card.cancelled",
                "the card signed nothing and nothing was sent",
                "do it again when you like, or /reveal without a card",
            )),
            Answer::Unable { code, message, advice } => Err(trouble(code, &message, &advice)),
        }
    }

    /// What the user must know before they type the PIN.
    fn warning(&self, stated: &[Stated]) -> Vec<String> {
        let other = match self.side {
            Side::Seller => "winner",
            Side::Winner => "seller",
        };
        let mut lines = vec![
            format!("You show the {other} of \"{}\" who you are.", plain(&self.title)),
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
            Some(contact) => format!("They get this contact: \"{}\"", plain(contact.as_str())),
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

fn stated((name, value): (Attribute, String)) -> Result<Stated, CardTrouble> {
    let value = Value::try_from(value.trim().to_owned()).map_err(|_| {
        let message = format!("what the card says of {name} cannot be shown");
        trouble("card.attribute", &message, "do it again without that attribute")
    })?;
    Ok(Stated { name, value })
}

fn trouble(code: &'static str, message: &str, advice: &str) -> CardTrouble {
    CardTrouble { code, message: message.to_owned(), advice: advice.to_owned() }
}

#[cfg(test)]
#[path = "prove_tests.rs"]
mod tests;

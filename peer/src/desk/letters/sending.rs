//! Letters that are written: to whom, from which box, and what is said before they leave.

use pregao_protocol::letter::{Address, Mode};

use super::{Desk, Progress};
use crate::command::NewLetter;
use crate::event::Event;
use crate::net::broker::BrokerAddress;
use crate::post::office::{Office, OfficeError, Resolved, Written};
use crate::text::duration;

impl Desk {
    /// Writes a letter to whomever is meant.
    pub(super) async fn send_letter(&mut self, office: &Office, new: NewLetter) -> Progress {
        let resolved = office.resolve(&new.to);
        // Before anything is asked for: without a box nobody writes.
        if matches!(resolved, Ok(Resolved::Address(_) | Resolved::Beginning(_)))
            && let Err(error) = office.require_box()
        {
            return self.reject_letters(error).await;
        }
        let to = match resolved {
            Ok(Resolved::Contact(id)) => office.contact(id).map(|contact| contact.address),
            Ok(Resolved::Box(address)) => Ok(address),
            Ok(Resolved::Address(address)) => {
                return match self.full_name(&address.broker, address.name.to_string()) {
                    Ok(name) => self.ask_where(name, Box::new(new)).await,
                    Err(error) => self.reject_letters(error).await,
                };
            }
            Ok(Resolved::Beginning(beginning)) => {
                return self.ask_where(beginning, Box::new(new)).await;
            }
            Err(error) => Err(error),
        };
        match to {
            Ok(to) => self.write_to(office, new, to).await,
            Err(error) => self.reject_letters(error).await,
        }
    }

    /// The name of a box by which the broker finds it, if it is this broker's.
    pub(super) fn full_name(
        &self,
        at: &BrokerAddress,
        name: String,
    ) -> Result<String, OfficeError> {
        let here = at.fingerprint == self.options.broker.fingerprint;
        if here { Ok(name) } else { Err(OfficeError::OtherBroker) }
    }

    /// Writes a letter to a box that is known.
    pub(super) async fn write_to(
        &mut self,
        office: &Office,
        new: NewLetter,
        to: Address,
    ) -> Progress {
        let now = match self.letter_time() {
            Ok(now) => now,
            Err(report) => return self.reject(report).await,
        };
        let route = office.whose(&to).and_then(|contact| office.route(contact, to));
        let route = match route {
            Ok(route) => route,
            Err(error) => return self.reject_letters(error).await,
        };
        if new.attach.is_empty() {
            return match office.write(&new, route, now) {
                Ok(written) => self.is_written(office, written).await,
                Err(error) => self.reject_letters(error).await,
            };
        }
        let office = office.clone();
        self.seal_beside(move || office.write(&new, route, now)).await
    }

    /// A letter was put down: shows it, whom it convinces, and until when it can be taken back.
    pub(super) async fn is_written(&mut self, office: &Office, written: Written) -> Progress {
        let Written { number, leaves, mode, registered, now } = written;
        self.wake_postman(now);
        let mut letter = match office.letter(number) {
            Ok(letter) => letter,
            Err(error) => return self.reject_letters(error).await,
        };
        let (shown, who, is_even) = (letter.letter, letter.who.clone(), letter.even);
        // Without hurry a pass may have to rest for longer than the letter is held back.
        let leaves = if now { leaves } else { letter.leaves.unwrap_or(leaves) };
        letter.leaves = Some(leaves);
        self.emit(Event::Letter(letter)).await;
        let whom = match mode {
            Mode::Evidence => "evidence: its reader can prove to others that your box wrote it",
            Mode::Deniable => "deniable: its reader can prove nothing with it",
        };
        self.note(whom.to_owned()).await;
        if registered {
            let text = "registered: they see that it is from you and its subject, and read the rest once they sign \
                        for it, within 15 days";
            self.note(text.to_owned()).await;
        }
        if !who.verified {
            let compare = match &who.name {
                Some(name) => format!("compare digits with them: /contact verify \"{name}\""),
                None => "they are no contact: /contact add NAME ADDRESS makes them one".to_owned(),
            };
            self.note(format!("it is not compared that this box is theirs; {compare}")).await;
        }
        if now {
            self.note(
                "it waits for no pass to have rested: the broker may guess that it is yours"
                    .to_owned(),
            )
            .await;
        }
        let is_blocked = office.is_blocked(&who).unwrap_or_default();
        if is_blocked {
            let text =
                "you have blocked them: you hear nothing of what they answer, and no receipt";
            self.note(text.to_owned()).await;
        }
        let hold = self.letter_time().map(|now| leaves.since(now)).unwrap_or_default();
        let text = match hold.as_secs() {
            _ if is_even => format!(
                "it leaves at an even time, in {} at the soonest; until then /recall {shown} takes it back",
                duration::print(hold)
            ),
            0 => "it leaves at once".to_owned(),
            _ => format!(
                "it leaves in {}; until then /recall {shown} takes it back",
                duration::print(hold)
            ),
        };
        self.note(format!("{text}; /status {shown} says what becomes of it")).await;
        Progress::Done
    }
}

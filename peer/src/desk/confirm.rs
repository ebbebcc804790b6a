//! What a person is asked before the desk does it: what costs more than they may have meant, and what
//! cannot be taken back.
//!
//! The desk goes on while a question is open. When its answer comes the act is judged anew; a ground
//! that was not there before is asked about again.

use std::time::Duration;

use pregao_protocol::log::RoomName;
use pregao_protocol::trust::key::Fingerprint;
use pregao_protocol::value::report::Report;
use tokio::sync::oneshot;

use super::answers::ReplyTo;
use super::kinds::auction::{lockers, reserve};
use super::outbox::Drafted;
use super::{Desk, kinds};
use crate::command::{BoxTask, Command};
use crate::front::channel::{Confirmation, Question, Subject, UNCONFIRMED, UserAnswer};
use crate::text::sanitize::{apart, sanitize};
use crate::text::{amount, duration};

/// A bid of more than so many times the least is asked about.
const TIMES: u64 = 3;
/// A listing that runs for longer is asked about: 30 days.
const LONG: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// Why a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// Their own bid of so many minor units leads already, or would once it is logged.
    OwnLead(u64),
    /// They have handed in sealed bids in this room, the highest of so many minor units.
    SealedBefore(Option<u64>),
    /// Somebody bid on a falling price before, which costs them so many minor units.
    Behind(u64),
    /// The bid is of more than three times the least, which is this.
    High(u64),
    /// The terms of a listing, which cannot be changed; where nobody can be asked, nothing keeps from it.
    Terms,
    /// The rule of a room in which they have not bid yet; where nobody can be asked, nothing keeps from it.
    Rule,
    /// So many of the TSAs that lock the bids of a room, or of a listing, are none that they pinned.
    Lockers { unknown: usize, of: usize },
    /// The item is taken back, for good.
    TakesBack,
    /// The box for first letters is closed, for good.
    ClosesBox,
    /// A registered letter is declined, for good.
    DeclinesLetter,
    /// The auction runs for longer than 30 days.
    Long,
    /// It tells the other side of this room who they are, for good.
    Discloses(RoomName),
}

/// What a person agreed to, or a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Consent {
    /// Whatever there is to ask.
    Beforehand,
    /// These grounds.
    To(Vec<Ground>),
    /// To nothing; and what was told after this instant was not known.
    Written(Duration),
}

impl Consent {
    /// What is agreed to with a request.
    pub(super) const fn of(yes: bool, written: Option<Duration>) -> Self {
        match (yes, written) {
            (true, _) => Self::Beforehand,
            (false, Some(written)) => Self::Written(written),
            (false, None) => Self::To(Vec::new()),
        }
    }

    /// Until when what was told was known, where not everything was.
    pub(super) const fn knows_until(&self) -> Option<Duration> {
        match self {
            Self::Written(written) => Some(*written),
            Self::Beforehand | Self::To(_) => None,
        }
    }

    /// Whether all these grounds are agreed to. A least bid that has risen makes a high bid less high.
    pub(super) fn covers(&self, grounds: &[Ground]) -> bool {
        let agreed = match self {
            Self::Beforehand => return true,
            Self::To(agreed) => agreed.as_slice(),
            Self::Written(_) => &[],
        };
        grounds.iter().all(|ground| {
            agreed.iter().any(|agreed| match (ground, agreed) {
                (Ground::High(least), Ground::High(earlier)) => least >= earlier,
                (ground, agreed) => ground == agreed,
            })
        })
    }
}

/// An answer, with what was asked about.
#[derive(Debug)]
pub(super) struct Answered {
    id: Option<String>,
    command: Command,
    grounds: Vec<Ground>,
    /// What was shown, where its terms were.
    drafted: Option<Box<Drafted>>,
    /// TSAs that would lock it, and that the user does not know.
    unknown: Vec<Fingerprint>,
    answer: UserAnswer,
}

/// What to ask about a bid.
pub(super) fn of_bid(bid: u64, least: u64, own_lead: Option<u64>) -> Vec<Ground> {
    let high = bid > least.saturating_mul(TIMES);
    own_lead.map(Ground::OwnLead).into_iter().chain(high.then_some(Ground::High(least))).collect()
}

/// What to ask about a listing.
pub(super) fn of_listing(runs: Duration) -> Vec<Ground> {
    let long = runs > LONG;
    std::iter::once(Ground::Terms).chain(long.then_some(Ground::Long)).collect()
}

impl Ground {
    /// What the person reads.
    fn lines(self, currency: &str) -> Vec<String> {
        let money = |minor| amount::print_in(minor, currency);
        match self {
            Self::OwnLead(own) => {
                vec![format!("You would bid against yourself: {} is your own bid.", money(own))]
            }
            Self::SealedBefore(own) => vec![
                match own {
                    Some(own) => {
                        format!("You have a sealed bid of {} here, and it stands too.", money(own))
                    }
                    None => "You have a sealed bid here, and it stands too.".to_owned(),
                },
                "If this one wins at the highest that loses, that may be your own.".to_owned(),
            ],
            Self::Behind(price) => vec![
                format!("Somebody was before you, at {}.", money(price)),
                "Yours has it only if they do not show who they are in time; until then it binds you."
                    .to_owned(),
            ],
            Self::High(least) => vec![format!(
                "It is more than three times {}, the least that may be bid.",
                money(least)
            )],
            // Those of this listing, or this room, are shown above.
            Self::Terms | Self::Rule => Vec::new(),
            Self::Lockers { unknown, of } => vec![lockers::unknown_words(unknown, of)],
            Self::TakesBack => vec![
                "This auction ends, and cannot be opened again.".to_owned(),
                "A bid that was stamped before, and is on its way, still counts.".to_owned(),
            ],
            Self::ClosesBox => vec![
                "Nobody can write to this box any more; its address is void for good.".to_owned(),
                "Contacts who have a box of their own with you still can; letters that came stay."
                    .to_owned(),
            ],
            Self::DeclinesLetter => vec![
                "The letter is destroyed unread, and nobody can read it any more.".to_owned(),
                "The log shows its sender that you declined it.".to_owned(),
            ],
            Self::Long => {
                vec!["It runs for more than 30 days, and its end cannot be changed.".to_owned()]
            }
            Self::Discloses(_) => vec![
                "The other side can show this to anybody, and prove that it is yours.".to_owned(),
                "It cannot be taken back.".to_owned(),
            ],
        }
    }
}

impl Desk {
    /// Asks the user, and does the command anew with what they answer.
    pub(super) fn ask_user(&self, command: Command, grounds: Vec<Ground>, drafted: Drafted) {
        let mut question = self.confirmation(&command, &grounds, drafted.room);
        question.terms = kinds::terms(self, drafted.room, &drafted.body);
        question.terms.extend(reserve::term(&drafted));
        let unknown = self.unknown_lockers(drafted.room, &drafted.body);
        let drafted = grounds.contains(&Ground::Terms).then(|| Box::new(drafted));
        self.ask(command, grounds, question, (drafted, unknown));
    }

    /// Asks about something that is no action in a room.
    pub(super) fn ask_about(&self, command: Command, ground: Ground) {
        let question = self.confirmation(&command, &[ground], None);
        self.ask(command, vec![ground], question, (None, Vec::new()));
    }

    fn ask(
        &self,
        command: Command,
        grounds: Vec<Ground>,
        question: Confirmation,
        (drafted, unknown): (Option<Box<Drafted>>, Vec<Fingerprint>),
    ) {
        let id = self.reply_to.id.clone();
        let (questions, answers) = (self.user.questions(), self.user.answers());
        self.options.host.task(async move {
            let (reply, answer) = oneshot::channel();
            let question = Question { about: Subject::Confirm(question), reply };
            // Without a front nobody answers.
            let answer = match questions.send(question).await {
                Ok(()) => answer.await.unwrap_or(UserAnswer::Cancel),
                Err(_) => UserAnswer::Cancel,
            };
            let _ = answers.send(Answered { id, command, grounds, drafted, unknown, answer }).await;
        });
    }

    fn confirmation(
        &self,
        command: &Command,
        grounds: &[Ground],
        room: Option<RoomName>,
    ) -> Confirmation {
        let auction = room.and_then(|room| self.auction(room));
        let currency = auction.map(|auction| auction.listing().currency.to_string());
        let currency = currency.unwrap_or_default();
        let named = room.map(|room| self.words(room)).unwrap_or_default();
        let act = match command {
            Command::Bid { amount: offered, .. } => {
                let minor = amount::parse(offered, &currency).unwrap_or(0);
                format!("bid {} in {named}", amount::print_in(minor, &currency))
            }
            Command::Take { .. } => {
                let price = room.and_then(|room| self.present_price(room));
                format!("take {named} for {}", price.unwrap_or_default())
            }
            Command::List(listing) => {
                let title = &listing.title;
                let runs = match (&listing.duration, &listing.until) {
                    (Some(runs), _) => {
                        format!(
                            "for {}",
                            duration::parse(runs).map(duration::print).unwrap_or_default()
                        )
                    }
                    (None, until) => {
                        format!("until {}", sanitize(until.as_deref().unwrap_or_default()))
                    }
                };
                format!("list \"{}\" {runs}", apart(&sanitize(title)))
            }
            Command::Relist { .. } => format!("list again {named}"),
            Command::Unlist { .. } => format!("take back {named}"),
            Command::Reveal { name, contact, .. } => format!(
                "show \"{}\", \"{}\" to the other side of {named}",
                apart(&sanitize(name)),
                apart(&sanitize(contact))
            ),
            Command::Decline { letter } => format!("decline the registered letter {letter}"),
            Command::Box(BoxTask::Close) => "close your box for letters".to_owned(),
            other => format!("{} {named}", other.usage().name),
        };
        let grounds = grounds.iter().flat_map(|ground| ground.lines(&currency)).collect();
        Confirmation { act, terms: Vec::new(), grounds }
    }

    /// Does what was agreed to. Where terms were shown, those are signed and no others: time has passed since, and the broker
    /// may have come back with other keys and witnesses.
    async fn do_as_shown(
        &mut self,
        id: Option<String>,
        command: Command,
        grounds: Vec<Ground>,
        drafted: Option<Box<Drafted>>,
    ) {
        let Some(drafted) = drafted else {
            return self.carry_out_with(id, command, Consent::To(grounds)).await;
        };
        self.reply_to = self.reply_to_command(id.clone(), &command);
        match kinds::still_holds(self, &drafted.body) {
            Ok(true) => {
                let progress = self.begin_drafted(*drafted).await;
                self.conclude(progress).await;
                self.reply_to = ReplyTo::default();
            }
            // The user reads the new ones.
            Ok(false) => {
                let others = grounds.into_iter().filter(|ground| *ground != Ground::Terms);
                let consent = Consent::To(others.collect());
                self.carry_out_with(id, command, consent).await;
            }
            Err(report) => {
                self.reject(report).await;
                self.done(false).await;
            }
        }
    }

    /// Takes the user's answer.
    pub(super) async fn handle_confirmation(&mut self, answered: Answered) {
        let Answered { id, command, grounds, drafted, unknown, answer } = answered;
        let refused = match answer {
            UserAnswer::Yes => return self.do_as_shown(id, command, grounds, drafted).await,
            // What has to be read only is no reason to do nothing where nobody reads.
            // Who was asked, and could not answer, has not agreed.
            UserAnswer::Unable(report)
                if report.code == UNCONFIRMED
                    && grounds
                        .iter()
                        .all(|ground| matches!(ground, Ground::Terms | Ground::Rule)) =>
            {
                return self.do_as_shown(id, command, grounds, drafted).await;
            }
            UserAnswer::Unable(report) if report.code == UNCONFIRMED => {
                lockers::unread(&unknown).unwrap_or(report)
            }
            UserAnswer::Unable(report) => report,
            UserAnswer::Cancel | UserAnswer::Sign(..) => Report::new(
                "confirm.declined",
                "it was not confirmed; nothing was sent",
                "do it again when you like",
            ),
        };
        self.reply_to = self.reply_to_command(id, &command);
        self.reject(refused).await;
        self.done(false).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pregao_protocol::value::label::MAX_AMOUNT;

    #[test]
    fn three_times_the_least_needs_no_question_and_one_unit_more_does() {
        for least in [1, 100, 1_099, MAX_AMOUNT / 3] {
            assert_eq!(of_bid(least, least, None), []);
            assert_eq!(of_bid(least * 3, least, None), []);
            assert_eq!(of_bid(least * 3 + 1, least, None), [Ground::High(least)]);
        }
        assert_eq!(of_bid(MAX_AMOUNT, u64::MAX / 2, None), []);
    }

    #[test]
    fn a_bid_against_oneself_is_asked_about_whatever_its_amount() {
        assert_eq!(of_bid(101, 101, Some(100)), [Ground::OwnLead(100)]);
        assert_eq!(of_bid(304, 101, Some(100)), [Ground::OwnLead(100), Ground::High(101)]);
    }

    #[test]
    fn terms_are_shown_and_more_than_thirty_days_are_asked_about_besides() {
        assert_eq!(of_listing(Duration::from_secs(2_592_000)), [Ground::Terms]);
        assert_eq!(of_listing(Duration::from_secs(2_592_001)), [Ground::Terms, Ground::Long]);
    }

    #[test]
    fn what_was_agreed_to_is_not_asked_again_and_what_changed_is() {
        let [own, high] = [Ground::OwnLead(100), Ground::High(50)];
        let agreed = Consent::To(vec![own, high]);
        assert!(agreed.covers(&[]) && agreed.covers(&[high]) && agreed.covers(&[own, high]));
        assert!(agreed.covers(&[Ground::High(51)]));
        for changed in [Ground::High(49), Ground::OwnLead(120), Ground::Long] {
            assert!(!agreed.covers(&[own, changed]), "{changed:?}");
        }
        assert!(!Consent::of(false, None).covers(&[own]) && Consent::of(false, None).covers(&[]));
        assert!(Consent::of(true, None).covers(&[own, high, Ground::Long]));
        let written = Some(Duration::from_secs(1));
        assert!(!Consent::of(false, written).covers(&[own]));
        assert!(
            Consent::of(false, written).covers(&[]) && Consent::of(true, written).covers(&[own])
        );
        let room = |byte| Ground::Discloses(RoomName([byte; 32]));
        assert!(!Consent::To(vec![room(1)]).covers(&[room(2)]));
    }
}

//! The loop of the desk: connects, serves the front and the broker, and connects again.

use std::sync::Arc;
use std::time::Duration;

use pregao_protocol::wire::frame::FromPeer;
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};

use super::Desk;
use super::connection::{Session, SessionLost, open_link, random_byte, renew_tickets};
use crate::event::Event;
use crate::front::channel::UserRequest;
use crate::net::broker::{BrokerLink, LinkReceiver, Silence};
use crate::text::sanitize::sanitize;

/// How often what takes too long is looked for, and what failed is asked for again.
const OVERDUE_EVERY: Duration = Duration::from_secs(5);
/// How often the desk looks whether the broker, and what was asked of it, is silent.
const LOOK: Duration = Duration::from_secs(1);
/// A broker that is there says something every second, with room for a bad line.
const SPOKEN: Duration = Duration::from_secs(3);
/// The first pause before a new connection, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(15));
/// A session that lasted so long was a good one: the next attempt does not wait long.
const STEADY: Duration = Duration::from_secs(10);
/// How often is looked whether the pace allows to send what waits.
const STEP: Duration = Duration::from_millis(50);
/// Most commands that wait for a place among what is under way; the front keeps the others.
const WAITING: usize = 256;

impl Desk {
    /// Serves a front until it leaves, the postman beside it.
    pub async fn run(mut self, commands: mpsc::Receiver<UserRequest>) {
        let postman = self.letters.postman();
        tokio::select! {
            () = self.serve(commands) => {}
            never = postman => match never {},
        }
    }

    async fn serve(&mut self, mut commands: mpsc::Receiver<UserRequest>) {
        let mut pause = PAUSES.0;
        self.tell_of_store().await;
        self.tell_if_expired().await;
        self.tell_what_was_passed_over().await;
        self.resume_disclosures();
        loop {
            let (lost, reached) = match self.connect(&mut commands).await {
                Some(Ok(receiver)) => match self.serve_session(receiver, &mut commands).await {
                    Ok(()) => break,
                    Err(lost) => {
                        let now = self.options.host.clock.uptime();
                        pause = pause_after(pause, now, self.connection.since());
                        (lost, true)
                    }
                },
                Some(Err(lost)) => (lost, false),
                None => break,
            };
            self.connection.close().await;
            self.keep_met().await;
            self.rooms.end_session();
            self.passes.end_session();
            // Jitter keeps peers that lost one broker from coming back all at once.
            let wait = pause + Duration::from_millis(u64::from(random_byte(&self.options.host)));
            let retry_in_ms = u64::try_from(wait.as_millis()).ok();
            self.emit(Event::Disconnected { reason: lost.into_reason(), retry_in_ms }).await;
            // After the reason: some answer that there is no connection.
            for request in self.take_deferred() {
                self.carry_out(request).await;
            }
            // The loss of a session is not told to what waits for a place: it may come back.
            if !reached {
                self.refuse_waiting().await;
            }
            if !self.wait(wait, &mut commands).await {
                break;
            }
            pause = (pause * 2).min(PAUSES.1);
        }
        // First what stays: a broker that does not read lets nobody take leave.
        self.keep_met().await;
        self.note_store().await;
        self.connection.close().await;
    }

    /// Files of the state that cannot be used; of very many, the first.
    async fn tell_what_was_passed_over(&mut self) {
        const SHOWN: usize = 8;
        let all = std::mem::take(&mut self.options.passed_over);
        let rest = all.len().saturating_sub(SHOWN);
        for text in all.into_iter().take(SHOWN) {
            self.emit(Event::note(sanitize(&text))).await;
        }
        if rest > 0 {
            let text = format!("{rest} more files of the state were passed over likewise");
            self.emit(Event::note(text)).await;
        }
    }

    /// Connects while commands go on being answered. `None` if the front has left.
    async fn connect(
        &mut self,
        commands: &mut mpsc::Receiver<UserRequest>,
    ) -> Option<Result<LinkReceiver, SessionLost>> {
        if self.is_renewal_due() && !self.renew(commands).await {
            return None;
        }
        let now = self.options.host.clock.uptime();
        let fresh = self.connection.fresh_ticket(now);
        let was_kept = fresh.is_some();
        let connecting = open_link(
            self.tsa_client.clone(),
            self.options.clone(),
            Arc::clone(&self.persona),
            self.vault.contents().certificate.clone(),
            fresh,
        );
        tokio::pin!(connecting);
        let mut overdue = tokio::time::interval(OVERDUE_EVERY);
        loop {
            tokio::select! {
                _ = overdue.tick() => self.end_what_waits().await,
                connected = &mut connecting => {
                    let begun = match connected {
                        Ok((link, ticket)) => {
                            self.connection.keep_ticket(ticket);
                            self.begin_session(link).await
                        }
                        Err(lost) => Err(lost),
                    };
                    if let Err(lost) = &begun {
                        // A simulated clock may have passed the end unseen.
                        if lost.is_expiry() {
                            self.renewal.note_expired();
                        }
                        // Its age was counted by a clock that stands still while the machine sleeps.
                        if was_kept && lost.may_be_the_tickets() {
                            self.connection.drop_ticket();
                        }
                    }
                    return Some(begun);
                }
                Some(answered) = self.user.answered() => self.handle_confirmation(answered).await,
                Some((digest, news)) = self.deliveries.next() => self.delivered(digest, news).await,
                heard = self.letters.next() => self.hear_of_letters(heard).await,
                request = commands.recv() => {
                    if !self.handle_command(request?).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Answers commands for a while. False if the front has left.
    async fn wait(&mut self, time: Duration, commands: &mut mpsc::Receiver<UserRequest>) -> bool {
        let end = tokio::time::Instant::now() + time;
        let mut overdue = tokio::time::interval(OVERDUE_EVERY);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(end) => return true,
                Some(answered) = self.user.answered() => self.handle_confirmation(answered).await,
                Some((digest, news)) = self.deliveries.next() => self.delivered(digest, news).await,
                heard = self.letters.next() => self.hear_of_letters(heard).await,
                _ = overdue.tick() => self.end_what_waits().await,
                request = commands.recv() => match request {
                    Some(request) => if !self.handle_command(request).await { return false },
                    None => return false,
                },
            }
        }
    }

    /// A session begins: says whom it is with, and takes up everything where it was.
    async fn begin_session(&mut self, link: BrokerLink) -> Result<LinkReceiver, SessionLost> {
        let BrokerLink { certificate, shown, id, suite, sender, receiver, welcome } = link;
        let known = certificate.stamps.contains(&self.tsa.stamp)
            && certificate.authorities.contains(&self.tsa.authority)
            && certificate.simulated == self.tsa.simulated;
        if !known {
            return Err(SessionLost::because(
                "this broker works with another TSA than your persona's".to_owned(),
            ));
        }
        self.emit(Event::Connected {
            broker: self.options.broker.fingerprint,
            persona: self.persona.public().fingerprint(),
            suite: suite.to_string(),
            simulated: certificate.simulated,
        })
        .await;
        self.statements.begin_session(self.options.broker.fingerprint, &certificate.keys);
        let now = self.options.host.clock.uptime();
        self.connection.begin(Session::new(sender, certificate, id.0, suite), shown, now);
        self.time.begin_session();
        self.outbox.begin_session();
        let address = self.options.broker.to_string();
        if self.vault.contents().brokers.last() != Some(&address)
            && let Err(error) = self.vault.update(|contents| contents.note_broker(&address))
        {
            self.vault_trouble(&error).await;
        }
        // Before anything is sent: what was handed in by then would be handed in twice.
        self.resume_acts();
        self.handle_frame(welcome).await?;
        // The last room known is asked for again: a broker without newer ones would not answer.
        self.send(FromPeer::Rooms { from: self.rooms.list_from() }).await?;
        self.rooms.begin_session();
        let followed = self.rooms.iter().filter(|(_, room)| room.is_followed());
        for name in followed.map(|(name, _)| *name).collect::<Vec<_>>() {
            if !self.is_over_in_private(name) {
                self.join(name).await?;
            }
        }
        Ok(receiver)
    }

    /// Serves broker and front until the session ends (an error) or the front leaves.
    async fn serve_session(
        &mut self,
        mut receiver: LinkReceiver,
        commands: &mut mpsc::Receiver<UserRequest>,
    ) -> Result<(), SessionLost> {
        // A new handshake before the hour, at a time that says nothing about what is done then.
        let lifetime =
            Duration::from_secs(45 * 60 + 2 * u64::from(random_byte(&self.options.host)));
        let bound = self.options.silent;
        let mut looked = self.options.host.clock.uptime();
        let mut silence = Silence::after(bound, looked);
        // After a stop of this program, what has come meanwhile is read before it is looked again.
        let (mut look, mut owed) = (every(LOOK.min(bound / 4)), every(OVERDUE_EVERY));
        let mut steps = every(STEP);
        let mut tickets = renew_tickets(
            self.options.host.clone(),
            self.tsa_client.clone(),
            Arc::clone(&self.persona),
            self.vault.contents().certificate.clone(),
            self.options.broker.fingerprint,
        );
        loop {
            self.send_waiting().await?;
            tokio::select! {
                _ = steps.tick(), if self.has_something_to_send() => {}
                Some(ticket) = tickets.recv() => self.connection.keep_ticket(ticket),
                solved = self.outbox.puzzles.next() => self.handle_solved(solved),
                Some(ask) = self.passes.asked() => self.handle_pass_ask(ask).await?,
                frame = receiver.next() => {
                    self.handle_frame(frame?).await?;
                    self.carry_out_deferred().await;
                }
                // What cannot be begun yet is left where it is.
                request = commands.recv(), if self.outbox.queued() + self.deferred.len() < WAITING => {
                    let Some(request) = request else { return Ok(()) };
                    if !self.handle_command(request).await {
                        return Ok(());
                    }
                    self.require_connection()?;
                }
                Some(answered) = self.user.answered() => {
                    self.handle_confirmation(answered).await;
                    self.require_connection()?;
                }
                Some((digest, news)) = self.deliveries.next() => {
                    self.delivered(digest, news).await;
                    self.require_connection()?;
                }
                heard = self.letters.next() => {
                    self.hear_of_letters(heard).await;
                    self.require_connection()?;
                }
                Some(proof) = self.card.signed() => {
                    self.proved(proof).await;
                    self.require_connection()?;
                }
                _ = owed.tick() => {
                    if !silence.is_doubted() && !self.stood_still_since(looked) {
                        self.claim_what_is_owed().await;
                    }
                    self.keep_met().await;
                    self.settle_offers(true);
                    self.join_again().await;
                    self.end_deferred().await;
                    self.require_connection()?;
                }
                _ = look.tick() => {
                    if self.stood_still_since(looked) {
                        self.wait_anew_for_what_is_owed();
                    }
                    looked = self.options.host.clock.uptime();
                    self.tell_of_puzzle().await;
                    self.check_silence(&mut silence, receiver.messages(), lifetime).await?;
                    self.require_connection()?;
                }
            }
        }
    }

    /// Looks whether the broker, the TSA or an answer is silent for too long; so many messages came in
    /// this session, which is to last no longer than its lifetime.
    async fn check_silence(
        &mut self,
        silence: &mut Silence,
        messages: u64,
        lifetime: Duration,
    ) -> Result<(), SessionLost> {
        let now = self.options.host.clock.uptime();
        if silence.check(messages, now) {
            let lost = "nothing has come from the broker for seconds; it is tried again";
            return Err(SessionLost::because(lost));
        }
        if now.saturating_sub(self.connection.since()) >= lifetime {
            return Err(SessionLost::because("renewing the session"));
        }
        // The next one begins with the certificate that an auction asks for.
        if self.is_certificate_outdated() {
            return Err(SessionLost::because("renewing the certificate"));
        }
        if !silence.is_doubted() {
            self.expire_overdue().await;
        }
        // Of a broker that says nothing it is not known what its TSA does.
        if silence.lasts(now) <= SPOKEN {
            self.watch_time().await;
        }
        Ok(())
    }

    /// Whether this machine or program stood still since the last look: what came meanwhile waits to be read.
    fn stood_still_since(&self, looked: Duration) -> bool {
        self.options.host.clock.uptime().saturating_sub(looked) > SPOKEN
    }

    /// What was done last may have found that the connection is gone.
    fn require_connection(&self) -> Result<(), SessionLost> {
        if self.connection.is_up() {
            Ok(())
        } else {
            Err(SessionLost::because("the connection failed"))
        }
    }
}

/// Ticks at intervals; after a stop of this program it goes on from there.
fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// The pause before the next attempt, after a session that began at `arrived` ended at `now`. A broker that
/// drops its sessions at once is not asked every tenth of a second.
fn pause_after(pause: Duration, now: Duration, arrived: Duration) -> Duration {
    if now.saturating_sub(arrived) >= STEADY { PAUSES.0 } else { pause }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::broker::SILENT_FOR;

    #[test]
    fn a_broker_that_falls_silent_is_given_up_within_five_to_ten_seconds() {
        let every = LOOK.min(SILENT_FOR / 4);
        let steps = |ms: u64| Duration::from_millis(ms);
        // Wherever between two looks the last byte came.
        for heard in (0..1_000).step_by(10).map(steps) {
            let mut silence = Silence::after(SILENT_FOR, Duration::ZERO);
            let mut now = Duration::ZERO;
            let gone = loop {
                now += every;
                if silence.check(u64::from(now >= heard), now) {
                    break now - heard;
                }
            };
            assert!(steps(5_000) <= gone && gone <= steps(10_000), "{gone:?}");
        }
    }

    #[test]
    fn only_a_session_that_lasted_makes_the_next_pause_short() {
        let (second, long) = (Duration::from_secs(1), Duration::from_secs(8));
        assert_eq!(pause_after(long, 109 * second, 100 * second), long);
        assert_eq!(pause_after(long, 110 * second, 100 * second), PAUSES.0);
    }
}

//! What happens in the demonstration: items are listed, bots bid against each other and against
//! the user, sellers and winners disclose, and at the end everything is checked again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pregao::event::{Event, LetterStanding, Phase, Role, RoomView};
use pregao::text::amount;
use serde_json::json;
use tokio::sync::mpsc;

use super::cast::{Member, Part, Report, command, enrol};
use crate::house::{House, Options};

/// What is listed: title, first bid, step (none where bids are sealed), seconds, seconds when played without a user.
const ITEMS: [(&str, u64, Option<u64>, u64, u64); 3] = [
    ("Old valve radio", 10, Some(1), 75, 20),
    ("Desk lamp, brass", 15, None, 105, 20),
    ("Cuckoo clock", 40, Some(5), 135, 28),
];
/// So many passes that the user and a seller write to each other for as long as they like.
const PASSES: &str = "--passes-per-day 60";
/// What the seller is found by who can be written to.
const HANDLE: &str = "first-seller";
/// Longest that a demonstration without a user may take.
const PLAY_WITHIN: Duration = Duration::from_secs(180);
/// How often each bidder looks for something to bid on, on average.
const THINK: Duration = Duration::from_millis(900);

/// The stage: the house, its peers, and what they have reported.
#[derive(Debug)]
pub struct Play {
    house: House,
    cast: Vec<Member>,
    reports: mpsc::UnboundedReceiver<Report>,
    rooms: BTreeMap<String, RoomView>,
    /// Names that a member saw disclosed: (who saw, room) → name.
    seen: BTreeMap<(usize, String), (Role, String)>,
    finished: BTreeSet<String>,
    /// Members with the rooms in which they have handed in a sealed bid.
    sealed: BTreeSet<(usize, String)>,
    /// Members with the rooms that are over and final for them.
    is_final: BTreeSet<(usize, String)>,
    /// The member who has a box, once it is open.
    boxed: Option<usize>,
    alarms: Vec<String>,
    receipts: Vec<(usize, bool)>,
    told: Told,
    /// Where what is exported is kept, if it is.
    keep: Option<PathBuf>,
}

fn is_page(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "html")
}

/// Whether the transcript is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Line by line on standard output.
    Aloud,
    /// Not at all: the chat owns the screen.
    Silently,
}

impl Play {
    /// Starts the house, enrols the cast and lists the items.
    ///
    /// # Errors
    /// If a program is missing or does not start.
    pub async fn open(told: Told, keep: Option<PathBuf>) -> Result<Self> {
        let house = House::open(&Options::default().broker(PASSES))?;
        let (sender, reports) = mpsc::unbounded_channel();
        let parts = [
            ("Observer", Part::Observer),
            ("First Seller", Part::Seller),
            ("Second Seller", Part::Seller),
            ("First Bidder", Part::Bidder { limit: 60 }),
            ("Second Bidder", Part::Bidder { limit: 80 }),
            ("Third Bidder", Part::Bidder { limit: 45 }),
        ];
        let mut cast = Vec::new();
        for (who, (name, part)) in parts.into_iter().enumerate() {
            cast.push(Member::join(&house, who, name, part, sender.clone()).await?);
        }
        let mut play = Self {
            house,
            cast,
            reports,
            rooms: BTreeMap::new(),
            seen: BTreeMap::new(),
            finished: BTreeSet::new(),
            sealed: BTreeSet::new(),
            is_final: BTreeSet::new(),
            boxed: None,
            alarms: Vec::new(),
            receipts: Vec::new(),
            told,
            keep,
        };
        play.list().await?;
        Ok(play)
    }

    async fn list(&mut self) -> Result<()> {
        let sellers: Vec<usize> = self.members(|part| part == Part::Seller);
        for (at, (title, start, step, long, short)) in ITEMS.into_iter().enumerate() {
            let seconds = if self.told == Told::Aloud { short } else { long };
            let seller = sellers.get(at % sellers.len().max(1)).context("no seller")?;
            let line = json!({
                "id": "list", "command": "list", "title": title, "start": start.to_string(),
                "for": format!("{seconds}s"), "fixed_end": true,
                "increment": step.map(|step| step.to_string()),
                "sealed": step.is_none().then_some("second"),
                // Whoever watches is not kept waiting for two minutes.
                "grace": step.is_none().then_some("5s"),
            });
            self.cast.get_mut(*seller).context("no seller")?.tell(&line).await?;
        }
        // Whoever plays in the chat can write to the first of them, who is not kept waiting for passes to rest.
        let first = sellers.first().context("no seller")?;
        let line = json!({
            "id": "box", "command": "box", "what": "open", "handle": HANDLE,
            "about": "writes back that it was read", "now": true,
        });
        self.cast.get_mut(*first).context("no seller")?.tell(&line).await
    }

    fn members(&self, which: impl Fn(Part) -> bool) -> Vec<usize> {
        let all = self.cast.iter().enumerate();
        all.filter(|(_, member)| which(member.part)).map(|(who, _)| who).collect()
    }

    /// Plays with the user in the chat, until the user leaves.
    ///
    /// # Errors
    /// If the chat cannot be started.
    pub async fn with_user(mut self) -> Result<()> {
        let folder = self.house.folder.path().join("you");
        enrol(&self.house, &folder).await?;
        let mut chat = command(&folder)?
            .args(["chat", "--broker", &self.house.broker.address.to_string()])
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .spawn()
            .context("cannot start the chat")?;
        loop {
            tokio::select! {
                ended = chat.wait() => {
                    ended?;
                    break;
                }
                more = self.step() => more?,
            }
        }
        self.told = Told::Aloud;
        // What goes on still, or is not final yet, holds too.
        let checked = self.check_all(&[0, 5]).await?;
        self.say(&format!(
            "left; {checked} logs and receipts re-checked, all hold; data thrown away"
        ));
        Ok(())
    }

    /// Plays alone until every auction has ended, then checks everything again.
    ///
    /// # Errors
    /// If anything does not hold or takes too long.
    pub async fn alone(mut self) -> Result<()> {
        let play = async {
            // Both sides of each sale learn of it, the one perhaps after the observer, and what all export is final.
            while self.finished.len() < ITEMS.len()
                || self.boxed.is_none()
                || self.seen.len() < 2 * self.sold()
                || self.is_final.len() < self.finished.len() * self.cast.len()
            {
                self.step().await?;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(PLAY_WITHIN, play).await {
            Ok(played) => played?,
            Err(_) => bail!("the auctions did not end within {PLAY_WITHIN:?}"),
        }
        let checked = self.check_all(&[0]).await?;
        self.check_reveals()?;
        self.say(&format!("{} auctions ended; {checked} logs and receipts hold", ITEMS.len()));
        Ok(())
    }

    /// Waits for the next report or the next thought of a bidder, whichever comes first.
    async fn step(&mut self) -> Result<()> {
        let bidders = self.members(|part| matches!(part, Part::Bidder { .. }));
        let share = u32::try_from(bidders.len().max(1)).unwrap_or(1);
        match tokio::time::timeout(THINK / share, self.reports.recv()).await {
            Ok(Some(report)) => self.take(report).await,
            Ok(None) => bail!("every peer has ended"),
            Err(_) => match bidders.get(random(bidders.len())) {
                Some(bidder) => self.think(*bidder).await,
                None => Ok(()),
            },
        }
    }

    async fn take(&mut self, Report { who, event }: Report) -> Result<()> {
        if let Event::Room(room) = &event {
            let is_over = matches!(room.phase, Phase::Revealed | Phase::Ended);
            let of = (who, room.room.clone());
            if is_over && room.final_size == room.verified_size {
                self.is_final.insert(of);
            } else {
                self.is_final.remove(&of);
            }
        }
        match event {
            Event::Room(room) if who == 0 => {
                if matches!(room.phase, Phase::Revealed | Phase::Ended) {
                    self.finished.insert(room.room.clone());
                }
                self.rooms.insert(room.room.clone(), room);
            }
            Event::Bid { room, amount, currency, time, .. } if who == 0 => {
                let bid = amount::print_in(amount, &currency);
                self.tell_of(&room, &format!("{time} somebody bids {bid}"));
            }
            Event::Happened { room, text, time, .. } if who == 0 => {
                self.tell_of(&room, &format!("{time} {text}"));
            }
            Event::Invited { room, title, role, .. } => {
                let member = self.cast.get_mut(who).context("no such member")?;
                let name = member.name.clone();
                member.disclose(&room).await?;
                self.say(&format!(
                    "[{title}] the {} hands in a sealed disclosure ({name})",
                    word(role)
                ));
            }
            Event::Revealed { room, role, name, verdict, .. } => {
                let saw = self.cast.get(who).map(|member| member.name.clone()).unwrap_or_default();
                self.say(&format!("[reveal] {saw} learns: {name}; {verdict}"));
                self.seen.insert((who, room), (role, name));
            }
            Event::Boxes { boxes, .. }
                if self.boxed.is_none() && boxes.iter().any(|own| own.address.is_some()) =>
            {
                self.boxed = Some(who);
                self.say(&format!("[letters] {HANDLE} has a box: /people shows it"));
            }
            Event::Letter(letter) if letter.standing == LetterStanding::Unread => {
                let member = self.cast.get_mut(who).context("no such member")?;
                let number = letter.letter;
                member.tell(&json!({ "command": "read", "letter": number })).await?;
                if letter.wants_receipt {
                    let line = json!({ "command": "ack", "letter": number, "now": true });
                    member.tell(&line).await?;
                }
            }
            Event::Alarm { message, .. } => self.alarms.push(message),
            Event::Receipts { receipts } => {
                self.receipts.extend(receipts.iter().map(|receipt| (who, receipt.holds)));
            }
            _ => {}
        }
        Ok(())
    }

    /// A bidder looks for an open auction in which somebody else leads and bids if it can.
    async fn think(&mut self, who: usize) -> Result<()> {
        let member = self.cast.get_mut(who).context("no such member")?;
        let Part::Bidder { limit } = member.part else { return Ok(()) };
        let open: Vec<&RoomView> =
            self.rooms.values().filter(|room| room.phase == Phase::Open).collect();
        let Some(room) = open.get(random(open.len())) else { return Ok(()) };
        let chance = |below: usize| u64::try_from(random(below)).unwrap_or(0);
        let least = room.highest.map_or(room.start, |highest| highest + room.increment);
        let offer = match room.sealed {
            // Nobody sees what others bid, so each bids once what the item is worth to them.
            Some(_) => (limit * 100).saturating_sub(chance(1_000)),
            None => least + chance(3) * room.increment,
        };
        if offer < least || offer > limit * 100 || random(3) == 0 {
            return Ok(());
        }
        if room.sealed.is_some() && !self.sealed.insert((who, room.room.clone())) {
            return Ok(());
        }
        let offer = amount::print(offer, room.digits);
        let line = json!({ "id": "bid", "yes": true, "command": "bid", "room": room.room, "amount": offer });
        member.tell(&line).await
    }

    fn tell_of(&self, room: &str, text: &str) {
        let title = self.rooms.get(room).map_or("listed", |room| room.title.as_str());
        self.say(&format!("[{title}] {text}"));
    }

    fn say(&self, text: &str) {
        if self.told == Told::Aloud {
            // A reader that has gone away does not stop the play.
            let _ = writeln!(std::io::stdout(), "{text}");
        }
    }

    /// Has every member check its receipts, exports the finished logs, and runs `pregao verify`
    /// over all of it, which ends as one of these says. Gives the number of files that hold.
    async fn check_all(&mut self, good: &[i32]) -> Result<usize> {
        let rooms: Vec<String> = self.finished.iter().cloned().collect();
        for member in &mut self.cast {
            for room in &rooms {
                let html = self.keep.is_some();
                member.tell(&json!({ "command": "export", "room": room, "html": html })).await?;
            }
            member.tell(&json!({ "id": "checked", "command": "receipts" })).await?;
        }
        let mut waiting: BTreeSet<usize> = (0..self.cast.len()).collect();
        while !waiting.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(20), self.reports.recv()).await;
            let report = next.context("a peer does not answer")?.context("every peer has ended")?;
            if let Event::Done { id: Some(id), .. } = &report.event
                && id == "checked"
            {
                waiting.remove(&report.who);
            }
            self.take(report).await?;
        }
        ensure!(self.alarms.is_empty(), "alarms were raised: {:?}", self.alarms);
        ensure!(self.receipts.iter().all(|(_, holds)| *holds), "a receipt does not hold");
        let files = self.exported()?;
        if files.is_empty() {
            return Ok(0);
        }
        let checked: Vec<&PathBuf> = files.iter().filter(|file| !is_page(file)).collect();
        let verify = command(self.house.folder.path())?
            .arg("verify")
            .args(&checked)
            .stdin(Stdio::null())
            .output()
            .await?;
        self.say(String::from_utf8_lossy(&verify.stdout).replace(&self.home(), "").trim_end());
        let holds = verify.status.code().is_some_and(|code| good.contains(&code));
        ensure!(holds, "an exported log or receipt does not hold, or is not final");
        self.keep(&files)?;
        Ok(checked.len())
    }

    /// Copies what was exported to where it stays; of one room all members have the same log.
    fn keep(&self, files: &[PathBuf]) -> Result<()> {
        let Some(folder) = &self.keep else { return Ok(()) };
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        for file in files {
            let name = file.file_name().context("a file without a name")?;
            std::fs::copy(file, folder.join(name)).with_context(|| folder.display().to_string())?;
        }
        self.say(&format!("logs, pages and receipts are in {}", folder.display()));
        Ok(())
    }

    fn home(&self) -> String {
        format!("{}/", self.house.folder.path().display())
    }

    fn exported(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for member in &self.cast {
            let Ok(folder) = std::fs::read_dir(member.exports()) else { continue };
            for file in folder {
                files.push(file?.path());
            }
        }
        files.sort();
        Ok(files)
    }

    fn sold(&self) -> usize {
        self.rooms.values().filter(|room| room.phase == Phase::Revealed).count()
    }

    /// In every sold auction both sides learned who the other is, and nobody else did.
    fn check_reveals(&self) -> Result<()> {
        let sold = self.sold();
        let mut by_room: BTreeMap<&str, Vec<(usize, &Role, &str)>> = BTreeMap::new();
        for ((who, room), (role, name)) in &self.seen {
            by_room.entry(room).or_default().push((*who, role, name));
        }
        ensure!(by_room.len() == sold, "{sold} sold, but {} reveals", by_room.len());
        for (room, seen) in by_room {
            let [(one, one_role, one_name), (two, two_role, two_name)] = seen[..] else {
                bail!("{} peers learned names in {room}", seen.len());
            };
            let name = |who: usize| self.cast.get(who).map(|member| member.name.as_str());
            ensure!(one_role != two_role, "two of one role in {room}");
            ensure!(name(one) == Some(two_name), "a wrong name was shown in {room}");
            ensure!(name(two) == Some(one_name), "a wrong name was shown in {room}");
        }
        Ok(())
    }
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Seller => "seller",
        Role::Winner => "winner",
    }
}

/// A random index below `below`; 0 if there is none.
fn random(below: usize) -> usize {
    let bits = getrandom::u64().unwrap_or_default();
    usize::try_from(bits % u64::try_from(below.max(1)).unwrap_or(1)).unwrap_or(0)
}

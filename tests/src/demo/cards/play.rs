//! Two people with cards enrol, trade, and show each other who they are.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use pregao::event::{CardStanding, CardView, Event, Phase, Role};
use pregao::front::identity::Shown;
use pregao_test_pki::{CitizenData, Profile};
use serde_json::json;

use super::say;
use super::stage::{Person, Stage, Told};
use crate::card::{Pin, Slot, Step, TRIES};
use crate::desk::Desk;
use crate::socks::{Manners, Socks};

/// How long the auction runs.
const RUNS: &str = "6s";
/// How long the auction and its disclosures may take.
const TRADE_WITHIN: Duration = Duration::from_secs(120);
/// Which PINs a card is sent: for the trial, for enrolling, and for the disclosure.
const PINS_SENT: usize = 3;

/// Plays with cards of this generation.
///
/// # Errors
/// If anything does not hold.
pub async fn with(profile: Profile) -> Result<()> {
    let stage = Stage::open()?;
    say("a test PKI, pcscd with two readers, TSA (--policy card) and broker are running");
    let who = |surname: &str, number: u32| CitizenData {
        surname: surname.to_owned(),
        ..CitizenData::numbered(number)
    };
    let seller = stage.person("seller", &who("de Teste Um", 73_921_846), (profile, Slot::First))?;
    let bidder =
        stage.person("bidder", &who("de Teste Dois", 28_463_917), (profile, Slot::Second))?;
    let troupe = Troupe { stage, seller, bidder };
    troupe.try_cards()?;
    // The bidder's persona goes to the TSA through it from then on.
    let _proxy = troupe.enrol().await?;
    let traded = tokio::time::timeout(TRADE_WITHIN, troupe.trade()).await;
    traded.context("the auction was not over in time")??;
    troupe.verify()?;
    troupe.check_cards()?;
    troupe.search()
}

struct Troupe {
    stage: Stage,
    seller: Person,
    bidder: Person,
}

impl Troupe {
    /// Runs a command, prints what its person reads, and wants it to go well.
    fn run(&self, person: &Person, words: &[&str]) -> Result<Told> {
        let with_card =
            [words.iter().map(|word| (*word).to_owned()).collect(), person.card_options()];
        self.tell(person, &with_card.concat())
    }

    fn tell(&self, person: &Person, words: &[String]) -> Result<Told> {
        let told = person.pregao(words)?;
        let line = self.plain(&words.join(" "));
        say(&format!("[{}] $ pregao {line}", person.name));
        for line in told.aside.iter().chain(&told.result) {
            say(&format!("[{}] {}", person.name, self.plain(line)));
        }
        told.done()
    }

    /// Without the places of files, which are thrown away.
    fn plain(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for folder in [self.stage.house.folder.path().to_owned(), self.stage.elsewhere("")] {
            let folder = folder.display().to_string();
            text = text.replace(&format!("{}/", folder.trim_end_matches('/')), "");
        }
        text
    }

    fn try_cards(&self) -> Result<()> {
        let told = self.run(&self.seller, &["card", "readers"])?;
        for holder in [&self.seller.holder, &self.bidder.holder] {
            ensure!(told.text().contains(holder.as_str()), "a card is not listed");
        }
        for person in [&self.seller, &self.bidder] {
            let told = self.run(person, &["card", "show"])?;
            ensure!(told.text().contains(&person.holder), "the card names another holder");
            ensure!(told.text().contains("3 tries left"), "the tries are not told");
            ensure!(!told.text().contains(&person.civil_number), "the civil number is shown");
            let told = self.run(person, &["card", "test-sign"])?;
            ensure!(told.text().contains("verifies"), "the signature is not verified");
        }
        Ok(())
    }

    async fn enrol(&self) -> Result<Socks> {
        let tsa = self.stage.house.tsa.address.to_string();
        for person in [&self.seller, &self.bidder] {
            let words = ["enrol", "--card", "--tsa", &tsa, "--work-factor", "4"];
            let told = self.run(person, &words)?;
            ensure!(told.text().contains("holds a token"), "no token was fetched");
        }
        let socks = Socks::start(Manners::Takes).await?;
        let spend = ["enrol", "--spend", "--now"].map(str::to_owned);
        self.tell(&self.seller, &spend)?;
        let by_proxy = [spend.to_vec(), vec!["--proxy".to_owned(), socks.url()]].concat();
        self.tell(&self.bidder, &by_proxy)?;
        ensure!(!socks.take().is_empty(), "the proxy was not used");
        Ok(socks)
    }

    async fn trade(&self) -> Result<()> {
        let flags = judging(&self.stage);
        let house = &self.stage.house;
        let mut seller = self.seller.desk(house, &flags)?;
        let mut bidder = self.bidder.desk(house, &flags)?;
        let room = auction(&mut seller, &mut bidder, "Old valve radio", RUNS).await?;
        say("[seller] lists \"Old valve radio\"; [bidder] bids and leads");
        for (person, desk) in [(&self.seller, &mut seller), (&self.bidder, &mut bidder)] {
            let private = invited(desk, &room).await?;
            let contact = format!("{}@example.org", person.name);
            let prove = json!({
                "yes": true, "command": "prove", "room": private, "contact": contact, "show": ["birth-date"],
            });
            if !desk.ask(prove).await? {
                bail!("{}: prove was refused: {:?}", person.name, desk.refusal().await?);
            }
            say(&format!("[{}] prove: the card signs the sealed disclosure", person.name));
        }
        let pairs =
            [(&self.seller, &mut seller, &self.bidder), (&self.bidder, &mut bidder, &self.seller)];
        for (person, desk, other) in pairs {
            let Revelation { card, lines, .. } = revealed(desk, &room).await?;
            for line in lines {
                say(&format!("[{}] reads: {line}", person.name));
            }
            let certified = certified(card.as_ref()).context("no certified name")?;
            ensure!(certified == other.holder, "another name is shown");
            // What is exported before is as true, and says that it is not over or not final.
            let is_final = |event: &Event| match event {
                Event::Room(view) if view.room == room && view.phase == Phase::Revealed => {
                    (view.final_size == view.verified_size).then_some(())
                }
                _ => None,
            };
            desk.ever(is_final).await?;
            ensure!(desk.ask(json!({ "command": "export", "room": room })).await?, "no export");
            ensure!(desk.ask(json!({ "command": "receipts" })).await?, "no receipts");
            let alarms = |event: &&Event| matches!(event, Event::Alarm { .. });
            ensure!(desk.seen.iter().find(alarms).is_none(), "an alarm was raised");
        }
        seller.end().await?;
        bidder.end().await?;
        Ok(())
    }

    fn verify(&self) -> Result<()> {
        for person in [&self.seller, &self.bidder] {
            let mut files = exported(person)?;
            ensure!(files.len() >= 2, "a log and a receipt at least");
            files.insert(0, "verify".to_owned());
            self.tell(person, &files)?;
        }
        Ok(())
    }

    /// What only the cards themselves know.
    fn check_cards(&self) -> Result<()> {
        for person in [&self.seller, &self.bidder] {
            let exchanges = person.card.exchanges();
            let count = |step| exchanges.iter().filter(|it| Step::of(&it.command) == step).count();
            ensure!(count(Step::Verify) == PINS_SENT, "{} PINs were sent", count(Step::Verify));
            let signed = exchanges.iter().filter(|it| Step::of(&it.command) == Step::Sign);
            let key = person
                .card
                .chip(|chip| chip.profile().key_reference(crate::card::Purpose::Signature));
            let chosen = exchanges.iter().any(|it| {
                Step::of(&it.command) == Step::SetEnvironment
                    && it.command.ends_with(&[0x84, 1, key])
            });
            ensure!(!chosen, "the signature key was chosen");
            let (tries, touched) = person
                .card
                .chip(|chip| (Pin::ALL.map(|pin| chip.tries(pin)), chip.touched(Pin::Signature)));
            ensure!(tries == [TRIES; 3], "tries were used: {tries:?}");
            ensure!(touched == 0, "the signature PIN was touched");
            say(&format!(
                "[card of {}] signed {} times with the authentication key; {} tries left, as before; \
                 PIN and key of the qualified signature never touched",
                person.name,
                signed.count(),
                tries[0]
            ));
        }
        Ok(())
    }

    fn search(&self) -> Result<()> {
        let searched = self.stage.search(&[&self.seller, &self.bidder])?;
        ensure!(searched.found.is_empty(), "written down: {:#?}", searched.found);
        say(&format!(
            "searched {} files and lines, {} KiB: logs at trace level, output, vaults, exports and the \
             stores of TSA and broker hold no PIN, no civil number and no holder's name",
            searched.files,
            searched.bytes / 1024
        ));
        Ok(())
    }
}

/// Flags that judge the cards of others by the test PKI.
#[must_use]
pub fn judging(stage: &Stage) -> Vec<String> {
    let folder = stage.citizens().display().to_string();
    ["--citizen", &folder, "--accept-test-cards"].map(str::to_owned).to_vec()
}

/// Lists an item, and has the other bid on it. Gives the room.
///
/// # Errors
/// If one of them is refused.
pub async fn auction(
    seller: &mut Desk,
    bidder: &mut Desk,
    title: &str,
    runs: &str,
) -> Result<String> {
    let list =
        json!({ "command": "list", "title": title, "start": "10", "for": runs, "fixed_end": true });
    ensure!(seller.ask(list).await?, "listing was refused");
    let of_title = |event: &Event| match event {
        Event::Room(view) if view.title == title => Some(view.room.clone()),
        _ => None,
    };
    let room = seller.ever(of_title).await?;
    bidder.verified(&room, 1).await?;
    let bid = json!({ "yes": true, "command": "bid", "room": room, "amount": "12" });
    ensure!(bidder.ask(bid).await?, "the bid was refused");
    Ok(room)
}

/// Waits for the invitation to the private room of an auction; gives the room.
///
/// # Errors
/// If none comes.
pub async fn invited(desk: &mut Desk, of: &str) -> Result<String> {
    desk.ever(|event| match event {
        Event::Invited { room, auction, .. } if auction == of => Some(room.clone()),
        _ => None,
    })
    .await
}

/// Waits until the other side of an auction is shown: the name they typed, and their card.
///
/// # Errors
/// If it never is.
pub async fn revealed(desk: &mut Desk, of: &str) -> Result<Revelation> {
    desk.ever(|event| match event {
        Event::Revealed { auction, role, name, contact, persona, verdict, card, .. }
            if auction == of =>
        {
            let role = match role {
                Role::Seller => "seller",
                Role::Winner => "winner",
            };
            let shown = Shown { role, name, contact, persona, verdict, card: card.as_ref() };
            let lines = shown.lines().into_iter().flat_map(|said| said.rows(200)).collect();
            Some(Revelation { name: name.clone(), card: card.clone(), lines })
        }
        _ => None,
    })
    .await
}

/// What one side was shown of the other.
#[derive(Debug)]
pub struct Revelation {
    /// The name, as typed or as the card has it.
    pub name: String,
    /// The card, if one signed.
    pub card: Option<CardView>,
    /// What a person reads.
    pub lines: Vec<String>,
}

/// The name that the state certifies, revocation checked.
#[must_use]
pub fn certified(card: Option<&CardView>) -> Option<String> {
    match &card?.standing {
        CardStanding::Certified { name, revocation_checked: true, test: true, .. } => {
            Some(name.clone())
        }
        _ => None,
    }
}

/// What a person exported.
fn exported(person: &Person) -> Result<Vec<String>> {
    let folder = std::fs::read_dir(person.folder.join("export"))?;
    let mut files: Vec<PathBuf> = folder.map(|file| Ok(file?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files.iter().map(|file| file.display().to_string()).collect())
}

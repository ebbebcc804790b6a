//! What actions carry, made of plain numbers.

use pregao_protocol::log::RoomName;
use pregao_protocol::room::auction::sealed::envelope::{Recipients, seal_bid, seal_reserve};
use pregao_protocol::room::body::{
    Bid, Body, BrokerKeys, DutchTerms, Empty, Ended, Forfeited, ForfeitedBid, Listing, Opened,
    Paddle, PriceRule, ReleasedLock, Reserve, SameAuthor, Say, Sealed, SealedBid, SealedTerms,
    Sealing, Settled, Side, SoftClose, StartPrice, Step, Unlist, Unseal, Withdrawn,
};
use pregao_protocol::trust::key::{OneTime, PublicKey};
use pregao_protocol::trust::persona::Ratio;
use pregao_protocol::trust::seal::SealPublic;
use pregao_protocol::trust::timelock::{OpenedLock, TimeLock};
use pregao_protocol::trust::witness::Witness;
use pregao_protocol::value::codec::Digest;

use super::house::{House, instant};
use super::model::opens_at;
use super::plain::{Act, Flaw, Held, Misstated, RuleText, Signer, Terms};
use crate::broken::forge::{amount, bytes, closed, text};

/// Both halves of the key of every reserve here.
const HALVES: [[u8; 32]; 2] = [[23; 32], [24; 32]];

impl House<'_> {
    /// The body of an action by this signer.
    pub(super) fn body(&self, act: &Act, signer: Signer, paddle: Option<Held>) -> Body {
        let paddle = paddle.map(|held| self.paddle(held, signer));
        let outcome = Digest([3; 32]);
        let dates = |dates: &[super::plain::Date]| {
            dates.iter().map(|date| self.cosigned(date)).collect::<Vec<_>>()
        };
        match act {
            Act::List(terms) => Body::List(self.listing(terms)),
            Act::Bid { amount: minor, is_other_currency } => {
                let currency = if *is_other_currency { "USD" } else { "EUR" };
                let currency = currency.parse().expect("a currency");
                Body::Bid(Bid { amount: amount(*minor), currency, seal: self.keys.seal, paddle })
            }
            Act::SealedBid { amount, flaw } => {
                Body::SealedBid(SealedBid { paddle, ..self.sealed_bid(*amount, *flaw, signer) })
            }
            Act::Sealing(misstated) => Body::Sealing(self.sealing(*misstated)),
            Act::Opened { is_key_right, locks, dates: cosigned } => {
                let released = locks.iter().map(|(tsa, is_right)| self.released(*tsa, *is_right));
                let key = if *is_key_right { *self.keys.room_key.0.expose() } else { [5; 32] };
                let locks = released.collect();
                Body::Opened(Opened { key: OpenedLock(key), locks, cosigned: dates(cosigned) })
            }
            Act::Reserve { amount, flaw, is_ratio_right } => {
                let ratio = self.ratio(0, signer, *is_ratio_right);
                Body::Reserve(self.reserve(*amount, *flaw, (signer, ratio)))
            }
            Act::Unseal { is_right, is_ratio_right } => {
                let ratio = self.ratio(0, signer, *is_ratio_right);
                let [first, second] = if *is_right { HALVES } else { [HALVES[0], [5; 32]] };
                let (first, second) = (OpenedLock(first), OpenedLock(second));
                Body::Unseal(Unseal { ratio, first, second })
            }
            Act::Say => Body::Say(Say { text: text("Does it work?") }),
            Act::Unlist { is_ratio_right } => {
                let ratio = self.ratio(0, signer, *is_ratio_right);
                let successor = self.chance.once_in(2).then_some(RoomName([8; 32]));
                Body::Unlist(Unlist { ratio, successor })
            }
            Act::Closed => closed(),
            Act::Settled { winner, price, dates: cosigned } => {
                let (price, cosigned) = (price.map(amount), dates(cosigned));
                Body::Settled(Settled { winner: *winner, price, cosigned })
            }
            Act::Forfeited { winner, others } => {
                let other = |(seq, is_right): &(u64, bool)| {
                    let to = usize::try_from(*seq).ok().and_then(|at| self.signers.get(at));
                    let to = to.copied().unwrap_or(Signer::Broker);
                    ForfeitedBid { seq: *seq, ratio: self.ratio(*winner, to, *is_right) }
                };
                let others = others.iter().map(other).collect();
                Body::Forfeited(Forfeited { winner: *winner, others, outcome })
            }
            Act::Revealed => Body::Revealed(Ended { outcome }),
            Act::Abandoned => Body::Abandoned(Ended { outcome }),
            Act::Withdrawn => {
                let side = if self.chance.once_in(2) { Side::Seller } else { Side::Winner };
                Body::Withdrawn(Withdrawn { side, outcome })
            }
            Act::Foreign => Body::Withdraw(Empty {}),
        }
    }

    fn paddle(&self, held: Held, signer: Signer) -> Paddle {
        let name = held.name.parse().expect("a name of a paddle");
        let shown = |(seq, is_right)| SameAuthor { seq, ratio: self.ratio(seq, signer, is_right) };
        Paddle { name, earlier: held.earlier.map(shown) }
    }

    /// From the key of an entry to another key, if one persona has both and the ratio is to be right.
    fn ratio(&self, from: u64, to: Signer, is_right: bool) -> Ratio {
        let from = usize::try_from(from).ok().and_then(|at| self.signers.get(at)).copied();
        match (from, to) {
            (Some(Signer::Key(one, first)), Signer::Key(other, second))
                if one == other && is_right =>
            {
                let first = &self.keys.person(one, first).0;
                first.ratio(&self.keys.person(other, second).0, &self.keys.broker)
            }
            _ => {
                let mut ratio = bytes(&self.chance);
                if let Some(last) = ratio.last_mut() {
                    *last &= 0x0f;
                }
                Ratio(ratio)
            }
        }
    }

    fn listing(&self, terms: &Terms) -> Listing {
        let steps = terms.steps.iter();
        let step = |(from, by): &(u64, u64)| Step { from: amount(*from), increment: amount(*by) };
        let witness = |(key, operator): &(usize, usize)| Witness {
            name: format!("witness.example/{key}").parse().expect("a name"),
            key: self.keys.witnesses.get(*key).expect("a witness that there is").public(),
            operator: format!("operator-{operator}").parse().expect("a name"),
        };
        let unusable = SealPublic([0; 32]);
        let (usable, broker) = (terms.is_delivery_usable, self.keys.broker);
        Listing {
            title: text("A lamp"),
            description: None,
            currency: "EUR".parse().expect("a currency"),
            start: StartPrice::try_from(terms.start).expect("a price"),
            increment: amount(terms.increment),
            steps: steps.map(step).collect(),
            max_raise: terms.max_raise.map(amount),
            buy_now: terms.buy_now.map(amount),
            begin: terms.begin.map(instant),
            bids_each: None,
            reserve: terms.reserve.map(number),
            citizens: None,
            end: instant(terms.end),
            soft: terms.soft.map(|(extend, hard_end)| SoftClose {
                extend: number(extend),
                hard_end: instant(hard_end),
            }),
            sealed: terms.sealed.map(|(is_second, needed)| SealedTerms {
                price: if is_second { PriceRule::Second } else { PriceRule::First },
                needed: number(needed),
                locks: Vec::new(),
            }),
            dutch: terms.dutch.map(|(floor, fall, every)| DutchTerms {
                floor: amount(floor),
                fall: amount(fall),
                every: number(every),
            }),
            rule: terms.rule.as_ref().map(|rule| match rule {
                RuleText::Tree(tree) => tree.to_string(),
                RuleText::Nonsense(text) => text.clone(),
            }),
            freshness: number(terms.freshness),
            grace: number(terms.grace),
            disclose_within: number(terms.within),
            seal: self.keys.seal,
            broker: if usable { broker } else { BrokerKeys { delivery: unusable, ..broker } },
            stamps: terms
                .stamps
                .iter()
                .filter_map(|tsa| self.keys.stamps.get(*tsa))
                .copied()
                .collect(),
            threshold: number(terms.threshold),
            authorities: vec![self.keys.authority],
            witnesses: terms.witnesses.iter().map(witness).collect(),
            quorum: number(terms.quorum),
            simulated: false,
        }
    }

    fn recipients(&self) -> Recipients {
        let count = self.terms.stamps.len();
        Recipients {
            broker: self.keys.room_key.1,
            locks: self.keys.locks.iter().take(count).map(|(_, public)| *public).collect(),
            needed: usize::try_from(self.terms.needed().unwrap_or(1)).unwrap_or(1),
        }
    }

    fn released(&self, tsa: usize, is_right: bool) -> ReleasedLock {
        let secret = self.keys.locks.get(tsa).filter(|_| is_right);
        let secret = secret.map_or([6; 32], |(secret, _)| *secret.expose());
        ReleasedLock { tsa: u32::try_from(tsa).unwrap_or(u32::MAX), secret: OpenedLock(secret) }
    }

    fn sealing(&self, misstated: Option<Misstated>) -> Sealing {
        let is = |of| misstated == Some(of);
        let at = opens_at(&self.terms).saturating_sub(u64::from(is(Misstated::Instant)));
        let statement = |(place, tsa): (usize, &usize)| {
            // The next one, so that it is not the one it should be.
            let by = if is(Misstated::Tsa) { (tsa + 1) % self.keys.tsas.len() } else { *tsa };
            let key = self.keys.tsas.get(by)?;
            let (_, lock) = self.keys.locks.get(place)?;
            let (tsa, simulated) = (key.public().fingerprint(), is(Misstated::Simulated));
            Some(TimeLock { tsa, at, key: *lock, simulated }.sign(key))
        };
        let stated = self.terms.stamps.iter().enumerate();
        let mut locks: Vec<String> = stated.filter_map(statement).collect();
        if is(Misstated::Missing) {
            locks.pop();
        }
        if is(Misstated::More) {
            locks.extend(locks.first().cloned());
        }
        let same = self.keys.locks.first().filter(|_| is(Misstated::Same)).map(|(_, key)| *key);
        let open = is(Misstated::Usable).then_some(SealPublic([0; 32]));
        Sealing { key: same.or(open).unwrap_or(self.keys.room_key.1), locks }
    }

    fn reserve(&self, minor: u64, flaw: Option<Flaw>, (signer, ratio): (Signer, Ratio)) -> Reserve {
        let key = self.key_for(flaw, signer);
        let to = self.recipients();
        let sealed = seal_reserve(&to, (self.room(), &key), amount(minor), ratio, &HALVES);
        let Reserve { mut broker, mut shares, mut commitment, amount, .. } =
            sealed.expect("keys that can be sealed to");
        let amount = self.spoil(flaw, (&mut broker, &mut shares, &mut commitment), amount);
        Reserve { ratio, broker, shares, commitment, amount }
    }

    /// The key that something sealed is made for.
    fn key_for(&self, flaw: Option<Flaw>, signer: Signer) -> PublicKey<OneTime> {
        let (person, key) = match signer {
            Signer::Key(person, key) => (person, key),
            Signer::Broker => (0, 0),
        };
        let made_for =
            if flaw == Some(Flaw::Copied) { (person + 1) % super::house::PEOPLE } else { person };
        self.keys.person(made_for, key).1.public()
    }

    /// A sealed bid. Both halves of its key end with this function: whoever opens it has the log alone.
    fn sealed_bid(&self, minor: u64, flaw: Option<Flaw>, signer: Signer) -> SealedBid {
        let key = self.key_for(flaw, signer);
        let halves = [bytes(&self.chance), bytes(&self.chance)];
        let sealed = seal_bid(
            &self.recipients(),
            (self.room(), &key),
            amount(minor),
            self.keys.seal,
            &halves,
        );
        let SealedBid { mut broker, mut shares, mut commitment, amount, seal, paddle } =
            sealed.expect("keys that can be sealed to");
        let amount = self.spoil(flaw, (&mut broker, &mut shares, &mut commitment), amount);
        SealedBid { broker, shares, commitment, amount, seal, paddle }
    }

    /// Spoils what was sealed; gives the amount, spoilt or not.
    fn spoil(
        &self,
        flaw: Option<Flaw>,
        (broker, shares, commitment): (&mut Sealed, &mut Vec<Sealed>, &mut Digest),
        amount: Sealed,
    ) -> Sealed {
        match flaw {
            None | Some(Flaw::Copied) => {}
            Some(Flaw::Broker) => *broker = changed(broker, &self.chance),
            Some(Flaw::Share(x)) => {
                if let Some(share) = shares.get_mut(x) {
                    *share = changed(share, &self.chance);
                }
            }
            Some(Flaw::Commitment) => *commitment = Digest([1; 32]),
            Some(Flaw::Amount) => return changed(&amount, &self.chance),
            Some(Flaw::Form) => {
                shares.pop();
            }
        }
        amount
    }
}

/// With one bit changed.
fn changed(sealed: &Sealed, chance: &crate::sim::machine::Chance) -> Sealed {
    let mut bytes = sealed.as_bytes().to_vec();
    let at = usize::try_from(chance.below(bytes.len() as u64)).unwrap_or_default();
    // Never the highest bit of an X25519 key, which nobody looks at.
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    bytes.try_into().expect("as long as before")
}

fn number(of: u64) -> u32 {
    u32::try_from(of).expect("a small number")
}

//! One bid, sealed and opened, and everything that may be wrong with it.

use proptest::prelude::*;

use super::*;
use crate::room::fixture::{amount, seal_key};
use crate::trust::key::SecretKey;

const ROOM: RoomName = RoomName([7; 32]);

fn one_time(seed: u8) -> PublicKey<OneTime> {
    let key: SecretKey<crate::trust::key::EntryKey> = SecretKey::from_seed(&[seed; 32]);
    PublicKey::from_bytes(*key.public().as_bytes())
}

fn secret(seed: u8) -> SealKey {
    SealKey::from_random([seed; 32])
}

/// `needed` of `count` TSAs; their secrets have the seeds 1 to `count`, that of the broker 100.
fn recipients(needed: usize, count: u8) -> Recipients {
    let locks = (1..=count).map(seal_key).collect();
    Recipients { broker: seal_key(100), locks, needed }
}

/// The secrets of these TSAs, counted from 0, with that of the broker.
fn secrets(of: &[usize]) -> Secrets {
    let locks = of.iter().map(|at| (*at, secret(u8::try_from(at + 1).unwrap())));
    Secrets { broker: secret(100), locks: locks.collect() }
}

fn sealed(to: &Recipients) -> SealedBid {
    seal_bid(to, (ROOM, &one_time(1)), amount(1_234), seal_key(9), &[[3; 32], [4; 32]]).unwrap()
}

fn opened(of: &[usize], to: &Recipients, bid: &SealedBid) -> Result<Amount, Void> {
    open_bid(&secrets(of), to, (ROOM, &one_time(1)), bid)
}

/// Another ciphertext of the same length.
fn flipped(sealed: &Sealed) -> Sealed {
    let mut bytes = sealed.as_bytes().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last ^= 1;
    }
    bytes[0] ^= 1;
    bytes.try_into().unwrap()
}

#[test]
fn v165_a_bid_opens_to_its_amount_with_any_tsas_that_are_enough() {
    for (needed, count) in [(1, 1), (1, 2), (2, 2), (2, 3), (3, 3), (5, 8)] {
        let to = recipients(needed, count);
        let bid = sealed(&to);
        let all: Vec<usize> = (0..usize::from(count)).collect();
        for first in 0..=all.len() - needed {
            assert_eq!(opened(&all[first..first + needed], &to, &bid), Ok(amount(1_234)));
        }
        // Any that are enough, not neighbours only.
        let apart: Vec<usize> = all.iter().rev().copied().take(needed).rev().collect();
        assert_eq!(opened(&apart, &to, &bid), Ok(amount(1_234)), "{needed} of {count}");
        assert!(bid.shares.iter().all(|share| share.as_bytes().len() == SEALED_HALF));
        assert_eq!(bid.broker.as_bytes().len(), SEALED_HALF);
        assert_eq!(bid.amount.as_bytes().len(), SEALED_AMOUNT);
    }
}

#[test]
fn v211_a_reserve_is_opened_by_neither_alone_and_never_as_a_bid() {
    let (to, key) = (recipients(2, 3), one_time(1));
    let place = (ROOM, &key);
    let halves = [[3; 32], [4; 32]];
    let reserve = seal_reserve(&to, place, amount(1_234), Ratio([0; 32]), &halves).unwrap();
    let opened = |secrets: &Secrets| open_reserve(secrets, &to, place, &reserve);
    assert_eq!(opened(&Secrets { broker: secret(100), locks: vec![] }), Err(Void::Share));
    let tsas = Secrets { broker: secret(101), ..secrets(&[0, 1, 2]) };
    assert_eq!(opened(&tsas), Err(Void::Broker));
    assert_eq!(opened(&secrets(&[2])), Err(Void::Share));
    assert_eq!(opened(&secrets(&[0, 2])), Ok(amount(1_234)));
    assert_eq!(unseal_reserve(&halves, &to, place, &reserve), Some(amount(1_234)));
    // With both halves, but for another room or key.
    let others = [(RoomName([8; 32]), one_time(1)), (ROOM, one_time(2))];
    for (room, key) in &others {
        assert_eq!(unseal_reserve(&halves, &to, (*room, key), &reserve), None);
    }
    let Reserve { broker, shares, commitment, amount: covered, .. } = reserve;
    let as_bid = SealedBid { broker, shares, commitment, amount: covered, ..sealed(&to) };
    assert_eq!(open_bid(&secrets(&[0, 2]), &to, place, &as_bid), Err(Void::Broker));
}

#[test]
fn v211_both_halves_follow_from_one_secret_and_differ() {
    let [first, second] = *reserve_halves(&[7; 32]);
    assert_ne!(first, second);
    assert_eq!([first, second], *reserve_halves(&[7; 32]));
    assert_ne!([first, second], *reserve_halves(&[8; 32]));
}

#[test]
fn v165_every_amount_takes_the_same_room() {
    let to = recipients(1, 1);
    let lengths = |minor: u64| {
        let key = one_time(1);
        let bid = seal_bid(&to, (ROOM, &key), amount(minor), seal_key(9), &[[3; 32], [4; 32]]);
        serde_json::to_string(&bid.unwrap()).unwrap().len()
    };
    assert_eq!(lengths(1), lengths(crate::value::label::MAX_AMOUNT));
}

#[test]
fn v165_neither_the_broker_nor_the_tsas_alone_open_a_bid() {
    let to = recipients(2, 3);
    let bid = sealed(&to);
    let key = one_time(1);
    let brokers = Secrets { broker: secret(100), locks: vec![] };
    assert_eq!(open_bid(&brokers, &to, (ROOM, &key), &bid), Err(Void::Share));
    // All TSAs together, which have no more than all that is in the log besides.
    let tsas = Secrets { broker: secret(101), ..secrets(&[0, 1, 2]) };
    assert_eq!(open_bid(&tsas, &to, (ROOM, &key), &bid), Err(Void::Broker));
    // The broker, and one TSA fewer than it takes.
    assert_eq!(opened(&[2], &to, &bid), Err(Void::Share));
    // Broker and threshold together do: SPEC 1 says so.
    assert_eq!(opened(&[0, 2], &to, &bid), Ok(amount(1_234)));
}

#[test]
fn v165_whoever_has_all_secrets_of_the_tsas_cannot_undo_what_is_sealed_to_the_broker() {
    // With K₁ they know all that follows from it. What is sealed to the broker begins with the public half of a key: whoever
    // could make that anew could open the rest.
    let to = recipients(1, 1);
    let bid = sealed(&to);
    let context = Context::new(label::SEALED_BID, (ROOM, &one_time(1)));
    let first = [3; 32];
    let from = Hkdf::<Sha256>::new(None, &first);
    let labels = [
        label::BID_SEED,
        label::BID_KEY,
        label::BID_COMMITMENT,
        label::BID_COEFFICIENT,
        label::SEALED_BID,
    ];
    let begins = |sealed: &Sealed| sealed.as_bytes()[..32].to_vec();
    for label in labels {
        for what in (0..=u8::MAX).map(|number| vec![number]).chain([context.aad().to_vec(), vec![]])
        {
            let made = seal_half(&to.broker, &context, &[0; 32], &expand(&from, label, &what));
            assert_ne!(begins(&made.unwrap()), begins(&bid.broker), "{label} {what:?}");
        }
    }
    // As it is for the shares, which everybody is to make anew.
    let made = seal_half(&to.locks[0], &context, &[0; 32], &expand(&from, label::BID_SEED, &[1]));
    assert_eq!(begins(&made.unwrap()), begins(&bid.shares[0]));
    // Nor does K₁ in place of both halves.
    let alone = BidKey::of(&first, &first, &context);
    assert_eq!(alone.decrypt(bid.amount.as_bytes(), &context), None);
}

#[test]
fn v165_one_share_of_two_fits_every_secret() {
    let share = shares_of(&[3; 32], 2, 2).swap_remove(0);
    assert!(combine(&[(1, Zeroizing::new(share.to_vec()))], 2).is_none());
    for other in [[0; 32], [3; 32], [0xff; 32]] {
        // A line through `other` at 0 and this share at 1: what it is at 2 gives `other` back.
        let second = share.iter().zip(other).map(|(share, secret)| {
            let slope = Gf256(*share) + Gf256(secret);
            (slope * Gf256(2) + Gf256(secret)).0
        });
        let second = Zeroizing::new(second.collect::<Vec<_>>());
        let both = [(1, Zeroizing::new(share.to_vec())), (2, second)];
        assert_eq!(combine(&both, 2).map(|secret| *secret), Some(other));
    }
}

#[test]
fn v165_a_bid_copied_to_another_room_or_key_does_not_open() {
    let to = recipients(1, 1);
    let bid = sealed(&to);
    let elsewhere = open_bid(&secrets(&[0]), &to, (RoomName([8; 32]), &one_time(1)), &bid);
    assert_eq!(elsewhere, Err(Void::Broker));
    let another = open_bid(&secrets(&[0]), &to, (ROOM, &one_time(2)), &bid);
    assert_eq!(another, Err(Void::Broker));
}

#[test]
fn v165_what_is_changed_in_a_bid_is_found_and_named() {
    let to = recipients(2, 3);
    let bid = sealed(&to);
    let mut changed = bid.clone();
    changed.broker = flipped(&bid.broker);
    assert_eq!(opened(&[0, 1], &to, &changed), Err(Void::Broker));
    let mut changed = bid.clone();
    changed.shares[1] = flipped(&bid.shares[1]);
    assert_eq!(opened(&[0, 1], &to, &changed), Err(Void::Share));
    // With the shares of the others it would open: that it does not depend on who opens is the point.
    assert_eq!(opened(&[0, 2], &to, &changed), Err(Void::Shares));
    let mut changed = bid.clone();
    changed.commitment.0[0] ^= 1;
    assert_eq!(opened(&[0, 1], &to, &changed), Err(Void::Commitment));
    let mut changed = bid.clone();
    changed.amount = flipped(&bid.amount);
    assert_eq!(opened(&[0, 1], &to, &changed), Err(Void::Amount));
    let mut changed = bid.clone();
    changed.shares.swap(0, 1);
    assert_eq!(opened(&[0, 1], &to, &changed), Err(Void::Share));
    assert_eq!(opened(&[0, 1], &to, &bid), Ok(amount(1_234)));
}

#[test]
fn v165_shares_that_give_another_key_with_other_tsas_are_void_with_all() {
    // Its author seals the third TSA a share of another K₁, well formed in itself.
    let to = recipients(2, 3);
    let mut bid = sealed(&to);
    let key = one_time(1);
    let other = seal_bid(&to, (ROOM, &key), amount(9), seal_key(9), &[[5; 32], [4; 32]]).unwrap();
    bid.shares[2] = other.shares[2].clone();
    assert_eq!(opened(&[0, 1], &to, &bid), Err(Void::Shares));
    assert_eq!(opened(&[0, 2], &to, &bid), Err(Void::Commitment));
}

#[test]
fn v165_an_amount_of_zero_or_too_large_is_none() {
    let to = recipients(1, 1);
    let key = one_time(1);
    let context = Context::new(label::SEALED_BID, (ROOM, &key));
    let bid_key = BidKey::of(&[3; 32], &[4; 32], &context);
    for minor in [0_u64, crate::value::label::MAX_AMOUNT + 1, u64::MAX] {
        let mut bytes = minor.to_be_bytes().to_vec();
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let cipher = bid_key.cipher().unwrap();
        cipher.seal_in_place_append_tag(nonce, Aad::from(context.aad()), &mut bytes).unwrap();
        let mut bid = sealed(&to);
        bid.amount = bytes.try_into().unwrap();
        assert_eq!(opened(&[0], &to, &bid), Err(Void::Amount), "{minor}");
    }
}

#[test]
fn v165_nothing_is_sealed_to_a_key_of_small_order() {
    let mut to = recipients(1, 2);
    to.locks[1] = SealPublic([0; 32]);
    let sealed = seal_bid(&to, (ROOM, &one_time(1)), amount(1), seal_key(9), &[[3; 32], [4; 32]]);
    assert_eq!(sealed.unwrap_err(), SealError::Key);
}

#[test]
fn v165_the_vector_of_the_specification() {
    let to = recipients(2, 3);
    let bid = sealed(&to);
    let shares = shares_of(&[3; 32], 2, 3);
    insta::assert_snapshot!(format!(
        "key of the bid's author {}\nshare 1 {}\nshare 2 {}\nshare 3 {}\n{}",
        one_time(1),
        hex::encode(*shares[0]),
        hex::encode(*shares[1]),
        hex::encode(*shares[2]),
        serde_json::to_string_pretty(&bid).unwrap()
    ));
}

proptest! {
    #[test]
    fn v165_shares_give_their_secret_back_whichever_are_taken(
        first: [u8; 32], needed in 1..=8_usize, more in 0..=7_usize, from in 0..8_usize,
    ) {
        let count = (needed + more).min(8);
        let shares = shares_of(&first, needed, count);
        let taken = (0..count).cycle().skip(from % count).take(needed);
        let taken: Vec<_> = taken
            .map(|at| (number(at + 1), Zeroizing::new(shares[at].to_vec())))
            .collect();
        prop_assert_eq!(combine(&taken, needed).map(|key| *key), Some(first));
        prop_assert!(combine(&taken, needed + 1).is_none());
    }

    #[test]
    fn v165_a_changed_byte_never_gives_an_amount(at in 0..264_usize, flip in 1..=255_u8) {
        let to = recipients(1, 1);
        let mut bid = sealed(&to);
        let change = |sealed: &Sealed, at: usize| -> Sealed {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[at] ^= flip;
            bytes.try_into().unwrap()
        };
        match at {
            0..80 => bid.broker = change(&bid.broker, at),
            80..160 => bid.shares[0] = change(&bid.shares[0], at - 80),
            160..192 => bid.commitment.0[at - 160] ^= flip,
            192..216 => bid.amount = change(&bid.amount, at - 192),
            // The key for the reveal is its author's own affair.
            _ => return Ok(()),
        }
        prop_assert!(opened(&[0], &to, &bid).is_err());
    }
}

/// Both verifiers print these words.
#[test]
fn why_a_bid_is_void_has_one_word() {
    for (void, word) in [
        (Void::Broker, "broker"),
        (Void::Share, "share"),
        (Void::Commitment, "commitment"),
        (Void::Shares, "shares"),
        (Void::Amount, "amount"),
        (Void::TooLow, "too-low"),
        (Void::Rule, "rule"),
    ] {
        assert_eq!(void.as_str(), word);
    }
}

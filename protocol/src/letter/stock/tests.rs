use super::*;
use crate::trust::prekey::PrekeySecret;

fn keys(count: u16) -> Vec<PrekeyPublic> {
    (0..count)
        .map(|number| {
            let mut seed = [7; 32];
            seed[..2].copy_from_slice(&number.to_be_bytes());
            PrekeySecret::from_random(seed).public()
        })
        .collect()
}

#[test]
fn v241_every_key_of_a_stock_is_shown_to_be_in_it_at_its_place() {
    for count in [1, 2, 3, 7, 8] {
        let keys = keys(count);
        let stock = Stock::new(&keys).unwrap();
        assert_eq!(stock_root(&keys), Ok(stock.root()));
        assert_eq!(stock.count(), u64::from(count));
        for (index, key) in (0..).zip(&keys) {
            let path = stock.path(index).unwrap();
            let at = |index, key| verify_member(&stock.root(), stock.count(), index, key, &path);
            assert_eq!(at(index, key), Ok(()), "{index} of {count}");
            for other in (0..stock.count() + 1).filter(|other| *other != index) {
                assert_eq!(at(other, key), Err(StockError::NotAMember), "{other} of {count}");
            }
            let stranger = PrekeySecret::from_random([9; 32]).public();
            assert_eq!(at(index, &stranger), Err(StockError::NotAMember));
        }
        assert_eq!(stock.path(stock.count()), None);
    }
}

#[test]
fn v241_a_path_that_was_changed_cut_or_made_longer_shows_nothing() {
    let keys = keys(5);
    let stock = Stock::new(&keys).unwrap();
    let path = stock.path(1).unwrap();
    let with = |path: &[Digest]| verify_member(&stock.root(), 5, 1, &keys[1], path);
    assert_eq!(with(&path), Ok(()));
    for at in 0..path.len() {
        let mut other = path.clone();
        other[at].0[0] ^= 1;
        assert_eq!(with(&other), Err(StockError::NotAMember));
        assert_eq!(with(&path[..at]), Err(StockError::NotAMember));
    }
    assert_eq!(with(&[path.clone(), vec![Digest([0; 32])]].concat()), Err(StockError::NotAMember));
    let other = verify_member(&Digest([0; 32]), 5, 1, &keys[1], &path);
    assert_eq!(other, Err(StockError::NotAMember));
    // A node of the tree is no key of it.
    assert_eq!(verify_member(&path[0], 1, 0, &keys[0], &[]), Ok(()));
    assert_eq!(verify_member(&path[0], 1, 0, &keys[1], &[]), Err(StockError::NotAMember));
}

#[test]
fn v241_a_stock_has_1_to_256_keys_each_once() {
    let many = keys(257);
    assert_eq!(Stock::new(&[]), Err(StockError::Count { got: 0 }));
    assert_eq!(Stock::new(&many), Err(StockError::Count { got: 257 }));
    let full = Stock::new(&many[..256]).unwrap();
    let path = full.path(255).unwrap();
    assert_eq!(verify_member(&full.root(), 256, 255, &many[255], &path), Ok(()));
    for count in [0, 257, u64::MAX] {
        let refused = verify_member(&full.root(), count, 0, &many[0], &[]);
        assert_eq!(refused, Err(StockError::Count { got: count }));
    }
    let twice = [many[0].clone(), many[1].clone(), many[0].clone()];
    assert_eq!(Stock::new(&twice), Err(StockError::Twice));
}

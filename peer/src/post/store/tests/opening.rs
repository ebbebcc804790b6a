//! The file and its vault.

use super::fixture::Place;
use super::settings::Settings;
use super::*;

#[test]
fn what_is_kept_is_there_after_reopening() {
    let mut place = Place::new();
    let mut store = place.open();
    let chosen = Settings { hold: 30, ..Settings::default() };
    store.change(|change| change.keep_settings(&chosen)).unwrap();
    drop(store);
    let mut store = place.open();
    assert_eq!(store.view().settings().unwrap(), chosen);
    assert_eq!(store.take_notices(), []);
}

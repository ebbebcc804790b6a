use super::*;

#[test]
fn a_fault_is_logged_when_it_begins_or_changes_and_again_after_it_was_gone() {
    let fault = Fault::default();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(fault.update(None), None);
    assert_eq!(fault.update(text("full")), text("full"));
    assert_eq!(fault.update(text("full")), None);
    assert_eq!(fault.update(text("broken")), text("broken"));
    assert_eq!(fault.update(None), None);
    assert_eq!(fault.update(text("broken")), text("broken"));
}

#[test]
fn a_counter_shows_whole_tens() {
    assert_eq!([0, 9, 10, 19, 20].map(coarse), [0, 0, 10, 10, 20]);
}

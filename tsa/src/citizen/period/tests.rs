use super::*;

fn length(text: &str) -> Length {
    text.parse().unwrap()
}

fn span(from: u64, until: u64, spend_until: u64) -> Span {
    let [from, until, spend_until] = [from, until, spend_until].map(seconds);
    Span { from, until, spend_until }
}

#[test]
fn a_period_is_an_hour_to_366_days() {
    assert_eq!(length("30d"), Length::default());
    assert_eq!(length("1h"), Length(3_600));
    assert_eq!(length("366d"), Length(366 * DAY));
    for text in [
        "",
        "0h",
        "0d",
        "367d",
        "8785h",
        "30",
        "d",
        "-1d",
        "+1d",
        "1.5d",
        "30m",
        "99999999999999999999d",
    ] {
        assert_eq!(text.parse::<Length>(), Err(LengthError), "{text}");
    }
}

#[test]
fn periods_are_multiples_of_their_length_and_leave_no_gap() {
    let hour = length("1h");
    assert_eq!(hour.containing(seconds(7_199), None), span(3_600, 7_200, 10_800));
    assert_eq!(hour.containing(seconds(7_200), None), span(7_200, 10_800, 14_400));
    assert_eq!(hour.beginning(seconds(7_200)), span(7_200, 10_800, 14_400));
}

#[test]
fn after_a_change_the_first_period_is_longer_and_never_shorter() {
    let two = length("2h");
    assert_eq!(two.beginning(seconds(10_800)), span(10_800, 21_600, 28_800));
    let after = Some(seconds(10_800));
    assert_eq!(two.containing(seconds(11_000), after), span(10_800, 21_600, 28_800));
}

use std::sync::OnceLock;

use super::*;
use crate::event::CardView;
use pregao_protocol::trust::citizen::TestCards;
use pregao_test_pki::{CardMaterial, CitizenData, ListPlan, Pki, Plan, Profile, Reason};

const NOW: u64 = 1_795_262_400;

fn pki() -> &'static Pki {
    static PKI: OnceLock<Pki> = OnceLock::new();
    PKI.get_or_init(|| Pki::new(Plan::quick(NOW)))
}

fn card() -> &'static CardMaterial {
    static CARD: OnceLock<CardMaterial> = OnceLock::new();
    CARD.get_or_init(|| pki().citizen(Profile::V5, &CitizenData::numbered(601)))
}

fn state(lists: Vec<Vec<u8>>) -> StatePki {
    StatePki::new(pki().anchors(), pki().intermediates(), lists, TestCards::Accepted).unwrap()
}

/// Lists of the authorities above the card, and this one of its issuer.
fn with(own: &ListPlan) -> StatePki {
    let branch = pki().branch(Profile::V5);
    let above = [pki().root(), &branch.card];
    let mut lists: Vec<Vec<u8>> =
        above.iter().map(|authority| authority.list(&ListPlan::around(NOW))).collect();
    lists.push(branch.authentication.list(own));
    state(lists)
}

fn base() -> ListPlan {
    ListPlan::around(NOW).at(&pki().citizen_point(Profile::V5, 0))
}

fn at(seconds: u64) -> Time {
    Time::from_micros(seconds * 1_000_000).unwrap()
}

fn judge(state: Option<&StatePki>, seconds: u64) -> CardStanding {
    judged(&card().authentication.certificate, state, at(seconds), at(seconds))
}

fn code(standing: &CardStanding) -> &str {
    match standing {
        CardStanding::Certified { revocation_checked: true, .. } => "checked",
        CardStanding::Certified { .. } => "unchecked",
        CardStanding::Unjudged => "unjudged",
        CardStanding::NotCovered(report) | CardStanding::Refused(report) => {
            assert!(!report.advice.is_empty() && !report.message.is_empty());
            &report.code
        }
    }
}

/// Two weeks before the lists begin, and long after they ended.
const OUTSIDE: [u64; 2] = [NOW - 14 * 86_400, NOW + 14 * 86_400];

#[test]
fn lists_of_another_time_are_not_held_against_the_holder() {
    for seconds in OUTSIDE {
        let standing = judge(Some(&with(&base())), seconds);
        assert!(matches!(standing, CardStanding::NotCovered(_)), "{standing:?}");
        assert_eq!(code(&standing), "citizen.list-expired");
    }
    let elsewhere = ListPlan::around(NOW).at(&pki().citizen_point(Profile::V5, 1));
    let standing = judge(Some(&with(&elsewhere)), NOW);
    assert!(matches!(standing, CardStanding::NotCovered(_)), "{standing:?}");
}

#[test]
fn what_the_lists_or_the_chain_say_against_a_card_is() {
    let serial = &card().authentication.serial;
    for (reason, expected) in
        [(Reason::KeyCompromise, "citizen.revoked"), (Reason::Hold, "citizen.on-hold")]
    {
        let standing = judge(Some(&with(&base().with(serial, reason))), NOW);
        assert!(matches!(standing, CardStanding::Refused(_)), "{standing:?}");
        assert_eq!(code(&standing), expected);
    }
    let expired = judge(Some(&state(vec![])), NOW + 20 * 365 * 86_400);
    assert!(matches!(expired, CardStanding::Refused(_)), "{expired:?}");
    assert_eq!(code(&judge(Some(&with(&base())), NOW)), "checked");
    assert_eq!(code(&judge(None, NOW)), "unjudged");
}

#[test]
fn a_card_is_judged_again_by_what_is_at_hand_now_and_never_worse_for_worse_lists() {
    let serial = &card().authentication.serial;
    let (good, revoked) = (with(&base()), with(&base().with(serial, Reason::KeyCompromise)));
    let (none, old) = (
        state(vec![]),
        with(&ListPlan::around(OUTSIDE[0]).at(&pki().citizen_point(Profile::V5, 0))),
    );
    assert_eq!(code(&judge(Some(&old), NOW)), "citizen.list-expired");
    for (before, now, after) in [
        (None, Some(&good), "checked"),
        (None, None, "unjudged"),
        (Some(&old), Some(&good), "checked"),
        (Some(&old), Some(&revoked), "citizen.revoked"),
        (Some(&old), None, "citizen.list-expired"),
        (Some(&none), Some(&good), "checked"),
        (Some(&none), Some(&revoked), "citizen.revoked"),
        (Some(&none), Some(&old), "unchecked"),
        (Some(&good), Some(&none), "checked"),
        (Some(&good), Some(&revoked), "checked"),
    ] {
        let standing = judge(before, NOW);
        let mut kept = KeptCard {
            view: CardView { standing: standing.clone(), stated: Vec::new() },
            certificate: card().authentication.certificate.clone(),
            stamped: at(NOW),
        };
        let changed = judged_again(&mut kept, now, at(NOW));
        assert_eq!(code(&kept.view.standing), after, "{standing:?}");
        assert_eq!(changed, kept.view.standing != standing);
    }
}

#[test]
fn lists_fetched_after_the_signature_speak_of_the_card_too() {
    let around = |seconds, revoked: bool| {
        let (branch, plan) = (pki().branch(Profile::V5), ListPlan::around(seconds));
        let above = [pki().root(), &branch.card];
        let mut lists: Vec<Vec<u8>> = above.iter().map(|authority| authority.list(&plan)).collect();
        let own = plan.at(&pki().citizen_point(Profile::V5, 0));
        let serial = &card().authentication.serial;
        let own = if revoked { own.with(serial, Reason::KeyCompromise) } else { own };
        lists.push(branch.authentication.list(&own));
        state(lists)
    };
    let judge = |state: &StatePki, read| {
        let certificate = &card().authentication.certificate;
        code(&judged(certificate, Some(state), at(NOW), at(read))).to_owned()
    };
    let [before, later] = OUTSIDE;
    assert_eq!(judge(&around(later, false), later), "checked");
    assert_eq!(judge(&around(later, true), later), "citizen.revoked");
    assert_eq!(judge(&around(later, false), NOW), "citizen.list-expired");
    assert_eq!(judge(&around(NOW, false), later), "citizen.list-expired");
    // Whoever reads by a clock that is behind the stamp reads as of the stamp.
    assert_eq!(judge(&around(NOW, false), before), "checked");
}

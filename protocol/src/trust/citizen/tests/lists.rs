//! Revocation: complete lists, delta lists, scopes, and lists that cannot be used.

use pregao_test_pki::rcgen::KeyUsagePurpose;
use pregao_test_pki::{Authority, ListPlan, Oddity, Only, Reason};

use super::*;
use crate::trust::citizen::list::list_number;
use crate::trust::citizen::{ListFault, Listed, MAX_LIST, RevocationStatus, Warning};

fn issuing() -> &'static Authority {
    &pki().branch(Profile::V5).authentication
}

fn serial() -> &'static [u8] {
    &card().authentication.serial
}

fn point() -> String {
    pki().citizen_point(Profile::V5, 0)
}

/// A complete list of the card's partition.
fn base() -> ListPlan {
    ListPlan::around(NOW).at(&point())
}

/// A delta list of the same.
fn delta() -> ListPlan {
    ListPlan::delta(NOW).at(&point())
}

/// Lists of the authorities above the card, and these of its issuer.
fn with(plans: &[ListPlan]) -> Vec<Vec<u8>> {
    let above = [pki().root(), &pki().branch(Profile::V5).card];
    let mut lists: Vec<Vec<u8>> =
        above.iter().map(|authority| authority.list(&ListPlan::around(NOW))).collect();
    lists.extend(plans.iter().map(|plan| issuing().list(plan)));
    lists
}

fn judged_at(lists: Vec<Vec<u8>>, at: Time) -> Result<Citizen, CitizenError> {
    let leaf = &card().authentication.certificate;
    state(lists).verify(leaf, &[], at, Revocation::Required)
}

/// The code for the card under these lists of its issuer.
fn judged(plans: &[ListPlan]) -> &'static str {
    code(judged_at(with(plans), now()))
}

#[test]
fn v113_lists_in_force_that_hold_nothing_make_a_citizen_checked() {
    let state = state(pki().lists());
    assert_eq!(state.warnings(now()), []);
    for profile in [Profile::V4, Profile::V5] {
        let card = pki().citizen(profile, &citizen_one());
        let leaf = &card.authentication.certificate;
        let citizen = state.verify(leaf, &card.issuers, now(), Revocation::Required).unwrap();
        assert_eq!(citizen.revocation, RevocationStatus::Checked);
    }
}

#[test]
fn v113_a_listed_card_is_revoked_and_a_suspended_one_on_hold() {
    for reason in [Reason::Unspecified, Reason::KeyCompromise] {
        assert_eq!(judged(&[base().with(serial(), reason)]), "citizen.revoked");
    }
    assert_eq!(judged(&[base().with(serial(), Reason::Hold)]), "citizen.on-hold");
    let mut other = serial().to_vec();
    *other.last_mut().unwrap() ^= 0x80;
    assert_eq!(judged(&[base().with(&other, Reason::KeyCompromise)]), "accepted");
    // Listed twice: the heavier entry counts, in whichever order they come.
    let (hold, loss) = (Reason::Hold, Reason::KeyCompromise);
    for (first, second) in [(hold, loss), (loss, hold)] {
        let both = base().with(serial(), first).with(serial(), second);
        assert_eq!(judged(&[both]), "citizen.revoked");
    }
}

#[test]
fn v113_every_certificate_below_the_anchor_is_asked_about() {
    let branch = pki().branch(Profile::V5);
    let with = |root: ListPlan, card: ListPlan| {
        let lists =
            vec![pki().root().list(&root), branch.card.list(&card), issuing().list(&base())];
        judged_at(lists, now())
    };
    let (plain, loss) = (ListPlan::around(NOW), Reason::KeyCompromise);
    let revoked = Err(CitizenError::Revoked(Listed::Authority));
    let of_issuing = plain.clone().with(&branch.authentication.serial, loss);
    let of_card = plain.clone().with(&branch.card.serial, loss);
    assert_eq!(with(plain.clone(), of_issuing).map(|_| ()), revoked);
    assert_eq!(with(of_card, plain.clone()).map(|_| ()), revoked);
    // The anchor itself is not asked about.
    let of_root = plain.clone().with(&pki().root().serial, loss);
    assert_eq!(code(with(of_root, plain)), "accepted");
}

#[test]
fn v113_without_lists_a_citizen_is_unchecked_or_refused_as_asked() {
    let leaf = &card().authentication.certificate;
    let judge = |lists: Vec<Vec<u8>>, revocation| state(lists).verify(leaf, &[], now(), revocation);
    let missing = |listed| CitizenError::ListMissing(listed);
    let none = || judge(Vec::new(), Revocation::WhereListed).unwrap().revocation;
    assert_eq!(none(), RevocationStatus::Unchecked);
    let refusal = judge(Vec::new(), Revocation::Required).unwrap_err();
    assert_eq!(refusal, missing(Listed::Citizen));
    // One level without a list is enough.
    for left_out in 0..3 {
        let mut lists = with(&[base()]);
        lists.remove(left_out);
        let status = judge(lists.clone(), Revocation::WhereListed).unwrap().revocation;
        assert_eq!(status, RevocationStatus::Unchecked);
        let listed = if left_out == 2 { Listed::Citizen } else { Listed::Authority };
        assert_eq!(judge(lists, Revocation::Required).unwrap_err(), missing(listed));
    }
    let status = judge(with(&[base()]), Revocation::WhereListed).unwrap().revocation;
    assert_eq!(status, RevocationStatus::Checked);
    // Where lists are there, what they say counts without being required.
    let held = with(&[base().with(serial(), Reason::Hold)]);
    assert_eq!(code(judge(held, Revocation::WhereListed)), "citizen.on-hold");
}

#[test]
fn v113_of_two_complete_lists_the_newer_one_counts() {
    let held = base().with(serial(), Reason::Hold);
    let newer = |plan: ListPlan| ListPlan { number: Some(101), ..plan };
    for lists in [[held.clone(), newer(base())], [newer(base()), held.clone()]] {
        assert_eq!(judged(&lists), "accepted");
    }
    for lists in [[base(), newer(held.clone())], [newer(held), base()]] {
        assert_eq!(judged(&lists), "citizen.on-hold");
    }
}

#[test]
fn v113_of_lists_of_one_number_and_time_all_count_in_whatever_order() {
    let (hold, loss) = (Reason::Hold, Reason::KeyCompromise);
    let (held, lost) = (base().with(serial(), hold), base().with(serial(), loss));
    for lists in [[base(), held.clone()], [held.clone(), base()]] {
        assert_eq!(judged(&lists), "citizen.on-hold");
    }
    for lists in [[lost.clone(), held.clone()], [held, lost]] {
        assert_eq!(judged(&lists), "citizen.revoked");
    }
    let deltas = [delta(), delta().with(serial(), hold)];
    for (first, second) in [(0, 1), (1, 0)] {
        let lists = [base(), deltas[first].clone(), deltas[second].clone()];
        assert_eq!(judged(&lists), "citizen.on-hold");
    }
}

#[test]
fn v113_lists_of_two_scopes_both_count() {
    let everybody = ListPlan::around(NOW);
    let held = |plan: ListPlan| plan.with(serial(), Reason::Hold);
    assert_eq!(judged(&[everybody.clone(), base()]), "accepted");
    assert_eq!(judged(&[held(everybody.clone()), base()]), "citizen.on-hold");
    assert_eq!(judged(&[everybody, held(base())]), "citizen.on-hold");
}

#[test]
fn v110_a_list_is_in_force_at_its_first_and_last_instant_and_not_outside() {
    let plan = ListPlan { this_update: NOW - 10, next_update: Some(NOW + 10), ..base() };
    let at = |at| code(judged_at(with(std::slice::from_ref(&plan)), at));
    let (first, last) = (seconds(NOW - 10), seconds(NOW + 10));
    assert_eq!(at(just_before(first)), "citizen.list-expired");
    assert_eq!(at(first), "accepted");
    assert_eq!(at(last), "accepted");
    assert_eq!(at(just_after(last)), "citizen.list-expired");
    let state = state(with(&[plan]));
    assert_eq!(state.warnings(last), []);
    let late = Warning::ListTime { position: 2, next_update: last };
    assert_eq!(state.warnings(just_after(last)), [late]);
}

#[test]
fn v110_an_older_list_does_not_stand_in_for_a_newer_one_that_expired() {
    let expired = |number| ListPlan { next_update: Some(NOW - 1), number: Some(number), ..base() };
    let held = |plan: ListPlan| plan.with(serial(), Reason::Hold);
    assert_eq!(judged(&[held(expired(101)), base()]), "citizen.list-expired");
    assert_eq!(judged(&[base(), held(expired(101))]), "citizen.list-expired");
    assert_eq!(judged(&[held(expired(99)), base()]), "accepted");
    assert_eq!(judged(&[expired(99)]), "citizen.list-expired");
    // One that is to come does not matter yet.
    let coming = ListPlan { this_update: NOW + 1, number: Some(101), ..base() };
    assert_eq!(judged(&[held(coming), base()]), "accepted");
    // Neither does one of another scope.
    let whole = ListPlan { point: None, ..expired(101) };
    assert_eq!(judged(&[whole, base()]), "accepted");
}

#[test]
fn v113_a_list_of_lower_number_does_not_take_the_place_of_one_in_use() {
    let numbered = |number| ListPlan { number: Some(number), ..base() };
    let held = numbered(101).with(serial(), Reason::Hold);
    let leaf = &card().authentication.certificate;
    let judge = |state: &StatePki| code(state.verify(leaf, &[], now(), Revocation::Required));
    let before = state(with(std::slice::from_ref(&held)));
    assert_eq!(judge(&before), "citizen.on-hold");
    let older = state(with(&[base()])).succeed(&before, now());
    assert_eq!(judge(&older), "citizen.list-malformed");
    let warning = Warning::List { position: 2, fault: ListFault::Older };
    assert_eq!(older.warnings(now()), [warning]);
    // It is remembered while no list is there, and over further changes.
    let none = state(with(&[])).succeed(&older, now());
    assert_eq!(judge(&none), "citizen.list-missing");
    let back = state(with(&[base()])).succeed(&none, now());
    assert_eq!(judge(&back), "citizen.list-malformed");
    let unnumbered = state(with(&[ListPlan { number: None, ..base() }])).succeed(&none, now());
    assert_eq!(judge(&unnumbered), "citizen.list-malformed");
    for number in [101, 102] {
        let newer = state(with(&[numbered(number), base()])).succeed(&back, now());
        assert_eq!((judge(&newer), newer.warnings(now()).len()), ("accepted", 0));
    }
    // Of another partition, and beside a delta list of higher number, all is well.
    let other = ListPlan::around(NOW).at(&pki().citizen_point(Profile::V5, 1));
    let before = state(with(&[base(), delta()]));
    let after = state(with(&[base(), other])).succeed(&before, now());
    assert_eq!(judge(&after), "accepted");
}

#[test]
fn v113_a_number_that_nobody_signed_or_that_is_to_come_shuts_nobody_out() {
    let leaf = &card().authentication.certificate;
    let numbered = |number| ListPlan { number: Some(number), ..base() };
    let coming = ListPlan { this_update: NOW + 1, ..numbered(900) };
    for plan in [numbered(900).odd(Oddity::BrokenSignature), coming] {
        let before = state(with(&[plan, base()]));
        let after = state(with(&[base()])).succeed(&before, now());
        let judged = after.verify(leaf, &[], now(), Revocation::Required);
        assert_eq!(code(judged), "accepted");
    }
}

#[test]
fn v113_a_list_whose_issuer_cannot_be_read_is_nobodys() {
    let leaf = &card().authentication.certificate;
    for garbage in [b"garbage".to_vec(), vec![0; MAX_LIST + 1]] {
        let state = state(vec![garbage]);
        let judge = |revocation| state.verify(leaf, &[], now(), revocation);
        let citizen = judge(Revocation::WhereListed).unwrap();
        assert_eq!(citizen.revocation, RevocationStatus::Unchecked);
        assert_eq!(code(judge(Revocation::Required)), "citizen.list-missing");
        assert_eq!(state.warnings(now()).len(), 1);
    }
}

#[test]
fn v113_lists_of_authorities_can_be_required_without_those_of_citizens() {
    let leaf = &card().authentication.certificate;
    let judge = |lists: Vec<Vec<u8>>| {
        state(lists).verify(leaf, &[], now(), Revocation::RequiredOfAuthorities)
    };
    assert_eq!(judge(with(&[])).unwrap().revocation, RevocationStatus::Unchecked);
    assert_eq!(judge(with(&[base()])).unwrap().revocation, RevocationStatus::Checked);
    assert_eq!(code(judge(with(&[base().with(serial(), Reason::Hold)]))), "citizen.on-hold");
    for left_out in 0..2 {
        let mut lists = with(&[]);
        lists.remove(left_out);
        let missing = CitizenError::ListMissing(Listed::Authority);
        assert_eq!(judge(lists).unwrap_err(), missing);
    }
}

#[test]
fn v111_a_list_of_another_partition_does_not_speak_of_the_card() {
    let other = ListPlan::around(NOW).at(&pki().citizen_point(Profile::V5, 1));
    assert_eq!(judged(std::slice::from_ref(&other)), "citizen.list-partition");
    let held = other.with(serial(), Reason::Hold);
    assert_eq!(judged(&[held, base()]), "accepted");
    let elsewhere = pki().citizen_with(Profile::V5, &citizen_one(), |params| {
        params.crl_distribution_points.clear();
    });
    let leaf = elsewhere.authentication.certificate;
    let refusal = state(with(&[base()])).verify(&leaf, &[], now(), Revocation::WhereListed);
    assert_eq!(code(refusal), "citizen.list-partition");
}

#[test]
fn v111_a_list_of_authorities_does_not_speak_of_citizens_nor_the_reverse() {
    let only = |only, plan: ListPlan| ListPlan { only, ..plan };
    assert_eq!(judged(&[only(Only::Citizens, base())]), "accepted");
    assert_eq!(judged(&[only(Only::Authorities, base())]), "citizen.list-partition");
    let branch = pki().branch(Profile::V5);
    let above = |plan: ListPlan| {
        let root = pki().root().list(&ListPlan::around(NOW));
        code(judged_at(vec![root, branch.card.list(&plan), issuing().list(&base())], now()))
    };
    assert_eq!(above(only(Only::Authorities, ListPlan::around(NOW))), "accepted");
    assert_eq!(above(only(Only::Citizens, ListPlan::around(NOW))), "citizen.list-partition");
}

/// The code for the card, and the faults that the operator's log names.
fn refused(lists: Vec<Vec<u8>>) -> (&'static str, Vec<ListFault>) {
    let state = state(lists);
    let faults = state.warnings(now()).into_iter().map(|warning| match warning {
        Warning::List { fault, .. } => fault,
        other => panic!("{other}"),
    });
    let leaf = &card().authentication.certificate;
    (code(state.verify(leaf, &[], now(), Revocation::WhereListed)), faults.collect())
}

#[test]
fn v109_a_list_with_anything_that_is_not_understood_is_refused_and_named() {
    let odd = [
        (Oddity::UnknownCritical, ListFault::Critical),
        (Oddity::UnknownCriticalEntry, ListFault::Critical),
        (Oddity::Indirect, ListFault::Scope),
        (Oddity::SomeReasons, ListFault::Scope),
        (Oddity::Attributes, ListFault::Scope),
        (Oddity::UnknownScope, ListFault::Scope),
        (Oddity::BrokenSignature, ListFault::Signature),
    ];
    for (oddity, fault) in odd {
        let plan = base().with(b"\x07", Reason::Hold).odd(oddity);
        let expected = ("citizen.list-malformed", vec![fault]);
        assert_eq!(refused(with(std::slice::from_ref(&plan))), expected, "{oddity:?}");
        // Beside a list in good order it does no harm.
        assert_eq!(refused(with(&[plan, base()])), ("accepted", vec![fault]), "{oddity:?}");
    }
    let harmless = base().odd(Oddity::UnknownHarmless);
    assert_eq!(refused(with(&[harmless])), ("accepted", vec![]));
}

#[test]
fn v109_a_list_says_until_when_it_holds_and_why_a_card_is_in_it() {
    let endless = ListPlan { next_update: None, ..base() };
    assert_eq!(refused(with(&[endless])), ("citizen.list-malformed", vec![ListFault::NoEnd]));
    let unknown = base().with(b"\x07", Reason::Unknown);
    assert_eq!(refused(with(&[unknown])), ("citizen.list-malformed", vec![ListFault::Form]));
    // Only a delta list can take a card off.
    let removal = base().with(b"\x07", Reason::Remove);
    assert_eq!(refused(with(&[removal])), ("citizen.list-malformed", vec![ListFault::Form]));
    let unnumbered = ListPlan { number: None, ..delta() };
    assert_eq!(refused(with(&[unnumbered])), ("citizen.list-malformed", vec![ListFault::Number]));
    let unnumbered = ListPlan { number: None, ..base() };
    assert_eq!(refused(with(&[unnumbered])), ("accepted", vec![]));
}

#[test]
fn v109_a_list_is_signed_by_its_issuer_who_may_sign_lists() {
    let foreign = Pki::new(Plan::quick(NOW).foreign());
    let theirs = foreign.branch(Profile::V5).authentication.list(&base());
    assert_eq!(refused(vec![theirs]), ("citizen.list-malformed", vec![ListFault::Signature]));

    let branch = pki().branch(Profile::V5);
    let judge = |usages: Vec<KeyUsagePurpose>| {
        let issuer = issuing().again(&branch.card, |params| params.key_usages = usages);
        let intermediates = vec![branch.card.certificate.clone(), issuer.certificate];
        let lists = vec![issuing().list(&base())];
        let state =
            StatePki::new(pki().anchors(), intermediates, lists, TestCards::Accepted).unwrap();
        let leaf = &card().authentication.certificate;
        code(state.verify(leaf, &[], now(), Revocation::WhereListed))
    };
    assert_eq!(judge(vec![KeyUsagePurpose::KeyCertSign]), "citizen.list-malformed");
    assert_eq!(judge(vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]), "accepted");
    assert_eq!(judge(vec![]), "accepted");
}

#[test]
fn v109_the_issuer_of_a_list_may_come_with_the_card() {
    let branch = pki().branch(Profile::V5);
    let judge = |list: Vec<u8>| {
        let intermediates = vec![branch.card.certificate.clone()];
        let state =
            StatePki::new(pki().anchors(), intermediates, vec![list], TestCards::Accepted).unwrap();
        let sent = [issuing().certificate.clone()];
        let leaf = &card().authentication.certificate;
        // Twice: the second time the signature is known.
        let first = code(state.verify(leaf, &sent, now(), Revocation::WhereListed));
        assert_eq!(code(state.verify(leaf, &sent, now(), Revocation::WhereListed)), first);
        first
    };
    assert_eq!(judge(issuing().list(&base())), "accepted");
    assert_eq!(judge(issuing().list(&base().with(serial(), Reason::Hold))), "citizen.on-hold");
    let foreign = Pki::new(Plan::quick(NOW).foreign());
    let theirs = foreign.branch(Profile::V5).authentication.list(&base());
    assert_eq!(judge(theirs), "citizen.list-malformed");
}

#[test]
fn v109_what_is_no_list_is_named_and_stops_nothing_else() {
    let mut longer = issuing().list(&base());
    longer.push(0);
    let garbage = [Vec::new(), b"garbage".to_vec(), pki().root().certificate.clone()];
    for list in garbage {
        assert_eq!(refused(vec![list]), ("accepted", vec![ListFault::Form]));
    }
    // The issuer could be read, so the cards of this issuer are refused.
    assert_eq!(refused(vec![longer]), ("citizen.list-malformed", vec![ListFault::Form]));
    let bound = |size: usize| refused(vec![vec![0; size]]).1;
    assert_eq!(bound(MAX_LIST), [ListFault::Form]);
    assert_eq!(bound(MAX_LIST + 1), [ListFault::TooLong]);
}

#[test]
fn v109_the_number_of_a_list_has_at_most_20_octets_and_is_not_negative() {
    let number = |octets: &[u8]| {
        let mut der = vec![0x02, u8::try_from(octets.len()).unwrap()];
        der.extend_from_slice(octets);
        list_number(&der).map(|_| ())
    };
    assert_eq!(number(&[0x7f; 20]), Ok(()));
    assert_eq!(number(&[&[0x00][..], &[0xff; 20]].concat()), Ok(()));
    for refused in [&[0x01; 21][..], &[0x80], &[]] {
        assert_eq!(number(refused), Err(ListFault::Number), "{refused:?}");
    }
    assert!(list_number(&[0x02, 1, 7, 0]).is_err());
}

#[test]
fn v112_a_delta_list_adds_to_the_complete_one() {
    let lost = delta().with(serial(), Reason::KeyCompromise);
    assert_eq!(judged(&[base(), lost.clone()]), "citizen.revoked");
    assert_eq!(judged(&[lost, base()]), "citizen.revoked");
    assert_eq!(judged(&[base(), delta().with(serial(), Reason::Hold)]), "citizen.on-hold");
    let held = base().with(serial(), Reason::Hold);
    assert_eq!(judged(&[held, delta().with(serial(), Reason::KeyCompromise)]), "citizen.revoked");
}

#[test]
fn v112_a_delta_list_lifts_a_hold_and_nothing_else() {
    let lifted = delta().with(serial(), Reason::Remove);
    let held = base().with(serial(), Reason::Hold);
    assert_eq!(judged(&[held.clone(), delta()]), "citizen.on-hold");
    assert_eq!(judged(&[held, lifted.clone()]), "accepted");
    assert_eq!(judged(&[base(), lifted.clone()]), "accepted");
    let lost = base().with(serial(), Reason::KeyCompromise);
    assert_eq!(judged(&[lost.clone(), lifted]), "citizen.revoked");
    assert_eq!(judged(&[lost, delta().with(serial(), Reason::Hold)]), "citizen.revoked");
}

#[test]
fn v112_a_delta_list_continues_only_what_it_says_it_continues() {
    let held = base().with(serial(), Reason::Hold);
    let lifted = |number, delta_of| {
        let numbers = ListPlan { number: Some(number), delta_of: Some(delta_of), ..delta() };
        judged(&[held.clone(), numbers.with(serial(), Reason::Remove)])
    };
    // The complete list has the number 100.
    assert_eq!(lifted(101, 100), "accepted");
    assert_eq!(lifted(101, 99), "accepted");
    assert_eq!(lifted(102, 101), "citizen.on-hold");
    assert_eq!(lifted(100, 99), "citizen.on-hold");
    let unnumbered = ListPlan { number: None, ..held.clone() };
    assert_eq!(judged(&[unnumbered, delta().with(serial(), Reason::Remove)]), "citizen.on-hold");
    // A delta list of another scope, of another time, or of nobody.
    let whole = ListPlan::delta(NOW).with(serial(), Reason::Remove);
    assert_eq!(judged(&[held.clone(), whole]), "citizen.on-hold");
    let lifted = delta().with(serial(), Reason::Remove);
    let at =
        |first, last| ListPlan { this_update: first, next_update: Some(last), ..lifted.clone() };
    assert_eq!(judged(&[held.clone(), at(NOW, NOW)]), "accepted");
    assert_eq!(judged(&[held.clone(), at(NOW - 9, NOW - 1)]), "citizen.on-hold");
    assert_eq!(judged(&[held.clone(), at(NOW + 1, NOW + 9)]), "citizen.on-hold");
    let broken = lifted.odd(Oddity::BrokenSignature);
    assert_eq!(judged(&[held, broken]), "citizen.on-hold");
}

#[test]
fn v112_a_delta_list_that_is_over_leaves_its_complete_list_out_of_date() {
    let over = ListPlan { next_update: Some(NOW - 1), ..delta() };
    let numbered =
        |number, of, plan: ListPlan| ListPlan { number: Some(number), delta_of: Some(of), ..plan };
    assert_eq!(judged(&[base(), delta()]), "accepted");
    assert_eq!(judged(&[base(), over.clone()]), "citizen.list-expired");
    // What is known to be revoked or held stays so.
    let lost = base().with(serial(), Reason::KeyCompromise);
    assert_eq!(judged(&[lost, over.clone()]), "citizen.revoked");
    // It is valid but continues a complete list that is not here.
    assert_eq!(judged(&[base(), numbered(102, 101, delta())]), "citizen.list-expired");
    // Another valid one continues, whichever is newer.
    assert_eq!(judged(&[base(), over.clone(), numbered(104, 100, delta())]), "accepted");
    assert_eq!(judged(&[base(), numbered(109, 100, over.clone()), delta()]), "accepted");
    // The complete list knows what it said, or it has not begun, or nobody signed it.
    let newer = ListPlan { number: Some(101), ..base() };
    assert_eq!(judged(&[newer, numbered(101, 100, over.clone())]), "accepted");
    assert_eq!(judged(&[base(), ListPlan { this_update: NOW + 1, ..delta() }]), "accepted");
    assert_eq!(judged(&[base(), over.clone().odd(Oddity::BrokenSignature)]), "accepted");
    // Of another scope.
    assert_eq!(judged(&[base(), ListPlan { point: None, ..over }]), "accepted");
}

#[test]
fn v112_of_several_delta_lists_the_newest_that_continues_counts() {
    let held = base().with(serial(), Reason::Hold);
    let numbered = |number, plan: ListPlan| ListPlan { number: Some(number), ..plan };
    let lifted = numbered(104, delta().with(serial(), Reason::Remove));
    let again = numbered(105, delta().with(serial(), Reason::Hold));
    assert_eq!(judged(&[held.clone(), lifted.clone(), again.clone()]), "citizen.on-hold");
    assert_eq!(judged(&[held.clone(), again, lifted.clone()]), "citizen.on-hold");
    let beyond = ListPlan { delta_of: Some(101), ..numbered(106, delta()) };
    assert_eq!(judged(&[held, lifted, beyond]), "accepted");
}

#[test]
fn v112_a_delta_list_alone_says_nothing() {
    assert_eq!(judged(&[delta()]), "citizen.list-missing");
    let old = ListPlan { next_update: Some(NOW - 1), ..base() };
    assert_eq!(judged(&[old, delta()]), "citizen.list-expired");
}

//! The path above a citizen: who vouches, for how long, and who is a test authority.

use crate::value::report::Advised as _;
use std::sync::Arc;

use pregao_test_pki::rcgen::{
    BasicConstraints, CrlDistributionPoint, DistinguishedName, DnType, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use pregao_test_pki::{Authority, instant};

use super::*;
use crate::trust::citizen::{ChainFault, MAX_SENT, PkiError, PkiInput, Warning, verify_responder};

fn judged(
    anchors: &[&Authority],
    intermediates: &[&Authority],
    leaf: &[u8],
    sent: &[&Authority],
    at: Time,
) -> Result<Citizen, CitizenError> {
    let ders = |authorities: &[&Authority]| -> Vec<Vec<u8>> {
        authorities.iter().map(|authority| authority.certificate.clone()).collect()
    };
    let state =
        StatePki::new(ders(anchors), ders(intermediates), Vec::new(), TestCards::Accepted).unwrap();
    state.verify(leaf, &ders(sent), at, Revocation::WhereListed)
}

fn leaf() -> &'static [u8] {
    &card().authentication.certificate
}

/// Another authority under the name `common`, issued by `issuer`, which looks like `like`.
fn authority(issuer: &Authority, like: &Authority, common: &str, below: Option<u8>) -> Authority {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = like.params().clone();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common);
    let constraints = below.map_or(BasicConstraints::Unconstrained, BasicConstraints::Constrained);
    params.is_ca = IsCa::Ca(constraints);
    issuer.subordinate(Arc::new(key), params)
}

fn certified_by(authority: &Authority) -> Vec<u8> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = pki().authentication_params(Profile::V5, &citizen_one());
    authority.certify(&key, &params).certificate
}

#[test]
fn v103_intermediates_come_from_the_operator_or_with_the_card() {
    let (root, branch) = (pki().root(), pki().branch(Profile::V5));
    let (card, issuing) = (&branch.card, &branch.authentication);
    let judge = |intermediates: &[&Authority], sent: &[&Authority]| {
        code(judged(&[root], intermediates, leaf(), sent, now()))
    };
    assert_eq!(judge(&[card, issuing], &[]), "accepted");
    assert_eq!(judge(&[card], &[issuing]), "accepted");
    assert_eq!(judge(&[], &[issuing, card]), "accepted");
    assert_eq!(judge(&[], &[issuing]), "citizen.authority");
    assert_eq!(judge(&[card], &[]), "citizen.authority");
    assert_eq!(judge(&[], &[]), "citizen.authority");
}

#[test]
fn v103_an_issuing_authority_can_be_pinned() {
    let issuing = &pki().branch(Profile::V5).authentication;
    assert_eq!(code(judged(&[issuing], &[], leaf(), &[], now())), "accepted");
    let other = pki().citizen(Profile::V4, &citizen_one()).authentication.certificate;
    assert_eq!(code(judged(&[issuing], &[], &other, &[], now())), "citizen.authority");
}

#[test]
fn v103_what_comes_with_the_card_is_never_trusted_by_itself() {
    let foreign = Pki::new(Plan::quick(NOW).foreign());
    let theirs = foreign.citizen(Profile::V5, &citizen_one());
    let branch = foreign.branch(Profile::V5);
    let sent = [&branch.authentication, &branch.card, foreign.root()];
    let ours = pki().branch(Profile::V5);
    let judge = |intermediates: &[&Authority]| {
        let leaf = &theirs.authentication.certificate;
        code(judged(&[pki().root()], intermediates, leaf, &sent, now()))
    };
    assert_eq!(judge(&[]), "citizen.authority");
    assert_eq!(judge(&[&ours.card, &ours.authentication]), "citizen.authority");
}

#[test]
fn v103_eight_certificates_may_come_with_it_and_hints_that_help_nothing_do_no_harm() {
    let hints = |count: usize| vec![b"no certificate".to_vec(); count];
    assert_eq!(code(verify(leaf(), &hints(MAX_SENT))), "accepted");
    assert_eq!(code(verify(leaf(), &hints(MAX_SENT + 1))), "citizen.malformed");
}

#[test]
fn v103_an_authority_of_the_state_for_something_else_issues_no_citizens() {
    let branch = pki().branch(Profile::V5);
    for name in [
        "(Teste) EC de Funcionários 0001",
        "Cartão de Cidadão 008",
        "xEC de Autenticação do Cartão de Cidadão 0019",
    ] {
        let other = authority(&branch.card, &branch.authentication, name, Some(0));
        let judged =
            judged(&[pki().root()], &[&branch.card, &other], &certified_by(&other), &[], now());
        assert_eq!(code(judged), "citizen.authority", "{name}");
    }
    let next = "EC de Autenticação do Cartão de Cidadão 0021";
    let next = authority(&branch.card, &branch.authentication, next, Some(0));
    let judged = judged(&[pki().root()], &[&branch.card, &next], &certified_by(&next), &[], now());
    assert_eq!(code(judged), "accepted");
}

#[test]
fn v101_an_authority_is_in_force_at_its_first_and_last_instant_and_not_outside() {
    let (root, branch) = (pki().root(), pki().branch(Profile::V5));
    let (first, last) = (seconds(NOW - 10), seconds(NOW + 10));
    let short = |authority: &Authority, issuer: &Authority| {
        authority.again(issuer, |params| {
            params.not_before = instant(NOW - 10);
            params.not_after = instant(NOW + 10);
        })
    };
    let issuing = short(&branch.authentication, &branch.card);
    let card = short(&branch.card, root);
    let anchor = short(root, root);
    let chains = [
        (root, &branch.card, &issuing),
        (root, &card, &branch.authentication),
        (&anchor, &branch.card, &branch.authentication),
    ];
    for (anchor, card, issuing) in chains {
        let at = |at| judged(&[anchor], &[card, issuing], leaf(), &[], at);
        let early = at(just_before(first)).unwrap_err();
        assert!(
            matches!(&early, CitizenError::Chain(ChainFault::NotYetValid { not_before, .. }) if *not_before == first),
            "{early}"
        );
        assert_eq!(code(at(first)), "accepted");
        assert_eq!(code(at(last)), "accepted");
        let late = at(just_after(last)).unwrap_err();
        assert!(
            matches!(&late, CitizenError::Chain(ChainFault::Expired { not_after, .. }) if *not_after == last),
            "{late}"
        );
    }
}

#[test]
fn v101_an_expired_certificate_of_an_authority_does_not_stand_in_the_way_of_its_successor() {
    let (root, branch) = (pki().root(), pki().branch(Profile::V5));
    let old =
        branch.authentication.again(&branch.card, |params| params.not_after = instant(NOW - 1));
    let chain = [&branch.card, &old, &branch.authentication];
    assert_eq!(code(judged(&[root], &chain, leaf(), &[], now())), "accepted");
}

#[test]
fn v104_an_authority_has_no_more_authorities_below_it_than_it_may() {
    let (root, branch) = (pki().root(), pki().branch(Profile::V5));
    let name = "EC de Autenticação do Cartão de Cidadão 0099";
    let last = authority(&branch.authentication, &branch.authentication, name, None);
    let leaf = certified_by(&last);
    let chain = [&branch.card, &branch.authentication, &last];
    let refusal = judged(&[root], &chain, &leaf, &[], now()).unwrap_err();
    assert_eq!(refusal, CitizenError::Chain(ChainFault::TooLong));
    // The limit of an anchor counts like any other.
    let refusal = judged(&[&branch.authentication], &[&last], &leaf, &[], now()).unwrap_err();
    assert_eq!(refusal, CitizenError::Chain(ChainFault::TooLong));
    let wider = branch.authentication.again(&branch.card, |params| {
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    });
    assert_eq!(code(judged(&[&wider], &[&last], &leaf, &[], now())), "accepted");
}

#[test]
fn v104_a_path_has_five_authorities_at_most() {
    let root = authority(pki().root(), pki().root(), "A root", None);
    let mut chain = vec![root];
    for level in 1..=4 {
        let above = chain.last().unwrap();
        let name = format!("EC de Autenticação do Cartão de Cidadão {level}");
        let next = authority(above, above, &name, None);
        chain.push(next);
    }
    let judge = |chain: &[Authority]| {
        let below: Vec<&Authority> = chain[1..].iter().collect();
        judged(&[&chain[0]], &below, &certified_by(chain.last().unwrap()), &[], now())
    };
    assert_eq!(code(judge(&chain)), "accepted");
    let above = chain.last().unwrap();
    let next = authority(above, above, "EC de Autenticação do Cartão de Cidadão 5", None);
    chain.push(next);
    assert_eq!(judge(&chain).unwrap_err(), CitizenError::Chain(ChainFault::TooLong));
}

#[test]
fn v104_what_may_not_sign_certificates_is_no_authority() {
    let branch = pki().branch(Profile::V5);
    let lists_only = branch.authentication.again(&branch.card, |params| {
        params.key_usages = vec![KeyUsagePurpose::CrlSign];
    });
    let none = branch.authentication.again(&branch.card, |params| params.is_ca = IsCa::NoCa);
    for other in [&lists_only, &none] {
        let anchored = StatePki::new(
            vec![other.certificate.clone()],
            Vec::new(),
            Vec::new(),
            TestCards::Accepted,
        );
        let cause = CitizenError::Chain(ChainFault::NotAuthority);
        assert_eq!(anchored.unwrap_err(), PkiError::Anchor { position: 0, cause });
        let sent = judged(&[pki().root()], &[&branch.card], leaf(), &[other], now());
        assert_eq!(code(sent), "citizen.authority");
    }
    let silent = branch.authentication.again(&branch.card, |params| params.key_usages.clear());
    assert_eq!(
        code(judged(&[pki().root()], &[&branch.card, &silent], leaf(), &[], now())),
        "accepted"
    );
}

#[test]
fn v104_a_pki_without_anchors_or_with_garbage_is_refused() {
    let new = |anchors: Vec<Vec<u8>>, intermediates: Vec<Vec<u8>>| {
        StatePki::new(anchors, intermediates, Vec::new(), TestCards::Accepted).map(|_| ())
    };
    assert_eq!(new(Vec::new(), pki().intermediates()), Err(PkiError::NoAnchor));
    assert!(new(vec![b"garbage".to_vec()], Vec::new()).is_err());
}

#[test]
fn v104_an_intermediate_that_is_no_authority_is_named_and_the_others_are_used() {
    let [card, issuing] =
        [&pki().branch(Profile::V5).card, &pki().branch(Profile::V5).authentication];
    let given = [
        b"garbage".to_vec(),
        card.certificate.clone(),
        Vec::new(),
        leaf().to_vec(),
        issuing.certificate.clone(),
    ];
    let state =
        StatePki::new(pki().anchors(), given.to_vec(), Vec::new(), TestCards::Accepted).unwrap();
    let unused = |at| {
        let of_kind = state.warnings(at).into_iter().filter(Warning::is_unused);
        of_kind.map(|warning| warning.of()).collect::<Vec<_>>()
    };
    assert_eq!(unused(now()), [0, 2, 3].map(|position| (PkiInput::Intermediate, position)));
    assert_eq!(code(state.verify(leaf(), &[], now(), Revocation::WhereListed)), "accepted");
    // What expires is named by where it was given, not by where it ended up.
    let late = seconds(NOW + 100 * 365 * 86_400);
    let over = state.warnings(late).into_iter().filter(|warning| !warning.is_unused());
    let over: Vec<_> = over.map(|warning| warning.of()).collect();
    let expected =
        [(PkiInput::Anchor, 0), (PkiInput::Intermediate, 1), (PkiInput::Intermediate, 4)];
    assert_eq!(over, expected);
}

#[test]
fn v106_test_cards_and_their_authorities_are_refused_unless_accepted() {
    let strict = |pki: &Pki, intermediates: Vec<Vec<u8>>| {
        StatePki::new(pki.anchors(), intermediates, Vec::new(), TestCards::Refused)
    };
    let refused = |result: Result<StatePki, PkiError>| match result {
        Err(PkiError::Anchor { cause, .. }) => cause.code(),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(strict(pki(), Vec::new())), "citizen.test-card");
    let skipping = strict(unmarked(), pki().intermediates()).unwrap();
    let skipped = skipping.warnings(now());
    assert_eq!(skipped.len(), pki().intermediates().len());
    let test = CitizenError::TestCard;
    assert!(
        skipped.iter().all(
            |warning| matches!(warning, Warning::Intermediate { cause, .. } if *cause == test)
        )
    );

    let state = strict(unmarked(), unmarked().intermediates()).unwrap();
    let judge = |leaf: &[u8]| state.verify(leaf, &[], now(), Revocation::WhereListed);
    let real = unmarked().citizen(Profile::V5, &citizen_one());
    assert!(!judge(&real.authentication.certificate).unwrap().test);
    assert_eq!(code(judge(leaf())), "citizen.test-card");
}

#[test]
fn v106_one_mark_anywhere_makes_a_test_card() {
    let intermediates = unmarked().intermediates();
    let state =
        StatePki::new(unmarked().anchors(), intermediates, Vec::new(), TestCards::Refused).unwrap();
    let judge = |edit: &dyn Fn(&mut CertificateParams)| {
        let card = unmarked().citizen_with(Profile::V5, &citizen_one(), edit);
        let leaf = card.authentication.certificate;
        code(state.verify(&leaf, &[], now(), Revocation::WhereListed))
    };
    let unit = |text: &'static str| {
        move |params: &mut CertificateParams| {
            params.distinguished_name.push(DnType::LocalityName, text);
        }
    };
    let list = |uri: &'static str| {
        move |params: &mut CertificateParams| {
            params.crl_distribution_points =
                vec![CrlDistributionPoint { uris: vec![uri.to_owned()] }];
        }
    };
    assert_eq!(judge(&unit("Teste")), "accepted");
    assert_eq!(judge(&unit("(Teste) Lisboa")), "citizen.test-card");
    assert_eq!(judge(&unit("a (TESTE)")), "citizen.test-card");
    assert_eq!(judge(&list("http://pki.contestes.pt/teste.crl")), "accepted");
    assert_eq!(judge(&list("http://pki.teste.cartaodecidadao.pt/a.crl")), "citizen.test-card");
    assert_eq!(judge(&list("http://TESTE:80/a.crl")), "citizen.test-card");
    // The location of OCSP is marked, in a certificate that is not.
    let plan = Plan { marked: false, ..Plan::quick(NOW) };
    let card = Pki::new(plan).citizen(Profile::V5, &citizen_one());
    let leaf = card.authentication.certificate;
    let judged = state.verify(&leaf, &[], now(), Revocation::WhereListed);
    assert_eq!(code(judged), "citizen.test-card");
}

#[test]
fn v106_a_test_authority_that_comes_with_the_card_is_refused() {
    let branch = unmarked().branch(Profile::V5);
    let marked = branch.authentication.again(&branch.card, |params| {
        params.crl_distribution_points =
            vec![CrlDistributionPoint { uris: vec!["http://teste.pt/a.crl".to_owned()] }];
    });
    let state = StatePki::new(
        unmarked().anchors(),
        vec![branch.card.certificate.clone()],
        Vec::new(),
        TestCards::Refused,
    )
    .unwrap();
    let leaf = unmarked().citizen(Profile::V5, &citizen_one()).authentication.certificate;
    let judge = |sent: &Authority| {
        let sent = [sent.certificate.clone()];
        code(state.verify(&leaf, &sent, now(), Revocation::WhereListed))
    };
    assert_eq!(judge(&branch.authentication), "accepted");
    assert_eq!(judge(&marked), "citizen.test-card");
}

#[test]
fn v114_a_responder_is_delegated_to_by_the_issuer_itself_and_for_nothing_else() {
    let issuer = &pki().branch(Profile::V5).authentication.certificate;
    let other = &pki().branch(Profile::V4).authentication.certificate;
    let responder = pki().responder(Profile::V5).certificate;
    let judge = |responder: &[u8], issuer: &[u8], at| {
        verify_responder(responder, issuer, at)
            .map_or_else(|refusal| refusal.code(), |()| "accepted")
    };
    assert_eq!(judge(&responder, issuer, now()), "accepted");
    assert_eq!(judge(&responder, other, now()), "citizen.authority");
    assert_eq!(judge(leaf(), issuer, now()), "citizen.usage");
    assert_eq!(judge(issuer, &pki().branch(Profile::V5).card.certificate, now()), "citizen.usage");
    let foreign = Pki::new(Plan::quick(NOW).foreign()).responder(Profile::V5).certificate;
    assert_eq!(judge(&foreign, issuer, now()), "citizen.authority");
    let agrees = pki().responder_with(Profile::V5, |params| {
        params.key_usages = vec![KeyUsagePurpose::KeyAgreement];
    });
    assert_eq!(judge(&agrees.certificate, issuer, now()), "citizen.usage");
    let short = pki().responder_with(Profile::V5, |params| {
        params.not_before = instant(NOW - 10);
        params.not_after = instant(NOW + 10);
    });
    let at = |at| judge(&short.certificate, issuer, at);
    assert_eq!(at(just_before(seconds(NOW - 10))), "citizen.not-yet-valid");
    assert_eq!(at(seconds(NOW - 10)), "accepted");
    assert_eq!(at(seconds(NOW + 10)), "accepted");
    assert_eq!(at(just_after(seconds(NOW + 10))), "citizen.expired");
}

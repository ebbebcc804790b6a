//! From a citizen card to a persona's certificate through the real program, and every way to be
//! refused.

#![allow(
    clippy::disallowed_methods,
    reason = "this is no program of the test_tsa: it reads the machine"
)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail by panicking")]

mod running;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use pregao_protocol::trust::certificate::{pem_to_der, verify_persona_certificate};
use pregao_protocol::trust::enrolment::ApplicationAnswer;
use pregao_protocol::value::codec::to_base64url;
use pregao_test_pki::{
    CardMaterial, CitizenData, DAY, Fault, ListPlan, Pki, Plan, Profile, Reason,
};
use pregao_tsa::store::Store;
use running::citizen::{
    Applicant, Filled, TestTsa, card, code, pki, purchase, random, sign, start,
};
use running::{Tsa, csr, persona, program};
use rusqlite::Connection;
use serde_json::{Value, json};

const PERIOD: Duration = Duration::from_secs(86_400);
const SIMULATED: [&str; 3] = ["--simulate", "--citizen-period", "24h"];

/// Sets the clock to the first instant of the next period.
fn next_period(tsa: &Tsa) {
    let now = tsa.now();
    let begun = Duration::from_secs(now.as_secs() % PERIOD.as_secs());
    let next = now.minus(begun).plus(PERIOD);
    assert_eq!(tsa.post("/api/settime", &json!({"time": next})).0, 200);
}

fn files(folder: &Path, prefix: &str) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.starts_with(prefix));
    names.sort();
    names
}

#[test]
fn cards_of_every_generation_buy_a_certificate_for_a_persona() {
    let test_tsa = TestTsa::open(&[]);
    let tsa = &test_tsa.tsa;
    for (number, profile) in [(1, Profile::V3), (2, Profile::V4), (3, Profile::V5)] {
        let card = pki().citizen(profile, &CitizenData::numbered(number));
        let applicant = Applicant::new(tsa, card, 1);
        let token = applicant.token(&applicant.apply(tsa));
        let (status, body) = tsa.post("/api/sign-csr", &purchase(&applicant.persona, &token));
        assert_eq!(status, 200, "{profile:?}: {body}");
        let der = pem_to_der(body["certificate"].as_str().unwrap(), "CERTIFICATE").unwrap();
        let authority = applicant.keys.authority;
        let certificate = verify_persona_certificate(&der, &authority, tsa.now()).unwrap();
        assert_eq!(certificate.key, applicant.persona.public());
    }
    let store = Store::open(test_tsa.data.path()).unwrap();
    assert_eq!(store.certificates().unwrap(), 0, "a purchase is not dated by the store");
}

#[test]
fn counters_of_citizens_move_by_tens() {
    let test_tsa = TestTsa::open(&[]);
    let shown = || String::from_utf8(test_tsa.tsa.get("/metrics").1).unwrap();
    let refused = json!({"csr": csr(&persona(1))});
    for count in 1..=11 {
        assert_eq!(test_tsa.tsa.post("/api/citizen/offer", &Value::Null).0, 200);
        test_tsa.tsa.refusal("/api/sign-csr", &refused);
        let (metrics, tens) = (shown(), count / 10 * 10);
        assert!(metrics.contains(&format!("\npregao_tsa_citizen_offers_total {tens}\n")));
        assert!(metrics.contains("\npregao_tsa_citizen_tokens_total 0\n"));
        assert!(metrics.contains("\npregao_tsa_http_refusals_total 0\n"));
        assert!(metrics.contains("\npregao_tsa_citizen_lists_not_in_force 0\n"));
        let missing = "\npregao_tsa_citizen_refusals_total{code=\"token.missing\"} 10\n";
        assert_eq!(metrics.contains(missing), tens == 10, "{metrics}");
        assert_eq!(metrics.contains("token.missing"), tens == 10);
    }
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    let token = applicant.token(&applicant.apply(&test_tsa.tsa));
    let body = purchase(&applicant.persona, &token);
    for count in 1..=11 {
        assert_eq!(test_tsa.tsa.post("/api/sign-csr", &body).0, 200);
        let line = format!("\npregao_tsa_certificates_total {}\n", count / 10 * 10);
        assert!(shown().contains(&line), "{count}");
    }
}

#[test]
fn a_card_with_a_fault_is_refused_by_its_name() {
    let test_tsa = TestTsa::open(&[]);
    for (fault, code) in [
        (Fault::Expired, "citizen.expired"),
        (Fault::NotYetValid, "citizen.not-yet-valid"),
        (Fault::Usage, "citizen.usage"),
        (Fault::OtherAuthority, "citizen.authority"),
        (Fault::SignatureAuthority, "citizen.usage"),
        (Fault::ChainTooLong, "citizen.chain"),
    ] {
        let card = pki().faulty(Profile::V5, &CitizenData::numbered(1), fault);
        assert_eq!(test_tsa.refusal(&card), code, "{fault:?}");
    }
    let good = card(1);
    let signature = CardMaterial { authentication: good.signature.clone(), ..good.clone() };
    assert_eq!(test_tsa.refusal(&signature), "citizen.usage");
    let mut garbage = good.clone();
    garbage.authentication.certificate = b"garbage".to_vec();
    assert_eq!(test_tsa.refusal(&garbage), "citizen.malformed");
    // None of this counted against the citizen.
    let applicant = Applicant::new(&test_tsa.tsa, good, 1);
    applicant.token(&applicant.apply(&test_tsa.tsa));
}

#[test]
fn a_citizen_is_refused_unless_a_list_in_force_speaks_well_of_the_card() {
    let now = pki().plan().now;
    let at = |partition, number| {
        let data = CitizenData { partition, ..CitizenData::numbered(number) };
        pki().citizen(Profile::V5, &data)
    };
    let [good, revoked, hold] = [1, 2, 3].map(|number| at(0, number));
    let branch = pki().branch(Profile::V5);
    let point = |partition| pki().citizen_point(Profile::V5, partition);
    let plan = ListPlan::around(now)
        .at(&point(0))
        .with(&revoked.authentication.serial, Reason::KeyCompromise)
        .with(&hold.authentication.serial, Reason::Hold);
    let old = ListPlan {
        this_update: now - 2 * DAY,
        next_update: Some(now - 1),
        ..ListPlan::around(now).at(&point(9))
    };
    let above =
        [pki().root().list(&ListPlan::around(now)), branch.card.list(&ListPlan::around(now))];
    let lists = [branch.authentication.list(&plan), branch.authentication.list(&old)];
    let test_tsa = TestTsa::with_lists(&[], &[above.as_slice(), &lists].concat());
    assert_eq!(test_tsa.refusal(&revoked), "citizen.revoked");
    assert_eq!(test_tsa.refusal(&hold), "citizen.on-hold");
    assert_eq!(test_tsa.refusal(&at(9, 4)), "citizen.list-expired");
    assert_eq!(test_tsa.refusal(&at(7, 5)), "citizen.list-partition");
    let unlisted = pki().citizen(Profile::V4, &CitizenData::numbered(6));
    assert_eq!(test_tsa.refusal(&unlisted), "citizen.list-missing");
    let applicant = Applicant::new(&test_tsa.tsa, good, 1);
    applicant.token(&applicant.apply(&test_tsa.tsa));
}

#[test]
fn a_signature_over_anything_else_is_refused() {
    let test_tsa = TestTsa::open(&[]);
    let tsa = &test_tsa.tsa;
    let applicant = Applicant::new(tsa, card(1), 1);
    let other = Applicant::new(tsa, card(2), 2);
    let [mut relayed, mut exchanged, mut stolen] = [(); 3].map(|()| applicant.application(tsa));
    relayed.application.signature = applicant.application(tsa).application.signature.clone();
    exchanged.application.blinded = other.request.blinded.clone();
    let statement = stolen.offer.statement(&stolen.reply.public(), &applicant.request.blinded);
    stolen.application.signature = sign(&other.card.authentication, &statement);
    let mut redirected = applicant.application(tsa);
    redirected.reply = pregao_protocol::trust::seal::SealKey::from_random(random());
    redirected.application.reply = redirected.reply.public();
    for wrong in [relayed, exchanged, stolen, redirected] {
        assert_eq!(code(&wrong.send(tsa)), "citizen.signature");
    }
    let mut beyond = applicant.application(tsa);
    beyond.application.blinded = vec![0xff; 384];
    assert_eq!(code(&beyond.send(tsa)), "application.malformed");
    applicant.token(&applicant.apply(tsa));
}

#[test]
fn an_offer_is_good_once_and_at_the_process_that_made_it() {
    let mut test_tsa = TestTsa::open(&[]);
    let path = "/api/citizen/enrol";
    let unknown = (403, "challenge.unknown".to_owned());
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    let filled = applicant.application(&test_tsa.tsa);
    let body = filled.body();
    filled.opened(&test_tsa.tsa.post(path, &body));
    assert_eq!(test_tsa.tsa.refusal(path, &body), unknown);
    assert_eq!(test_tsa.tsa.refusal(path, &filled.body()), unknown);
    let mut invented = applicant.application(&test_tsa.tsa).body();
    invented["challenge"] = json!(to_base64url(&random()));
    assert_eq!(test_tsa.tsa.refusal(path, &invented), unknown);
    let before = applicant.application(&test_tsa.tsa).body();
    test_tsa.restart(&[]);
    assert_eq!(test_tsa.tsa.refusal(path, &before), unknown);
    // A challenge for a ticket is no offer.
    let ticket = json!({"challenge": test_tsa.tsa.challenge(), "sealed": before["sealed"]});
    assert_eq!(test_tsa.tsa.refusal(path, &ticket), unknown);
}

#[test]
fn what_is_not_sealed_for_the_offer_is_refused_in_the_open() {
    let test_tsa = TestTsa::open(&[]);
    let (tsa, path) = (&test_tsa.tsa, "/api/citizen/enrol");
    let applicant = Applicant::new(tsa, card(1), 1);
    let [one, two] = [(); 2].map(|()| applicant.application(tsa));
    let malformed = (400, "application.malformed".to_owned());
    let challenge = one.offer.challenge;
    let sealed = |bytes: &[u8]| json!({"challenge": challenge, "sealed": to_base64url(bytes)});
    for bytes in [b"".as_slice(), b"garbage", &[7; 16_500]] {
        assert_eq!(tsa.refusal(path, &sealed(bytes)), malformed);
    }
    let exchanged = json!({"challenge": challenge, "sealed": two.body()["sealed"]});
    assert_eq!(tsa.refusal(path, &exchanged), malformed);
    let long = json!({"challenge": challenge, "sealed": "A".repeat(33 * 1024)});
    assert_eq!(tsa.refusal(path, &long), (413, "body.too-long".to_owned()));
    for body in [json!({}), json!({"challenge": challenge, "sealed": "="}), json!([])] {
        assert_eq!(tsa.refusal(path, &body), (400, "body.json".to_owned()), "{body}");
    }
    // The offer is still open: garbage of others does not use it up.
    applicant.token(&one.send(tsa));
}

#[test]
fn one_request_of_a_citizen_is_signed_in_a_period_and_its_answer_given_again() {
    let mut test_tsa = TestTsa::open(&[]);
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    let first = applicant.apply(&test_tsa.tsa);
    let token = applicant.token(&first);
    assert_eq!(applicant.apply(&test_tsa.tsa), first);
    let second = Applicant::new(&test_tsa.tsa, card(1), 2);
    let ApplicationAnswer::Refused(report) = second.apply(&test_tsa.tsa) else { unreachable!() };
    assert_eq!(report.code, "citizen.used");
    assert!(report.advice.contains(&applicant.issuer.until.to_string()), "{report}");
    // Another card of the same person, of another generation, is the same citizen.
    let older = pki().citizen(Profile::V4, &CitizenData::numbered(1));
    assert_eq!(test_tsa.refusal(&older), "citizen.used");
    test_tsa.restart(&[]);
    assert_eq!(applicant.apply(&test_tsa.tsa), first);
    assert_eq!(running::citizen::code(&second.apply(&test_tsa.tsa)), "citizen.used");
    let (status, _) = test_tsa.tsa.post("/api/sign-csr", &purchase(&applicant.persona, &token));
    assert_eq!(status, 200);
}

#[test]
fn a_token_buys_for_its_own_persona_as_often_as_it_is_shown_and_nothing_else_does() {
    let test_tsa = TestTsa::open(&[]);
    let (tsa, path) = (&test_tsa.tsa, "/api/sign-csr");
    let applicant = Applicant::new(tsa, card(1), 1);
    let token = applicant.token(&applicant.apply(tsa));
    let refused = |body: &Value| tsa.refusal(path, body);
    let (status, body) = tsa.post(path, &purchase(&persona(1), &token));
    assert_eq!(status, 200, "{body}");
    assert_eq!(tsa.post(path, &purchase(&persona(1), &token)).0, 200);
    let invalid = (403, "token.invalid".to_owned());
    assert_eq!(refused(&purchase(&persona(2), &token)), invalid);
    let mut changed = purchase(&persona(1), &token);
    changed["token"]["randomizer"] = json!(to_base64url(&random()));
    assert_eq!(refused(&changed), invalid);
    let missing = (403, "token.missing".to_owned());
    assert_eq!(refused(&json!({"csr": csr(&persona(1))})), missing);
    let renewal = json!({"csr": csr(&persona(1)), "certificate": body["certificate"]});
    assert_eq!(refused(&renewal), missing);
    let printed = program().args(["invite", "--data"]).arg(test_tsa.data.path()).output().unwrap();
    let invite = String::from_utf8(printed.stdout).unwrap();
    let invited = json!({"csr": csr(&persona(1)), "invite": invite.trim()});
    assert_eq!(refused(&invited), missing);
    let elsewhere = TestTsa::open(&[]);
    let foreign = elsewhere.tsa.refusal(path, &purchase(&persona(1), &token));
    assert_eq!(foreign, (403, "token.issuer".to_owned()));
    let broken = json!({"csr": "garbage", "token": token});
    assert_eq!(refused(&broken), (400, "csr.malformed".to_owned()));
}

#[test]
fn a_token_is_honoured_until_the_following_period_is_over() {
    let test_tsa = TestTsa::open(&SIMULATED);
    let (tsa, path) = (&test_tsa.tsa, "/api/sign-csr");
    let applicant = Applicant::new(tsa, card(1), 1);
    let token = applicant.token(&applicant.apply(tsa));
    let body = purchase(&applicant.persona, &token);
    next_period(tsa);
    assert_eq!(tsa.post(path, &body).0, 200);
    let end = applicant.issuer.spend_until;
    let last = end.minus(Duration::from_secs(60));
    assert_eq!(tsa.post("/api/settime", &json!({"time": last})).0, 200);
    assert_eq!(tsa.post(path, &body).0, 200);
    assert_eq!(tsa.post("/api/settime", &json!({"time": end})).0, 200);
    assert_eq!(tsa.refusal(path, &body), (403, "token.expired".to_owned()));
}

#[test]
fn the_end_of_a_period_destroys_its_keys_and_counts_and_citizens_enrol_again() {
    let mut test_tsa = TestTsa::open(&SIMULATED);
    let folder = test_tsa.data.path().join("simulated");
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    applicant.token(&applicant.apply(&test_tsa.tsa));
    let (issuers, keys) = (files(&folder, "issuer-"), files(&folder, "citizens-"));
    assert_eq!((issuers.len(), keys.len()), (2, 2), "{issuers:?} {keys:?}");
    for name in issuers.iter().chain(&keys).map(String::as_str).chain(["enrolment.key.pem"]) {
        let mode = fs::metadata(folder.join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let count = |period: i64| -> i64 {
        let database = Connection::open(folder.join("citizens.db")).unwrap();
        let sql = "SELECT count(*) FROM citizen WHERE period = ?1";
        database.query_row(sql, [period], |row| row.get(0)).unwrap()
    };
    let first = i64::try_from(applicant.issuer.from.as_secs()).unwrap();
    assert_eq!(count(first), 1);
    next_period(&test_tsa.tsa);
    let again = Applicant::new(&test_tsa.tsa, card(1), 2);
    assert_ne!(again.issuer.key, applicant.issuer.key);
    again.token(&again.apply(&test_tsa.tsa));
    assert_eq!((count(first), count(first + 86_400)), (0, 1));
    let kept = (files(&folder, "issuer-"), files(&folder, "citizens-"));
    assert!(!kept.0.contains(&issuers[0]) && !kept.1.contains(&keys[0]), "{kept:?}");
    test_tsa.restart(&SIMULATED);
    assert_eq!(
        code(&Applicant::new(&test_tsa.tsa, card(1), 3).apply(&test_tsa.tsa)),
        "citizen.used"
    );
}

#[test]
fn an_offer_of_the_period_before_is_refused_with_the_reason() {
    let test_tsa = TestTsa::open(&SIMULATED);
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    let filled: Filled = applicant.application(&test_tsa.tsa);
    next_period(&test_tsa.tsa);
    assert_eq!(code(&filled.send(&test_tsa.tsa)), "citizen.issuer");
}

#[test]
fn everybody_gets_the_same_statements_before_and_after_a_restart() {
    let mut test_tsa = TestTsa::open(&SIMULATED);
    let statements = |tsa: &Tsa| -> Vec<Value> {
        let (_, jwks) = tsa.get("/.well-known/jwks.json");
        let jwks: Value = serde_json::from_slice(&jwks).unwrap();
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.filter(|key| key["pregao:purpose"] == "issuer").cloned().collect()
    };
    let stated = statements(&test_tsa.tsa);
    assert_eq!(stated.len(), 2);
    assert_eq!(statements(&test_tsa.tsa), stated);
    test_tsa.restart(&SIMULATED);
    assert_eq!(statements(&test_tsa.tsa), stated);
    let keys = test_tsa.tsa.keys();
    let [this, next] = keys.issuers.as_slice() else { unreachable!() };
    assert!(this.signs_at(test_tsa.tsa.now()));
    assert_eq!((this.until, this.spend_until), (next.from, next.until));
    next_period(&test_tsa.tsa);
    let later = statements(&test_tsa.tsa);
    assert_eq!(later[..2], stated[..]);
    assert!(later.len() <= 3);
}

#[test]
fn a_clock_in_doubt_enrols_nobody() {
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pki().write_folder(state.path()).unwrap();
    let running = start(data.path(), state.path(), &[]);
    let applicant = Applicant::new(&running, card(1), 1);
    let body = applicant.application(&running).body();
    let now = running.now();
    running.kill();
    Store::open(data.path()).unwrap().set_doubt(Some(now)).unwrap();
    let doubting = start(data.path(), state.path(), &[]);
    let jumped = (503, "clock.jumped".to_owned());
    assert_eq!(doubting.refusal("/api/citizen/offer", &Value::Null), jumped);
    assert_eq!(doubting.refusal("/api/citizen/enrol", &body), jumped);
    assert_eq!(doubting.refusal("/api/sign-csr", &json!({"csr": csr(&persona(1))})), jumped);
}

#[test]
fn other_policies_enrol_no_citizens_and_keep_their_folders() {
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pki().write_folder(state.path()).unwrap();
    let open = Tsa::start(data.path(), &[]);
    let closed = (403, "enrolment.closed".to_owned());
    assert_eq!(open.refusal("/api/citizen/offer", &Value::Null), closed);
    assert_eq!(open.refusal("/api/citizen/enrol", &json!({})), closed);
    let authority = open.address.authority;
    assert_eq!(open.keys().enrolment, None);
    assert!(files(data.path(), "enrolment").is_empty());
    open.kill();
    let card_policy = start(data.path(), state.path(), &[]);
    assert_eq!(card_policy.address.authority, authority);
    card_policy.kill();
    let open = Tsa::start(data.path(), &[]);
    open.certificate(&persona(1));
}

#[test]
fn what_was_counted_is_destroyed_at_its_time_under_another_policy_too() {
    let mut test_tsa = TestTsa::open(&SIMULATED);
    let folder = test_tsa.data.path().join("simulated");
    let applicant = Applicant::new(&test_tsa.tsa, card(1), 1);
    applicant.token(&applicant.apply(&test_tsa.tsa));
    let kept = files(&folder, "citizens-");
    let restart = |test_tsa: &mut TestTsa| {
        test_tsa.tsa.process.kill().unwrap();
        test_tsa.tsa.process.wait().unwrap();
        test_tsa.tsa = Tsa::start(test_tsa.data.path(), &["--simulate"]);
    };
    restart(&mut test_tsa);
    assert_eq!(files(&folder, "citizens-"), kept);
    next_period(&test_tsa.tsa);
    test_tsa.tsa.now();
    restart(&mut test_tsa);
    assert_eq!(files(&folder, "citizens-"), kept[1..]);
    let database = Connection::open(folder.join("citizens.db")).unwrap();
    let sql = "SELECT count(*) FROM citizen";
    assert_eq!(database.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn a_crash_at_the_end_of_a_period_does_not_keep_the_tsa_from_starting() {
    let mut test_tsa = TestTsa::open(&SIMULATED);
    let folder = test_tsa.data.path().join("simulated");
    let (issuers, counting) = (files(&folder, "issuer-"), files(&folder, "citizens-"));
    let held = fs::read(folder.join(&issuers[0])).unwrap();
    next_period(&test_tsa.tsa);
    test_tsa.tsa.now();
    test_tsa.tsa.process.kill().unwrap();
    test_tsa.tsa.process.wait().unwrap();
    // Only the first of two steps was taken.
    let _ = fs::remove_file(folder.join(&counting[0]));
    fs::write(folder.join(&issuers[0]), held).unwrap();
    test_tsa.tsa = start(test_tsa.data.path(), test_tsa.state.path(), &SIMULATED);
    assert!(!files(&folder, "issuer-").contains(&issuers[0]));
}

#[test]
fn keys_that_cannot_be_made_leave_stamps_and_tickets_alone() {
    let test_tsa = TestTsa::open(&SIMULATED);
    let folder = test_tsa.data.path().join("simulated");
    let before = test_tsa.tsa.keys();
    // What cannot be overwritten cannot be destroyed: the period cannot end.
    let key = folder.join(&files(&folder, "issuer-")[0]);
    fs::remove_file(&key).unwrap();
    fs::create_dir(&key).unwrap();
    next_period(&test_tsa.tsa);
    let failed = (503, "store.failed".to_owned());
    assert_eq!(test_tsa.tsa.refusal("/api/citizen/offer", &Value::Null), failed);
    let keys = test_tsa.tsa.keys();
    assert_eq!((keys.stamp, keys.issuers), (before.stamp, before.issuers));
}

#[test]
fn two_applications_at_once_give_one_token_and_the_same_one_once() {
    let test_tsa = TestTsa::open(&[]);
    let tsa = &test_tsa.tsa;
    let at_once = |filled: [&Filled; 2]| {
        let bodies = filled.map(Filled::body);
        std::thread::scope(|scope| {
            let sent =
                bodies.map(|body| scope.spawn(move || tsa.post("/api/citizen/enrol", &body)));
            sent.map(|thread| thread.join().unwrap())
        })
    };
    let [one, two] = [1, 2].map(|persona| Applicant::new(tsa, card(1), persona));
    let [first, second] = [&one, &two].map(|applicant| applicant.application(tsa));
    let [a, b] = at_once([&first, &second]);
    let answers = [first.opened(&a), second.opened(&b)];
    let tokens =
        answers.iter().filter(|answer| matches!(answer, ApplicationAnswer::Signed { .. })).count();
    let refused =
        answers.iter().find(|answer| matches!(answer, ApplicationAnswer::Refused(_))).unwrap();
    assert_eq!((tokens, code(refused)), (1, "citizen.used".to_owned()));
    // One and the same application, twice: its offer is good once.
    let other = Applicant::new(tsa, card(2), 3);
    let filled = other.application(tsa);
    let answers = at_once([&filled, &filled]);
    let signed = |(status, body): &(u16, Value)| {
        *status == 200
            && matches!(filled.opened(&(*status, body.clone())), ApplicationAnswer::Signed { .. })
    };
    assert_eq!(answers.iter().filter(|answer| signed(answer)).count(), 1);
    let other = answers.iter().find(|answer| !signed(answer)).unwrap();
    let refusal = if other.0 == 200 {
        code(&filled.opened(other))
    } else {
        other.1["code"].as_str().unwrap().to_owned()
    };
    assert_eq!(refusal, "challenge.unknown");
}

#[test]
fn a_tsa_that_takes_test_cards_says_so_to_everybody() {
    let test_tsa = TestTsa::open(&[]);
    assert!(test_tsa.tsa.test_cards);
    assert!(test_tsa.tsa.keys().issuers.iter().all(|issuer| issuer.test));
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let real = Pki::new(Plan::quick(pki().plan().now).unmarked());
    real.write_folder(state.path()).unwrap();
    let folder = state.path().to_str().unwrap();
    let tsa = Tsa::start(data.path(), &["--policy", "card", "--citizens", folder]);
    assert!(!tsa.test_cards);
    assert!(tsa.keys().issuers.iter().all(|issuer| !issuer.test));
    tsa.kill();
    // Its issuers are stated to be for real cards, so they cannot be lent to test cards.
    let said = failure(&["--accept-test-cards"], data.path(), state.path());
    assert!(said.contains("real cards only") && said.contains("new data folder"), "{said}");
}

/// Starts what must not start; gives what it says.
fn failure(options: &[&str], data: &Path, state: &Path) -> String {
    let run = program()
        .args(["serve", "--policy", "card", "--data"])
        .arg(data)
        .arg("--citizens")
        .arg(state)
        .args(options)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(1));
    String::from_utf8(run.stderr).unwrap()
}

#[test]
fn a_test_pki_is_refused_under_a_production_policy() {
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    pki().write_folder(state.path()).unwrap();
    let said = failure(&[], data.path(), state.path());
    assert!(
        said.contains("ecraizestado-002.pem") && said.contains("--accept-test-cards"),
        "{said}"
    );
    // A production PKI, and a test card.
    let real = Pki::new(Plan::quick(pki().plan().now).unmarked());
    real.write_folder(state.path()).unwrap();
    let folder = state.path().to_str().unwrap();
    let tsa = Tsa::start(data.path(), &["--policy", "card", "--citizens", folder]);
    let applicant = Applicant::new(&tsa, card(1), 1);
    assert_eq!(code(&applicant.apply(&tsa)), "citizen.test-card");
    let good = real.citizen(Profile::V5, &CitizenData::numbered(1));
    let applicant = Applicant::new(&tsa, good, 1);
    applicant.token(&applicant.apply(&tsa));
}

#[test]
fn a_start_that_fails_names_the_file_and_what_to_do() {
    let (data, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = state.path();
    assert!(failure(&[], data.path(), path).contains("anchors"));
    fs::create_dir(path.join("anchors")).unwrap();
    assert!(failure(&[], data.path(), path).contains("no anchor"));
    pki().write_folder(path).unwrap();
    let test = ["--accept-test-cards"];
    let file = path.join("anchors/zz-broken.pem");
    fs::write(&file, "garbage").unwrap();
    let said = failure(&test, data.path(), path);
    assert!(said.contains("zz-broken.pem") && said.lines().count() >= 2, "{said}");
    fs::remove_file(file).unwrap();
    fs::write(path.join("anchors/leaf.der"), &card(1).authentication.certificate).unwrap();
    let said = failure(&test, data.path(), path);
    assert!(said.contains("leaf.der") && said.contains("authority"), "{said}");
    fs::remove_file(path.join("anchors/leaf.der")).unwrap();
    start(data.path(), path, &[]).kill();
    let key = files(data.path(), "issuer-")[0].clone();
    fs::set_permissions(data.path().join(&key), fs::Permissions::from_mode(0o644)).unwrap();
    let said = failure(&test, data.path(), path);
    assert!(said.contains(&key) && said.contains("chmod 600"), "{said}");
    fs::remove_file(data.path().join(&key)).unwrap();
    assert!(failure(&test, data.path(), path).contains(&key));
}

#[test]
fn wrong_options_for_citizens_end_with_2() {
    for options in [
        &["--policy", "card"][..],
        &["--accept-test-cards"],
        &["--ocsp", "http://127.0.0.1/"],
        &["--policy", "card", "--citizens", "x", "--citizen-period", "59m"],
        &["--policy", "card", "--citizens", "x", "--citizen-period", "367d"],
        &["--policy", "card", "--citizens", "x", "--citizen-period", "6d"],
        &["--policy", "card", "--citizens", "x", "--citizen-period", "167h"],
        &["--policy", "card", "--citizens", "x", "--ocsp", "ftp://127.0.0.1/"],
        &["--policy", "card", "--citizens", "x", "--tls-ca", "ca.pem"],
    ] {
        let data = tempfile::tempdir().unwrap();
        let run = program().args(["serve", "--data"]).arg(data.path()).args(options).output();
        assert_eq!(run.unwrap().status.code(), Some(2), "{options:?}");
    }
}

//! Who gets a session: only a certified persona with a fresh ticket for this very broker.

use std::sync::Arc;

use pregao::net::broker::{self, BrokerAddress, Identity, LinkError};
use pregao_protocol::trust::certificate::PERSONA_LIFETIME;
use pregao_protocol::trust::key::{Fingerprint, Persona, SecretKey};
use pregao_protocol::wire::session::{Ranking, Suite};
use pregao_tests::house::{Broker, House, Options, Tsa};
use pregao_tests::peer::{Peer, Person, random};
use pregao_tests::reach;

use crate::{guest, open, person};

async fn ticket(person: &Arc<Person>, broker: Fingerprint) -> String {
    let person = Arc::clone(person);
    tokio::task::spawn_blocking(move || person.ticket(broker).unwrap()).await.unwrap()
}

/// What comes of connecting with these credentials.
async fn outcome(
    broker: &BrokerAddress,
    key: &SecretKey<Persona>,
    certificate: &[u8],
    ticket: &str,
) -> String {
    let identity = Identity { persona: key, certificate, ticket };
    match broker::connect(broker, identity, &Ranking::default(), reach()).await {
        Ok(_) => "session".to_owned(),
        Err(LinkError::Refused { code }) => code,
        Err(other) => other.to_string(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_suite_leads_to_a_session() {
    let house = open();
    let person = person(&house).await;
    let ticket = ticket(&person, house.broker.address.fingerprint).await;
    for suite in Suite::ALL {
        let identity =
            Identity { persona: &person.key, certificate: &person.certificate, ticket: &ticket };
        let only = Ranking::new(&[suite]).unwrap();
        let link = broker::connect(&house.broker.address, identity, &only, reach()).await.unwrap();
        assert_eq!(link.suite, suite);
        assert!(!link.certificate.simulated);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_do_not_belong_together_are_refused() {
    let house = open();
    let address = &house.broker.address;
    let (ana, rui) = (person(&house).await, person(&house).await);
    let good = ticket(&ana, address.fingerprint).await;
    let code = outcome(address, &ana.key, &ana.certificate, &good).await;
    assert_eq!(code, "session", "the honest credentials are good");

    let audience = ticket(&ana, Fingerprint([7; 32])).await;
    let code = outcome(address, &ana.key, &ana.certificate, &audience).await;
    assert_eq!(code, "session.refused", "a ticket for another broker");
    let other = ticket(&rui, address.fingerprint).await;
    let code = outcome(address, &ana.key, &ana.certificate, &other).await;
    assert_eq!(code, "session.refused", "another persona's ticket");
    let code = outcome(address, &ana.key, &rui.certificate, &good).await;
    assert_eq!(code, "session.refused", "another persona's certificate");
    let code = outcome(address, &rui.key, &ana.certificate, &good).await;
    assert_eq!(code, "session.refused", "another key than the certified one");
    let stranger = SecretKey::from_seed(&random());
    let code = outcome(address, &stranger, &ana.certificate, &good).await;
    assert_eq!(code, "session.refused", "a key that nobody certified");
    for broken in ["", "..", "a.b.c", &good[..good.len() - 1]] {
        let code = outcome(address, &ana.key, &ana.certificate, broken).await;
        assert_eq!(code, "session.refused", "{broken}");
    }
    let code = outcome(address, &ana.key, &ana.certificate[1..], &good).await;
    assert_eq!(code, "session.refused", "half a certificate");
    let code = outcome(address, &ana.key, &[], &good).await;
    assert_eq!(code, "session.refused", "no certificate");

    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &Options::default()).unwrap();
    let elsewhere = tsa.address.clone();
    let foreign =
        tokio::task::spawn_blocking(move || Person::enrol(&elsewhere).unwrap()).await.unwrap();
    let foreign_ticket = ticket(&foreign, address.fingerprint).await;
    let code = outcome(address, &foreign.key, &foreign.certificate, &foreign_ticket).await;
    assert_eq!(code, "session.refused", "another CA's persona");

    let elsewhere = BrokerAddress { fingerprint: Fingerprint([9; 32]), ..address.clone() };
    let code = outcome(&elsewhere, &ana.key, &ana.certificate, &good).await;
    assert!(code.contains("does not hold"), "another broker than the pinned one: {code}");
    assert_eq!(house.broker.metric("sessions").unwrap(), 0, "not one session was left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_and_certificates_end_by_tsa_time() {
    let house = House::open(&Options::default().simulated()).unwrap();
    let address = &house.broker.address;
    let ana = person(&house).await;
    let mut watch = guest(&house).await;
    let early = ticket(&ana, address.fingerprint).await;
    assert_eq!(outcome(address, &ana.key, &ana.certificate, &early).await, "session");

    let mut pass = async |seconds| {
        let later = watch.in_seconds(seconds).await.unwrap();
        house.tsa.set_time(later).unwrap();
        let reached =
            |peer: &mut Peer| peer.newest.as_ref().filter(|b| b.time() >= later).map(|_| ());
        watch.until(reached).await.unwrap();
    };
    pass(310).await;
    let code = outcome(address, &ana.key, &ana.certificate, &early).await;
    assert_eq!(code, "session.refused", "a ticket of more than five minutes");
    let fresh = ticket(&ana, address.fingerprint).await;
    assert_eq!(outcome(address, &ana.key, &ana.certificate, &fresh).await, "session");

    let soon = ticket(&ana, address.fingerprint).await;
    pass(PERSONA_LIFETIME.as_secs() + 2 * 86_400).await;
    let code = outcome(address, &ana.key, &ana.certificate, &soon).await;
    assert_eq!(code, "session.refused", "a certificate after its last day");
    let pin = address.fingerprint;
    let refused = tokio::task::spawn_blocking(move || ana.ticket(pin).unwrap_err().to_string());
    assert!(refused.await.unwrap().contains("certificate.expired"));
}

#[tokio::test(flavor = "multi_thread")]
async fn simulated_time_is_for_brokers_that_asked_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let tsa = Tsa::start(folder.path(), &Options::default().simulated()).unwrap();
    let broker = Broker::start(folder.path(), &tsa.address, &Options::default());
    let words = broker.unwrap_err().to_string();
    assert!(words.contains("simulated time"), "{words}");
    assert!(words.contains("--accept-simulated-time"), "says what to do: {words}");
    let broker = Broker::start(folder.path(), &tsa.address, &Options::default().simulated());
    let broker = broker.unwrap();
    assert_eq!(broker.program().ready["simulated"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_at_its_age_and_says_so() {
    let options = Options::default().broker("--session-lifetime 2");
    let house = House::open(&options).unwrap();
    let mut ana = guest(&house).await;
    ana.until(|peer| peer.errors.contains(&"session.expired".to_owned()).then_some(()))
        .await
        .unwrap();
    assert!(ana.pump().await.is_err(), "nothing comes after it");
    let again = Peer::connect(&ana.person, &house.broker.address).await.unwrap();
    assert_ne!(again.session, ana.session);
}

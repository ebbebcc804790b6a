//! Enrolling with the citizen card: a token first, a certificate later and by another way.
//!
//! A key signs in place of the card; everything else is the real thing.

mod citizens;
mod renewing;

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use pregao::desk::enrol::card::{self, CardEnrolment, CitizenSigner, TokenKept, Wait};
use pregao::desk::enrol::{
    By, EnrolError, Enrolled, SignerError, Spending, renew, short_name, spend,
};
use pregao::event::Event;
use pregao::net::tsa::TsaError;
use pregao::vault::{Contents, KeptEnrolment, Passphrase, Vault, WorkFactor};
use pregao_protocol::trust::enrolment::issuer::{IssuerKey, IssuerStatement};
use pregao_protocol::trust::enrolment::{EnrolmentError, Offer};
use pregao_protocol::trust::jwks::{Jwk, TsaAddress};
use pregao_protocol::trust::key::{Enrolment, SecretKey};
use pregao_protocol::value::codec::from_base64url;
use pregao_test_pki::rcgen::{
    KeyPair, PKCS_RSA_SHA256, PublicKeyData as _, RsaKeySize, SigningKey as _,
};
use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
use pregao_tests::desk::{self, Desk, PASSPHRASE};
use pregao_tests::gate::{Fate, Gate};
use pregao_tests::house::{Broker, Options, Tsa, executable};
use pregao_tests::liar::secret_in;
use pregao_tests::reach;
use pregao_tests::socks::{Manners, OUTSIDE, Socks};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A TSA that enrols citizens of a test PKI, and a gate before it.
struct Hall {
    gate: Gate,
    tsa: Tsa,
    pki: Pki,
    folder: TempDir,
}

impl Hall {
    async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    async fn open_with(options: Options) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(Plan::quick(reach().host.clock.wall().as_secs()));
        let citizens = folder.path().join("citizens");
        pki.write_folder(&citizens).unwrap();
        let flags = format!("--policy card --citizens {} --accept-test-cards", citizens.display());
        let tsa = Tsa::start(folder.path(), &options.tsa(&flags)).unwrap();
        let gate = Gate::before(&tsa.address.url).await.unwrap();
        Self { gate, tsa, pki, folder }
    }

    /// The TSA as seen through the gate.
    fn address(&self) -> TsaAddress {
        self.tsa.address_at(&self.gate.socket)
    }

    fn vault(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn citizen(&self, number: u32) -> Citizen {
        let material = self.pki.citizen(Profile::V4, &CitizenData::numbered(number));
        Citizen {
            key: KeyPair::try_from(material.authentication.pkcs8.as_slice()).unwrap(),
            certificate: material.authentication.certificate,
            issuers: material.issuers,
            told: Vec::new(),
            willing: true,
        }
    }

    /// The first visit.
    async fn fetch(&self, name: &str, number: u32, wait: Wait) -> Result<TokenKept, EnrolError> {
        let mut citizen = self.citizen(number);
        let (folder, address) = (self.vault(name), self.address());
        blocking(move || begin(&folder, &address)?.finish(&mut citizen, wait)).await
    }

    /// The second visit.
    async fn spend(&self, name: &str, spending: Spending) -> Result<Enrolled, EnrolError> {
        let folder = self.vault(name);
        blocking(move || spend(&folder, &passphrase(), &spending, reach())).await
    }

    fn kept(&self, name: &str) -> Contents {
        desk::vault(&self.vault(name)).unwrap()
    }

    /// A key set with another issuer for the same time, stated by the TSA's own key.
    fn forged(&self, jwks: &Value) -> Value {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).unwrap();
        let other = IssuerKey::from_spki(&pair.subject_public_key_info()).unwrap();
        self.restated(jwks, |stated| stated.key = other.spki().to_vec())
    }

    /// A key set with the first issuer stated otherwise by the TSA's own key.
    fn restated(&self, jwks: &Value, change: impl FnOnce(&mut IssuerStatement)) -> Value {
        let data = self.tsa.data();
        let simulated = data.join("simulated");
        let data = if simulated.exists() { simulated } else { data.to_owned() };
        let key: SecretKey<Enrolment> = secret_in(&data.join("enrolment.key.pem")).unwrap();
        let mut jwks = jwks.clone();
        let entries = jwks["keys"].as_array_mut().unwrap();
        let entry = entries.iter_mut().find(|entry| entry["pregao:purpose"] == "issuer").unwrap();
        let mut stated: IssuerStatement = payload(entry["pregao:statement"].as_str().unwrap());
        change(&mut stated);
        let issuer = IssuerKey::from_spki(&stated.key).unwrap();
        *entry = serde_json::to_value(Jwk::issuer(&issuer, stated.sign(&key))).unwrap();
        jwks
    }

    /// From here on everybody who comes through the gate gets this key set.
    fn show(&self, jwks: Value) {
        self.gate.judge(move |asked| {
            let shown = asked.path.ends_with("jwks.json");
            if shown { Fate::Instead(jwks.clone()) } else { Fate::Pass }
        });
    }

    /// What was kept against the TSA: for each contradiction, what was signed.
    fn evidence(&self, name: &str) -> Vec<Vec<String>> {
        let folder = std::fs::read_dir(self.vault(name).join("evidence")).into_iter().flatten();
        let read = |entry: std::io::Result<std::fs::DirEntry>| {
            serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap()
        };
        folder.map(read).collect()
    }
}

fn payload<T: serde::de::DeserializeOwned>(compact: &str) -> T {
    serde_json::from_slice(&from_base64url(compact.split('.').nth(1).unwrap()).unwrap()).unwrap()
}

fn passphrase() -> Passphrase {
    Passphrase::new(PASSPHRASE.to_owned())
}

fn begin(folder: &Path, address: &TsaAddress) -> Result<CardEnrolment, EnrolError> {
    card::begin(folder, &passphrase(), WorkFactor::Fixed(4), Some(address), reach())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn enrolment(contents: &Contents) -> &KeptEnrolment {
    contents.enrolment.as_ref().unwrap()
}

fn code(error: &EnrolError) -> &str {
    match error {
        EnrolError::Authority(TsaError::Refused(report)) => {
            assert!(!report.message.is_empty() && !report.advice.is_empty(), "{error}");
            &report.code
        }
        _ => panic!("{error}"),
    }
}

/// A key and a certificate such as a card holds.
struct Citizen {
    key: KeyPair,
    certificate: Vec<u8>,
    issuers: Vec<Vec<u8>>,
    told: Vec<String>,
    willing: bool,
}

impl CitizenSigner for Citizen {
    fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    fn issuers(&self) -> &[Vec<u8>] {
        &self.issuers
    }

    fn consent(&mut self, notice: &[String]) -> Result<(), SignerError> {
        self.told = notice.to_vec();
        let unwilling =
            SignerError { message: "cancelled".to_owned(), advice: "start again".to_owned() };
        if self.willing { Ok(()) } else { Err(unwilling) }
    }

    fn sign(&mut self, message: &[u8]) -> Result<Vec<u8>, SignerError> {
        assert!(!self.told.is_empty(), "the holder is told first");
        Ok(self.key.sign(message).unwrap())
    }
}

const AT_ONCE: Wait = Wait::For(Duration::ZERO);

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_fetches_a_token_and_a_persona_spends_it_through_a_proxy() {
    let hall = Hall::open().await;
    let hours = Wait::For(Duration::from_secs(3 * 3_600));
    let kept = hall.fetch("ana", 1, hours).await.unwrap();
    assert!(kept.pinned && !kept.simulated && kept.spend_after > reach().host.clock.wall());
    let first = hall.gate.take();
    let paths: Vec<&str> = first.iter().map(|asked| asked.path.as_str()).collect();
    let jwks = "/.well-known/jwks.json";
    assert_eq!(paths, [jwks, "/api/citizen/offer", "/api/citizen/enrol"]);
    let contents = hall.kept("ana");
    assert!(!contents.is_certified());
    // With the request beside it, the token could be traced to it.
    assert!(enrolment(&contents).asked.is_none());
    assert_eq!(enrolment(&contents).held.as_ref().unwrap().spend_after, Some(kept.spend_after));
    // What passed names neither the citizen nor the persona.
    let application = &first[2].body;
    let members: Vec<&String> = application.as_object().unwrap().keys().collect();
    assert_eq!(members, ["challenge", "sealed"]);
    let sealed = from_base64url(application["sealed"].as_str().unwrap()).unwrap();
    let holds = |part: &[u8]| sealed.windows(part.len()).any(|window| window == part);
    assert!(!holds(b"00000001") && !holds(&kept.persona.0));

    // Too early, and nobody hears of it.
    let error = hall.spend("ana", Spending::default()).await.unwrap_err();
    assert!(matches!(error, EnrolError::TooEarly { .. }), "{error}");
    assert!(error.advice().contains("--now"));
    assert!(hall.gate.take().is_empty());

    let socks = Socks::start(Manners::Takes).await.unwrap();
    let port = hall.gate.socket.rsplit(':').next().unwrap().to_owned();
    let address = hall.tsa.address_at(&format!("localhost:{port}"));
    let route = Some(socks.url().parse().unwrap());
    let spending = Spending { address: Some(address), route, early: true };
    let enrolled = hall.spend("ana", spending).await.unwrap();
    assert!(enrolled.pinned && enrolled.proxied);
    assert!(matches!(enrolled.by, By::Token { early: true, .. }));
    assert_eq!((enrolled.persona, enrolled.authority), (kept.persona, kept.authority));
    let second = hall.gate.take();
    assert!(second.iter().all(|asked| asked.from == OUTSIDE), "{second:?}");
    assert!(first.iter().all(|asked| asked.from == IpAddr::V4(Ipv4Addr::LOCALHOST)));
    let paths: Vec<&str> = second.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(paths, [jwks, "/api/sign-csr"]);
    // The key set was seen on the connection on which the token was spent, and on no earlier one.
    assert_eq!(second[0].connection, second[1].connection);
    assert!(first.iter().all(|asked| asked.connection != second[0].connection));
    // The proxy resolved the name.
    assert!(socks.take().iter().all(|place| *place == format!("localhost:{port}")));
    let contents = hall.kept("ana");
    assert!(contents.is_certified());
    assert_eq!(enrolment(&contents).held.as_ref().unwrap().spend_after, None);

    // The same token renews, without haste being a question.
    let folder = hall.vault("ana");
    let again =
        blocking(move || renew(&folder, &passphrase(), None, &Spending::default(), reach()));
    let again = again.await.unwrap();
    // By the same way, although nobody said so.
    assert!(again.proxied && hall.gate.take().iter().all(|asked| asked.from == OUTSIDE));
    assert!(matches!(again.by, By::Token { early: false, .. }));
    assert_eq!(again.persona, kept.persona);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_holder_is_told_everything_before_the_card_signs() {
    let hall = Hall::open().await;
    let (folder, address) = (hall.vault("ana"), hall.address());
    let mut citizen = hall.citizen(1);
    let (kept, told) = blocking(move || {
        let kept = begin(&folder, &address).unwrap().finish(&mut citizen, AT_ONCE).unwrap();
        (kept, citizen.told)
    })
    .await;
    let told = told.join("\n");
    for part in ["which persona is yours", "civil number", &short_name(kept.issuer)] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.contains(&kept.authority.to_string()) && !told.contains("00000001"), "{told}");
    assert!(!told.contains(&kept.persona.to_string()));
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_breaks_off_the_first_visit_is_taken_up_again() {
    let hall = Hall::open().await;
    let (folder, address) = (hall.vault("ana"), hall.address());
    // Stopped before the card was asked, then by its holder.
    blocking(move || drop(begin(&folder, &address).unwrap())).await;
    let before = hall.kept("ana");
    let request = enrolment(&before).asked.clone().unwrap();
    let (folder, address, mut unwilling) = (hall.vault("ana"), hall.address(), hall.citizen(1));
    unwilling.willing = false;
    let error = blocking(move || begin(&folder, &address).unwrap().finish(&mut unwilling, AT_ONCE));
    let error = error.await.unwrap_err();
    assert!(matches!(error, EnrolError::Signer(_)), "{error}");
    assert!(!hall.gate.take().iter().any(|asked| asked.path.contains("citizen")), "not yet");
    // The TSA signs, and its answer does not arrive.
    hall.gate.judge(|asked| if asked.path.ends_with("/enrol") { Fate::Cut } else { Fate::Pass });
    let error = hall.fetch("ana", 1, AT_ONCE).await.unwrap_err();
    assert!(matches!(error, EnrolError::AnswerLost(_)), "{error}");
    assert!(error.advice().contains("same command again"), "{}", error.advice());
    hall.gate.leave();
    // All the time it was the one request.
    let contents = hall.kept("ana");
    assert_eq!(enrolment(&contents).asked, Some(request));
    assert_eq!(contents.persona, before.persona);
    assert!(enrolment(&contents).held.is_none());
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    hall.spend("ana", Spending::default()).await.unwrap();
    assert!(hall.kept("ana").is_certified());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_citizen_gets_one_token_in_a_period() {
    let hall = Hall::open().await;
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    let error = hall.fetch("ana", 1, AT_ONCE).await.unwrap_err();
    assert!(matches!(error, EnrolError::AlreadyHeld { .. }), "{error}");
    let error = hall.fetch("second", 1, AT_ONCE).await.unwrap_err();
    assert_eq!(code(&error), "citizen.used");
    // Another citizen does, also into the vault that was refused.
    hall.fetch("second", 2, AT_ONCE).await.unwrap();
    hall.spend("second", Spending::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_tsa_says_of_a_card_is_shown_as_it_is() {
    let hall = Hall::open().await;
    let (folder, address, mut citizen) = (hall.vault("ana"), hall.address(), hall.citizen(1));
    // A signature by another key.
    citizen.key = hall.citizen(2).key;
    let error = blocking(move || begin(&folder, &address)?.finish(&mut citizen, AT_ONCE)).await;
    assert_eq!(code(&error.unwrap_err()), "citizen.signature");
    let foreign = Pki::new(Plan::quick(reach().host.clock.wall().as_secs()).foreign());
    let material = foreign.citizen(Profile::V4, &CitizenData::numbered(1));
    let mut stranger = hall.citizen(1);
    stranger.key = KeyPair::try_from(material.authentication.pkcs8.as_slice()).unwrap();
    stranger.certificate = material.authentication.certificate;
    let (folder, address) = (hall.vault("ana"), hall.address());
    let error = blocking(move || begin(&folder, &address)?.finish(&mut stranger, AT_ONCE)).await;
    let error = error.unwrap_err();
    assert!(code(&error).starts_with("citizen."), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_of_ones_own_is_refused_at_either_visit() {
    let hall = Hall::open().await;
    let (folder, address) = (hall.vault("ana"), hall.address());
    blocking(move || drop(begin(&folder, &address).unwrap())).await;
    let jwks = hall.gate.take().remove(0).answer;
    let forged = hall.forged(&jwks);
    let shown = forged.clone();
    let show = move |path: &str| {
        if path.ends_with("jwks.json") { Fate::Instead(shown.clone()) } else { Fate::Pass }
    };
    let other_issuer = |error: EnrolError| {
        let EnrolError::OtherIssuer(conflict) = &error else { panic!("{error}") };
        let text = error.to_string();
        assert!(text.contains(&short_name(conflict.kept.id)), "{text}");
        assert!(text.contains(&short_name(conflict.shown.unwrap())), "{text}");
        assert!(error.advice().contains("compare"));
    };
    // When the first visit is taken up again.
    let judge = show.clone();
    hall.gate.judge(move |asked| judge(&asked.path));
    other_issuer(hall.fetch("ana", 1, AT_ONCE).await.unwrap_err());
    assert_eq!(hall.gate.take().len(), 1, "nothing was asked but the key set");
    hall.gate.leave();
    // In the offer.
    let key: SecretKey<Enrolment> = secret_in(&hall.tsa.data().join("enrolment.key.pem")).unwrap();
    let entries = forged["keys"].as_array().unwrap();
    let own = entries.iter().find(|entry| entry["pregao:purpose"] == "issuer").unwrap();
    let issuer = own["kid"].as_str().unwrap().parse().unwrap();
    hall.gate.judge(move |asked| match asked.answer["offer"].as_str() {
        Some(offer) => {
            let offer = Offer { issuer, ..payload(offer) };
            Fate::Instead(json!({ "offer": offer.sign(&key) }))
        }
        None => Fate::Pass,
    });
    other_issuer(hall.fetch("ana", 1, AT_ONCE).await.unwrap_err());
    assert!(!hall.gate.take().iter().any(|asked| asked.path.ends_with("/enrol")));
    hall.gate.leave();
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    // At the second visit.
    let _ = hall.gate.take();
    hall.gate.judge(move |asked| show(&asked.path));
    other_issuer(hall.spend("ana", Spending::default()).await.unwrap_err());
    assert_eq!(hall.gate.take().len(), 1, "the token was not shown");
    assert!(!hall.kept("ana").is_certified());
    hall.gate.leave();
    hall.spend("ana", Spending::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_and_answers_that_do_not_hold_are_refused_and_cost_nothing() {
    let hall = Hall::open().await;
    let stranger = SecretKey::<Enrolment>::from_seed(&[7; 32]);
    hall.gate.judge(move |asked| match asked.answer["offer"].as_str() {
        Some(offer) => {
            let offer: Offer = payload(offer);
            Fate::Instead(json!({ "offer": offer.sign(&stranger) }))
        }
        None => Fate::Pass,
    });
    let error = hall.fetch("ana", 1, AT_ONCE).await.unwrap_err();
    let signature =
        matches!(error, EnrolError::Authority(TsaError::Enrolment(EnrolmentError::Signature(_))));
    assert!(signature, "{error}");
    assert!(!hall.gate.take().iter().any(|asked| asked.path.ends_with("/enrol")));
    for wrong in [json!("AA"), json!("A".repeat(2_731)), json!("!"), Value::Null, json!(7)] {
        let answer = json!({ "sealed": wrong });
        hall.gate.judge(move |asked| {
            let sealed = asked.path.ends_with("/enrol");
            if sealed { Fate::Instead(answer.clone()) } else { Fate::Pass }
        });
        let error = hall.fetch("ana", 1, AT_ONCE).await.unwrap_err();
        let refused = matches!(error, EnrolError::Protocol(_) | EnrolError::AnswerLost(_));
        assert!(refused, "{error}");
    }
    // An answer to somebody else.
    let mut earlier = None;
    let mut applications = 0;
    hall.gate.judge(move |asked| {
        if !asked.path.ends_with("/enrol") {
            return Fate::Pass;
        }
        applications += 1;
        if applications == 1 {
            earlier = Some(asked.answer.clone());
            return Fate::Cut;
        }
        Fate::Instead(earlier.clone().unwrap())
    });
    let error = hall.fetch("rui", 2, AT_ONCE).await.unwrap_err();
    assert!(matches!(error, EnrolError::AnswerLost(_)), "{error}");
    let error = hall.fetch("ana", 1, AT_ONCE).await.unwrap_err();
    assert!(matches!(error, EnrolError::Protocol(EnrolmentError::Sealed(_))), "{error}");
    hall.gate.leave();
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_proxy_nothing_is_sent() {
    let hall = Hall::open().await;
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    let _ = hall.gate.take();
    let refusing = Socks::start(Manners::Refuses).await.unwrap();
    let hanging_up = Socks::start(Manners::HangsUp).await.unwrap();
    let gone = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("socks5://{}", socket.local_addr().unwrap())
    };
    // What answers there may also be no proxy at all.
    let gate = format!("socks5://{}", hall.tsa.socket());
    for proxy in [refusing.url(), hanging_up.url(), gone, gate] {
        let spending = Spending { route: Some(proxy.parse().unwrap()), ..Spending::default() };
        let error = hall.spend("ana", spending).await.unwrap_err();
        let named = matches!(&error, EnrolError::Authority(TsaError::Proxy { proxy: shown, .. })
            if *shown == proxy);
        assert!(named, "{error}");
        assert!(error.advice().contains("nothing was sent around it"));
        assert!(hall.gate.take().is_empty(), "{proxy}");
        assert!(!hall.kept("ana").is_certified());
    }
    assert_eq!(refusing.take().len(), 1);
    hall.spend("ana", Spending::default()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tsa_that_is_away_or_of_another_kind_is_told_with_what_to_do() {
    let mut hall = Hall::open().await;
    let address = hall.tsa.address.clone();
    hall.tsa.kill().unwrap();
    let folder = hall.vault("ana");
    let error = blocking(move || begin(&folder, &address).unwrap_err()).await;
    let away =
        |error: &EnrolError| matches!(error, EnrolError::Authority(TsaError::Unreachable { .. }));
    assert!(away(&error), "{error}");
    assert!(!hall.vault("ana").exists(), "nothing was made");
    hall.tsa.restart().unwrap();
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    hall.tsa.kill().unwrap();
    let straight = Spending { address: Some(hall.tsa.address.clone()), ..Spending::default() };
    let error = hall.spend("ana", straight.clone()).await.unwrap_err();
    assert!(away(&error), "{error}");
    hall.tsa.restart().unwrap();
    hall.spend("ana", straight).await.unwrap();

    // Another CA, and one with which citizens do not enrol.
    let place = tempfile::tempdir().unwrap();
    let open = Tsa::start(place.path(), &Options::default()).unwrap();
    let (folder, address) = (hall.vault("ana"), open.address.clone());
    let error = blocking(move || begin(&folder, &address).unwrap_err()).await;
    assert!(matches!(error, EnrolError::Authority(TsaError::NoCitizens)), "{error}");
    let spending = Spending { address: Some(open.address.clone()), ..Spending::default() };
    let error = hall.spend("ana", spending).await.unwrap_err();
    assert!(matches!(error, EnrolError::OtherAuthority { .. }), "{error}");
    let other = Hall::open().await;
    let (folder, address) = (hall.vault("ana"), other.tsa.address.clone());
    let error = blocking(move || begin(&folder, &address).unwrap_err()).await;
    assert!(matches!(error, EnrolError::OtherAuthority { .. }), "{error}");
    let folder = hall.vault("none");
    let error =
        blocking(move || spend(&folder, &passphrase(), &Spending::default(), reach())).await;
    assert!(matches!(error, Err(EnrolError::Vault(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_where_enrolling_stands_and_spends_the_token() {
    let hall = Hall::open().await;
    let (vault, tsa) = (hall.vault("ana"), hall.address().to_string());
    let (folder, address) = (vault.clone(), hall.address());
    blocking(move || drop(begin(&folder, &address).unwrap())).await;
    let told = async |words: &[&str], parts: &[&str]| {
        let ran = desk::pregao(&vault, words).await.unwrap();
        assert_eq!(ran.code, Some(1), "{words:?} {}", ran.text);
        assert_eq!(ran.text.trim().lines().count(), 2, "{}", ran.text);
        for part in parts {
            assert!(ran.text.contains(part), "{part}: {}", ran.text);
        }
    };
    told(&["items"], &["not finished", "--card"]).await;
    told(&["enrol", "--tsa", &tsa], &["not finished", "--card"]).await;
    told(&["enrol", "--spend"], &["no token", "--card"]).await;
    let kept = hall.fetch("ana", 1, Wait::For(Duration::from_secs(3_600))).await.unwrap();
    let time = kept.spend_after.to_string();
    told(&["items"], &["a token that buys one", &time, "pregao enrol --spend"]).await;
    told(&["enrol", "--spend"], &[&time, "--now"]).await;
    told(&["enrol", "--tsa", &tsa], &[&time, "--now"]).await;
    told(&["enrol", "--spend", "--now", "--proxy", "socks5://127.0.0.1:9"], &["proxy"]).await;
    let ran = desk::pregao(&vault, &["enrol", "--spend", "--proxy", "127.0.0.1:9"]).await.unwrap();
    assert!(ran.code == Some(2) && ran.text.contains("socks5://host:port"), "{}", ran.text);

    // Whatever is logged, what is sent is not.
    let mut command = std::process::Command::new(executable("pregao").unwrap());
    command.arg("--data").arg(&vault).env("PREGAO_PASSPHRASE", PASSPHRASE);
    command.env("PREGAO_LOG", "trace").args(["--json", "enrol", "--spend", "--now"]);
    let output = blocking(move || command.output().unwrap()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["event"], &line["early"]), (&json!("enrolled"), &json!(true)));
    assert_eq!(line["persona"], kept.persona.to_string());
    let log = String::from_utf8_lossy(&output.stderr);
    let request = hall.gate.take().pop().unwrap();
    let token = request.body["token"]["signature"].as_str().unwrap().to_owned();
    for secret in [&token[..], &token[..16], "CERTIFICATE", "signature"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
    let ran = desk::pregao(&vault, &["enrol", "--tsa", &tsa]).await.unwrap();
    assert!(ran.code == Some(0) && ran.text.contains("for the token"), "{}", ran.text);
    assert!(!ran.text.contains("warning"), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_card_nothing_is_asked_made_or_contacted() {
    let hall = Hall::open().await;
    let vault = hall.vault("ana");
    let mut command = std::process::Command::new(executable("pregao").unwrap());
    // No passphrase either: it would be missed only later.
    command.arg("--data").arg(&vault).env_remove("PREGAO_PASSPHRASE");
    command.env("PCSCLITE_CSOCK_NAME", hall.vault("no-socket"));
    command.args(["enrol", "--work-factor", "4", "--card", "--tsa", &hall.address().to_string()]);
    let output = blocking(move || command.output().unwrap()).await;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(text.trim().lines().count(), 2, "{text}");
    assert!(text.contains("pcscd"), "{text}");
    assert!(!vault.exists() && hall.gate.take().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_says_which_address_it_lacks_and_takes_no_proxy_for_the_card() {
    let place = tempfile::tempdir().unwrap();
    for (words, part) in [
        (&["enrol"][..], "no TSA is known"),
        (&["enrol", "--card"], "no TSA is known"),
        (&["enrol", "--card", "--tsa", "http://t:1", "--proxy", "socks5://h:1"], "--spend"),
    ] {
        let ran = desk::pregao(&place.path().join("none"), words).await.unwrap();
        assert_eq!((ran.code, ran.text.trim().lines().count()), (Some(1), 2), "{}", ran.text);
        assert!(ran.text.contains(part), "{}", ran.text);
    }
}

/// Proxies of the environment are nobody's choice here, and would be left for the way straight
/// without a word.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_not_used() {
    let hall = Hall::open().await;
    hall.fetch("ana", 1, AT_ONCE).await.unwrap();
    let _ = hall.gate.take();
    let mut command = std::process::Command::new(executable("pregao").unwrap());
    command.arg("--data").arg(hall.vault("ana")).env("PREGAO_PASSPHRASE", PASSPHRASE);
    for name in ["ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "http_proxy"] {
        command.env(name, "socks5://127.0.0.1:9");
    }
    command.args(["enrol", "--spend"]);
    let output = blocking(move || command.output().unwrap()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("no proxy") && told.contains("every few minutes"), "{told}");
    let asked = hall.gate.take();
    assert!(!asked.is_empty() && asked.iter().all(|asked| asked.agent == "pregao"), "{asked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_trusted_at_first_use_stays_so_until_its_fingerprint_is_given() {
    let hall = Hall::open().await;
    let unpinned = TsaAddress { authority: None, ..hall.address() };
    let (folder, address) = (hall.vault("ana"), unpinned.clone());
    let notice = move || begin(&folder, &address).unwrap().notice().join("\n");
    let notice = std::sync::Arc::new(notice);
    for _ in 0..2 {
        // A first run that was broken off pins nothing.
        let notice = std::sync::Arc::clone(&notice);
        let told = blocking(move || notice()).await;
        assert!(told.contains("trusted at first use"), "{told}");
    }
    let (folder, mut citizen) = (hall.vault("ana"), hall.citizen(1));
    let kept =
        blocking(move || begin(&folder, &unpinned).unwrap().finish(&mut citizen, AT_ONCE)).await;
    assert!(!kept.unwrap().pinned);
    assert!(!hall.spend("ana", Spending::default()).await.unwrap().pinned);
    let pinned = Spending { address: Some(hall.address()), ..Spending::default() };
    assert!(hall.spend("ana", pinned).await.unwrap().pinned);
    assert!(hall.spend("ana", Spending::default()).await.unwrap().pinned);
}

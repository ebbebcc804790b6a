//! Requests to a witness against C2SP's own words, the rule against its boundaries, answers both ways.

use proptest::prelude::*;

use super::*;
use crate::log::cosignature::Cosignature;
use crate::log::merkle::{Frontier, Tree, consistency_path, empty_root, leaf_hash};
use crate::log::{Head, Origin, OriginError, RoomName};
use crate::trust::broker::BrokerKeys;
use crate::trust::jwks::witness_name;
use crate::trust::key::{HeadKey, SecretKey, SessionKey, WitnessKey};
use crate::trust::seal::SealKey;
use crate::trust::witness::Witness;
use crate::value::report::{Advised as _, Report};
use crate::wire::tsa::content;

const NOW: u64 = 1_800_000_000;

fn key() -> SecretKey<WitnessKey> {
    SecretKey::from_seed(&[1; 32])
}

fn witness() -> Witness {
    let key = key().public();
    Witness { name: witness_name(&key), key, operator: "one".parse().unwrap() }
}

fn broker() -> SecretKey<HeadKey> {
    SecretKey::from_seed(&[9; 32])
}

fn origin() -> Origin {
    Origin { broker: Fingerprint([0xab; 32]), room: RoomName([0xcd; 32]) }
}

/// A log whose entries are numbers, from `first` on.
fn tree(first: u64, size: u64) -> Tree {
    Tree::new((first..first + size).map(|n| leaf_hash(&n.to_be_bytes())).collect())
}

fn head(size: u64) -> Head {
    Head { origin: origin(), size, root: tree(0, size).root() }
}

fn request(old: u64, size: u64) -> AddCheckpoint {
    let proof = consistency_path(&tree(0, size), old, size).unwrap_or_default();
    AddCheckpoint { old, proof, checkpoint: head(size).sign(&broker()) }
}

fn kept(size: u64) -> WitnessedHead {
    WitnessedHead {
        size,
        root: head(size).root,
        note: head(size).sign(&broker()),
        cosignature: Cosignature::sign(&head(size), NOW - 1, &key()),
    }
}

fn hashes(count: u8) -> Vec<Digest> {
    (0..count).map(|n| Digest([n; 32])).collect()
}

#[test]
fn v146_a_request_is_what_c2sp_shows() {
    let text = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n\
        /6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        \u{2014} example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    let request = AddCheckpoint::parse(text.as_bytes()).unwrap();
    assert_eq!((request.old, request.proof.len()), (20_852_014, 4));
    assert!(request.checkpoint.starts_with("example.com/behind-the-sofa\n20852163\n"));
    assert_eq!(request.encode(), text);
    assert_eq!(Head::origin_of(&request.checkpoint), Err(OriginError));
}

#[test]
fn v146_each_request_is_read_as_it_was_written() {
    for (old, size) in [(0, 1), (0, 7), (1, 1), (3, 7), (4, 7), (6, 7), (7, 7)] {
        let request = request(old, size);
        assert_eq!(AddCheckpoint::parse(request.encode().as_bytes()).as_ref(), Ok(&request));
    }
    let longest = AddCheckpoint {
        old: label::MAX_LOG_SIZE,
        proof: hashes(63),
        checkpoint: "x".repeat(label::MAX_HEAD),
    };
    let body = longest.encode();
    assert!(body.len() <= MAX_REQUEST);
    assert_eq!(AddCheckpoint::parse(body.as_bytes()), Ok(longest));
}

#[test]
fn v146_one_line_of_proof_or_one_byte_too_many_is_refused() {
    let of = |count, length| AddCheckpoint {
        old: 1,
        proof: hashes(count),
        checkpoint: "x".repeat(length),
    };
    let parse = |request: AddCheckpoint| AddCheckpoint::parse(request.encode().as_bytes());
    assert_eq!(parse(of(64, 1)), Err(AddCheckpointError::Proof));
    assert_eq!(parse(of(0, label::MAX_HEAD + 1)), Err(AddCheckpointError::Checkpoint));
    assert_eq!(parse(of(0, 0)), Err(AddCheckpointError::Checkpoint));
    let long = [b"old 0\n\n".as_slice(), &[b'x'; MAX_REQUEST]].concat();
    let got = long.len();
    let refused = AddCheckpointError::TooLong { max: MAX_REQUEST, got };
    assert_eq!(AddCheckpoint::parse(&long), Err(refused));
    let cut = AddCheckpoint::parse(&long[..MAX_REQUEST]);
    assert_eq!(cut, Err(AddCheckpointError::Checkpoint));
    let over = format!("old {}\n\nx", label::MAX_LOG_SIZE + 1);
    assert_eq!(AddCheckpoint::parse(over.as_bytes()), Err(AddCheckpointError::Old));
}

#[test]
fn v146_a_second_spelling_is_no_request() {
    let hash = STANDARD.encode([7; 32]);
    for old in [
        "", "old", "old ", "old  1", "old +1", "old -1", "old 01", "old 1 ", "old 0x1", "Old 1",
        "old 1\r",
    ] {
        let body = format!("{old}\n{hash}\n\ncheckpoint\n");
        let refused = AddCheckpoint::parse(body.as_bytes());
        assert_eq!(refused, Err(AddCheckpointError::Old), "{old:?}");
    }
    let bare = hash.trim_end_matches('=').to_owned();
    let longer = STANDARD.encode([7; 33]);
    let shorter = STANDARD.encode([7; 31]);
    // The last letter before the sign of padding has bits that mean nothing.
    let loose = hash.replace("c=", "d=");
    assert_ne!(loose, hash);
    for line in [
        bare,
        longer,
        shorter,
        loose,
        format!("{hash} "),
        format!(" {hash}"),
        format!("{hash}\r"),
        hash.replace('c', "_"),
    ] {
        let body = format!("old 1\n{line}\n\ncheckpoint\n");
        let refused = AddCheckpoint::parse(body.as_bytes());
        assert_eq!(refused, Err(AddCheckpointError::Hash), "{line:?}");
    }
    for body in
        [format!("old 1\n{hash}\ncheckpoint"), format!("old 1\n{hash}"), "old 1\n".to_owned()]
    {
        assert!(AddCheckpoint::parse(body.as_bytes()).is_err(), "{body:?}");
    }
    for body in [&b""[..], b"\n", b"\n\n", b"old 1"] {
        assert_eq!(AddCheckpoint::parse(body), Err(AddCheckpointError::Old));
    }
    assert_eq!(AddCheckpoint::parse(b"old 1\n\n\xff"), Err(AddCheckpointError::Encoding));
}

proptest! {
    #[test]
    fn v146_what_is_read_is_written_again_as_it_was(body in "(old [0-9]{0,3}\n)?([A-Za-z0-9+/=]{0,44}\n){0,3}\n?.{0,9}") {
        if let Ok(request) = AddCheckpoint::parse(body.as_bytes()) {
            prop_assert_eq!(request.encode(), body);
        }
    }
}

#[test]
fn an_origin_is_read_as_it_was_written() {
    let text = origin().to_string();
    assert_eq!(text.parse(), Ok(origin()));
    assert_eq!(Head::origin_of(&head(3).sign(&broker())), Ok(origin()));
    let print = Fingerprint([0xab; 32]);
    for bad in [
        String::new(),
        format!("{text} "),
        format!("/{text}"),
        format!("{text}/"),
        text.to_uppercase(),
        text.replace("pregao", "Pregao"),
        text.replace("ab", "AB"),
        format!("pregao/{print}"),
        format!("pregao/{print}/"),
        format!("pregao//{print}"),
        text[..text.len() - 1].to_owned(),
        format!("{text}0"),
    ] {
        assert_eq!(bad.parse::<Origin>(), Err(OriginError), "{bad}");
    }
    assert_eq!(Head::origin_of(&text), Err(OriginError), "a line without its end");
}

#[test]
fn v147_a_first_head_of_any_size_is_signed_and_an_empty_one_never() {
    for size in [1, 2, 7] {
        assert_eq!(judge(None, &request(0, size), &head(size), NOW), Ok(Decision::Sign));
        // What is not remembered is not signed in this second either way.
        assert_eq!(judge(None, &request(0, size), &head(size), 0), Ok(Decision::Sign));
    }
    let empty = Head { root: empty_root(), ..head(0) };
    for kept in [None, Some(kept(3))] {
        let refused = judge(kept.as_ref(), &request(0, 0), &empty, NOW);
        assert_eq!(refused, Err(CheckpointRefusal::Empty));
    }
    let with_proof = AddCheckpoint { proof: hashes(1), ..request(0, 7) };
    assert_eq!(judge(None, &with_proof, &head(7), NOW), Err(CheckpointRefusal::Proof));
}

#[test]
fn v147_a_head_that_extends_the_one_kept_is_signed() {
    for (old, size) in [(1, 2), (3, 4), (3, 7), (4, 7), (6, 7), (7, 16)] {
        assert_eq!(
            judge(Some(&kept(old)), &request(old, size), &head(size), NOW),
            Ok(Decision::Sign)
        );
    }
}

#[test]
fn v147_the_same_head_gets_the_same_cosignature_at_any_time() {
    let kept = kept(5);
    for now in [0, NOW - 1, NOW, NOW + 99] {
        let decision = judge(Some(&kept), &request(5, 5), &head(5), now);
        assert_eq!(decision, Ok(Decision::Again(kept.cosignature)));
    }
    let with_proof = AddCheckpoint { proof: hashes(1), ..request(5, 5) };
    let refused = judge(Some(&kept), &with_proof, &head(5), NOW);
    assert_eq!(refused, Err(CheckpointRefusal::Proof));
}

#[test]
fn v147_another_head_of_the_size_kept_is_never_signed() {
    let kept = kept(5);
    let other = Head { root: tree(1, 5).root(), ..head(5) };
    assert!(kept.is_contradicted_by(&other));
    assert!(!kept.is_contradicted_by(&head(5)) && !kept.is_contradicted_by(&head(6)));
    let refused = judge(Some(&kept), &request(5, 5), &other, NOW);
    assert_eq!(refused, Err(CheckpointRefusal::Root));
    // From another size it is a conflict first; it contradicts all the same.
    for old in [0, 3] {
        let refused = judge(Some(&kept), &request(old, 5), &other, NOW);
        assert_eq!(refused, Err(CheckpointRefusal::Conflict { size: 5 }));
    }
}

#[test]
fn v147_an_old_size_other_than_the_one_kept_is_a_conflict_and_beyond_the_head_malformed() {
    let kept = kept(5);
    for old in [0, 1, 4, 6, 7] {
        let refused = judge(Some(&kept), &request(old, 7), &head(7), NOW);
        assert_eq!(refused, Err(CheckpointRefusal::Conflict { size: 5 }), "{old}");
    }
    for old in [8, 9, label::MAX_LOG_SIZE] {
        let refused = judge(Some(&kept), &request(old, 7), &head(7), NOW);
        assert_eq!(refused, Err(CheckpointRefusal::Backwards), "{old}");
    }
    // The head of an older size, from the size kept, and one as large as that from there.
    let older = judge(Some(&kept), &request(5, 4), &head(4), NOW);
    assert_eq!(older, Err(CheckpointRefusal::Backwards));
    let older = judge(Some(&kept), &request(4, 4), &head(4), NOW);
    assert_eq!(older, Err(CheckpointRefusal::Conflict { size: 5 }));
    for old in [1, 7] {
        let refused = judge(None, &request(old, 7), &head(7), NOW);
        assert_eq!(refused, Err(CheckpointRefusal::Conflict { size: 0 }));
    }
}

#[test]
fn v147_a_proof_with_one_hash_changed_missing_or_added_is_refused() {
    for (old, size) in [(3, 7), (4, 7), (5, 9), (1, 2)] {
        let good = request(old, size);
        let refused = |proof: Vec<Digest>| {
            let request = AddCheckpoint { proof, ..good.clone() };
            judge(Some(&kept(old)), &request, &head(size), NOW)
        };
        for at in 0..good.proof.len() {
            for bit in [1_u8, 0x80] {
                let mut proof = good.proof.clone();
                proof[at].0[31] ^= bit;
                assert_eq!(refused(proof), Err(CheckpointRefusal::Proof));
            }
            let mut proof = good.proof.clone();
            proof.remove(at);
            assert_eq!(refused(proof), Err(CheckpointRefusal::Proof));
        }
        let longer = [good.proof.clone(), hashes(1)].concat();
        assert_eq!(refused(longer), Err(CheckpointRefusal::Proof));
        let other = Head { root: tree(1, size).root(), ..head(size) };
        let forked = judge(Some(&kept(old)), &good, &other, NOW);
        assert_eq!(forked, Err(CheckpointRefusal::Proof));
    }
}

#[test]
fn v147_one_new_head_of_a_log_in_each_second() {
    let kept = kept(3);
    let at = |now| judge(Some(&kept), &request(3, 7), &head(7), now);
    assert_eq!(at(NOW - 2), Err(CheckpointRefusal::Busy));
    assert_eq!(at(NOW - 1), Err(CheckpointRefusal::Busy));
    assert_eq!(at(NOW), Ok(Decision::Sign));
    // What is wrong is told before that.
    let wrong = AddCheckpoint { proof: Vec::new(), ..request(3, 7) };
    let refused = judge(Some(&kept), &wrong, &head(7), NOW - 1);
    assert_eq!(refused, Err(CheckpointRefusal::Proof));
}

#[test]
fn v147_a_log_of_many_sizes_is_followed_from_any_to_any_later_one() {
    let mut frontier = Frontier::default();
    let mut roots = vec![empty_root()];
    for n in 0..40_u64 {
        frontier.push(leaf_hash(&n.to_be_bytes()));
        roots.push(frontier.root());
    }
    for old in 1..40 {
        for size in old + 1..=40 {
            assert_eq!(head(size).root, roots[usize::try_from(size).unwrap()]);
            let decision = judge(Some(&kept(old)), &request(old, size), &head(size), NOW);
            assert_eq!(decision, Ok(Decision::Sign), "{old} to {size}");
        }
    }
}

fn refusals() -> Vec<(CheckpointRefusal, u16)> {
    use CheckpointRefusal as Refusal;
    let other = Report::new("store.failed", "no space", "free some");
    vec![
        (Refusal::Malformed("no request".into()), 400),
        (Refusal::Empty, 400),
        (Refusal::Backwards, 400),
        (Refusal::Signature, 403),
        (Refusal::Origin, 404),
        (Refusal::Conflict { size: 5 }, 409),
        (Refusal::Conflict { size: 0 }, 409),
        (Refusal::Proof, 422),
        (Refusal::Root, 409),
        (Refusal::Delivery, 429),
        (Refusal::Busy, 429),
        (Refusal::Other(Box::new(other)), 503),
    ]
}

#[test]
fn an_answer_is_read_as_it_was_written() {
    for (refusal, status) in refusals() {
        let answer = CheckpointAnswer::Refused(refusal);
        assert_eq!(answer.status(), status);
        let body = answer.body();
        let read = CheckpointAnswer::read(status, answer.content_type(), body.as_bytes());
        match (&read, &answer) {
            // Of what is malformed the words are kept, not the sentence around them.
            (
                CheckpointAnswer::Refused(CheckpointRefusal::Malformed(said)),
                CheckpointAnswer::Refused(CheckpointRefusal::Malformed(words)),
            ) => assert!(said.contains(&**words)),
            _ => assert_eq!(read, answer),
        }
        assert_eq!(answer.retry_after(), (status == 429).then_some(1));
    }
    let conflict = CheckpointAnswer::Refused(CheckpointRefusal::Conflict { size: 20 });
    assert_eq!((conflict.content_type(), &*conflict.body()), ("text/x.tlog.size", "20\n"));
    let codes: std::collections::HashSet<_> =
        refusals().iter().map(|(refusal, _)| refusal.code()).collect();
    assert_eq!(codes.len(), 11);
    for (refusal, _) in refusals() {
        assert!(!refusal.advice().is_empty() && !refusal.to_string().is_empty());
    }
}

#[test]
fn an_answer_of_another_witness_is_understood_by_its_status() {
    use CheckpointRefusal as Refusal;
    let read = |status, kind, body: &str| CheckpointAnswer::read(status, kind, body.as_bytes());
    let refused = |status, kind, body: &str| match read(status, kind, body) {
        CheckpointAnswer::Refused(refusal) => refusal,
        CheckpointAnswer::Cosigned(lines) => panic!("{lines}"),
    };
    let text = "text/plain";
    assert!(matches!(refused(400, text, "bad"), Refusal::Malformed(_)));
    assert_eq!(refused(403, text, ""), Refusal::Signature);
    assert_eq!(refused(404, text, ""), Refusal::Origin);
    assert_eq!(refused(409, content::LOG_SIZE, "7\n"), Refusal::Conflict { size: 7 });
    assert_eq!(refused(409, text, "other root"), Refusal::Root);
    assert_eq!(refused(422, text, ""), Refusal::Proof);
    assert_eq!(refused(429, text, ""), Refusal::Busy);
    for size in ["", "7", "07\n", "+7\n", "-1\n", "7\n\n", "7 \n", "9007199254740992\n"] {
        assert!(matches!(refused(409, content::LOG_SIZE, size), Refusal::Other(_)), "{size:?}");
    }
    for (status, body) in [(200, ""), (200, "no line break"), (201, "x\n"), (301, ""), (500, "")] {
        assert!(matches!(refused(status, text, body), Refusal::Other(_)), "{status}");
    }
    let long = "x\n".repeat(label::MAX_HEAD);
    assert!(matches!(refused(200, text, &long), Refusal::Other(_)));
}

#[test]
fn a_cosignature_in_an_answer_is_verified() {
    let line = |time, head: &Head| Cosignature::sign(head, time, &key()).line(&witness().name);
    let answer = CheckpointAnswer::Cosigned(line(NOW, &head(7)));
    assert_eq!(answer.cosignature(&head(7), &witness()).unwrap().time, NOW);
    assert_eq!(answer.cosignature(&head(6), &witness()), None);
    let other = Witness { key: SecretKey::from_seed(&[2; 32]).public(), ..witness() };
    assert_eq!(answer.cosignature(&head(7), &other), None);
    let refused = CheckpointAnswer::Refused(CheckpointRefusal::Busy);
    assert_eq!(refused.cosignature(&head(7), &witness()), None);
    let stranger = Cosignature::sign(&head(7), NOW, &SecretKey::from_seed(&[2; 32]));
    let stranger = stranger.line(&"w.example/2".parse().unwrap());
    let both = CheckpointAnswer::Cosigned(format!("{stranger}{}", line(NOW, &head(7))));
    assert_eq!(both.cosignature(&head(7), &witness()).unwrap().time, NOW);
    for spoilt in [format!("{0}{0}", line(NOW, &head(7))), format!("{}x\n", line(NOW, &head(7)))] {
        let answer = CheckpointAnswer::Cosigned(spoilt);
        assert_eq!(answer.cosignature(&head(7), &witness()), None);
    }
}

#[test]
fn another_reader_of_signed_notes_takes_the_checkpoint_with_the_answer_behind_it() {
    use signed_note::{Note, StandardVerifier, VerifierList, key_id};
    let request = request(3, 7);
    let answer = Cosignature::sign(&head(7), NOW, &key()).line(&witness().name);
    let note = format!("{}{answer}", request.checkpoint);
    let note = Note::from_bytes(note.as_bytes()).unwrap();
    let (name, typed) = (origin().to_string(), [&[1], &broker().public().as_bytes()[..]].concat());
    let verifier = format!("{name}+{:08x}+{}", key_id(&name, &typed), STANDARD.encode(&typed));
    let list = VerifierList::new(vec![Box::new(StandardVerifier::new(&verifier).unwrap())]);
    let (verified, others) = note.verify(&list).unwrap();
    assert_eq!((verified.len(), others.len()), (1, 1));
}

#[test]
fn a_certificate_tells_whose_it_is() {
    let session = SecretKey::<SessionKey>::from_seed(&[1; 32]);
    let certificate = BrokerCertificate {
        keys: BrokerKeys {
            session: session.public(),
            head: broker().public(),
            entry: SecretKey::from_seed(&[3; 32]).public(),
            delivery: SealKey::from_random([6; 32]).public(),
        },
        authorities: vec![SecretKey::from_seed(&[4; 32]).public()],
        stamps: vec![SecretKey::from_seed(&[5; 32]).public()],
        witnesses: Vec::new(),
        quorum: 0,
        simulated: false,
        locks: Vec::new(),
    };
    let request = RegisterBroker { certificate: certificate.sign(&session) };
    assert_eq!(request.open(), Ok((session.public().fingerprint(), certificate.clone())));
    assert_eq!(RegisterBroker::parse(&request.encode()), Ok(request));
    let stranger = SecretKey::<SessionKey>::from_seed(&[2; 32]);
    for bad in ["", "..", "a.b.c", &certificate.sign(&stranger)] {
        assert!(RegisterBroker { certificate: bad.to_owned() }.open().is_err());
    }
}

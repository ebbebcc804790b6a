use super::*;
use crate::letter::fixture::{Owner, letter, owner, receipt};
use crate::letter::{Halves, Opened, Vouch, Voucher, Within, open};
use proptest::prelude::*;

fn opened() -> Opened {
    let [one, two] = [owner(1), owner(2)];
    let sealed = crate::letter::fixture::sealed(&one, &two, Mode::Evidence, true);
    open(&two.reading(true), &sealed.envelope).unwrap()
}

fn text(content: &Content) -> String {
    let bytes = content.encode(&Proof::blank(content.mode())).to_vec();
    String::from_utf8(bytes).unwrap()
}

fn parse(text: &str) -> Result<Content, ContentError> {
    Content::parse(text.as_bytes()).map(|(content, _)| content)
}

/// By a box of the same author that the reader knows.
fn vouch(known: &Owner, reader: &Owner, letter: &Letter) -> Vouch {
    let by = Voucher { name: known.name, agreement: &known.agreement };
    let reader = (reader.name, &reader.agreement.public());
    Vouch::of(&by, reader, &letter.from, letter.id).unwrap()
}

fn attachment() -> Attachment {
    Attachment {
        name: String::from("Clock, front.jpg").try_into().unwrap(),
        media_type: String::from("image/jpeg").try_into().unwrap(),
        digest: Digest([5; 32]),
        size: 12_345,
        key: BlobKey([6; 32]),
    }
}

/// Golden bytes: whoever writes letters in another language compares with these.
#[test]
fn v245_letters_and_receipts_are_the_bytes_of_the_file() {
    let mut full = letter(&owner(1), Mode::Deniable);
    full.reply_to = Some(crate::letter::fixture::id(9));
    full.vouch = Some(vouch(&owner(3), &owner(2), &full));
    full.attachments = vec![attachment()];
    let short = letter(&owner(1), Mode::Evidence);
    let contents = [
        Content::Letter(full),
        Content::Letter(short),
        Content::Read(receipt(&owner(2), &opened())),
    ];
    let lines: Vec<String> = contents.iter().map(text).collect();
    let file = include_str!("../../../vectors/letters.jsonl");
    assert_eq!(file.lines().collect::<Vec<_>>(), lines);
    for content in contents {
        assert_eq!(parse(&text(&content)), Ok(content));
    }
}

#[test]
fn v245_content_has_one_spelling() {
    let mut full = letter(&owner(1), Mode::Evidence);
    full.attachments = vec![attachment()];
    let good = text(&Content::Letter(full.clone()));
    assert_eq!(parse(&good), Ok(Content::Letter(full)));
    for (from, to) in [
        ("{\"v\":1", "{ \"v\":1"),
        ("{\"v\":1", "{\"v\":2"),
        ("{\"v\":1,\"kind\":\"letter\"", "{\"kind\":\"letter\",\"v\":1"),
        ("\"letter\"", "\"note\""),
        ("\"letter\"", "\"read\""),
        ("\"wants_receipt\":true", "\"wants_receipt\":1"),
        ("\"wants_receipt\":true", "\"wants_receipt\": true"),
        ("\"wants_receipt\":true,", ""),
        ("\"wants_receipt\":true", "\"wants_receipt\":true,\"more\":1"),
        ("\"wants_receipt\":true", "\"wants_receipt\":true,\"wants_receipt\":true"),
        ("\"mode\":\"evidence\"", "\"mode\":\"other\""),
        ("\"mode\":\"evidence\"", "\"mode\":\"deniable\""),
        ("\"subject\":\"About the clock\"", "\"subject\":null"),
        ("\"mode\"", "\"reply_to\":null,\"mode\""),
        ("\\n", "\\u000a"),
        ("runs", "r\\u0075ns"),
        ("\"size\":12345", "\"size\":12345.0"),
        ("\"size\":12345", "\"size\":012345"),
        (",\"attachments\":[{", ",\"attachments\":[{\"more\":1,"),
        ("\"proof\":\"A", "\"proof\":\"/"),
        ("\"proof\":\"AAAA", "\"proof\":\""),
        (",\"proof\":", ",\"proof\":\"\",\"proof\":"),
        ("\"from\":{", "\"from\":{\"more\":1,"),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good, "{from}");
        assert!(parse(&bad).is_err(), "{to}");
    }
    assert_eq!(parse(""), Err(ContentError::NotCanonical));
    assert_eq!(parse("\"}"), Err(ContentError::NotCanonical));
    assert_eq!(parse(&format!("{good} ")), Err(ContentError::NotCanonical));
    let not_text = [good.as_bytes(), &[0xff]].concat();
    assert_eq!(Content::parse(&not_text), Err(ContentError::NotCanonical));
    for end in 0..good.len() {
        assert!(parse(&good[..end]).is_err(), "{end}");
    }
}

#[test]
fn v245_a_receipt_has_no_member_of_a_letter_and_is_from_whoever_read() {
    let good = receipt(&owner(2), &opened());
    let text = text(&Content::Read(good.clone()));
    assert_eq!(parse(&text), Ok(Content::Read(good.clone())));
    for (from, to) in [
        ("\"read\"", "\"letter\""),
        (",\"proof\"", ",\"text\":\"\",\"proof\""),
        (".000000Z", "Z"),
        ("\"time\":", "\"at\":"),
    ] {
        let bad = text.replacen(from, to, 1);
        assert_ne!(bad, text);
        assert!(parse(&bad).is_err(), "{to}");
    }
    let mut other = good.clone();
    other.reader.0[0] ^= 1;
    assert_eq!(Content::Read(other).check(), Err(ContentError::Reader));
    let mut other = good;
    other.id = uuid::Uuid::nil();
    assert_eq!(Content::Read(other).check(), Err(ContentError::Id));
}

#[test]
fn what_somebody_writes_is_hidden_from_debug() {
    let [one, two] = [owner(1), owner(2)];
    let mut letter = letter(&one, Mode::Evidence);
    letter.attachments = vec![attachment()];
    let registered =
        RegisteredLetter::of(letter.clone(), two.name, &Halves::from_random(&[5; 64])).unwrap();
    let within = Within { text: letter.text.clone(), attachments: letter.attachments.clone() };
    let shown = [
        format!("{letter:?}"),
        format!("{:?}", Content::Letter(letter.clone())),
        format!("{registered:?} {within:?}"),
        format!("{:?}", opened()),
        format!("{:?}", crate::value::text::Text::<32>::try_from(String::from("About the clock"))),
    ];
    for shown in shown {
        for secret in ["About", "clock", "It runs", "Clock, front", "BgYG", "AwMD"] {
            assert!(!shown.contains(secret), "{secret}: {shown}");
        }
    }
}

fn checked(change: impl FnOnce(&mut Letter)) -> Result<(), ContentError> {
    let mut letter = letter(&owner(1), Mode::Evidence);
    change(&mut letter);
    let content = Content::Letter(letter);
    let read = parse(&text(&content)).map(|_| ());
    assert_eq!(read, content.check(), "what is not sent is not read");
    read
}

#[test]
fn v246_a_letter_says_something() {
    let nothing = |letter: &mut Letter| letter.text = Lines::default();
    assert_eq!(checked(nothing), Err(ContentError::Nothing));
    let only_a_file = |letter: &mut Letter| {
        letter.text = Lines::default();
        letter.attachments = vec![attachment()];
    };
    assert_eq!(checked(only_a_file), Ok(()));
    assert_eq!(checked(|letter| letter.subject = None), Ok(()));
    let good = text(&Content::Letter(letter(&owner(1), Mode::Evidence)));
    for bad in ["\\u202e", " ", "\\r\\n", "\\u0000"] {
        let bad = good.replace("It runs.\\nCome and hear it.", bad);
        assert_eq!(parse(&bad), Err(ContentError::NotCanonical));
    }
}

#[test]
fn v246_names_are_of_version_4_and_a_subject_is_one_line_of_200() {
    let other = uuid::Uuid::from_u128(0x1234_5678_1234_1234_1234_1234_5678_9abc);
    assert_eq!(checked(|letter| letter.id = other), Err(ContentError::Id));
    assert_eq!(checked(|letter| letter.reply_to = Some(other)), Err(ContentError::Id));
    let v4 = crate::letter::fixture::id(7);
    assert_eq!(checked(|letter| letter.reply_to = Some(v4)), Ok(()));
    let good = text(&Content::Letter(letter(&owner(1), Mode::Evidence)));
    let subject = |subject: &str| parse(&good.replace("About the clock", subject));
    assert!(subject(&"x".repeat(200)).is_ok());
    for bad in ["x".repeat(201), String::new(), String::from("a\\nb"), String::from(" ")] {
        assert_eq!(subject(&bad), Err(ContentError::NotCanonical), "{bad:?}");
    }
}

#[test]
fn v246_at_most_8_attachments_of_exact_sizes() {
    let many = |count: usize| checked(|letter| letter.attachments = vec![attachment(); count]);
    assert_eq!(many(8), Ok(()));
    assert_eq!(many(9), Err(ContentError::Attachments { got: 9 }));
    let sized = |size: u64| {
        checked(|letter| letter.attachments = vec![Attachment { size, ..attachment() }])
    };
    assert_eq!(sized((1 << 53) - 1), Ok(()));
    assert_eq!(sized(1 << 53), Err(ContentError::Size));
    assert_eq!(sized(0), Ok(()));
}

#[test]
fn v246_names_media_types_and_addresses_name_nothing_else() {
    let name = |text: &str| FileName::try_from(text.to_owned()).is_ok();
    for good in ["a", "Clock, front.jpg", "a.b.c", "\u{e9}t\u{e9}.txt", &"x".repeat(120)] {
        assert!(name(good), "{good}");
    }
    for bad in
        ["", " ", "a/b", "a\\b", ".bashrc", "..", ".", "a\nb", "a\u{202e}gpj.exe", &"x".repeat(121)]
    {
        assert!(!name(bad), "{bad}");
    }
    let media = |text: &str| MediaType::try_from(text.to_owned()).is_ok();
    let [longest, longer] = [95, 96].map(|count| format!("text/{}", "x".repeat(count)));
    for good in ["image/jpeg", "application/vnd.oasis+xml", "text/x-7", &longest] {
        assert!(media(good), "{good}");
    }
    for bad in [
        "",
        "image",
        "image/",
        "/jpeg",
        "Image/jpeg",
        "a/b/c",
        "a/b;c=d",
        "a/ b",
        "-a/b",
        "a/.b",
        &longer,
    ] {
        assert!(!media(bad), "{bad}");
    }
    let broker = |text: &str| BrokerAddress::try_from(text.to_owned()).is_ok();
    for good in ["x", "wss://broker.example:1/#00ff", &"x".repeat(200)] {
        assert!(broker(good), "{good}");
    }
    for bad in ["", "a b", "a\n", "\u{e9}", "\u{7f}", &"x".repeat(201)] {
        assert!(!broker(bad), "{bad}");
    }
}

#[test]
fn v248_the_hash_is_of_the_salt_and_everything_but_the_proof() {
    let content = Content::Letter(letter(&owner(1), Mode::Evidence));
    let text = text(&content);
    let (unproven, _) = text.rsplit_once(",\"proof\"").unwrap();
    let expected = [[3; 32].as_slice(), unproven.as_bytes(), b"}"].concat();
    assert_eq!(content.hash(), Digest::of(&expected));
    let other = |change: &dyn Fn(&mut Letter)| {
        let mut letter = letter(&owner(1), Mode::Evidence);
        change(&mut letter);
        assert_ne!(Content::Letter(letter).hash(), content.hash());
    };
    other(&|letter| letter.salt = Salt([4; 32]));
    other(&|letter| letter.mode = Mode::Deniable);
    other(&|letter| letter.wants_receipt = false);
    other(&|letter| letter.subject = None);
    other(&|letter| letter.from.name.0[0] ^= 1);
}

#[test]
fn what_is_written_is_hidden_from_debug() {
    let mut letter = letter(&owner(1), Mode::Evidence);
    letter.attachments = vec![attachment()];
    let debug = format!("{letter:?}");
    for hidden in ["runs", "jpg", "BgYG", "AwMD", "[3", "[6"] {
        assert!(!debug.contains(hidden), "{hidden}: {debug}");
    }
}

fn attachments() -> impl Strategy<Value = Vec<Attachment>> {
    let one = ("[a-z]{1,120}", "[a-z]{1,20}/[a-z0-9.+-]{0,20}x", any::<[u8; 32]>(), 0..1_u64 << 53);
    let one = one.prop_filter_map("a media type", |(name, media, bytes, size)| {
        Some(Attachment {
            name: name.try_into().ok()?,
            media_type: media.try_into().ok()?,
            digest: Digest(bytes),
            size,
            key: BlobKey(bytes),
        })
    });
    proptest::collection::vec(one, 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn v245_what_is_written_is_read(
        subject in proptest::option::of("[a-z\"\\\\ ]{0,99}x"),
        text in "[a-z\"\\\\\n\u{e9}\u{1f44d},{}:]{0,300}x",
        attachments in attachments(),
        answers in proptest::option::of(any::<u128>()),
        deniable in any::<bool>(),
        wants_receipt in any::<bool>(),
        proof in any::<u8>(),
    ) {
        let mode = if deniable { Mode::Deniable } else { Mode::Evidence };
        let content = Content::Letter(Letter {
            reply_to: answers.map(crate::letter::fixture::id),
            subject: subject.map(|subject| subject.try_into().unwrap()),
            text: text.try_into().unwrap(),
            attachments,
            wants_receipt,
            ..letter(&owner(1), mode)
        });
        let proof = match mode {
            Mode::Evidence => Proof::Evidence(crate::trust::key::Signature([proof; 64])),
            Mode::Deniable => Proof::Deniable(crate::trust::agreement::Mac([proof; 32])),
        };
        let bytes = content.encode(&proof);
        prop_assert_eq!(Content::parse(&bytes), Ok((content, proof)));
    }

    #[test]
    fn v245_what_is_read_is_what_would_be_written(at in any::<prop::sample::Index>(), byte: u8) {
        let content = Content::Letter(letter(&owner(1), Mode::Evidence));
        let mut bytes = content.encode(&Proof::blank(Mode::Evidence)).to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok((read, proof)) = Content::parse(&bytes) {
            prop_assert_eq!(&*read.encode(&proof), &bytes);
        }
    }
}

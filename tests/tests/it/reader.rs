//! The virtual reader as a program sees it through PC/SC, and the namespaces it runs in.

use std::time::Duration;

use pregao_tests::card::{inside, inside_within};

macro_rules! apart {
    ($($test:ident)*) => { $(
        #[test]
        fn $test() -> anyhow::Result<()> {
            inside(concat!("reader::inside::", stringify!($test)))
        }
    )* };
}

apart! {
    each_generation_answers_through_pcsc
    a_pulled_card_is_lost_and_comes_back_powerless
    a_card_can_be_pulled_at_a_step_of_a_program
    another_program_resets_the_card_under_ones_hands
    an_empty_slot_is_no_card
    tsa_and_broker_run_beside_the_reader
}

#[test]
fn a_test_that_fails_inside_fails_outside_with_its_words() {
    let failed = inside("reader::inside::fails").unwrap_err().to_string();
    assert!(failed.contains("words of a failure"), "{failed}");
}

#[test]
fn a_test_that_does_not_end_is_ended() {
    let bound = Duration::from_secs(2);
    let failed = inside_within("reader::inside::never_ends", bound).unwrap_err().to_string();
    assert!(failed.contains("did not end within 2s"), "{failed}");
    assert!(failed.contains("words of a beginning"), "{failed}");
}

#[test]
fn a_test_that_is_not_there_does_not_pass() {
    let missing = inside("reader::inside::not_there").unwrap_err().to_string();
    assert!(missing.contains("no ignored test"), "{missing}");
}

mod inside {
    use pcsc::{Card, Context, Disposition, Protocols, Scope, ShareMode};
    use pregao_test_pki::{CitizenData, Pki, Plan, Profile};
    use pregao_tests::card::{
        CITIZEN, Chip, EID, Fault, Pin, Readers, Slot, Step, VirtualCard, reset_by_another_program,
    };

    const TRIES: [u8; 4] = [0x00, 0x20, 0x00, 0x81];
    const WRONG_PIN: [u8; 13] =
        [0x00, 0x20, 0x00, 0x81, 0x08, 0x34, 0x33, 0x32, 0x31, 0xFF, 0xFF, 0xFF, 0xFF];

    fn inserted(profile: Profile) -> (Readers, VirtualCard) {
        let readers = Readers::open().unwrap();
        let pki = Pki::new(Plan::quick(1_790_000_000));
        let chip = Chip::new(&pki.citizen(profile, &CitizenData::numbered(1))).unwrap();
        (readers, VirtualCard::insert(chip, Slot::First).unwrap())
    }

    fn connected() -> Result<Card, pcsc::Error> {
        let context = Context::establish(Scope::User)?;
        let reader = std::ffi::CString::new(Slot::First.reader()).unwrap();
        context.connect(&reader, ShareMode::Shared, Protocols::ANY)
    }

    fn send(card: &Card, apdu: &[u8]) -> Result<Vec<u8>, pcsc::Error> {
        let mut buffer = [0; 300];
        card.transmit(apdu, &mut buffer).map(<[u8]>::to_vec)
    }

    fn select(card: &Card, aid: [u8; 7]) -> Result<Vec<u8>, pcsc::Error> {
        send(card, &[&[0x00, 0xA4, 0x04, 0x0C, 0x07], &aid[..]].concat())
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn each_generation_answers_through_pcsc() {
        let _readers = Readers::open().unwrap();
        let pki = Pki::new(Plan::quick(1_790_000_000));
        for (profile, aid, protocol) in [
            (Profile::V3, CITIZEN, pcsc::Protocol::T0),
            (Profile::V4, CITIZEN, pcsc::Protocol::T1),
            (Profile::V5, EID, pcsc::Protocol::T1),
        ] {
            let chip = Chip::new(&pki.citizen(profile, &CitizenData::numbered(1))).unwrap();
            let virtual_card = VirtualCard::insert(chip, Slot::First).unwrap();
            let card = connected().unwrap();
            assert_eq!(card.status2_owned().unwrap().protocol2(), Some(protocol));
            assert_eq!(select(&card, aid).unwrap(), [0x90, 0x00], "{profile:?}");
            assert_eq!(send(&card, &TRIES).unwrap(), [0x63, 0xC3]);
            drop(card);
            virtual_card.pull().unwrap();
        }
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_pulled_card_is_lost_and_comes_back_powerless() {
        let (_readers, virtual_card) = inserted(Profile::V4);
        let card = connected().unwrap();
        select(&card, CITIZEN).unwrap();
        assert_eq!(send(&card, &WRONG_PIN).unwrap(), [0x63, 0xC2]);
        virtual_card.pull().unwrap();
        let lost = send(&card, &TRIES).unwrap_err();
        assert!(matches!(lost, pcsc::Error::RemovedCard | pcsc::Error::NoSmartcard), "{lost:?}");
        virtual_card.put_back().unwrap();
        let card = connected().unwrap();
        assert_eq!(send(&card, &TRIES).unwrap(), [0x6D, 0x00]);
        select(&card, CITIZEN).unwrap();
        assert_eq!(send(&card, &TRIES).unwrap(), [0x63, 0xC2]);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_card_can_be_pulled_at_a_step_of_a_program() {
        let (_readers, virtual_card) = inserted(Profile::V4);
        for (fault, answered, left) in [
            (Fault::PulledBefore, false, 3),
            (Fault::PulledUnanswered, false, 2),
            (Fault::PulledAfter, true, 1),
        ] {
            virtual_card.arrange(Step::Verify, fault);
            let card = connected().unwrap();
            select(&card, CITIZEN).unwrap();
            send(&card, &TRIES).unwrap();
            let answer = send(&card, &WRONG_PIN);
            let lost = Err(pcsc::Error::NotTransacted);
            assert_eq!(answer, if answered { Ok(vec![0x63, 0xC1]) } else { lost }, "{fault:?}");
            assert!(send(&card, &TRIES).is_err(), "{fault:?}");
            assert_eq!(virtual_card.chip(|chip| chip.tries(Pin::Authentication)), left);
            virtual_card.put_back().unwrap();
        }
        let seen = virtual_card.exchanges();
        assert_eq!(seen.iter().filter(|one| one.command == WRONG_PIN).count(), 3);
        assert!(virtual_card.exchanges().is_empty());
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn another_program_resets_the_card_under_ones_hands() {
        let (_readers, virtual_card) = inserted(Profile::V5);
        let mut card = connected().unwrap();
        select(&card, EID).unwrap();
        let before = virtual_card.resets();
        reset_by_another_program(Slot::First).unwrap();
        assert!(virtual_card.resets() > before);
        assert_eq!(send(&card, &TRIES).unwrap_err(), pcsc::Error::ResetCard);
        card.reconnect(ShareMode::Shared, Protocols::ANY, Disposition::LeaveCard).unwrap();
        assert_eq!(send(&card, &TRIES).unwrap(), [0x6D, 0x00]);
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn an_empty_slot_is_no_card() {
        let _readers = Readers::open().unwrap();
        let nothing = connected().err().unwrap();
        assert_eq!(nothing, pcsc::Error::NoSmartcard);
    }

    #[tokio::test]
    #[ignore = "started in namespaces of its own"]
    async fn tsa_and_broker_run_beside_the_reader() {
        let (_readers, virtual_card) = inserted(Profile::V5);
        let house = crate::open();
        crate::guest(&house).await;
        let card = connected().unwrap();
        assert_eq!(select(&card, EID).unwrap(), [0x90, 0x00]);
        drop(card);
        drop(virtual_card);
    }

    #[test]
    #[ignore = "fails, to be seen failing"]
    fn fails() {
        panic!("words of a failure");
    }

    #[test]
    #[ignore = "never ends, to be ended"]
    fn never_ends() {
        let _readers = Readers::open().unwrap();
        eprintln!("words of a beginning");
        loop {
            std::thread::park();
        }
    }
}

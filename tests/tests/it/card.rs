//! The peer's reading and signing against the virtual card in a real reader.

use pregao_tests::card::inside;

macro_rules! apart {
    ($($test:ident)*) => { $(
        #[test]
        fn $test() -> anyhow::Result<()> {
            inside(concat!("card::inside::", stringify!($test)))
        }
    )* };
}

apart! {
    every_generation_is_read_and_signs
    every_way_to_end_a_file_is_understood
    a_wrong_pin_costs_one_try_and_the_last_one_is_not_used_unasked
    a_wrong_signature_is_not_handed_out
    cards_that_are_none_are_told_apart_from_broken_ones
    a_pulled_card_is_told_and_costs_no_try
    another_program_in_between_costs_no_try
    two_cards_are_not_mistaken_for_each_other
}

mod inside {
    use pregao::card::{Attribute, Card, CardError, Generation, LastTry, Pin, PinEntry, Tries};
    use pregao_test_pki::{CardMaterial, CitizenData, Pki, Plan, Profile};
    use pregao_tests::card::{
        Chip, Fault, PastEnd, Pin as Reference, Readers, Slot, Status, Step, VirtualCard,
        certificate_path,
    };

    const PROFILES: [Profile; 3] = [Profile::V3, Profile::V4, Profile::V5];

    fn pki() -> Pki {
        Pki::new(Plan::quick(1_790_000_000))
    }

    fn material(profile: Profile) -> CardMaterial {
        pki().citizen(profile, &CitizenData::numbered(1))
    }

    fn insert(material: &CardMaterial) -> VirtualCard {
        VirtualCard::insert(Chip::new(material).unwrap(), Slot::First).unwrap()
    }

    fn typed(digits: &str) -> PinEntry {
        PinEntry::Typed(Pin::new(digits.to_owned().into()).unwrap())
    }

    fn sign(card: &mut Card) -> Result<Vec<u8>, CardError> {
        card.sign(b"a message", typed("1234"), LastTry::Refuse)
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn every_generation_is_read_and_signs() {
        let _readers = Readers::open().unwrap();
        let pki = pki();
        for (profile, generation) in
            PROFILES.into_iter().zip([Generation::V3, Generation::V4, Generation::V5])
        {
            let material = pki.citizen(profile, &CitizenData::numbered(1));
            let virtual_card = insert(&material);
            let mut card = Card::find(None).unwrap();
            assert_eq!(card.generation(), generation);
            assert_eq!(card.certificate(), material.authentication.certificate);
            let first = material.issuers.first();
            assert_eq!(card.issuers().first(), first, "{profile:?}");
            assert!(card.issuers().iter().all(|issuer| material.issuers.contains(issuer)));
            assert_eq!(card.tries_left().unwrap(), Tries::Left(3));
            let told = card.attributes(&[Attribute::Nationality, Attribute::BirthDate]).unwrap();
            assert_eq!([&*told[0].1, &*told[1].1], ["PRT", "29 02 2000"], "{profile:?}");
            sign(&mut card).unwrap();
            // The PIN is not left behind for the next program.
            assert_eq!(card.tries_left().unwrap(), Tries::Left(3));
            // And nothing of the qualified signature was looked at.
            let others = [Reference::Signature, Reference::Address];
            assert_eq!(others.map(|pin| virtual_card.chip(|chip| chip.touched(pin))), [0, 0]);
            virtual_card.pull().unwrap();
        }
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn every_way_to_end_a_file_is_understood() {
        let _readers = Readers::open().unwrap();
        for profile in PROFILES {
            let material = material(profile);
            let virtual_card = insert(&material);
            let exact = &material.authentication.certificate;
            for past_end in [PastEnd::WrongLength, PastEnd::Short, PastEnd::Warning] {
                virtual_card.chip(|chip| {
                    chip.set_past_end(past_end);
                    chip.replace(&certificate_path(profile.into()), exact).unwrap();
                });
                assert_eq!(Card::find(None).unwrap().certificate(), exact, "{past_end:?}");
            }
            virtual_card.pull().unwrap();
        }
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_wrong_pin_costs_one_try_and_the_last_one_is_not_used_unasked() {
        let _readers = Readers::open().unwrap();
        let virtual_card = insert(&material(Profile::V4));
        let mut card = Card::find(None).unwrap();
        let mut wrong = |last| card.sign(b"a message", typed("4321"), last);
        assert_eq!(wrong(LastTry::Refuse), Err(CardError::WrongPin { left: 2 }));
        assert_eq!(wrong(LastTry::Refuse), Err(CardError::WrongPin { left: 1 }));
        assert_eq!(wrong(LastTry::Refuse), Err(CardError::LastTry));
        assert_eq!(virtual_card.chip(|chip| chip.tries(Reference::Authentication)), 1);
        assert!(wrong(LastTry::Confirmed).is_err());
        assert_eq!(sign(&mut card), Err(CardError::Blocked));
        assert_eq!(card.tries_left(), Ok(Tries::Blocked));
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_wrong_signature_is_not_handed_out() {
        let _readers = Readers::open().unwrap();
        for profile in PROFILES {
            let virtual_card = insert(&material(profile));
            let mut card = Card::find(None).unwrap();
            virtual_card.arrange(Step::Sign, Fault::Altered);
            assert_eq!(sign(&mut card), Err(CardError::Signature), "{profile:?}");
            virtual_card.arrange(Step::Sign, Fault::Shortened(0));
            assert!(sign(&mut card).is_err(), "{profile:?}");
            virtual_card.arrange(Step::Sign, Fault::Announced);
            sign(&mut card).unwrap();
            virtual_card.pull().unwrap();
        }
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn cards_that_are_none_are_told_apart_from_broken_ones() {
        let _readers = Readers::open().unwrap();
        assert_eq!(Card::find(None).unwrap_err(), CardError::EmptyReader);
        let other = VirtualCard::insert(Chip::unknown().unwrap(), Slot::First).unwrap();
        let refused = Card::find(None).unwrap_err();
        assert!(matches!(refused, CardError::UnknownCard { .. }), "{refused:?}");
        drop(other);
        for profile in PROFILES {
            let virtual_card = insert(&material(profile));
            for garbage in [&[0xAA; 400][..], &[0x30, 0x82, 0xFF, 0xFF], &[0x30, 0x82], &[0; 400]] {
                let path = certificate_path(profile.into());
                virtual_card.chip(|chip| chip.replace(&path, garbage)).unwrap();
                let refused = Card::find(None).unwrap_err();
                let broken = matches!(
                    refused,
                    CardError::Certificate(_)
                        | CardError::Garbled(_)
                        | CardError::Unexpected { .. }
                );
                assert!(broken, "{profile:?} {garbage:02X?}: {refused:?}");
            }
            virtual_card.pull().unwrap();
        }
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn a_pulled_card_is_told_and_costs_no_try() {
        let _readers = Readers::open().unwrap();
        let virtual_card = insert(&material(Profile::V5));
        for step in [Step::SelectApplication, Step::Read, Step::AskTries, Step::Verify, Step::Sign]
        {
            let mut card = Card::find(None).unwrap();
            virtual_card.arrange(step, Fault::PulledBefore);
            let lost = sign(&mut card).unwrap_err();
            assert!(!matches!(lost, CardError::WrongPin { .. } | CardError::Blocked), "{lost:?}");
            drop(card);
            eprintln!("pulled before {step:?}: {lost:?}");
            virtual_card.put_back().unwrap();
            assert_eq!(virtual_card.chip(|chip| chip.tries(Reference::Authentication)), 3);
        }
        sign(&mut Card::find(None).unwrap()).unwrap();
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn another_program_in_between_costs_no_try() {
        let _readers = Readers::open().unwrap();
        for profile in PROFILES {
            let virtual_card = insert(&material(profile));
            for fault in [Fault::Disturbed, Fault::PowerLost, Fault::Refused(Status(0x6F00))] {
                let mut card = Card::find(None).unwrap();
                virtual_card.arrange(Step::Sign, fault);
                let _ = sign(&mut card);
                virtual_card.forgive();
                sign(&mut card).unwrap();
                assert_eq!(virtual_card.chip(|chip| chip.tries(Reference::Authentication)), 3);
            }
            let mut card = Card::find(None).unwrap();
            pregao_tests::card::reset_by_another_program(Slot::First).unwrap();
            sign(&mut card).unwrap();
            drop(card);
            virtual_card.pull().unwrap();
        }
    }

    #[test]
    #[ignore = "started in namespaces of its own"]
    fn two_cards_are_not_mistaken_for_each_other() {
        let _readers = Readers::open().unwrap();
        let pki = pki();
        let first = pki.citizen(Profile::V4, &CitizenData::numbered(1));
        let second = pki.citizen(Profile::V5, &CitizenData::numbered(2));
        let _first = insert(&first);
        let _second = VirtualCard::insert(Chip::new(&second).unwrap(), Slot::Second).unwrap();
        let several = Card::find(None).unwrap_err();
        let CardError::SeveralCards { cards } = &several else { panic!("{several:?}") };
        assert_eq!(cards.len(), 2);
        let chosen = |reader| Card::find(Some(reader)).unwrap().certificate().to_vec();
        assert_eq!(chosen("1"), first.authentication.certificate);
        assert_eq!(chosen("00 01"), second.authentication.certificate);
    }
}

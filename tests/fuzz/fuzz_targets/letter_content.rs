#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pregao_tests::fuzz::run("letter_content", bytes));

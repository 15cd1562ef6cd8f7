//! Tokens of links: nobody guesses one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::mute::Linker;
use secrecy::SecretSlice;

fuzz_target!(|token: &str| {
    let links = Linker::new(Some("https://updates.example.com".to_owned()), SecretSlice::from(vec![7; 32]));
    assert!(links.read(token, jiff::Timestamp::UNIX_EPOCH).is_err());
});

//! Mails that answer ours, and Slack's events.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::mute::Linker;
use microalign::reply::{mail, slack};
use secrecy::SecretSlice;

fuzz_target!(|input: &[u8]| {
    let links = Linker::new(Some("https://updates.example.com".to_owned()), SecretSlice::from(vec![7; 32]));
    if mail::is_ours(input, &links) {
        assert!(!input.is_empty());
    }
    drop(mail::read(input, &links));
    drop(slack::read(input));
});

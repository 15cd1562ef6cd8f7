//! Both parsers, with notes, ADF and Jira's markup inside: no body makes one panic, and one body is read in one way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::event::Source;
use microalign::source::{GITHUB_EVENTS, Parsed, Settings, parse};

fuzz_target!(|input: &[u8]| {
    let Some((kind, body)) = input.split_first() else { return };
    // The first byte says whose event it is.
    let (source, name) = match GITHUB_EVENTS.get(usize::from(*kind)) {
        Some(name) => (Source::Github, *name),
        None => (Source::Jira, ""),
    };
    let read = || parse(source, name, body, jiff::Timestamp::UNIX_EPOCH, &Settings::default());
    let parsed = read();
    assert_eq!(parsed, read());
    if let Parsed::Events(events) = parsed {
        assert!(!events.is_empty());
    }
});

//! Both parsers, with notes, ADF and Jira's markup inside: no body makes one panic, and one body is read in one way.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::event::Source;
use microalign::source::{GITHUB_EVENTS, Parsed, Settings, parse};

fuzz_target!(|body: &[u8]| {
    let github = GITHUB_EVENTS.map(|name| (Source::Github, name));
    for (source, name) in github.into_iter().chain([(Source::Jira, "")]) {
        let read = || parse(source, name, body, jiff::Timestamp::UNIX_EPOCH, &Settings::default());
        let parsed = read();
        assert_eq!(parsed, read(), "{source} {name}");
        if let Parsed::Events(events) = parsed {
            assert!(!events.is_empty(), "{source} {name}");
        }
    }
});

//! CODEOWNERS, and a path to look up in it: the first line.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::source::codeowners::{CodeNotify, CodeOwners};

fuzz_target!(|text: &str| {
    let (path, file) = text.split_once('\n').unwrap_or(("src/main.rs", text));
    let owners = CodeOwners::parse(file);
    assert_eq!(owners.of(path), owners.of(path));
    let notify = CodeNotify::parse("src", file);
    assert_eq!(notify.of(path), notify.of(path));
});

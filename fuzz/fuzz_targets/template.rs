//! Templates: one that is broken is reported, and takes no other with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::template::Templates;

fuzz_target!(|text: &str| {
    let (templates, problems) = Templates::load([("heads-up", text)]);
    assert!(templates.has("heads-up"), "the built-in one is there in any case");
    for problem in problems {
        assert!(!format!("{problem:?}").is_empty());
    }
});

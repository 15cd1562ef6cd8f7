//! Team files. What is wrong in one can be shown, with and without colour.
#![no_main]

use std::collections::BTreeSet;

use libfuzzer_sys::fuzz_target;
use microalign::destination::Available;
use microalign::rule::{Known, check};

fuzz_target!(|text: &str| {
    let (templates, channels) = (BTreeSet::new(), Available::default());
    let known = Known { templates: &templates, channels: &channels };
    if let Err(problems) = check("team.toml", text, known) {
        assert!(!problems.is_empty());
        for problem in problems {
            assert!(!problem.render(false).is_empty() && !problem.render(true).is_empty());
        }
    }
});

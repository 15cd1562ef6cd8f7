//! The body of a request. What is found to be JSON can be taken apart.
#![no_main]

use libfuzzer_sys::fuzz_target;
use microalign::source::json_body;

fuzz_target!(|input: &[u8]| {
    for kind in [None, Some("application/x-www-form-urlencoded"), Some("text/plain")] {
        if let Ok(json) = json_body(kind, input) {
            assert!(std::str::from_utf8(&json).is_ok());
        }
    }
});

//! Verifying and parsing a body, beside doing both with the libraries alone.

use std::hint::black_box;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use microalign::event::Source;
use microalign::source::signature::verify;
use microalign::source::{Parsed, Settings, parse};
use secrecy::SecretString;
use serde_json::Value;
use sha2::Sha256;

use crate::inputs::payload;
use crate::load::signature;
use crate::service::SECRET;
use crate::table::{Row, microseconds, shortest};

const PASSES: usize = 1000;

pub fn measure() -> Vec<Row> {
    let body = payload(45);
    let (header, secrets) = (signature(&body), [SecretString::from(SECRET)]);
    let settings = Settings::default();
    let verified = || verify(Source::Github, Some(&header), black_box(&body), &secrets).unwrap();
    let hashed = || {
        let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap().chain_update(black_box(&body));
        black_box(mac.finalize());
    };
    let parsed = || {
        let parsed = parse(Source::Github, "pull_request", black_box(&body), Timestamp::UNIX_EPOCH, &settings);
        assert!(matches!(black_box(parsed), Parsed::Events(_)));
    };
    let any = || drop(black_box(serde_json::from_slice::<Value>(black_box(&body)).unwrap()));
    let time = |pass: &dyn Fn()| microseconds(shortest(PASSES, pass));
    vec![
        Row::beside("verify", "µs", (time(&verified), time(&hashed))),
        Row::beside("parse", "µs", (time(&parsed), time(&any))),
    ]
}

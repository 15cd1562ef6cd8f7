//! A clock that steps while the service runs.

use std::os::unix::fs::FileExt as _;

use jiff::Timestamp;

use crate::faults::shim::Shim;
use crate::support::{Service, TEAM, merged, states};

/// By how many seconds the clock is wrong, one after the other: small steps to and fro, and an hour.
const STEPS: &[i64] = &[2, 0, -2, 0, 2, 4, 2, 0, -2, -4, 3600, 0, -3600, 0];

#[tokio::test]
async fn a_clock_that_steps_delays_and_repeats_nothing() {
    let Some(shim) = Shim::new() else { return };
    std::fs::write(shim.file("clock"), 0_i64.to_le_bytes()).unwrap();
    let clock = std::fs::File::options().write(true).open(shim.file("clock")).unwrap();
    let mut service = Service::new(TEAM, "");
    service.start_by(shim.program()).await;
    for (number, step) in (1..).zip(STEPS) {
        let deliveries = [2 * number, 2 * number + 1].map(|number| (format!("d-{number}"), merged(number)));
        let answer = service.github("pull_request", &deliveries[0].0, &deliveries[0].1).await;
        assert_eq!(answer.status, 202, "before {step}");
        clock.write_all_at(&step.to_le_bytes(), 0).unwrap();
        let mut told_at = Timestamp::default();
        for (delivery, body) in deliveries {
            // The first is known already.
            assert_eq!(service.github("pull_request", &delivery, &body).await.status, 202, "after {step}");
            let lines = service.settled(&delivery).await;
            assert_eq!(states(&lines), ["sent"], "{delivery}, after {step}");
            told_at = lines[0]["at"].as_str().unwrap().parse::<Timestamp>().unwrap();
        }
        let wrong = told_at.duration_since(Timestamp::now()).as_secs();
        assert!((wrong - step).abs() < 60, "the service's clock was wrong by {wrong} s, not {step}");
    }
    assert_eq!(service.mails().len(), 2 * STEPS.len());
}

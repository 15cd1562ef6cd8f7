//! Seeds that found bugs, with what they found.

/// Each is played on every run of the tests.
pub const FOUND_BUGS: &[(u64, &str)] = &[(
    3,
    "the doubt about an attempt ended with the next attempt: a message came twice, and the ledger did not say so",
)];

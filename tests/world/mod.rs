//! A company, as a simulation needs it: [`company`] says who there is and what they ask for, [`life`] draws what happens as
//! webhooks, [`observed`] reads what the service made of it, [`invariants`] says what must not be among that.

#![expect(clippy::unwrap_used, reason = "it ends at the first surprise")]

pub mod company;
pub mod invariants;
pub mod life;
pub mod observed;
pub mod payload;
pub mod traffic;

use jiff::Timestamp;

/// A Monday. Summer time ends within the month, in Europe and then in America.
pub const BEGIN: Timestamp = Timestamp::constant(1_791_763_200, 0);

//! microalign keeps partner teams in the loop: GitHub and Jira webhooks in, a few short messages out.
//!
//! A webhook's way through the files, from the socket to the mail:
//!
//! 1. [`http`] reads a request within limits, checks its signature ([`source::signature`]) and answers 202 once the
//!    raw body is on disk ([`store`]).
//! 2. [`intake`] takes stored deliveries in order: [`source`] turns a body into [`event`]s, [`track`] completes each by
//!    what is known of its subject, and [`plan`] asks each team's [`rule`]s what they make of it.
//!    What payloads leave out and a rule wants to know, GitHub and Jira are asked for ([`api`], [`source::codeowners`]).
//! 3. What a rule matches waits as long as [`hold`] says: until it has settled, quiet hours are over, a digest is due.
//!    Then it is matched once more and written by a [`template`] into a message: a tree that every channel can say in
//!    its own dialect. What is due together goes together, and what somebody has [`mute`]d is left out.
//! 4. [`dispatch`] claims what is queued, sends it through a [`channel`], and settles it in the ledger, which has a
//!    [`reason`] for whatever became of an event.
//!
//! What did not arrive is asked for ([`recover`]), and goes the same way from the store on.
//! What people answer to an assumption, by mail or in Slack, comes in by [`reply`].
//!
//! [`rehearsal`] goes the same way with another clock: from what was stored once to what would have been said.
//!
//! The core (`source`, `track`, `rule`, `hold`, `plan`, `template`) is functions from values to values; the shell around it
//! (`http`, `intake`, `reply`, `store`, `channel`, `dispatch`) does what has effects. Imports point one way:
//! `event`, `toml_file` ← `destination` ← `mute` ← `reason` ← `source`, `rule`, `template` ← `track`, `hold` ← `plan`, `api` ← `store`,
//! `channel`, `metrics` ← `config` ← `compose` ← `intake`, `dispatch`, `reply`, `console` ← `http`, `recover`, `rehearsal` ← `app` ←
//! `cli`; `tests/structure.rs` checks it.

pub mod api;
pub mod app;
pub mod channel;
pub mod cli;
pub mod compose;
pub mod config;
pub mod console;
pub mod destination;
pub mod dispatch;
pub mod event;
pub mod hold;
pub mod http;
pub mod intake;
pub mod metrics;
pub mod mute;
pub mod plan;
pub mod reason;
pub mod recover;
pub mod rehearsal;
pub mod reply;
pub mod rule;
pub mod source;
pub mod store;
pub mod template;
pub mod toml_file;
pub mod track;

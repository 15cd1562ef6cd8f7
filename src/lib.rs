//! microalign keeps partner teams in the loop: it takes webhooks from GitHub and Jira, and sends a few short messages.
//!
//! This page follows a webhook through the code, from the socket to the message. `docs/style.md` explains the terms.
//!
//! # From a webhook to a message
//!
//! 1. **Take it in.** [`http`] reads a request within limits, checks its signature ([`source::signature`]), and answers 202 once
//!    the raw body is on disk ([`store`]). Everything else happens after the answer.
//! 2. **Understand it.** [`intake`] reads the stored deliveries in order, and [`source`] turns each body into [`event`]s. If a
//!    [`rule`] needs something that the body leaves out, GitHub or Jira is asked for it ([`api`], [`source::codeowners`]).
//! 3. **Plan it.** A round of planning is one transaction. For each event it finds the names that the event goes by now and the
//!    facts that complete it; [`track`] works out the state of the event's subject, [`plan`] asks the rules of every team, and
//!    what comes of it is written. A rule that matches makes an update, which waits for as long as [`hold`] says: until it has
//!    settled, quiet hours are over, or a digest is due.
//! 4. **Release it.** At the end of a round, updates whose time has come are matched once more. [`compose`] writes each with a
//!    [`template`], as a tree that every channel can write in its own dialect. Updates that are due together become one message,
//!    and what somebody [`mute`]d is left out.
//! 5. **Send it.** [`dispatch`] claims queued sends, sends each to its [`destination`] through a [`channel`], and records the
//!    outcome. [`people`] finds out who the people are whom a message mentions. Whatever became of an event, its line of the ledger has a [`reason`].
//!
//! # What else comes in
//!
//! - [`recover`] fetches webhooks that did not arrive. From the store on, they go the same way.
//! - [`repository`] reads the team files that repositories have.
//! - [`summary`] writes what moved in a week, from the ledger.
//! - [`reply`] takes answers, by mail or in Slack, which [`intake`] carries to where the message was about; [`http`] takes
//!   objections by a link, and mutes.
//! - [`slack`] does what people ask for in Slack, by a command or a button.
//!
//! # What runs it
//!
//! - [`cli`] has the commands. [`app`] runs the service: it starts the tasks, watches files, and stops.
//! - [`config`] reads `microalign.toml`. [`toml_file`] reads it and the team files so that each problem is shown with its place.
//! - [`console`], [`metrics`] and [`telemetry`] show what happens.
//! - [`explain`] shows what one payload would lead to, and [`who`] which rules ask for what.
//! - [`rehearsal`] replays stored deliveries with other rules, through the same steps on another clock.
//!
//! # Pure core, one writer
//!
//! The core (`source`, `track`, `rule`, `hold`, `plan`, `template`) consists of functions from values to values. The shell around
//! it (`http`, `intake`, `reply`, `store`, `channel`, `dispatch`) has the effects. All writes go through one thread of the store,
//! each as one closure; readers never wait for it.
//!
//! # Layers
//!
//! These are the layers, the lowest first. A module may import only from lower ones, and not from its own;
//! `tests/structure.rs` checks it.
//!
//! ```text
//! event, toml_file
//! destination
//! mute
//! reason
//! source, rule, template
//! track, hold
//! plan, api
//! store, channel, telemetry
//! config, metrics
//! compose, people
//! intake, dispatch, reply
//! recover, rehearsal, explain, who, summary
//! console, repository, slack
//! http
//! app
//! cli
//! ```

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
pub mod explain;
pub mod hold;
pub mod http;
pub mod intake;
pub mod metrics;
pub mod mute;
pub mod people;
pub mod plan;
pub mod reason;
pub mod recover;
pub mod rehearsal;
pub mod reply;
pub mod repository;
pub mod rule;
pub mod slack;
pub mod source;
pub mod store;
pub mod summary;
pub mod telemetry;
pub mod template;
pub mod toml_file;
pub mod track;
pub mod who;

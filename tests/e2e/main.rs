//! End to end, over the wire: a signed webhook in, a mail or a request out.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod answer;
mod app;
mod audience;
mod bounce;
mod canary;
mod cases;
mod closing;
mod commands;
mod conditions;
mod corpus;
mod cut;
mod damaged;
mod defaults;
mod deliver;
mod deploy;
mod enrich;
mod faults;
mod forget;
mod jira_api;
mod jira_setup;
mod jira_sweep;
mod keep;
mod kill;
mod logs;
mod look;
mod manners;
mod mute;
mod notes;
mod own;
mod places;
mod private;
mod projects;
mod recover;
mod rehearse;
mod reload;
mod replies;
mod restraint;
mod rule_tests;
mod rules;
mod setup;
mod support;
mod terminal;
mod webhooks;
mod work;

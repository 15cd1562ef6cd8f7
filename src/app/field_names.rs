//! Asks Jira what its site calls the fields that it added to tickets, if the configuration or a rule calls any by its name. At
//! the start, and then regularly. While Jira doesn't answer, the names that were known stay in force.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::api::jira::Jira;
use crate::compose::Rulebook;
use crate::event::is_field_id;
use crate::source::SharedFields;

/// How long an answer is used.
const FRESH: Duration = Duration::from_secs(3600);
/// The pause after a failure.
const REST: Duration = Duration::from_secs(300);

/// Looks up the names of fields.
pub(super) struct FieldNames {
    jira: Option<Arc<Jira>>,
    fields: SharedFields,
    /// When Jira is asked again
    due: Option<Instant>,
    /// The names that Jira doesn't know
    unknown: BTreeSet<String>,
    /// Whether a failure was logged
    troubled: bool,
}

impl FieldNames {
    /// Without access to Jira's API, nothing is looked up.
    pub(super) fn new(jira: Option<Arc<Jira>>, fields: SharedFields) -> Self {
        Self { jira, fields, due: None, unknown: BTreeSet::new(), troubled: false }
    }

    /// Payloads are read for what these rules ask, from now on.
    pub(super) fn read_for(&self, rulebook: &Rulebook) {
        self.fields.ask(rulebook.rules().fields());
    }

    /// Whether the rules need names that were never looked up.
    pub(super) fn is_new(&self, rulebook: &Rulebook) -> bool {
        let fields = self.fields.now();
        let unknown = || fields.unknown().into_iter().any(|name| !self.unknown.contains(name));
        self.jira.is_some() && self.is_needed(rulebook) && (self.due.is_none() || unknown())
    }

    /// Waits until it is time to ask, and asks. It is cancel-safe.
    pub(super) async fn next(&mut self, rulebook: &Rulebook) {
        let Some(jira) = self.jira.clone().filter(|_| self.is_needed(rulebook)) else {
            return std::future::pending().await;
        };
        if let Some(due) = self.due.filter(|_| !self.is_new(rulebook)) {
            sleep_until(due).await;
        }
        let answer = jira.fields().await;
        self.due = Some(Instant::now() + if answer.is_ok() { FRESH } else { REST });
        match answer {
            Ok(known) => {
                self.fields.learn(known);
                self.troubled = false;
                self.warn();
            }
            Err(error) => {
                self.unknown = self.fields.now().unknown().into_iter().map(str::to_owned).collect();
                if !std::mem::replace(&mut self.troubled, true) {
                    tracing::warn!(%error, "Jira doesn't list its fields: conditions on their names hold once it does");
                }
            }
        }
    }

    /// Epics and sprints are in fields that each site calls by other ids.
    fn is_needed(&self, rulebook: &Rulebook) -> bool {
        let fields = self.fields.now();
        let named = fields.due.iter().chain(&fields.asked).any(|name| !is_field_id(name));
        named || rulebook.rules().ask_of_plans()
    }

    /// Logs once which names no field has.
    fn warn(&mut self) {
        let fields = self.fields.now();
        let unknown = fields.unknown().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
        for name in unknown.difference(&self.unknown) {
            tracing::warn!(field = name, "Jira has no field of this name, or doesn't show it to the token's account");
        }
        self.unknown = unknown;
    }
}

//! Which of GitHub's hooks send to us: whoever wants to ask for what did not arrive has to know.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;

use crate::api::github;
use crate::event::Source;
use crate::store::{Hook, Store};

/// The hooks that were heard of since the start.
#[derive(Debug, Default)]
pub struct Hooks {
    known: Mutex<HashSet<i64>>,
}

impl Hooks {
    /// Remembers the hook that a delivery came by, the first time since the start: a repository may have another name now.
    pub(super) async fn learn(&self, headers: &HeaderMap, body: &[u8], store: &Store) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let Some(id) = header("x-github-hook-id").and_then(|id| id.parse::<i64>().ok()) else { return };
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&id) {
            return;
        }
        let kind = header("x-github-hook-installation-target-type").unwrap_or_default();
        if let Some(route) = github::hook_route(kind, id, body) {
            let hook = Hook { id, route, swept: Timestamp::now() };
            if let Err(error) = store.learn_hook(Source::Github, hook).await {
                tracing::warn!(hook = id, %error, "this hook is not remembered yet: its next delivery tries again");
                return;
            }
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }
}

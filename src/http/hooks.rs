//! Remembers which of GitHub's hooks send to us, since the recovery asks them for what did not arrive.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use http::HeaderMap;
use jiff::Timestamp;

use crate::api::github;
use crate::event::Source;
use crate::store::{Hook, Store};

/// The hooks whose deliveries arrived since the start.
#[derive(Debug, Default)]
pub struct Hooks {
    known: Mutex<HashSet<i64>>,
}

impl Hooks {
    /// The hook of a delivery, unless it is known.
    pub(super) fn unknown(&self, headers: &HeaderMap, body: &[u8]) -> Option<Hook> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let id = header("x-github-hook-id")?.parse::<i64>().ok()?;
        if self.known.lock().unwrap_or_else(PoisonError::into_inner).contains(&id) {
            return None;
        }
        let kind = header("x-github-hook-installation-target-type").unwrap_or_default();
        Some(Hook { id, route: github::hook_route(kind, id, body)?, swept: Timestamp::now() })
    }

    /// Remembers a hook, once per start, since the repository may have a new name.
    pub(super) async fn learn(&self, hook: Hook, store: &Store) {
        let id = hook.id;
        if let Err(error) = store.learn_hook(Source::Github, hook).await {
            tracing::warn!(hook = id, %error, "failed to remember this hook, will retry with its next delivery");
            return;
        }
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }
}

//! Payloads that were read when they came, until they are planned: nobody reads them again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::Source;
use crate::source::{Parsed, SiteFields};

/// So many are kept at most, of some kilobytes each. What doesn't fit is read from the store.
const MOST: usize = 4096;

/// What a payload says, and which of a Jira site's fields it was read for.
pub type Read = (Parsed, Arc<SiteFields>);

/// What payloads say that are on their way into the store, or wait there, by their source and the sender's id.
#[derive(Default)]
pub struct Fresh(Mutex<HashMap<(Source, String), Read>>);

impl Fresh {
    /// Keeps what a payload says, before it is stored. `false` if there is no room, or another one with this id waits.
    pub fn put(&self, source: Source, key: &str, read: Read) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (source, key.to_owned());
        let fits = kept.len() < MOST && !kept.contains_key(&name);
        if fits {
            kept.insert(name, read);
        }
        fits
    }

    /// Keeps none of them any more.
    pub fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What a payload says, which is not kept any more; nothing if it was read for other fields than these. Who changes them
    /// makes new ones, since those that are kept here are shared.
    pub fn take(&self, source: Source, key: &str, fields: &Arc<SiteFields>) -> Option<Parsed> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(source, key.to_owned()));
        kept.filter(|(_, read_for)| Arc::ptr_eq(read_for, fields)).map(|(parsed, _)| parsed)
    }
}

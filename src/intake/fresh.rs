//! Payloads that were read when they came, until they are planned: nobody reads them again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::event::Source;
use crate::source::Parsed;

/// So many are kept at most, of some kilobytes each. What doesn't fit is read from the store.
const MOST: usize = 4096;

/// What payloads say that are on their way into the store, or wait there, by their source and the sender's id.
#[derive(Default)]
pub struct Fresh(Mutex<HashMap<(Source, String), Parsed>>);

impl Fresh {
    /// Keeps what a payload says, before it is stored. `false` if there is no room, or another one with this id waits.
    pub fn put(&self, source: Source, key: &str, parsed: Parsed) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = (source, key.to_owned());
        let fits = kept.len() < MOST && !kept.contains_key(&name);
        if fits {
            kept.insert(name, parsed);
        }
        fits
    }

    /// Forgets all: what names mean that payloads have is only known now.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What a payload says, which is not kept any more.
    pub fn take(&self, source: Source, key: &str) -> Option<Parsed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&(source, key.to_owned()))
    }
}

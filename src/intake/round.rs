//! A round of planning: everything that is done in one transaction.

use std::panic::AssertUnwindSafe;

use jiff::Timestamp;

use crate::compose::Rulebook;
use crate::config::TellAuthors;
use crate::rule::Renaming;
use crate::store::{StoreError, Tx};

/// What a round works with, and has done so far.
pub(super) struct Round<'a> {
    pub(super) tx: &'a Tx<'a>,
    pub(super) rulebook: &'a Rulebook,
    pub(super) now: Timestamp,
    /// How many updates, silences and answers it dealt with
    pub(super) worked: usize,
    /// What lines of the ledger began and ended as
    pub(super) states: Vec<&'static str>,
    /// What has another name now
    pub(super) renamings: Vec<Renaming>,
}

impl<'a> Round<'a> {
    pub(super) fn new(tx: &'a Tx<'a>, rulebook: &'a Rulebook, now: Timestamp) -> Self {
        Self { tx, rulebook, now, worked: 0, states: Vec::new(), renamings: Vec::new() }
    }

    /// Works on what no webhook brings: silences, and what people answer to assumptions, or don't.
    pub(super) fn look_after(
        &mut self,
        resumed: Option<Timestamp>,
        tell_authors: TellAuthors,
    ) -> Result<(), StoreError> {
        // Whoever objects at the last moment objects.
        self.hear(tell_authors)?;
        // Nothing is silent of which something was missed.
        if resumed.is_some() {
            return Ok(());
        }
        self.break_silences()?;
        self.agree(tell_authors)
    }

    /// Does a part of the work; if it fails, also by a fault of ours, what it wrote is taken back.
    pub(super) fn attempt(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.tx.attempt(|_| {
            let fault = |_| Err(StoreError::Corrupt("the planner failed".to_owned()));
            std::panic::catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(fault)
        })
    }
}

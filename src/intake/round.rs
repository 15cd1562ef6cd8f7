//! A round of planning: everything that is done in one transaction.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use jiff::Timestamp;

use crate::compose::Rulebook;
use crate::config::TellAuthors;
use crate::reason::Code;
use crate::rule::Renaming;
use crate::store::{StoreError, Tx};
use crate::telemetry::{Planned, Tracer};

use super::touched::Touched;

/// What a round works with, and has done so far.
pub(super) struct Round<'a> {
    pub(super) tx: &'a Tx<'a>,
    pub(super) rulebook: &'a Rulebook,
    pub(super) now: Timestamp,
    /// A delivery that can't be planned is set aside, instead of failing the round. For that SQLite copies each page before it
    /// is changed, so it is done only once there is such a delivery.
    pub(super) careful: bool,
    /// How many updates, silences and answers it dealt with
    pub(super) worked: usize,
    /// What lines of the ledger began and ended as, and why
    pub(super) states: Vec<(&'static str, Code)>,
    /// What has another name now
    pub(super) renamings: Vec<Renaming>,
    /// What on GitHub may have changed
    pub(super) touched: Vec<Touched>,
    /// Who tells the collector of deliveries, if there is one
    pub(super) tracer: Option<Arc<Tracer>>,
    /// What it is to be told once all of this is on disk
    pub(super) planned: Vec<Planned>,
}

impl<'a> Round<'a> {
    pub(super) fn new(tx: &'a Tx<'a>, rulebook: &'a Rulebook, now: Timestamp, careful: bool) -> Self {
        Self {
            tx,
            rulebook,
            now,
            careful,
            worked: 0,
            states: Vec::new(),
            renamings: Vec::new(),
            touched: Vec::new(),
            tracer: None,
            planned: Vec::new(),
        }
    }

    /// Works on what no webhook brings: silences, due dates, and what people answer to assumptions, or don't.
    pub(super) fn look_after(
        &mut self,
        resumed: Option<Timestamp>,
        tell_authors: TellAuthors,
    ) -> Result<(), StoreError> {
        let (tx, now) = (self.tx, self.now);
        tx.ahead(|| {
            drop((tx.uncarried(), tx.unanswered(), tx.run_out(now), tx.unopposed(now)));
            drop(tx.next_due());
        });
        // The author needn't be told what a comment carries.
        self.carry_answers()?;
        // Whoever objects at the last moment objects.
        self.hear(tell_authors)?;
        // Nothing is silent of which something was missed.
        if resumed.is_some() {
            return Ok(());
        }
        self.run_timers()?;
        self.agree(tell_authors)
    }

    /// Does a part of the work; a fault of ours in it is an error.
    pub(super) fn attempt(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let (tx, careful) = (self.tx, self.careful);
        let work = || {
            let fault = |_| Err(StoreError::Corrupt("the planner failed".to_owned()));
            std::panic::catch_unwind(AssertUnwindSafe(|| work(self))).unwrap_or_else(fault)
        };
        if careful { tx.attempt(|_| work()) } else { work() }
    }
}

//! Reports what comes with time: that a pull request stalls, that a ticket went quiet, is due soon or overdue.

use super::round::Round;
use crate::plan::{self, Elapsed, Since};
use crate::store::StoreError;

impl Round<'_> {
    /// Plans what is told since nothing happened, or since a day has come.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) fn run_timers(&mut self) -> Result<(), StoreError> {
        for run_out in self.tx.run_out(self.now)? {
            let due_date = run_out.known.as_ref().and_then(|known| plan::name_due_date(&run_out.timer, known));
            let told = due_date.map(|name| self.tx.told(&name)).transpose()?.flatten().is_some();
            let elapsed = run_out.known.as_ref().map_or(Elapsed::Over, |known| {
                let since = Since { known, ticket: run_out.ticket.as_ref(), said: run_out.said, told };
                plan::elapsed(&run_out.timer, since, self.rulebook.rules(), self.now)
            });
            if let Elapsed::Told { fate, .. } = &elapsed {
                self.states.push((fate.state(), fate.code()));
            }
            self.tx.follow(&run_out, &elapsed, self.now)?;
            self.worked += 1;
        }
        Ok(())
    }
}

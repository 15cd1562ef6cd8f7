//! Reports that nothing happened: that a pull request stalls, or a ticket went quiet.

use super::round::Round;
use crate::plan::{self, Silence, Silent};
use crate::store::StoreError;

impl Round<'_> {
    /// Plans what is told since nothing happened.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) fn break_silences(&mut self) -> Result<(), StoreError> {
        for run_out in self.tx.run_out(self.now)? {
            let silence = run_out.known.as_ref().map_or(Silence::Over, |known| {
                let silent = Silent { known, ticket: run_out.ticket.as_ref(), said: run_out.said };
                plan::broken_silence(&run_out.timer, silent, self.rulebook.rules(), self.now)
            });
            if let Silence::Told { fate, .. } = &silence {
                self.states.push(fate.state());
            }
            self.tx.follow(&run_out, &silence, self.now)?;
            self.worked += 1;
        }
        Ok(())
    }
}

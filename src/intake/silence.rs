//! What is told since nothing happened.

use jiff::Timestamp;

use super::{Intake, ticket};
use crate::compose::Rulebook;
use crate::plan::{self, Silence, Silent};
use crate::store::{Followed, StoreError};

impl Intake {
    /// Plans what is told since nothing happened.
    pub(super) async fn break_silences(&self, rulebook: &Rulebook, now: Timestamp) -> Result<usize, StoreError> {
        let run_out = self.store.run_out(now).await?;
        if run_out.is_empty() {
            return Ok(0);
        }
        let followed = run_out.into_iter().map(|run_out| {
            let ticket = run_out.ticket.as_ref().and_then(ticket);
            let silent = |known| Silent { known, ticket, said: run_out.said };
            let silence = run_out.known.as_ref().map_or(Silence::Over, |known| {
                plan::broken_silence(&run_out.timer, silent(known), rulebook.rules(), now)
            });
            let reason = match &silence {
                Silence::Told { wait, .. } => {
                    self.metrics.update("held");
                    let team = rulebook.rules().find(&run_out.timer.team, &run_out.timer.rule);
                    team.map(|(team, _)| wait.reason(&team.timezone))
                }
                Silence::Suppressed(_, reason) => {
                    self.metrics.update("suppressed");
                    Some(reason.clone())
                }
                Silence::Until(_) | Silence::Over => None,
            };
            Followed { run_out, silence, reason }
        });
        let followed = followed.collect::<Vec<_>>();
        let count = followed.len();
        self.store.follow(followed, now).await?;
        Ok(count)
    }
}

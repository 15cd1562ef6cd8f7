//! Who agreed to an assumption.

use jiff::Timestamp;

use super::answer::LONGEST_NAME;
use super::row::{Millis, Text, named_params};
use super::{Store, StoreError, Through, Tx};
use crate::plan::LineId;
use crate::template::{clean, shorten};

/// That somebody agreed to an assumption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreement {
    /// Who it is, so that it counts once: their id in Slack
    pub key: String,
    /// What they are called
    pub by: String,
    /// How they said it
    pub through: Through,
    /// When
    pub at: Timestamp,
}

/// Whether it was news.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreed {
    /// It is recorded
    New,
    /// It was recorded before
    Known,
}

impl Store {
    /// Records that somebody agreed to assumptions, by the lines that told of them. Others can object as before.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn agree(&self, lines: Vec<LineId>, agreement: Agreement) -> Result<Agreed, StoreError> {
        self.write(move |tx| {
            let mut agreed = Agreed::Known;
            for line in lines {
                if tx.agree(line, &agreement)? {
                    agreed = Agreed::New;
                }
            }
            Ok(agreed)
        })
        .await
    }
}

impl Tx<'_> {
    fn agree(&self, line: LineId, agreement: &Agreement) -> Result<bool, StoreError> {
        let Agreement { key, by, through, at } = agreement;
        let new = self.run(
            "INSERT INTO agreement (ledger_id, key, made_by, through, made_at)
             SELECT id, :key, :by, :through, :at FROM ledger
             WHERE delivery_id = :delivery AND line = :line
               AND kind = 'note.assumed' AND team IS NOT NULL AND answers IS NULL
             ON CONFLICT DO NOTHING",
            named_params! { ":delivery": line.delivery, ":line": line.line, ":key": key,
            ":by": shorten(&clean(by), LONGEST_NAME), ":through": Text(through), ":at": Millis(*at) },
        )?;
        Ok(new > 0)
    }
}

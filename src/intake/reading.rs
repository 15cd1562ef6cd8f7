//! Reads the payloads that wait.

use std::sync::Arc;

use super::{Batch, Fresh, names, understand};
use crate::source::Settings;
use crate::store::{Queued, Store, StoreError, Tx};

/// So many payloads, each of which may be large, are asked for at once.
const BODIES: usize = 8;

/// How the payloads that wait are read.
pub(super) struct Reading {
    pub(super) settings: Settings,
    pub(super) store: Store,
    pub(super) fresh: Arc<Fresh>,
}

impl Reading {
    /// Reads those that have waited longest.
    ///
    /// # Errors
    /// [`StoreError`]
    pub(super) fn read(&self, tx: &Tx<'_>) -> Result<Batch, StoreError> {
        let (deliveries, unreadable) = tx.queued()?;
        let (mut parsed, fields) = (Vec::with_capacity(deliveries.len()), self.settings.fields.now());
        for some in deliveries.chunks(BODIES) {
            let fresh = some.iter().map(|Queued { source, key, .. }| self.fresh.take(*source, key, &fields));
            let fresh = some.iter().zip(fresh).collect::<Vec<_>>();
            let unknown = fresh.iter().filter(|(_, fresh)| fresh.is_none());
            tx.ahead(|| unknown.for_each(|(delivery, _)| drop(tx.body(delivery.id))));
            for (Queued { id, source, name, received, .. }, fresh) in fresh {
                parsed.push(match fresh {
                    Some(parsed) => parsed,
                    None => understand(*source, name, &tx.body(*id)?, *received, &self.settings),
                });
            }
        }
        let learned = names::complete(&mut parsed, &self.settings, (tx, &self.store))?;
        let full = deliveries.len() >= Tx::DELIVERIES;
        let (deliveries, parsed) = (deliveries.into(), parsed.into());
        Ok(Batch { deliveries, parsed, unreadable, learned, full, ..Batch::default() })
    }
}

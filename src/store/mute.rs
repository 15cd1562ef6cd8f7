//! Mutes, and the key that signs the links in messages.

use std::collections::BTreeSet;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretSlice};

use super::row::{Millis, Row, Text, named_params, text, time, time_or_none};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;
use crate::mute::{By, Mute, Scope, Update};

impl Store {
    /// Everything that is muted, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn mutes(&self, now: Timestamp) -> Result<Vec<Mute>, StoreError> {
        self.read(move |tx| {
            tx.rows(
                "SELECT team, destination, thread, rule, until_at, made_at, made_by, who FROM mute WHERE until_at IS NULL OR until_at > :now ORDER BY id",
                named_params! { ":now": Millis(now) },
                mute,
            )
        })
        .await
    }

    /// Mutes something, in place of an earlier mute of the same. What has ended is forgotten.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn mute(&self, mute: Mute) -> Result<(), StoreError> {
        self.write(move |tx| tx.insert_mute(&mute)).await
    }

    /// Ends the mutes of a conversation, a rule or, with neither, of whole destinations: those of one team and
    /// destination, where the scope names them. Returns how many there were.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn unmute(&self, scope: Scope) -> Result<u64, StoreError> {
        let Scope { team, destination, thread, rule } = scope;
        self.write(move |tx| {
            let removed = tx.run(
                "DELETE FROM mute
                 WHERE thread IS NOT DISTINCT FROM :thread AND rule IS NOT DISTINCT FROM :rule
                   AND (:team IS NULL OR team = :team)
                   AND (:destination IS NULL OR destination = :destination) AND (until_at IS NULL OR until_at > :now)",
                named_params! { ":thread": thread, ":rule": rule, ":team": team,
                ":destination": destination.as_ref().map(Text), ":now": Millis(Timestamp::now()) },
            )?;
            Ok(removed as u64)
        })
        .await
    }

    /// Takes back what a link in a message muted: exactly that, and not what somebody muted by a command.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn take_back(&self, scope: Scope) -> Result<(), StoreError> {
        let Scope { team, destination, thread, rule } = scope;
        self.write(move |tx| {
            tx.put(
                "DELETE FROM mute WHERE team IS NOT DISTINCT FROM :team AND destination IS NOT DISTINCT FROM :destination
                     AND thread IS NOT DISTINCT FROM :thread AND rule IS NOT DISTINCT FROM :rule AND made_by <> :command",
                named_params! { ":team": team, ":destination": destination.as_ref().map(Text), ":thread": thread,
                ":rule": rule, ":command": Text(By::Command) },
            )
        })
        .await
    }

    /// The key that signs links in messages; it is made when it is first asked for.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`], [`StoreError::Random`]
    pub async fn link_key(&self) -> Result<SecretSlice<u8>, StoreError> {
        let mut fresh = vec![0; 32];
        getrandom::fill(&mut fresh).map_err(|error| StoreError::Random(error.to_string()))?;
        let fresh = SecretSlice::from(fresh);
        self.write(move |tx| {
            tx.put(
                "INSERT INTO secret (name, value) VALUES ('links', :fresh) ON CONFLICT DO NOTHING",
                named_params! { ":fresh": fresh.expose_secret() },
            )?;
            let key: Option<Vec<u8>> = tx.value("SELECT value FROM secret WHERE name = 'links'", [])?;
            Ok(key.ok_or_else(StoreError::nothing_found)?.into())
        })
        .await
    }
}

macro_rules! mutes {
    ($of:literal) => {
        concat!(
            "SELECT team, destination, thread, rule, until_at, made_at, made_by, who FROM mute WHERE ",
            $of,
            " AND (until_at IS NULL OR until_at > :now)"
        )
    };
}

const OF_THREAD: &str = mutes!("thread = :thread");
const OF_RULE: &str = mutes!("thread IS NULL AND rule = :rule");
const OF_DESTINATION: &str = mutes!("thread IS NULL AND rule IS NULL AND destination = :to");

impl Tx<'_> {
    /// What is muted and may fit one of these updates.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub fn mutes_of(&self, updates: &[(Update<'_>, &[Destination])], now: Timestamp) -> Result<Vec<Mute>, StoreError> {
        let threads = updates.iter().map(|(update, _)| update.thread).collect::<BTreeSet<_>>();
        let rules = updates.iter().map(|(update, _)| update.rule).collect::<BTreeSet<_>>();
        let destinations = updates.iter().flat_map(|(_, to)| *to).collect::<BTreeSet<_>>();
        let look = || {
            let mut mutes = Vec::new();
            for thread in &threads {
                mutes.push(self.rows(OF_THREAD, named_params! { ":thread": thread, ":now": Millis(now) }, mute));
            }
            for rule in &rules {
                mutes.push(self.rows(OF_RULE, named_params! { ":rule": rule, ":now": Millis(now) }, mute));
            }
            for to in &destinations {
                mutes.push(self.rows(OF_DESTINATION, named_params! { ":to": Text(to), ":now": Millis(now) }, mute));
            }
            mutes
        };
        self.ahead(|| drop(look()));
        let mutes = look().into_iter().collect::<Result<Vec<_>, _>>()?;
        Ok(mutes.into_iter().flatten().collect())
    }

    fn insert_mute(&self, mute: &Mute) -> Result<(), StoreError> {
        let Mute { scope: Scope { team, destination, thread, rule }, until, at, by, who } = mute;
        let destination = destination.as_ref().map(Text);
        self.put(
            "DELETE FROM mute WHERE until_at <= :at
                 OR (team IS NOT DISTINCT FROM :team AND destination IS NOT DISTINCT FROM :destination
                     AND thread IS NOT DISTINCT FROM :thread AND rule IS NOT DISTINCT FROM :rule)",
            named_params! { ":team": team, ":destination": destination, ":thread": thread, ":rule": rule,
            ":at": Millis(*at) },
        )?;
        self.put(
            "INSERT INTO mute (team, destination, thread, rule, until_at, made_at, made_by, who)
             VALUES (:team, :destination, :thread, :rule, :until, :at, :by, :who)",
            named_params! { ":team": team, ":destination": destination, ":thread": thread, ":rule": rule,
            ":until": until.map(Millis), ":at": Millis(*at), ":by": Text(by), ":who": who },
        )
    }

    /// Writes that an update does not go to one of its destinations because it is muted there.
    pub(super) fn leave_out(&self, id: i64, to: &Destination, error: &str, now: Timestamp) -> Result<(), StoreError> {
        self.put(
            "INSERT INTO send (ledger_id, destination, thread, state, next_at, error, created_at)
             SELECT id, :to, coalesce(thread, ''), 'muted', :now, :error, :now FROM ledger WHERE id = :id",
            named_params! { ":id": id, ":to": Text(to), ":error": error, ":now": Millis(now) },
        )
    }
}

pub(super) fn mute(row: &Row<'_>) -> Result<Mute, StoreError> {
    let destination: Option<Text<Destination>> = row.get("destination")?;
    Ok(Mute {
        scope: Scope {
            team: row.get("team")?,
            destination: destination.map(|destination| destination.0),
            thread: row.get("thread")?,
            rule: row.get("rule")?,
        },
        until: time_or_none(row, "until_at")?,
        at: time(row, "made_at")?,
        by: text(row, "made_by")?,
        who: row.get("who")?,
    })
}

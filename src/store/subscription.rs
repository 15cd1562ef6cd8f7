//! What people subscribed a channel to, beside what its team's file says.

use jiff::Timestamp;
use serde::Serialize;

use super::answer::LONGEST_NAME;
use super::row::{Json, Millis, Row, Text, json, named_params, text, time};
use super::{Store, StoreError, Tx};
use crate::destination::Destination;
use crate::rule::{ADDRESSED, SUMMARY};
use crate::template::{clean, shorten};

/// So many a team can have: whoever wants more writes a rule.
const MOST: usize = 100;

/// A rule of a team that isn't in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscription {
    /// The team
    pub team: String,
    /// The rule's name, which begins with an `@`
    pub name: String,
    /// Where its messages go
    pub to: Destination,
    /// The repositories: a name or a pattern
    pub repo: String,
    /// The kinds of event, as in a rule's `on`
    pub on: Vec<String>,
    /// Who made it; empty for somebody who was forgotten
    pub by: String,
    /// When
    pub at: Timestamp,
}

/// What became of a wish to subscribe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribed {
    /// It is stored under this name
    New(String),
    /// It was stored before, under this name
    Known(String),
    /// The team has so many that one more isn't stored
    TooMany,
}

const ALL: &str = "SELECT team, name, destination, repo, kinds, made_by, made_at FROM subscription ORDER BY id";

impl Store {
    /// All subscriptions, the oldest first.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]
    pub async fn subscriptions(&self) -> Result<Vec<Subscription>, StoreError> {
        self.read(|tx| tx.rows(ALL, [], subscription)).await
    }

    /// Stores a subscription. If its team has another one of the same name, or the name is one of ours, it gets a number.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn subscribe(&self, subscription: Subscription) -> Result<Subscribed, StoreError> {
        self.write(move |tx| tx.subscribe(&subscription)).await
    }

    /// Ends a subscription. `false` if there is none of this name.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn unsubscribe(&self, team: String, name: String) -> Result<bool, StoreError> {
        self.write(move |tx| {
            let params = named_params! { ":team": team, ":name": name };
            Ok(tx.run("DELETE FROM subscription WHERE team = :team AND name = :name", params)? > 0)
        })
        .await
    }
}

/// A name, with a number if it is taken.
pub fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut numbered = (2..).map(|number| format!("{name}-{number}"));
    if is_taken(name) { numbered.find(|name| !is_taken(name)).unwrap_or_default() } else { name.to_owned() }
}

impl Tx<'_> {
    fn subscribe(&self, new: &Subscription) -> Result<Subscribed, StoreError> {
        let Subscription { team, name, to, repo, on, by, at } = new;
        let all = self.rows(ALL, [], subscription)?;
        let own = || all.iter().filter(|known| known.team == *team);
        if let Some(known) = own().find(|known| known.to == *to && known.repo == *repo && known.on == *on) {
            return Ok(Subscribed::Known(known.name.clone()));
        }
        if own().count() >= MOST {
            return Ok(Subscribed::TooMany);
        }
        let name =
            free_name(name, |name| [ADDRESSED, SUMMARY].contains(&name) || own().any(|known| known.name == name));
        self.put(
            "INSERT INTO subscription (team, name, destination, repo, kinds, made_by, made_at)
             VALUES (:team, :name, :to, :repo, :kinds, :by, :at)",
            named_params! { ":team": team, ":name": name, ":to": Text(to), ":repo": repo, ":kinds": Json(on),
            ":by": shorten(&clean(by), LONGEST_NAME), ":at": Millis(*at) },
        )?;
        Ok(Subscribed::New(name))
    }
}

fn subscription(row: &Row<'_>) -> Result<Subscription, StoreError> {
    Ok(Subscription {
        team: row.get("team")?,
        name: row.get("name")?,
        to: text(row, "destination")?,
        repo: row.get("repo")?,
        on: json(row, "kinds")?,
        by: row.get("made_by")?,
        at: time(row, "made_at")?,
    })
}

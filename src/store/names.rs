//! Who goes by which name: hosts, what was renamed, repositories that became private, people.

use std::collections::HashMap;
use std::sync::PoisonError;

use sqlx::{Row, SqliteConnection};

use super::{Store, StoreError, to_json};
use crate::event::{Renamed, Source, TicketKey};
use crate::track::Homes;

impl Store {
    /// With the hosts that were heard of first.
    ///
    /// # Errors
    /// [`StoreError::Database`]; here and below
    pub async fn homes(&self, mut homes: Homes) -> Result<Homes, StoreError> {
        for row in sqlx::query("SELECT source, host FROM home").fetch_all(&self.read).await? {
            let (source, host): (&str, String) = (row.try_get(0)?, row.try_get(1)?);
            match source {
                "github" => homes.first_github = Some(host),
                _ => homes.first_jira = Some(host),
            }
        }
        Ok(homes)
    }

    /// Remembers the hosts that were heard of first.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn learn_homes(&self, homes: &Homes) -> Result<(), StoreError> {
        let known = [(Source::Github, &homes.first_github), (Source::Jira, &homes.first_jira)];
        let known = known.into_iter().filter_map(|(source, host)| Some((source.as_str(), host.clone()?)));
        let rows = to_json(&known.collect::<Vec<_>>())?;
        let sql = "INSERT INTO home (source, host) SELECT value ->> 0, value ->> 1 FROM json_each($1) WHERE TRUE
                   ON CONFLICT DO UPDATE SET host = excluded.host";
        self.write_rows(sql, rows).await
    }

    /// What these names are now, so far as any is another.
    ///
    /// # Errors
    /// As above
    pub async fn aliases(&self, names: &[&str]) -> Result<HashMap<String, String>, StoreError> {
        let rows = sqlx::query("SELECT old, new FROM json_each($1) CROSS JOIN alias ON old = value")
            .bind(to_json(&names)?)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Whether another subject went the same way before, such as from one project of Jira's to another: the names begin with
    /// these, and go on with a `-`.
    ///
    /// # Errors
    /// As above
    pub async fn went_before(&self, from: &str, to: &str) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM alias
                                  WHERE old > $1 || '-' AND old < $1 || '.' AND new > $2 || '-' AND new < $2 || '.')";
        Ok(sqlx::query(sql).bind(from).bind(to).fetch_one(&self.read).await?.try_get(0)?)
    }

    /// Whether repositories are private, so far as we heard.
    ///
    /// # Errors
    /// As above
    pub async fn private(&self, names: &[&str]) -> Result<HashMap<String, bool>, StoreError> {
        let rows = sqlx::query("SELECT name, private FROM json_each($1) CROSS JOIN repository ON name = value")
            .bind(to_json(&names)?)
            .fetch_all(&self.read)
            .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// What somebody is called, by the id.
    #[must_use]
    pub fn name_of(&self, id: &str) -> Option<String> {
        self.people.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Remembers what people are called: pairs of id and name. Those that are known already cost nothing.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn learn_people(&self, people: impl IntoIterator<Item = (String, String)>) -> Result<(), StoreError> {
        let new = people.into_iter().filter(|(id, name)| self.name_of(id).as_ref() != Some(name));
        let new = new.collect::<Vec<_>>();
        if new.is_empty() {
            return Ok(());
        }
        let sql = "INSERT INTO person (id, name) SELECT value ->> 0, value ->> 1 FROM json_each($1) WHERE TRUE
                   ON CONFLICT DO UPDATE SET name = excluded.name WHERE name <> excluded.name";
        self.write_rows(sql, to_json(&new)?).await?;
        self.people.write().unwrap_or_else(PoisonError::into_inner).extend(new);
        Ok(())
    }

    async fn write_rows(&self, sql: &'static str, rows: String) -> Result<(), StoreError> {
        self.write(move |conn| {
            Box::pin(async move {
                sqlx::query(sql).bind(rows).execute(conn).await?;
                Ok(())
            })
        })
        .await
    }
}

/// What people are called, by their ids.
pub(super) async fn people(conn: &mut SqliteConnection) -> Result<HashMap<String, String>, sqlx::Error> {
    sqlx::query_as("SELECT id, name FROM person").fetch_all(conn).await.map(|rows| rows.into_iter().collect())
}

/// Takes in whether repositories are private: lists of name, whether, and when.
pub(super) async fn write_private(conn: &mut SqliteConnection, rows: &str) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO repository (name, private, at)
         SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each($1) WHERE TRUE
         ON CONFLICT DO UPDATE SET private = excluded.private, at = excluded.at
         WHERE private <> excluded.private AND at <= excluded.at",
    )
    .bind(rows)
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives a subject, or a repository with all that is in it, its new name: what waits, what was told, conversations, mutes
/// and timers go on under it.
pub(super) async fn rename(conn: &mut SqliteConnection, renamed: &Renamed) -> Result<(), StoreError> {
    let Renamed { from, to } = renamed;
    if from == to {
        return Ok(());
    }
    for statement in renaming() {
        // Both names are bound; what is written into the text are columns of ours.
        sqlx::query(sqlx::AssertSqlSafe(statement)).bind(from).bind(to).execute(&mut *conn).await?;
    }
    if let Some(workflows) = Workflows::of(renamed) {
        workflows.rename(conn).await?;
    }
    // The notes in a description are named by what it describes.
    let (host, old) = bare(from);
    let (_, new) = bare(to);
    for source in ["github", "jira"] {
        let place = format!("{host}note:{source}:");
        sqlx::query(
            "UPDATE OR IGNORE event SET once = $2 || substr(once, length($1) + 1)
             WHERE once > $1 AND once < $1 || 'A' AND substr(once, length($1) + 1, 1) IN ('#', ':', '@')",
        )
        .bind(format!("{place}{old}"))
        .bind(format!("{place}{new}"))
        .execute(&mut *conn)
        .await?;
    }
    tracing::info!(from, to, "renamed");
    Ok(())
}

/// Where names stand: table, column, and in which rows.
const NAMED: [(&str, &str, &str); 12] = [
    ("subject", "key", "TRUE"),
    ("subject", "thread", "thread <> key"),
    ("fired", "subject", "TRUE"),
    ("timer", "subject", "TRUE"),
    ("ledger", "subject", "due_at IS NOT NULL"),
    ("ledger", "subject", "told_at IS NOT NULL"),
    ("ledger", "thread", "thread IS NOT NULL"),
    ("send", "thread", "state IN ('queued', 'sending')"),
    ("conversation", "thread", "TRUE"),
    ("mute", "thread", "thread IS NOT NULL"),
    ("environment", "scope", "TRUE"),
    ("repository", "name", "TRUE"),
];

/// The workflows that run on a branch which has another name from now on: that is the end of their names.
struct Workflows<'r> {
    /// What the names of all of the repository's begin with
    repository: &'r str,
    old: &'r str,
    new: &'r str,
}

impl<'r> Workflows<'r> {
    /// `None` for what is no branch. The host before a repository may have a port.
    fn of(Renamed { from, to }: &'r Renamed) -> Option<Self> {
        let (repository, old) = from.rsplit_once(':').filter(|(repository, _)| repository.contains('/'))?;
        Some(Self { repository, old, new: to.strip_prefix(repository)?.strip_prefix(':')? })
    }

    async fn rename(&self, conn: &mut SqliteConnection) -> Result<(), StoreError> {
        for (table, column, which) in NAMED {
            let statement = format!(
                "UPDATE OR REPLACE {table} SET {column} = substr({column}, 1, length({column}) - length($2)) || $3
                 WHERE {which} AND {column} > $1 || ':workflow/' AND {column} < $1 || ':workflow0'
                   AND substr({column}, -length($2) - 1) = '@' || $2"
            );
            let statement = sqlx::query(sqlx::AssertSqlSafe(statement));
            statement.bind(self.repository).bind(self.old).bind(self.new).execute(&mut *conn).await?;
        }
        Ok(())
    }
}

/// The statements that put the name `$2` in the place of `$1`, in order.
fn renaming() -> Vec<String> {
    // `acme/api` and what begins with it and goes on with `#`, `:` or `@`.
    let is = |column: &str, name: &str| {
        format!(
            "({column} = {name} OR {column} > {name} AND {column} < {name} || 'A'
              AND substr({column}, length({name}) + 1, 1) IN ('#', ':', '@'))"
        )
    };
    let columns = NAMED.map(|(table, column, which)| {
        let is = is(column, "$1");
        format!(
            "UPDATE OR REPLACE {table} SET {column} = $2 || substr({column}, length($1) + 1) WHERE {which} AND {is}"
        )
    });
    // What waits names it too, and leads to its page.
    let named = |column: &str| {
        let ends = [("\"", "\""), ("\"", "#"), ("/", "/"), ("/", "\"")];
        ends.iter().fold(column.to_owned(), |text, (before, after)| {
            format!("replace({text}, '{before}' || $1 || '{after}', '{before}' || $2 || '{after}')")
        })
    };
    let words = [
        format!("UPDATE subject SET state = {} WHERE {} OR thread = $2", named("state"), is("key", "$2")),
        format!(
            "UPDATE event SET body = {} WHERE id IN (
                 SELECT event_id FROM ledger WHERE due_at IS NOT NULL AND ({} OR thread = $2))",
            named("body"),
            is("subject", "$2")
        ),
    ];
    let names = [
        "UPDATE ticket_id SET key = $2 WHERE key = $1",
        "UPDATE alias SET new = $2 WHERE new = $1",
        "DELETE FROM alias WHERE old = $2",
        "INSERT INTO alias (old, new) VALUES ($1, $2) ON CONFLICT DO UPDATE SET new = excluded.new",
    ];
    columns.into_iter().chain(words).chain(names.map(str::to_owned)).collect()
}

/// The host that a name begins with, with its slash, and the rest: `ghe.example.com/acme/api#7`, `jira.example.com/DATA-1`.
fn bare(name: &str) -> (&str, &str) {
    let scope = name.split(['#', '@']).next().unwrap_or_default();
    match scope.split_once('/') {
        Some((host, rest)) if rest.contains('/') || rest.parse::<TicketKey>().is_ok() => name.split_at(host.len() + 1),
        _ => ("", name),
    }
}

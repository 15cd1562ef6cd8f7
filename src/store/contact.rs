//! Who people on GitHub are elsewhere, as others said when they were asked.

use jiff::Timestamp;

use super::row::{Json, Millis, Row, named_params, time_or_none};
use super::{Store, StoreError, Tx};
use crate::api::github::MailFrom;

/// What is known of somebody on GitHub.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contact {
    /// Their login, in small letters
    pub login: String,
    /// Their name
    pub name: Option<String>,
    /// Their mail address
    pub email: Option<Said>,
    /// Where that comes from
    pub email_from: Option<MailFrom>,
    /// Their id in Slack
    pub slack: Option<Said>,
    /// Their account in Jira
    pub jira: Option<Said>,
}

impl Contact {
    /// What they are called in each place, other than by their name.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        let said = [&self.email, &self.slack, &self.jira].into_iter().flatten();
        std::iter::once(self.login.as_str()).chain(said.filter_map(|said| said.value.as_deref()))
    }
}

/// What was said when somebody was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// What; `None` for that there is nothing
    pub value: Option<String>,
    /// When
    pub at: Timestamp,
}

const COLUMNS: &str = "SELECT login, name, email, email_from, email_at, slack, slack_at, jira, jira_at FROM contact";

impl Store {
    /// What is known of these people, by login or by account in Jira.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`]; here and below
    pub async fn contacts(&self, logins: Vec<String>, accounts: Vec<String>) -> Result<Vec<Contact>, StoreError> {
        let sql = format!(
            "{COLUMNS} WHERE login IN (SELECT lower(value) FROM json_each(:logins))
                          OR jira IN (SELECT value FROM json_each(:accounts))"
        );
        let params = move |tx: &Tx<'_>| {
            tx.rows(&sql, named_params! { ":logins": Json(&logins), ":accounts": Json(&accounts) }, contact)
        };
        self.read(params).await
    }

    /// What is known of somebody, by their id in Slack or their mail address.
    ///
    /// # Errors
    /// As above
    pub async fn contacts_of(&self, id: Option<String>, email: Option<String>) -> Result<Vec<Contact>, StoreError> {
        let sql = format!("{COLUMNS} WHERE slack = :id OR email = :email COLLATE NOCASE LIMIT 10");
        self.read(move |tx| tx.rows(&sql, named_params! { ":id": id, ":email": email }, contact)).await
    }

    /// Everybody of whom something is known, by login.
    ///
    /// # Errors
    /// As above
    pub async fn all_contacts(&self) -> Result<Vec<Contact>, StoreError> {
        self.read(|tx| tx.rows(&format!("{COLUMNS} ORDER BY login"), [], contact)).await
    }

    /// Keeps what is known of somebody now.
    ///
    /// # Errors
    /// [`StoreError::NotWritten`]
    pub async fn learn_contact(&self, contact: Contact) -> Result<(), StoreError> {
        self.write(move |tx| tx.learn_contact(&contact)).await
    }
}

impl Tx<'_> {
    fn learn_contact(&self, contact: &Contact) -> Result<(), StoreError> {
        let Contact { login, name, email, email_from, slack, jira } = contact;
        let value = |said: &Option<Said>| said.as_ref().and_then(|said| said.value.clone());
        let at = |said: &Option<Said>| said.as_ref().map(|said| Millis(said.at));
        self.put(
            "INSERT INTO contact (login, name, email, email_from, email_at, slack, slack_at, jira, jira_at)
             VALUES (:login, :name, :email, :email_from, :email_at, :slack, :slack_at, :jira, :jira_at)
             ON CONFLICT (login) DO UPDATE SET name = excluded.name, email = excluded.email, email_from = excluded.email_from,
                 email_at = excluded.email_at, slack = excluded.slack, slack_at = excluded.slack_at,
                 jira = excluded.jira, jira_at = excluded.jira_at",
            named_params! {
                ":login": login.to_lowercase(), ":name": name, ":email": value(email),
                ":email_from": email_from.map(MailFrom::as_str), ":email_at": at(email),
                ":slack": value(slack), ":slack_at": at(slack), ":jira": value(jira), ":jira_at": at(jira),
            },
        )
    }

    /// Deletes whomever nobody was asked about since then.
    pub(super) fn delete_contacts(&self, until: Timestamp) -> Result<usize, StoreError> {
        self.run(
            "DELETE FROM contact WHERE max(coalesce(email_at, 0), coalesce(slack_at, 0), coalesce(jira_at, 0)) <= :until",
            named_params! { ":until": Millis(until) },
        )
    }
}

fn contact(row: &Row<'_>) -> Result<Contact, StoreError> {
    let said = |value: &str, at: &str| -> Result<Option<Said>, StoreError> {
        let (value, at) = (row.get(value)?, time_or_none(row, at)?);
        Ok(at.map(|at| Said { value, at }))
    };
    let from = row.get::<_, Option<String>>("email_from")?;
    Ok(Contact {
        login: row.get("login")?,
        name: row.get("name")?,
        email: said("email", "email_at")?,
        email_from: from.map(|from| from.parse().map_err(StoreError::Corrupt)).transpose()?,
        slack: said("slack", "slack_at")?,
        jira: said("jira", "jira_at")?,
    })
}

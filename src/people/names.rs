//! What somebody is called on GitHub and in Jira, who is known by another account.

use crate::channel::{People, Person};
use crate::event::Event;
use crate::rule::is_member_called;
use crate::store::{Store, StoreError};

/// An account elsewhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct Account<'a> {
    /// Their id in Slack
    pub slack: Option<&'a str>,
    /// Their mail address
    pub email: Option<&'a str>,
}

/// What somebody is called, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Logins on GitHub: several if several people have the same address
    pub logins: Vec<String>,
    /// Accounts in Jira
    pub accounts: Vec<String>,
}

impl Names {
    /// What whoever has this account is called: as the operator wrote, or as those said who were asked for a mention.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn of(account: Account<'_>, written: &People, store: &Store) -> Result<Self, StoreError> {
        let Account { slack, email } = account;
        let is = |person: &&Person| {
            let same = |own: &lettre::Address| email.is_some_and(|email| is_same_address(own.as_ref(), email));
            (slack.is_some() && person.name("slack") == slack) || person.email.as_ref().is_some_and(same)
        };
        if let Some(person) = written.values().find(is) {
            let accounts = person.name("jira").map(str::to_owned).into_iter().collect();
            return Ok(Self { logins: vec![person.login.clone()], accounts });
        }
        let contacts = store.contacts_of(slack.map(str::to_owned), email.map(str::to_owned)).await?;
        let (logins, jira): (Vec<_>, Vec<_>) = contacts.into_iter().map(|known| (known.login, known.jira)).unzip();
        Ok(Self { logins, accounts: jira.into_iter().filter_map(|said| said?.value).collect() })
    }

    /// Their login on GitHub, if there is no doubt.
    #[must_use]
    pub fn login(&self) -> Option<&str> {
        match &self.logins[..] {
            [login] => Some(login),
            _ => None,
        }
    }

    /// Whether they are among these members of a team.
    #[must_use]
    pub fn are_in(&self, members: &[String]) -> bool {
        self.all().any(|name| is_member_called(members, name, name))
    }

    /// Whether they wrote a note themselves.
    #[must_use]
    pub fn wrote(&self, event: &Event) -> bool {
        let author = event.note.as_ref().and_then(|note| note.author.as_ref());
        author.is_some_and(|author| self.all().any(|name| name.eq_ignore_ascii_case(&author.login)))
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        self.logins.iter().chain(&self.accounts)
    }
}

/// Whether two mail addresses are the same, ignoring case as nearly all mail servers do.
#[must_use]
pub fn is_same_address(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::*;
    use crate::store::tests::scratch;
    use crate::store::{Contact, Said};

    #[tokio::test]
    async fn the_operator_is_asked_first_and_then_what_others_said() {
        let (_place, store) = scratch().await;
        let said = |value: &str| Some(Said { value: Some(value.to_owned()), at: Timestamp::UNIX_EPOCH });
        let contact = |login: &str, email: &str, slack: Option<&str>| Contact {
            login: login.to_owned(),
            email: said(email),
            slack: slack.and_then(said),
            jira: said(&format!("jira-{login}")),
            ..Contact::default()
        };
        for contact in [
            contact("bo", "bo@example.com", Some("U2")),
            contact("li", "team@example.com", None),
            contact("lu", "team@example.com", None),
        ] {
            store.learn_contact(contact).await.unwrap();
        }
        let written = BTreeMap::from([("slack", "U1".to_owned()), ("email", "ana@example.com".to_owned())]);
        let written = People::from([("ana".to_owned(), Person::new("Ana", written))]);
        for (slack, email, logins, login) in [
            (Some("U1"), None, vec!["Ana"], Some("Ana")),
            (None, Some("ANA@example.com"), vec!["Ana"], Some("Ana")),
            (Some("U2"), None, vec!["bo"], Some("bo")),
            (Some("U8"), Some("Bo@Example.com"), vec!["bo"], Some("bo")),
            (None, Some("team@example.com"), vec!["li", "lu"], None),
            (Some("U9"), Some("eve@example.com"), vec![], None),
            (None, None, vec![], None),
        ] {
            let names = Names::of(Account { slack, email }, &written, &store).await.unwrap();
            assert_eq!(
                (names.logins.iter().map(String::as_str).collect(), names.login()),
                (logins, login),
                "{slack:?}"
            );
            let is_bo = names.login() == Some("bo");
            assert_eq!(names.are_in(&["BO".to_owned()]) && names.are_in(&["jira-bo".to_owned()]), is_bo, "{names:?}");
        }
    }
}

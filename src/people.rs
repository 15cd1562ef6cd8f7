//! Finds out who people on GitHub are elsewhere, for those whom a message mentions, is for, or whose answers it asks for.
//!
//! GitHub is asked for a mail address, and with that Slack and Jira for their own names. Each is asked rarely, and the answer
//! is kept, also that there is none. What the operator wrote in `[people]` goes before, and no message waits long: if an API is
//! in trouble, it goes without the mention.

mod names;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;
use tokio::time::timeout;

pub use self::names::{Account, Names, is_same_address};

use crate::api::github::Github;
use crate::api::jira::Jira;
use crate::api::slack::Slack;
use crate::api::{ApiError, Rest};
use crate::channel::{Handle, People, Person, person_key};
use crate::destination::Destination;
use crate::store::{Contact, Said, Store, StoreError};
use crate::template::Message;

/// A message waits no longer for what others know.
const PATIENCE: Duration = Duration::from_secs(4);
/// An API has so long to answer.
const ANSWER: Duration = Duration::from_secs(3);
/// Whoever is in trouble isn't asked for so long.
const PAUSE: Duration = Duration::from_secs(300);
/// An answer is used for so long,
const FRESH: Duration = Duration::from_secs(30 * 86_400);
/// and one that there is nothing, for so long.
const FRESH_NOTHING: Duration = Duration::from_secs(86_400);
/// So many people are asked about for one message.
const MOST: usize = 10;

/// What can be asked about somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Email,
    Slack,
    Jira,
}

/// Somebody, and what a message needs to know of them.
type Need<'a> = (Handle<'a>, What);

/// Finds out who people are.
pub struct Finder {
    store: Store,
    github: Option<Arc<Github>>,
    slack: Option<Arc<Slack>>,
    jira: Option<Arc<Jira>>,
    /// `[people]`
    written: People,
    /// Two messages for one person ask once
    asking: Mutex<()>,
    github_rests: Rest,
    slack_rests: Rest,
    jira_rests: Rest,
}

impl Finder {
    /// With whatever APIs there are. Nothing can be found without GitHub's, but for people whose address is in `[people]`.
    #[must_use]
    pub fn new(
        (store, written): (Store, People),
        github: Option<Arc<Github>>,
        slack: Option<Arc<Slack>>,
        jira: Option<Arc<Jira>>,
    ) -> Self {
        let [github_rests, slack_rests, jira_rests] = [Rest::default(), Rest::default(), Rest::default()];
        Self { store, github, slack, jira, written, asking: Mutex::default(), github_rests, slack_rests, jira_rests }
    }

    /// Who the people are whom a message needs to know at a destination, as far as the operator doesn't say.
    pub async fn find(&self, to: &Destination, message: &Message) -> People {
        let mut needs = needs(to, message);
        needs.retain(|(who, what)| who.among(&self.written).is_none_or(|person| person.name(what.key()).is_none()));
        needs.truncate(MOST);
        let nobody_asked = self.github.is_none() && self.slack.is_none() && self.jira.is_none();
        if needs.is_empty() || nobody_asked {
            return People::new();
        }
        if timeout(PATIENCE, self.ask(&needs, message.organization.as_deref())).await.is_err() {
            tracing::warn!("looking people up takes too long: a message goes without what isn't known");
        }
        self.known(&needs).await.map(people).unwrap_or_else(|error| {
            tracing::error!(%error, "failed to read who people are");
            People::new()
        })
    }

    async fn known(&self, needs: &[Need<'_>]) -> Result<Vec<Contact>, StoreError> {
        let (mut logins, mut accounts) = (Vec::new(), Vec::new());
        for (who, _) in needs {
            match who {
                Handle::Login(login) => logins.push((*login).to_owned()),
                Handle::Jira(account) => accounts.push((*account).to_owned()),
            }
        }
        self.store.contacts(logins, accounts).await
    }

    /// Asks for what isn't known, or was asked long ago. Of an account in Jira nobody is asked anything.
    async fn ask(&self, needs: &[Need<'_>], organization: Option<&str>) {
        let _asking = self.asking.lock().await;
        let known = self.known(needs).await.unwrap_or_default();
        for (who, what) in needs {
            let Handle::Login(login) = *who else { continue };
            if login.ends_with("[bot]") {
                continue;
            }
            let login = login.to_lowercase();
            let before = known.iter().find(|contact| contact.login == login).cloned();
            let before = before.unwrap_or_else(|| Contact { login, ..Contact::default() });
            let mut contact = before.clone();
            self.complete(&mut contact, *what, organization).await;
            if contact != before
                && let Err(error) = self.store.learn_contact(contact).await
            {
                tracing::error!(%error, "failed to keep who somebody is");
            }
        }
    }

    /// Asks what is due of somebody: for their mail address first, since the others go by it.
    async fn complete(&self, contact: &mut Contact, what: What, organization: Option<&str>) {
        let now = Timestamp::now();
        let written = self.written.get(&contact.login).and_then(|person| person.name(What::Email.key()));
        if written.is_none()
            && is_due(contact.email.as_ref(), now)
            && let (Some(github), Some(organization)) = (&self.github, organization)
            && let Some(profile) = self.answer(&self.github_rests, github.profile(&contact.login, organization)).await
        {
            let (value, from) = profile.email.map_or((None, None), |(email, from)| (Some(email), Some(from)));
            contact.email = Some(Said { value, at: now });
            (contact.name, contact.email_from) = (profile.name, from);
        }
        let known = contact.email.as_ref().and_then(|said| said.value.clone());
        let Some(email) = written.map(str::to_owned).or(known) else { return };
        let asked = match (what, &self.slack, &self.jira) {
            (What::Slack, Some(slack), _) if is_due(contact.slack.as_ref(), now) => {
                self.answer(&self.slack_rests, slack.member(&email)).await
            }
            (What::Jira, _, Some(jira)) if is_due(contact.jira.as_ref(), now) => {
                self.answer(&self.jira_rests, jira.account(&email)).await
            }
            _ => None,
        };
        let said = asked.map(|value| Said { value, at: now });
        match what {
            What::Slack if said.is_some() => contact.slack = said,
            What::Jira if said.is_some() => contact.jira = said,
            What::Email | What::Slack | What::Jira => {}
        }
    }

    /// An answer, unless it failed: then nobody is asked there for a while.
    async fn answer<T>(&self, rests: &Rest, answer: impl Future<Output = Result<T, ApiError>>) -> Option<T> {
        if rests.left().is_some() {
            return None;
        }
        let late = |_| Err(ApiError::Silent("there was no answer in time".to_owned()));
        match timeout(ANSWER, answer).await.unwrap_or_else(late) {
            Ok(answer) => Some(answer),
            Err(error) => {
                let wait = if let ApiError::Limited { wait, .. } = &error { *wait } else { PAUSE };
                rests.begin(wait);
                tracing::warn!(%error, "people can't be looked up: messages go without the mention meanwhile");
                None
            }
        }
    }
}

impl What {
    /// The key in `[people.LOGIN]`.
    fn key(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Slack => "slack",
            Self::Jira => "jira",
        }
    }

    fn of_key(key: &str) -> Option<Self> {
        [Self::Email, Self::Slack, Self::Jira].into_iter().find(|what| what.key() == key)
    }
}

/// What a message needs to know of people at a destination, each once.
fn needs<'a>(to: &'a Destination, message: &'a Message) -> Vec<Need<'a>> {
    let at = person_key(to).and_then(|known| What::of_key(known.key));
    let is_mail = matches!(to, Destination::Email(_) | Destination::Mailbox);
    let addressed = to.login().map(Handle::Login).zip(if is_mail { Some(What::Email) } else { at });
    let mentioned = message.mention.iter().filter_map(|who| Some((Handle::read(who), at?)));
    let answered = message.reply_to.iter().filter(|_| is_mail).map(|who| (Handle::read(who), What::Email));
    let mut needs = Vec::new();
    for need in addressed.into_iter().chain(mentioned).chain(answered) {
        if !needs.contains(&need) {
            needs.push(need);
        }
    }
    needs
}

fn is_due(said: Option<&Said>, now: Timestamp) -> bool {
    said.is_none_or(|said| {
        let fresh = if said.value.is_some() { FRESH } else { FRESH_NOTHING };
        now > said.at + fresh
    })
}

/// What was found of each.
fn people(contacts: Vec<Contact>) -> People {
    let person = |contact: Contact| {
        let said = [(What::Email, contact.email), (What::Slack, contact.slack), (What::Jira, contact.jira)];
        let names = said.into_iter().filter_map(|(what, said)| Some((what.key(), said?.value?)));
        let names = names.collect::<BTreeMap<_, _>>();
        (contact.login.clone(), Person::new(&contact.login, names))
    };
    contacts.into_iter().map(person).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_a_message_needs_to_know() {
        let message = Message {
            mention: ["ana", "jira:5b10", "ana"].map(str::to_owned).into(),
            reply_to: Some("bo".to_owned()),
            ..Message::default()
        };
        let (ana, bo, account) = (Handle::Login("ana"), Handle::Login("bo"), Handle::Jira("5b10"));
        let table: &[(&str, &[Need<'_>])] = &[
            ("slack:#web", &[(ana, What::Slack), (account, What::Slack)]),
            ("slack:@bo", &[(bo, What::Slack), (ana, What::Slack), (account, What::Slack)]),
            ("slack-webhook:ops", &[(ana, What::Slack), (account, What::Slack)]),
            ("jira", &[(ana, What::Jira), (account, What::Jira)]),
            ("email:web@example.com", &[(bo, What::Email)]),
            ("email:@ana", &[(ana, What::Email), (bo, What::Email)]),
            ("mailbox", &[(bo, What::Email)]),
            ("github", &[]),
            ("zulip:web", &[]),
        ];
        for (to, expected) in table {
            assert_eq!(needs(&to.parse().unwrap(), &message), *expected, "{to}");
        }
    }

    #[test]
    fn answers_are_asked_for_again_after_a_while() {
        let now = Timestamp::now();
        let said = |value: Option<&str>, ago: Duration| Said { value: value.map(str::to_owned), at: now - ago };
        let day = Duration::from_secs(86_400);
        assert!(is_due(None, now));
        for (value, days, due) in [(Some("U1"), 29, false), (Some("U1"), 31, true), (None, 0, false), (None, 2, true)] {
            assert_eq!(is_due(Some(&said(value, day * days)), now), due, "{value:?} {days}");
        }
    }
}

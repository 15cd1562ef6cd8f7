//! What people answer to an assumption, where they were told of it: by mail, or in the thread of a chat.
//!
//! The pure part reads what comes in ([`mail`], [`slack`]), the rest fetches it ([`Inbox`]) and writes it down
//! ([`Answers`]). Whoever may read the message may object to it, and only they can: a mail's address is signed, a thread is
//! somebody's channel.

mod imap;
mod inbox;
mod written;

pub mod mail;
pub mod slack;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::Notify;

pub use self::inbox::Inbox;

use self::slack::InThread;
use crate::api::slack::Slack;
use crate::channel::Person;
use crate::store::{Assumption, Objected, Objection, Store, StoreError, Through};

/// Writes down what people answer. What an author says to their own assumption is none.
pub struct Answers {
    /// Where it is written
    pub store: Store,
    /// What people on GitHub are called elsewhere, by the login in small letters
    pub people: BTreeMap<String, Person>,
    /// Who is asked what somebody in Slack is called
    pub slack: Option<Slack>,
    /// Notified of what is written
    pub stored: Arc<Notify>,
}

impl Answers {
    /// Takes an answer by mail. Whether or not it counts, it is dealt with then.
    ///
    /// # Errors
    /// [`StoreError`]: it is to be tried again; here and below
    pub async fn mail(&self, answer: mail::Answer) -> Result<(), StoreError> {
        let mail::Answer { line, key, name, address, text } = answer;
        let theirs = |person: &Person| person.email.as_ref().is_some_and(|own| same(own.as_ref(), &address));
        let mut told = self.store.assumptions(line).await?;
        told.retain(|assumption| !self.is_author(assumption, theirs));
        if told.is_empty() {
            tracing::info!(%line, "a mail answers to no assumption, or to its author's own");
        }
        let (through, at) = (Through::Mail, Timestamp::now());
        // Where a message tells of several, nobody can say which one is meant: none of them is agreed.
        for Assumption { line, .. } in told {
            let (key, by, text) = (key.clone(), name.clone(), text.clone());
            self.object(Objection { line, key, by, through, text, at }).await?;
        }
        Ok(())
    }

    /// Takes a message in a thread in Slack. `false`: it is none of ours, or its author's own.
    ///
    /// # Errors
    /// As above
    pub async fn slack(&self, message: InThread) -> Result<bool, StoreError> {
        let InThread { root, key, user, text } = message;
        let Some(assumption) = self.store.assumption_in("slack", &root).await? else { return Ok(false) };
        if self.is_author(&assumption, |person| person.name("slack") == Some(&user)) {
            return Ok(false);
        }
        let by = match &self.slack {
            Some(slack) => slack.name(&user).await.unwrap_or_else(|error| {
                tracing::info!(%error, "who answered in Slack is not known");
                String::new()
            }),
            None => String::new(),
        };
        let (through, at) = (Through::Slack, Timestamp::now());
        self.object(Objection { line: assumption.line, key, by, through, text, at }).await?;
        Ok(true)
    }

    async fn object(&self, objection: Objection) -> Result<(), StoreError> {
        let (line, through) = (objection.line, objection.through.as_str());
        match self.store.object(objection).await? {
            Objected::New => {
                tracing::info!(%line, through, "somebody answered to an assumption");
                self.stored.notify_one();
            }
            Objected::Known => tracing::debug!(%line, through, "an answer came again"),
            Objected::TooMany | Objected::NoSuchLine => tracing::info!(%line, through, "an answer is not recorded"),
        }
        Ok(())
    }

    /// Whether the one who made an assumption is somebody like this.
    fn is_author(&self, assumption: &Assumption, is: impl Fn(&Person) -> bool) -> bool {
        let Some(event) = &assumption.event else { return false };
        let Some(author) = event.note.as_ref().and_then(|note| note.author.as_ref()) else { return false };
        let by_login = self.people.get(&author.login.to_lowercase());
        let by_account = || self.people.values().find(|person| person.name("jira") == Some(&author.login));
        by_login.or_else(by_account).is_some_and(is)
    }
}

/// Whether two addresses are one, as mail servers nearly always take them.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

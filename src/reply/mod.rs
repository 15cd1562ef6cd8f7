//! Answers to assumptions, by mail or in a Slack thread.
//!
//! The pure part reads what comes in ([`mail`], [`slack`]); the rest fetches it ([`Inbox`]) and stores it
//! ([`AnswerHandler`]). Only people who can read the message can object to it, since the address for mails is signed,
//! and a thread is in a channel of theirs.

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
use crate::template::is_blank;

/// Stores what people answer. What authors say to their own assumptions doesn't count.
pub struct AnswerHandler {
    /// Where answers are stored
    pub store: Store,
    /// The accounts of people elsewhere, by their GitHub login in lower case
    pub people: BTreeMap<String, Person>,
    /// For the names of people in Slack
    pub slack: Option<Slack>,
    /// Notified when an answer was stored
    pub stored: Arc<Notify>,
}

impl AnswerHandler {
    /// Handles an answer by mail. Afterwards, the mail is dealt with, whether or not it counts.
    ///
    /// # Errors
    /// [`StoreError`]: try again later; here and below
    pub async fn mail(&self, answer: mail::Answer) -> Result<(), StoreError> {
        let mail::Answer { line, key, name, address, text } = answer;
        let theirs = |person: &Person| person.email.as_ref().is_some_and(|own| same(own.as_ref(), &address));
        let mut told = self.store.assumptions(line).await?;
        told.retain(|assumption| !self.is_author(assumption, theirs));
        if told.is_empty() {
            tracing::info!(%line, "a mail answers no assumption, or its author's own");
        }
        let (through, at) = (Through::Mail, Timestamp::now());
        // If a message is about several assumptions, the answer may mean any of them, so none of them counts as agreed.
        for Assumption { line, .. } in told {
            let (key, by, text) = (key.clone(), name.clone(), text.clone());
            self.object(Objection { line, key, by, through, text, at }).await?;
        }
        Ok(())
    }

    /// Handles a message in a Slack thread. `false` if the thread isn't about an assumption, or the message is from its
    /// author or has no words.
    ///
    /// # Errors
    /// As above
    pub async fn slack(&self, message: InThread) -> Result<bool, StoreError> {
        let InThread { root, key, user, text } = message;
        if is_blank(&text) {
            return Ok(false);
        }
        let Some(assumption) = self.store.assumption_in("slack", &root).await? else { return Ok(false) };
        if self.is_author(&assumption, |person| person.name("slack") == Some(&user)) {
            return Ok(false);
        }
        let by = match &self.slack {
            Some(slack) => slack.name(&user).await.unwrap_or_else(|error| {
                tracing::info!(%error, "failed to look up who answered in Slack");
                String::new()
            }),
            None => String::new(),
        };
        let (through, at) = (Through::Slack, Timestamp::now());
        self.object(Objection { line: assumption.line, key, by, through, text, at }).await?;
        Ok(true)
    }

    /// Records what somebody has against an assumption.
    ///
    /// # Errors
    /// As above
    pub async fn object(&self, objection: Objection) -> Result<Objected, StoreError> {
        let (line, through) = (objection.line, objection.through.as_str());
        let objected = self.store.object(objection).await?;
        match objected {
            Objected::New => {
                tracing::info!(%line, through, "somebody answered an assumption");
                self.stored.notify_one();
            }
            Objected::Known => tracing::debug!(%line, through, "an answer came again"),
            Objected::TooMany | Objected::NoSuchLine => tracing::info!(%line, through, "did not record an answer"),
        }
        Ok(objected)
    }

    /// Whether `is` holds for the author of an assumption.
    fn is_author(&self, assumption: &Assumption, is: impl Fn(&Person) -> bool) -> bool {
        let Some(event) = &assumption.event else { return false };
        let Some(author) = event.note.as_ref().and_then(|note| note.author.as_ref()) else { return false };
        let by_login = self.people.get(&author.login.to_lowercase());
        let by_account = || self.people.values().find(|person| person.name("jira") == Some(&author.login));
        by_login.or_else(by_account).is_some_and(is)
    }
}

/// Whether two addresses are the same, ignoring case as nearly all mail servers do.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

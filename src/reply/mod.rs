//! Answers to messages, by mail or in a Slack thread.
//!
//! The pure part reads what comes in ([`mail`], [`slack`]); the rest fetches it ([`Inbox`]) and stores it
//! ([`AnswerHandler`]). Only people who can read a message can answer it, since the address for mails is signed, and a thread
//! is in a channel of theirs. An answer to an assumption objects to it. An answer to any message of a team with `answers` is
//! carried to the page that the message is about ([`crate::store::Answer`]).

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

use self::slack::{Did, InThread};
use crate::api::ApiError;
use crate::api::slack::{Profile, Slack};
use crate::channel::Person;
use crate::destination::Destination;
use crate::store::{Above, Answer, Answered, Assumption, Objected, Objection, Store, StoreError, Through};
use crate::template::is_blank;

/// Why an answer can't be taken in now; it can later.
#[derive(Debug, thiserror::Error)]
pub enum Later {
    /// The store can't be read or written
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Nobody knows whether the writer belongs to the company
    #[error("Slack doesn't say who wrote it: {0}")]
    Unknown(ApiError),
}

/// Stores what people answer. What authors say to their own assumptions doesn't object to them.
pub struct AnswerHandler {
    /// Where answers are stored
    pub store: Store,
    /// The accounts of people elsewhere, by their GitHub login in lower case
    pub people: BTreeMap<String, Person>,
    /// For who people in Slack are
    pub slack: Option<Slack>,
    /// Notified when an answer was stored
    pub stored: Arc<Notify>,
}

impl AnswerHandler {
    /// Handles an answer by mail. Afterwards, the mail is dealt with, whether or not it counts.
    ///
    /// # Errors
    /// [`StoreError`]: try again later
    pub async fn mail(&self, answer: mail::Answer) -> Result<(), StoreError> {
        let mail::Answer { line, key, name, address, text } = answer;
        let theirs = |person: &Person| person.email.as_ref().is_some_and(|own| same(own.as_ref(), &address));
        let mut told = self.store.assumptions(line).await?;
        told.retain(|assumption| !self.is_author(assumption, theirs));
        let answered = self.store.answerable(line).await?;
        if told.is_empty() && answered.is_none() {
            tracing::info!(%line, "a mail answers nothing that answers are wanted for");
        }
        let (through, at) = (Through::Mail, Timestamp::now());
        let answer = match answered {
            None => None,
            Some(answered) => Some(Answer {
                line: told.first().map_or(answered.line, |assumption| assumption.id),
                key: key.clone(),
                by: name.clone(),
                // Whoever writes a mail chooses what it says of its sender.
                login: None,
                through,
                place: None,
                outside: !self.people.values().any(theirs) && self.is_stranger(&address, &answered.to).await?,
                text: text.clone(),
                at,
                version: 0,
                gone: false,
            }),
        };
        // If a message is about several assumptions, the answer may mean any of them, so none of them counts as agreed.
        let objection = |Assumption { line, .. }: Assumption| {
            let (key, by, text) = (key.clone(), name.clone(), text.clone());
            Objection { line, key, by, through, text, at }
        };
        self.hear(answer, told.into_iter().map(objection).collect()).await.map(drop)
    }

    /// Handles a message in a Slack thread, or what became of it. `false` if it answers nothing that answers are wanted for, or
    /// changes nothing.
    ///
    /// # Errors
    /// [`Later`]
    pub async fn slack(&self, message: InThread) -> Result<bool, Later> {
        let words = Some(&message.text).filter(|text| message.did != Did::Deleted && !is_blank(text));
        if message.did != Did::Wrote
            && self.store.change_answer(&message.key, (words.cloned(), message.version)).await?
        {
            tracing::info!(did = ?message.did, "somebody changed an answer in Slack");
            self.stored.notify_one();
            return Ok(true);
        }
        if words.is_none() && message.did != Did::Deleted {
            return Ok(false);
        }
        let Some(above) = self.store.answered_in("slack", &message.root, message.at()).await? else { return Ok(false) };
        let told = self.store.assumption_in("slack", &message.root).await?;
        let told = told.filter(|told| !self.is_author(told, |person| person.name("slack") == Some(&message.user)));
        let above = match &told {
            Some(told) => Above { line: told.id, carried: self.store.is_answerable(told.id).await?, ..above },
            None => above,
        };
        // Edits count where answers are carried.
        if !above.carried && (told.is_none() || message.did != Did::Wrote) {
            return Ok(false);
        }
        // What is gone before it was heard of is remembered, so that it isn't carried when it comes.
        let member = match message.did {
            Did::Deleted => None,
            Did::Wrote | Did::Edited => self.member(&message.user, above.carried).await?,
        };
        if member.as_ref().is_some_and(|member| member.is_bot) {
            return Ok(false);
        }
        let told = told.filter(|_| message.did != Did::Deleted);
        self.hear_in_thread(&message, (above, member), told).await?;
        Ok(true)
    }

    /// Records what somebody has against an assumption.
    ///
    /// # Errors
    /// [`StoreError`]: try again later
    pub async fn object(&self, objection: Objection) -> Result<Objected, StoreError> {
        let objected = self.hear(None, vec![objection]).await?;
        Ok(objected.first().copied().unwrap_or(Objected::NoSuchLine))
    }

    async fn hear_in_thread(
        &self,
        message: &InThread,
        (above, member): (Above, Option<Profile>),
        told: Option<Assumption>,
    ) -> Result<(), StoreError> {
        let (through, key, text) = (Through::Slack, message.key.clone(), message.text.clone());
        let outside = member.as_ref().is_none_or(|member| is_visitor(member, message));
        let by = member.map(|member| member.name).unwrap_or_default();
        let answer = Answer {
            line: above.line,
            key: key.clone(),
            by: by.clone(),
            login: if above.carried { self.login(&message.user).await? } else { None },
            through,
            place: Some(above.to),
            outside,
            text: text.clone(),
            at: message.at(),
            version: message.version,
            gone: message.did == Did::Deleted,
        };
        let objection = told.map(|Assumption { line, .. }| {
            let at = Timestamp::now();
            Objection { line, key, by, through, text, at }
        });
        self.hear(Some(answer).filter(|_| above.carried), objection.into_iter().collect()).await.map(drop)
    }

    async fn hear(&self, answer: Option<Answer>, objections: Vec<Objection>) -> Result<Vec<Objected>, StoreError> {
        if answer.is_none() && objections.is_empty() {
            return Ok(Vec::new());
        }
        let (answered, objected) = self.store.answer(answer, objections).await?;
        match answered {
            Some(Answered::New) => tracing::info!("somebody answered a message"),
            Some(Answered::Changed) => tracing::info!("somebody changed an answer"),
            Some(Answered::Known) => tracing::debug!("an answer came again"),
            Some(Answered::TooMany) => tracing::warn!("did not record an answer: the message has too many"),
            None => {}
        }
        for objected in &objected {
            match objected {
                Objected::New => tracing::info!("somebody answered an assumption"),
                Objected::Known => tracing::debug!("an objection came again"),
                Objected::TooMany | Objected::NoSuchLine => tracing::info!("did not record an objection"),
            }
        }
        let news = matches!(answered, Some(Answered::New | Answered::Changed)) || objected.contains(&Objected::New);
        if news {
            self.stored.notify_one();
        }
        Ok(objected)
    }

    /// Who wrote something in Slack. If it is to be carried, that has to be known.
    async fn member(&self, user: &str, needed: bool) -> Result<Option<Profile>, Later> {
        let Some(slack) = &self.slack else { return Ok(None) };
        match slack.profile(user).await {
            Ok(member) => Ok(Some(member)),
            Err(error @ ApiError::Refused { .. }) => {
                tracing::warn!(%error, "Slack doesn't say who answered: the token needs `users:read`");
                Ok(None)
            }
            Err(error) if needed => Err(Later::Unknown(error)),
            Err(error) => {
                tracing::info!(%error, "failed to look up who answered in Slack");
                Ok(None)
            }
        }
    }

    /// The login of a member in Slack, if the operator or others have said which one it is.
    async fn login(&self, user: &str) -> Result<Option<String>, StoreError> {
        let written = self.people.iter().find(|(_, person)| person.name("slack") == Some(user));
        match written {
            Some((login, _)) => Ok(Some(login.clone())),
            None => self.store.login_in_slack(user).await,
        }
    }

    /// Whether an address isn't one that the message went to, nor of the same domain.
    async fn is_stranger(&self, address: &str, to: &[Destination]) -> Result<bool, StoreError> {
        let domain = |address: &str| address.rsplit_once('@').map(|(_, domain)| domain.to_lowercase());
        let own = domain(address);
        for to in to {
            let known = match (to, to.login()) {
                (Destination::Email(_), Some(login)) => {
                    let contacts = self.store.contacts(vec![login.to_owned()], Vec::new()).await?;
                    let mails = contacts.into_iter().filter_map(|contact| contact.email?.value);
                    mails.into_iter().any(|mail| same(&mail, address))
                }
                (Destination::Email(to), None) => own.is_some() && domain(to) == own,
                _ => false,
            };
            if known {
                return Ok(false);
            }
        }
        Ok(true)
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

/// Whether somebody in Slack is a guest, or belongs to another company that shares the channel. The workspaces of one
/// organisation belong together.
fn is_visitor(member: &Profile, message: &InThread) -> bool {
    let home = &message.home;
    let colleague = home.enterprise.is_some() && member.enterprise == home.enterprise;
    let elsewhere =
        message.visits || member.team.as_ref().zip(home.team.as_ref()).is_some_and(|(own, home)| own != home);
    member.is_guest || (elsewhere && !colleague)
}

/// Whether two addresses are the same, ignoring case as nearly all mail servers do.
fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

//! Answers to messages, by mail or in a Slack thread.
//!
//! The pure part reads what comes in ([`mail`], [`slack`]); the rest fetches it ([`Inbox`]) and stores it
//! ([`AnswerHandler`]). Only people who can read a message can answer it, since the address for mails is signed, and a thread
//! is in a channel of theirs. An answer to an assumption objects to it. An answer to any message of a team with `answers` is
//! carried to the page that the message is about ([`crate::store::Answer`]). Whoever doesn't belong to the company is heard only
//! by a team with `answers_outside`.

mod imap;
mod inbox;
mod sender;
mod written;

pub mod mail;
pub mod slack;

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

pub use self::inbox::Inbox;

use self::slack::{Did, InThread};
use self::written::Words;
use crate::api::ApiError;
use crate::api::slack::{Profile, Slack, Standing};
use crate::channel::{People, Person};
use crate::compose::Rulebook;
use crate::destination::Destination;
use crate::mute::Linker;
use crate::people::{Account, Names, is_same_address};
use crate::rule::Answers;
use crate::store::{Answer, Answered, Assumption, Objected, Objection, Store, StoreError, Through};
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
    pub people: People,
    /// For who people in Slack are
    pub slack: Option<Arc<Slack>>,
    /// The rules in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// Knows our links
    pub links: Arc<Linker>,
    /// Notified when an answer was stored
    pub stored: Arc<Notify>,
}

/// Who wrote something in Slack.
#[derive(Debug, Default)]
struct Member {
    name: String,
    email: Option<String>,
    standing: Option<Standing>,
}

impl AnswerHandler {
    /// Handles an answer by mail. Afterwards, the mail is dealt with, whether or not it counts.
    ///
    /// # Errors
    /// [`StoreError`]: try again later
    pub async fn mail(&self, answer: mail::Answer) -> Result<(), StoreError> {
        let mail::Answer { line, key, name, address, words: Words { text, own } } = answer;
        let Some(above) = self.store.answered(line).await? else { return Ok(()) };
        let names = Names::of(Account { email: Some(&address), slack: None }, &self.people, &self.store).await?;
        let answer = Answer {
            line: above.line,
            key,
            by: name,
            // Whoever writes a mail chooses what it says of its sender.
            login: None,
            through: Through::Mail,
            outside: self.is_stranger(&address, &above.to).await?,
            text: self.links.cut_from(&text),
            at: Timestamp::now(),
            version: 0,
            gone: false,
        };
        let told = above.told.into_iter().map(|(assumption, _)| assumption).collect();
        // A mail that only quotes ours has nothing to carry.
        if !self.take(answer, above.carried && own, (&names, told)).await? {
            tracing::info!(%line, "a mail answers nothing that answers are wanted for, or is from outside");
        }
        Ok(())
    }

    /// Handles a message in a Slack thread, or what became of it. `false` if it answers nothing that answers are wanted for, or
    /// is from somebody whose answers aren't.
    ///
    /// # Errors
    /// [`Later`]
    pub async fn slack(&self, message: InThread) -> Result<bool, Later> {
        let text = self.links.cut_from(&message.text);
        let gone = message.did == Did::Deleted;
        let words = Some(&text).filter(|text| !gone && !is_blank(text));
        if message.did != Did::Wrote
            && let Some(known) = self.store.change_answer(&message.key, (words.cloned(), message.version)).await?
        {
            if known == Answered::Changed {
                tracing::info!(did = ?message.did, "somebody changed an answer in Slack");
                self.stored.notify_one();
            }
            return Ok(true);
        }
        if words.is_none() && !gone {
            return Ok(false);
        }
        let Some(above) = self.store.answered_in("slack", &message.root, message.at()).await? else { return Ok(false) };
        let mut told = above.told;
        // What was taken back needs no objection. Edits count where answers are carried.
        told.retain(|(_, changed)| !changed && (message.did == Did::Wrote || (above.carried && !gone)));
        if told.is_empty() && !above.carried {
            return Ok(false);
        }
        // What is gone before it was heard of is remembered, so that it isn't carried when it comes.
        let member = if gone { Member::default() } else { self.member(&message).await? };
        if member.standing == Some(Standing::Program) {
            return Ok(false);
        }
        let account = Account { slack: Some(&message.user), email: member.email.as_deref() };
        let names = Names::of(account, &self.people, &self.store).await?;
        let answer = Answer {
            line: above.line,
            key: message.key.clone(),
            by: member.name,
            login: names.login().map(str::to_owned),
            through: Through::Slack,
            outside: member.standing != Some(Standing::Colleague),
            text,
            at: message.at(),
            version: message.version,
            gone,
        };
        let told = told.into_iter().map(|(assumption, _)| assumption).collect();
        Ok(self.take(answer, above.carried, (&names, told)).await?)
    }

    /// Records what somebody has against an assumption. Whether they may object has been decided.
    ///
    /// # Errors
    /// [`StoreError`]: try again later
    pub async fn object(&self, objection: Objection) -> Result<Objected, StoreError> {
        let objection = Objection { text: self.links.cut_from(&objection.text), ..objection };
        let objected = self.hear(None, vec![objection]).await?;
        Ok(objected.first().copied().unwrap_or(Objected::NoSuchLine))
    }

    /// Takes an answer of somebody with these names to a message that told these assumptions. `false` if it is of no use.
    async fn take(
        &self,
        answer: Answer,
        carried: bool,
        (names, mut told): (&Names, Vec<Assumption>),
    ) -> Result<bool, StoreError> {
        told.retain(|assumption| !assumption.event.as_ref().is_some_and(|event| names.wrote(event)));
        let line = told.first().map_or(answer.line, |assumption| assumption.id);
        told.retain(|assumption| !answer.outside || self.hears_everybody(&assumption.rule.team));
        // If a message is about several assumptions, the answer may mean any of them, so none of them counts as agreed.
        let objection = |Assumption { line, .. }: &Assumption| {
            let (key, by, text) = (answer.key.clone(), answer.by.clone(), answer.text.clone());
            Objection { line: *line, key, by, through: answer.through, text, at: Timestamp::now() }
        };
        let objections = told.iter().map(objection).collect::<Vec<_>>();
        if !carried && objections.is_empty() {
            return Ok(false);
        }
        self.hear(carried.then_some(Answer { line, ..answer }), objections).await?;
        Ok(true)
    }

    async fn hear(&self, answer: Option<Answer>, objections: Vec<Objection>) -> Result<Vec<Objected>, StoreError> {
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

    /// Who wrote something in Slack. Whoever Slack refuses to tell of counts as a stranger.
    async fn member(&self, message: &InThread) -> Result<Member, Later> {
        let Some(slack) = &self.slack else { return Ok(Member::default()) };
        match tokio::try_join!(slack.workspace(), slack.profile(&message.user)) {
            Ok((own, profile)) => {
                let mut standing = profile.standing(own);
                let of_organization = own.enterprise.is_some() && profile.enterprise == own.enterprise;
                // Slack may say of a message, and not of its writer, that it comes from elsewhere.
                if standing == Standing::Colleague
                    && !of_organization
                    && message.from.iter().any(|from| *from != own.team)
                {
                    standing = Standing::Stranger;
                }
                let Profile { name, email, .. } = profile;
                Ok(Member { name, email, standing: Some(standing) })
            }
            Err(error @ ApiError::Refused { .. }) => {
                tracing::warn!(%error, "Slack doesn't say who answered");
                Ok(Member::default())
            }
            Err(error) => Err(Later::Unknown(error)),
        }
    }

    /// Whether a team hears people from outside.
    fn hears_everybody(&self, team: &str) -> bool {
        let rulebook = self.rulebook.borrow();
        rulebook.rules().teams().iter().any(|known| known.name == team && known.answers == Answers::Everybody)
    }

    /// Whether an address isn't one that the operator knows, or that the message went to, nor of the same company.
    async fn is_stranger(&self, address: &str, to: &[Destination]) -> Result<bool, StoreError> {
        let theirs = |person: &Person| person.email.as_ref().is_some_and(|own| is_same_address(own.as_ref(), address));
        if self.people.values().any(theirs) {
            return Ok(false);
        }
        for to in to {
            let known = match (to, to.login()) {
                (Destination::Email(_), Some(login)) => {
                    let contacts = self.store.contacts(vec![login.to_owned()], Vec::new()).await?;
                    let mails = contacts.into_iter().filter_map(|contact| contact.email?.value);
                    mails.into_iter().any(|mail| is_same_address(&mail, address))
                }
                _ => sender::reaches(to, address),
            };
            if known {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

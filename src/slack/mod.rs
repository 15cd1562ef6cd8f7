//! What people do in Slack: `/microalign …` in a channel, and the buttons of messages.
//!
//! The pure part reads what Slack sends ([`read()`]) and what somebody wrote ([`words`]). [`Desk`] finds out who they are and which
//! team the channel belongs to, does it, and says so to them alone. [`crate::http`] checks that it was Slack who asked. Answers in
//! threads are taken by [`crate::reply`].

mod answer;
mod asker;
mod here;
mod modal;
mod mute;
mod press;
mod read;
mod request;
mod subscribe;
pub mod words;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

pub use self::request::{Channel, Command, Press, Request, Submission, read};

use self::answer::Answer;
use self::asker::Colleague;
use self::words::{HELP, Wish, Words};
use crate::api::slack::Slack;
use crate::channel::{People, Subscribing};
use crate::compose::Rulebook;
use crate::config::TellAuthors;
use crate::destination::Available;
use crate::mute::Linker;
use crate::reply::AnswerHandler;
use crate::store::{Change, Store, StoreError};

/// Slack waits three seconds. What takes longer is said afterwards.
const PATIENCE: Duration = Duration::from_millis(2_000);

/// Does what people ask for in Slack.
pub struct Desk {
    /// What happened
    pub store: Store,
    /// The rules in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// By this secret, Slack's requests can be told from others'
    pub secret: SecretString,
    /// Says who people are, and opens forms
    pub api: Arc<Slack>,
    /// `[people]`
    pub people: People,
    /// Reads what buttons do
    pub links: Arc<Linker>,
    /// Takes objections
    pub answers: Arc<AnswerHandler>,
    /// Where authors of assumptions are told how teams reacted
    pub tell_authors: TellAuthors,
    /// Who may subscribe a channel
    pub subscribing: Subscribing,
    /// What rules may name
    pub available: Available,
    /// Notified when a subscription was made or ended
    pub subscribed: Arc<Notify>,
    /// Where the console is, if people can see it
    pub playground: Option<String>,
}

/// Why somebody gets something else than what they asked for.
#[derive(Debug)]
enum Refusal {
    /// In a sentence for them
    Said(String),
    /// The store can't be read or written
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    fn into_answer(self) -> Answer {
        match self {
            Self::Said(said) => Answer::said(&said),
            Self::Store(error) => {
                tracing::error!(%error, "failed to do what somebody asked for in Slack");
                Answer::said("The store can't be read or written at the moment. Try again soon.")
            }
        }
    }
}

impl Desk {
    /// Does what somebody asks for, and returns what Slack is answered; nothing if it has to be said later.
    pub async fn answer(self: Arc<Self>, request: Request) -> Option<Value> {
        match request {
            Request::Command(command) => {
                let url = command.response_url.clone();
                let desk = Arc::clone(&self);
                let work = async move { Some(desk.command(&command).await) };
                self.in_time(work, &url).await.flatten().map(|answer| answer.ephemeral())
            }
            Request::Press(press) => {
                let url = press.response_url.clone();
                let desk = Arc::clone(&self);
                let work =
                    async move { desk.press(&press).await.unwrap_or_else(|refusal| Some(refusal.into_answer())) };
                // Slack shows nothing that a press is answered with.
                if let Some(answer) = self.in_time(work, &url).await.flatten() {
                    tokio::spawn(async move { self.say_later(&url, &answer).await });
                }
                None
            }
            Request::Submission(submission) => {
                let done = self.submit(&submission).await;
                Some(done.unwrap_or_else(|refusal| modal::done(&refusal.into_answer())))
            }
            Request::Nothing => None,
        }
    }

    /// What comes of some work, if it comes in time; otherwise it is said as soon as it is there.
    async fn in_time(
        self: &Arc<Self>,
        work: impl Future<Output = Option<Answer>> + Send + 'static,
        url: &str,
    ) -> Option<Option<Answer>> {
        let mut work = tokio::spawn(work);
        match timeout(PATIENCE, &mut work).await {
            Ok(done) => Some(done.unwrap_or_else(|_| Some(Answer::said("That failed, which is a bug in microalign.")))),
            Err(_) => {
                let (desk, url) = (Arc::clone(self), url.to_owned());
                tokio::spawn(async move {
                    if let Ok(Some(answer)) = work.await {
                        desk.say_later(&url, &answer).await;
                    }
                });
                None
            }
        }
    }

    async fn say_later(&self, url: &str, answer: &Answer) {
        let Some(url) = self.api.response_url(url) else {
            tracing::warn!("Slack names an address for our answer that isn't Slack's: nothing is sent there");
            return;
        };
        if let Err(error) = self.api.respond(url, &answer.ephemeral()).await {
            tracing::warn!(%error, "cannot answer somebody in Slack");
        }
    }

    async fn command(&self, command: &Command) -> Answer {
        match self.carry_out(command).await {
            Ok(answer) => answer,
            Err(refusal) => refusal.into_answer(),
        }
    }

    async fn carry_out(&self, command: &Command) -> Result<Answer, Refusal> {
        let Words { wish, team } = words::read(&command.text).map_err(Refusal::Said)?;
        if wish == Wish::Help {
            return Ok(help());
        }
        let who = self.colleague(&command.by).await?;
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let here = self.here(&rulebook, &command.channel, team.as_deref()).await?;
        match wish {
            Wish::Help => Ok(help()),
            Wish::List => self.list(&rulebook, &here).await,
            Wish::Why(thread) => self.why(&here, thread.as_deref()).await,
            Wish::Mute(what, span) => self.mute(&who, &here, (&what, span)).await,
            Wish::Unmute(what) => self.unmute(&who, &here, &what).await,
            Wish::Subscribe(wanted) => self.subscribe(&who, (&rulebook, &here), wanted).await,
            Wish::Unsubscribe(what) => self.unsubscribe(&who, &here, &what).await,
        }
    }

    /// Writes what somebody has changed into the log and the store.
    async fn record(&self, who: &Colleague, action: &'static str, what: &str) {
        tracing::info!(who = who.id, action, what, "changed in Slack");
        let change = Change { who: who.signature(), via: "slack", action, what: what.to_owned() };
        if let Err(error) = self.store.audit(change, Timestamp::now()).await {
            tracing::error!(%error, "failed to write who changed what");
        }
    }
}

fn help() -> Answer {
    let lines = HELP.iter().map(|(line, does)| format!("`/microalign {line}` {does}"));
    Answer::said("What you can write here:")
        .list(lines)
        .and("If messages of several teams go to this channel, add `for TEAM`.")
}

//! Buttons of messages: object, agree, mute.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::answer::Answer;
use super::asker::{AT_ONCE, Colleague};
use super::modal;
use super::request::{Press, Submission};
use super::{Desk, Refusal};
use crate::channel::{AGREE, MUTE, OBJECT};
use crate::event::Event;
use crate::mute::{LinkAction, Quiet, Refused, end};
use crate::plan::LineId;
use crate::store::{Agreed, Agreement, AssumptionState, Objected, Objection, Record, Through};
use crate::template::is_blank;

/// How long the button mutes.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Desk {
    /// Does what a button says, and returns what is said about it; nothing if a form was opened instead.
    pub(super) async fn press(&self, press: &Press) -> Result<Option<Answer>, Refusal> {
        match (press.action.as_str(), self.meant(&press.token)?) {
            (MUTE, LinkAction::Quiet(Quiet::Mute { team, thread })) => {
                let who = self.colleague(&press.by).await?;
                let until = Timestamp::now() + WEEK;
                let scope = Quiet::Mute { team: team.clone(), thread: thread.clone() }.scope();
                self.put_mute(&who, scope, Some(until)).await?;
                let said = format!("`{thread}` is muted for {team} {}.", end(Some(until)));
                Ok(Some(Answer::said(&format!("{said} `/microalign unmute {thread}` ends that."))))
            }
            (OBJECT, LinkAction::Object { line }) => {
                let (who, told) = tokio::try_join!(self.colleague(&press.by), self.told(&line))?;
                let told = not_by(&who, told)?;
                let follows = told.first().map(|first| self.follows(first)).unwrap_or_default();
                let view = modal::form(&press.token, &told, follows);
                self.api.open_view(&press.trigger, &view).await.map_err(|error| {
                    tracing::warn!(%error, "cannot open the form for an objection");
                    Refusal::Said(
                        "Slack didn't open the form. Press the button again, or answer in the thread.".to_owned(),
                    )
                })?;
                Ok(None)
            }
            (AGREE, LinkAction::Object { line }) => {
                let (who, told) = tokio::try_join!(self.colleague(&press.by), self.told(&line))?;
                self.agree(&who, not_by(&who, told)?).await.map(Some)
            }
            _ => Err(unknown()),
        }
    }

    /// Takes an objection, and returns what the form shows then.
    pub(super) async fn submit(&self, submission: &Submission) -> Result<Value, Refusal> {
        let LinkAction::Object { line } = self.meant(&submission.token)? else { return Err(unknown()) };
        if is_blank(&submission.text) {
            return Ok(modal::wrong("Say why you object."));
        }
        let (who, told) = tokio::try_join!(self.colleague_within(&submission.by, AT_ONCE), self.told(&line))?;
        let told = not_by(&who, told)?;
        let chosen = submission.line.as_ref();
        let chosen = told.iter().find(|told| chosen.is_none_or(|line| told.line.to_string() == *line));
        let chosen = chosen.ok_or_else(unknown)?;
        // The same words of the same person are the same objection, since forms are handed in twice.
        let digest = hex::encode(Sha256::digest(submission.text.trim()));
        let objection = Objection {
            line: chosen.line,
            key: format!("slack:{}:{digest}", who.id),
            by: who.name.clone(),
            through: Through::Slack,
            text: submission.text.clone(),
            at: Timestamp::now(),
        };
        let team = chosen.team.as_deref().unwrap_or_default();
        let objected = self.answers.object(objection).await?;
        if objected == Objected::New {
            self.record(&who, "object", &chosen.line.to_string()).await;
        }
        let answer = match objected {
            Objected::New | Objected::Known => Answer::said(&format!(
                "You objected. {} It no longer counts as agreed by {team}.",
                self.follows(chosen)
            )),
            Objected::TooMany => Answer::said("There are several objections already, so this one isn't kept."),
            Objected::NoSuchLine => return Err(unknown()),
        };
        Ok(modal::done(&answer))
    }

    async fn agree(&self, who: &Colleague, told: Vec<Record>) -> Result<Answer, Refusal> {
        let lines = told.iter().map(|told| told.line).collect::<Vec<_>>();
        let agreement =
            Agreement { key: who.id.clone(), by: who.name.clone(), through: Through::Slack, at: Timestamp::now() };
        match self.store.agree(lines, agreement).await? {
            Agreed::Known => Ok(Answer::said("You have agreed already.")),
            Agreed::New => {
                let what = told.iter().map(|told| told.line.to_string()).collect::<Vec<_>>().join(", ");
                self.record(who, "agree", &what).await;
                Ok(Answer::said("You agreed. Others can still object."))
            }
        }
    }

    /// What a button does. Slack's signature says that its value is as Slack has it, and ours that we made it.
    fn meant(&self, token: &str) -> Result<LinkAction, Refusal> {
        self.links.read(token, Timestamp::now()).map_err(|refused| match refused {
            Refused::Expired => Refusal::Said("This message is too old: its buttons no longer work.".to_owned()),
            Refused::Unknown => unknown(),
        })
    }

    /// The assumptions that a message told of, as they are now.
    async fn told(&self, line: &str) -> Result<Vec<Record>, Refusal> {
        let line = line.parse::<LineId>().map_err(|_| unknown())?;
        let told = self.store.assumptions_told(line).await?;
        let any = !told.is_empty();
        let told = told.into_iter().filter(|(state, _)| *state != AssumptionState::Changed);
        let told = told.map(|(_, record)| record).filter(|record| record.event.is_some()).collect::<Vec<_>>();
        match (told.is_empty(), any) {
            (false, _) => Ok(told),
            (true, true) => Err(Refusal::Said("This has since been changed or taken back.".to_owned())),
            (true, false) => Err(unknown()),
        }
    }

    /// What happens to an objection.
    fn follows(&self, told: &Record) -> &'static str {
        let event = told.event.as_ref().map(|known| &known.event);
        event.map_or("", |event| self.tell_authors.after_objection(event, told.of_restricted || told.by_restricted))
    }
}

/// These assumptions without those that somebody made.
fn not_by(who: &Colleague, mut told: Vec<Record>) -> Result<Vec<Record>, Refusal> {
    let is_own = |event: &Event| who.wrote(event);
    told.retain(|told| !told.event.as_ref().is_some_and(|known| is_own(&known.event)));
    if told.is_empty() {
        return Err(Refusal::Said("You made this assumption yourself: only what others say counts.".to_owned()));
    }
    Ok(told)
}

fn unknown() -> Refusal {
    Refusal::Said("This button no longer does anything.".to_owned())
}

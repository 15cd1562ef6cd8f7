//! The playground: a team's rules and a template are edited beside an event, and it is shown at once what matches and which
//! messages there would be. Nothing is sent, and nothing is in force before somebody commits it to the team's repository.
//!
//! What a visitor writes is untrusted: sizes are limited, loops are counted before they run, and only so many trials run at a
//! time.

mod diff;
mod event;
mod mails;
mod page;
mod rehearsal;

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use self::mails::Mails;
use self::rehearsal::Rehearsals;
pub(super) use self::rehearsal::{cancel, rehearse, rehearsed};
use super::Console;
use super::access::Visitor;
use super::answer::{Answer, Refused};
use super::request::Asked;
use super::team::{ProblemView, find, text_of};
use crate::compose::{Edit, Rulebook, shown_path};
use crate::event::Source;
use crate::explain::{Means, Payload, View, explain};
use crate::toml_file::Problem;

/// The most that may be tried: team files and templates are short.
const LONGEST_FILE: usize = 128 * 1024;
const LONGEST_TEMPLATE: usize = 64 * 1024;
const LONGEST_PAYLOAD: usize = 512 * 1024;
/// So many trials run at a time; each takes a few milliseconds.
const TRIALS: usize = 2;
/// How long a trial may wait and take.
const DEADLINE: Duration = Duration::from_secs(10);

/// What the playground keeps while the service runs.
pub(super) struct Playground {
    trials: Arc<Semaphore>,
    mails: Mails,
    rehearsals: Rehearsals,
}

impl Default for Playground {
    fn default() -> Self {
        Self { trials: Arc::new(Semaphore::new(TRIALS)), mails: Mails::default(), rehearsals: Rehearsals::default() }
    }
}

/// What somebody tries.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The team whose rules are tried
    team: Option<String>,
    /// The whole team file; by default as it is
    file: Option<String>,
    /// The name of a template that is tried, too
    template: Option<String>,
    /// Its whole text
    text: Option<String>,
    /// A stored delivery, by its number in the ledger
    delivery: Option<i64>,
    /// A payload instead, as JSON
    payload: Option<String>,
    /// Who would have sent it
    source: Option<Source>,
    /// GitHub's name for the event, such as `pull_request`
    event: Option<String>,
    /// For a rehearsal: how many days to go back
    days: Option<i64>,
}

/// What comes of it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tried {
    /// What is wrong with the file, the template or the event. What is wrong isn't tried: then the rest is as it is in force.
    problems: Vec<ProblemView>,
    /// What the event leads to, for this team
    explained: Option<View>,
    /// The change to the team file and the template, to apply in the team's repository; empty if there is none
    diff: String,
    #[serde(skip)]
    shown: Vec<Problem>,
}

/// `POST /api/v1/playground`
pub(super) async fn playground(console: Arc<Console>, visitor: Visitor, trial: Trial) -> Result<Tried, Refused> {
    console.try_out(&visitor, &trial).await
}

/// The pages below `/playground`.
pub(super) async fn pages(console: &Arc<Console>, asked: &Asked) -> Result<Answer, Refused> {
    let segments = asked.segments.iter().map(String::as_str).collect::<Vec<_>>();
    match (&asked.method, &segments[1..]) {
        (&Method::GET, []) => page::show(console, &asked.visitor, asked.query(Vec::new())?).await,
        (&Method::POST, []) => page::show(console, &asked.visitor, asked.form(Vec::new())?).await,
        (&Method::GET, ["mails", id]) => {
            let mail = console.playground.mails.get(id, &asked.visitor);
            mail.map(Answer::Mail).ok_or_else(|| Refused::NotFound("This preview is gone: try it again.".to_owned()))
        }
        (&Method::POST, ["rehearsals"]) => {
            let started =
                rehearsal::rehearse(Arc::clone(console), asked.visitor.clone(), asked.form(Vec::new())?).await?;
            Ok(Answer::SeeOther(format!("/playground/rehearsals/{}", started.id())))
        }
        (&Method::GET, ["rehearsals", id]) => page::rehearsal(console, &asked.visitor, id),
        (&Method::POST, ["rehearsals", id, "cancel"]) => {
            console.playground.rehearsals.cancel(id, &asked.visitor)?;
            Ok(Answer::SeeOther(format!("/playground/rehearsals/{id}")))
        }
        _ => Err(Refused::NotFound("There is no such page.".to_owned())),
    }
}

/// The texts that are tried, and those in force.
struct Texts {
    file: (String, String, String),
    template: Option<(String, String, String)>,
}

impl Console {
    async fn try_out(self: &Arc<Self>, visitor: &Visitor, trial: &Trial) -> Result<Tried, Refused> {
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let team = trial.team.clone().ok_or_else(|| Refused::Wrong("say which team's rules are tried".to_owned()))?;
        may_try(visitor, &team)?;
        let texts = texts(&rulebook, visitor, trial).await?;
        let payload = event::payload(self, visitor, trial).await;
        let (payload, mut problems) = match payload {
            Ok(payload) => (payload, Vec::new()),
            Err(Refused::Wrong(wrong)) => (None, vec![Problem::of_file("event", wrong, None)]),
            Err(refused) => return Err(refused),
        };
        let diff = diff::unified(&texts);
        let permit = tokio::time::timeout(DEADLINE, Arc::clone(&self.trials()).acquire_owned()).await;
        let (Ok(Ok(permit)), console) = (permit, Arc::clone(self)) else { return Err(busy()) };
        let task = tokio::task::spawn_blocking(move || {
            let tried = tried(&console, &rulebook, (&team, &texts), payload.as_ref());
            drop(permit);
            tried
        });
        let task = tokio::time::timeout(DEADLINE, task).await.map_err(|_| busy())?;
        let (explained, found) = task.map_err(Refused::wrong)??;
        problems.extend(found);
        Ok(Tried { problems: problems.iter().map(ProblemView::from).collect(), explained, diff, shown: problems })
    }

    fn trials(&self) -> Arc<Semaphore> {
        Arc::clone(&self.playground.trials)
    }
}

fn busy() -> Refused {
    Refused::Wrong("This took too long, or too many people try something now. Try again in a moment.".to_owned())
}

/// Only who may change a team's rules may try some.
fn may_try(visitor: &Visitor, team: &str) -> Result<(), Refused> {
    match visitor.may_change(Some(team)) {
        true => Ok(()),
        false => Err(Refused::Forbidden(format!("You may not try rules of the team “{team}”."))),
    }
}

async fn texts(rulebook: &Rulebook, visitor: &Visitor, trial: &Trial) -> Result<Texts, Refused> {
    let team = trial.team.as_deref().unwrap_or_default();
    let (path, team) = find(rulebook, visitor, team)?;
    let old = text_of(rulebook, (path, team)).await?;
    let new = trial.file.as_deref().map_or_else(|| old.clone(), |text| plain(text, &old));
    within(&new, LONGEST_FILE, "the team file")?;
    let template = match (&trial.template, &trial.text) {
        (Some(name), Some(text)) => {
            named(name)?;
            let old = rulebook.template_text(name).unwrap_or_default().to_owned();
            let new = plain(text, &old);
            within(&new, LONGEST_TEMPLATE, "the template")?;
            Some((name.clone(), old, new))
        }
        (None, Some(_)) => return Err(Refused::Wrong("give the template a name".to_owned())),
        _ => None,
    };
    Ok(Texts { file: (shown_path(path), old, new), template })
}

/// The text as a file has it: browsers send `\r\n` for the end of a line, and a file ends with one.
fn plain(text: &str, old: &str) -> String {
    let mut text = text.replace("\r\n", "\n");
    if !text.ends_with('\n') && (old.is_empty() || old.ends_with('\n')) {
        text.push('\n');
    }
    text
}

fn within(text: &str, most: usize, what: &str) -> Result<(), Refused> {
    match text.len() > most {
        true => Err(Refused::Wrong(format!("{what} is larger than {} KiB, the most that can be tried", most / 1024))),
        false => Ok(()),
    }
}

/// A template's name is that of a file.
fn named(name: &str) -> Result<(), Refused> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !name.is_empty() && name.len() <= 64 && name.chars().all(plain) {
        true => Ok(()),
        false => Err(Refused::Wrong("a template's name has letters, digits, `-` and `_`".to_owned())),
    }
}

/// Reads, matches and renders: this may take a while, so it runs on a thread of its own.
fn tried(
    console: &Console,
    rulebook: &Rulebook,
    (team, texts): (&str, &Texts),
    payload: Option<&Payload>,
) -> Result<(Option<View>, Vec<Problem>), Refused> {
    let template = texts.template.as_ref().map(|(name, _, new)| (name.as_str(), new.as_str()));
    if let (Some((_, text)), Some(payload)) = (template, payload) {
        event::bounded(text, payload)?;
    }
    let edit = Edit { team, file: &texts.file.2, template };
    let (edited, problems) = rulebook.edited(&edit, &console.channels.available());
    let explained = payload.map(|payload| {
        let (settings, channels) = (&console.settings, &*console.channels);
        let means = Means { settings, rulebook: &edited, channels, at: None, team: Some(team) };
        View::from(&explain(payload, means))
    });
    Ok((explained, problems))
}

#[cfg(test)]
mod tests;

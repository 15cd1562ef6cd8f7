//! One comment on a pull request that other teams hear of when it is merged: which, and how to write what was assumed. It changes
//! with the pull request, and goes when nobody would hear of it any more.
//!
//! Everybody who can read the pull request reads it, so it names no ticket, no rule and no destination; and in a public
//! repository no team either.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pulls::{Name, Pace, Pull, PullRequests, Trouble};
use crate::api::ApiError;
use crate::event::{Actor, Event, EventKind, SubjectKey};
use crate::plan;
use crate::rule::{Rule, Team, is_member};
use crate::source::{self, ON_GITHUB, Parsed};
use crate::store::Nudge;
use crate::track::{self, Facts};

/// Tells this comment from others of ours.
const MARK: &str = "<!-- microalign:nudge -->";

impl PullRequests {
    /// Writes, changes or deletes the comment, as the pull request is now.
    pub(super) async fn nudge(
        &self,
        name: &Name,
        (pull, value): (&Pull, &Value),
        pace: &mut Pace,
    ) -> Result<(), Trouble> {
        let (repo, number) = name;
        let subject = SubjectKey::numbered(repo, *number);
        if pull.merged {
            // What was said before stays, and nothing more is said.
            return Ok(self.store.note_nudge(subject, None).await?);
        }
        let wanted = match self.author(pull) {
            Some(author) => match self.hearers(value, &author).await? {
                Some(teams) => comment(&teams, pull),
                None => return Ok(()),
            },
            None => None,
        };
        let known = self.store.nudge(subject.clone()).await?;
        let now = match (known, wanted) {
            (None, Some(text)) => {
                pace.go()?;
                let id = self.write(name, &text).await.map_err(explained)?;
                Some(Nudge { comment: Some(id), text })
            }
            (Some(Nudge { comment: Some(id), text: before }), Some(text)) if before != text => {
                pace.go()?;
                let edited = self.github.edit_comment(repo, id, &text).await;
                Some(Nudge { comment: unless_deleted(edited)?.map(|()| id), text })
            }
            (Some(Nudge { comment: Some(id), text }), None) => {
                pace.go()?;
                let deleted = self.github.delete_comment(repo, id).await;
                unless_deleted(deleted)?.is_none().then_some(Nudge { comment: None, text })
            }
            _ => return Ok(()),
        };
        self.store.note_nudge(subject, now).await?;
        self.pause().await;
        Ok(())
    }

    /// Writes the comment. One that was written before, where we didn't hear of it or didn't note it, is taken over.
    async fn write(&self, (repo, number): &Name, text: &str) -> Result<u64, ApiError> {
        match self.github.own_comment(repo, *number, MARK).await? {
            Some((id, before)) if before.trim_end() == text.trim_end() => Ok(id),
            Some((id, _)) => self.github.edit_comment(repo, id, text).await.map(|()| id),
            None => self.github.comment(repo, *number, text).await,
        }
    }

    /// Who is told, if anybody is: the author of an open pull request that is ready, who isn't a bot.
    fn author(&self, pull: &Pull) -> Option<Actor> {
        let user = pull.user.as_ref().filter(|_| pull.is_open() && pull.draft != Some(true))?;
        let bot = user.kind == "Bot" || user.login.ends_with("[bot]");
        (!bot).then(|| Actor { login: user.login.clone(), name: user.login.clone(), url: None, bot })
    }

    /// The teams that hear of it if it is merged as it is now, without those of its author. Some of what rules ask may never be
    /// known: then it is those that hear of it in any case, and `None` if that is nobody.
    async fn hearers(&self, value: &Value, author: &Actor) -> Result<Option<BTreeSet<String>>, Trouble> {
        let nobody = Ok(Some(BTreeSet::new()));
        let Some(event) = source::as_merged(value, &self.settings) else { return nobody };
        let rulebook = self.rulebook.borrow().clone();
        let mut parsed = [Parsed::Events(vec![event])];
        let lapses = self.enricher.lapses();
        self.enricher.complete(parsed.iter_mut(), rulebook.rules(), &self.store).await?;
        let [Parsed::Events(events)] = parsed else { return nobody };
        let merge = events.into_iter().find(|event| event.kind == EventKind::PullRequestMerged);
        let Some(event) = merge else { return nobody };
        let gap = event.gap.clone();
        let ticket = self.ticket(&event).await?;
        let tracked = track::complete(event, Facts { ticket, ..Facts::default() });
        let others = |found: Vec<(&Team, &Rule, EventKind)>| {
            let of_merge = found.into_iter().filter(|(.., kind)| *kind == EventKind::PullRequestMerged);
            let others = of_merge.filter(|(team, ..)| !is_member(&team.members, author));
            others.map(|(team, ..)| team.name.clone()).collect::<BTreeSet<_>>()
        };
        let hear = others(plan::matching(&tracked, rulebook.rules()));
        let open = !others(plan::undecided(&tracked, rulebook.rules())).is_subset(&hear);
        if open && self.enricher.lapses() > lapses {
            // A comment shouldn't come and go with the answers that GitHub gives.
            let why = gap.unwrap_or_else(|| "it isn't known who would hear of it".to_owned());
            return Err(Trouble::Api(ApiError::Silent(why)));
        }
        Ok((!open || !hear.is_empty()).then_some(hear))
    }

    /// What is known of its ticket, for conditions on that.
    async fn ticket(&self, event: &Event) -> Result<Option<crate::event::Ticket>, Trouble> {
        let Some(key) = event.tickets.first() else { return Ok(None) };
        let known = self.store.known(vec![key.subject()]).await?;
        Ok(known.into_values().next().and_then(|known| known.ticket(key.as_str())))
    }
}

/// What the comment says; `None` if nobody hears of it. Its first line marks it as ours, so that it is never read as news or as a
/// note.
fn comment(teams: &BTreeSet<String>, pull: &Pull) -> Option<String> {
    if teams.is_empty() {
        return None;
    }
    let public = pull.base.repo.as_ref().is_some_and(|repo| !repo.private);
    let who = match teams.iter().map(|team| format!("`{team}`")).collect::<Vec<_>>().as_slice() {
        [_] if public => "one other team is".to_owned(),
        all if public => format!("{} other teams are", all.len()),
        [team] => format!("{team} is"),
        [others @ .., last] => format!("{} and {last} are", others.join(", ")),
        [] => return None,
    };
    Some(format!(
        "{ON_GITHUB}\n{MARK}\n\
         As the rules stand, {who} told about this pull request when it is merged.\n\n\
         If you assumed something that others should know, write it on a line of its own, here in a comment or in the \
         description:\n\n\
         ```text\n/assume what you assume\n```\n\n\
         <sub>microalign keeps this comment up to date while the pull request changes.</sub>\n"
    ))
}

/// `None` where somebody deleted the comment, who doesn't want to read it again.
fn unless_deleted(changed: Result<(), ApiError>) -> Result<Option<()>, ApiError> {
    match changed {
        Err(error) if error.is_absent() => Ok(None),
        changed => changed.map(Some),
    }
}

fn explained(error: ApiError) -> Trouble {
    match error {
        ApiError::Refused { status: 403, .. } => {
            Trouble::Other(format!("{error}: comments need write access to issues and to pull requests"))
        }
        error => error.into(),
    }
}

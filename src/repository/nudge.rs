//! One comment on a pull request that other teams hear of when it is merged: which, and how to write what was assumed. It changes
//! with the pull request, and goes when nobody would hear of it any more.
//!
//! Everybody who can read the pull request reads it, so it names no ticket, no rule and no destination; and in a public
//! repository no team either.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pulls::{Name, Pull, PullRequests, Trouble};
use crate::api::ApiError;
use crate::event::{Actor, Event, EventKind, SubjectKey};
use crate::plan;
use crate::rule::is_member;
use crate::source::{self, ON_GITHUB, Parsed};
use crate::store::Nudge;
use crate::track::{self, Facts};

impl PullRequests {
    /// Writes, changes or deletes the comment, as the pull request is now.
    pub(super) async fn nudge(&self, name: &Name, (pull, value): (&Pull, &Value)) -> Result<(), Trouble> {
        let (repo, number) = name;
        let subject = SubjectKey::numbered(repo, *number);
        if pull.merged {
            // What was said before stays, and nothing more is said.
            return Ok(self.store.note_nudge(subject, None).await?);
        }
        let wanted = match self.author(pull) {
            Some(author) => comment(&self.hearers(value, &author).await?, pull),
            None => None,
        };
        let known = self.store.nudge(subject.clone()).await?;
        match (known, wanted) {
            (None, Some(text)) => {
                let id = self.github.comment(repo, *number, &text).await.map_err(explained)?;
                self.store.note_nudge(subject, Some(Nudge { comment: Some(id), text })).await?;
                self.pause().await;
            }
            (Some(Nudge { comment: Some(id), text: before }), Some(text)) if before != text => {
                let comment = match self.github.edit_comment(repo, id, &text).await {
                    // Somebody deleted it, and doesn't want to read it again.
                    Err(error) if error.is_absent() => None,
                    edited => edited.map(|()| Some(id))?,
                };
                self.store.note_nudge(subject, Some(Nudge { comment, text })).await?;
            }
            (Some(Nudge { comment: Some(id), .. }), None) => match self.github.delete_comment(repo, id).await {
                Err(error) if !error.is_absent() => return Err(error.into()),
                Ok(()) | Err(_) => self.store.note_nudge(subject, None).await?,
            },
            (Some(Nudge { comment: None, .. }), None) if !pull.is_open() => {
                self.store.note_nudge(subject, None).await?
            }
            _ => {}
        }
        Ok(())
    }

    /// Who is told, if anybody is: the author of an open pull request that is ready, who isn't a bot.
    fn author(&self, pull: &Pull) -> Option<Actor> {
        let user = pull.user.as_ref().filter(|_| pull.is_open() && pull.draft != Some(true))?;
        let bot = user.kind == "Bot" || user.login.ends_with("[bot]");
        (!bot).then(|| Actor { login: user.login.clone(), name: user.login.clone(), url: None, bot })
    }

    /// The teams that hear of it if it is merged as it is now, without those of its author.
    async fn hearers(&self, value: &Value, author: &Actor) -> Result<BTreeSet<String>, Trouble> {
        let Some(event) = source::as_merged(value, &self.settings) else { return Ok(BTreeSet::new()) };
        let rulebook = self.rulebook.borrow().clone();
        let mut parsed = [Parsed::Events(vec![event])];
        self.enricher.complete(parsed.iter_mut(), rulebook.rules(), &self.store).await?;
        let [Parsed::Events(events)] = parsed else { return Ok(BTreeSet::new()) };
        let Some(event) = events.into_iter().find(|event| event.kind == EventKind::PullRequestMerged) else {
            return Ok(BTreeSet::new());
        };
        // Without an answer nobody knows who hears of it, and a comment shouldn't come and go with GitHub's answers.
        if let Some(gap) = &event.gap {
            return Err(Trouble::Api(ApiError::Silent(gap.clone())));
        }
        let ticket = self.ticket(&event).await?;
        let tracked = track::complete(event, Facts { ticket, ..Facts::default() });
        let matching = plan::matching(&tracked, rulebook.rules());
        let of_merge = matching.into_iter().filter(|(.., kind)| *kind == EventKind::PullRequestMerged);
        let others = of_merge.filter(|(team, ..)| !is_member(&team.members, author));
        Ok(others.map(|(team, ..)| team.name.clone()).collect())
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
        [_] if public => "one other team hears of it".to_owned(),
        all if public => format!("{} other teams hear of it", all.len()),
        [team] => format!("the team {team} hears of it"),
        [others @ .., last] => format!("the teams {} and {last} hear of it", others.join(", ")),
        [] => return None,
    };
    Some(format!(
        "{ON_GITHUB}\n\
         As the rules are now, {who} when this is merged.\n\n\
         If you assumed something that others should know, write it on a line of its own, here in a comment or in the \
         description:\n\n\
         ```text\n/assume what you assume\n```\n\n\
         <sub>microalign keeps this comment up to date while the pull request changes.</sub>\n"
    ))
}

fn explained(error: ApiError) -> Trouble {
    match error {
        ApiError::Refused { status: 403, .. } => {
            Trouble::Other(format!("{error}: comments need write access to issues and to pull requests"))
        }
        error => error.into(),
    }
}

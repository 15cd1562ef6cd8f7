//! Mutes, as somebody in Slack asks for them.

use std::time::Duration;

use jiff::Timestamp;

use super::answer::Answer;
use super::asker::Colleague;
use super::here::Here;
use super::{Desk, Refusal};
use crate::mute::{By, Mute, Scope, end};
use crate::store::{Found, Turn};
use crate::toml_file::did_you_mean;

impl Desk {
    pub(super) async fn mute(
        &self,
        who: &Colleague,
        here: &Here,
        (what, span): (&str, Duration),
    ) -> Result<Answer, Refusal> {
        let scope = self.scope(here, what).await?;
        let until = Timestamp::now().checked_add(span).ok();
        let name = scope.thread.as_ref().or(scope.rule.as_ref()).cloned().unwrap_or_default();
        self.put_mute(who, scope, until).await?;
        let said = format!("`{name}` is muted for {} {}.", here.team.name, end(until));
        Ok(Answer::said(&format!("{said} `/microalign unmute {name}` ends that.")))
    }

    pub(super) async fn unmute(&self, who: &Colleague, here: &Here, what: &str) -> Result<Answer, Refusal> {
        let scope = self.scope(here, what).await?;
        let ended = self.store.unmute(scope.clone()).await?;
        if ended == 0 {
            return Err(Refusal::Said(format!("`{what}` isn't muted for {}: `list` shows what is.", here.team.name)));
        }
        self.record(who, "unmute", scope.to_string().trim()).await;
        Ok(Answer::said(&format!("`{what}` is no longer muted for {}.", here.team.name)))
    }

    /// Mutes something, in somebody's name.
    pub(super) async fn put_mute(
        &self,
        who: &Colleague,
        scope: Scope,
        until: Option<Timestamp>,
    ) -> Result<(), Refusal> {
        let what = scope.to_string();
        let mute = Mute { scope, until, at: Timestamp::now(), by: By::Slack, who: Some(who.signature()) };
        self.store.mute(mute).await?;
        self.record(who, "mute", what.trim()).await;
        Ok(())
    }

    /// What somebody calls a conversation, which is muted for the team as by a link in a message; or a rule, which is muted in
    /// this channel alone.
    async fn scope(&self, here: &Here, what: &str) -> Result<Scope, Refusal> {
        let team = Some(here.team.name.clone());
        let own = format!("@{what}");
        let named = |name: &str| here.rules().find(|(rule, _)| *rule == name);
        if let Some((rule, to)) = named(what).or_else(|| named(&own)) {
            return Ok(Scope { team, destination: Some(to.clone()), rule: Some(rule.to_owned()), ..Scope::default() });
        }
        let thread = match self.store.conversation(what.to_owned(), Turn::Before(i64::MAX), Timestamp::now()).await? {
            Found::Here(found) => {
                let told = found.records.iter().any(|record| record.team.as_ref() == team.as_ref());
                // Readers outside must not learn of what they were not told.
                Some(found.thread).filter(|_| told || here.team.is_trusted_inside())
            }
            Found::Elsewhere(now) => Some(now).filter(|_| here.team.is_trusted_inside()),
            Found::Nowhere => None,
        };
        let help = || {
            did_you_mean(what, here.rules().map(|(rule, _)| rule))
                .map(|help| format!(": {help}"))
                .unwrap_or_else(|| ".".to_owned())
        };
        match thread {
            Some(thread) => Ok(Scope { team, thread: Some(thread), ..Scope::default() }),
            None => Err(Refusal::Said(format!(
                "`{what}` is neither a conversation, such as `DATA-123` or `acme/ingest-api#45`, nor a rule of this channel{}",
                help()
            ))),
        }
    }
}

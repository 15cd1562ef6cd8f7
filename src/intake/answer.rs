//! What comes of assumptions: the ledger says it, and so do comments where their authors are to be told.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Intake;
use crate::compose::{Feedback, Reaction, Rulebook};
use crate::plan::{self, Agreement};
use crate::reason::Reason;
use crate::rule::Team;
use crate::store::{Assumption, Outcome, StoreError, Told, Unanswered, Unopposed};

impl Intake {
    /// Takes note of objections. Returns how many there were.
    pub(super) async fn hear(&self, rulebook: &Rulebook, now: Timestamp) -> Result<usize, StoreError> {
        let unanswered = self.store.unanswered().await?;
        if unanswered.is_empty() {
            return Ok(0);
        }
        let outcomes = unanswered.iter().map(|unanswered| self.objected(unanswered, rulebook, now));
        self.conclude(outcomes.collect(), now).await?;
        Ok(unanswered.len())
    }

    /// Takes note of assumptions whose time to object is over. Returns how many there were.
    pub(super) async fn agree(&self, rulebook: &Rulebook, now: Timestamp) -> Result<usize, StoreError> {
        let over = self.store.unopposed(now).await?;
        if over.is_empty() {
            return Ok(0);
        }
        let (mut outcomes, mut agreed) = (Vec::new(), HashMap::<i64, Vec<_>>::new());
        for Unopposed { assumption, arrived, until, since } in &over {
            let team = team(rulebook, &assumption.team);
            let agreement = assumption.event.as_ref().filter(|_| *arrived);
            let agreement = agreement.map(|event| plan::agreement(event, team, (*until, since)));
            let reason = agreement.as_ref().map(|agreement| agreement.reason(*until, &zone(team)));
            let line = (assumption.id, reason.unwrap_or(Reason::NotAgreed));
            if agreement == Some(Agreement::Agreed) {
                agreed.entry(assumption.event_id).or_default().push((assumption, *until, line));
            } else {
                outcomes.push(Outcome { objection: None, lines: vec![line], told: None });
            }
        }
        outcomes.extend(agreed.into_values().map(|lines| self.agreed(lines, rulebook, now)));
        self.conclude(outcomes, now).await?;
        Ok(over.len())
    }

    async fn conclude(&self, outcomes: Vec<Outcome>, now: Timestamp) -> Result<(), StoreError> {
        let told = outcomes.iter().filter(|outcome| outcome.told.is_some()).flat_map(|outcome| &outcome.lines).count();
        self.store.conclude(outcomes, now).await?;
        (0..told).for_each(|_| self.metrics.update("held"));
        self.to_send.notify_one();
        Ok(())
    }

    fn objected(&self, unanswered: &Unanswered, rulebook: &Rulebook, now: Timestamp) -> Outcome {
        let Unanswered { id, assumption, objection } = unanswered;
        let zone = zone(team(rulebook, &assumption.team));
        let objected = Reason::Objected {
            by: objection.by.clone(),
            through: objection.through.as_str().to_owned(),
            at: zone.to_datetime(objection.at),
        };
        let reaction = Reaction::Objection { by: &objection.by, text: &objection.text, at: objection.at };
        let told = self.tell(&[assumption], (reaction, &zone, now), rulebook);
        let told = told.map(|told| Told { reason: Reason::TellsObjection { by: objection.by.clone() }, ..told });
        Outcome { objection: Some(*id), lines: vec![(assumption.id, objected)], told }
    }

    /// What several teams did not object to by the same time is told at once.
    fn agreed(
        &self,
        lines: Vec<(&Assumption, Timestamp, (i64, Reason))>,
        rulebook: &Rulebook,
        now: Timestamp,
    ) -> Outcome {
        let until = lines.iter().map(|(_, until, _)| *until).max().unwrap_or(now);
        let assumptions = lines.iter().map(|(assumption, ..)| *assumption).collect::<Vec<_>>();
        let zone = assumptions.first().map_or(TimeZone::UTC, |first| zone(team(rulebook, &first.team)));
        let told = self.tell(&assumptions, (Reaction::Agreement(until), &zone, now), rulebook);
        Outcome { objection: None, lines: lines.into_iter().map(|(.., line)| line).collect(), told }
    }

    /// What the author of an assumption is told of it, if that is wanted where it was made.
    fn tell(
        &self,
        assumptions: &[&Assumption],
        (reaction, zone, now): (Reaction<'_>, &TimeZone, Timestamp),
        rulebook: &Rulebook,
    ) -> Option<Told> {
        let first = assumptions.first()?;
        let note = first.event.as_ref()?;
        let to = plan::author_page(note).filter(|to| self.tell_authors.at(to))?;
        let mut teams = assumptions.iter().map(|assumption| assumption.team.clone()).collect::<Vec<_>>();
        teams.sort_unstable();
        teams.dedup();
        let feedback = Feedback { note, teams: &teams, rule: &first.rule, zone, reaction, now };
        let reason = Reason::TellsAgreement { teams: teams.clone() };
        match rulebook.feedback(&feedback) {
            Ok(message) => Some(Told { to, page: note.subject.clone(), message, reason }),
            Err(error) => {
                tracing::error!(team = first.team, %error, "what an author is told could not be rendered");
                None
            }
        }
    }
}

fn team<'a>(rulebook: &'a Rulebook, name: &str) -> Option<&'a Team> {
    rulebook.rules().teams().iter().find(|team| team.name == name).map(|team| &**team)
}

fn zone(team: Option<&Team>) -> TimeZone {
    team.map_or(TimeZone::UTC, |team| team.timezone.clone())
}

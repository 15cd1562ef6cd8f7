//! What becomes of assumptions. The ledger says it, and so do comments if their authors should be told.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::round::Round;
use crate::compose::{Feedback, Reaction, Rulebook};
use crate::config::TellAuthors;
use crate::destination::Destination;
use crate::plan::{self, Agreement};
use crate::reason::{Code, Reason};
use crate::rule::Team;
use crate::store::{Assumption, Conclusion, StoreError, Told, Unanswered, Unopposed};

impl Round<'_> {
    /// Takes note of objections.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub(super) fn hear(&mut self, tell_authors: TellAuthors) -> Result<(), StoreError> {
        let unanswered = self.tx.unanswered()?;
        let conclusions = unanswered.iter().map(|unanswered| self.objected(unanswered, tell_authors)).collect();
        self.conclude(conclusions)
    }

    /// Takes note of assumptions whose time to object is over.
    pub(super) fn agree(&mut self, tell_authors: TellAuthors) -> Result<(), StoreError> {
        let over = self.tx.unopposed(self.now)?;
        let (mut conclusions, mut agreed) = (Vec::new(), HashMap::<i64, Vec<_>>::new());
        for Unopposed { assumption, arrived, until, since } in &over {
            let team = team(self.rulebook, &assumption.rule.team);
            let agreement = assumption.event.as_ref().filter(|_| *arrived);
            let agreement = agreement.map(|event| plan::agreement(event, team, (*until, since)));
            let reason = agreement.as_ref().map(|agreement| agreement.reason(*until, &zone(team)));
            let line = (assumption.id, reason.unwrap_or(Reason::NotAgreed));
            if agreement == Some(Agreement::Agreed) {
                agreed.entry(assumption.event_id).or_default().push((assumption, *until, line));
            } else {
                conclusions.push(Conclusion { objection: None, lines: vec![line], told: None });
            }
        }
        conclusions.extend(agreed.into_values().map(|lines| self.agreed(lines, tell_authors)));
        self.conclude(conclusions)
    }

    fn conclude(&mut self, conclusions: Vec<Conclusion>) -> Result<(), StoreError> {
        self.worked += conclusions.len();
        let told = conclusions.iter().filter(|conclusion| conclusion.told.is_some());
        self.states.extend(told.flat_map(|conclusion| &conclusion.lines).map(|_| ("held", Code::Sending)));
        self.tx.conclude(&conclusions, self.now)
    }

    fn objected(&self, unanswered: &Unanswered, tell_authors: TellAuthors) -> Conclusion {
        let Unanswered { id, assumption, objection, carried } = unanswered;
        let zone = zone(team(self.rulebook, &assumption.rule.team));
        let objected = Reason::Objected {
            by: objection.by.clone(),
            through: objection.through.as_str().to_owned(),
            at: zone.to_datetime(objection.at),
        };
        let reaction = Reaction::Objection {
            by: &objection.by,
            text: &objection.text,
            through: objection.through,
            at: objection.at,
        };
        // They read it in the comment that carries the words.
        let to = assumption.event.as_ref().filter(|_| !carried);
        let to = to.and_then(|note| tell_authors.of_objection(note, assumption.restricted));
        let told = to.and_then(|to| self.tell(&[assumption], (reaction, &zone), to));
        let told = told.map(|told| Told { reason: Reason::TellsObjection { by: objection.by.clone() }, ..told });
        Conclusion { objection: Some(*id), lines: vec![(assumption.id, objected)], told }
    }

    /// What several teams did not object to by the same time is told at once.
    fn agreed(&self, lines: Vec<(&Assumption, Timestamp, (i64, Reason))>, tell_authors: TellAuthors) -> Conclusion {
        let until = lines.iter().map(|(_, until, _)| *until).max().unwrap_or(self.now);
        let assumptions = lines.iter().map(|(assumption, ..)| *assumption).collect::<Vec<_>>();
        let zone = assumptions.first().map_or(TimeZone::UTC, |first| zone(team(self.rulebook, &first.rule.team)));
        let page = assumptions.first().and_then(|first| plan::author_page(first.event.as_ref()?));
        let to = page.filter(|to| tell_authors.at(to));
        let told = to.and_then(|to| self.tell(&assumptions, (Reaction::Agreement(until), &zone), to));
        Conclusion { objection: None, lines: lines.into_iter().map(|(.., line)| line).collect(), told }
    }

    /// What the author of an assumption is told of it, where it was made.
    fn tell(
        &self,
        assumptions: &[&Assumption],
        (reaction, zone): (Reaction<'_>, &TimeZone),
        to: Destination,
    ) -> Option<Told> {
        let first = assumptions.first()?;
        let note = first.event.as_ref()?;
        let mut teams = assumptions.iter().map(|assumption| assumption.rule.team.clone()).collect::<Vec<_>>();
        teams.sort_unstable();
        teams.dedup();
        let feedback = Feedback { note, teams: &teams, rule: &first.rule.name, zone, reaction, now: self.now };
        let reason = Reason::TellsAgreement { teams: teams.clone() };
        match self.rulebook.feedback(&feedback) {
            Ok(message) => Some(Told { to, page: note.subject.to_string(), message, reason }),
            Err(error) => {
                tracing::error!(team = first.rule.team, %error, "what an author is told could not be rendered");
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

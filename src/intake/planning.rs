//! Plans one delivery: finds the names and facts for each of its events, tracks and plans it, and writes the result.

use std::collections::VecDeque;
use std::time::SystemTime;

use crate::event::{About, Event, EventKind};
use crate::plan::{self, Plan};
use crate::reason::Reason;
use crate::source::{self, Parsed};
use crate::store::{PlannedEvent, Queued, StoreError};
use crate::telemetry::Planned;
use crate::track::{self, Facts, Tracked};

use super::names;
use super::round::Round;
use super::touched::Touched;

impl Round<'_> {
    /// Plans a delivery. A fault of ours in it is recorded, with its body kept for a replay, and holds up no other.
    ///
    /// # Errors
    /// [`StoreError`]; here and below
    pub(super) fn take_in(&mut self, delivery: &Queued, parsed: Parsed) -> Result<(), StoreError> {
        let span = tracing::info_span!("delivery", id = delivery.id, source = %delivery.source, key = delivery.key);
        let _entered = span.entered();
        let (states, start) = (self.states.len(), SystemTime::now());
        let planned = self.attempt(|round| round.plan_delivery(delivery, parsed));
        match planned {
            Err(StoreError::Corrupt(fault)) if self.careful => {
                tracing::error!(delivery = delivery.id, fault, "our fault: it could not be planned; its body is kept");
                self.states.truncate(states);
                self.ignore(delivery, &Reason::Fault { detail: fault })?;
            }
            planned => planned?,
        }
        let updates = self.states[states..].iter().map(|(state, _)| *state).collect::<Vec<_>>();
        let trace_id = self.tracer.as_ref().map(|tracer| tracer.trace_id(delivery.id));
        tracing::info!(id = delivery.id, source = %delivery.source, key = delivery.key, trace_id, ?updates, "planned");
        if self.tracer.is_some() {
            let (delivery, source, key) = (delivery.id, delivery.source.as_str(), delivery.key.clone());
            self.planned.push(Planned { delivery, source, key, states: updates, start, end: SystemTime::now() });
        }
        Ok(())
    }

    fn ignore(&mut self, delivery: &Queued, reason: &Reason) -> Result<(), StoreError> {
        self.states.push(("ignored", reason.code()));
        self.tx.ignore_delivery(delivery.id, (delivery.source, &delivery.name), reason, self.now)
    }

    fn plan_delivery(&mut self, delivery: &Queued, parsed: Parsed) -> Result<(), StoreError> {
        let events = match parsed {
            Parsed::Events(events) => self.compared(events)?,
            Parsed::Ignored(reason) => {
                if source::CHECKS.contains(&delivery.name.as_str()) {
                    let wanted = source::rerequested(&delivery.name, &self.tx.body(delivery.id)?);
                    self.touched.extend(wanted.into_iter().map(|(repo, number)| Touched::CheckAgain(repo, number)));
                }
                return self.ignore(delivery, &reason);
            }
        };
        let mut events = events.into_iter().map(|event| (event, Vec::new())).collect::<VecDeque<_>>();
        while let Some((mut event, heard)) = events.pop_front() {
            let rules = self.rulebook.rules();
            self.tx.ahead(|| self.look_at(&event));
            self.renamings.extend(names::settle(&mut event, rules, self.tx, self.now)?);
            if event.about.is_unnamed_issue() {
                let detail = "a project tells of an issue that no webhook has told of yet".to_owned();
                return self.ignore(delivery, &Reason::NotNews { detail });
            }
            self.touched.extend(Touched::by(&event));
            let facts = self.facts(&event)?;
            let tracked = track::complete(event, facts);
            let mut plan = plan::plan(&tracked, rules, &self.tx.history(&tracked.event.subject)?, self.now);
            plan.leave_out(&heard);
            self.join_ends(&tracked, &mut plan)?;
            self.states.extend(plan.states());
            self.tx.write_event(PlannedEvent { delivery: delivery.id, tracked: &tracked, plan: &plan }, self.now)?;
            events.extend(self.on_track(&tracked)?.into_iter().map(|event| (event, Vec::new())));
            events.extend(self.begun(&tracked)?.into_iter().map(|event| (event, plan.tells())));
        }
        self.tx.close_delivery(delivery.id)
    }

    /// What planning an event asks first.
    fn look_at(&self, event: &Event) {
        let mut named = event.clone();
        drop(names::settle(&mut named, self.rulebook.rules(), self.tx, self.now));
        drop((self.facts(event), self.tx.history(&event.subject), self.tx.next_event()));
    }

    /// A delivery's events; where its text was edited, with what that changes instead of all the notes in it.
    fn compared(&self, events: Vec<Event>) -> Result<Vec<Event>, StoreError> {
        let Some((brought, prefix)) = events.iter().find_map(|event| Some((event, event.retold.as_deref()?))) else {
            return Ok(events);
        };
        let before = source::standing_notes(self.tx.notes(prefix)?);
        let brought = brought.clone();
        let begins = |event: &&Event| event.once.as_deref().is_some_and(|once| once.starts_with(prefix));
        let (now, mut others): (Vec<_>, Vec<_>) = events.iter().cloned().partition(|event| begins(&event));
        others.extend(source::revise_notes(&brought, before, now));
        Ok(others)
    }

    /// The delivery that told of the same occurrence before, by the sender's id.
    fn told(&self, event: &Event) -> Result<Option<String>, StoreError> {
        let Some(once) = &event.once else { return Ok(None) };
        if let Some(told) = self.tx.told(once)? {
            return Ok(Some(told));
        }
        for beginning in once.changes_alike() {
            let alike = self.tx.changes(&beginning)?;
            if let Some((delivery, _)) = alike.into_iter().find(|(_, other)| track::is_same_change(event, other)) {
                return Ok(Some(delivery));
            }
        }
        Ok(None)
    }

    /// What is known that an event is completed by.
    fn facts(&self, event: &Event) -> Result<Facts, StoreError> {
        let (tx, rules) = (self.tx, self.rulebook.rules());
        let work = matches!(&event.about, About::Thing(thing) if thing.pull_request.is_some());
        let ticket = event.tickets.first().filter(|key| event.subject != key.as_str() && rules.ask_of_tickets());
        let ticket = match ticket {
            Some(key) => tx.known(key.as_str())?.and_then(|known| known.ticket(key.as_str())),
            None => None,
        };
        let replaced = event.note.as_ref().filter(|note| note.edited).and_then(|note| note.replaces.as_ref());
        let scope = event.repository();
        let restricts = event.private == Some(true) && rules.have_readers_outside();
        let undoings = track::undone_with(event).map(|once| tx.undoings(&once)).transpose()?;
        let notes = track::place_of_note(event).map(|place| tx.notes(&place)).transpose()?;
        Ok(Facts {
            known: tx.known(&event.subject)?,
            work: work.then(|| tx.known(&event.work())).transpose()?.flatten(),
            ticket,
            nameless: matches!(event.about, About::Ticket(_)) && event.tickets.is_empty(),
            told: self.told(event)?,
            undoings: undoings.unwrap_or_default(),
            notes: notes.unwrap_or_default(),
            replaced_was_sent: replaced.map_or(Ok(false), |note| tx.note_was_sent(note))?,
            was_private: if restricts { tx.private(&scope)? } else { None },
        })
    }

    /// GitHub closes an issue seconds after the merge that closes it: what waits to tell a team of both goes together.
    fn join_ends(&self, tracked: &Tracked, plan: &mut Plan) -> Result<(), StoreError> {
        let event = &tracked.event;
        let ends = matches!(event.kind, EventKind::PullRequestMerged | EventKind::IssueClosed);
        let issue = event.tickets.first().filter(|key| ends && key.is_issue());
        match issue {
            Some(key) if !plan.updates.is_empty() => plan.go_with(&self.tx.ends_that_wait(key.as_str())?),
            _ => {}
        }
        Ok(())
    }

    /// A pull request that closes an issue on which nobody worked is news of that issue.
    fn begun(&self, tracked: &Tracked) -> Result<Vec<Event>, StoreError> {
        if !matches!(tracked.event.about, About::PullRequest(_)) {
            return Ok(Vec::new());
        }
        let mut begun = Vec::new();
        for key in tracked.event.tickets.iter().filter(|key| key.is_issue()) {
            let known = self.tx.known(key.as_str())?;
            begun.extend(known.and_then(|known| track::begun_by(tracked, key, known)));
        }
        Ok(begun)
    }

    /// A ticket that moves forward is news of the drafts that belong to it.
    fn on_track(&self, moved: &Tracked) -> Result<Vec<Event>, StoreError> {
        if !moved.forward || !self.rulebook.rules().want(EventKind::PullRequestOnTrack) {
            return Ok(Vec::new());
        }
        let drafts = self.tx.drafts_of(&moved.event.subject)?.into_iter();
        Ok(drafts.filter_map(|(subject, draft)| track::on_track(subject, draft, &moved.event, &moved.known)).collect())
    }
}

//! The lives of tickets.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use microalign::event::Source;
use serde_json::{Value, json};

use super::super::company::Team;
use super::super::payload::{Status, Ticket, change};
use super::super::traffic::{FLAGGED, Fact};
use super::{World, of_ticket};

impl World<'_> {
    fn jira(&mut self, ticket: &Ticket, event: &str, actor: &str, more: Value) -> Option<String> {
        let body = ticket.happened(event, actor, more);
        self.happens((Source::Jira, ""), &body, of_ticket(ticket, event, actor))
    }

    fn changes(&mut self, ticket: &Ticket, (field, from, to): (&str, &str, &str)) -> Option<String> {
        let event = "jira:issue_updated";
        let body = ticket.happened(event, &ticket.assignee, change(self.id(), field, from, to));
        let fact = Fact { about: Some(field.to_owned()), ..of_ticket(ticket, event, &ticket.assignee) };
        self.happens((Source::Jira, ""), &body, fact)
    }

    /// A ticket that nobody has heard of.
    pub(super) fn new_ticket(&mut self, team: usize, number: u64, updated: Timestamp) -> (Ticket, u64) {
        let Team { project, .. } = &self.company.teams[team];
        let (words, title) = self.words(project);
        let ticket = Ticket {
            project: project.clone(),
            number,
            status: Status::ToDo,
            due: self.rng.i8(1..20),
            assignee: self.member(team).to_owned(),
            reporter: self.member(team).to_owned(),
            title: format!("Do {title}"),
            flagged: false,
            restricted: false,
            deleted: false,
            updated,
        };
        (ticket, words)
    }

    pub(super) fn ticket(&mut self, team: usize, number: u64, from: Timestamp) {
        let zone = &self.company.teams[team].zone;
        let begun = self.at_work(from, zone);
        let (mut ticket, title) = self.new_ticket(team, number, begun);
        let reporter = ticket.reporter.clone();
        self.jira(&ticket, "jira:issue_created", &reporter, json!({}));
        ticket.updated = self.later(ticket.updated, 10.0, zone);
        self.moves(&mut ticket, Status::InProgress);
        if self.chance(0.08) {
            self.restrict(&mut ticket, title);
        }
        for _ in 0..self.rng.usize(0..4) {
            let begun = self.later(ticket.updated, 3.0, zone);
            self.pull_request(team, Some(&ticket.key()), begun);
        }
        for _ in 0..self.rng.usize(0..5) {
            ticket.updated = self.later(ticket.updated, 15.0, zone);
            self.goes_on(&mut ticket, zone);
        }
        if self.chance(0.04) {
            self.restrict(&mut ticket, title);
        }
        if self.chance(0.03) {
            ticket.updated = self.soon(ticket.updated);
            ticket.deleted = true;
            let gone = self.jira(&ticket, "jira:issue_deleted", &reporter, json!({}));
            self.gone(title, gone);
        } else if self.chance(0.85) {
            ticket.updated = self.later(ticket.updated, 20.0, zone);
            self.moves(&mut ticket, Status::Done);
            if self.chance(0.08) {
                ticket.updated = self.later(ticket.updated, 8.0, zone);
                self.moves(&mut ticket, Status::InProgress);
            }
        }
    }

    fn goes_on(&mut self, ticket: &mut Ticket, zone: &TimeZone) {
        match self.rng.u8(..12) {
            0..=3 => self.ticket_comment(ticket, zone),
            4..=5 => {
                let before = ticket.due();
                ticket.due += if self.chance(0.8) { 3 } else { -1 };
                ticket.due = ticket.due.clamp(1, 28);
                self.changes(ticket, ("duedate", &before, &ticket.due()));
            }
            6..=7 => {
                ticket.flagged = true;
                self.changes(ticket, (FLAGGED, "", "Impediment"));
                if self.chance(0.5) {
                    ticket.updated = self.soon(ticket.updated);
                    ticket.flagged = false;
                    self.changes(ticket, (FLAGGED, "Impediment", ""));
                }
            }
            8..=9 if ticket.status == Status::InProgress => self.moves(ticket, Status::InReview),
            8..=9 => self.moves(ticket, Status::InProgress),
            _ => drop(self.changes(ticket, ("labels", "", "later"))),
        }
    }

    pub(super) fn moves(&mut self, ticket: &mut Ticket, to: Status) {
        let from = ticket.status.name();
        ticket.status = to;
        self.changes(ticket, ("status", from, to.name()));
    }

    /// It gets a security level: from then on its title is nobody's business.
    fn restrict(&mut self, ticket: &mut Ticket, title: u64) {
        if !ticket.restricted {
            ticket.updated = self.soon(ticket.updated);
            ticket.restricted = true;
            let gone = self.changes(ticket, ("security", "", "Restricted"));
            self.gone(title, gone);
        }
    }

    /// A comment, mostly with a note. It may be edited, deleted or kept for a role.
    fn ticket_comment(&mut self, ticket: &mut Ticket, zone: &TimeZone) {
        let (id, author, made) = (self.id(), ticket.assignee.clone(), ticket.updated);
        let (words, said) = self.words(&ticket.project);
        let text = if self.chance(0.7) { self.note(&said) } else { format!("What about {said}?") };
        let comment = |ticket: &Ticket, text: &str, role| ticket.comment(id, text, (&author, made), role);
        self.jira(ticket, "comment_created", &author, comment(ticket, &text, None));
        if self.chance(0.3) {
            // Older versions tell of it once more as an update.
            let mut again = comment(ticket, &text, None);
            again["issue_event_type_name"] = "issue_commented".into();
            self.jira(ticket, "jira:issue_updated", &author, again);
        }
        if !self.chance(0.3) {
            return;
        }
        ticket.updated = if self.chance(0.5) { self.soon(made) } else { self.later(made, 1.0, zone) };
        let gone = match self.rng.u8(..3) {
            0 => self.jira(ticket, "comment_updated", &author, comment(ticket, "never mind", None)),
            1 => self.jira(ticket, "comment_updated", &author, comment(ticket, &text, Some("Administrators"))),
            _ => self.jira(ticket, "comment_deleted", &author, comment(ticket, &text, None)),
        };
        self.gone(words, gone);
    }
}

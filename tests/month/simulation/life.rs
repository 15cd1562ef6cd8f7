//! What happens in a month: the lives of tickets and pull requests, drawn from a seed.

use std::time::Duration;

use fastrand::Rng;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use microalign::event::Source;
use serde_json::{Value, json};

use super::company::{Company, Team};
use super::payload::{Pr, Stage, Status, Ticket, change};
use super::traffic::{Fact, Note, State, Traffic};

/// What is drawn.
#[derive(Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub begin: Timestamp,
    pub days: u64,
    /// For each team and week
    pub tickets: u64,
}

/// All that happens, in the order in which it is delivered.
pub fn live(company: &Company, plan: Plan) -> Traffic {
    let end = plan.begin + Duration::from_secs(plan.days * 24 * 3600);
    let mut world = World { company, rng: Rng::with_seed(plan.seed), end, traffic: Traffic::default(), ids: 1000 };
    let seconds = plan.days * 24 * 3600;
    for team in 0..company.teams.len() {
        for number in 0..(plan.tickets * plan.days).div_ceil(7) {
            let now = plan.begin + Duration::from_secs(world.rng.u64(0..seconds));
            world.ticket(team, number + 1, now);
            if number.is_multiple_of(2) {
                world.pull_request(team, None, now);
            }
            if number.is_multiple_of(5) {
                world.update_of_a_bot(team, now);
            }
        }
    }
    let mut traffic = world.traffic;
    traffic.deliveries.sort_by_key(|delivery| delivery.received);
    traffic
}

struct World<'a> {
    company: &'a Company,
    rng: Rng,
    end: Timestamp,
    traffic: Traffic,
    ids: u64,
}

const NOTES: [&str; 5] = ["assume", "decide", "headsup", "delay", "block"];
const RENOVATE: &str = "renovate[bot]";
const HOUR: f64 = 3600.0;

impl<'a> World<'a> {
    fn chance(&mut self, share: f64) -> bool {
        self.rng.f64() < share
    }

    fn id(&mut self) -> u64 {
        self.ids += 1;
        self.ids
    }

    /// A time after this one, about so many hours later, mostly one at which people of the zone work.
    fn later(&mut self, at: Timestamp, hours: f64, zone: &TimeZone) -> Timestamp {
        let gap = (hours * HOUR * -self.rng.f64().max(1e-6).ln()).clamp(5.0, 12.0 * 24.0 * HOUR);
        let at = Timestamp::from_second(at.as_second()).unwrap() + Duration::from_secs_f64(gap.round());
        if self.chance(0.05) { at } else { self.at_work(at, zone) }
    }

    fn at_work(&mut self, at: Timestamp, zone: &TimeZone) -> Timestamp {
        let here = at.to_zoned(zone.clone());
        let works = |date: jiff::civil::Date| !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        if works(here.date()) && (9..18).contains(&here.hour()) {
            return at;
        }
        let mut date = if here.hour() < 9 { here.date() } else { here.date().tomorrow().unwrap() };
        while !works(date) {
            date = date.tomorrow().unwrap();
        }
        let morning = date.to_datetime(Time::constant(9, 0, 0, 0)).to_zoned(zone.clone()).unwrap();
        (morning + i64::from(self.rng.u32(0..4 * 3600)).seconds()).timestamp()
    }

    fn member(&mut self, team: usize) -> &'a str {
        let members = &self.company.teams[team].members;
        &members[self.rng.usize(..members.len())]
    }

    /// Somebody who reviews or comments: of the team that owns the repository, or of any.
    fn other(&mut self, repo: &str) -> &'a str {
        let owner = self.company.repos.iter().find(|known| known.name == repo).map_or(0, |repo| repo.owner);
        let team = if self.chance(0.7) { owner } else { self.rng.usize(..self.company.teams.len()) };
        self.member(team)
    }

    fn github(&mut self, pr: &Pr, name: &'static str, actor: &str, body: &Value) -> Option<String> {
        // A push to the main branch says nothing of the pull request that it came from.
        let shows_state = name != "push";
        let fact = Fact {
            subject: if shows_state { pr.subject() } else { pr.repo.clone() },
            actor: actor.to_owned(),
            author: pr.author.clone(),
            updated: pr.updated,
            state: shows_state.then_some(State::Pr { stage: pr.stage, draft: pr.draft }),
        };
        (pr.updated < self.end).then(|| self.traffic.add(&mut self.rng, (Source::Github, name), body, fact))
    }

    /// Something happens to a pull request itself.
    fn act(&mut self, pr: &Pr, action: &str, actor: &str, more: Value) {
        self.github(pr, "pull_request", actor, &pr.changed(action, actor, more));
    }

    fn jira(&mut self, ticket: &Ticket, event: &str, actor: &str, more: Value) -> Option<String> {
        let fact = Fact {
            subject: ticket.key(),
            actor: actor.to_owned(),
            author: actor.to_owned(),
            updated: ticket.updated,
            state: Some(State::Ticket(ticket.status)),
        };
        let body = ticket.happened(event, actor, more);
        (ticket.updated < self.end).then(|| self.traffic.add(&mut self.rng, (Source::Jira, ""), &body, fact))
    }

    /// A note nobody else writes.
    fn words(&mut self) -> (String, String) {
        let words = format!("the thing number {} stays as it is", self.id());
        (format!("/{} {words}", NOTES[self.rng.usize(..NOTES.len())]), words)
    }

    fn noted(&mut self, words: String, gone: Option<String>) {
        self.traffic.notes.push(Note { words, gone });
    }

    fn ticket(&mut self, team: usize, number: u64, from: Timestamp) {
        let Team { project, zone, .. } = &self.company.teams[team];
        let assignee = self.member(team).to_owned();
        let reporter = self.member(team).to_owned();
        let updated = self.at_work(from, zone);
        let due = self.rng.i8(1..20);
        let status = Status::ToDo;
        let mut ticket = Ticket { project: project.clone(), number, status, due, assignee, reporter, updated };
        let assignee = ticket.assignee.clone();
        self.jira(&ticket, "jira:issue_created", &ticket.reporter, json!({}));
        ticket.updated = self.later(ticket.updated, 10.0, zone);
        self.moves(&mut ticket, Status::InProgress);
        for _ in 0..self.rng.usize(0..4) {
            let begun = self.later(ticket.updated, 3.0, zone);
            self.pull_request(team, Some(&ticket.key()), begun);
        }
        for _ in 0..self.rng.usize(0..4) {
            ticket.updated = self.later(ticket.updated, 15.0, zone);
            match self.rng.u8(..10) {
                0..=3 => self.ticket_comment(&mut ticket, zone),
                4..=5 => {
                    let before = ticket.due();
                    ticket.due += if self.chance(0.8) { 3 } else { -1 };
                    ticket.due = ticket.due.clamp(1, 28);
                    self.jira(&ticket, "jira:issue_updated", &assignee, change("duedate", &before, &ticket.due()));
                }
                6 => drop(self.jira(&ticket, "jira:issue_updated", &assignee, change("Flagged", "", "Impediment"))),
                7..=8 if ticket.status == Status::InProgress => self.moves(&mut ticket, Status::InReview),
                7..=8 => self.moves(&mut ticket, Status::InProgress),
                _ => drop(self.jira(&ticket, "jira:issue_updated", &assignee, change("summary", "a", "b"))),
            }
        }
        if self.chance(0.85) {
            ticket.updated = self.later(ticket.updated, 20.0, zone);
            self.moves(&mut ticket, Status::Done);
            if self.chance(0.08) {
                ticket.updated = self.later(ticket.updated, 8.0, zone);
                self.moves(&mut ticket, Status::InProgress);
            }
        }
    }

    fn moves(&mut self, ticket: &mut Ticket, to: Status) {
        let more = change("status", ticket.status.name(), to.name());
        ticket.status = to;
        let actor = ticket.assignee.clone();
        self.jira(ticket, "jira:issue_updated", &actor, more);
    }

    fn ticket_comment(&mut self, ticket: &mut Ticket, zone: &TimeZone) {
        let (id, author) = (self.id(), ticket.assignee.clone());
        let (note, words) = self.words();
        let comment = ticket.comment(id, &note, &author);
        self.jira(ticket, "comment_created", &author, comment);
        let gone = if self.chance(0.2) {
            ticket.updated = self.later(ticket.updated, 1.0, zone);
            let comment = ticket.comment(id, "never mind", &author);
            self.jira(ticket, "comment_updated", &author, comment)
        } else {
            None
        };
        self.noted(words, gone);
    }

    fn open(&mut self, team: usize, ticket: Option<&str>, begun: Timestamp) -> Pr {
        let own = self.company.repos.iter().filter(|repo| repo.owner == team).collect::<Vec<_>>();
        let repo = if self.chance(0.8) {
            own[self.rng.usize(..own.len())]
        } else {
            &self.company.repos[self.rng.usize(..self.company.repos.len())]
        };
        let number = self.id();
        let branch = ticket.map_or_else(|| format!("work-{number}"), |key| format!("{}-{number}", key.to_lowercase()));
        let (body, words) =
            if self.chance(0.06) { self.words() } else { (format!("It is about {number}."), String::new()) };
        if !words.is_empty() {
            self.noted(words, None);
        }
        Pr {
            repo: repo.name.clone(),
            number,
            title: format!("Make thing {number} better"),
            head: branch,
            author: self.member(team).to_owned(),
            draft: self.chance(0.55),
            stage: Stage::Open,
            labels: Vec::new(),
            body,
            updated: begun,
        }
    }

    fn pull_request(&mut self, team: usize, ticket: Option<&str>, begun: Timestamp) {
        let zone = &self.company.teams[team].zone;
        let begun = self.at_work(begun, zone);
        let mut pr = self.open(team, ticket, begun);
        let author = pr.author.clone();
        self.act(&pr, "opened", &author, json!({}));
        for _ in 0..self.rng.usize(0..5) {
            pr.updated = self.later(pr.updated, 3.0, zone);
            self.work(&mut pr);
        }
        if self.chance(0.05) {
            pr.updated = self.later(pr.updated + Duration::from_secs(6 * 24 * 3600), 10.0, zone);
        }
        if pr.draft {
            self.ready(&mut pr, zone);
        }
        self.review(&mut pr, zone);
        pr.updated = self.later(pr.updated, 4.0, zone);
        match self.rng.u8(..100) {
            0..80 => {
                let by = if self.chance(0.1) { "merge-queue[bot]".to_owned() } else { author };
                self.merge(&mut pr, &by);
            }
            80..94 => {
                pr.stage = Stage::Closed;
                self.act(&pr, "closed", &author, json!({}));
                if self.chance(0.3) {
                    pr.updated = self.later(pr.updated, 5.0, zone);
                    pr.stage = Stage::Open;
                    self.act(&pr, "reopened", &author, json!({}));
                    pr.updated = self.later(pr.updated, 20.0, zone);
                    self.merge(&mut pr, &author);
                }
            }
            _ => return,
        }
        if self.chance(0.2) {
            pr.updated = self.later(pr.updated, 2.0, zone);
            self.comment(&mut pr, zone);
        }
    }

    /// A push, a label, an edit.
    fn work(&mut self, pr: &mut Pr) {
        let author = pr.author.clone();
        match self.rng.u8(..10) {
            0..7 => {
                let (before, after) = (format!("{:040x}", self.id()), format!("{:040x}", self.id()));
                self.act(pr, "synchronize", &author, json!({ "before": before, "after": after }));
            }
            7 | 8 => {
                let label = if self.chance(0.5) { "contract" } else { "chore" };
                pr.labels.push(label);
                self.act(pr, "labeled", &author, json!({ "label": { "name": label } }));
            }
            _ => {
                let before = std::mem::replace(&mut pr.title, format!("Make thing {} much better", pr.number));
                self.act(pr, "edited", &author, json!({ "changes": { "title": { "from": before } } }));
            }
        }
    }

    fn ready(&mut self, pr: &mut Pr, zone: &TimeZone) {
        let author = pr.author.clone();
        let turns: &[bool] = if self.chance(0.12) { &[false, true, false] } else { &[false] };
        for draft in turns {
            pr.updated = self.later(pr.updated, 2.0, zone);
            pr.draft = *draft;
            let action = if *draft { "converted_to_draft" } else { "ready_for_review" };
            self.act(pr, action, &author, json!({}));
        }
    }

    fn review(&mut self, pr: &mut Pr, zone: &TimeZone) {
        for _ in 0..self.rng.usize(0..4) {
            pr.updated = self.later(pr.updated, 2.5, zone);
            let (reviewer, id) = (self.other(&pr.repo), self.id());
            match self.rng.u8(..10) {
                0..4 => drop(self.github(pr, "pull_request_review", reviewer, &pr.reviewed("approved", reviewer, id))),
                4..6 => {
                    let body = pr.reviewed("changes_requested", reviewer, id);
                    self.github(pr, "pull_request_review", reviewer, &body);
                    pr.updated = self.later(pr.updated, 2.0, zone);
                    self.work(pr);
                }
                _ => self.comment(pr, zone),
            }
        }
    }

    /// A comment, often with a note, which may be edited or deleted.
    fn comment(&mut self, pr: &mut Pr, zone: &TimeZone) {
        let (writer, id) = (self.other(&pr.repo), self.id());
        let is_note = self.chance(0.35);
        let (note, words) = self.words();
        let text = if is_note { note } else { format!("What about {id}?") };
        let body = pr.commented("created", writer, (id, &text), json!({}));
        self.github(pr, "issue_comment", writer, &body);
        if !is_note {
            return;
        }
        let mut gone = None;
        if self.chance(0.4) {
            pr.updated = self.later(pr.updated, 0.5, zone);
            let body = if self.chance(0.5) {
                let (edited, new) = self.words();
                self.noted(new, None);
                pr.commented("edited", writer, (id, &edited), json!({ "changes": { "body": { "from": text } } }))
            } else {
                pr.commented("deleted", writer, (id, &text), json!({}))
            };
            gone = self.github(pr, "issue_comment", writer, &body);
        }
        self.noted(words, gone);
    }

    fn merge(&mut self, pr: &mut Pr, by: &str) {
        pr.stage = Stage::Merged;
        self.act(pr, "closed", by, json!({}));
        let body = pr.pushed(by);
        self.github(pr, "push", by, &body);
    }

    /// A dependency's update, which a bot opens and mostly merges, too.
    fn update_of_a_bot(&mut self, team: usize, begun: Timestamp) {
        let mut pr = self.open(team, None, begun);
        (pr.author, pr.draft, pr.body) = (RENOVATE.to_owned(), false, String::new());
        self.act(&pr, "opened", RENOVATE, json!({}));
        for _ in 0..self.rng.usize(0..3) {
            pr.updated += Duration::from_secs(self.rng.u64(60..40_000));
            self.act(&pr, "synchronize", RENOVATE, json!({ "before": "1", "after": "2" }));
        }
        pr.updated += Duration::from_secs(self.rng.u64(600..90_000));
        let by = if self.chance(0.7) { RENOVATE.to_owned() } else { self.member(team).to_owned() };
        self.merge(&mut pr, &by);
    }
}

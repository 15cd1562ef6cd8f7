//! What happens in a month: the lives of tickets, pull requests and repositories, drawn from a seed.

mod bulk;
mod pull_requests;
mod repositories;
mod tickets;

use std::collections::HashSet;
use std::time::Duration;

use fastrand::Rng;
use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use microalign::event::Source;
use serde_json::Value;

use super::company::{Company, Repo};
use super::payload::{Pr, Release, Ticket};
use super::traffic::{Fact, State, Traffic, Words, word};

/// What is drawn.
#[derive(Clone, Copy)]
pub struct Plan {
    pub seed: u64,
    pub begin: Timestamp,
    pub days: u64,
    /// For each team and week
    pub tickets: u64,
    /// Whether some people do the same to many things at once
    pub bulk: bool,
}

const DAY: u64 = 24 * 3600;
const HOUR: f64 = 3600.0;

/// All that is delivered, in the order in which it comes.
pub fn live(company: &Company, plan: Plan) -> Traffic {
    let end = plan.begin + Duration::from_secs(plan.days * DAY);
    let twice = company.repos.iter().filter(|repo| repo.twice).map(|repo| repo.name.clone());
    let projects = company.teams.iter().step_by(9).map(|team| team.project.clone());
    let traffic = Traffic { twice: twice.chain(projects).collect::<HashSet<_>>(), ..Traffic::default() };
    let rng = Rng::with_seed(plan.seed);
    let mut world = World { company, rng, end, traffic, ids: 1000, privatized: Vec::new(), bulk: None };
    world.become_private(&plan);
    let seconds = plan.days * DAY;
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
        for week in 0..plan.days.div_ceil(7) {
            let now = plan.begin + Duration::from_secs((week * 7 + world.rng.u64(0..7.min(plan.days))) * DAY);
            world.release(team, week, now);
            match world.rng.u8(..6) {
                _ if !plan.bulk => {}
                0 => world.many_tickets_done(team, week, now),
                1 => world.many_pull_requests(team, now),
                _ => {}
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
    /// Repositories that become private, and when
    privatized: Vec<(&'a str, Timestamp)>,
    /// The bulk edit that is under way
    bulk: Option<u64>,
}

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

    /// A little later, while what was said waits to be told.
    fn soon(&mut self, at: Timestamp) -> Timestamp {
        at + Duration::from_secs(self.rng.u64(5..90))
    }

    fn member(&mut self, team: usize) -> &'a str {
        let members = &self.company.teams[team].members;
        &members[self.rng.usize(..members.len())]
    }

    fn repo(&self, name: &str) -> &'a Repo {
        self.company.repos.iter().find(|repo| repo.name == name).unwrap()
    }

    /// Somebody who reviews or comments: of the team that owns the repository, or of any.
    fn other(&mut self, repo: &str) -> &'a str {
        let owner = self.repo(repo).owner;
        let team = if self.chance(0.7) { owner } else { self.rng.usize(..self.company.teams.len()) };
        self.member(team)
    }

    /// Whether a repository is private at a time.
    fn is_private(&self, repo: &str, at: Timestamp) -> bool {
        self.repo(repo).private || self.privatized.iter().any(|(name, since)| *name == repo && *since <= at)
    }

    /// Words that nothing else has, in a repository or project: their number, and how they read.
    fn words(&mut self, scope: &str) -> (u64, String) {
        let number = self.id();
        self.traffic.words.insert(number, Words { scope: scope.to_owned(), gone: None });
        (number, word(number))
    }

    /// Nobody says these words any more.
    fn gone(&mut self, words: u64, by: Option<String>) {
        self.traffic.words.get_mut(&words).unwrap().gone = by;
    }

    fn happens(&mut self, name: (Source, &'static str), body: &Value, mut fact: Fact) -> Option<String> {
        fact.occurrence = format!("{} {}", fact.occurrence, self.id());
        fact.bulk = self.bulk;
        (fact.updated < self.end).then(|| self.traffic.add(&mut self.rng, name, body, fact))
    }
}

/// What GitHub tells of a pull request.
fn of_pr(pr: &Pr, name: &str, actor: &str) -> Fact {
    // A push, a branch or a run says nothing of the pull request's state.
    let shows_state = matches!(name, "pull_request" | "pull_request_review" | "issue_comment");
    let subject = if shows_state { pr.subject() } else { format!("{} {name}", pr.repo) };
    let state = shows_state.then(|| State::Pr(pr.clone()));
    Fact { author: pr.author.clone(), state, ..Fact::new((&pr.repo, subject), name, actor, pr.updated) }
}

fn of_ticket(ticket: &Ticket, event: &str, actor: &str) -> Fact {
    let state = Some(State::Ticket(ticket.clone()));
    Fact { state, ..Fact::new((&ticket.project, ticket.key()), event, actor, ticket.updated) }
}

fn of_release(release: &Release, actor: &str) -> Fact {
    let state = Some(State::Release(release.clone()));
    Fact { state, ..Fact::new((&release.repo, release.subject()), "release", actor, release.updated) }
}

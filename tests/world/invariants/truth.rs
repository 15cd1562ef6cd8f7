//! What was so, as the generator knows it, and what the service could know of it.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use microalign::event::{EventKind, Source};

use super::super::company::{Company, Repo, Rule, Team};
use super::super::observed::{Line, Observed};
use super::super::payload::{Pr, Stage, Status, Ticket};
use super::super::traffic::{Delivery, FLAGGED, Fact, State, Traffic, WORD, word};
use super::show;

/// What is so, and since when the service can know.
pub struct Truth<'a> {
    company: &'a Company,
    traffic: &'a Traffic,
    teams: HashMap<&'a str, &'a Team>,
    repos: HashMap<&'a str, &'a Repo>,
    facts: HashMap<&'a str, &'a Delivery>,
    /// The deliveries about each subject, in the order in which they came
    subjects: HashMap<&'a str, Vec<&'a Delivery>>,
    /// When the service heard that a repository is private
    privatized: HashMap<&'a str, Timestamp>,
}

impl<'a> Truth<'a> {
    pub fn of(company: &'a Company, traffic: &'a Traffic) -> Self {
        let teams = company.teams.iter().map(|team| (team.name.as_str(), team)).collect();
        let repos = company.repos.iter().map(|repo| (repo.name.as_str(), repo)).collect();
        let mut facts: HashMap<&str, &Delivery> = HashMap::new();
        let mut subjects: HashMap<&str, Vec<&Delivery>> = HashMap::new();
        let mut privatized = HashMap::new();
        for delivery in &traffic.deliveries {
            facts.entry(&delivery.key).or_insert(delivery);
            subjects.entry(&delivery.fact.subject).or_default().push(delivery);
            if delivery.name == "repository" {
                privatized.entry(delivery.fact.scope.as_str()).or_insert(delivery.received);
            }
        }
        Self { company, traffic, teams, repos, facts, subjects, privatized }
    }

    pub fn delivery(&self, line: &Line) -> &'a Delivery {
        self.facts[line.delivery.as_str()]
    }

    pub fn fact(&self, line: &Line) -> &'a Fact {
        &self.delivery(line).fact
    }

    pub fn team(&self, line: &Line) -> &'a Team {
        self.teams[line.team.as_str()]
    }

    /// What members did themselves isn't news to their team. What a bot does with a pull request is its author's doing.
    pub fn own(&self, line: &Line, team: &Team) -> Option<String> {
        let kind = line.kind.filter(|kind| !kind.is_timed())?;
        let fact = self.fact(line);
        // A label that comes late makes no milestone its own.
        let for_author = fact.actor.ends_with("[bot]") || (kind.is_milestone() && line.event != Some(kind));
        let doer = if for_author { &fact.author } else { &fact.actor };
        // That a workflow failed is nobody's doing.
        let is_result = matches!(kind, EventKind::WorkflowFailed | EventKind::WorkflowRecovered);
        let own = !is_result && team.members.contains(doer);
        own.then(|| format!("{}: told {} of what {doer} did", show(line), team.name))
    }

    /// The newest state of a subject that the service had heard of.
    fn state(&self, subject: &str, heard_by: Timestamp) -> Option<&'a State> {
        let heard = self.subjects.get(subject)?.iter().take_while(|delivery| delivery.received <= heard_by);
        heard.max_by_key(|delivery| delivery.fact.updated)?.fact.state.as_ref()
    }

    /// Nothing is told of a state that its subject has left, and nothing that was taken back.
    pub fn outdated(&self, line: &Line, at: Timestamp) -> Option<String> {
        let (kind, state) = (line.kind?, self.state(&line.subject, at)?);
        let fact = self.fact(line);
        let holds = match state {
            State::Pr(pr) if is_review(kind) => pr.stage == Stage::Open && self.review_stands(kind, line, at),
            State::Pr(pr) => pr_holds(kind, fact, pr),
            State::Ticket(ticket) if kind == EventKind::TicketFlagged => !ticket.deleted && self.is_flagged(line, at),
            State::Ticket(ticket) => ticket_holds(kind, ticket),
            State::Release(release) => kind != EventKind::ReleasePublished || release.live,
        };
        (!holds).then(|| format!("{}: told at {at}, when that was no longer so", show(line)))
    }

    /// What was heard of a line's subject since.
    fn heard(&self, line: &Line, by: Timestamp) -> impl Iterator<Item = &'a Delivery> {
        let all = self.subjects.get(line.subject.as_str()).into_iter().flatten().copied();
        all.take_while(move |delivery| delivery.received <= by)
    }

    /// A review is told while it is its reviewer's last, and of the commits that are there. A comment shows neither.
    fn review_stands(&self, kind: EventKind, line: &Line, at: Timestamp) -> bool {
        let fact = self.fact(line);
        let (Some(State::Pr(reviewed)), by) = (&fact.state, &fact.about) else { return true };
        let since =
            self.heard(line, at).filter(|later| later.name != "issue_comment" && later.fact.updated > fact.updated);
        !since.into_iter().any(|later| match &later.fact.state {
            Some(State::Pr(pr)) => {
                let again = later.name == "pull_request_review" && later.fact.about == *by;
                let other_commits = kind == EventKind::PullRequestApproved && pr.commit != reviewed.commit;
                again || other_commits
            }
            _ => false,
        })
    }

    /// Only a change of the flag shows it.
    fn is_flagged(&self, line: &Line, at: Timestamp) -> bool {
        let changes = self.heard(line, at).filter(|delivery| delivery.fact.about.as_deref() == Some(FLAGGED));
        let last = changes.max_by_key(|delivery| delivery.fact.updated).map(|delivery| &delivery.fact.state);
        !matches!(last, Some(Some(State::Ticket(ticket))) if !ticket.flagged)
    }

    /// A note that is no longer said is not told.
    pub fn silent_note(&self, line: &Line, at: Timestamp) -> Option<String> {
        let said = self.delivery(line);
        numbers(line.note.as_deref()?).find_map(|number| {
            let gone = self.facts[self.traffic.words.get(&number)?.gone.as_deref()?].received;
            // Jira doesn't say what a comment was before its edit: when the edit comes first, there is nothing to know.
            let overtaken = said.source == Source::Jira && said.received > gone;
            (!overtaken && at > gone).then(|| format!("{}: told at {at}, but since {gone} nobody says so", show(line)))
        })
    }

    /// No message has words that were taken back or restricted before it was made, and none that its readers may not see.
    pub fn leaks(&self, line: &Line, at: Timestamp) -> Vec<String> {
        let Some(message) = &line.message else { return vec![format!("{}: told without a message", show(line))] };
        let outside = self.team(line).outside;
        let numbers = numbers(message).collect::<HashSet<_>>();
        let leak = |number| {
            let words = self.traffic.words.get(&number)?;
            let gone = words.gone.as_deref().map(|gone| self.facts[gone]).filter(|gone| gone.received < at);
            if let Some(gone) = gone {
                // As for notes: a comment of Jira's that comes after its edit can't be known to be old.
                let said = self.traffic.deliveries.iter().filter(|said| says(said, number) && said.key != gone.key);
                let overtaken =
                    gone.source == Source::Jira && said.map(|said| said.received).max() > Some(gone.received);
                return (!overtaken).then(|| format!("{}: has the words {number}, gone with {}", show(line), gone.key));
            }
            let repo = self.repos.get(words.scope.as_str()).filter(|_| outside)?;
            let private = repo.private || self.privatized.get(words.scope.as_str()).is_some_and(|since| *since < at);
            private.then(|| format!("{}: has the words {number} of {}, for readers outside", show(line), words.scope))
        };
        numbers.into_iter().filter_map(leak).collect()
    }

    /// The end of what a rule asks for on no further condition reaches the team, whatever was held or replaced.
    pub fn unheard(&self, observed: &Observed) -> Vec<String> {
        let told =
            observed.told().filter_map(|(line, _)| Some((line.team.as_str(), line.subject.as_str(), line.kind?)));
        let told = told.collect::<HashSet<_>>();
        let mut unheard = Vec::new();
        for (subject, deliveries) in &self.subjects {
            let Some((kind, fact)) = end(deliveries) else { continue };
            let asks = |rule: &Rule| rule.ends == Some(kind) && rule.of.contains(&fact.scope);
            let news = |team: &&Team| !fact.author.ends_with("[bot]") && !team.members.contains(&fact.author);
            let others = self.company.teams.iter().filter(|team| team.rules.iter().any(asks)).filter(news);
            // Readers outside hear nothing of a restricted ticket.
            let may = others.filter(|team| {
                !(team.outside && matches!(&fact.state, Some(State::Ticket(ticket)) if ticket.restricted))
            });
            let missing = may.filter(|team| !told.contains(&(team.name.as_str(), subject, kind)));
            unheard.extend(missing.map(|team| format!("{} never heard of {kind} of {subject}", team.name)));
        }
        unheard
    }
}

/// How a subject stands when all is over, if that is an end: what it is called, and by which delivery.
fn end<'a>(deliveries: &[&'a Delivery]) -> Option<(EventKind, &'a Fact)> {
    let last = deliveries.iter().map(|delivery| &delivery.fact).max_by_key(|fact| fact.updated)?;
    let kind = match last.state.as_ref()? {
        State::Pr(Pr { stage: Stage::Merged, .. }) => EventKind::PullRequestMerged,
        State::Ticket(Ticket { status: Status::Done, deleted: false, .. }) => EventKind::TicketDone,
        State::Release(release) if release.live => EventKind::ReleasePublished,
        _ => return None,
    };
    // The first delivery that shows it says whose doing it is.
    let is_end = |fact: &&Fact| match &fact.state {
        Some(State::Pr(pr)) => pr.stage == Stage::Merged,
        Some(State::Ticket(ticket)) => ticket.status == Status::Done,
        _ => true,
    };
    let first = deliveries.iter().map(|delivery| &delivery.fact).filter(is_end).min_by_key(|fact| fact.updated)?;
    Some((kind, first))
}

fn is_review(kind: EventKind) -> bool {
    matches!(kind, EventKind::PullRequestApproved | EventKind::PullRequestChangesRequested)
}

fn pr_holds(kind: EventKind, fact: &Fact, pr: &Pr) -> bool {
    let open = pr.stage == Stage::Open;
    let is_in = |list: &[String]| fact.about.as_ref().is_none_or(|about| list.contains(about));
    match kind {
        EventKind::PullRequestDraft => open && pr.draft,
        EventKind::PullRequestOpened | EventKind::PullRequestReady => open && !pr.draft,
        EventKind::PullRequestOnTrack | EventKind::PullRequestStalled | EventKind::PullRequestReopened => open,
        EventKind::PullRequestClosed => pr.stage == Stage::Closed,
        EventKind::PullRequestMerged => pr.stage == Stage::Merged,
        EventKind::PullRequestReviewRequested => open && is_in(&pr.requested),
        EventKind::PullRequestLabeled => {
            fact.about.as_ref().is_none_or(|label| pr.labels.iter().any(|other| other == label))
        }
        _ => true,
    }
}

fn ticket_holds(kind: EventKind, ticket: &Ticket) -> bool {
    match kind {
        EventKind::TicketDeleted => true,
        _ if ticket.deleted => false,
        EventKind::TicketStarted | EventKind::TicketQuiet => {
            matches!(ticket.status, Status::InProgress | Status::InReview)
        }
        EventKind::TicketDone => ticket.status == Status::Done,
        _ => true,
    }
}

fn says(delivery: &Delivery, number: u64) -> bool {
    String::from_utf8_lossy(&delivery.body).contains(&word(number))
}

/// The numbers of the words in a text.
fn numbers(text: &str) -> impl Iterator<Item = u64> {
    text.split(WORD).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

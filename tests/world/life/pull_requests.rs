//! The lives of pull requests.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use microalign::event::Source;
use serde_json::{Value, json};

use super::super::payload::{Pr, Review, Stage};
use super::super::traffic::Fact;
use super::{World, of_pr};

const NOTES: [&str; 5] = ["assume", "decide", "headsup", "delay", "block"];
const RENOVATE: &str = "renovate[bot]";
const QUEUE: &str = "github-merge-queue[bot]";

impl World<'_> {
    fn github(&mut self, pr: &Pr, name: &'static str, actor: &str, body: &Value) -> Option<String> {
        self.happens((Source::Github, name), body, of_pr(pr, name, actor))
    }

    /// Something happens to a pull request itself.
    pub(super) fn act(&mut self, pr: &Pr, action: &str, actor: &str, more: Value) {
        self.act_on(pr, action, (actor, None), more);
    }

    /// It happens by a label or to a person.
    fn act_on(&mut self, pr: &Pr, action: &str, (actor, about): (&str, Option<&str>), more: Value) {
        let mut fact = of_pr(pr, "pull_request", actor);
        fact.about = about.map(str::to_owned);
        self.happens((Source::Github, "pull_request"), &pr.changed(action, actor, more), fact);
    }

    /// A note of these words.
    pub(super) fn note(&mut self, words: &str) -> String {
        format!("/{} {words} stays as it is", NOTES[self.rng.usize(..NOTES.len())])
    }

    pub(super) fn open(&mut self, team: usize, ticket: Option<&str>, begun: Timestamp) -> Pr {
        let company = self.company;
        let own = company.repos.iter().filter(|repo| repo.owner == team).collect::<Vec<_>>();
        let repo = if self.chance(0.8) {
            own[self.rng.usize(..own.len())]
        } else {
            &company.repos[self.rng.usize(..company.repos.len())]
        };
        let number = self.id();
        let branch = ticket.map_or_else(|| format!("work-{number}"), |key| format!("{}-{number}", key.to_lowercase()));
        let (_, title) = self.words(&repo.name);
        let (_, about) = self.words(&repo.name);
        let body = if self.chance(0.06) { self.note(&about) } else { format!("It is about {about}.") };
        Pr {
            repo: repo.name.clone(),
            number,
            title: format!("Make {title} better"),
            head: branch,
            author: self.member(team).to_owned(),
            draft: self.chance(0.55),
            stage: Stage::Open,
            labels: Vec::new(),
            requested: Vec::new(),
            approved: Vec::new(),
            commit: self.id(),
            body,
            private: self.is_private(&repo.name, begun),
            updated: begun,
        }
    }

    /// Time goes on for it, and its repository may become private.
    fn wait(&mut self, pr: &mut Pr, until: Timestamp) {
        pr.updated = until;
        pr.private = self.is_private(&pr.repo, until);
    }

    fn wait_about(&mut self, pr: &mut Pr, hours: f64, zone: &TimeZone) {
        let until = self.later(pr.updated, hours, zone);
        self.wait(pr, until);
    }

    fn wait_a_little(&mut self, pr: &mut Pr) {
        let until = self.soon(pr.updated);
        self.wait(pr, until);
    }

    pub(super) fn pull_request(&mut self, team: usize, ticket: Option<&str>, begun: Timestamp) {
        let zone = &self.company.teams[team].zone;
        let begun = self.at_work(begun, zone);
        let mut pr = self.open(team, ticket, begun);
        let author = pr.author.clone();
        self.act(&pr, "opened", &author, json!({}));
        for _ in 0..self.rng.usize(0..5) {
            self.wait_about(&mut pr, 3.0, zone);
            self.work(&mut pr);
        }
        if self.chance(0.05) {
            let until = self.later(pr.updated + Duration::from_secs(6 * 24 * 3600), 10.0, zone);
            self.wait(&mut pr, until);
        }
        if pr.draft {
            self.ready(&mut pr, zone);
        }
        self.ask(&mut pr);
        self.review(&mut pr, zone);
        self.wait_about(&mut pr, 4.0, zone);
        match self.rng.u8(..100) {
            0..80 => self.land(&mut pr),
            80..94 => {
                pr.stage = Stage::Closed;
                self.act(&pr, "closed", &author, json!({}));
                if self.chance(0.3) {
                    self.wait_about(&mut pr, 5.0, zone);
                    pr.stage = Stage::Open;
                    self.act(&pr, "reopened", &author, json!({}));
                    self.wait_about(&mut pr, 20.0, zone);
                    self.land(&mut pr);
                }
            }
            _ => return,
        }
        if self.chance(0.2) {
            self.wait_about(&mut pr, 2.0, zone);
            self.comment(&mut pr, zone);
        }
    }

    /// A push, a label, an edit.
    fn work(&mut self, pr: &mut Pr) {
        let author = pr.author.clone();
        match self.rng.u8(..10) {
            0..7 => self.push(pr),
            7 | 8 => {
                let label = if self.chance(0.5) { "contract" } else { "chore" };
                if pr.labels.contains(&label) {
                    return;
                }
                pr.labels.push(label);
                let more = json!({ "label": { "name": label } });
                self.act_on(pr, "labeled", (&author, Some(label)), more.clone());
                if self.chance(0.4) {
                    self.wait_a_little(pr);
                    pr.labels.retain(|other| *other != label);
                    self.act_on(pr, "unlabeled", (&author, Some(label)), more);
                }
            }
            _ => {
                let (_, title) = self.words(&pr.repo);
                let before = std::mem::replace(&mut pr.title, format!("Make {title} much better"));
                self.act(pr, "edited", &author, json!({ "changes": { "title": { "from": before } } }));
            }
        }
    }

    /// Other commits: nobody has approved these.
    fn push(&mut self, pr: &mut Pr) {
        let (author, before, after) = (pr.author.clone(), pr.commit, self.id());
        pr.commit = after;
        pr.approved.clear();
        let (before, after) = (format!("{before:040x}"), format!("{after:040x}"));
        self.act(pr, "synchronize", &author, json!({ "before": before, "after": after }));
    }

    fn ready(&mut self, pr: &mut Pr, zone: &TimeZone) {
        let author = pr.author.clone();
        let turns: &[bool] = if self.chance(0.12) { &[false, true, false] } else { &[false] };
        for draft in turns {
            self.wait_about(pr, 2.0, zone);
            pr.draft = *draft;
            let action = if *draft { "converted_to_draft" } else { "ready_for_review" };
            self.act(pr, action, &author, json!({}));
        }
    }

    /// Somebody is asked for a review, and perhaps no longer.
    fn ask(&mut self, pr: &mut Pr) {
        if !self.chance(0.4) {
            return;
        }
        let (author, reviewer) = (pr.author.clone(), self.other(&pr.repo));
        self.wait_a_little(pr);
        pr.requested.push(reviewer.to_owned());
        let more = json!({ "requested_reviewer": { "login": reviewer, "type": "User" } });
        self.act_on(pr, "review_requested", (&author, Some(reviewer)), more.clone());
        if self.chance(0.4) {
            self.wait_a_little(pr);
            pr.requested.clear();
            self.act_on(pr, "review_request_removed", (&author, Some(reviewer)), more);
        }
    }

    fn review(&mut self, pr: &mut Pr, zone: &TimeZone) {
        for _ in 0..self.rng.usize(0..4) {
            self.wait_about(pr, 2.5, zone);
            let by = self.other(&pr.repo);
            match self.rng.u8(..10) {
                0..5 => {
                    let review = self.verdict(pr, "approved", by);
                    match self.rng.u8(..10) {
                        0..2 => {
                            self.wait_a_little(pr);
                            pr.approved.retain(|approver| approver != by);
                            let owner = pr.author.clone();
                            self.reviewed(pr, ("dismissed", &owner), &review);
                        }
                        2..4 => {
                            self.wait_a_little(pr);
                            self.verdict(pr, "changes_requested", by);
                        }
                        4..6 => {
                            self.wait_a_little(pr);
                            self.push(pr);
                        }
                        _ => {}
                    }
                }
                5..7 => {
                    self.verdict(pr, "changes_requested", by);
                    self.wait_about(pr, 2.0, zone);
                    self.work(pr);
                }
                _ => self.comment(pr, zone),
            }
        }
    }

    fn verdict<'r>(&mut self, pr: &mut Pr, state: &str, by: &'r str) -> Review<'r> {
        let review = Review { id: self.id(), by, commit: pr.commit, at: pr.updated };
        pr.requested.retain(|requested| requested != by);
        pr.approved.retain(|approver| approver != by);
        if state == "approved" {
            pr.approved.push(by.to_owned());
        }
        self.reviewed(pr, (state, by), &review);
        review
    }

    fn reviewed(&mut self, pr: &Pr, (state, sender): (&str, &str), review: &Review<'_>) {
        let body = pr.reviewed((state, sender), review);
        let fact = Fact { about: Some(review.by.to_owned()), ..of_pr(pr, "pull_request_review", sender) };
        self.happens((Source::Github, "pull_request_review"), &body, fact);
    }

    /// A comment, often with a note, which may be edited or deleted.
    fn comment(&mut self, pr: &mut Pr, zone: &TimeZone) {
        let (writer, id, made) = (self.other(&pr.repo), self.id(), pr.updated);
        let (words, said) = self.words(&pr.repo);
        let text = if self.chance(0.35) { self.note(&said) } else { format!("What about {said}?") };
        self.github(pr, "issue_comment", writer, &pr.commented("created", (writer, made), (id, &text)));
        if !self.chance(0.3) {
            return;
        }
        if self.chance(0.5) {
            self.wait_a_little(pr)
        } else {
            self.wait_about(pr, 0.5, zone)
        }
        let body = if self.chance(0.5) {
            let (_, new) = self.words(&pr.repo);
            let mut body = pr.commented("edited", (writer, made), (id, &text.replace(&said, &new)));
            body["changes"] = json!({ "body": { "from": text } });
            body
        } else {
            pr.commented("deleted", (writer, made), (id, &text))
        };
        let gone = self.github(pr, "issue_comment", writer, &body);
        self.gone(words, gone);
    }

    /// The author merges it, or the merge queue does.
    fn land(&mut self, pr: &mut Pr) {
        let author = pr.author.clone();
        if !self.repo(&pr.repo).queue {
            self.merge(pr, &author);
            return;
        }
        while self.chance(0.2) {
            self.queued(pr, "failure");
            self.act(pr, "dequeued", QUEUE, json!({ "reason": "CI_FAILURE" }));
            let until = pr.updated + Duration::from_secs(self.rng.u64(600..7200));
            self.wait(pr, until);
        }
        self.queued(pr, "success");
        self.merge(pr, QUEUE);
    }

    /// A try of the merge queue, on a branch of its own.
    fn queued(&mut self, pr: &mut Pr, conclusion: &str) {
        let (commit, run) = (self.id(), self.id());
        let branch = format!("gh-readonly-queue/main/pr-{}-{commit:040x}", pr.number);
        self.github(pr, "create", QUEUE, &pr.branch(&branch, QUEUE));
        self.github(pr, "push", QUEUE, &pr.pushed((&branch, commit), QUEUE));
        let until = pr.updated + Duration::from_secs(self.rng.u64(60..900));
        self.wait(pr, until);
        self.github(pr, "workflow_run", QUEUE, &pr.tried(run, (&branch, conclusion), QUEUE));
        self.wait_a_little(pr);
        self.github(pr, "delete", QUEUE, &pr.branch(&branch, QUEUE));
    }

    fn merge(&mut self, pr: &mut Pr, by: &str) {
        pr.stage = Stage::Merged;
        self.act(pr, "closed", by, json!({}));
        let commit = self.id();
        self.github(pr, "push", by, &pr.pushed(("main", commit), by));
    }

    /// A dependency's update, which a bot opens and mostly merges, too.
    pub(super) fn update_of_a_bot(&mut self, team: usize, begun: Timestamp) {
        let mut pr = self.open(team, None, begun);
        (pr.author, pr.draft, pr.body) = (RENOVATE.to_owned(), false, String::new());
        self.act(&pr, "opened", RENOVATE, json!({}));
        for _ in 0..self.rng.usize(0..3) {
            let until = pr.updated + Duration::from_secs(self.rng.u64(60..40_000));
            self.wait(&mut pr, until);
            self.act(&pr, "synchronize", RENOVATE, json!({ "before": "1", "after": "2" }));
        }
        let until = pr.updated + Duration::from_secs(self.rng.u64(600..90_000));
        self.wait(&mut pr, until);
        let by = if self.chance(0.7) { RENOVATE.to_owned() } else { self.member(team).to_owned() };
        self.merge(&mut pr, &by);
    }
}

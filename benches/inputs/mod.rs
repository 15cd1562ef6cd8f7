//! What the benchmarks work on, the same in every run: a payload, rules, and an event for each template.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use microalign::destination::Available;
use microalign::event::{About, Actor, Comment, Event, EventKind, Note, Source, Thing, ThingKind};
use microalign::rule::{Input, Known, Repositories, Rule, Rules, Team, TeamsAllowed, Verdict, evaluate, load_folder};
use microalign::source::{self, Parsed, Settings};
use microalign::template::{BUILT_IN, Company, Context, Facts, Links, ObjectionView, ThreadView};
use microalign::template::{context, for_kind, is_part};
use serde_json::json;

const RULES_OF_A_TEAM: usize = 50;
const REPOSITORIES: usize = 2000;

/// A merged pull request of the size and shape that GitHub's have: about 28 KB, most of it links that nobody reads.
pub fn payload(number: u64) -> Vec<u8> {
    let name = format!("acme/service-{}", number % 50);
    let api = format!("https://api.github.com/repos/{name}");
    let branch = |branch: &str| {
        let sha = format!("{number:040x}");
        json!({ "label": format!("acme:{branch}"), "ref": branch, "sha": sha, "user": user("acme"), "repo": repository(&name) })
    };
    let body = json!({
        "action": "closed",
        "number": number,
        "pull_request": {
            "url": format!("{api}/pulls/{number}"), "id": 1_000_000 + number, "number": number,
            "title": format!("Move readers to the new field #{number}"),
            "html_url": format!("https://github.com/{name}/pull/{number}"),
            "state": "closed", "merged": true, "draft": false, "locked": false,
            "user": user("ana"), "merged_by": user("ana"), "assignees": [user("ana"), user("bo")],
            "requested_reviewers": [user("cleo"), user("dan")],
            "body": "The second step moves every reader to the new field, before the old one goes.\n\n- [x] tested\n".repeat(70),
            "base": branch("main"), "head": branch("new-field"),
            "labels": [{ "id": 7, "name": "contract", "color": "d73a4a", "default": false, "description": "" }],
            "created_at": "2026-03-01T09:00:00Z", "updated_at": "2026-03-02T09:00:00Z", "merged_at": "2026-03-02T09:00:00Z",
            "additions": 12, "deletions": 3, "changed_files": 2, "commits": 4, "comments": 2, "review_comments": 1,
            "_links": links(&api, &["self", "html", "issue", "comments", "review_comments", "commits", "statuses"]),
        },
        "repository": repository(&name),
        "organization": user("acme"),
        "sender": user("ana"),
    });
    body.to_string().into_bytes()
}

fn user(login: &str) -> serde_json::Value {
    let mut user = links(
        &format!("https://api.github.com/users/{login}"),
        &[
            "url",
            "followers",
            "following",
            "gists",
            "starred",
            "subscriptions",
            "organizations",
            "repos",
            "events",
            "received_events",
        ],
    );
    user.extend([
        ("login".to_owned(), json!(login)),
        ("type".to_owned(), json!("User")),
        ("id".to_owned(), json!(4711)),
    ]);
    user.into()
}

fn repository(name: &str) -> serde_json::Value {
    const LINKS: [&str; 38] = [
        "forks",
        "keys",
        "collaborators",
        "teams",
        "hooks",
        "issue_events",
        "events",
        "assignees",
        "branches",
        "tags",
        "blobs",
        "git_tags",
        "git_refs",
        "trees",
        "statuses",
        "languages",
        "stargazers",
        "contributors",
        "subscribers",
        "subscription",
        "commits",
        "git_commits",
        "comments",
        "issue_comment",
        "contents",
        "compare",
        "merges",
        "archive",
        "downloads",
        "issues",
        "pulls",
        "milestones",
        "notifications",
        "labels",
        "releases",
        "deployments",
        "git",
        "clone",
    ];
    let mut repository = links(&format!("https://api.github.com/repos/{name}"), &LINKS);
    let fields = json!({
        "full_name": name, "private": false, "owner": user("acme"), "default_branch": "main", "size": 4_242, "fork": false,
        "description": "Takes orders in, and hands them on", "topics": ["orders", "ingest"], "visibility": "public",
    });
    repository.extend(fields.as_object().cloned().unwrap());
    repository.into()
}

fn links(to: &str, names: &[&str]) -> serde_json::Map<String, serde_json::Value> {
    names.iter().map(|name| (format!("{name}_url"), json!(format!("{to}/{name}{{/number}}")))).collect()
}

/// Writes team files with so many rules into a folder. One rule in ten has a glob.
pub fn write_rules(folder: &Path, count: usize) {
    for team in 0..count.div_ceil(RULES_OF_A_TEAM) {
        let mut text = format!("team = \"t{team}\"\nmembers = [\"m{team}\"]\nto = [\"email:t{team}@example.test\"]\n");
        let first = team * RULES_OF_A_TEAM;
        for n in first..count.min(first + RULES_OF_A_TEAM) {
            let repository = n * 7 % REPOSITORIES;
            let repo = if n % 10 == 0 {
                format!("acme/service-{repository:04}*\", \"!acme/service-{repository:04}-test")
            } else {
                format!("acme/service-{repository:04}")
            };
            let on = kinds()[n % kinds().len()];
            let after = match on {
                on if on.is_of_silence() => "after = \"5d\"\n",
                EventKind::TicketDueSoon => "before = \"2d\"\n",
                _ => "",
            };
            let title = "title = [\"!*typo*\"]\n";
            write!(text, "[[rule]]\nname = \"r{n}\"\non = [\"{on}\"]\nrepo = [\"{repo}\"]\n{title}{after}").unwrap();
        }
        std::fs::write(folder.join(format!("t{team:05}.toml")), text).unwrap();
    }
}

/// Reads team files as the service does.
pub fn read_rules(folder: &Path) -> Rules {
    let (templates, channels, allowed) = (BTreeSet::new(), Available::default(), TeamsAllowed::default());
    let repositories = Repositories { files: &[], allowed: &allowed };
    let loaded = load_folder(folder, repositories, Known { templates: &templates, channels: &channels }, None);
    assert_eq!(loaded.problems, []);
    Rules::new(loaded.teams.into_iter().map(|(_, team)| Arc::new(team)).collect())
}

/// The kinds that are told of repositories; their number has no divisor in common with that of the repositories.
fn kinds() -> &'static [EventKind] {
    &EventKind::ALL[..33]
}

/// What rule `n` waits for.
pub fn wanted(n: usize) -> Event {
    let about = Thing { branch: Some("main".to_owned()), ..Thing::bare(ThingKind::Push, "Drop the old ids") };
    Event {
        scope: format!("acme/service-{:04}", n * 7 % REPOSITORIES),
        ..Event::bare(Source::Github, kinds()[n % kinds().len()], "acme/service:main".into(), About::Thing(about))
    }
}

/// Whether a rule wants an event.
pub fn wants(event: &Event) -> impl Fn(&(&Team, &Rule)) -> bool {
    move |(team, rule)| evaluate(rule, team, Input { event, kind: event.kind, ticket: None }) == Verdict::Match
}

/// Each template that tells of an event, with what it is filled in with. Answers and summaries tell of more than one.
pub fn tellings() -> Vec<(&'static str, Context)> {
    let tells = |name: &&str| !is_part(name) && !["answer", "summary"].contains(name);
    BUILT_IN.iter().map(|(name, _)| *name).filter(tells).map(|name| (name, told(name))).collect()
}

fn told(template: &str) -> Context {
    let kind = match template {
        "heads-up" | "outside" => EventKind::PullRequestMerged,
        "objected" | "agreed" => EventKind::NoteAssumed,
        "restricted" | "default-ticket" => EventKind::TicketLinked,
        "default-pull-request" => EventKind::PullRequestEdited,
        "default-issue" => EventKind::IssueOpened,
        "default-thing" => EventKind::Push,
        name => *EventKind::ALL.iter().find(|kind| for_kind(**kind) == name).unwrap(),
    };
    let event = event(kind);
    let answers = matches!(template, "objected" | "agreed").then_some(event.at);
    let lines = Some(vec!["Two readers still need the old field.".to_owned()]);
    let objection =
        answers.map(|time| ObjectionView { by: Some("Bo".to_owned()), place: "in Slack".to_owned(), time, lines });
    let agreed = answers.map(|_| vec!["data-platform".to_owned(), "web".to_owned()]);
    let thread = ThreadView::of(&event, None, event.subject.to_string(), None);
    let facts = Facts {
        event: &event,
        ticket: None,
        thread: &thread,
        team: "data-platform",
        rule: "contract",
        why: "data-platform gets this because its rule “contract” asks for it.",
        links: &Links::default(),
        zone: &TimeZone::UTC,
        object_by: answers,
        now: event.at,
        company: Company::default(),
    };
    Context { objection, agreed, ..context(&facts) }
}

/// An event of a kind, with the subject that a payload had.
fn event(kind: EventKind) -> Event {
    let of_pull_request = payload(45);
    let (source, name, body) = match kind.as_str().split('.').next().unwrap() {
        "pull_request" | "note" => (Source::Github, "pull_request", &of_pull_request[..]),
        "issue" => (Source::Github, "issues", &include_bytes!("../../tests/fixtures/github/issues_opened.json")[..]),
        "ticket" => (Source::Jira, "", &include_bytes!("../../tests/fixtures/jira/issue_updated.json")[..]),
        "release" => {
            (Source::Github, "release", &include_bytes!("../../tests/fixtures/github/release_published.json")[..])
        }
        "deployment" => {
            let body = &include_bytes!("../../tests/fixtures/github/deployment_status.json")[..];
            (Source::Github, "deployment_status", body)
        }
        _ => (Source::Github, "push", &include_bytes!("../../tests/fixtures/github/push.json")[..]),
    };
    let Parsed::Events(events) = source::parse(source, name, body, Timestamp::UNIX_EPOCH, &Settings::default()) else {
        panic!("the {kind} payload has no event");
    };
    let note = Note {
        kind: kind.as_str().trim_start_matches("note.").to_owned(),
        text: "the old field is read by nobody else".to_owned(),
        to: Vec::new(),
        url: None,
        author: Some(Actor { login: "ana".to_owned(), name: "Ana".to_owned(), url: None, bot: false }),
        edited: false,
        taken_back: false,
        replaces: None,
    };
    let comment = Comment { summary: "Could the old field stay for a week?".to_owned(), url: None };
    let of_note = kind.is_note().then_some(note);
    Event { kind, note: of_note, comment: Some(comment), ..events.into_iter().next().unwrap() }
}

//! Whose action an event is, and whether it is reported.

use super::*;
use crate::event::{Note, Ticket};

const RENOVATE: &str = "renovate[bot]";
const COPILOT: &str = "Copilot";

/// Somebody: `[bot]` and Copilot are flagged as machines by GitHub, others are not.
fn who(login: &str) -> Actor {
    Actor { bot: login.ends_with("[bot]") || login == COPILOT, ..actor(login) }
}

fn of_pr(kind: EventKind, by: Option<&str>, author: &str) -> Event {
    Event { kind, actor: by.map(who), ..event(About::PullRequest(PullRequest { author: Some(who(author)), ..pr() })) }
}

fn thing(kind: EventKind, by: Option<&str>, json: serde_json::Value) -> Event {
    Event { kind, actor: by.map(who), ..event(About::Thing(serde_json::from_value(json).unwrap())) }
}

fn told(rule: &str, event: &Event) -> String {
    verdict(&format!("on = [\"*\"]\nafter = \"5d\"\nbefore = \"2d\"\n{rule}"), event, event.kind)
}

/// Kinds as they are written.
fn kinds(names: &[&str]) -> Vec<EventKind> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

const FACTS: [&str; 25] = [
    "ticket.due_soon",
    "ticket.overdue",
    "pull_request.ready",
    "pull_request.merged",
    "pull_request.closed",
    "pull_request.reopened",
    "issue.closed",
    "issue.reopened",
    "release.published",
    "release.promoted",
    "deployment.succeeded",
    "deployment.failed",
    "workflow.failed",
    "workflow.recovered",
    "ticket.transitioned",
    "ticket.started",
    "ticket.done",
    "ticket.slipped",
    "ticket.pulled_in",
    "ticket.flagged",
    "ticket.moved",
    "ticket.deleted",
    "sprint.started",
    "sprint.closed",
    "version.released",
];

/// Something of each kind that a machine did, and nobody stands behind.
fn by_machine(kind: EventKind) -> Event {
    let family = kind.as_str().split('.').next().unwrap();
    let bot = Some("automation[bot]");
    match family {
        "pull_request" => of_pr(kind, bot, COPILOT),
        "issue" | "note" => Event { kind, actor: bot.map(who), ..issue() },
        "ticket" => Event { kind, actor: bot.map(who), ..ticket() },
        _ => {
            thing(kind, bot, serde_json::json!({"kind": if family == "note" { "push" } else { family }, "title": "x"}))
        }
    }
}

#[test]
fn facts_are_told_whoever_pressed_the_key_and_chatter_is_not() {
    let facts = kinds(&FACTS);
    for kind in EventKind::ALL {
        let event = by_machine(*kind);
        let (plain, wanted) = (told("", &event), told("bots = true", &event));
        assert_eq!(plain.is_empty(), facts.contains(kind), "{kind}: {plain}");
        assert_eq!(wanted, "", "{kind}");
        let named = told("actor = [\"automation[bot]\"]", &event);
        assert_eq!(named, "", "{kind}");
        let by_person = Event { actor: Some(who("cy")), ..event };
        assert_eq!(told("", &by_person), "", "{kind}");
    }
}

#[test]
fn whose_pull_request_it_is() {
    let (author, is_bo) =
        ("suppressed: the author renovate[bot] is a bot", "suppressed: bo is a member of data: not news to them");
    let table: &[(&str, Option<&str>, &str, &str, &str)] = &[
        // A queue, or auto-merge, acts for the author; some queues have a person's account.
        ("pull_request.merged", Some("github-merge-queue[bot]"), "dee", "", ""),
        ("pull_request.merged", Some("github-merge-queue[bot]"), "bo", "", is_bo),
        ("pull_request.merged", Some("mergify[bot]"), "bo", "", is_bo),
        ("pull_request.merged", Some("bors"), "bo", "", is_bo),
        ("pull_request.merged", Some("k8s-ci-robot"), "bo", "", is_bo),
        ("pull_request.merged", Some("rust-bors"), "bo", "", is_bo),
        ("pull_request.merged", Some("talbot"), "bo", "", ""),
        ("pull_request.closed", Some("stale[bot]"), "bo", "", is_bo),
        ("pull_request.ready", Some("ci[bot]"), "bo", "own = true", ""),
        ("pull_request.on_track", Some("automation[bot]"), "dee", "", ""),
        (
            "pull_request.pushed",
            Some("pre-commit-ci[bot]"),
            "dee",
            "",
            "suppressed: the actor pre-commit-ci[bot] is a bot",
        ),
        ("pull_request.labeled", Some("labeler[bot]"), "dee", "", "suppressed: the actor labeler[bot] is a bot"),
        // A coding agent's work that a person merges is the person's.
        ("pull_request.merged", Some("cy"), COPILOT, "", ""),
        ("pull_request.merged", Some("bo"), COPILOT, "", is_bo),
        ("pull_request.merged", Some("github-merge-queue[bot]"), COPILOT, "", ""),
        ("pull_request.commented", Some("cy"), COPILOT, "", ""),
        ("pull_request.opened", Some(COPILOT), COPILOT, "", "suppressed: the actor Copilot is a bot"),
        ("pull_request.opened", Some(COPILOT), COPILOT, "author = [\"copilot\"]", ""),
        ("pull_request.stalled", None, COPILOT, "", "suppressed: the author Copilot is a bot"),
        // A dependency bot's is chatter through and through.
        ("pull_request.merged", Some("cy"), RENOVATE, "", author),
        ("pull_request.commented", Some("cy"), RENOVATE, "", author),
        ("pull_request.closed", Some("ci[bot]"), RENOVATE, "bots = true", ""),
        ("pull_request.merged", Some("ci[bot]"), RENOVATE, "author = [\"renovate[bot]\"]", ""),
        ("pull_request.merged", Some("ci[bot]"), RENOVATE, "any = [{ author = [\"renovate[bot]\"] }]", ""),
        ("pull_request.merged", Some("ci[bot]"), RENOVATE, "author = [\"*[bot]\"]", author),
        ("pull_request.merged", Some("cy"), "snyk-bot", "", "suppressed: the author snyk-bot is a bot"),
        ("pull_request.merged", Some("cy"), "snyk-bot", "author = [\"snyk-bot\"]", ""),
        // Whom nobody knows is nobody's.
        ("pull_request.merged", None, "bo", "", ""),
    ];
    for (kind, by, author, rule, expected) in table {
        let event = of_pr(kind.parse().unwrap(), *by, author);
        assert_eq!(told(rule, &event), *expected, "{kind} by {by:?} of {author} {rule}");
    }
}

#[test]
fn every_dependency_bot_is_known() {
    for login in [
        "dependabot[bot]",
        "dependabot-preview[bot]",
        "renovate[bot]",
        "renovate-bot",
        "Renovate-Bot",
        "snyk-bot",
        "snyk-io[bot]",
        "pyup-bot",
        "greenkeeper[bot]",
        "depfu[bot]",
        "scala-steward",
        "scala-steward-org[bot]",
        "mend-for-github-com[bot]",
        "pre-commit-ci[bot]",
    ] {
        let merged = of_pr(EventKind::PullRequestMerged, Some("cy"), login);
        assert!(told("", &merged).starts_with("suppressed: the author"), "{login}");
    }
    for person in ["renovate", "mendel", "snyker", "copilot-swe-agent[bot]", "devin-ai-integration[bot]", "robot"] {
        assert_eq!(told("", &of_pr(EventKind::PullRequestMerged, Some("cy"), person)), "", "{person}");
    }
}

#[test]
fn a_branch_may_say_that_it_raises_a_dependency() {
    let of = |branch: &str| {
        let pr = PullRequest { author: Some(who("acme-ci")), head: Some(branch.to_owned()), ..pr() };
        Event { actor: Some(who("cy")), ..event(About::PullRequest(pr)) }
    };
    let because = "suppressed: the branch `renovate/lodash` is a dependency bot's";
    assert_eq!(told("", &of("renovate/lodash")), because);
    assert_eq!(told("author = [\"acme-ci\"]", &of("renovate/lodash")), "");
    assert_eq!(told("", &of("fix/renovate")), "");
    let failed = serde_json::json!({"kind": "workflow", "title": "CI", "branch": "dependabot/npm/lodash"});
    let failed = thing(EventKind::WorkflowFailed, Some("dependabot[bot]"), failed);
    assert_eq!(told("", &failed), "suppressed: the branch `dependabot/npm/lodash` is a dependency bot's");
    assert_eq!(told("actor = [\"dependabot[bot]\"]", &failed), "");
}

#[test]
fn what_a_pull_request_brought_is_its_authors() {
    let deployed = |by: Option<&str>, author: &str| {
        let pr = PullRequest { author: Some(who(author)), ..pr() };
        let json = serde_json::json!({"kind": "deployment", "title": "x", "branch": "main", "brought_by": pr});
        thing(EventKind::DeploymentSucceeded, by, json)
    };
    let is_bo = "suppressed: bo is a member of data: not news to them";
    let table = [
        (Some("github-actions[bot]"), "bo", is_bo),
        (Some("github-actions[bot]"), "dee", ""),
        (Some("github-actions[bot]"), RENOVATE, ""),
        (None, "bo", is_bo),
        (Some("cy"), "bo", ""),
        (Some("bo"), "dee", is_bo),
    ];
    for (by, author, expected) in table {
        assert_eq!(told("", &deployed(by, author)), expected, "{by:?} {author}");
    }
}

#[test]
fn several_have_done_it() {
    let push = |by: &str, further: &[&str]| {
        let push = thing(EventKind::Push, Some(by), serde_json::json!({"kind": "push", "title": "x"}));
        Event { doers: further.iter().map(|login| who(login)).collect(), ..push }
    };
    let both = "suppressed: bo, Ana Lima are members of data: not news to them";
    let table = [
        (push("bo", &["Ana Lima"]), "", both),
        (push("bo", &["cy"]), "", ""),
        (push("github-merge-queue[bot]", &["bo"]), "", "suppressed: bo is a member of data: not news to them"),
        (push("ci[bot]", &[]), "", "suppressed: the actor ci[bot] is a bot"),
        (push("bo", &["cy"]), "author = [\"cy\"]", ""),
        (push("bo", &["cy"]), "actor = [\"!cy\"]", "miss: actor `cy` is excluded by !cy"),
    ];
    for (event, rule, expected) in table {
        assert_eq!(told(rule, &event), expected, "{rule}");
    }
}

#[test]
fn what_a_person_says_is_said_wherever_that_is() {
    let note = |by: &str, to: &[&str]| {
        let to = to.iter().map(|name| (*name).to_owned()).collect();
        let json = serde_json::json!({"kind": "heads_up", "text": "x"});
        let note = Note { to, author: Some(who(by)), ..serde_json::from_value(json).unwrap() };
        Event { note: Some(note), ..of_pr(EventKind::NoteHeadsUp, Some(by), RENOVATE) }
    };
    assert_eq!(told("", &note("cy", &[])), "");
    assert_eq!(told("", &note("bo", &[])), "suppressed: bo is a member of data: not news to them");
    assert_eq!(told("", &note("bo", &["Data"])), "", "it is said to them");
    assert_eq!(told("", &note(RENOVATE, &["data"])), "suppressed: the actor renovate[bot] is a bot");
}

#[test]
fn a_late_label_is_not_the_doing_of_whoever_labelled() {
    let late = |author: &str| of_pr(EventKind::PullRequestLabeled, Some("bo"), author);
    let asked = |event: &Event, kind| verdict("on = [\"*\"]", event, kind);
    assert_eq!(asked(&late("dee"), EventKind::PullRequestOpened), "");
    assert_eq!(asked(&late(COPILOT), EventKind::PullRequestMerged), "");
    assert_eq!(asked(&late(COPILOT), EventKind::PullRequestOpened), "suppressed: the author Copilot is a bot");
    let event = late("dee");
    let logins = |kind| doers(&event, kind).into_iter().map(|doer| doer.login.as_str()).collect::<Vec<_>>();
    assert_eq!(
        (logins(EventKind::PullRequestOpened), logins(EventKind::PullRequestLabeled)),
        (vec!["dee"], vec!["bo"])
    );
}

#[test]
fn a_ticket_that_automation_moves() {
    let automation = Actor { bot: true, ..actor("Automation for Jira") };
    let of = |kind| Event { kind, actor: Some(automation.clone()), ..ticket() };
    assert_eq!(told("", &of(EventKind::TicketDone)), "");
    assert_eq!(told("", &of(EventKind::TicketCommented)), "suppressed: the actor Automation for Jira is a bot");
    let ticket = Ticket::bare("DATA-7");
    assert_eq!(told("", &Event { about: About::Ticket(ticket), ..of(EventKind::TicketSlipped) }), "");
}

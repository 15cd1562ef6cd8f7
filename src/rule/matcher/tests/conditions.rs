//! Each condition: when it holds, and the words when it doesn't.

use std::sync::Arc;

use super::*;
use crate::event::Ticket;
use crate::rule::Rules;

fn with(change: impl FnOnce(&mut PullRequest)) -> Event {
    let mut pr = pr();
    change(&mut pr);
    event(About::PullRequest(pr))
}

fn thing(json: serde_json::Value) -> Event {
    event(About::Thing(serde_json::from_value(json).unwrap()))
}

#[test]
fn of_a_pull_request() {
    let event = with(|pr| {
        pr.head = Some("feature/DATA-7".to_owned());
        (pr.additions, pr.deletions) = (Some(300), Some(20));
        pr.assignees = Some(vec!["ana".to_owned()]);
        pr.reviewers = Some(vec!["bo".to_owned(), "web-reviewers".to_owned()]);
        pr.body = Some("Ids.\n\nBREAKING: they are text now".to_owned());
        pr.private = Some(true);
    });
    conditions(
        &event,
        &[
            (r#"head = ["feature/*"]"#, ""),
            (r#"head = ["fix/*"]"#, "miss: head is `feature/DATA-7`, not fix/*"),
            (r#"size = ">319""#, ""),
            (r#"size = "100-500""#, ""),
            (r#"size = ">500""#, "miss: size is 320 lines, not >500"),
            (r#"labels_all = ["contract", "area: *"]"#, ""),
            (
                r#"labels_all = ["contract", "bug", "ops"]"#,
                "miss: label is `Contract`, `area: db`, and bug, ops is missing",
            ),
            (r#"labels_all = ["contract", "!area*"]"#, "miss: label `area: db` is excluded by !area*"),
            (r#"assignee = ["Ana"]"#, ""),
            (r#"assignee = ["cy"]"#, "miss: assignee is `ana`, not cy"),
            (r#"reviewer = ["web-*"]"#, ""),
            (r#"reviewer = ["!bo"]"#, "miss: reviewer `bo` is excluded by !bo"),
            (r#"body = "(?m)^BREAKING""#, ""),
            (r#"body = "^BREAKING""#, "miss: nothing in the description matches `^BREAKING`"),
            ("private = true", ""),
            ("private = false", "miss: the repository is private"),
            (r#"paths = ["src/**"]"#, "unknown: the changed files are not known"),
            (r#"environment = ["prod"]"#, "miss: a pull request has no environment"),
        ],
    );
}

#[test]
fn what_is_not_known_of_a_pull_request() {
    let event = with(|pr| (pr.assignees, pr.reviewers, pr.body, pr.additions) = (None, None, None, Some(1)));
    conditions(
        &event,
        &[
            (r#"size = "<50""#, "unknown: the pull request's size is not known"),
            (r#"assignee = ["!ana"]"#, "unknown: the pull request's assignees are not known"),
            (r#"reviewer = ["ana"]"#, "unknown: the pull request's reviewers are not known"),
            (r#"body = "x""#, "unknown: the description is not known"),
            ("private = false", "unknown: it is not known whether the repository is private"),
        ],
    );
}

#[test]
fn changed_files() {
    let push = |paths: &[&str]| Event {
        paths: Some(paths.iter().map(|path| (*path).to_owned()).collect()),
        ..thing(serde_json::json!({"kind": "push", "title": "x"}))
    };
    let wanted = r#"paths = ["schemas/**", "!schemas/test/**"]"#;
    conditions(&push(&["README.md", "schemas/test/a.json", "schemas/a.json"]), &[(wanted, "")]);
    conditions(
        &push(&["README.md", "schemas/test/a.json"]),
        &[
            (wanted, "miss: none of the 2 changed files matches: `README.md`, `schemas/test/a.json`"),
            (r#"paths = ["!**/*.md"]"#, ""),
            (r#"paths = ["*.md"]"#, ""),
            (
                r#"paths = ["Readme.md"]"#,
                "miss: none of the 2 changed files matches: `README.md`, `schemas/test/a.json`",
            ),
        ],
    );
    let excluded = "miss: changed file `schemas/test/a.json` is excluded by !schemas/test/**";
    conditions(&push(&["schemas/test/a.json"]), &[(wanted, excluded)]);
    conditions(&push(&[]), &[(wanted, "miss: it changes no file")]);
    let unknown = Event { paths: None, ..push(&[]) };
    conditions(&unknown, &[(wanted, "unknown: the changed files are not known")]);
    conditions(&release(), &[(wanted, "miss: a release has no changed files")]);
}

#[test]
fn deployments_and_workflows() {
    let deployment = thing(serde_json::json!({"kind": "deployment", "title": "x", "environment": "production"}));
    let workflow = thing(serde_json::json!({"kind": "workflow", "title": "nightly"}));
    conditions(
        &deployment,
        &[
            (r#"environment = ["prod*"]"#, ""),
            (r#"environment = ["staging"]"#, "miss: environment is `production`, not staging"),
            (r#"workflow = ["nightly"]"#, "miss: a deployment has no workflow"),
        ],
    );
    conditions(
        &workflow,
        &[(r#"workflow = ["Nightly"]"#, ""), (r#"workflow = ["ci"]"#, "miss: workflow is `nightly`, not ci")],
    );
}

#[test]
fn what_is_known_of_the_ticket() {
    let known: Ticket = serde_json::from_value(serde_json::json!({
        "key": "DATA-7", "type_name": "Bug", "status": "In Review", "priority": "High", "labels": ["contract"],
        "components": ["Ingest", "API"], "fix_versions": ["2.1"],
    }))
    .unwrap();
    let event = event(About::PullRequest(pr()));
    let kind = EventKind::PullRequestMerged;
    let bare: Ticket = serde_json::from_value(serde_json::json!({"key": "DATA-7"})).unwrap();
    let table = [
        (r#"ticket_type = ["bug"]"#, Some(&known), ""),
        (r#"ticket_type = ["Story"]"#, Some(&known), "miss: ticket's type is `Bug`, not Story"),
        (r#"ticket_status = ["in review"]"#, Some(&known), ""),
        (
            r#"ticket_status = ["!In Review"]"#,
            Some(&known),
            "miss: ticket's status `In Review` is excluded by !In Review",
        ),
        (r#"ticket_priority = ["High*"]"#, Some(&known), ""),
        (r#"ticket_labels = ["contract"]"#, Some(&known), ""),
        (r#"component = ["ingest"]"#, Some(&known), ""),
        (r#"component = ["web"]"#, Some(&known), "miss: component is `Ingest`, `API`, none of them web"),
        (r#"fix_version = ["2.*"]"#, Some(&known), ""),
        (r#"fix_version = ["3.*"]"#, Some(&bare), "miss: it has no fix version, and the rule wants 3.*"),
        (r#"ticket_status = ["Done"]"#, Some(&bare), "unknown: the ticket's status is not known"),
        (r#"ticket_status = ["Done"]"#, None, "unknown: nothing is known of DATA-7 yet"),
    ];
    for (condition, ticket, expected) in table {
        let input = Input { event: &event, kind, ticket };
        assert_eq!(verdict_of(&format!("on = [\"*\"]\n{condition}"), input), expected, "{condition}");
    }
    let no_ticket = Event { tickets: Vec::new(), ..event };
    conditions(&no_ticket, &[(r#"component = ["web"]"#, "miss: it belongs to no ticket")]);
    let its_own = Event { actor: None, ..super::ticket() };
    conditions(&its_own, &[(r#"ticket_labels = ["contract"]"#, ""), (r#"assignee = ["!ana"]"#, "")]);
}

#[test]
fn nested() {
    let event = with(|pr| pr.additions = None);
    conditions(
        &event,
        &[
            (r#"any = [{ base = ["main"] }, { labels = ["contract"], author = ["dee"] }]"#, ""),
            (
                r#"any = [{ base = ["main"] }, { labels = ["contract"], author = ["cy"] }]"#,
                "miss: none of its 2 alternatives holds: (1) base is `develop`, not main; (2) author is `dee`, not cy",
            ),
            (r#"any = [{ base = ["main"] }]"#, "miss: base is `develop`, not main"),
            (r#"all = [{ base = ["develop"] }, { draft = true }]"#, "miss: the pull request isn't a draft"),
            (r#"not = { base = ["main"] }"#, ""),
            (r#"not = { base = ["develop"], draft = true }"#, ""),
            (r#"not = { base = ["develop"] }"#, "miss: `not` excludes it: `base` holds"),
            (r#"not = { base = ["develop"], draft = false }"#, "miss: `not` excludes it: `base`, `draft` all hold"),
            (
                r#"not = { any = [{ draft = true }, { not = { base = ["main"] } }] }"#,
                "miss: `not` excludes it: `any` holds",
            ),
            // What is not known might be excluded, unless something else settles it.
            (r#"not = { size = ">5" }"#, "unknown: the pull request's size is not known"),
            (r#"not = { size = ">5", base = ["main"] }"#, ""),
            (r#"not = { any = [{ size = ">5" }, { base = ["main"] }] }"#, NONE_KNOWN),
            (r#"not = { all = [{ size = ">5" }, { base = ["main"] }] }"#, ""),
            // What it has not, it has not.
            (r#"not = { environment = ["prod"] }"#, ""),
        ],
    );
}

const NONE_KNOWN: &str = "unknown: none of its 2 alternatives holds: (1) the pull request's size is not known; (2) base is \
                          `develop`, not main";

#[test]
fn a_bot_may_be_named_in_a_group() {
    let event = with(|pr| pr.author = Some(actor("renovate[bot]")));
    let bot = "suppressed: the author renovate[bot] is a bot";
    conditions(
        &event,
        &[
            (r#"any = [{ author = ["renovate[bot]"] }, { draft = true }]"#, ""),
            (r#"not = { any = [{ author = ["cy"] }] }"#, bot),
        ],
    );
}

#[test]
fn teams_of_the_author() {
    let known = Known { templates: &BTreeSet::new(), channels: &Available::default() };
    let team = |text: &str| {
        let text = format!("{text}\nto = [\"mailbox\"]\n");
        Arc::new(check("team.toml", &text, known).unwrap())
    };
    let judged = |condition: &str, author: &str| {
        let asking = format!("team = \"web\"\n[[rule]]\nname = \"r\"\non = [\"*\"]\n{condition}");
        let teams = vec![team(&asking), team("team = \"data\"\nmembers = [\"Dee\"]"), team("team = \"ops\"")];
        let rules = Rules::new(teams);
        let event = with(|pr| pr.author = Some(actor(author)));
        let (team, rule) = rules.find("web", "r").unwrap();
        match evaluate(rule, team, Input { event: &event, kind: EventKind::PullRequestMerged, ticket: None }) {
            Verdict::Match => String::new(),
            Verdict::Miss { because, .. } | Verdict::Suppressed { because } => because.to_string(),
        }
    };
    let table = [
        (r#"author_team = ["data"]"#, "dee", ""),
        (r#"author_team = ["data"]"#, "ana", "author `ana` isn't a member of data"),
        (r#"author_team = ["data", "ops"]"#, "ana", "author `ana` isn't a member of one of data, ops"),
        (r#"author_team = ["!data"]"#, "dee", "author `dee` is excluded by !data"),
        (r#"author_team = ["!data"]"#, "ana", ""),
        (r#"not = { author_team = ["data"] }"#, "dee", "`not` excludes it: `author_team` holds"),
        (r#"author_team = ["gone"]"#, "dee", "the team `gone` is not in force"),
        (r#"not = { author_team = ["gone"] }"#, "dee", "the team `gone` is not in force"),
    ];
    for (condition, author, expected) in table {
        assert_eq!(judged(condition, author), expected, "{condition} {author}");
    }
}

#[test]
fn branches_of_what_has_one() {
    let of = |kind: &str| thing(serde_json::json!({"kind": kind, "title": "x", "branch": "release/2"}));
    for kind in ["push", "branch", "workflow", "deployment", "release"] {
        conditions(
            &of(kind),
            &[
                (r#"any = [{ branch = ["release/*"] }]"#, ""),
                (r#"any = [{ branch = ["*"] }]"#, "miss: branch is `release/2`, not *"),
                (r#"any = [{ branch = ["Release/2"] }]"#, "miss: branch is `release/2`, not Release/2"),
                (r#"any = [{ branch = ["!release/**"] }]"#, "miss: branch `release/2` is excluded by !release/**"),
            ],
        );
    }
    let wanted = r#"any = [{ branch = ["main"] }]"#;
    let main = thing(serde_json::json!({"kind": "workflow", "title": "CI", "branch": "main"}));
    assert_eq!(verdict("on = [\"workflow.failed\"]\nbranch = [\"main\"]", &main, EventKind::WorkflowFailed), "");
    conditions(&release(), &[(wanted, "unknown: the branch of a release is not known")]);
    conditions(&with(|_| ()), &[(wanted, "miss: a pull request has a base and a head")]);
    conditions(&Event { actor: None, ..super::ticket() }, &[(wanted, "miss: a ticket has no branch")]);
    let discussion = thing(serde_json::json!({"kind": "discussion", "title": "x"}));
    conditions(&discussion, &[(wanted, "miss: a discussion has no branch")]);
}

#[test]
fn who_did_it() {
    let merged = |by: Option<&str>| Event { actor: by.map(actor), ..with(|_| ()) };
    conditions(
        &merged(Some("cy")),
        &[
            (r#"actor = ["Cy"]"#, ""),
            (r#"actor = ["dee"]"#, "miss: actor is `cy`, not dee"),
            (r#"actor = ["!cy"]"#, "miss: actor `cy` is excluded by !cy"),
        ],
    );
    // A merge queue merges for the author, and may be named itself.
    conditions(
        &merged(Some("queue[bot]")),
        &[
            (r#"actor = ["dee"]"#, ""),
            (r#"actor = ["queue[bot]"]"#, ""),
            (r#"actor = ["cy"]"#, "miss: actor is `dee`, `queue[bot]`, none of them cy"),
        ],
    );
    conditions(&merged(None), &[(r#"actor = ["!cy"]"#, "unknown: it is not known who did it")]);
    let moved = Event { actor: Some(Actor { name: "Cy Oh".to_owned(), ..actor("5b10") }), ..super::ticket() };
    conditions(&moved, &[(r#"actor = ["cy oh"]"#, ""), (r#"actor = ["5b10"]"#, "")]);
    // Whoever labels late did not open it.
    let labelled = Event { kind: EventKind::PullRequestLabeled, ..merged(Some("cy")) };
    let rule = "on = [\"*\"]\nactor = [\"cy\"]";
    assert_eq!(verdict(rule, &labelled, EventKind::PullRequestOpened), "miss: actor is `dee`, not cy");
    assert_eq!(verdict(rule, &labelled, EventKind::PullRequestLabeled), "");
}

#[test]
fn final_releases() {
    let of = |pre: Option<bool>| thing(serde_json::json!({"kind": "release", "title": "v2", "prerelease": pre}));
    conditions(&of(Some(false)), &[("prerelease = false", ""), ("prerelease = true", "miss: it is not a pre-release")]);
    conditions(&of(Some(true)), &[("prerelease = true", ""), ("prerelease = false", "miss: it is a pre-release")]);
    conditions(&of(None), &[("prerelease = false", "unknown: it is not known whether it is a pre-release")]);
    conditions(&with(|_| ()), &[("prerelease = false", "miss: a pull request has no pre-release state")]);
}

#[test]
fn what_became_of_it() {
    let ticket = |category: &str, resolution: Option<&str>| {
        let json = serde_json::json!({"key": "DATA-7", "status_category": category, "resolution": resolution});
        Event { actor: None, ..event(About::Ticket(serde_json::from_value(json).unwrap())) }
    };
    let issue = |stage: Stage, reason: Option<&str>| {
        let About::Issue(issue) = issue().about else { panic!() };
        event(About::Issue(Issue { stage, state_reason: reason.map(str::to_owned), ..issue }))
    };
    let (really, not) =
        (r#"resolution = ["Done", "Fixed", "completed"]"#, r#"resolution = ["!Won't Do", "!not_planned"]"#);
    let table = [
        (ticket("done", Some("done")), "", ""),
        (
            ticket("done", Some("Won't Do")),
            "miss: resolution is `Won't Do`, not one of Done, Fixed, completed",
            "miss: resolution `Won't Do` is excluded by !Won't Do",
        ),
        (ticket("done", None), "unknown: the resolution is not known", "unknown: the resolution is not known"),
        // One that is open again has none, whatever it had.
        (
            ticket("in_progress", Some("Done")),
            "miss: it has no resolution, and the rule wants one of Done, Fixed, completed",
            "",
        ),
        (issue(Stage::Closed, Some("completed")), "", ""),
        (
            issue(Stage::Closed, Some("not_planned")),
            "miss: resolution is `not_planned`, not one of Done, Fixed, completed",
            "miss: resolution `not_planned` is excluded by !not_planned",
        ),
        (
            issue(Stage::Open, Some("reopened")),
            "miss: it has no resolution, and the rule wants one of Done, Fixed, completed",
            "",
        ),
        (with(|_| ()), "miss: a pull request has no resolution", "miss: a pull request has no resolution"),
    ];
    for (event, wants, excludes) in table {
        conditions(&event, &[(really, wants), (not, excludes)]);
    }
}

#[test]
fn where_a_ticket_stands_in_the_plan_and_the_fields_of_its_site() {
    let planned = |more: serde_json::Value| {
        let mut json = serde_json::json!({"key": "DATA-7"});
        json.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Event { actor: None, ..event(About::Ticket(serde_json::from_value(json).unwrap())) }
    };
    let known = planned(serde_json::json!({
        "parents": ["DATA-1"], "sprints": ["Sprint 12", "Support"],
        "fields": {"severity": ["High"], "team": [], "customfield_10012": ["Core"]},
    }));
    let unplanned = planned(serde_json::json!({"parents": [], "sprints": []}));
    let unknown = planned(serde_json::json!({}));
    let table = [
        (r#"parent = ["data-1"]"#, &known, ""),
        (r#"parent = ["DATA-2"]"#, &known, "miss: parent is `DATA-1`, not DATA-2"),
        (r#"parent = ["DATA-*"]"#, &unplanned, "miss: it has no parent, and the rule wants DATA-*"),
        (r#"parent = ["!DATA-1"]"#, &unplanned, ""),
        (r#"parent = ["!DATA-1"]"#, &unknown, "unknown: the ticket's parent is not known"),
        (r#"sprint = ["Sprint 12"]"#, &known, ""),
        (r#"sprint = ["Sprint 11"]"#, &known, "miss: sprint is `Sprint 12`, `Support`, none of them Sprint 11"),
        (r#"not = { sprint = ["*"] }"#, &unplanned, ""),
        (r#"not = { sprint = ["*"] }"#, &unknown, "unknown: the ticket's sprint is not known"),
        (r#"field."Severity" = ["high"]"#, &known, ""),
        (r#"field = { "severity" = ["Low"] }"#, &known, "miss: severity is `High`, not Low"),
        (r#"field = { Team = ["Core"] }"#, &known, "miss: it has no Team, and the rule wants Core"),
        (r#"not = { field = { Team = ["Core"] } }"#, &known, ""),
        (r#"field = { Severity = ["High"], customfield_10012 = ["C*"] }"#, &known, ""),
        (
            r#"field = { Severity = ["High"], customfield_10012 = ["W*"] }"#,
            &known,
            "miss: customfield_10012 is `Core`, not W*",
        ),
        (
            r#"not = { field = { Severity = ["Low"] } }"#,
            &unknown,
            "unknown: the ticket's field `Severity` is not known",
        ),
    ];
    for (condition, event, expected) in table {
        let verdict = verdict(&format!("on = [\"*\"]\n{condition}"), event, EventKind::TicketDone);
        assert_eq!(verdict, expected, "{condition}");
    }
    let merged = event(About::PullRequest(pr()));
    let About::Ticket(ticket) = &known.about else { panic!() };
    let input = Input { event: &merged, kind: EventKind::PullRequestMerged, ticket: Some(ticket) };
    assert_eq!(verdict_of("on = [\"*\"]\nsprint = [\"Sprint 12\"]\nfield.Severity = [\"High\"]", input), "");
}

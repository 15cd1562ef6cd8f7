//! Events for the tests of templates and channels.

#![expect(clippy::unwrap_used, reason = "tests")]

use jiff::tz::TimeZone;

mod variants;

use super::shape::Shape;
use super::{
    AssumptionView, Company, Context, Facts, Links, MovedView, NamedView, QuietView, Section, SlippedView, StateView,
    SummaryContext, SummaryView, ThreadView, UntoldView, context,
};
use crate::event::{About, Actor, Change, Comment, Event, EventKind, Note, Source, Stage, Thing, ThingKind, Ticket};
use crate::event::{Issue, Milestone, Progress, PullRequest, StatusCategory};

pub(crate) use self::variants::variants;

/// A title that an attacker may give a pull request.
pub(crate) const EVIL: &str = "<!channel> [x](http://evil) **hi** \r\nBcc: a@b";

pub(crate) fn actor(login: &str, name: &str) -> Actor {
    Actor { login: login.to_owned(), name: name.to_owned(), url: None, bot: false }
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// An event with everything that its kind has.
pub(crate) fn event(kind: EventKind) -> Event {
    let name = kind.as_str();
    let jira = ["ticket.", "sprint.", "version."].iter().any(|family| name.starts_with(family));
    let change = |field: &str, from: &str, to: &str| {
        Some(Change { field: field.to_owned(), name: None, from: some(from), to: some(to) })
    };
    let url = match &about(kind) {
        about if !name.ends_with("commented") && !kind.is_note() => about.url().map(str::to_owned),
        about => about.url().map(|url| format!("{url}#comment-7")),
    };
    Event {
        scope: if jira { "DATA" } else { "acme/ingest" }.to_owned(),
        actor: Some(match kind {
            EventKind::PullRequestDraft | EventKind::PullRequestOpened => actor("ana", "Ana Sá"),
            _ => actor("bo", "Bo Ek"),
        }),
        at: "2026-11-02T14:05:00Z".parse().unwrap(),
        url,
        tickets: if name.starts_with("ticket") || name.starts_with("pull_request") || kind.is_note() {
            vec!["DATA-123".parse().unwrap()]
        } else {
            Vec::new()
        },
        change: match kind {
            EventKind::TicketSlipped => change("due", "2026-11-09", "2026-11-16"),
            EventKind::TicketPulledIn => change("due", "2026-11-23", "2026-11-16"),
            EventKind::TicketAssigned => change("assignee", "Bo Ek", "Ana Sá"),
            EventKind::TicketMoved => change("key", "WEB-7", "DATA-123"),
            EventKind::TicketUpdated => change("component", "Import", "Ingest"),
            EventKind::TicketLinked => change("link", "", "blocks DATA-7"),
            EventKind::PullRequestEdited => change("title", "Switch ids", "Switch ids to UUIDv7"),
            EventKind::PullRequestAssigned | EventKind::IssueAssigned => change("assignee", "", "caro"),
            EventKind::PullRequestUnlabeled => {
                Some(Change { field: "label".to_owned(), from: some("contract"), to: None, name: None })
            }
            EventKind::PullRequestLabeled | EventKind::IssueLabeled => {
                Some(Change { field: "label".to_owned(), from: None, to: some("contract"), name: None })
            }
            EventKind::PullRequestReviewRequested => {
                Some(Change { field: "reviewer".to_owned(), from: None, to: some("data-platform"), name: None })
            }
            EventKind::TicketPriorityChanged => change("priority", "Medium", "High"),
            _ => None,
        },
        note: kind.is_note().then(|| Note {
            kind: name.trim_start_matches("note.").to_owned(),
            text: "the id is never reused".to_owned(),
            url: None,
            author: Some(actor("ana", "Ana Sá")),
            edited: false,
            taken_back: false,
            to: Vec::new(),
            replaces: None,
        }),
        comment: (name.ends_with("commented") || name.ends_with("changes_requested"))
            .then(|| Comment { summary: "Could the column stay nullable for a week?".to_owned(), url: None }),
        ..Event::bare(
            if jira { Source::Jira } else { Source::Github },
            kind,
            match name.split('.').next() {
                Some("ticket") => "DATA-123",
                Some("issue") => "acme/ingest#46",
                _ => "acme/ingest#45",
            }
            .into(),
            about(kind),
        )
    }
}

fn about(kind: EventKind) -> About {
    match kind.as_str().split('.').next().unwrap_or_default() {
        "issue" => About::Issue(issue()),
        "ticket" => About::Ticket(match kind {
            EventKind::TicketStarted => moved("To Do", ("In Progress", StatusCategory::InProgress)),
            EventKind::TicketDone => moved("In Review", ("Done", StatusCategory::Done)),
            EventKind::TicketDueSoon => Ticket { due: Some("2026-11-03".parse().unwrap()), ..ticket() },
            EventKind::TicketOverdue => Ticket { due: Some("2026-11-01".parse().unwrap()), ..ticket() },
            _ => ticket(),
        }),
        "release" => About::Thing(release("v1.4.0")),
        "deployment" => About::Thing(deployment()),
        "workflow" => thing(ThingKind::Workflow, "nightly", None),
        "push" => thing(ThingKind::Push, "Drop the old ids", None),
        "discussion" => thing(ThingKind::Discussion, "Which ids?", None),
        "branch" => thing(ThingKind::Branch, "DATA-123-uuid", None),
        "sprint" => of_jira(ThingKind::Sprint, "Sprint 7", "boards/3"),
        "version" => of_jira(ThingKind::Version, "1.4", "projects/DATA/versions/14"),
        _ => About::PullRequest(pull_request()),
    }
}

pub(crate) fn release(title: &str) -> Thing {
    Thing {
        url: some("https://github.example/acme/ingest/releases/v1.4.0"),
        tag: some("v1.4.0"),
        branch: some("v1.4.0"),
        body_summary: some("Ids are UUIDs now."),
        ..Thing::bare(ThingKind::Release, title)
    }
}

pub(crate) fn deployment() -> Thing {
    Thing {
        url: some("https://github.example/acme/ingest/actions/runs/7"),
        branch: some("main"),
        environment: some("production"),
        ..Thing::bare(ThingKind::Deployment, "deployment to production")
    }
}

fn thing(kind: ThingKind, title: &str, body_summary: Option<String>) -> About {
    About::Thing(Thing {
        url: some("https://github.example/acme/ingest/page"),
        branch: some("main"),
        body_summary,
        ..Thing::bare(kind, title)
    })
}

pub(crate) fn pull_request() -> PullRequest {
    PullRequest {
        number: 45,
        title: "Switch ids to UUIDv7".to_owned(),
        url: "https://github.example/acme/ingest/pull/45".to_owned(),
        stage: Stage::Open,
        author: Some(actor("ana", "Ana Sá")),
        draft: Some(false),
        base: some("main"),
        head: some("DATA-123-uuid"),
        head_sha: None,
        reviewing_teams: Vec::new(),
        labels: Some(vec!["contract".to_owned(), "schema".to_owned()]),
        assignees: Some(Vec::new()),
        reviewers: Some(Vec::new()),
        additions: Some(120),
        deletions: Some(4),
        changed_files: Some(3),
        body_summary: some("New rows get a UUIDv7; old ones keep their number."),
        body: None,
        private: Some(false),
        updated_at: None,
    }
}

pub(crate) fn issue() -> Issue {
    let page = "https://github.example/acme/ingest/issues/46";
    Issue { author: Some(actor("ana", "Ana Sá")), ..Issue::bare(46, "Ids collide", page, Stage::Open) }
}

pub(crate) fn ticket() -> Ticket {
    Ticket {
        id: some("10001"),
        url: some("https://jira.example/browse/DATA-123"),
        summary: some("Ids that sort by time"),
        status: some("In Review"),
        previous_status: some("In Progress"),
        due: Some("2026-11-16".parse().unwrap()),
        assignee: Some(actor("5b10", "Ana Sá")),
        priority: some("High"),
        type_name: some("Story"),
        ..Ticket::bare("DATA-123")
    }
}

/// The ticket, moved from one status to another.
fn moved(from: &str, (to, category): (&str, StatusCategory)) -> Ticket {
    Ticket { previous_status: some(from), status: some(to), status_category: Some(category), ..ticket() }
}

fn of_jira(kind: ThingKind, title: &str, page: &str) -> About {
    About::Thing(Thing { url: Some(format!("https://jira.example/{page}")), ..Thing::bare(kind, title) })
}

/// The context of an event: in a ticket's thread where it has one.
pub(crate) fn context_of(event: &Event, ticket: Option<&Ticket>) -> Context {
    in_company(event, ticket, Company::default())
}

pub(crate) fn in_company(event: &Event, ticket: Option<&Ticket>, company: Company<'_>) -> Context {
    let key = event.tickets.first().map_or_else(|| event.subject.to_string(), ToString::to_string);
    let thread = ThreadView::of(event, ticket, key, None);
    let links = Links { details: some("https://microalign.example/events/7"), ..Links::default() };
    context(&Facts {
        event,
        ticket,
        thread: &thread,
        team: "data-platform",
        rule: "schema-merged",
        why: "data-platform gets this because its rule “schema-merged” asks for pull_request.merged.",
        links: &links,
        zone: &TimeZone::get("Europe/Lisbon").unwrap(),
        object_by: None,
        now: "2026-11-02T17:05:00Z".parse().unwrap(),
        company,
    })
}

/// An event whose every free text is this.
pub(crate) fn told(kind: EventKind, value: &str) -> Event {
    let mut event = event(kind);
    event.actor = Some(actor("bo", value));
    event.doers = vec![actor("li", value)];
    if let Some(note) = &mut event.note {
        note.text = value.to_owned();
        note.author = Some(actor("bo", value));
    }
    if let Some(comment) = &mut event.comment {
        comment.summary = value.to_owned();
    }
    if let Some(change) = &mut event.change {
        (change.from, change.to) = (change.from.as_ref().map(|_| value.to_owned()), Some(value.to_owned()));
    }
    about_told(&mut event.about, value);
    event
}

fn about_told(about: &mut About, value: &str) {
    match about {
        About::PullRequest(pr) => {
            pr.title = value.to_owned();
            (pr.base, pr.body_summary) = (Some(value.to_owned()), Some(value.to_owned()));
            pr.author = Some(actor("bo", value));
        }
        About::Issue(issue) => issue.title = value.to_owned(),
        About::Ticket(ticket) => {
            (ticket.summary, ticket.status) = (Some(value.to_owned()), Some(value.to_owned()));
            ticket.previous_status = Some(value.to_owned());
            ticket.assignee = Some(actor("bo", value));
        }
        About::Thing(thing) => {
            thing.title = value.to_owned();
            (thing.environment, thing.body_summary) = (Some(value.to_owned()), Some(value.to_owned()));
            (thing.branch, thing.tag) = (Some(value.to_owned()), Some(value.to_owned()));
        }
    }
}

/// A template that shows every name there is.
pub(crate) fn every_name() -> String {
    names(&super::shape::CONTEXT, "")
}

fn names(shape: &Shape, path: &str) -> String {
    let below = |name: &String| if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
    match shape {
        Shape::Object(parts) => parts.iter().map(|(name, shape)| names(shape, &below(name))).collect(),
        Shape::List(one) if **one == Shape::Value => format!("{{{{join {path}}}}} "),
        Shape::List(one) => format!("{{{{#each {path}}}}}{}{{{{/each}}}} ", names(one, "this")),
        Shape::Value => format!("{{{{{path}}}}} "),
    }
}

/// A summary with every section and every kind of line.
pub(crate) fn summary() -> SummaryContext {
    let named = |name: &str, url: &str| NamedView { name: name.to_owned(), url: Some(format!("https://{url}")) };
    let pull = |number: u32| {
        named(
            &format!("acme/ingest-api#{number} “A *title* <{number}>”"),
            &format!("github.com/acme/ingest-api/pull/{number}"),
        )
    };
    let ticket = named("DATA-123 “Orders”", "acme.atlassian.net/browse/DATA-123");
    let text = |text: &str| Some(text.to_owned());
    let state = |is: &str| StateView { is: is.to_owned(), ..StateView::default() };
    let by = |is: &str, by: &str, day: &str| StateView { by: text(by), day: text(day), ..state(is) };
    let moved = vec![
        MovedView {
            named: ticket.clone(),
            states: vec![
                StateView {
                    name: text("acme/ingest-api#45"),
                    url: text("https://github.com/acme/ingest-api/pull/45"),
                    ..by("merged", "Ana Silva", "Tuesday")
                },
                StateView { from: text("In Progress"), to: text("Done"), ..by("moved", "Bo", "Wednesday") },
            ],
        },
        MovedView {
            named: pull(46),
            states: vec![StateView { day: text("Monday"), on_track: true, ..state("draft") }],
        },
        MovedView { named: pull(47), states: vec![by("open", "Bo", "3 Nov")] },
        MovedView { named: pull(48), states: vec![state("closed")] },
        MovedView { named: pull(49), states: vec![StateView { to: text("Done"), ..state("moved") }] },
        MovedView { named: pull(50), states: Vec::new() },
        MovedView { named: pull(51), states: Vec::new() },
    ];
    let assumption = |state: &str| AssumptionView {
        named: pull(45),
        text: text("ids are @everyone's & never reused"),
        by: text("Ana Silva"),
        state: state.to_owned(),
        objected_by: Vec::new(),
        object_by: None,
    };
    let now = "2026-11-20T15:00:00Z".parse().unwrap();
    let assumptions = vec![
        AssumptionView { objected_by: vec!["Bo Ek".to_owned(), "Li".to_owned()], ..assumption("objected") },
        AssumptionView { object_by: Some(now), ..assumption("open") },
        AssumptionView { text: None, by: None, ..assumption("answered") },
        assumption("agreed"),
    ];
    let untold = |teams: &[&str], owned: bool, because: Option<&str>| UntoldView {
        named: pull(52),
        teams: teams.iter().map(|team| (*team).to_owned()).collect(),
        owned,
        because: because.map(str::to_owned),
    };
    let console = || text("https://console.example.com/?team=web");
    let summary = SummaryView {
        first_day: "2026-11-13".parse().unwrap(),
        last_day: "2026-11-20".parse().unwrap(),
        updates: 12,
        conversations: 7,
        url: console(),
        moved: Section::of(moved, console()),
        assumptions: Section::of(assumptions, console()),
        slipped: Section::of(
            vec![SlippedView {
                named: ticket.clone(),
                field: text("due date"),
                from: text("2026-11-27"),
                to: text("2026-12-04"),
            }],
            None,
        ),
        quiet: Section::of(vec![QuietView { named: ticket, since: now }], None),
        untold: Section::of(
            vec![
                untold(&["web"], true, Some("no rule matched")),
                untold(&["mobile", "web"], true, None),
                untold(&["web"], false, None),
            ],
            None,
        ),
        owners_unknown: Some(3),
        everybody: false,
    };
    SummaryContext {
        summary,
        team: "web".to_owned(),
        why: "web gets this because its file asks for a `summary`.".to_owned(),
        now,
        timezone: "Europe/Lisbon".to_owned(),
    }
}

//! Words for templates: who did it, what a thing is called, what became of a ticket. These functions are pure, and
//! claim nothing that the event and the known state don't say.

use jiff::civil::Date;

use crate::event::{About, Actor, Change, Event, EventKind, StatusCategory, SubjectParts, Thing, ThingKind, Ticket};

/// The name of somebody whose name isn't known.
pub(super) const SOMEBODY: &str = "somebody";

/// Whether a text is an identifier of a person, which readers can't understand: an account id of Jira Cloud
/// (`5b10a2844c20165700ede21f`, `557058:f58131cb-…`), or a user key of Data Center (`JIRAUSER10100`).
pub(super) fn is_account_id(text: &str) -> bool {
    let is_id = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    let number = text.strip_prefix("JIRAUSER").unwrap_or_default();
    let after_colon = text.rsplit_once(':').map_or("", |(_, id)| id);
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        || after_colon.len() >= 12 && is_id(after_colon)
        || text.len() >= 12 && has_digit && is_id(text) && !text.contains('-')
}

/// A person as messages show them.
#[must_use]
pub fn shown(actor: &Actor) -> Actor {
    match is_account_id(&actor.name) {
        true => Actor { name: SOMEBODY.to_owned(), ..actor.clone() },
        false => actor.clone(),
    }
}

/// A change as messages show it: with the name that people use for the field, and without ids of people.
#[must_use]
pub fn shown_change(change: &Change) -> Change {
    let of_people = matches!(change.field.as_str(), "assignee" | "reporter" | "reviewer" | "creator");
    let is_id = |value: &String| of_people && is_account_id(value);
    let to = change.to.clone().map(|to| if is_id(&to) { "somebody else".to_owned() } else { to });
    // Jira's changelog describes a link from the ticket's side.
    let of_link = |value: String| match (change.field.as_str(), value.strip_prefix("This issue ")) {
        ("link", Some(relation)) => relation.to_owned(),
        _ => value,
    };
    Change {
        field: change.field.clone(),
        name: Some(change.name.clone().unwrap_or_else(|| field_name(&change.field))),
        from: change.from.clone().filter(|from| !is_id(from)).map(of_link),
        to: to.map(of_link),
    }
}

/// `due date` for `due`, `fix version` for `fix_version`, `story points` for `storyPoints`.
fn field_name(field: &str) -> String {
    match field {
        "due" => return "due date".to_owned(),
        "body" => return "description".to_owned(),
        "base" => return "base branch".to_owned(),
        _ => {}
    }
    let for_people = field.chars().any(char::is_whitespace) || !field.starts_with(|c: char| c.is_ascii_lowercase());
    if for_people {
        return field.to_owned();
    }
    let mut name = String::with_capacity(field.len() + 4);
    for c in field.chars() {
        match c {
            '_' | '-' => name.push(' '),
            c if c.is_ascii_uppercase() => {
                name.push(' ');
                name.push(c.to_ascii_lowercase());
            }
            c => name.push(c),
        }
    }
    name
}

/// Who did it, for the beginning of a sentence: `Ana`, `Ana and Bo`, `Ana, Bo and 3 others`; `None` if nobody is known
/// by name.
///
/// A machine isn't the one who did a fact, such as a merge, a release or a push: it is the people for whom it acted, or
/// nobody. Nobody does what runs by the clock.
pub(super) fn actors(event: &Event) -> Option<String> {
    if matches!(&event.about, About::Thing(thing) if thing.trigger.as_deref() == Some("schedule")) {
        return None;
    }
    let fact = is_fact(event.kind);
    let acted = event.actor.iter().chain(&event.doers);
    let mut people: Vec<&Actor> = acted.filter(|actor| !(actor.bot && fact)).collect();
    if people.iter().any(|actor| !actor.bot) {
        people.retain(|actor| !actor.bot);
    }
    if people.is_empty() {
        people.extend(beneficiary(event));
    }
    let mut names: Vec<&str> = Vec::new();
    for name in people.iter().map(|actor| actor.name.as_str()).filter(|name| !is_account_id(name)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    joined(&names)
}

/// Who did it if the event doesn't say: the people for whom a machine pushes, and the author of a pull request that was
/// opened, also if that is reported late.
fn beneficiary(event: &Event) -> Option<&Actor> {
    match (&event.about, event.kind) {
        (About::PullRequest(pr), EventKind::PullRequestOpened | EventKind::PullRequestDraft) => pr.author.as_ref(),
        (About::Thing(thing), EventKind::Push) => {
            let author = thing.brought_by.as_ref()?.author.as_ref()?;
            (!author.bot && event.actor.is_some()).then_some(author)
        }
        _ => None,
    }
}

/// Whether it is a fact, which is true whoever caused it, as opposed to what bots say and open.
fn is_fact(kind: EventKind) -> bool {
    use EventKind as Kind;
    matches!(
        kind,
        Kind::PullRequestMerged
            | Kind::PullRequestOnTrack
            | Kind::IssueClosed
            | Kind::Push
            | Kind::ReleasePublished
            | Kind::ReleasePromoted
            | Kind::DeploymentSucceeded
            | Kind::DeploymentFailed
            | Kind::WorkflowFailed
            | Kind::WorkflowRecovered
            | Kind::BranchCreated
            | Kind::BranchDeleted
            | Kind::TicketTransitioned
            | Kind::TicketStarted
            | Kind::TicketDone
            | Kind::SprintStarted
            | Kind::SprintClosed
            | Kind::VersionReleased
    )
}

/// Names in a sentence. More than three are too many to read.
fn joined(names: &[&str]) -> Option<String> {
    Some(match names {
        [] => return None,
        [one] => (*one).to_owned(),
        [one, two] => format!("{one} and {two}"),
        [one, two, three] => format!("{one}, {two} and {three}"),
        [one, two, others @ ..] => format!("{one}, {two} and {} others", others.len()),
    })
}

/// What became of a ticket that is done, by its resolution or else its status: `done`, `wont_do`, `duplicate`,
/// `not_reproduced`, `incomplete`, or `other` for a name that a site made up.
pub(super) fn outcome(ticket: &Ticket) -> Option<&'static str> {
    if ticket.status_category.is_some_and(|category| category != StatusCategory::Done) {
        return None;
    }
    let named = |name: &String| !name.eq_ignore_ascii_case("unresolved");
    let resolution = ticket.resolution.as_ref().filter(|name| named(name));
    let name = resolution.or_else(|| ticket.status.as_ref().filter(|_| ticket.status_category.is_some()))?;
    let letters: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    Some(match letters.as_str() {
        "done" | "fixed" | "resolved" | "complete" | "completed" | "implemented" | "delivered" | "released"
        | "finished" | "shipped" => "done",
        "wontdo" | "wontfix" | "willnotdo" | "willnotfix" | "declined" | "rejected" | "obsolete" | "abandoned"
        | "cancelled" | "canceled" | "withdrawn" | "notplanned" | "wontimplement" => "wont_do",
        "duplicate" | "duplicated" | "isduplicate" => "duplicate",
        "cannotreproduce" | "cantreproduce" | "notreproducible" | "unabletoreproduce" | "couldnotreproduce" => {
            "not_reproduced"
        }
        "incomplete" => "incomplete",
        _ => "other",
    })
}

/// Whether a ticket was reopened after it was done.
pub(super) fn is_reopened(ticket: &Ticket) -> bool {
    const ENDS: [&str; 6] = ["done", "closed", "resolved", "fixed", "complete", "completed"];
    let is = |status: &Option<String>, name: &str| status.as_ref().is_some_and(|is| is.eq_ignore_ascii_case(name));
    let open = matches!(ticket.status_category, Some(StatusCategory::Todo | StatusCategory::InProgress));
    open && (ENDS.iter().any(|end| is(&ticket.previous_status, end)) || is(&ticket.status, "Reopened"))
}

/// Whether something is known of a ticket, and nothing that is known suggests that it isn't on track.
#[must_use]
pub fn is_on_track(ticket: &Ticket, today: Date) -> bool {
    let known = ticket.summary.is_some() || ticket.status.is_some();
    let troubled = ticket.flagged == Some(true) || ticket.slipped == Some(true);
    let over = ticket.due.is_some_and(|due| due < today) || ticket.status_category == Some(StatusCategory::Done);
    known && !troubled && !over
}

/// What readers call a ticket: its key, and its title if that is known.
pub(super) fn ticket_name(ticket: &Ticket) -> String {
    match (&ticket.summary, is_number(&ticket.key)) {
        (Some(summary), false) => format!("{} “{summary}”", ticket.key),
        (Some(summary), true) => format!("“{summary}”"),
        (None, false) => ticket.key.clone(),
        (None, true) => "a Jira ticket".to_owned(),
    }
}

/// Whether this is Jira's internal number of a ticket, which no page shows.
fn is_number(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_digit())
}

/// What readers call a thing; `None` if it has no name of its own.
pub(super) fn thing_name(scope: &str, thing: &Thing) -> Option<String> {
    match thing.kind {
        ThingKind::Release => Some(match (tag(thing), title_of_release(thing)) {
            (Some(tag), Some(title)) if !title.contains(tag) => format!("{tag} “{title}”"),
            (Some(_), Some(title)) => format!("“{title}”"),
            _ => thing.title.clone(),
        }),
        ThingKind::Deployment => Some(match deployed(thing) {
            Some(deployed) if deployed.starts_with('@') => format!("{}{deployed}", short(scope)),
            Some(deployed) => format!("{} {deployed}", short(scope)),
            None => short(scope).to_owned(),
        }),
        ThingKind::Push if thing.branch.as_ref().is_some_and(|branch| thing.title == format!("pushed to {branch}")) => {
            None
        }
        _ => Some(thing.title.clone()),
    }
}

/// The tag of a release.
fn tag(release: &Thing) -> Option<&str> {
    release.tag.as_deref().or(release.branch.as_deref())
}

/// The title of a release, if it differs from the tag.
fn title_of_release(release: &Thing) -> Option<&str> {
    Some(release.title.as_str()).filter(|title| tag(release).is_some_and(|tag| tag != *title))
}

/// `main@f95f852`, with the service in parentheses if there are several.
fn deployed(thing: &Thing) -> Option<String> {
    let branch = thing
        .branch
        .as_deref()
        .map(|name| ["refs/heads/", "refs/tags/"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name));
    let branch = branch.filter(|name| !is_sha(name));
    let sha = thing.commit.as_deref().or(thing.branch.as_deref().filter(|name| is_sha(name))).map(short_sha);
    let task = thing.task.as_deref().filter(|task| !task.is_empty() && *task != "deploy");
    let what = match (branch, sha) {
        (Some(branch), Some(sha)) => format!("{branch}@{sha}"),
        (Some(branch), None) => branch.to_owned(),
        (None, Some(sha)) => format!("@{sha}"),
        (None, None) => return task.map(|task| format!("({task})")),
    };
    Some(task.map_or_else(|| what.clone(), |task| format!("{what} ({task})")))
}

fn is_sha(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The short form of a commit.
pub(super) fn short_sha(sha: &str) -> &str {
    sha.get(..7).unwrap_or(sha)
}

/// `ingest-api` of `acme/ingest-api`.
pub(super) fn short(scope: &str) -> &str {
    scope.rsplit_once('/').map_or(scope, |(_, name)| name)
}

/// What readers call the conversation `key` that an event belongs to: the ticket, the pull request, the repository.
pub(super) fn label(key: &str, event: &Event) -> String {
    match &event.about {
        About::Thing(thing) if event.subject == key && !is_of_pull_request(key, thing) => match thing.kind {
            ThingKind::Discussion => key.to_owned(),
            ThingKind::Sprint => thing.title.clone(),
            ThingKind::Version => format!("Version {}", thing.title),
            _ if event.scope.is_empty() => thing.title.clone(),
            ThingKind::Release => format!("{} {}", event.scope, tag(thing).unwrap_or(&thing.title)),
            _ => event.scope.clone(),
        },
        About::Ticket(ticket) if event.subject == key && is_number(key) => match &ticket.summary {
            Some(summary) => summary.clone(),
            None => "A Jira ticket".to_owned(),
        },
        _ => key.to_owned(),
    }
}

/// What the conversation is about, apart from its label. A mail's subject consists of both, and stays the same in a
/// conversation, since mail programs start a new conversation when it changes.
pub(super) fn topic(key: &str, event: &Event, ticket: Option<&Ticket>) -> Option<String> {
    let title = match &event.about {
        About::Thing(thing) if event.subject == key && !is_of_pull_request(key, thing) => {
            return thing_topic(thing);
        }
        About::Ticket(about) if is_number(&about.key) => None,
        About::Ticket(about) => about.summary.as_deref(),
        about => match ticket.filter(|ticket| ticket.key == key) {
            Some(Ticket { summary: Some(summary), .. }) => Some(summary.as_str()),
            // A restricted ticket: its conversation is called by its key.
            Some(ticket) if ticket.restricted == Some(true) => None,
            _ => own_title(event, about),
        },
    };
    title.and_then(|title| without_key(title, key))
}

/// The title of something in a conversation with another name. A branch or a commit isn't a title.
fn own_title<'a>(event: &'a Event, about: &'a About) -> Option<&'a str> {
    match about {
        About::PullRequest(pr) => Some(&pr.title),
        About::Issue(issue) => Some(&issue.title),
        About::Thing(thing) if matches!(thing.kind, ThingKind::Release | ThingKind::Discussion) => Some(&thing.title),
        About::Thing(_) => event.brought_by().map(|pr| pr.title.as_str()),
        About::Ticket(_) => None,
    }
}

/// Whether a conversation belongs to the pull request behind a thing.
fn is_of_pull_request(key: &str, thing: &Thing) -> bool {
    thing.pull_request.is_some_and(|number| SubjectParts::of(key).number() == Some(number))
}

fn thing_topic(thing: &Thing) -> Option<String> {
    let on_branch = |name: &str| match &thing.branch {
        // The branch of a merge queue means nothing to readers.
        Some(branch) if branch.starts_with("gh-readonly-queue/") => format!("{name} in the merge queue"),
        Some(branch) => format!("{name} on {branch}"),
        None => name.to_owned(),
    };
    match thing.kind {
        ThingKind::Sprint | ThingKind::Version => None,
        ThingKind::Release => title_of_release(thing).map(str::to_owned),
        ThingKind::Discussion => Some(thing.title.clone()),
        ThingKind::Deployment => {
            let what = deployed(thing).map(|what| what.trim_start_matches('@').to_owned());
            Some(match (what, &thing.environment) {
                (Some(what), Some(place)) => format!("deployment of {what} to {place}"),
                (None, Some(place)) => format!("deployment to {place}"),
                (Some(what), None) => format!("deployment of {what}"),
                (None, None) => "deployment".to_owned(),
            })
        }
        ThingKind::Workflow => Some(on_branch(&format!("{} workflow", thing.title))),
        ThingKind::Push => Some(on_branch("pushes").replace(" on ", " to ")),
        _ if thing.kind == ThingKind::Branch => Some(format!("branch {}", thing.title)),
        _ => Some(thing.title.clone()),
    }
}

/// A title without the ticket's key at its beginning, since that is already the name of the conversation. `None` if no
/// words are left, as with `DATA-123-uuid`, which is the name of a branch.
pub fn without_key(title: &str, key: &str) -> Option<String> {
    let same = |a: char, b: char| a.eq_ignore_ascii_case(&b) || b == '-' && matches!(a, ' ' | '_' | '/');
    let begun = title.trim_start_matches(|c: char| !c.is_alphanumeric());
    let length = key.len();
    let named = begun.is_char_boundary(length)
        && begun.len() >= length
        && begun.chars().zip(key.chars()).all(|(a, b)| same(a, b))
        && !begun.get(length..).is_some_and(|rest| rest.starts_with(|c: char| c.is_alphanumeric()));
    if !named {
        return Some(title.to_owned()).filter(|title| title != key);
    }
    let rest = begun.get(length..).unwrap_or_default();
    if !title.trim().contains(char::is_whitespace) {
        return None;
    }
    let words = rest.trim_start_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '`' | '"' | '“' | '«' | '\''));
    Some(words.trim_end().to_owned()).filter(|words| !words.is_empty())
}

#[cfg(test)]
mod tests;

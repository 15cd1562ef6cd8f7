//! Whose action an event is, and whether it is news to a team: the keys `own` and `bots`.
//!
//! What a machine does for a person counts as that person's action. A fact is news whoever caused it; what bots say and
//! open is chatter, unless a rule asks for it. A team's own actions aren't news to it.

use super::phrasing::{listed, short};
use crate::event::{About, Actor, Event, EventKind, Thing};
use crate::reason::Reason;
use crate::rule::author_team::is_member;
use crate::rule::{Rule, Team};

/// Why an event that a rule matches isn't news to its team.
pub(super) fn no_news(rule: &Rule, team: &Team, event: &Event, kind: EventKind) -> Option<Reason> {
    taken_back(event).or_else(|| bot_action(rule, event, kind)).or_else(|| own_action(rule, team, event, kind))
}

/// A note that was taken back isn't sent; messages that were sent before stay.
fn taken_back(event: &Event) -> Option<Reason> {
    event.note.as_ref().filter(|note| note.taken_back).map(|_| Reason::TakenBack)
}

fn bot_action(rule: &Rule, event: &Event, kind: EventKind) -> Option<Reason> {
    if rule.bots {
        return None;
    }
    let Chatter { because, by } = chatter(event, kind)?;
    let named = |actor: &&Actor| rule.conditions.iter().any(|condition| condition.names(&actor.login));
    // A rule that names a bot wants all of its pull requests, including those that another bot merges.
    (!by.iter().any(named)).then_some(because)
}

fn own_action(rule: &Rule, team: &Team, event: &Event, kind: EventKind) -> Option<Reason> {
    let addressed = event.note.as_ref().is_some_and(|note| note.to.iter().any(|name| team.is_called(name)));
    let doers = if rule.own || addressed { Vec::new() } else { doers(event, kind) };
    if doers.is_empty() || !doers.iter().all(|doer| is_member(&team.members, doer)) {
        return None;
    }
    let who = listed(&doers.iter().map(|doer| short(&doer.name)).collect::<Vec<_>>());
    Some(Reason::OwnDoing { who, several: doers.len() > 1, team: team.name.clone() })
}

/// Whose action it is, as an event of this kind: people if any are known, otherwise the machine that acted. A bot that
/// merges, closes or marks as ready (a merge queue, auto-merge) acts for the person who opened the pull request, and so
/// does one that runs or deploys what the pull request changed. A milestone that matches only after a late label isn't
/// the action of the person who added the label.
#[must_use]
pub fn doers(event: &Event, kind: EventKind) -> Vec<&Actor> {
    let late = kind.is_milestone() && kind != event.kind;
    let said = event.note.as_ref().and_then(|note| note.author.as_ref());
    let acted = said.or(event.actor.as_ref()).into_iter().chain(&event.doers).filter(|_| !late).collect::<Vec<_>>();
    let people = acted.iter().copied().filter(|actor| !acts_for_others(actor)).collect::<Vec<_>>();
    if !people.is_empty() {
        return people;
    }
    // A draft is on track because of a push, or because somebody moved its ticket forward.
    let moved = kind == EventKind::PullRequestOnTrack && event.kind == kind;
    let for_whom = match &event.about {
        About::PullRequest(pr) if late || !acted.is_empty() && (kind.is_milestone() || moved) => pr.author.as_ref(),
        About::Thing(Thing { brought_by: Some(pr), .. }) => pr.author.as_ref(),
        _ => None,
    };
    for_whom.map_or(acted, |author| vec![author])
}

/// Whether somebody is a machine that acts for others. Some have ordinary accounts, with names that follow a custom.
fn acts_for_others(actor: &Actor) -> bool {
    let login = actor.login.to_lowercase();
    let mut parts = login.split(['-', '_']);
    let queue = parts.clone().any(|part| matches!(part, "bors" | "homu"));
    queue
        || is_machine(actor)
        || login.contains('-') && parts.next_back().is_some_and(|end| matches!(end, "bot" | "robot"))
}

fn is_machine(actor: &Actor) -> bool {
    actor.bot || raises_dependencies(actor)
}

/// What a bot says or opens.
struct Chatter<'e> {
    /// Why it is chatter
    because: Reason,
    /// Whom a rule can name to get it anyway
    by: Vec<&'e Actor>,
}

/// Why an event, as this kind, is a bot's chatter; `None` if it is news.
fn chatter(event: &Event, kind: EventKind) -> Option<Chatter<'_>> {
    let author = match &event.about {
        About::PullRequest(pr) => pr.author.as_ref(),
        _ => event.brought_by().and_then(|pr| pr.author.as_ref()),
    };
    let doers = doers(event, kind);
    let by_people = !doers.is_empty() && !doers.iter().any(|doer| is_machine(doer));
    // A note by a person counts, even on a bot's pull request.
    if kind.is_note() && by_people {
        return None;
    }
    let actor = event.actor.as_ref();
    let machines = || actor.into_iter().chain(author).filter(|who| is_machine(who)).collect::<Vec<_>>();
    let same = |who: Option<&Actor>, bot: &Actor| who.is_some_and(|who| who.login == bot.login);
    let acted = actor.filter(|_| kind == event.kind);
    let is_bot =
        |bot: &Actor| Reason::BotDoing { who: short(&bot.name), author: same(author, bot) && !same(acted, bot) };
    if let (About::PullRequest(_), Some(author)) = (&event.about, author.filter(|author| raises_dependencies(author))) {
        return Some(Chatter { because: is_bot(author), by: machines() });
    }
    if let Some(branch) = own_branch(&event.about).filter(|branch| is_of_dependencies(branch)) {
        let because = Reason::BotBranch { branch: short(branch) };
        return Some(Chatter { because, by: author.into_iter().chain(actor).collect() });
    }
    if is_fact(kind) {
        return None;
    }
    let bot = match doers.first() {
        Some(first) => first,
        // Nobody acted: the event reports silence on a bot's pull request.
        None => author.filter(|_| matches!(event.about, About::PullRequest(_)))?,
    };
    doers.iter().chain([&bot]).all(|doer| is_machine(doer)).then(|| Chatter { because: is_bot(bot), by: machines() })
}

/// Whether a kind is a fact, which is true whoever caused it, and not something that somebody says, opens or arranges.
pub(in crate::rule) fn is_fact(kind: EventKind) -> bool {
    use EventKind as Kind;
    match kind {
        Kind::PullRequestReady
        | Kind::PullRequestMerged
        | Kind::PullRequestClosed
        | Kind::PullRequestReopened
        | Kind::IssueClosed
        | Kind::IssueReopened
        | Kind::ReleasePublished
        | Kind::ReleasePromoted
        | Kind::DeploymentSucceeded
        | Kind::DeploymentFailed
        | Kind::WorkflowFailed
        | Kind::WorkflowRecovered
        | Kind::TicketTransitioned
        | Kind::TicketStarted
        | Kind::TicketDone
        | Kind::TicketSlipped
        | Kind::TicketPulledIn
        | Kind::TicketFlagged
        | Kind::TicketMoved
        | Kind::TicketDeleted
        | Kind::TicketDueSoon
        | Kind::TicketOverdue
        | Kind::SprintStarted
        | Kind::SprintClosed
        | Kind::VersionReleased => true,
        Kind::PullRequestDraft
        | Kind::PullRequestOpened
        | Kind::PullRequestPushed
        | Kind::PullRequestEdited
        | Kind::PullRequestLabeled
        | Kind::PullRequestUnlabeled
        | Kind::PullRequestAssigned
        | Kind::PullRequestReviewRequested
        | Kind::PullRequestApproved
        | Kind::PullRequestChangesRequested
        | Kind::PullRequestCommented
        | Kind::PullRequestOnTrack
        | Kind::PullRequestStalled
        | Kind::IssueOpened
        | Kind::IssueLabeled
        | Kind::IssueAssigned
        | Kind::IssueCommented
        | Kind::Push
        | Kind::DiscussionCreated
        | Kind::DiscussionAnswered
        | Kind::BranchCreated
        | Kind::BranchDeleted
        | Kind::TicketCreated
        | Kind::TicketAssigned
        | Kind::TicketPriorityChanged
        | Kind::TicketCommented
        | Kind::TicketLinked
        | Kind::TicketUpdated
        | Kind::TicketQuiet
        | Kind::NoteAssumed
        | Kind::NoteDecided
        | Kind::NoteHeadsUp
        | Kind::NoteDelayed
        | Kind::NoteBlocked => false,
    }
}

/// Whether an account opens only pull requests that update dependencies. Some of these are ordinary accounts.
fn raises_dependencies(actor: &Actor) -> bool {
    const BOTS: [&str; 12] = [
        "dependabot",
        "renovate",
        "renovatebot",
        "forking-renovate",
        "snyk",
        "pyup",
        "greenkeeper",
        "depfu",
        "scala-steward",
        "mend",
        "whitesource",
        "pre-commit-ci",
    ];
    const ACCOUNTS: [&str; 5] = ["renovate-bot", "snyk-bot", "pyup-bot", "scala-steward", "greenkeeperio-bot"];
    let login = actor.login.to_lowercase();
    let name = login.trim_end_matches("[bot]");
    let family = |bot: &&str| name.strip_prefix(*bot).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    let flagged = actor.bot || login.ends_with("[bot]");
    ACCOUNTS.contains(&name) || flagged && BOTS.iter().any(family)
}

/// Whether a bot created a branch to update a dependency.
pub(in crate::rule) fn is_of_dependencies(branch: &str) -> bool {
    ["dependabot/", "renovate/"].iter().any(|folder| branch.starts_with(folder))
}

/// The branch of the work that it is about.
fn own_branch(about: &About) -> Option<&str> {
    match about {
        About::PullRequest(pr) => pr.head.as_deref(),
        About::Thing(thing) => thing.branch.as_deref(),
        About::Issue(_) | About::Ticket(_) => None,
    }
}

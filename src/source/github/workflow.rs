//! The runs of workflows.

use crate::event::{About, Event, EventKind, Outcome, SubjectKey, Thing, ThingKind};
use crate::source::{Understood, not_news, text};

use super::payload::{PullRequest, WorkflowRun};
use super::queue::{self, Tried};
use super::thing::thing;
use super::{Delivery, first, missing, name, time};

/// `workflow_run`. Each success is reported as a recovery; the tracker knows whether the workflow had failed before.
pub fn ended(delivery: &Delivery<'_>) -> Understood {
    if delivery.action() != "completed" {
        return Err(delivery.nothing_to_ask_for());
    }
    let run = delivery.body.workflow_run.as_ref().ok_or_else(|| missing("workflow_run"))?;
    let conclusion = run.conclusion.text().ok_or_else(|| missing("workflow_run.conclusion"))?;
    let (kind, outcome) = match conclusion {
        "failure" => (EventKind::WorkflowFailed, Outcome::Failure),
        "timed_out" => (EventKind::WorkflowFailed, Outcome::TimedOut),
        "startup_failure" => (EventKind::WorkflowFailed, Outcome::StartupFailure),
        "success" => (EventKind::WorkflowRecovered, Outcome::Success),
        _ => {
            let end = text::title(conclusion);
            return Err(not_news(format!("the workflow ended as `{end}`, which is neither a failure nor a success")));
        }
    };
    let workflow = delivery.body.workflow.as_ref();
    let name = run.name.text().or_else(|| workflow?.name.text()).ok_or_else(|| missing("workflow_run.name"))?;
    let trigger = run.event.text().map(text::title);
    let place = place(delivery, run);
    let url = first(&[&run.html_url]).or_else(|| delivery.page(&["actions"]));
    let at = time(&run.updated_at).or_else(|| time(&run.created_at));
    // A scheduled run has no actor, and no commit caused it.
    let by_clock = run.event.as_deref() == Some("schedule");
    let id = run.id.as_ref().map(|id| id.as_str().to_owned());
    let attempt = run.run_attempt.unwrap_or(1);
    let once = id.as_ref().map(|id| name::name(&["workflow-run", id, &attempt.to_string()]));
    let tickets = delivery.keys(place.branch.as_deref().filter(|_| !place.queued), None, &[]).tickets;
    let runs = (trigger.as_deref(), place.at.as_deref());
    let subject = SubjectKey::workflow(delivery.scope, &which(delivery, run, name), runs);
    let about = Thing {
        branch: place.branch,
        trigger,
        id,
        attempt: Some(attempt),
        outcome: Some(outcome),
        commit: run.head_sha.text().filter(|_| !by_clock).map(str::to_owned),
        pull_request: place.pull_request.filter(|_| !by_clock),
        ..thing(ThingKind::Workflow, name, url, at)
    };
    let actor = delivery.actor(run.actor.as_ref()).filter(|_| !by_clock);
    Ok(vec![Event { tickets, actor, once, ..delivery.event(kind, subject, About::Thing(about)) }])
}

/// Identifies a workflow in its repository, where several may have the same name.
fn which(delivery: &Delivery<'_>, run: &WorkflowRun, name: &str) -> String {
    let workflow = delivery.body.workflow.as_ref();
    let id = run.workflow_id.as_ref().or_else(|| workflow?.id.as_ref()).map(|id| id.as_str());
    let path = || run.path.text().or_else(|| workflow?.path.text()).and_then(|path| path.split('@').next());
    text::title(id.or_else(path).filter(|which| !which.is_empty()).unwrap_or(name))
}

/// Where a workflow ran.
struct Place {
    /// In the subject
    at: Option<String>,
    branch: Option<String>,
    pull_request: Option<u64>,
    /// On a merge queue's branch: the branch to merge into
    queued: bool,
}

/// All runs of a merge queue for a pull request belong together, and a failure is that pull request's.
fn place(delivery: &Delivery<'_>, run: &WorkflowRun) -> Place {
    let fork = fork_owner(delivery);
    let by = delivery.by().into_iter().chain(run.actor.as_ref().and_then(|actor| actor.login.text()));
    let tried = run.head_branch.text().filter(|_| fork.is_none());
    let tried = tried.and_then(|branch| by.map(Some).chain([None]).find_map(|by| queue::tried(branch, by)));
    if let Some(Tried { base, pull_request: number }) = tried {
        let number = number.or_else(|| pull_request(delivery, run));
        let parts =
            ["queue".to_owned()].into_iter().chain(base.clone()).chain(number.map(|number| format!("pr-{number}")));
        let at = Some(parts.collect::<Vec<_>>().join("/"));
        return Place { at, branch: base, pull_request: number, queued: true };
    }
    let branch = run.head_branch.text().map(|branch| match fork {
        // The `main` of a fork isn't ours; GitHub writes it like this.
        Some(owner) => format!("{owner}:{branch}"),
        None => branch.to_owned(),
    });
    Place { at: branch.clone(), branch, pull_request: pull_request(delivery, run), queued: false }
}

/// The pull request of a run. GitHub lists those from its branch into all repositories.
pub(super) fn pull_request(delivery: &Delivery<'_>, run: &WorkflowRun) -> Option<u64> {
    let here = |pull: &&PullRequest| {
        let folder = format!("/repos/{}/pulls/", delivery.scope.to_lowercase());
        pull.url.as_ref().is_none_or(|url| url.as_str().to_lowercase().contains(&folder))
    };
    run.pull_requests.entries().find(here)?.number.as_ref()?.number()
}

fn fork_owner<'a>(delivery: &'a Delivery<'_>) -> Option<&'a str> {
    let head = delivery.body.workflow_run.as_ref()?.head_repository.as_ref()?.full_name.text()?;
    let (owner, _) = head.split_once('/')?;
    (!head.eq_ignore_ascii_case(delivery.scope)).then_some(owner)
}

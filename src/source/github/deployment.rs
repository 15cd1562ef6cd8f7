//! Deployments.

use crate::event::{About, Event, EventKind, Outcome, SubjectKey, Thing, ThingKind};
use crate::source::{Understood, not_news, text};

use super::payload::{Deployment, DeploymentStatus};
use super::queue;
use super::thing::thing;
use super::workflow::pull_request;
use super::{Delivery, first, is_sha, missing, name, short, time};

/// `deployment_status`
pub fn ended(delivery: &Delivery<'_>) -> Understood {
    let status = delivery.body.deployment_status.as_ref().ok_or_else(|| missing("deployment_status"))?;
    let deployment = delivery.body.deployment.as_ref().ok_or_else(|| missing("deployment"))?;
    let state = status.state.text().ok_or_else(|| missing("deployment_status.state"))?;
    let (kind, outcome) = match state {
        "success" => (EventKind::DeploymentSucceeded, Outcome::Success),
        "failure" => (EventKind::DeploymentFailed, Outcome::Failure),
        "error" => (EventKind::DeploymentFailed, Outcome::Error),
        _ => return Err(not_news(format!("the deployment is `{}`, which isn't its final state", text::title(state)))),
    };
    let id = deployment.id.as_ref().ok_or_else(|| missing("deployment.id"))?.as_str();
    let environment = status.environment.text().or_else(|| deployment.environment.text()).map(text::title);
    let task = deployment.task.text().filter(|task| *task != "deploy").map(text::title);
    let place = match (&environment, &task) {
        (Some(environment), Some(task)) => format!("{environment}/{task}"),
        (Some(environment), None) => environment.clone(),
        (None, _) => id.to_owned(),
    };
    let about = Thing {
        environment,
        task,
        id: Some(id.to_owned()),
        outcome: Some(outcome),
        body_summary: status.description.as_deref().and_then(text::excerpt),
        ..about(delivery, deployment, status)
    };
    let tickets = delivery.keys(about.branch.as_deref(), None, &[]).tickets;
    let actor = delivery.actor(deployment.creator.as_ref());
    let once = match status.id.as_ref() {
        Some(status) => name::name(&["deployment-status", delivery.scope, status.as_str()]),
        None => name::name(&["deployment", delivery.scope, id, state]),
    };
    let subject = SubjectKey::deployment(delivery.scope, &place);
    let event = delivery.event(kind, subject, About::Thing(about));
    Ok(vec![Event { tickets, actor, once: Some(once), ..event }])
}

/// What was deployed, and its page.
fn about(delivery: &Delivery<'_>, deployment: &Deployment, status: &DeploymentStatus) -> Thing {
    let run = delivery.body.workflow_run.as_ref();
    let page = run.and_then(|run| first(&[&run.html_url]));
    let url = first(&[&status.log_url, &status.target_url]).or(page).or_else(|| first(&[&status.environment_url]));
    let url = url.or_else(|| delivery.page(&["deployments"]));
    let sha = deployment.sha.text();
    let git_ref = deployment.git_ref.text().filter(|name| !is_sha(name) && Some(*name) != sha);
    let name =
        git_ref.map(|name| ["refs/heads/", "refs/tags/"].iter().find_map(|at| name.strip_prefix(at)).unwrap_or(name));
    let tried = name.and_then(|name| queue::tried(name, delivery.by()));
    // GitHub's own name for the result of merging a pull request into its base.
    let merge = name.and_then(|name| name.strip_prefix("refs/pull/")?.split('/').next()?.parse().ok());
    let number = merge.or_else(|| tried.as_ref()?.pull_request);
    let branch = match &tried {
        Some(tried) => tried.base.as_deref(),
        None => name.filter(|_| merge.is_none()),
    };
    let title = match (branch.filter(|_| tried.is_none()), number, sha) {
        (Some(branch), _, Some(sha)) => format!("{branch}@{}", short(sha)),
        (Some(branch), _, None) => branch.to_owned(),
        (None, Some(number), Some(sha)) => format!("#{number}@{}", short(sha)),
        (None, Some(number), None) => format!("#{number}"),
        (None, None, Some(sha)) => short(sha),
        (None, None, None) => delivery.scope.to_owned(),
    };
    Thing {
        branch: branch.map(str::to_owned),
        commit: sha.map(str::to_owned),
        pull_request: number.or_else(|| pull_request(delivery, run?)),
        ..thing(ThingKind::Deployment, &title, url, time(&status.created_at))
    }
}

//! The rest of GitHub: pushes, branches, releases, deployments, workflows, discussions.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::event::{About, Event, EventKind, Thing, ThingKind};
use crate::source::lenient::Maybe;
use crate::source::{Understood, commit, text};

use super::payload::{Commit, PullRequest, User, WorkflowRun};
use super::{Delivery, first, missing, own_words, time, written};

fn thing(kind: ThingKind, title: &str, url: Option<String>, updated_at: Option<Timestamp>) -> Thing {
    Thing { url, updated_at, ..Thing::bare(kind, &text::title(title)) }
}

/// `push`, to a branch
pub fn push(delivery: &Delivery<'_>) -> Understood {
    let body = delivery.body;
    let git_ref = body.git_ref.text().ok_or_else(|| missing("ref"))?;
    let branch = git_ref.strip_prefix("refs/heads/").ok_or("a push of a tag is not something rules can ask for")?;
    let removed = body.after.text().is_some_and(|sha| sha.bytes().all(|digit| digit == b'0'));
    if *body.deleted == Some(true) || removed {
        return Err("the push deletes a branch, which is told as `branch.deleted`".to_owned());
    }
    let message = body.head_commit.as_ref().and_then(|commit| commit.message.text());
    let pushed_to = format!("pushed to {branch}");
    let title = message.and_then(|message| message.lines().next()).unwrap_or(&pushed_to);
    let url = first(&[&body.compare]).or_else(|| delivery.page(&["commits", branch]));
    // The time of a commit can be long ago; what counts is the push.
    let about = thing(ThingKind::Push, title, url, time(&delivery.repository.pushed_at));
    let commits = body.commits.entries().filter_map(|commit| commit.message.text());
    let messages: Vec<&str> = message.into_iter().chain(commits).collect();
    let keys = delivery.keys(Some(branch), None, &messages);
    let about = About::Thing(Thing { branch: Some(branch.to_owned()), ..about });
    let event = delivery.event(EventKind::Push, format!("{}:{branch}", delivery.scope), about);
    let event = Event { tickets: keys.tickets, listed: keys.listed, paths: paths(delivery), ..event };
    let commits = body.commits.entries().chain(body.head_commit.as_ref()).map(Commit::read).collect::<Vec<_>>();
    let notes = commit::notes(&event, &commits, |message| delivery.keys(Some(branch), None, &[message]));
    Ok([vec![event], notes].concat())
}

/// The files that the commits of a push touch, each once. GitHub lists no more commits than fit into a payload, and a
/// condition holds by any one file: what is past the bound could only have added a match.
fn paths(delivery: &Delivery<'_>) -> Option<Vec<String>> {
    const MOST: usize = 3000;
    let lists = delivery.body.commits.entries().flat_map(|commit| [&commit.added, &commit.modified, &commit.removed]);
    let paths: BTreeSet<&str> = lists.flat_map(Maybe::entries).map(String::as_str).collect();
    delivery.body.commits.is_some().then(|| paths.into_iter().take(MOST).map(str::to_owned).collect())
}

/// `create` and `delete`, of a branch
pub fn branch(delivery: &Delivery<'_>) -> Understood {
    let branch = delivery.body.git_ref.text().ok_or_else(|| missing("ref"))?;
    if delivery.body.ref_type.as_deref() != Some("branch") {
        return Err(format!("`{}` of a tag is not something rules can ask for", delivery.name));
    }
    let (kind, url) = if delivery.name == "create" {
        let path: Vec<&str> = std::iter::once("tree").chain(branch.split('/')).collect();
        (EventKind::BranchCreated, delivery.page(&path))
    } else {
        (EventKind::BranchDeleted, delivery.page(&["branches"]))
    };
    let about = thing(ThingKind::Branch, branch, url, time(&delivery.repository.pushed_at));
    let outcome = (kind == EventKind::BranchDeleted).then(|| "deleted".to_owned());
    let about = About::Thing(Thing { branch: Some(branch.to_owned()), outcome, ..about });
    let tickets = delivery.keys(Some(branch), None, &[]).tickets;
    let event = delivery.event(kind, format!("{}:{branch}", delivery.scope), about);
    Ok(vec![Event { tickets, ..event }])
}

/// `release`
pub fn release(delivery: &Delivery<'_>) -> Understood {
    match delivery.action() {
        "published" => {}
        "created" | "released" | "prereleased" => {
            return Err(format!("`release.{}` is told as `release.published`", delivery.action()));
        }
        _ => return Err(delivery.nothing_to_ask_for()),
    }
    let release = delivery.body.release.as_ref().ok_or_else(|| missing("release"))?;
    let tag = release.tag_name.text().ok_or_else(|| missing("release.tag_name"))?;
    let page = || delivery.page(&["releases", "tag", tag]);
    let at = time(&release.published_at).or_else(|| time(&release.created_at));
    let url = first(&[&release.html_url]).or_else(page);
    let title = release.name.text().unwrap_or(tag);
    let about = Thing {
        branch: Some(tag.to_owned()),
        body_summary: release.body.as_deref().and_then(text::summary_of_markdown),
        ..thing(ThingKind::Release, title, url, at)
    };
    let keys = delivery.keys(None, Some(title), &[&own_words(&release.body)]);
    let actor = delivery.actor(release.author.as_ref());
    let event = delivery.event(EventKind::ReleasePublished, format!("{}@{tag}", delivery.scope), About::Thing(about));
    Ok(vec![Event { tickets: keys.tickets, listed: keys.listed, actor, ..event }])
}

/// `deployment_status`
pub fn deployment(delivery: &Delivery<'_>) -> Understood {
    let status = delivery.body.deployment_status.as_ref().ok_or_else(|| missing("deployment_status"))?;
    let deployment = delivery.body.deployment.as_ref().ok_or_else(|| missing("deployment"))?;
    let state = status.state.text().ok_or_else(|| missing("deployment_status.state"))?;
    let kind = match state {
        "success" => EventKind::DeploymentSucceeded,
        "failure" | "error" => EventKind::DeploymentFailed,
        _ => return Err(format!("the deployment is `{}`, which is not yet its end", text::title(state))),
    };
    let id = deployment.id.as_ref().ok_or_else(|| missing("deployment.id"))?;
    let environment = status.environment.text().or_else(|| deployment.environment.text());
    let title = environment.map_or_else(|| "deployment".to_owned(), |place| format!("deployment to {place}"));
    let run = delivery.body.workflow_run.as_ref().and_then(|run| first(&[&run.html_url]));
    let url = first(&[&status.log_url, &status.target_url]).or(run).or_else(|| first(&[&status.environment_url]));
    let url = url.or_else(|| delivery.page(&["deployments"]));
    let about = Thing {
        branch: deployment.git_ref.text().map(str::to_owned),
        environment: environment.map(text::title),
        outcome: Some(state.to_owned()),
        body_summary: status.description.as_deref().and_then(text::excerpt),
        commit: deployment.sha.text().map(str::to_owned),
        pull_request: delivery.body.workflow_run.as_ref().and_then(|run| pull_request(delivery, run)),
        ..thing(ThingKind::Deployment, &title, url, time(&status.created_at))
    };
    let tickets = delivery.keys(about.branch.as_deref(), None, &[]).tickets;
    let actor = delivery.actor(deployment.creator.as_ref());
    let subject = format!("{}:deployment/{}", delivery.scope, id.as_str());
    Ok(vec![Event { tickets, actor, ..delivery.event(kind, subject, About::Thing(about)) }])
}

/// `workflow_run`. Each success is told as a recovery: whether the workflow had failed before is for the tracker to know.
pub fn workflow(delivery: &Delivery<'_>) -> Understood {
    if delivery.action() != "completed" {
        return Err(delivery.nothing_to_ask_for());
    }
    let run = delivery.body.workflow_run.as_ref().ok_or_else(|| missing("workflow_run"))?;
    let conclusion = run.conclusion.text().ok_or_else(|| missing("workflow_run.conclusion"))?;
    let kind = match conclusion {
        "failure" | "timed_out" | "startup_failure" => EventKind::WorkflowFailed,
        "success" => EventKind::WorkflowRecovered,
        _ => {
            return Err(format!(
                "the workflow's end is `{}`, neither a failure nor a success",
                text::title(conclusion)
            ));
        }
    };
    let workflow = delivery.body.workflow.as_ref().and_then(|workflow| workflow.name.text());
    let name = run.name.text().or(workflow).ok_or_else(|| missing("workflow_run.name"))?;
    let branch = run.head_branch.text().map(|branch| match fork_owner(delivery) {
        // A stranger's `main` is not ours; GitHub writes it like this.
        Some(owner) => format!("{owner}:{branch}"),
        None => branch.to_owned(),
    });
    let url = first(&[&run.html_url]).or_else(|| delivery.page(&["actions"]));
    let at = time(&run.updated_at).or_else(|| time(&run.created_at));
    let suffix = branch.as_ref().map(|branch| format!("@{branch}")).unwrap_or_default();
    let subject = format!("{}:workflow/{}{suffix}", delivery.scope, text::title(name));
    let tickets = delivery.keys(branch.as_deref(), None, &[]).tickets;
    let outcome = Some(conclusion.to_owned());
    // What runs by the clock was brought about by nobody's commit.
    let by_clock = run.event.as_deref() == Some("schedule");
    let about = Thing {
        branch,
        outcome,
        commit: run.head_sha.text().filter(|_| !by_clock).map(str::to_owned),
        pull_request: pull_request(delivery, run).filter(|_| !by_clock),
        ..thing(ThingKind::Workflow, name, url, at)
    };
    let actor = delivery.actor(run.actor.as_ref());
    Ok(vec![Event { tickets, actor, ..delivery.event(kind, subject, About::Thing(about)) }])
}

/// The pull request that a run names: GitHub lists those of all repositories that its branch has one into.
fn pull_request(delivery: &Delivery<'_>, run: &WorkflowRun) -> Option<u64> {
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

/// `discussion`
pub fn discussion(delivery: &Delivery<'_>) -> Understood {
    let kind = match delivery.action() {
        "created" => EventKind::DiscussionCreated,
        "answered" => EventKind::DiscussionAnswered,
        _ => return Err(delivery.nothing_to_ask_for()),
    };
    let discussion = delivery.body.discussion.as_ref().ok_or_else(|| missing("discussion"))?;
    let number = discussion.number.as_ref().and_then(|id| id.number()).ok_or_else(|| missing("discussion.number"))?;
    let subject = format!("{}#{number}", delivery.scope);
    let url = first(&[&discussion.html_url]).or_else(|| delivery.page(&["discussions", &number.to_string()]));
    let title = discussion.title.text().unwrap_or(&subject);
    let about = Thing {
        body_summary: discussion.body.as_deref().and_then(text::summary_of_markdown),
        ..thing(ThingKind::Discussion, title, url, time(&discussion.updated_at))
    };
    let keys = delivery.keys(None, Some(title), &[&own_words(&discussion.body)]);
    let author: Option<&User> = discussion.user.as_ref();
    let mut event = delivery.event(kind, subject.clone(), About::Thing(about));
    if kind == EventKind::DiscussionCreated {
        event.actor = delivery.actor(author);
        event.at = time(&discussion.created_at).unwrap_or(event.at);
    } else if let Some(answer) = delivery.body.answer.as_ref() {
        event.url = first(&[&answer.html_url]).or(event.url);
        event.comment = written(answer);
    }
    Ok(vec![Event { tickets: keys.tickets, listed: keys.listed, ..event }])
}

//! Keys that people write by mistake: a rule has none of that name, and the key with the most similar name means
//! something else.

/// Explains which key of a rule to use instead.
pub(super) fn instead_of(table: &str, key: &str) -> Option<&'static str> {
    if table != "rule" {
        return None;
    }
    Some(match key {
        "merged_by" | "closed_by" | "deployed_by" | "committer" | "sender" => {
            "`actor` is who did it: with `on = [\"pull_request.merged\"]`, who merged. `author` is whose work it is, and \
             `merged` says what a message does in its conversation"
        }
        "opened_by" | "created_by" | "reported_by" | "reporter" | "creator" => {
            "`author` is who opened the pull request or issue, or reported the ticket; `actor` is who did what the event reports"
        }
        "target_branch" | "base_branch" | "target" => {
            "`base` is the branch that a pull request goes into; `branch` is for pushes, workflows, deployments and releases"
        }
        "source_branch" | "head_branch" => {
            "`head` is the branch that a pull request comes from; `branch` is for pushes, workflows, deployments and releases"
        }
        "assigned_to" => "`assignee` is who the pull request, issue or ticket is assigned to",
        "reviewed_by" | "approved_by" => {
            "`actor` is who did it: with `on = [\"pull_request.approved\"]`, who approved. `reviewer` is who was asked for a \
             review and has not given it yet"
        }
        "status" | "state" => {
            "`ticket_status` is the status of the ticket; what happens to a pull request is an event, in `on`"
        }
        "priority" => "`ticket_priority` is the priority of the ticket",
        "epic" | "epic_link" => "`parent` is the key of the ticket's epic",
        "custom_field" | "customfield" => "`field.\"NAME\"` is a field that the site added to its tickets",
        "delay" | "wait" | "debounce" => {
            "`settle` is how long an update waits for further changes; `after` is how long nothing must have happened"
        }
        _ => return None,
    })
}

/// Explains a key of a team's file in the file for all teams.
pub(super) fn of_a_team(_: &str, key: &str) -> Option<&'static str> {
    let own = ["team", "owner", "members", "github_team", "owns", "to", "rule", "test"];
    own.contains(&key).then_some("each team has its own: write it in the team's file")
}

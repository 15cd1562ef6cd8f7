//! The names in `X-GitHub-Event`.

use crate::cli::Failure;
use crate::source::GITHUB_EVENTS;
use crate::toml_file::did_you_mean;

/// The names of all webhook events, including those that are ignored:
/// <https://docs.github.com/en/webhooks/webhook-events-and-payloads>
const ALL: &[&str] = &[
    "branch_protection_configuration",
    "branch_protection_rule",
    "check_run",
    "check_suite",
    "code_scanning_alert",
    "commit_comment",
    "create",
    "custom_property",
    "custom_property_values",
    "delete",
    "dependabot_alert",
    "deploy_key",
    "deployment",
    "deployment_protection_rule",
    "deployment_review",
    "deployment_status",
    "discussion",
    "discussion_comment",
    "fork",
    "github_app_authorization",
    "gollum",
    "installation",
    "installation_repositories",
    "installation_target",
    "issue_comment",
    "issue_dependencies",
    "issues",
    "label",
    "marketplace_purchase",
    "member",
    "membership",
    "merge_group",
    "meta",
    "milestone",
    "org_block",
    "organization",
    "package",
    "page_build",
    "personal_access_token_request",
    "ping",
    "project",
    "project_card",
    "project_column",
    "projects_v2",
    "projects_v2_item",
    "projects_v2_status_update",
    "public",
    "pull_request",
    "pull_request_review",
    "pull_request_review_comment",
    "pull_request_review_thread",
    "push",
    "registry_package",
    "release",
    "repository",
    "repository_advisory",
    "repository_dispatch",
    "repository_import",
    "repository_ruleset",
    "repository_vulnerability_alert",
    "secret_scanning_alert",
    "secret_scanning_alert_location",
    "secret_scanning_scan",
    "security_advisory",
    "security_and_analysis",
    "sponsorship",
    "star",
    "status",
    "sub_issues",
    "team",
    "team_add",
    "watch",
    "workflow_dispatch",
    "workflow_job",
    "workflow_run",
];

/// Whether GitHub's documentation has an event of this name.
pub(super) fn is_known(name: &str) -> bool {
    ALL.contains(&name)
}

/// Whether a name is likely to be an event of GitHub's. GitHub may add new ones, so only what looks like a typing
/// mistake is refused.
pub(super) fn check(name: &str) -> Result<(), Failure> {
    if is_known(name) || name.is_empty() {
        return Ok(());
    }
    match did_you_mean(name, GITHUB_EVENTS).or_else(|| did_you_mean(name, ALL.iter().copied())) {
        Some(help) => Err(Failure::Usage(format!("GitHub has no event `{name}`; {help}"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_we_read_is_among_all() {
        for name in GITHUB_EVENTS {
            assert!(ALL.contains(&name), "{name}");
        }
    }
}

//! Merge queues: the branches on which they test changes, and the accounts that push for others.

/// A branch on which a merge queue tests something. It exists for minutes, and isn't news.
#[derive(Debug, PartialEq, Eq)]
pub struct Tried {
    /// The branch to merge into, if the name says so
    pub base: Option<String>,
    /// The pull request that is tested, if the name says so
    pub pull_request: Option<u64>,
}

/// What such a branch is, for reasons in the ledger.
pub const TEMPORARY: &str = "a temporary branch on which a merge queue tries pull requests";

/// What a branch is for, if a merge queue created it. Bors has no folder of its own, so its branches are recognised by
/// who pushes to them.
pub fn tried(branch: &str, by: Option<&str>) -> Option<Tried> {
    const FOLDERS: [&str; 5] =
        ["mergify/merge-queue/", "trunk-merge/", "trunk-temp/", "automation/bors/", "graphite-base/"];
    if let Some(rest) = branch.strip_prefix("gh-readonly-queue/") {
        let (base, last) = rest.rsplit_once('/').unwrap_or((rest, ""));
        return Some(Tried { base: Some(base.to_owned()), pull_request: pr(last) });
    }
    if let Some(rest) = FOLDERS.iter().find_map(|folder| branch.strip_prefix(folder)) {
        let number = branch.strip_prefix("graphite-base/").and_then(|number| number.parse().ok());
        return Some(Tried { base: None, pull_request: number.or_else(|| rest.split('/').find_map(pr)) });
    }
    let bors = matches!(branch, "staging" | "trying" | "auto" | "try") || branch.ends_with(".tmp");
    let tried = branch.starts_with("gtmq_") || bors && by.is_some_and(is_bors);
    tried.then_some(Tried { base: None, pull_request: None })
}

/// The number in `pr-45` or `pr-45-f95f852`.
fn pr(part: &str) -> Option<u64> {
    let number = part.strip_prefix("pr-")?;
    number.split('-').next()?.parse().ok()
}

/// A login without the mark of an App.
fn bare(login: &str) -> String {
    let login = login.to_ascii_lowercase();
    login.strip_suffix("[bot]").unwrap_or(&login).to_owned()
}

fn is_bors(login: &str) -> bool {
    let login = bare(login);
    let parts = login.split(['-', '_']);
    parts.into_iter().any(|part| matches!(part, "bors" | "homu"))
}

/// Whether a login belongs to a machine that merges people's work, whatever the type of its account.
pub fn lands(login: &str) -> bool {
    const KNOWN: [&str; 10] = [
        "aviator",
        "bulldozer",
        "github-merge-queue",
        "graphite-app",
        "kodiak",
        "kodiakhq",
        "marge-bot",
        "mergequeue",
        "mergify",
        "trunk-io",
    ];
    is_bors(login) || KNOWN.contains(&bare(login).as_str())
}

/// The pull request of a commit on the main branch, from the first line of the message as GitHub and merge queues write
/// it; `None` if there are several.
pub fn landed(message: &str) -> Option<u64> {
    const MERGES: [&str; 3] = ["Merge pull request #", "Auto merge of #", "Merge #"];
    let line = message.lines().next()?.trim();
    if let Some(rest) = MERGES.iter().find_map(|words| line.strip_prefix(words)) {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, rest) = rest.split_at(digits);
        let rest = rest.trim_start_matches([' ', ',']);
        return number.parse().ok().filter(|_| !rest.starts_with('#'));
    }
    line.strip_suffix(')')?.rsplit_once("(#")?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_of_merge_queues() {
        let found = |branch, by| tried(branch, by).map(|tried| (tried.base, tried.pull_request));
        for (branch, base, number) in [
            ("gh-readonly-queue/main/pr-45-f95f852bd8fca8fcc58a9a2d6c842781e32a215e", Some("main"), Some(45)),
            ("gh-readonly-queue/release/2.x/pr-7-f95f852", Some("release/2.x"), Some(7)),
            ("gh-readonly-queue/main/other", Some("main"), None),
            ("gh-readonly-queue/main", Some("main"), None),
            ("mergify/merge-queue/f95f852bd8", None, None),
            ("trunk-merge/pr-45/0b5e6f0e-1111", None, Some(45)),
            ("trunk-temp/pr-46/0b5e6f0e-1111", None, Some(46)),
            ("gtmq_spec_a1b2", None, None),
            ("graphite-base/47", None, Some(47)),
            ("automation/bors/try", None, None),
        ] {
            assert_eq!(found(branch, None), Some((base.map(str::to_owned), number)), "{branch}");
        }
        for bors in ["bors", "bors[bot]", "acme-bors", "bors-servo", "Homu"] {
            for branch in ["staging", "trying", "staging.tmp", "auto", "try"] {
                assert!(tried(branch, Some(bors)).is_some(), "{branch} {bors}");
            }
            assert_eq!(tried("main", Some(bors)), None);
        }
        for branch in ["staging", "trying", "a.tmp", "auto", "try", "main", "mergify/bp/1.x/pr-4", "x/gtmq_a", "trunk"]
        {
            for by in [None, Some("ana"), Some("mergify[bot]"), Some("bo-rs")] {
                assert_eq!(tried(branch, by), None, "{branch} {by:?}");
            }
        }
    }

    #[test]
    fn the_pull_request_that_a_commit_came_with() {
        for (message, number) in [
            ("Merge pull request #45 from ana/ids\n\nAdd ids", Some(45)),
            ("Merge #45", Some(45)),
            ("Merge #45: add ids", Some(45)),
            ("Merge #45 #46", None),
            ("Merge #45, #46", None),
            ("Auto merge of #45 - ana:ids, r=bo", Some(45)),
            ("Add ids (#45)\n\nbody (#46)", Some(45)),
            ("Revert \"Add ids (#44)\" (#45)", Some(45)),
            ("Add ids (#45) again", None),
            ("Add ids (DATA-45)", None),
            ("Fixes #45", None),
            ("Merge branch 'main'", None),
            ("", None),
        ] {
            assert_eq!(landed(message), number, "{message}");
        }
        for login in ["github-merge-queue[bot]", "Mergify[bot]", "kodiakhq[bot]", "bors", "trunk-io[bot]", "my-bors"] {
            assert!(lands(login), "{login}");
        }
        assert!(!lands("ana") && !lands("morbors") && !lands("mergifyfan"));
    }
}

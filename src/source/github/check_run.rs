//! Our check runs, as far as webhooks tell of them: that somebody wants one again. That is news to nobody.
//! (<https://docs.github.com/webhooks/webhook-events-and-payloads#check_run>)

use serde::Deserialize;

/// The events that tell of check runs: somebody may want another one.
pub const CHECKS: [&str; 2] = ["check_run", "check_suite"];

const OURS: &str = "microalign:";

/// What we know the check run of a pull request's commit by.
#[must_use]
pub fn check_id(number: u64, sha: &str) -> String {
    format!("{OURS}{number}@{sha}")
}

/// The repository and the pull requests whose check runs somebody wants again. GitHub tells an App of its own ones only.
#[must_use]
pub fn rerequested(name: &str, body: &[u8]) -> Vec<(String, u64)> {
    #[derive(Deserialize)]
    struct Body {
        action: String,
        repository: Repository,
        check_run: Option<CheckRun>,
        check_suite: Option<CheckSuite>,
    }
    #[derive(Deserialize)]
    struct Repository {
        full_name: String,
    }
    #[derive(Deserialize)]
    struct CheckRun {
        external_id: Option<String>,
    }
    #[derive(Deserialize)]
    struct CheckSuite {
        pull_requests: Vec<Numbered>,
    }
    #[derive(Deserialize)]
    struct Numbered {
        number: u64,
    }
    if !CHECKS.contains(&name) {
        return Vec::new();
    }
    let Some(body) = serde_json::from_slice::<Body>(body).ok().filter(|body| body.action == "rerequested") else {
        return Vec::new();
    };
    let of_run = body.check_run.and_then(|run| run.external_id?.strip_prefix(OURS)?.split_once('@')?.0.parse().ok());
    let of_suite = body.check_suite.map(|suite| suite.pull_requests).unwrap_or_default();
    let numbers = of_run.into_iter().chain(of_suite.into_iter().map(|pull| pull.number));
    numbers.map(|number| (body.repository.full_name.clone(), number)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn only_our_own_are_wanted_again() {
        let run = |action: &str, id: Value| json!({ "action": action, "check_run": { "external_id": id }, "repository": { "full_name": "acme/web" } });
        let suite = json!({
            "action": "rerequested", "repository": { "full_name": "acme/web" },
            "check_suite": { "pull_requests": [{ "number": 7 }, { "number": 8 }] },
        });
        for (name, body, expected) in [
            ("check_run", run("rerequested", json!(check_id(7, "abc"))), &[7][..]),
            ("check_run", run("completed", json!(check_id(7, "abc"))), &[]),
            ("check_run", run("rerequested", json!("7@abc")), &[]),
            ("check_run", run("rerequested", json!(null)), &[]),
            ("check_suite", suite.clone(), &[7, 8]),
            ("check_run", json!({}), &[]),
            ("pull_request", suite, &[]),
        ] {
            let wanted = rerequested(name, body.to_string().as_bytes());
            let expected = expected.iter().map(|number| ("acme/web".to_owned(), *number)).collect::<Vec<_>>();
            assert_eq!(wanted, expected, "{name} {body}");
        }
    }
}

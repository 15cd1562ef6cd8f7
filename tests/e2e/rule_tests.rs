//! Tests in team files, as `check` runs them.

use std::path::Path;

use crate::support::{Service, merged, pull_request};

const TEAM: &str = r#"team = "web"
members = ["bo"]
to = ["mailbox"]
settle = "0s"
[[rule]]
name = "merged"
on = ["pull_request.merged"]
base = ["main"]
[[rule]]
name = "contracts"
on = ["pull_request.*"]
labels = ["contract"]
"#;

/// A service with these tests in its team file, each a payload and what is expected.
fn service(tests: &[(&str, &str)]) -> Service {
    let tests = tests.iter().enumerate().map(|(number, (payload, expect))| {
        format!(
            "[[test]]\nname = \"test-{number}\"\npayload = \"{payload}\"\nevent = \"pull_request\"\nexpect = {expect}\n"
        )
    });
    let service = Service::new(&format!("{TEAM}{}", tests.collect::<String>()), "");
    std::fs::create_dir(service.path("rules/tests")).unwrap();
    service.write("rules/tests/merged.json", &merged(7).to_string());
    service
}

#[tokio::test]
async fn a_test_that_holds_is_fine() {
    let service = service(&[("tests/merged.json", "[\"contracts\", \"merged\"]"), ("../other.json", "[]")]);
    let other = pull_request("closed", 7, serde_json::json!({ "state": "closed", "labels": [] }));
    service.write("other.json", &other.to_string());
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("fine (1 team, 2 rules, 2 tests)"), "{out}");
}

#[tokio::test]
async fn a_test_that_fails_says_by_which_condition() {
    let service = service(&[("tests/dev.json", "[\"merged\"]"), ("tests/own.json", "[\"merged\", \"contracts\"]")]);
    let mut dev = merged(7);
    dev["pull_request"]["base"]["ref"] = serde_json::json!("dev");
    service.write("rules/tests/dev.json", &dev.to_string());
    let mut own = merged(8);
    own["sender"]["login"] = serde_json::json!("bo");
    own["pull_request"]["user"]["login"] = serde_json::json!("bo");
    service.write("rules/tests/own.json", &own.to_string());
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, out.as_str()), (1, ""));
    for part in [
        "rules/team.toml:17:10",
        "expect = [\"merged\"]",
        "rule `merged` does not match: base is `dev`, not main",
        "rule `contracts` matches too",
        "test `test-0` tells pull_request.merged on acme/ingest-api#7",
        "rule `merged` does not match: bo is a member of web",
        "4 problems",
    ] {
        assert!(err.contains(part), "{part} is missing in:\n{err}");
    }
}

#[tokio::test]
async fn a_payload_that_cannot_be_tried_is_a_problem_where_it_is_named() {
    let service = service(&[
        ("tests/none.json", "[]"),
        ("tests", "[]"),
        ("tests/broken.json", "[]"),
        ("tests/starred.json", "[]"),
        ("tests/far.json", "[]"),
    ]);
    service.write("rules/tests/broken.json", "{");
    service.write("rules/tests/starred.json", "{\"action\": \"starred\"}");
    std::os::unix::fs::symlink("/etc/hostname", service.path("rules/tests/far.json")).unwrap();
    let (code, _, err) = service.run(&["check"]).await;
    assert_eq!(code, 1);
    for part in [
        "rules/team.toml:15:11",
        "`tests/none.json` can't be read: No such file",
        "`tests` isn't a regular file",
        "`tests/broken.json`: the body is not JSON",
        "no rule can match this payload: the payload has no usable `repository`",
        "`tests/far.json` is in another folder",
        "5 problems",
    ] {
        assert!(err.contains(part), "{part} is missing in:\n{err}");
    }
}

#[tokio::test]
async fn a_failing_test_changes_nothing_for_the_service() {
    let mut service = service(&[("tests/none.json", "[\"merged\"]")]);
    service.start().await;
    service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(service.mails().len(), 1, "both rules say the same of it: it is said once");
}

#[tokio::test]
async fn the_tests_of_the_examples_hold() {
    let service = Service::new(TEAM, "");
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("rules");
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    service.write("microalign.toml", &format!("rules = \"{}\"\n{config}", rules.display()));
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(" test"), "{out}");
}

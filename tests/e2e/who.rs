//! Who gets what, as a command says it.

use serde_json::Value;

use crate::support::Service;

pub const WEB: &str = r#"
team = "web"
members = ["bo", "li"]
to = ["email:web@example.com"]
settle = "0s"
quiet = ["sat"]
[[rule]]
name = "merged"
on = ["pull_request.merged"]
repo = ["acme/ingest-*", "!acme/ingest-sandbox"]
[[rule]]
name = "data"
on = ["ticket.*"]
ticket = ["DATA-*"]
labels = ["contract"]
[[rule]]
name = "releases"
on = ["release.published"]
"#;

const OPS: &str = r#"
team = "ops"
to = ["email:ops@example.com"]
[[rule]]
name = "deployments"
on = ["deployment.failed"]
repo = ["acme/api"]
"#;

/// Two teams, whose service isn't running yet.
pub fn service() -> Service {
    let service = Service::new(WEB, "");
    service.configure("server", "console = true\n");
    service.write("rules/ops.toml", OPS);
    service
}

async fn who(service: &Service, more: &[&str]) -> Vec<String> {
    let (code, out, err) = service.run(&[&["who", "--json"], more].concat()).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let name = |line: &str| {
        let hears: Value = serde_json::from_str(line).unwrap();
        format!("{}/{}", hears["team"].as_str().unwrap(), hears["rule"].as_str().unwrap())
    };
    out.lines().map(name).filter(|name| !name.ends_with("/@notes")).collect()
}

#[tokio::test]
async fn who_hears_of_what() {
    let service = service();
    for (more, expected) in [
        (&["--repo", "acme/ingest-api"][..], &["web/merged", "web/data", "web/releases"][..]),
        (&["--repo", "acme/ingest-sandbox", "--kind", "pull_request.*"], &[]),
        (&["--repo", "acme/api", "--kind", "deployment.failed"], &["ops/deployments"]),
        (&["--repo", "DATA"], &["web/data"]),
        (&["--repo", "OTHER"], &[]),
        (&["--team", "ops"], &["ops/deployments"]),
        (&["--kind", "issue.closed"], &["web/data"]),
    ] {
        assert_eq!(who(&service, more).await, expected, "{more:?}");
    }
    let (code, out, _) = service.run(&["who", "--team", "web"]).await;
    assert_eq!(code, 0);
    assert!(out.lines().all(|line| line.chars().count() <= 80), "{out}");
    insta::assert_snapshot!("who", out);
    for (more, code, said) in [
        (&["--team", "wep"][..], 1, "did you mean `web`?"),
        (&["--kind", "pull_request.mergd"], 2, "did you mean `pull_request.merged`?"),
        (&["--repo", "a/b/c"], 2, "neither a repository"),
    ] {
        let (got, _, err) = service.run(&[&["who"], more].concat()).await;
        assert!(got == code && err.contains(said), "{more:?}: {got} {err}");
    }
}

//! What the files in `deploy/` and the guides say, and what the program does.

use microalign::console::PATHS;
use microalign::http::{INSIDE, OUTSIDE};

use crate::support::{SECRET, Service, commented, eventually, read_mail};

const CADDYFILE: &str = include_str!("../../deploy/Caddyfile");
const GUIDES: [(&str, &str); 2] = [
    ("deploy/README.md", include_str!("../../deploy/README.md")),
    ("docs/guides/operating.md", include_str!("../../docs/guides/operating.md")),
];
const TEAM: &str = "team = \"web\"\nto = [\"email:web@example.com\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"notes\"\non = [\"note.assumed\"]\n";

const UNIT: &str = include_str!("../../deploy/microalign.service");

/// The paths that Caddy passes on.
fn let_in() -> Vec<&'static str> {
    let matcher = CADDYFILE.lines().find_map(|line| line.trim().strip_prefix("@outside path ")).unwrap();
    matcher.split_whitespace().collect()
}

fn lets_in(path: &str) -> bool {
    let_in().iter().any(|pattern| pattern.strip_suffix('*').map_or(path == *pattern, |start| path.starts_with(start)))
}

/// Whether the service has a route for a path.
async fn is_served(service: &Service, path: &str) -> bool {
    let posted = path.starts_with("/webhooks/");
    let answer = if posted { service.request(path).send().await.unwrap() } else { service.get(path).await };
    !answer.text().await.unwrap().contains("there is nothing here")
}

#[tokio::test]
async fn the_proxy_lets_in_what_people_and_providers_ask_for() {
    let mut service = Service::new(TEAM, "");
    service.configure("server", "public_url = \"http://127.0.0.1:0\"\n");
    service.start().await;
    service.github_settled("issue_comment", "d-1", &commented("/assume ids are never reused")).await;
    let mails = eventually("the mail is there", async || Some(service.mails()).filter(|mails| !mails.is_empty())).await;
    let mail = read_mail(&mails[0]);
    let said = format!("{} {}", mail.header_raw("List-Unsubscribe").unwrap(), mail.body_text(0).unwrap());
    let start = format!("http://{}", service.address);
    let links = said.split(&start).skip(1);
    let links = links.map(|link| link.split(['>', ')']).next().unwrap().split_whitespace().next().unwrap());
    let mut seen = Vec::new();
    for path in links.chain(["/webhooks/github", "/webhooks/jira", "/webhooks/slack", "/healthz"]) {
        assert!(lets_in(path), "the Caddyfile leaves out {path}");
        assert!(is_served(&service, path).await, "{path}");
        seen.extend(OUTSIDE.iter().filter(|route| path.starts_with(**route)));
    }
    for route in OUTSIDE {
        assert!(seen.contains(&&route), "nothing here asks for {route}");
        for (name, guide) in GUIDES {
            assert!(guide.contains(&format!("`{route}`")), "{name} leaves out {route}");
        }
    }
    let patterns = OUTSIDE.map(|route| if route.ends_with('/') { format!("{route}*") } else { route.to_owned() });
    for pattern in let_in() {
        assert!(patterns.contains(&pattern.to_owned()), "the Caddyfile lets in {pattern}, which is no route");
    }
    for path in INSIDE.into_iter().chain(PATHS) {
        assert!(!lets_in(path) && is_served(&service, path).await, "{path} shows what happens inside");
    }
    assert!(!is_served(&service, "/nothing").await);
}

#[tokio::test]
async fn check_needs_no_running_unit() {
    // The configuration that the README shows, laid out as it says, where no service runs.
    let (_, after) = GUIDES[0].1.split_once("```toml\n").unwrap();
    let config = after.split("```").next().unwrap();
    let service = Service::new(TEAM, "");
    service.write("microalign.toml", config);
    std::fs::create_dir(service.path("secrets")).unwrap();
    std::fs::write(service.path("secrets/github"), SECRET).unwrap();
    let (code, out, err) = service.run(&["check"]).await;
    assert!(code == 0 && out.contains("fine"), "{out}{err}");
    // In the unit, the same path leads to a copy.
    let lines = || UNIT.lines().map(|line| line.trim_start_matches('#'));
    let bound = lines().find_map(|line| line.strip_prefix("BindReadOnlyPaths=%d:")).unwrap();
    assert_eq!(bound, "/etc/microalign/secrets");
    let credentials = lines().filter_map(|line| line.strip_prefix("LoadCredential=")).collect::<Vec<_>>();
    assert!(credentials.contains(&"github:/etc/microalign/secrets/github"), "{credentials:?}");
    for (name, file) in credentials.iter().map(|line| line.split_once(':').unwrap()) {
        assert_eq!(file, format!("{bound}/{name}"));
    }
}

//! Lists that GitHub's API cuts: what they may lack is not known.

use serde_json::{Value, json};

use crate::enrich::{Api, Pages, pages_of};
use crate::support::{Service, merged, states};

const RULES: &str = "
[[rule]]
name = \"it\"
on = [\"pull_request.merged\"]
IT

[[rule]]
name = \"all-but-it\"
on = [\"pull_request.merged\"]
not = { IT }
";

fn team(more: &str, condition: &str) -> String {
    let rules = RULES.replace("IT", condition);
    format!("team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n{more}\n{rules}")
}

/// Where this stands, nobody asks for the commits.
const KEY: &str = "For DATA-1";

/// The rules that told of it, and why no other did.
async fn told(service: &Service, number: u64, description: &str) -> (Vec<String>, String) {
    let mut body = merged(number);
    body["pull_request"]["body"] = json!(description);
    let lines = service.github_settled("pull_request", &format!("c-{number}"), &body).await;
    let sent = lines.iter().filter(|line| line["state"] == "sent");
    let rules = sent.map(|line| line["rule"].as_str().unwrap().to_owned()).collect();
    (rules, lines.iter().map(|line| line["reason"].as_str().unwrap()).collect::<Vec<_>>().join("\n"))
}

/// Files of a pull request, this one among them.
fn files(count: usize, one: &str) -> Vec<Value> {
    let name = |n: usize| if n == count / 2 { one.to_owned() } else { format!("docs/{n:05}.md") };
    (0..count).map(|n| json!({ "filename": name(n), "status": "modified" })).collect()
}

#[tokio::test]
async fn of_three_thousand_files_not_all_are_known() {
    let list = |number: u64| format!("/repos/acme/ingest-api/pulls/{number}/files");
    let mut pages = pages_of(&list(11), &files(3_000, "docs/x.md"));
    pages.extend(pages_of(&list(12), &files(3_000, "schemas/orders.json")));
    pages.extend(pages_of(&list(13), &files(2_999, "docs/x.md")));
    pages.extend(pages_of(&list(14), &files(2_999, "schemas/orders.json")));
    let api = Api::new(pages).await;
    let service = Service::started(&team("", "paths = [\"schemas/**\"]"), &api.github()).await;
    let (rules, because) = told(&service, 11, KEY).await;
    assert!(rules.is_empty(), "{rules:?}");
    assert_eq!(
        because,
        "no rule matched; not all was known: none of the known files matches, and not all files are known"
    );
    assert_eq!(told(&service, 12, KEY).await.0, ["it"]);
    assert_eq!(told(&service, 13, KEY).await.0, ["all-but-it"]);
    assert_eq!(told(&service, 14, KEY).await.0, ["it"]);
}

fn commits(count: usize, one: &str) -> Vec<Value> {
    let message = |n: usize| if n == count / 2 { one } else { "Mend it" };
    (0..count).map(|n| json!({ "sha": format!("{n:040x}"), "commit": { "message": message(n) } })).collect()
}

#[tokio::test]
async fn of_two_hundred_and_fifty_commits_not_all_are_known() {
    let list = |number: u64| format!("/repos/acme/ingest-api/pulls/{number}/commits");
    let mut pages = pages_of(&list(21), &commits(250, "Mend more"));
    pages.extend(pages_of(&list(22), &commits(250, "For DATA-9")));
    pages.extend(pages_of(&list(23), &commits(249, "Mend more")));
    pages.extend(pages_of(&list(24), &commits(249, "For DATA-9")));
    let api = Api::new(pages).await;
    let service = Service::started(&team("", "ticket = [\"DATA-*\"]"), &api.github()).await;
    for number in [21, 25] {
        // The commits of the second one nobody can tell.
        let (rules, because) = told(&service, number, "").await;
        assert!(rules.is_empty(), "{number}: {rules:?}");
        assert!(because.starts_with("no rule matched; not all was known: "), "{number}: {because}");
    }
    assert_eq!(told(&service, 22, "").await.0, ["it"]);
    // The same where no other rule could want it.
    let alone = team("", "ticket = [\"DATA-*\"]");
    let (alone, _) = alone.rsplit_once("[[rule]]").unwrap();
    let (_, because) = told(&Service::started(alone, &api.github()).await, 21, "").await;
    assert!(because.starts_with("no rule matched; not all was known: "), "{because}");
    assert_eq!(told(&service, 23, "").await.0, ["all-but-it"]);
    assert_eq!(told(&service, 24, "").await.0, ["it"]);
}

#[tokio::test]
async fn of_the_notes_in_as_many_commits_the_ledger_says_so() {
    let list = "/repos/acme/ingest-api/pulls/31/commits";
    let note = "Mend it\n\nMicroalign-Assumed: ids are stable";
    let api = Api::new(pages_of(list, &commits(250, note))).await;
    let rules = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"notes\"\non = [\"note.*\"]\n";
    let service = Service::started(rules, &api.github()).await;
    let lines = service.github_settled("pull_request", "n-1", &merged(31)).await;
    assert_eq!(states(&lines), ["suppressed", "sent"]);
    assert_eq!(lines[0]["reason"], "no rule matched; not all was known: GitHub lists only the first 250 commits");
}

#[tokio::test]
async fn in_a_cut_tree_there_may_be_more_owners() {
    let tree = |cut: bool| (200, json!({ "tree": [{ "path": "api/CODENOTIFY" }], "truncated": cut }));
    let pages = |cut: bool| {
        let mut pages = Pages::from([
            ("/repos/acme/ingest-api/contents/CODEOWNERS?ref=main", (200, json!("*.md @docs\n"))),
            ("/repos/acme/ingest-api/git/trees/main?recursive=1", tree(cut)),
            ("/repos/acme/ingest-api/contents/api/CODENOTIFY?ref=main", (200, json!("* @bo\n"))),
        ]);
        for (number, file) in [(41, "schemas/x.json"), (42, "api/x")] {
            pages.extend(pages_of(
                &format!("/repos/acme/ingest-api/pulls/{number}/files"),
                &[json!({ "filename": file, "status": "modified" })],
            ));
        }
        pages
    };
    for cut in [true, false] {
        let api = Api::new(pages(cut)).await;
        let rules = team("owns = \"codeowners\"\nmembers = [\"bo\"]", "touches_owned = true");
        let service = Service::started(&rules, &api.github()).await;
        let (rules, because) = told(&service, 41, KEY).await;
        if cut {
            assert!(rules.is_empty() && because.contains("not all are known"), "{rules:?} {because}");
        } else {
            assert_eq!(rules, ["all-but-it"], "{because}");
        }
        assert_eq!(told(&service, 42, KEY).await.0, ["it"]);
    }
}

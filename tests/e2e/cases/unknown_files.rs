//! What GitHub cut or did not send is not known, which is not the same as empty.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{play, serve, sibling, web};

const RULES: &str = "
[[rule]]
name = \"schemas\"
on = [\"push\"]
paths = [\"schemas/**\"]

[[rule]]
name = \"all-but-secret\"
on = [\"push\"]
not = { paths = [\"secret/**\"] }
";

/// A push that lists no commits; its head changes this file.
fn unlisted(number: u64, file: &str, how: Value) -> Post {
    let head = commit(number, "ana", &format!("Rebase {number}"), &[file]);
    push(&format!("b-{number}"), number, vec![]).with(json!({ "head_commit": head })).with(how)
}

fn listed(number: u64, commits: Vec<Value>) -> Post {
    push(&format!("b-{number}"), number, commits)
}

#[tokio::test]
async fn what_a_push_does_not_list_is_not_known() {
    let forced = json!({ "forced": true });
    let created = json!({ "created": true, "before": "0".repeat(40) });
    let no_lists = |number| {
        let mut commit = commit(number, "ana", "Mend", &[]);
        for list in ["added", "removed", "modified"] {
            commit.as_object_mut().unwrap().remove(list);
        }
        commit
    };
    let many = (0..2048).map(|n| commit(17_050_000 + n, "ana", "Mend", &["docs/a.md"])).collect();
    let files = (0..5000).map(|n| format!("docs/{n:05}.md")).chain(["schemas/z.json".to_owned()]);
    let files = files.collect::<Vec<_>>();
    let names = files.iter().map(String::as_str).collect::<Vec<_>>();
    let siblings = [
        sibling("forced", [unlisted(1701, "schemas/a.json", forced.clone())]),
        sibling("new-branch", [unlisted(1702, "schemas/a.json", created.clone())]),
        sibling("forced-secret", [unlisted(1703, "secret/key.pem", forced.clone())]),
        sibling("forced-other", [unlisted(1704, "docs/a.md", forced)]),
        sibling("no-lists", [listed(1705, vec![no_lists(1705)])]),
        sibling("as-many-as-are-listed", [listed(1706, many)]),
        sibling("new-branch-without-head", [unlisted(1707, "x", created).with(json!({ "head_commit": null }))]),
        sibling("all-in-the-body", [listed(1711, vec![commit(1711, "ana", "Codemod", &names)])]),
        sibling("known", [listed(1712, vec![commit(1712, "ana", "Mend", &["docs/a.md"])])]),
        sibling("known-schemas", [listed(1713, vec![commit(1713, "ana", "Mend", &["schemas/a.json"])])]),
        sibling("known-secret", [listed(1714, vec![commit(1714, "ana", "Mend", &["secret/key.pem"])])]),
    ];
    let mut told = play(&serve(&[web("0s", RULES)]).await, &siblings).await;
    let sent = |name: &str, rule: &str| {
        let lines = told.lines(&format!("{name}/0"));
        lines.iter().any(|line| line["rule"] == rule && line["state"] == "sent")
    };
    let mut wrong = Vec::new();
    for name in [
        "forced",
        "new-branch",
        "forced-secret",
        "forced-other",
        "no-lists",
        "as-many-as-are-listed",
        "new-branch-without-head",
    ] {
        if sent(name, "all-but-secret") {
            wrong.push(format!("{name}: what is not known, within `not`, does not hold it back"));
        }
        let reasons = told.reasons(&format!("{name}/0"));
        if !sent(name, "schemas") && !reasons.contains("not all was known") {
            wrong.push(format!("{name}: a plain miss: {reasons}"));
        }
    }
    for (name, schemas, rest) in [
        ("all-in-the-body", true, true),
        ("known", false, true),
        ("known-schemas", true, true),
        ("known-secret", false, false),
    ] {
        let (is, but) = (sent(name, "schemas"), sent(name, "all-but-secret"));
        if (is, but) != (schemas, rest) {
            wrong.push(format!("{name}: schemas {is}, all-but-secret {but}"));
        }
    }
    for wrong in wrong {
        told.unless(false, wrong);
    }
    told.finish();
}

/// Keys, labels and commits that stand in the body count however many they are.
#[tokio::test]
async fn what_is_all_in_the_body_is_used_whole() {
    let labels = (0..150).map(|n| format!("label-{n}")).collect::<Vec<_>>();
    let labels = labels.iter().map(String::as_str).collect::<Vec<_>>();
    let body = format!("{}\nbreaking 1722\n", "A line of it.\n".repeat(900));
    let rule = format!(
        "\n[[rule]]\nname = \"label\"\non = [\"pull_request.opened\"]\nlabels = [\"label-149\"]\n{}",
        "\n[[rule]]\nname = \"body\"\non = [\"pull_request.opened\"]\nbody = \"breaking 1722\"\n"
    );
    let siblings = [
        sibling("labels", [pull(1721, "opened", 5, json!({ "pull_request": { "labels": named(&labels) } }))])
            .messages(1, "schema 1721"),
        sibling("body", [pull(1722, "opened", 5, json!({ "pull_request": { "body": body } }))])
            .messages(1, "schema 1722"),
    ];
    play(&serve(&[web("0s", &rule)]).await, &siblings).await.finish();
}

/// A ticket's key may stand in a commit that the push doesn't list.
#[tokio::test]
async fn the_tickets_of_a_push_are_those_of_all_its_commits() {
    let rules = "
[[rule]]
name = \"data\"
on = [\"push\"]
ticket = [\"DATA-*\"]

[[rule]]
name = \"all-but-data\"
on = [\"push\"]
not = { ticket = [\"DATA-*\"] }
";
    let many = |number: u64, one: &str| {
        let message = move |n: u64| if n == 7 { one.to_owned() } else { "Mend".to_owned() };
        listed(number, (0..2048).map(|n| commit(number * 10_000 + n, "ana", &message(n), &["a"])).collect())
    };
    let one = |number: u64, message: &str| listed(number, vec![commit(number, "ana", message, &["a"])]);
    let siblings = [
        sibling("cut", [many(1731, "Mend")]).because(0, "not all was known"),
        sibling("cut-with-a-key", [many(1732, "For DATA-1732")]),
        sibling("forced", [unlisted(1733, "a", json!({ "forced": true }))]).because(0, "not all was known"),
        sibling("known", [one(1734, "Mend")]),
        sibling("known-with-a-key", [one(1735, "For DATA-1735")]),
    ];
    let mut told = play(&serve(&[web("0s", rules)]).await, &siblings).await;
    for (name, right) in [
        ("cut", &[][..]),
        ("cut-with-a-key", &["data"]),
        ("forced", &[]),
        ("known", &["all-but-data"]),
        ("known-with-a-key", &["data"]),
    ] {
        let lines = told.lines(&format!("{name}/0")).into_iter().filter(|line| line["state"] == "sent");
        let rules = lines.map(|line| line["rule"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        told.unless(rules == right, format!("{name}: {rules:?}, not {right:?}"));
    }
    told.finish();
}

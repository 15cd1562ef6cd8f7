//! What rules ask for, and whom a note is for.

use serde_json::json;

use super::payload::*;
use super::story::{on, play, serve, sibling, tell, web};

fn rule(name: &str, on: &str, more: &str) -> String {
    format!("\n[[rule]]\nname = \"{name}\"\non = [\"{on}\"]\n{more}\n")
}

#[tokio::test]
async fn a_rule_asks_for_branches() {
    let rules = [
        rule("ci", "workflow.failed", "branch = [\"main\"]"),
        rule("push", "push", "branch = [\"release/*\", \"!release/old\"]"),
        rule("deployed", "deployment.*", "branch = [\"main\"]"),
        rule("made", "branch.created", "branch = [\"feature/**\"]"),
        rule("released", "release.published", "branch = [\"v*\", \"main\"]"),
    ];
    let target = |name: &str| json!({ "release": { "target_commitish": name } });
    let to =
        |name: &'static str, number| push(name, number, vec![commit(number, "ana", &format!("Mend {number}"), &["x"])]);
    let siblings = [
        sibling("ci-on-main", [run("ci-1801", (18010, 1), "failure", "main")]).messages(1, "ci-1801"),
        sibling("ci-elsewhere", [run("ci-1802", (18020, 1), "failure", "topic")]).messages(0, "ci-1802"),
        sibling(
            "ci-of-a-forks-main",
            [run("ci-1803", (18030, 1), "failure", "main")
                .with(json!({ "workflow_run": { "head_repository": { "full_name": "eve/ingest-api" } } }))],
        )
        .messages(0, "ci-1803"),
        sibling("push", [to("release/2.0", 1804)]).messages(1, "Mend 1804"),
        sibling("push-excluded", [to("release/old", 1805)]).messages(0, "Mend 1805"),
        sibling("push-elsewhere", [to("main", 1806)]).messages(0, "Mend 1806"),
        sibling("deployment", [deployment(1807, 7, "success", "stage-1807")]).messages(1, "stage-1807"),
        sibling(
            "deployment-of-a-topic",
            [deployment(1808, 8, "success", "stage-1808").with(json!({ "deployment": { "ref": "topic" } }))],
        )
        .messages(0, "stage-1808"),
        sibling("branch", [branch("create", "feature/a/1809")]).messages(1, "feature/a/1809"),
        sibling("another-branch", [branch("create", "mend/1810")]).messages(0, "mend/1810"),
        sibling("release", [release(1811, "v1811", "published", target("main"))]).messages(1, "v1811"),
    ];
    tell(&[web("0s", &rules.concat())], &siblings).await;
}

#[tokio::test]
async fn a_rule_asks_who_did_it() {
    let rules = [
        rule("merged-by-li", "pull_request.merged", "actor = [\"li\"]"),
        rule("not-by-cy", "issue.closed", "actor = [\"!cy\"]"),
    ];
    let siblings = [
        sibling("li", [closed(1821, true, 5).by("li")]).messages(1, "schema 1821"),
        sibling("ana", [closed(1822, true, 5).by("ana")]).messages(0, "schema 1822"),
        sibling(
            "of-li-by-ana",
            [closed(1823, true, 5).with(json!({ "pull_request": { "user": user("li") } })).by("ana")],
        )
        .messages(0, "schema 1823"),
        sibling("excluded", [issue(1824, "closed", 5, json!({})).by("cy")]).messages(0, "Orders 1824"),
        sibling("not-excluded", [issue(1825, "closed", 5, json!({})).by("eve")]).messages(1, "Orders 1825"),
    ];
    tell(&[web("0s", &rules.concat())], &siblings).await;
}

fn team(name: &str, rules: &str) -> String {
    format!("team = \"{name}\"\nto = [\"email:{name}@example.com\"]\nsettle = \"0s\"\n{rules}")
}

#[tokio::test]
async fn a_note_is_for_the_teams_that_it_names() {
    let teams = [
        team("web", &on(&["note.*"])),
        team("api", &on(&["note.*"])),
        team("ops", &on(&["pull_request.merged"])),
        format!("{}audience = \"outside\"\n{}", team("partner", ""), on(&["pull_request.merged"])),
    ];
    let said = |number, words: &str| pull_comment(number, number, "created", words);
    let siblings = [
        sibling("one", [said(1831, "/assume @web fish 1831 swim")]),
        sibling("several", [said(1832, "/assume @web @ops fish 1832 swim")]),
        sibling("nobody", [said(1833, "/assume fish 1833 swim")]),
        sibling("a-person", [said(1834, "/assume @cy fish 1834 swim")]),
        sibling("whatever-their-rules", [said(1835, "/headsup @ops fish 1835 swim")]),
        sibling("later-in-the-words", [said(1836, "/decide fish 1836 swim with @web")]),
        sibling("capitals-and-a-comma", [said(1837, "/block @Web, @api: fish 1837 swim")]),
        sibling("in-jira", [jira_comment("DATA-1838", 1838, "comment_created", json!("/assume @web fish 1838 swim"))]),
        sibling("outside", [said(1839, "/headsup @partner fish 1839 swim")]),
        sibling(
            "outside-of-a-private-repository",
            [said(1840, "/headsup @partner fish 1840 swim")
                .of("acme/hush")
                .with(json!({ "repository": { "private": true }, "issue": { "title": "hush-1840" } }))],
        ),
    ];
    let mut told = play(&serve(&teams).await, &siblings).await;
    for (number, to) in [
        (1831, vec!["web"]),
        (1832, vec!["ops", "web"]),
        (1833, vec!["api", "web"]),
        (1834, vec!["api", "web"]),
        (1835, vec!["ops"]),
        (1836, vec!["api", "web"]),
        (1837, vec!["api", "web"]),
        (1838, vec!["web"]),
        (1839, vec!["partner"]),
        (1840, vec!["partner"]),
    ] {
        let found = told.with(&format!("fish {number} swim"));
        let mut heard = found.iter().map(|mail| mail.to.split('@').next().unwrap()).collect::<Vec<_>>();
        heard.sort_unstable();
        let (heard, right) = (format!("{heard:?}"), format!("{to:?}"));
        told.unless(heard == right, format!("{number} is for {right}, and {heard} heard of it"));
    }
    let texts =
        told.mails.iter().map(|mail| (mail.to.clone(), format!("{} {}", mail.subject, mail.text))).collect::<Vec<_>>();
    let named = texts.iter().find(|(_, text)| text.contains("@web fish"));
    told.unless(named.is_none(), format!("the names stand in the words: {named:?}"));
    let leaks = texts.iter().find(|(to, text)| to.starts_with("partner") && text.contains("hush-1840"));
    told.unless(leaks.is_none(), format!("readers outside see a title: {leaks:?}"));
    told.finish();
}

#[tokio::test]
async fn a_note_that_names_a_team_may_be_taken_back_and_edited() {
    let said = |number, action, words: &str| pull_comment(number, number, action, words);
    let edit = |from: &str| json!({ "changes": { "body": { "from": from } }, "comment": { "updated_at": time(11) } });
    let siblings = [
        sibling(
            "deleted",
            [said(1851, "created", "/assume @web hush-1851"), said(1851, "deleted", "/assume @web hush-1851")],
        )
        .never("hush-1851"),
        sibling(
            "edited",
            [
                said(1852, "created", "/assume @web hush-1852"),
                said(1852, "edited", "/assume @web fish-1852").with(edit("/assume @web hush-1852")),
            ],
        )
        .never("hush-1852")
        .messages(1, "fish-1852"),
        sibling(
            "twice",
            [said(1853, "created", "/assume @web fish-1853"), said(1853, "created", "/assume @web fish-1853")],
        )
        .messages(1, "fish-1853")
        .unsent(1)
        .because(1, "reported it already"),
    ];
    let waits = |name: &str, rules: &str| team(name, rules).replace("\"0s\"", "\"2s\"");
    let teams = [waits("web", &on(&["pull_request.merged"])), waits("api", &on(&["note.*"]))];
    tell(&teams, &siblings).await;
}

//! Pre-releases, and what becomes of them.

use serde_json::{Value, json};

use super::payload::*;
use super::story::{on, play, serve, sibling, tell, web};

fn pre(id: u64, tag: &str, action: &str) -> Post {
    release(id, tag, action, json!({ "release": { "prerelease": true } }))
}

fn promoted(id: u64, from: &str, tag: &str) -> [Post; 2] {
    let changes = json!({ "changes": { "tag_name": { "from": from }, "name": { "from": from } } });
    [release(id, tag, "edited", changes), release(id, tag, "released", json!({}))]
}

#[tokio::test]
async fn a_promotion_is_told_as_the_release_that_it_has_become() {
    let [edited, released] = promoted(1201, "1201-rc.1", "1201-final");
    let [same_edited, same_released] = promoted(1202, "v1202", "v1202");
    let siblings = [
        sibling("promoted", [pre(1201, "1201-rc.1", "published"), settled(), edited, settled(), released])
            .messages(1, "1201-final"),
        sibling("not-renamed", [pre(1202, "v1202", "published"), settled(), same_edited, same_released])
            .messages(2, "v1202"),
        sibling(
            "final-at-once",
            [release(1203, "v1203", "published", json!({})), release(1203, "v1203", "released", json!({}))],
        )
        .messages(1, "v1203"),
        sibling("pre-at-once", [pre(1204, "v1204-rc", "published"), pre(1204, "v1204-rc", "prereleased")])
            .messages(1, "v1204-rc"),
        sibling("never-seen-before", [release(1205, "v1205", "released", json!({}))]).messages(1, "v1205"),
        sibling("draft", [release(1206, "v1206", "created", json!({ "release": { "draft": true } }))])
            .messages(0, "v1206"),
    ];
    let service = serve(&[web("0s", &on(&["release.published"]))]).await;
    let mut told = play(&service, &siblings).await;
    let text = |word: &str| told.with(word).first().map(|mail| mail.text.clone()).unwrap_or_default();
    let (candidate, last) = (text("1201-rc.1"), text("1201-final"));
    let roots = told.mails.iter().filter(|mail| mail.has("1201-rc.1") || mail.has("1201-final"));
    let mut roots = roots.map(|mail| mail.root.clone()).collect::<Vec<_>>();
    roots.dedup();
    let says_pre = candidate.to_lowercase().contains("pre-release") || candidate.to_lowercase().contains("prerelease");
    told.unless(candidate.is_empty() || says_pre, format!("the pre-release is told as a release: {candidate}"));
    told.unless(!candidate.contains("how it works for you"), format!("it is asked for: {candidate}"));
    told.unless(!last.to_lowercase().contains("is a pre-release"), format!("the release is told as one: {last}"));
    told.unless(roots.len() <= 1, "the release is told in another conversation than its pre-release");
    let edit = told.states("promoted/2", "web").contains(&"sent");
    told.unless(!edit, "the edit is told");
    told.finish();
}

fn rule(name: &str, on: &str, more: &str) -> String {
    format!("\n[[rule]]\nname = \"{name}\"\non = [\"{on}\"]\n{more}\n")
}

#[tokio::test]
async fn a_rule_asks_for_final_releases_or_for_promotions_alone() {
    let [edited, released] = promoted(1211, "1211-rc.1", "1211-final");
    let pre_then_final = |name| sibling(name, [pre(1211, "1211-rc.1", "published"), edited.clone(), released.clone()]);
    let finals = rule("finals", "release.published", "prerelease = false");
    let at_once = sibling("final-at-once", [release(1212, "v1212", "published", json!({}))]).messages(1, "v1212");
    tell(
        &[web("0s", &finals)],
        &[pre_then_final("finals").messages(0, "1211-rc.1").messages(1, "1211-final"), at_once],
    )
    .await;

    let promotions = rule("promotions", "release.promoted", "");
    let at_once = sibling("final-at-once", [release(1212, "v1212", "published", json!({}))]).messages(0, "v1212");
    let siblings = [pre_then_final("promotions").messages(0, "1211-rc.1").messages(1, "1211-final"), at_once];
    tell(&[web("0s", &promotions)], &siblings).await;
}

#[tokio::test]
async fn a_promotion_while_the_pre_release_waits_is_one_message() {
    let [edited, released] = promoted(1221, "1221-rc.1", "1221-final");
    let back: Value = json!({ "release": { "prerelease": true } });
    let [_, again] = promoted(1222, "v1222", "v1222");
    let siblings = [
        sibling("promoted", [pre(1221, "1221-rc.1", "published"), edited, released])
            .messages(1, "1221-final")
            .messages(0, "1221-rc.1"),
        sibling("and-back", [pre(1222, "v1222", "published"), again, release(1222, "v1222", "edited", back)]).unsent(1),
    ];
    tell(&[web("10s", &on(&["release.published"]))], &siblings).await;
}

//! Releases, from draft to promotion and back.

use super::*;
use crate::event::{Outcome, Thing, Undoes, Undone};

fn release(action: &str, prerelease: bool) -> Value {
    let mut body = with(fixture!("release_published"), "/action", json!(action));
    body["release"]["id"] = json!(77);
    body["release"]["prerelease"] = json!(prerelease);
    body["release"]["target_commitish"] = json!("main");
    body
}

fn read(body: &Value) -> (Event, Thing) {
    let [event] = events("release", body).try_into().unwrap();
    let About::Thing(thing) = &event.about else { panic!("{event:?}") };
    let thing = thing.clone();
    (event, thing)
}

#[test]
fn a_promotion_is_not_the_pre_releases_publication() {
    let once = |action, prerelease| read(&release(action, prerelease)).0.once.unwrap();
    assert_eq!(once("published", false), once("released", false), "a final release sends both");
    assert_ne!(once("published", true), once("released", false), "what was a pre-release is news again");
    let again = with(release("published", false), "/release/published_at", json!("2024-06-02T10:00:00Z"));
    assert_ne!(read(&again).0.once.unwrap(), once("published", false), "published again");

    let (event, thing) = read(&release("published", true));
    assert_eq!((event.kind, event.subject.as_str()), (EventKind::ReleasePublished, "acme/ingest@v2.0"));
    assert_eq!((thing.title.as_str(), thing.tag.as_deref(), thing.id.as_deref()), ("Two", Some("v2.0"), Some("77")));
    assert_eq!((thing.prerelease, thing.branch.as_deref()), (Some(true), Some("main")));
    let (event, thing) = read(&release("released", false));
    assert_eq!((event.kind, thing.prerelease), (EventKind::ReleasePromoted, Some(false)));
    let commit = with(release("published", false), "/release/target_commitish", json!("a".repeat(40)));
    assert_eq!(read(&commit).1.branch, None, "a commit isn't a branch");
    let unnamed = with(release("published", false), "/release/name", json!(null));
    assert_eq!(read(&unnamed).1.title, "v2.0");
}

#[test]
fn a_release_is_taken_back_by_its_name() {
    for prerelease in [true, false] {
        let once = read(&release("published", prerelease)).0.once.unwrap();
        for (action, undone, outcome, because) in [
            ("deleted", Undone::Deleted, Outcome::Deleted, "the release was deleted"),
            ("unpublished", Undone::Unpublished, Outcome::Unpublished, "the release is a draft again"),
        ] {
            let (event, thing) = read(&release(action, prerelease));
            let undoing = event.undoing.unwrap();
            assert_eq!(undoing.of, Undoes::Occurrence(once.clone(), undone), "{action}");
            assert_eq!((undoing.because.as_str(), event.kind), (because, EventKind::ReleasePublished));
            assert_eq!((thing.outcome, thing.body_summary), (Some(outcome), None));
        }
    }
    let draft = with(release("unpublished", false), "/release/published_at", json!(null));
    let (event, _) = read(&with(draft, "/release/draft", json!(true)));
    assert_eq!(event.undoing.unwrap().of, Undoes::Subject(Undone::Unpublished), "a draft has no such time");
    for action in ["edited", "deleted"] {
        let draft = with(release(action, false), "/release/draft", json!(true));
        assert_eq!(ignored("release", &draft), "the release is a draft, which nobody has heard of");
    }
    let reason = "a pre-release is reported as `release.published`, which comes with this";
    assert_eq!(ignored("release", &release("prereleased", true)), reason);
}

#[test]
fn an_edit_does_not_tell_of_the_promotion() {
    let mut body = release("edited", false);
    body["changes"] = json!({"tag_name": {"from": "v2.0-rc1"}, "name": {"from": "rc"}});
    let (event, thing) = read(&body);
    assert_eq!((event.undoing.unwrap().of, thing.prerelease), (Undoes::Nothing, None));
    assert_eq!((thing.title.as_str(), thing.body_summary.as_deref()), ("Two", Some("Ids at last (DATA-123).")));
    let renamed = event.renamed.unwrap();
    assert_eq!((renamed.from.as_str(), renamed.to.as_str()), ("acme/ingest@v2.0-rc1", "acme/ingest@v2.0"));
    let words = with(body, "/changes", json!({"body": {"from": "x"}}));
    assert_eq!(read(&words).0.renamed, None);
}

#[test]
fn a_list_of_tickets_is_nobodys_ticket() {
    let list: String = (1..40).map(|n| format!("- DATA-{n}: x\n")).collect();
    let listed = |event: &Event| (tickets(event).join(" "), event.listed.len());
    let release = with(release("published", false), "/release/body", json!(list));
    assert_eq!(listed(&read(&release).0), (String::new(), 39));
    let mut pull = fixture!("pull_request_opened");
    pull["pull_request"]["body"] = json!(list);
    assert_eq!(listed(&events("pull_request", &pull)[0]), ("DATA-123 OPS-7".to_owned(), 39));
    pull["pull_request"]["head"]["ref"] = json!("develop");
    pull["pull_request"]["title"] = json!("Release");
    assert_eq!(listed(&events("pull_request", &pull)[0]), (String::new(), 39));
    let issue = with(fixture!("issues_opened"), "/issue/body", json!(list));
    assert_eq!(listed(&events("issues", &issue)[0]), (String::new(), 39));
    let discussion = with(fixture!("discussion"), "/discussion/body", json!(list));
    assert_eq!(listed(&events("discussion", &discussion)[0]), ("DATA-9".to_owned(), 38));
    let commits = (1..40).map(|n| json!({"message": format!("DATA-{n}: x")})).collect::<Vec<_>>();
    let push = with(with(fixture!("push"), "/commits", json!(commits)), "/head_commit/message", json!("DATA-39: x"));
    assert_eq!(listed(&events("push", &push)[0]), (String::new(), 39));

    for quote in ["<details>\n\n", "<blockquote>", "> ", "<pre>\n", "```\n"] {
        let quoted = with(fixture!("issues_opened"), "/issue/body", json!(format!("{quote}DATA-8\n/assume x")));
        let [event] = events("issues", &quoted).try_into().unwrap();
        assert_eq!(tickets(&event), [""; 0], "{quote}");
    }
}

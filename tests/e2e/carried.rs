//! What people answer to our messages is a comment where the message is about, edited as they edit.

mod restricted;
mod world;

use serde_json::{Value, json};

use self::world::*;
use crate::replies::reply;
use crate::support::{commented, eventually, merged, ticket};

#[tokio::test]
async fn what_is_answered_in_slack_is_one_comment_that_follows_its_writer() {
    let mut world = World::merged(&team("answers = true")).await;
    let post = world.posts.lock().unwrap()[0].to_string();
    assert!(post.contains("What you answer becomes a comment there"), "readers are told: {post}");
    let words = "@everyone *see* <https://x.example|this> &amp; closes #12 or DATA-9\n/assume x\n```\n# big\n```";
    for _ in 0..2 {
        assert_eq!(world.slack(&reply("U2", ONE, words)).await, "accepted");
    }
    world.pages.say(&["answered in Slack"]).await;
    let (page, said) = world.pages.said().remove(0);
    assert_eq!(page, "/repos/acme/ingest-api/issues/7/comments");
    let j = '\u{2060}';
    let head =
        format!("<!-- microalign -->\n**Bo @{j}here Li** ({j}`bo-li`\\) answered in Slack:{j}\n\n> @{j}everyone ");
    assert!(said.starts_with(&head), "{said}");
    for part in [
        &*format!("closes \\#{j}12"),
        "\n> /assume x\n",
        "\n> \\`",
        "<sub>It answers a message from microalign to web.",
    ] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    assert!(!said.contains("](") && !said.contains("https://"), "nothing in it is a link: {said}");

    // It comes back as a webhook, and nothing answers to it.
    assert_eq!(world.service.github("issue_comment", "back", &commented(&said)).await.body["status"], "ignored");
    assert_eq!(world.slack(&reply("U1", TWO, "Nor do I.")).await, "accepted");
    world.pages.say(&["this", "Nor do I."]).await;
    let page = world.service.get("/conversations/acme%2Fingest-api%237").await.text().await.unwrap();
    assert!(page.contains("Nor do I.") && page.contains("carries what Ana answered"), "{page}");

    world.crash().await;
    assert_eq!(world.slack(&edited("U2", ONE, "Better so", "1700000010.000000")).await, "accepted");
    world.pages.say(&["Better so", "Nor do I."]).await;
    for late in [edited("U2", ONE, "Between", "1700000005.000000"), edited("U2", ONE, "Better so", "1700000011.000000")]
    {
        assert_eq!(world.slack(&late).await, "accepted", "{late}");
    }
    assert_eq!(world.slack(&deleted("U1", TWO)).await, "accepted");
    world.pages.say(&["Better so", "What **Ana** answered in Slack was deleted."]).await;
    for late in [reply("U1", TWO, "Nor do I."), edited("U1", TWO, "Oh", "1700000012.000000"), deleted("U1", TWO)] {
        world.slack(&late).await;
    }
    let lines = world.service.idle().await;
    world.pages.say(&["Better so", "was deleted"]).await;
    assert_eq!(world.pages.count(), 4, "two comments, each changed once");
    assert!(reasons(&lines).contains(&"carries what Ana answered".to_owned()), "{lines:?}");
    assert_eq!(world.posts.lock().unwrap().len(), 1, "nobody in Slack is told what they said");

    // Whoever looks after the page deleted it: it stays away.
    world.pages.comments.lock().unwrap().remove(&100);
    assert_eq!(world.slack(&edited("U2", ONE, "Once more", "1700000020.000000")).await, "accepted");
    let failed = async || {
        let lines = world.service.ledger().await;
        lines.iter().any(|line| line["reason"].as_str().unwrap().contains("somebody deleted the comment")).then_some(())
    };
    eventually("the edit has nowhere to go", failed).await;
    world.pages.say(&["was deleted"]).await;
    assert_eq!(world.pages.count(), 5);
}

/// Who writes.
struct Writer {
    who: &'static str,
    user: &'static str,
    /// What the event says beside the member's id
    event: fn(&mut Value),
    /// What the message in it says
    message: fn(&mut Value),
    /// Whether they are of the company, or else a person at all
    belongs: Option<bool>,
}

const INSIDE: Option<bool> = Some(true);
const OUTSIDE: Option<bool> = Some(false);

fn writers() -> [Writer; 14] {
    let writer = |who, user, belongs| Writer { who, user, event: |_| {}, message: |_| {}, belongs };
    let elsewhere: fn(&mut Value) = |event| {
        event["team_id"] = json!("T2");
        event["enterprise_id"] = json!("E2");
    };
    [
        writer("a member", "U2", INSIDE),
        writer("another", "U1", INSIDE),
        // In a shared channel, Slack may tell of it in the name of either workspace.
        Writer { event: elsewhere, ..writer("a member, by the other workspace", "U2", INSIDE) },
        writer("a guest", "U4", OUTSIDE),
        Writer { event: elsewhere, ..writer("a guest, by another workspace", "U4", OUTSIDE) },
        writer("a stranger by their profile", "U5", OUTSIDE),
        Writer { event: elsewhere, ..writer("a stranger, by their own workspace", "U5", OUTSIDE) },
        Writer {
            message: |said| said["user_team"] = json!("T2"),
            ..writer("a stranger by the message", "U2", OUTSIDE)
        },
        Writer {
            message: |said| said["source_team"] = json!("T2"),
            ..writer("a stranger by its source", "U2", OUTSIDE)
        },
        writer("a stranger as Slack says it", "U8", OUTSIDE),
        writer("somebody of no workspace", "U10", OUTSIDE),
        writer("somebody unknown", "U9", OUTSIDE),
        Writer { message: |said| said["bot_id"] = json!("T2"), ..writer("a bot by the event", "U2", None) },
        writer("a bot by its profile", "U7", None),
    ]
}

#[tokio::test]
async fn who_is_carried() {
    for everybody in [false, true] {
        let keys = if everybody { "answers = true\nanswers_outside = true" } else { "answers = true" };
        let world = World::merged(&team(keys)).await;
        let (mut carried, mut withheld) = (Vec::new(), 0);
        for (at, Writer { who, user, event, message, belongs }) in writers().into_iter().enumerate() {
            let ts = format!("17000001{at:02}.000000");
            let mut events =
                [reply(user, &ts, &format!("w{at}x")), edited(user, &ts, &format!("e{at}x"), "1700000500.000000")];
            events.iter_mut().for_each(event);
            message(&mut events[0]["event"]);
            message(&mut events[1]["event"]["message"]);
            let status = world.slack(&events[0]).await;
            assert_eq!(status, if belongs.is_none() { "ignored" } else { "accepted" }, "{who}");
            let goes = belongs.is_some_and(|inside| inside || everybody);
            let of = async || (world.pages.said().len(), world.withheld().await);
            let expected = (carried.len() + usize::from(goes), withheld + usize::from(!goes && belongs.is_some()));
            eventually(&format!("{who} writes, {keys}"), async || (of().await == expected).then_some(())).await;
            withheld = expected.1;
            world.slack(&events[1]).await;
            if goes {
                carried.push(format!("e{at}x"));
            }
        }
        let words = carried.iter().map(String::as_str).collect::<Vec<_>>();
        world.pages.say(&words).await;
        assert_eq!(world.withheld().await, if everybody { 0 } else { 9 }, "the ledger says why");
        for (at, Writer { user, event, message, .. }) in writers().into_iter().enumerate() {
            let mut gone = deleted(user, &format!("17000001{at:02}.000000"));
            event(&mut gone);
            message(&mut gone["event"]["previous_message"]);
            world.slack(&gone).await;
        }
        world.pages.say(&vec!["was deleted"; words.len()]).await;
    }
}

/// Whether answers are carried or not, who may object in a thread is the same: those who may press the button, and others only
/// where everybody's answers are wanted.
#[tokio::test]
async fn who_may_object_in_a_thread() {
    for keys in ["", "answers = true", "answers = true\nanswers_outside = true"] {
        let world = World::with(&team(keys), "comment = true", "").await;
        let (mut heard, mut unheard) = (Vec::new(), Vec::new());
        for (at, Writer { user, event, message, belongs, .. }) in writers().into_iter().enumerate() {
            // Each objects to an assumption of their own, since only a few objections to one are taken.
            let mut assumed = commented(&format!("/assume ids are unique, {at}"));
            assumed["comment"]["id"] = json!(7001 + at);
            world.service.github_settled("issue_comment", &format!("d-{at}"), &assumed).await;
            let mut said = reply(user, &now(at), &format!("o{at}x"));
            event(&mut said);
            message(&mut said["event"]);
            world.slack(&said).await;
            let counts = belongs.is_some_and(|inside| inside || keys.contains("outside"));
            if counts { &mut heard } else { &mut unheard }.push(format!("o{at}x"));
        }
        world.pages.say(&heard.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let lines = world.service.idle().await;
        let objected = reasons(&lines).iter().filter(|reason| reason.contains("objected in Slack")).count();
        assert_eq!((objected, world.pages.count()), (heard.len(), heard.len()), "{keys}: {lines:?}");
        let page = world.service.get("/conversations/acme%2Fingest-api%237").await.text().await.unwrap();
        let shown = |words: &String| page.contains(words);
        assert!(heard.iter().all(shown) && !unheard.iter().any(shown), "{keys}: {page}");
    }
}

#[tokio::test]
async fn the_workspaces_of_one_organisation_belong_together() {
    let world = World::merged(&team("answers = true")).await;
    let mut event = reply("U6", ONE, "From a sister.");
    event["enterprise_id"] = json!("E1");
    event["event"]["user_team"] = json!("T3");
    assert_eq!(world.slack(&event).await, "accepted");
    world.pages.say(&["From a sister."]).await;
}

#[tokio::test]
async fn nothing_is_carried_that_was_not_promised() {
    for (keys, promised) in [
        ("", false),
        ("answers = false", false),
        ("answers = true", true),
        ("audience = \"outside\"\nanswers = true\nanswers_outside = true", true),
    ] {
        let world = World::new(&team(keys)).await;
        world.service.github_settled("pull_request", "d-1", &merged(7)).await;
        let post = world.posts.lock().unwrap()[0].to_string();
        assert_eq!(post.contains("becomes a comment"), promised, "{keys}: {post}");
        let status = world.slack(&reply("U2", ONE, "Words.")).await;
        assert_eq!(status, if promised { "accepted" } else { "ignored" }, "{keys}");
        if promised {
            world.pages.say(&["Words."]).await;
        }
        world.service.idle().await;
        assert_eq!(world.pages.count(), usize::from(promised), "{keys}");
    }
    // A default for all teams isn't meant for those whose readers are outside.
    let world = World::with(&team("audience = \"outside\""), "", "answers = true\n").await;
    world.service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(world.slack(&reply("U2", ONE, "Words.")).await, "ignored");
}

#[tokio::test]
async fn an_answer_survives_what_goes_wrong() {
    let mut world = World::merged(&team("answers = true")).await;
    // What comes in the wrong order: an edit or the end of what was not heard of yet.
    world.slack(&edited("U2", "1700000011.000000", "Edited first", "1700000030.000000")).await;
    world.slack(&deleted("U2", "1700000012.000000")).await;
    for ts in ["1700000011.000000", "1700000012.000000"] {
        world.slack(&reply("U2", ts, "As it was")).await;
    }
    world.pages.say(&["Edited first"]).await;
    world.service.idle().await;
    assert_eq!(world.pages.count(), 1);

    // GitHub is down when it is written, edited, and when the service is killed.
    world.pages.refuse(503);
    assert_eq!(world.slack(&reply("U2", ONE, "While it is down")).await, "accepted");
    eventually("it was tried", async || (world.pages.count() == 2).then_some(())).await;
    assert_eq!(world.slack(&edited("U2", ONE, "The latest words", "1700000040.000000")).await, "accepted");
    world.crash().await;
    world.pages.say(&["Edited first", "The latest words"]).await;

    // What is taken back before anybody can have read it is never written.
    world.pages.refuse(503);
    let before = world.pages.count();
    assert_eq!(world.slack(&reply("U2", TWO, "Never mind")).await, "accepted");
    eventually("it was tried", async || (world.pages.count() == before + 1).then_some(())).await;
    assert_eq!(world.slack(&deleted("U2", TWO)).await, "accepted");
    let taken_back = async || {
        let lines = world.service.ledger().await;
        lines
            .iter()
            .any(|line| line["reason"].as_str().unwrap().starts_with("its author took the words back"))
            .then_some(())
    };
    eventually("it is taken back", taken_back).await;
    world.service.idle().await;
    assert_eq!(world.pages.count(), before + 1);
    world.pages.say(&["Edited first", "The latest words"]).await;

    // Slack doesn't say who it is: it is asked to bring it again.
    assert!(world.slack(&reply("U3", "1700000060.000000", "Who am I?")).await.contains("try again"));
}

#[tokio::test]
async fn an_objection_is_one_comment_too() {
    let world = World::with(&team("answers = true"), "comment = true", "").await;
    world.service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
    assert_eq!(world.slack(&reply("U2", ONE, "They are not.")).await, "accepted");
    world.pages.say(&["objected to your assumption"]).await;
    let lines = world.service.idle().await;
    assert!(reasons(&lines).iter().any(|reason| reason.contains("objected in Slack")), "{lines:?}");
    let said = world.pages.said().remove(0).1;
    assert!(said.contains("@ana\n") && said.contains("> They are not."), "{said}");
    world.slack(&edited("U2", ONE, "They are not at all.", "1700000040.000000")).await;
    world.pages.say(&["not at all."]).await;
    world.slack(&deleted("U2", ONE)).await;
    world.pages.say(&["was deleted"]).await;
    world.service.idle().await;
    assert_eq!(world.pages.count(), 3, "one comment, changed twice");
}

/// What somebody answers is the newest message above, whatever was assumed before it.
#[tokio::test]
async fn thanks_for_a_merge_are_no_objection() {
    for (keys, status) in [("", "ignored"), ("answers = true", "accepted")] {
        let world = World::with(&team(keys), "comment = true", "").await;
        world.service.jira_settled("j-1", &ticket("In Progress", "indeterminate", json!([]))).await;
        world.service.github_settled("pull_request", "d-0", &merged(7)).await;
        world.service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
        world.service.github_settled("pull_request", "d-2", &merged(8)).await;
        let posts = world.posts.lock().unwrap().clone();
        assert!(posts.iter().skip(1).all(|post| post["thread_ts"] == ROOT), "all are told in one thread: {posts:?}");
        assert_eq!(world.slack(&reply("U2", &now(0), "thanks")).await, status, "{keys}");
        world.pages.say(if status == "accepted" { &["thanks"] } else { &[] }).await;
        let lines = world.service.idle().await;
        assert!(!reasons(&lines).iter().any(|reason| reason.contains("objected")), "{lines:?}");
        let pages = world.pages.said().into_iter().map(|(page, _)| page).collect::<Vec<_>>();
        assert!(pages.iter().all(|page| page.ends_with("/issues/8/comments")), "{keys}: {pages:?}");
        assert_eq!(pages.len(), usize::from(status == "accepted"));
    }
}

/// The author is known by their mail address in Slack, as where they press the button.
#[tokio::test]
async fn an_author_does_not_object_to_their_own_assumption() {
    let world = World::with(&team(""), "comment = true", "").await;
    world.service.github_settled("issue_comment", "d-1", &commented("/assume ids are unique")).await;
    assert_eq!(world.slack(&reply("U11", &now(0), "I mean those of orders.")).await, "ignored");
    assert_eq!(world.slack(&reply("U1", &now(1), "They are not.")).await, "accepted");
    world.pages.say(&["Ana (web) objected to your assumption"]).await;
}

/// The newest message above what somebody writes is what they answer: a thread may tell of several pull requests.
#[tokio::test]
async fn an_answer_goes_to_what_was_said_last() {
    let world = World::new(&team("answers = true")).await;
    world.service.jira_settled("j-1", &ticket("In Progress", "indeterminate", json!([]))).await;
    world.service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(world.slack(&reply("U2", &now(0), "About seven")).await, "accepted");
    world.pages.say(&["About seven"]).await;
    world.service.github_settled("pull_request", "d-2", &merged(8)).await;
    let posts = world.posts.lock().unwrap().clone();
    assert_eq!(posts.last().unwrap()["thread_ts"], ROOT, "both are told in one thread: {posts:?}");
    assert_eq!(world.slack(&reply("U2", &now(1), "About eight")).await, "accepted");
    world.pages.say(&["About seven", "About eight"]).await;
    let pages = world.pages.said().into_iter().map(|(page, _)| page).collect::<Vec<_>>();
    assert!(pages[0].ends_with("/issues/7/comments") && pages[1].ends_with("/issues/8/comments"), "{pages:?}");
}

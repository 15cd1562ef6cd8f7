//! What people answer to our messages is a comment where the message is about, edited as they edit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::Method;

use crate::replies::{SIGNING, reply};
use crate::support::{Service, commented, eventually, merged, states, ticket};

/// Pages that take comments: GitHub and Jira, which name them in the same way.
#[derive(Clone, Default)]
struct Pages {
    comments: Arc<Mutex<BTreeMap<u64, (String, Value)>>>,
    requests: Arc<Mutex<Vec<(Method, String)>>>,
    /// What is answered next, instead of doing it
    refusals: Arc<Mutex<Vec<(u16, Value)>>>,
}

impl Pages {
    async fn serve(&self) -> String {
        let pages = self.clone();
        let route = warp::method().and(warp::path::full()).and(warp::body::bytes()).map(
            move |method: Method, path: warp::path::FullPath, body: bytes::Bytes| {
                let body = serde_json::from_slice(&body).unwrap_or_default();
                let (status, answer) = pages.take(&method, path.as_str(), body);
                warp::http::Response::builder().status(status).body(answer.to_string())
            },
        );
        let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", socket.local_addr().unwrap());
        tokio::spawn(warp::serve(route).incoming(socket).run());
        url
    }

    fn take(&self, method: &Method, path: &str, body: Value) -> (u16, Value) {
        self.requests.lock().unwrap().push((method.clone(), path.to_owned()));
        if let Some(refusal) = self.refusals.lock().unwrap().pop() {
            return refusal;
        }
        let mut comments = self.comments.lock().unwrap();
        let known = path.rsplit('/').next().and_then(|id| id.parse::<u64>().ok());
        let (id, page) = match (method.as_str(), known) {
            ("POST", _) => (comments.len() as u64 + 100, path.to_owned()),
            (_, Some(id)) if comments.contains_key(&id) => (id, comments[&id].0.clone()),
            _ => return (404, json!({ "message": "Not Found" })),
        };
        comments.insert(id, (page, body));
        let id = if path.contains("/rest/") { json!(id.to_string()) } else { json!(id) };
        (if method == Method::POST { 201 } else { 200 }, json!({ "id": id }))
    }

    fn refuse(&self, status: u16) {
        self.refusals.lock().unwrap().push((status, json!({ "message": "no" })));
    }

    /// The comments, each with its page.
    fn said(&self) -> Vec<(String, String)> {
        let comments = self.comments.lock().unwrap();
        comments.values().map(|(page, body)| (page.clone(), body["body"].as_str().unwrap().to_owned())).collect()
    }

    /// How many comments were written or changed, or would have been.
    fn count(&self) -> usize {
        self.requests.lock().unwrap().iter().filter(|(method, _)| *method != Method::GET).count()
    }

    /// Waits until the comments are so, from what can be read in each.
    async fn say(&self, expected: &[&str]) {
        eventually(&format!("the comments say {expected:?}"), async || {
            let said = self.said();
            let fits =
                said.len() == expected.len() && said.iter().zip(expected).all(|((_, body), part)| body.contains(part));
            fits.then_some(())
        })
        .await;
    }
}

/// Slack: each message is another one, and its members are known.
async fn slack(posts: Arc<Mutex<Vec<Value>>>) -> String {
    let post = warp::path!("chat.postMessage").and(warp::body::json()).map(move |body: Value| {
        let mut posts = posts.lock().unwrap();
        posts.push(body.clone());
        let ts = format!("1700000001.{:06}", posts.len() * 100);
        let message = json!({ "thread_ts": body["thread_ts"] });
        json!({ "ok": true, "channel": "C1", "ts": ts, "message": message }).to_string()
    });
    let users = warp::path!("users.info").and(warp::query::raw()).then(async |query: String| {
        let named = |name: &str, more: Value| {
            let mut user = json!({ "id": "U", "team_id": "T1", "profile": { "display_name": name } });
            user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({ "ok": true, "user": user }).to_string()
        };
        match query.trim_start_matches("user=") {
            "U1" => named("Ana", json!({})),
            "U2" => named("Bo @here Li", json!({})),
            "U3" => std::future::pending().await,
            "U4" => named("Gus", json!({ "is_restricted": true })),
            "U5" => named("Stan", json!({ "team_id": "T2" })),
            "U6" => named("Sis", json!({ "team_id": "T3", "enterprise_user": { "enterprise_id": "E1" } })),
            "U7" => named("Robo", json!({ "is_bot": true })),
            "U8" => named("Visit", json!({ "is_stranger": true })),
            "U11" => named("Ana", json!({ "profile": { "display_name": "Ana Silva", "email": "ana@example.com" } })),
            "U10" => named("Nowhere", json!({ "team_id": null })),
            _ => json!({ "ok": false, "error": "user_not_found" }).to_string(),
        }
    });
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let own =
        warp::path!("auth.test").map(|| json!({ "ok": true, "team_id": "T1", "enterprise_id": "E1" }).to_string());
    tokio::spawn(warp::serve(post.or(users).or(own)).incoming(socket).run());
    url
}

fn team(keys: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"slack:#web\"]\nsettle = \"0s\"\n{keys}\n\
         [[rule]]\nname = \"all\"\non = [\"pull_request.*\", \"note.*\", \"ticket.*\"]\n"
    )
}

struct World {
    pages: Pages,
    service: Service,
    posts: Arc<Mutex<Vec<Value>>>,
}

impl World {
    async fn new(team: &str) -> Self {
        Self::with(team, "", "").await
    }

    /// With more keys below `[github]`, and defaults for all teams.
    async fn with(team: &str, github: &str, defaults: &str) -> Self {
        let (pages, posts) = (Pages::default(), Arc::<Mutex<Vec<Value>>>::default());
        let (url, slack) = (pages.serve().await, slack(Arc::clone(&posts)).await);
        let config = format!(
            "token = \"hunter2\"\napi_url = \"{url}\"\n{github}\n\
             [slack]\ntoken = \"xoxb-1\"\napi_url = \"{slack}\"\nsigning_secret = \"{SIGNING}\"\n[people.bo-li]\nslack = \"U2\"\n\
             [people.ana]\nemail = \"ana@example.com\"\n"
        );
        let mut service = Service::new(team, &config).expecting(&["cannot take in an answer", "cannot be sent"]);
        service.write("rules/_defaults.toml", defaults);
        service.configure("server", "console = true\n");
        service.configure("jira", &format!("base_url = \"{url}\"\ntoken = \"hunter2\"\n"));
        service.start().await;
        Self { pages, service, posts }
    }

    async fn merged(team: &str) -> Self {
        let world = Self::new(team).await;
        let lines = world.service.github_settled("pull_request", "d-1", &merged(7)).await;
        assert_eq!(states(&lines), ["sent"], "{lines:?}");
        world
    }

    async fn slack(&self, event: &Value) -> String {
        let answer = crate::replies::event(&self.service, event, SIGNING).await;
        answer.body["status"].as_str().or(answer.body["error"].as_str()).unwrap_or_default().to_owned()
    }

    /// How many answers weren't carried since they came from outside.
    async fn withheld(&self) -> usize {
        reasons(&self.service.ledger().await).iter().filter(|reason| reason.contains("from outside")).count()
    }

    /// Restarts after a crash.
    async fn crash(&mut self) {
        self.service.kill().await;
        self.service.start().await;
    }
}

const ROOT: &str = "1700000001.000100";

fn edited(user: &str, ts: &str, text: &str, at: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{at}"),
        "event": {
            "type": "message", "subtype": "message_changed", "hidden": true, "channel": "C1", "ts": at,
            "message": {
                "type": "message", "user": user, "text": text, "ts": ts, "thread_ts": ROOT,
                "edited": { "user": user, "ts": at },
            },
            "previous_message": { "type": "message", "user": user, "text": "before", "ts": ts, "thread_ts": ROOT },
        },
    })
}

fn deleted(user: &str, ts: &str) -> Value {
    json!({
        "type": "event_callback", "team_id": "T1", "event_id": format!("Ev{ts}gone"),
        "event": {
            "type": "message", "subtype": "message_deleted", "hidden": true, "channel": "C1", "ts": "1700000099.000000",
            "deleted_ts": ts,
            "previous_message": { "type": "message", "user": user, "text": "before", "ts": ts, "thread_ts": ROOT },
        },
    })
}

const ONE: &str = "1700000002.000200";
/// The time in a moment, as Slack writes it, with a number.
fn now(number: usize) -> String {
    format!("{}.{number:06}", jiff::Timestamp::now().as_second() + 1)
}

const TWO: &str = "1700000003.000300";

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

fn reasons(lines: &[Value]) -> Vec<String> {
    let of_rule = lines.iter().filter(|line| line["rule"] == "all");
    of_rule.map(|line| line["reason"].as_str().unwrap().to_owned()).collect()
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

fn restricted() -> Value {
    let mut body = ticket(
        "In Progress",
        "indeterminate",
        json!([{ "field": "security", "fieldId": "security", "toString": "Restricted" }]),
    );
    body["issue"]["fields"]["security"] = json!({ "id": "10100", "name": "Restricted" });
    body["timestamp"] = json!(1_767_000_900_000_i64);
    body["issue"]["fields"]["updated"] = json!("2025-12-29T09:35:00.000+0000");
    body
}

fn started() -> Value {
    let change = json!([{ "field": "status", "fieldId": "status", "from": "1", "fromString": "To Do", "to": "3", "toString": "In Progress" }]);
    ticket("In Progress", "indeterminate", change)
}

#[tokio::test]
async fn an_answer_about_a_ticket_goes_into_jira_and_stays_inside() {
    let world = World::new(&team("answers = true")).await;
    world.service.jira_settled("j-1", &started()).await;
    assert_eq!(world.slack(&reply("U2", ONE, "[~admin] {color:red}x{color}")).await, "accepted");
    world.pages.say(&["answered in Slack"]).await;
    let (page, said) = world.pages.said().remove(0);
    assert_eq!(page, "/rest/api/2/issue/DATA-123/comment");
    assert!(said.ends_with("— microalign") && !said.contains("[~admin]") && !said.contains("{color:red}x"), "{said}");
    let internal = json!([{ "key": "sd.public.comment", "value": { "internal": true } }]);
    assert_eq!(world.pages.comments.lock().unwrap()[&100].1["properties"], internal);
    // Restricted or not, whoever reads the ticket reads what is written on it.
    world.service.jira_settled("j-2", &restricted()).await;
    world.slack(&edited("U2", ONE, "Plain words", "1700000040.000000")).await;
    world.pages.say(&["Plain words"]).await;
    world.slack(&deleted("U2", ONE)).await;
    world.pages.say(&["was deleted"]).await;
}

#[tokio::test]
async fn what_is_said_of_a_restricted_ticket_goes_to_no_pull_request() {
    let world = World::new(&team("answers = true")).await;
    world.service.jira_settled("j-0", &ticket("To Do", "new", json!([]))).await;
    let lines = world.service.github_settled("pull_request", "d-1", &merged(7)).await;
    assert_eq!(lines[0]["thread"], "DATA-123", "{lines:?}");
    // It is on its way when the ticket gets a security level.
    world.pages.refuse(503);
    assert_eq!(world.slack(&reply("U2", &now(0), "Secret words")).await, "accepted");
    eventually("it was tried", async || (world.pages.count() == 1).then_some(())).await;
    world.service.jira_settled("j-1", &restricted()).await;
    let withheld = async |count: usize| {
        let lines = world.service.ledger().await;
        let of = lines
            .iter()
            .filter(|line| line["reason"].as_str().unwrap().starts_with("the ticket has a security level: what"));
        (of.count() == count).then_some(())
    };
    eventually("it is held back", async || withheld(1).await).await;
    assert_eq!(world.slack(&reply("U2", &now(1), "More secret words")).await, "accepted");
    eventually("so is the next", async || withheld(2).await).await;
    world.service.idle().await;
    assert_eq!(world.pages.count(), 1, "{:?}", world.pages.said());
}

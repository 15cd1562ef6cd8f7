//! What a message does in its conversation, whom it calls, who answers go to.

use serde_json::{Value, json};

use crate::support::{Got, Listener, Service, eventually, merged, pull_request, read_mail, states, ticket};

const PEOPLE: &str = "[people.Ana]\nslack = \"U0123\"\nemail = \"ana@example.com\"\n";

fn team(to: &str, more: &str) -> String {
    format!(
        "team = \"web\"\nto = [\"{to}\"]\nsettle = \"0s\"\n{more}\n[[rule]]\nname = \"work\"\non = [\"pull_request.*\", \"note.*\"]\n"
    )
}

fn draft(number: u64, body: &str) -> Value {
    pull_request("opened", number, json!({ "draft": true, "body": body }))
}

fn ready(number: u64) -> Value {
    pull_request("ready_for_review", number, json!({}))
}

async fn slack() -> (Listener, String) {
    let api = Listener::new(vec![(200, json!({ "ok": true, "ts": "1503435956.000247", "channel": "C1" }))]).await;
    let config = format!("[slack]\ntoken = \"xoxb-its-a-token\"\napi_url = \"{}\"\n{PEOPLE}", api.url);
    (api, config)
}

fn said(got: &Got) -> String {
    format!("{} {}", got.path, got.body["text"].as_str().unwrap_or_default().lines().next().unwrap_or_default())
}

#[tokio::test]
async fn a_team_says_what_begins_goes_on_and_ends_a_conversation() {
    let (api, config) = slack().await;
    let manners = "opened = \"reply\"\nupdated = \"edit\"\nmerged = \"reply+broadcast\"";
    let service = Service::started(&team("slack:#web", manners), &config).await;
    service.github_settled("pull_request", "m-1", &draft(7, "For DATA-123.")).await;
    service.github_settled("pull_request", "m-2", &pull_request("labeled", 7, json!({ "draft": true }))).await;
    service.github_settled("pull_request", "m-3", &merged(7)).await;
    let [first, edit, last] = &api.requests()[..] else { panic!("three requests: {:?}", api.requests()) };
    assert!(said(first).starts_with("/chat.postMessage ana opened a draft PR"), "{}", said(first));
    assert_eq!(edit.path, "/chat.update");
    assert_eq!((&edit.body["channel"], &edit.body["ts"]), (&json!("C1"), &json!("1503435956.000247")));
    assert!(said(last).starts_with("/chat.postMessage ana merged"), "{}", said(last));
    assert_eq!(last.body["thread_ts"], "1503435956.000247");
    assert_eq!(last.body["reply_broadcast"], true);
}

#[tokio::test]
async fn what_a_person_chose_to_say_is_never_put_in_the_place_of_something_else() {
    let (api, config) = slack().await;
    let service = Service::started(&team("slack:#web", "opened = \"edit\"\nupdated = \"edit\""), &config).await;
    service.github_settled("pull_request", "n-1", &draft(7, "For DATA-123.")).await;
    service.github_settled("pull_request", "n-2", &ready(7)).await;
    let edited = pull_request("edited", 7, json!({ "body": "For DATA-123.\n\n/assume ids are never reused" }));
    service.github_settled("pull_request", "n-3", &edited).await;
    let paths = api.requests().iter().map(|got| got.path.clone()).collect::<Vec<_>>();
    let note = api.requests().iter().position(|got| got.body.to_string().contains("never reused")).unwrap();
    assert_eq!(paths[..2], ["/chat.postMessage", "/chat.update"]);
    assert_eq!(paths[note], "/chat.postMessage");
    assert_eq!(api.requests()[note].body["thread_ts"], "1503435956.000247");
}

/// Else each message would try the dead one first, and begin another conversation.
#[tokio::test]
async fn a_conversation_whose_first_message_was_deleted_goes_on_with_the_next() {
    let posted = |ts: &str| (200, json!({ "ok": true, "ts": ts, "channel": "C1" }));
    let gone = (200, json!({ "ok": false, "error": "thread_not_found" }));
    let api = Listener::new(vec![posted("1.1"), gone, posted("2.2"), posted("3.3")]).await;
    let config = format!("[slack]\ntoken = \"xoxb-its-a-token\"\napi_url = \"{}\"\n", api.url);
    let service = Service::started(&team("slack:#web", "merged = \"edit\""), &config).await;
    service.github_settled("pull_request", "g-1", &draft(7, "For DATA-123.")).await;
    service.github_settled("pull_request", "g-2", &ready(7)).await;
    let edited = pull_request("edited", 7, json!({ "body": "For DATA-123.\n\n/assume ids are never reused" }));
    service.github_settled("pull_request", "g-3", &edited).await;
    service.github_settled("pull_request", "g-4", &merged(7)).await;
    let asked = |got: &Got| (got.path.clone(), got.body["thread_ts"].clone(), got.body["ts"].clone());
    let requests = api.requests().iter().map(asked).collect::<Vec<_>>();
    let post = |thread: Value| ("/chat.postMessage".to_owned(), thread, Value::Null);
    let begins = [post(Value::Null), post(json!("1.1")), post(Value::Null), post(json!("2.2"))];
    assert_eq!(requests[..4], begins);
    assert_eq!(*requests.last().unwrap(), ("/chat.update".to_owned(), Value::Null, json!("2.2")), "{requests:?}");
}

#[tokio::test]
async fn a_rule_calls_people_and_nobody_else_can() {
    let (api, config) = slack().await;
    let service = Service::started(&team("slack:#web", "mention = [\"ana\"]"), &config).await;
    let mut hostile = merged(7);
    hostile["pull_request"]["title"] = json!("<@U9999> <!channel> @here @ana");
    service.github_settled("pull_request", "p-1", &hostile).await;
    let [got] = &api.requests()[..] else { panic!("one request") };
    let blocks = got.body["blocks"].to_string();
    assert_eq!(blocks.matches("\"user_id\":\"U0123\"").count(), 1, "{blocks}");
    assert_eq!(blocks.matches("\"type\":\"user\"").count(), 1, "{blocks}");
    assert!(
        !blocks.contains("\"type\":\"broadcast\"") && !got.body["text"].as_str().unwrap().contains("<!"),
        "{blocks}"
    );
}

#[tokio::test]
async fn answers_to_a_mail_go_to_the_author_if_the_rule_says_so() {
    let config = format!("[email]\nfrom = \"updates@example.com\"\n{PEOPLE}");
    let service = Service::started(&team("email:web@example.com", "reply_to = \"author\""), &config).await;
    service.github_settled("pull_request", "r-1", &merged(7)).await;
    let mut stranger = merged(8);
    stranger["pull_request"]["user"]["login"] = json!("somebody-else");
    service.github_settled("pull_request", "r-2", &stranger).await;
    let mails = service.mails();
    let mails = mails.iter().map(|raw| read_mail(raw)).collect::<Vec<_>>();
    let reply_to = |at: usize| mails[at].reply_to().and_then(|to| to.first()?.address().map(str::to_owned));
    assert_eq!((reply_to(0).as_deref(), reply_to(1)), (Some("ana@example.com"), None));
}

#[tokio::test]
async fn a_comment_needs_a_page() {
    let api = Listener::new(vec![(201, json!({ "id": 5 }))]).await;
    let team = "team = \"web\"\nto = [\"github\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"*\"]\n";
    let more = format!("token = \"t\"\napi_url = \"{}\"\n[email]\nfrom = \"updates@example.com\"\n", api.url);
    let service = Service::started(team, &more).await;
    let change = json!([{ "field": "status", "fieldId": "status", "fromString": "To Do", "toString": "In Progress" }]);
    let lines = service.jira_settled("t-1", &ticket("In Progress", "indeterminate", change)).await;
    assert_eq!(states(&lines), ["suppressed"]);
    assert!(lines[0]["reason"].as_str().unwrap().starts_with("there is no page to comment on"), "{lines:?}");
    assert_eq!(states(&service.github_settled("pull_request", "t-2", &merged(7)).await), ["sent"]);
    let [got] = &api.requests()[..] else { panic!("one request") };
    assert_eq!(got.path, "/repos/acme/ingest-api/issues/7/comments");
}

#[tokio::test]
async fn nobody_edits_anothers_message_or_a_note_away() {
    let (api, config) = slack().await;
    let service = Service::new(&team("slack:#web", ""), &config);
    service.write("rules/two.toml", &team("slack:#web", "merged = \"edit\"").replace("\"web\"", "\"two\""));
    let mut service = service;
    service.start().await;
    service.github_settled("pull_request", "w-1", &draft(7, "For DATA-123.")).await;
    service.github_settled("pull_request", "w-2", &merged(7)).await;
    let paths = api.requests().iter().map(|got| got.path.clone()).collect::<Vec<_>>();
    let edits = api.requests().iter().filter(|got| got.path == "/chat.update").count();
    // Whose message came first may edit it, the other team may not.
    assert!(edits <= 1 && paths.len() == 4, "{paths:?}");
}

/// A proxy's error page repeats what it was sent.
#[tokio::test]
async fn an_answer_that_repeats_our_secrets_does_not_show_them() {
    let page = json!("Cannot POST /services/T0/hunter2hunter2?sig=hunter2sig; Bearer hunter2token");
    let api = Listener::new(vec![(404, page)]).await;
    let config = format!(
        "[slack_webhook.ops]\nurl = \"{0}/services/T0/hunter2hunter2?sig=hunter2sig\"\n[slack]\ntoken = \"hunter2token\"\napi_url = \"{0}\"\n",
        api.url
    );
    let service = Service::started(&team("slack-webhook:ops", "").replace("[[rule]]", "\n[[rule]]"), &config).await;
    let service = service.expecting(&["cannot be sent"]);
    service.write("rules/two.toml", &team("slack:#web", "").replace("\"web\"", "\"two\""));
    let lines = service.github_settled("pull_request", "s-1", &merged(7)).await;
    let shown = format!("{lines:?}{}{}", service.log(), service.stored());
    assert!(lines[0]["reason"].as_str().unwrap().contains("Slack answered 404"), "{lines:?}");
    for secret in ["hunter2hunter2", "hunter2sig"] {
        assert!(!shown.contains(secret), "{lines:?}");
    }
}

/// A mail server that takes connections and says nothing.
#[tokio::test]
async fn a_server_that_hangs_for_many_addresses_leaves_room_for_others() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (api, config) = slack().await;
    let mail = format!("[email]\nfrom = \"updates@example.com\"\nsmtp = \"smtp://{}\"\n", silent.local_addr().unwrap());
    let many = (0..150).map(|number| format!("\"email:a{number}@example.com\"")).collect::<Vec<_>>().join(", ");
    let everybody = format!(
        "team = \"many\"\nto = [{many}]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"pull_request.merged\"]\n"
    );
    let mut service = Service::new(&everybody, &format!("{mail}{config}"));
    service.write("rules/two.toml", &team("slack:#web", ""));
    service.start().await;
    service.github("pull_request", "h-1", &merged(7)).await;
    // The mail server gets 30 s for each mail, and has room for ten at a time.
    eventually("Slack hears of it", async || (!api.requests().is_empty()).then_some(())).await;
}

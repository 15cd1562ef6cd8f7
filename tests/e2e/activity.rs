//! Activity and the page of an event, over the wire: filters, pages, the live feed, and what nobody may read there.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Listener, Service, eventually, merged, pull_request, states, ticket};

const TEAMS: &str = r#"
team = "web"
to = ["mailbox"]
settle = "0s"
own = true
[[rule]]
name = "merged"
on = ["pull_request.merged"]
[[rule]]
name = "tickets"
on = ["ticket.*"]
"#;

async fn started(team: &str, more: &str) -> Service {
    let mut service = Service::new(team, more);
    service.configure("server", "console = true\n");
    service.start().await;
    service
}

async fn json_of(service: &Service, path: &str) -> Value {
    let answer = service.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.json().await.unwrap()
}

async fn page_of(service: &Service, path: &str) -> String {
    let answer = service.get(path).await;
    assert_eq!(answer.status(), 200, "{path}");
    answer.text().await.unwrap()
}

/// A delivery that rules can't ask for.
async fn ignored(service: &Service, event: &str, delivery: &str) {
    let body = json!({ "action": "started", "<u>": "</pre><script>", "repository": { "full_name": "acme/x" } });
    assert_eq!(service.github(event, delivery, &body).await.body["status"], "ignored");
    assert_eq!(states(&service.settled(delivery).await), ["ignored"]);
}

fn ids(updates: &Value) -> Vec<&str> {
    updates["updates"].as_array().unwrap().iter().map(|update| update["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn each_filter_leaves_what_fits_on_the_page_and_in_the_api() {
    let service = started(TEAMS, "").await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    service.github_settled("pull_request", "d-2", &pull_request("opened", 2, json!({ "draft": true }))).await;
    let moved = json!([{ "field": "priority", "fieldId": "priority", "fromString": "Low", "toString": "High" }]);
    service.jira_settled("d-3", &ticket("Doing", "indeterminate", moved)).await;
    ignored(&service, "watch", "d-4").await;
    let began = "2020-01-01T00:00";
    for (query, expected) in [
        ("", &["4.1", "3.1", "2.1", "1.1"][..]),
        ("team=web", &["3.1", "1.1"]),
        ("team=nobody", &[]),
        ("repository=acme/ingest-api", &["2.1", "1.1"]),
        ("repository=DATA", &["3.1"]),
        ("repository=acme/ingest", &[]),
        ("ticket=DATA-123", &["3.1", "2.1", "1.1"]),
        // A subject stands for its conversation.
        ("ticket=acme/ingest-api%231", &["3.1", "2.1", "1.1"]),
        ("kind=pull_request.*", &["2.1", "1.1"]),
        ("kind=watch", &["4.1"]),
        ("state=sent", &["3.1", "1.1"]),
        ("state=ignored", &["4.1"]),
        ("reason=no_rule", &["2.1"]),
        ("since=24h", &["4.1", "3.1", "2.1", "1.1"]),
        ("until=2020-01-01", &[]),
        ("words=ORDER+schema&state=sent&kind=pull_request.merged", &["1.1"]),
        ("words=umbrella", &[]),
    ] {
        let found = json_of(&service, &format!("/api/v1/updates?{query}")).await;
        assert_eq!(ids(&found), expected, "{query}");
        let page = page_of(&service, &format!("/?{query}")).await;
        for id in ["1.1", "2.1", "3.1", "4.1"] {
            assert_eq!(page.contains(&format!("id=\"update-{id}\"")), expected.contains(&id), "{query}: {id}");
        }
        let since =
            json_of(&service, &format!("/api/v1/updates?since={began}&{}", query.replace("since=24h", ""))).await;
        assert_eq!(ids(&since), expected, "{query}");
    }
    // What was chosen is in the form.
    let page = page_of(&service, "/?team=web&state=sent&words=a%22b").await;
    for shown in ["value=\"web\"", "<option value=\"sent\" selected>", "value=\"a&quot;b\""] {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for wrong in ["state=lost", "kind=umbrella.*", "since=soon", "after=x", "colour=red", "reason=why"] {
        assert_eq!(service.get(&format!("/?{wrong}")).await.status(), 400, "{wrong}");
        let refused = service.get(&format!("/api/v1/updates?{wrong}")).await;
        assert_eq!(refused.status(), 400, "{wrong}");
        assert!(refused.json::<Value>().await.unwrap()["error"].is_string());
    }
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end() {
    let service = started(TEAMS, "").await;
    for number in 1..=60 {
        assert_eq!(service.github("pull_request", &format!("d-{number}"), &merged(number)).await.status, 202);
    }
    service.idle().await;
    let first = json_of(&service, "/api/v1/updates?state=sent").await;
    assert_eq!(ids(&first).len(), 50);
    let next = first["next"].as_str().unwrap();
    let second = json_of(&service, &format!("/api/v1/updates?state=sent&after={next}")).await;
    assert_eq!((ids(&second).len(), &second["next"]), (10, &Value::Null));
    let mut all = ids(&first);
    all.extend(ids(&second));
    let expected = (1..=60).rev().map(|number| format!("{number}.1")).collect::<Vec<_>>();
    assert_eq!(all, expected);
    let page = page_of(&service, "/?state=sent").await;
    let older = format!("/?state=sent&amp;after={next}");
    assert!(page.contains(&format!("href=\"{older}\"")), "{page}");
    let older = page_of(&service, &older.replace("&amp;", "&")).await;
    assert!(older.contains("id=\"update-10.1\"") && !older.contains("id=\"update-11.1\""), "{older}");
    assert!(older.contains(">Newest</a>") && !older.contains("data-live"), "{older}");
}

/// A stream of server-sent events.
struct Feed {
    answer: reqwest::Response,
    text: String,
}

impl Feed {
    async fn open(service: &Service, query: &str, last: Option<&str>) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut request = client.get(format!("http://{}/api/v1/updates/live?{query}", service.address));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { answer, text: String::new() }
    }

    /// The next event: its id, and its data. `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
                let (id, data) = (field("id:"), field("data:"));
                self.text = rest.to_owned();
                match id.zip(data) {
                    Some((id, data)) => return Some((id, serde_json::from_str(&data).unwrap())),
                    None => continue,
                }
            }
            let chunk =
                tokio::time::timeout(Duration::from_secs(30), self.answer.chunk()).await.expect("an event comes");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).unwrap());
        }
    }

    /// Reads until an update is in a state; gives the id of that event.
    async fn until(&mut self, id: &str, state: &str) -> (String, Value) {
        loop {
            let (event, data) = self.next().await.unwrap();
            if data["id"] == id && data["state"] == state {
                return (event, data);
            }
        }
    }
}

#[tokio::test]
async fn the_feed_tells_of_what_comes_and_changes_and_goes_on_where_it_was_cut_off() {
    let mut service = started(TEAMS, "").await;
    let mut feed = Feed::open(&service, "cards=true", None).await;
    let mut other = Feed::open(&service, "team=data", None).await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    let (place, update) = feed.until("1.1", "sent").await;
    assert_eq!((&update["team"], &update["title"]), (&json!("web"), &json!("DATA-123: Add the v2 order schema")));
    assert!(update["card"].as_str().unwrap().starts_with("<article"), "{update}");
    drop(feed);
    service.github_settled("pull_request", "d-2", &merged(2)).await;
    // The client was away meanwhile, and so was the service.
    service.stop().await;
    assert!(other.next().await.is_none(), "of another team nothing is told, and the stream ends with the service");
    service.start().await;
    let mut feed = Feed::open(&service, "from=0.0.0", Some(&place)).await;
    let (_, update) = feed.next().await.unwrap();
    assert_eq!((&update["id"], &update["state"], &update["card"]), (&json!("2.1"), &json!("sent"), &Value::Null));
    // The page names the place from which its feed goes on.
    let page = page_of(&service, "/?team=web").await;
    let live = page.split("data-live=\"").nth(1).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    service.github_settled("pull_request", "d-3", &merged(3)).await;
    let mut feed = Feed::open(&service, live.split_once('?').unwrap().1, None).await;
    feed.until("3.1", "sent").await;
    let refused = service.get("/api/v1/updates/live?from=umbrella").await;
    assert_eq!(refused.status(), 400);
}

#[tokio::test]
async fn streams_have_a_limit_and_their_places_are_given_back() {
    let service = started(TEAMS, "").await;
    let mut feeds = Vec::new();
    for _ in 0..64 {
        feeds.push(Feed::open(&service, "", None).await);
    }
    assert_eq!(service.get("/api/v1/updates/live").await.status(), 503);
    feeds.pop();
    let free = async || (service.get("/api/v1/updates/live").await.status() == 200).then_some(());
    eventually("a place is free", free).await;
    assert_eq!(service.get("/").await.status(), 200);
}

#[tokio::test]
async fn hostile_text_is_text_on_each_page_and_in_the_feed() {
    let service = started(TEAMS, "").await;
    let title = "<script>alert(1)</script><img src=x onerror=alert(2)>\u{202e}\"'";
    let hostile = json!({
        "state": "closed", "merged": true, "title": title, "html_url": "javascript:alert(3)",
        "head": { "ref": "<b onclick=alert(4)>" },
    });
    let mut feed = Feed::open(&service, "cards=true", None).await;
    service.github_settled("pull_request", "d-1", &pull_request("closed", 1, hostile)).await;
    ignored(&service, "<i>", "d-2").await;
    let (_, told) = feed.until("1.1", "sent").await;
    let card = told["card"].as_str().unwrap().to_owned();
    let (activity, event, ignored) =
        (page_of(&service, "/").await, page_of(&service, "/events/1").await, page_of(&service, "/events/2").await);
    assert!(activity.contains("&lt;script&gt;"), "{activity}");
    for page in [card, activity, event, ignored] {
        let page = page.replace("<script src=\"/assets/console.js", "");
        for active in ["<script", "<img", "<b ", "<i>", "<u>", "href=\"javascript", "src=\"javascript"] {
            assert!(!page.contains(active), "{active}: {page}");
        }
    }
}

#[tokio::test]
async fn an_event_shows_what_came_in_what_rules_made_of_it_and_each_step() {
    let hub = Listener::new(vec![(503, json!({})), (200, json!({}))]).await;
    let more = format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    let team = TEAMS
        .replace("mailbox", "webhook:hub")
        .replace("on = [\"ticket.*\"]", "on = [\"pull_request.merged\"]\nbase = [\"release/*\"]");
    let service = started(&team, &more).await;
    let mut body = merged(1);
    body["installation"] = json!({ "id": 1, "access_token": "hush-1" });
    body["sender"]["email"] = json!("ana@example.com");
    service.github_settled("pull_request", "d-1", &body).await;
    let told = json_of(&service, "/api/v1/events/1").await;
    assert_eq!(
        (&told["source"], &told["name"], &told["key"]),
        (&json!("github"), &json!("pull_request"), &json!("d-1"))
    );
    let event = &told["events"][0];
    assert_eq!(
        (&event["kind"], &event["subject"], &event["actor"]),
        (&json!("pull_request.merged"), &json!("acme/ingest-api#1"), &json!("ana"))
    );
    let rules = told["rules"].as_array().unwrap();
    let rules = rules.iter().map(|rule| {
        (rule["rule"].as_str().unwrap(), rule["matches"].as_bool().unwrap(), rule["because"].as_str().unwrap())
    });
    let rules = rules.collect::<Vec<_>>();
    assert_eq!((rules[0].0, rules[0].1), ("merged", true));
    assert_eq!((rules[1].0, rules[1].1), ("tickets", false));
    assert!(rules[1].2.contains("`main`"), "{rules:?}");
    let steps = told["lines"][0]["steps"].as_array().unwrap();
    let said = steps.iter().map(|step| (step["what"].as_str().unwrap(), step["attempt"].as_i64())).collect::<Vec<_>>();
    assert_eq!(
        said,
        [("held", None), ("held", None), ("transient", Some(1)), ("sent", Some(2)), ("sent", None)],
        "{told:#}"
    );
    assert!(steps[2]["words"].as_str().unwrap().contains("503"), "{steps:#?}");
    let page = page_of(&service, "/events/1").await;
    for shown in
        ["pull_request.merged", "matched", "attempt 1 to webhook:hub", "503", "&quot;merged&quot;: true", "id=\"1.1\""]
    {
        assert!(page.contains(shown), "{shown}: {page}");
    }
    for hidden in ["hush-1", "ana@example.com", "For DATA-123."] {
        assert!(!page.contains(hidden) && !told.to_string().contains(hidden), "{hidden}: {page}");
    }
    // A line's address is its place on the page of its delivery.
    let line = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let line = line.get(format!("http://{}/events/1.1", service.address)).send().await.unwrap();
    assert_eq!((line.status().as_u16(), line.headers()["location"].to_str().unwrap()), (303, "/events/1#1.1"));
    for nothing in ["/events/9", "/events/x", "/events/1.x", "/api/v1/events/9"] {
        assert_eq!(service.get(nothing).await.status(), 404, "{nothing}");
    }
    service.change("UPDATE delivery SET body = x''");
    assert!(page_of(&service, "/events/1").await.contains("The payload was deleted"));
}

#[tokio::test]
async fn what_failed_is_sent_again_and_what_was_ignored_is_read_again_from_its_page() {
    let hub = Listener::new(vec![(400, json!({})), (200, json!({}))]).await;
    let more = format!("[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n", hub.url);
    let mut service = Service::new(&TEAMS.replace("mailbox", "webhook:hub"), &more).expecting(&["cannot be sent"]);
    service.configure("server", "console = true\n");
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(1)).await), ["failed"]);
    let page = page_of(&service, "/events/1").await;
    assert!(page.contains("action=\"/events/1.1/retry\""), "{page}");
    assert_eq!(service.request("/events/1.1/retry").send().await.unwrap().status(), 403, "no page of ours sent it");
    let post = async |path: &str| service.as_page(path).await.send().await.unwrap();
    let retried = post("/events/1.1/retry").await;
    assert_eq!(retried.status(), 200, "it shows the page again");
    assert_eq!(states(&service.settled("d-1").await), ["sent"]);
    let steps = json_of(&service, "/api/v1/events/1").await;
    let codes =
        steps["lines"][0]["steps"].as_array().unwrap().iter().map(|step| step["what"].as_str().unwrap().to_owned());
    assert_eq!(codes.collect::<Vec<_>>(), ["held", "held", "permanent", "failed", "held", "sent", "sent"], "{steps:#}");
    assert_eq!(post("/events/1.1/retry").await.status(), 400);
    ignored(&service, "watch", "d-2").await;
    assert_eq!(post("/api/v1/updates/2.1/retry").await.status(), 200);
    assert_eq!(states(&service.settled("d-2").await), ["ignored"]);
}

#[tokio::test]
async fn the_words_of_a_restricted_ticket_are_on_no_page() {
    let service = started(TEAMS, "").await;
    let mut body = ticket(
        "Umbrella",
        "indeterminate",
        json!([{ "field": "priority", "fieldId": "priority", "toString": "High" }]),
    );
    body["issue"]["fields"]["summary"] = json!("Buy umbrellas");
    body["issue"]["fields"]["security"] = json!({ "id": "1", "name": "Board" });
    let mut feed = Feed::open(&service, "cards=true", None).await;
    service.jira_settled("d-1", &body).await;
    let (_, told) = feed.until("1.1", "sent").await;
    let pages = [
        told.to_string(),
        page_of(&service, "/").await,
        page_of(&service, "/events/1").await,
        json_of(&service, "/api/v1/events/1").await.to_string(),
    ];
    for page in pages {
        assert!(page.contains("DATA-123"), "{page}");
        assert!(!page.to_lowercase().contains("umbrella"), "{page}");
    }
}

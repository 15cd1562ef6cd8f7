//! What is answered to whom.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use url::form_urlencoded;

use crate::support::{SECRET, Service, TEAM, answer, merged, read_mail, sign, ticket};

#[tokio::test]
async fn a_delivery_is_taken_in_once() {
    let service = Service::started(TEAM, "").await;
    let first = service.github("pull_request", "d-1", &merged(1)).await;
    assert_eq!((first.status, &first.body["status"]), (202, &json!("accepted")));
    let again = service.github("pull_request", "d-1", &merged(1)).await;
    assert_eq!((again.status, &again.body["status"]), (202, &json!("duplicate")));
    assert_eq!(first.body["event"], again.body["event"]);
    assert_eq!(service.settled("d-1").await.len(), 1);
    assert_eq!(service.mails().len(), 1);
}

#[tokio::test]
async fn without_a_delivery_id_the_body_tells_a_duplicate() {
    let service = Service::started(TEAM, "").await;
    let body = merged(1).to_string();
    let send = async || {
        let request = service.request("/webhooks/github").header("content-type", "application/json");
        let request = request
            .header("x-github-event", "pull_request")
            .header("x-hub-signature-256", sign(SECRET, body.as_bytes()));
        answer(request.body(body.clone()).send().await.unwrap()).await.body["status"].clone()
    };
    assert_eq!(send().await, "accepted");
    assert_eq!(send().await, "duplicate");
}

#[tokio::test]
async fn a_form_is_read_as_its_payload() {
    let service = Service::started(TEAM, "").await;
    let body =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("payload", &merged(1).to_string()).finish();
    let request = service
        .request("/webhooks/github")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("x-github-event", "pull_request")
        .header("x-github-delivery", "form-1")
        .header("x-hub-signature-256", sign(SECRET, body.as_bytes()));
    assert_eq!(answer(request.body(body).send().await.unwrap()).await.status, 202);
    assert_eq!(service.settled("form-1").await[0]["state"], "sent");
}

#[tokio::test]
async fn bad_requests_are_refused_and_leave_no_trace() {
    let service = Service::started(TEAM, "").await;
    let json = merged(1).to_string();
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let long = vec![b' '; 26_000_000];
    let good = |body: &[u8]| Some(sign(SECRET, body));
    for (what, body, signature, kind, status) in [
        ("no signature", json.as_bytes(), None, "application/json", 401),
        ("a wrong secret", json.as_bytes(), Some(sign("guess", json.as_bytes())), "application/json", 401),
        ("an empty secret", json.as_bytes(), Some(sign("", json.as_bytes())), "application/json", 401),
        (
            "another method",
            json.as_bytes(),
            good(json.as_bytes()).map(|s| s.replace("sha256", "sha1")),
            "application/json",
            401,
        ),
        ("no JSON", b"{", good(b"{"), "application/json", 400),
        ("nested too deep", deep.as_bytes(), good(deep.as_bytes()), "application/json", 400),
        ("another type", json.as_bytes(), good(json.as_bytes()), "text/plain", 415),
        ("too large", &long, good(&long), "application/json", 413),
    ] {
        let mut request =
            service.request("/webhooks/github").header("content-type", kind).header("x-github-event", "pull_request");
        if let Some(signature) = signature {
            request = request.header("x-hub-signature-256", signature);
        }
        let answer = answer(request.body(body.to_vec()).send().await.unwrap()).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        assert!(answer.body["error"].is_string(), "{what}");
    }
    assert_eq!(service.get("/webhooks/github").await.status(), 405);
    assert_eq!(service.get("/nothing").await.status(), 404);
    assert!(service.ledger().await.is_empty());
    assert!(!service.log().contains("panicked"));
}

/// Whatever somebody writes into a title, a webhook is not to be lost for it.
#[tokio::test]
async fn odd_values_lose_no_webhook() {
    let service = Service::started(TEAM, "").await;
    for (number, from, to) in [
        (1, r#""Add the v2 order schema""#, r#""Half \ud83d of a pair""#),
        (2, r#""Add the v2 order schema""#, r#""\udc00\ud800\u0000""#),
        (3, r#""number":"#, r#""score":1e400,"number":"#),
        (4, r#""number":"#, r#""weight":-1e400,"size":1E+999,"number":"#),
        (5, r#""number":"#, r#""extra":[{"name":"\ud800"},{"name":1e999}],"number":"#),
        (6, r#""number":"#, r#""score":[1e400],"weight":99999999999999999999999999,"number":"#),
    ] {
        let body = merged(number).to_string();
        let odd = body.replace(from, to);
        assert_ne!(odd, body, "{number}");
        let delivery = format!("o-{number}");
        let answer = service.github_raw("pull_request", &delivery, odd.clone().into_bytes()).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("accepted")), "{number}: {}", answer.body);
        assert_eq!(service.settled(&delivery).await[0]["state"], "sent", "{number}: {odd}");
    }
    let mails = service.mails();
    let subjects = mails.iter().map(|mail| read_mail(mail).subject().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(subjects.iter().any(|subject| subject.contains("Half \u{fffd} of a pair")), "{subjects:?}");
}

#[tokio::test]
async fn a_secret_that_anybody_could_guess_is_no_configuration() {
    let service = Service::new(TEAM, "");
    std::fs::write(service.path("empty"), "\n").unwrap();
    for (secret, why) in [
        ("", "empty"),
        ("  ", "empty"),
        ("${file:empty}", "empty"),
        ("x", "less than 16 characters"),
        ("fifteen letters", "less than 16 characters"),
    ] {
        std::fs::write(service.path("microalign.toml"), format!("[github]\nsecrets = [\"{secret}\"]\n")).unwrap();
        let (code, _, err) = service.run(&["check"]).await;
        assert_eq!(code, 1, "{err}");
        assert!(err.contains("microalign.toml:2") && err.contains(why), "{err}");
    }
}

#[tokio::test]
async fn an_address_with_a_line_break_is_no_configuration() {
    let service = Service::new(TEAM, "");
    for (address, why) in [
        ("https://a.example/\\nX-Injected:yes", "a line break"),
        ("https://a.example/\\u0000", "a line break or another character"),
        ("https://ana:pass@a.example", "a user or a password"),
        ("https://a.example/?x=1", "after `?` or `#`"),
        ("https://a.example#x", "after `?` or `#`"),
    ] {
        let config = format!("[server]\npublic_url = \"{address}\"\n[github]\nsecrets = [\"{SECRET}\"]\n");
        std::fs::write(service.path("microalign.toml"), config).unwrap();
        let (code, _, err) = service.run(&["check"]).await;
        assert!(code == 1 && err.contains("microalign.toml:2:14") && err.contains(why), "{err}");
    }
}

#[tokio::test]
async fn either_secret_verifies_while_one_replaces_the_other() {
    let mut service = Service::new(TEAM, "");
    let config = "[server]\nlisten = \"127.0.0.1:0\"\n[github]\nsecrets = [\"a new and long secret\", \"It's a Secret to Everybody\"]\n";
    std::fs::write(service.path("microalign.toml"), config).unwrap();
    service.start().await;
    assert_eq!(service.github("ping", "p-1", &json!({ "zen": "Design for failure." })).await.status, 202);
    let body = "{}";
    let request = service.request("/webhooks/github").header("content-type", "application/json");
    let request = request
        .header("x-github-event", "ping")
        .header("x-hub-signature-256", sign("a new and long secret", body.as_bytes()));
    assert_eq!(request.body(body).send().await.unwrap().status(), 202);
}

#[tokio::test]
async fn what_rules_cannot_ask_for_is_ignored_with_a_reason() {
    let service = Service::started(TEAM, "").await;
    for (delivery, event, body) in [
        ("i-1", "brand_new_event", json!({ "action": "x" })),
        ("i-2", "ping", json!({ "zen": "Keep it logically awesome." })),
        ("i-3", "pull_request", json!({ "action": "opened" })),
        ("i-4", "pull_request", json!([1, 2])),
    ] {
        let answer = service.github(event, delivery, &body).await;
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("ignored")), "{delivery}");
    }
    let ledger = service.ledger().await;
    assert_eq!(ledger.len(), 4);
    for line in ledger {
        assert_eq!(line["state"], "ignored");
        assert_eq!(line["team"], json!(null));
        assert!(!line["reason"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_slow_client_is_cut_off() {
    let service = Service::started(TEAM, "").await;
    let start = Instant::now();
    let mut socket = tokio::net::TcpStream::connect(&service.address).await.unwrap();
    socket.write_all(b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n").await.unwrap();
    let mut rest = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(25), socket.read_to_end(&mut rest)).await;
    assert!(read.is_ok(), "the connection is still open after {:?}", start.elapsed());
    assert_eq!(service.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn the_pages_for_operators_answer() {
    let service = with_console().await;
    service.github("pull_request", "d-1", &merged(1)).await;
    service.settled("d-1").await;
    assert_eq!(service.get("/readyz").await.status(), 200);
    let metrics = service.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains(r#"microalign_deliveries_total{source="github",answer="accepted"} 1"#), "{metrics}");
    assert!(metrics.ends_with("# EOF\n"));
    let page = service.get("/").await.text().await.unwrap();
    assert!(page.contains("Add the v2 order schema") && page.contains("sent"), "{page}");
}

async fn with_console() -> Service {
    let mut service = Service::new(TEAM, "");
    service.configure("server", "console = true\n");
    service.start().await;
    service
}

#[tokio::test]
async fn the_console_is_shown_only_if_the_operator_says_so() {
    // nginx with plain `proxy_pass` sends exactly this for anybody in the world.
    let service = Service::started(TEAM, "").await;
    service.github("pull_request", "d-1", &merged(1)).await;
    service.settled("d-1").await;
    let page = service.get("/").await;
    assert_eq!(page.status(), 403);
    let said = page.text().await.unwrap();
    assert!(said.contains("console = true") && said.contains("reverse proxy"), "{said}");
    for page in
        [said, service.get("/readyz").await.text().await.unwrap(), service.get("/metrics").await.text().await.unwrap()]
    {
        for private in ["schema", "acme", "ana", "web@", "DATA"] {
            assert!(!page.contains(private), "{private} is in {page}");
        }
    }
}

#[tokio::test]
async fn the_console_is_for_this_machine_only() {
    let service = with_console().await;
    for (name, value) in [("host", "microalign.example.com"), ("x-forwarded-for", "203.0.113.9")] {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let page = client.get(format!("http://{}/", service.address)).header(name, value).send().await.unwrap();
        assert_eq!(page.status(), 403, "{name}");
    }
}

/// What can't sign for Jira: an Automation rule has a header, and a server older than Data Center 10 only the address.
#[tokio::test]
async fn a_secret_that_is_sent_counts_for_jira_alone() {
    let team = "team = \"web\"\nto = [\"mailbox\"]\nsettle = \"0s\"\n[[rule]]\nname = \"all\"\non = [\"ticket.*\"]\n";
    let mut service = Service::new(team, "");
    service.level = "trace";
    service.start().await;
    let body = |priority: &str| {
        ticket("Doing", "indeterminate", json!([{ "fieldId": "priority", "toString": priority }])).to_string()
    };
    let send = async |path: &str, header: Option<&str>, body: String| {
        let mut request = service.request(path).header("content-type", "application/json");
        if let Some(header) = header {
            request = request.header("authorization", header);
        }
        answer(request.body(body).send().await.unwrap()).await
    };
    let bearer = format!("Bearer {SECRET}");
    let in_address = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect::<String>();
    let path = format!("/webhooks/jira/{in_address}");
    for (number, (path, header)) in [
        ("/webhooks/jira", Some(bearer.as_str())),
        ("/webhooks/jira", Some(&*bearer.replace("Bearer", "bearer"))),
        (&path, None),
    ]
    .into_iter()
    .enumerate()
    {
        let first = send(path, header, body(&number.to_string())).await;
        assert_eq!((first.status, &first.body["status"]), (202, &json!("accepted")), "{header:?}");
        let again = send(path, header, body(&number.to_string())).await;
        assert_eq!(again.body["status"], "duplicate", "nothing but the body names the delivery");
    }
    let wrong = "the secret isn't any of the configured ones";
    for (path, header, error) in [
        ("/webhooks/jira", Some("Bearer guess"), wrong),
        ("/webhooks/jira", Some("Bearer "), "the request is not signed: set a secret on the webhook"),
        ("/webhooks/jira", Some("Basic eDp5"), "the request is not signed: set a secret on the webhook"),
        ("/webhooks/jira/guess", None, wrong),
        ("/webhooks/jira/guess", Some(bearer.as_str()), wrong),
        ("/webhooks/github", Some(bearer.as_str()), "the request is not signed: set a secret on the webhook"),
    ] {
        let answer = send(path, header, body("x")).await;
        assert_eq!((answer.status, answer.body["error"].as_str()), (401, Some(error)), "{path} {header:?}");
    }
    assert_eq!(send("/webhooks/github/guess", None, body("x")).await.status, 404);
    // A signature that is there has to be right, whatever else is.
    let signed =
        service.request(&path).header("content-type", "application/json").header("x-hub-signature", sign("no", b"x"));
    assert_eq!(signed.header("authorization", &bearer).body(body("x")).send().await.unwrap().status(), 401);
    let get = service.get(&path).await.text().await.unwrap();
    // Two that come quickly are one message.
    assert_eq!(service.idle().await.len(), 3, "each was taken in once");
    let all = format!("{get} {} {}", service.log(), service.stored());
    assert!(!all.contains(SECRET) && !all.contains(&in_address), "the secret is where it must not be");
}

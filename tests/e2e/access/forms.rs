//! Forms that other pages send, on this machine too; and what is where.

use super::provider::{Browser, Fault, Person};
use super::{Pairs, TEAM, started};
use crate::support::{Service, merged};

/// Whoever is on this machine needs no login. A page of another site, open in their browser, may not use that.
#[tokio::test]
async fn no_other_page_may_send_a_form_on_this_machine() {
    let mut service = Service::new(TEAM, "");
    service.configure("server", "console = true\n");
    service.start().await;
    let mut browser = Browser::at(&service.address);
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    refused_without_a_token(&mut browser, &page.text).await;
    let (address, local) = (service.address.clone(), [("host", "evil.example")]);
    assert_eq!(Browser::at(&address).with("/", &local).await.status, 403, "a name that leads here");
}

#[tokio::test]
async fn no_other_page_may_send_a_form_for_somebody_who_has_logged_in() {
    let (provider, service) = started().await;
    let mut browser = Browser::at(&service.address);
    browser.log_in(&provider, &Person::at("ana@example.com"), Fault::None).await.location();
    let page = browser.get("/").await;
    refused_without_a_token(&mut browser, &page.text).await;
    // Each login has its own token.
    let mut other = Browser::at(&service.address);
    other.log_in(&provider, &Person::at("ana@example.com"), Fault::None).await.location();
    let theirs = other.get("/").await.form_token();
    assert_eq!(browser.post("/nothing", &[("form_token", &theirs)], &[]).await.status, 404, "no page of the console");
    assert_eq!(browser.post("/audit", &[("form_token", &theirs)], &[]).await.status, 403);
}

/// Of a page that takes no form, the answer to one with a token is that it isn't there.
async fn refused_without_a_token(browser: &mut Browser, page: &str) {
    let (_, token) = page.split_once("name=\"form-token\" content=\"").unwrap();
    let token = token.split_once('"').unwrap().0;
    let own = format!("http://{}", browser.host());
    let evil = ("origin", "http://evil.example");
    let table: [(Pairs<'_>, Pairs<'_>, u16); 10] = [
        (&[], &[], 403),
        (&[("form_token", "")], &[], 403),
        (&[("form_token", "wrong")], &[], 403),
        (&[("form_token", token), ("form_token", token)], &[], 403),
        (&[("form_token", token)], &[evil], 403),
        (&[("form_token", token)], &[("origin", "null")], 403),
        (&[("form_token", token)], &[("sec-fetch-site", "same-site")], 403),
        (&[("form_token", token)], &[("x-form-token", "wrong")], 403),
        (&[("form_token", token)], &[("origin", &own), ("sec-fetch-site", "same-origin")], 404),
        (&[], &[("x-form-token", token)], 404),
    ];
    for (form, headers, status) in table {
        assert_eq!(browser.post("/audit", form, headers).await.status, status, "{form:?} {headers:?}");
        let api = browser.post("/api/v1/nothing", form, headers).await;
        assert_eq!(api.status, status, "{form:?} {headers:?}");
        assert!(api.json()["error"].is_string());
    }
}

#[tokio::test]
async fn pages_run_nothing_of_others_and_are_shown_in_no_other() {
    let (provider, service) = started().await;
    let mut browser = Browser::at(&service.address);
    let before = browser.get("/").await;
    browser.log_in(&provider, &Person::at("ana@example.com"), Fault::None).await.location();
    for page in [before, browser.get("/").await, browser.get("/audit").await, browser.get("/assets/console.js").await] {
        let header = |name: &str| page.headers[name].to_str().unwrap();
        let policy = header("content-security-policy");
        for part in
            ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"]
        {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("referrer-policy"), "same-origin", "with no referrer, browsers send no origin");
        assert_eq!(header("cross-origin-resource-policy"), "same-origin");
    }
}

#[tokio::test]
async fn the_console_can_be_at_an_address_of_its_own() {
    let mut service = Service::new(TEAM, "[console]\nlisten = \"127.0.0.1:0\"\n");
    service.configure("server", "console = true\n");
    service.start().await;
    let log = service.log();
    let line = log.lines().find(|line| line.contains("the console is listening")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line).unwrap();
    let (mut webhooks, mut console) = (Browser::at(&service.address), Browser::at(line["address"].as_str().unwrap()));
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    for path in ["/", "/audit", "/api/v1/updates", "/assets/style.css", "/login"] {
        let there = webhooks.get(path).await;
        assert!(there.status == 404 && there.text.contains("there is nothing here"), "{path}");
        let here = console.get(path).await;
        assert!(here.status == 200 || (path == "/login" && here.text.contains("There is no login here")), "{path}");
    }
    for path in ["/webhooks/github", "/mute/x", "/unsubscribe/x", "/object/x", "/readyz", "/metrics"] {
        let page = console.post(path, &[], &[]).await;
        assert!(page.status == 404 && page.text.contains("there is nothing here"), "{path}");
        assert_eq!(console.get(path).await.status, 404, "{path}");
    }
    assert_eq!((webhooks.get("/healthz").await.status, console.get("/healthz").await.status), (200, 200));
}

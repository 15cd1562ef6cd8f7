//! Logging in with a provider.

use serde_json::json;

use super::provider::{Browser, Fault, Person, Provider};
use super::{service, started};
use crate::support::{eventually, merged};

#[tokio::test]
async fn somebody_logs_in_and_out() {
    let (provider, service) = started().await;
    let mut browser = Browser::at(&service.address);
    let page = browser.get("/audit?before=9").await;
    assert_eq!(page.status, 401);
    assert!(page.text.contains("href=\"/login?back=%2Faudit%3Fbefore%3D9\""), "{}", page.text);
    assert!(!page.text.contains("form-token"));
    assert_eq!(browser.get("/assets/style.css").await.status, 200, "the page to log in at has a style");

    let page = browser.begin("/audit?before=9").await;
    let back = provider.log_in(&page, &Person::at("ana@example.com"), Fault::None);
    let done = browser.get(&back).await;
    assert_eq!(done.location(), "/audit?before=9");
    let cookies = done.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect::<Vec<_>>();
    assert!(cookies.iter().all(|cookie| cookie.contains("; Path=/; HttpOnly; SameSite=Lax")), "{cookies:?}");
    assert_eq!(browser.cookies.keys().collect::<Vec<_>>(), ["microalign"]);
    let page = browser.get("/audit?before=9").await;
    assert!(page.status == 200 && page.text.contains("ana@example.com"), "{}", page.text);
    assert!(service.log().contains("logged in to the console"));

    // What is stored can't be used to log in.
    let token = browser.cookies["microalign"].clone();
    assert!(!service.stored().contains(&token), "the store has the token");
    assert!(!service.log().contains(&token));

    let form = page.form_token();
    for (form, headers) in [
        (None, None),
        (Some("x"), None),
        (Some(&*form), Some(("origin", "http://evil.example"))),
        (Some(&*form), Some(("sec-fetch-site", "cross-site"))),
    ] {
        let fields = form.map(|form| ("form_token", form)).into_iter().collect::<Vec<_>>();
        let headers = headers.into_iter().collect::<Vec<_>>();
        let refused = browser.post("/logout", &fields, &headers).await;
        assert_eq!(refused.status, 403, "{form:?} {headers:?}");
    }
    assert_eq!(browser.get("/").await.status, 200, "still logged in");
    // Browsers leave the cookie out of a form on another site, and take what they are sent.
    let bare = Browser::at(&service.address).post("/logout", &[], &[]).await;
    assert!(!bare.headers.contains_key("set-cookie"), "that would log out whoever has the page open");
    let out = browser.post("/logout", &[("form_token", &form)], &[]).await;
    assert!(out.status == 200 && out.text.contains("Logged out"), "{}", out.text);
    assert!(browser.cookies.is_empty());
    browser.cookies.insert("microalign".to_owned(), token);
    assert_eq!(browser.get("/").await.status, 401, "the cookie is worth nothing any more");
}

/// Behind a proxy that has the TLS.
#[tokio::test]
async fn with_https_no_other_host_can_set_or_read_the_cookie() {
    let provider = Provider::start().await;
    let mut service = service(&provider);
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    service.write("microalign.toml", &config.replace("http://127.0.0.1:0", "https://console.example.com"));
    service.start().await;
    let mut browser = Browser::at(&service.address);
    let page = browser.begin("/").await;
    let back = provider.log_in(&page, &Person::at("ana@example.com"), Fault::None);
    let path = back.strip_prefix("https://console.example.com").unwrap();
    let done = browser.get(path).await;
    assert_eq!(done.location(), "/");
    for cookie in done.headers.get_all("set-cookie") {
        let cookie = cookie.to_str().unwrap();
        assert!(cookie.starts_with("__Host-microalign"), "{cookie}");
        assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Lax; Secure"), "{cookie}");
    }
    let page = browser.get("/").await;
    assert_eq!(page.status, 200);
    let (token, origin) = (page.form_token(), ("origin", "https://console.example.com"));
    assert_eq!(
        browser.post("/audit", &[("form_token", &token)], &[("origin", "https://example.com")]).await.status,
        403
    );
    assert_eq!(browser.post("/audit", &[("form_token", &token)], &[origin]).await.status, 404, "no form goes there");
}

#[tokio::test]
async fn a_login_that_isnt_right_is_none() {
    let (provider, service) = started().await;
    let ana = Person::at("ana@example.com");
    let mallory = Person::at("mallory@evil.example");
    for (person, fault, reason) in [
        (&ana, Fault::Nonce, "Invalid nonce"),
        (&ana, Fault::Expired, "Expired"),
        (&ana, Fault::Audience, "Invalid audiences"),
        (&ana, Fault::Issuer, "Invalid issuer"),
        (&ana, Fault::Key, "Signature verification failed"),
        (&mallory, Fault::Changed, "Signature verification failed"),
        (&ana, Fault::Unsigned, "Signature verification failed"),
        (&ana, Fault::Shared, "Signature verification failed"),
        (&ana, Fault::NoToken, "there is no ID token"),
    ] {
        let mut browser = Browser::at(&service.address);
        let page = browser.log_in(&provider, person, fault).await;
        assert_eq!(page.status, 403, "{fault:?}: {}", page.text);
        assert!(page.text.contains("nobody is logged in") && page.text.contains("href=\"/login?back=%2F\""));
        assert!(!browser.cookies.contains_key("microalign"), "{fault:?}");
        let log = service.log();
        let said = log.lines().rev().find(|line| line.contains("a login was refused")).unwrap();
        assert!(said.contains(reason), "{fault:?}: {said}");
    }
    // The code comes back to a browser that didn't ask for it, changed, late, or twice.
    let mut browser = Browser::at(&service.address);
    let page = browser.begin("/").await;
    let back = provider.log_in(&page, &ana, Fault::None);
    let mut other = Browser::at(&service.address);
    other.begin("/").await;
    for (mut browser, back) in [
        (Browser::at(&service.address), back.clone()),
        (other, back.clone()),
        (browser.clone(), back.replace("state=", "state=x")),
        (browser.clone(), back.split("&state=").next().unwrap().to_owned()),
    ] {
        let page = browser.get(&back).await;
        assert!(page.status == 400 && page.text.contains("begun in another browser"), "{}", page.text);
    }
    let cookie = browser.cookies["microalign-login"].clone();
    let (random, rest) = cookie.split_once('.').unwrap();
    let (_, path) = rest.split_once('.').unwrap();
    browser.cookies.insert("microalign-login".to_owned(), format!("{random}.9999999999.{path}"));
    assert_eq!(browser.get(&back).await.status, 400, "its time was changed");
    browser.cookies.insert("microalign-login".to_owned(), cookie.clone());
    assert_eq!(browser.get(&back).await.status, 303);
    browser.cookies.insert("microalign-login".to_owned(), cookie);
    assert_eq!(browser.get(&back).await.status, 403, "the code was used");

    let state = back.split("&state=").nth(1).unwrap();
    let mut browser = Browser::at(&service.address);
    let page = browser.begin("/").await;
    let own = url::Url::parse(&page).unwrap().query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
    assert_ne!(own, state);
    let said = "error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E";
    let page = browser.get(&format!("/login/done?{said}&state={own}")).await;
    assert!(page.status == 403 && page.text.contains("&lt;script&gt;") && !page.text.contains("<script>"));
}

#[tokio::test]
async fn roles_come_from_verified_addresses_groups_and_team_files() {
    let (provider, service) = started().await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    let unverified = json!({ "sub": "1", "email": "ana@example.com", "email_verified": false });
    let silent = json!({ "sub": "2", "email": "ana@example.com" });
    let in_groups = json!({ "sub": "3", "groups": ["operators"] });
    let asked =
        Person { claims: json!({ "sub": "4" }), info: json!({ "email": "ana@example.com", "email_verified": true }) };
    let other = Person {
        claims: json!({ "sub": "5" }),
        info: json!({ "sub": "4", "email": "ana@example.com", "email_verified": true }),
    };
    let in_words = json!({ "sub": "6", "email": "ana@example.com", "email_verified": "true", "groups": "web" });
    let table = [
        (Person::with(unverified), 403, "hasn't verified your mail address", 403),
        (Person::with(silent), 403, "hasn't verified your mail address", 403),
        (Person::with(in_groups), 200, "3", 200),
        (asked, 200, "ana@example.com", 200),
        (other, 403, "hasn't verified your mail address", 403),
        (Person::with(in_words), 200, "ana@example.com", 200),
        (Person::at("bo@example.com"), 200, "bo@example.com", 403),
        (Person::at("wim@example.com"), 200, "wim@example.com", 403),
        (Person::at("pia@partner.example"), 200, "pia@partner.example", 403),
        (Person::at("mallory@evil.example"), 403, "who has no role here", 403),
    ];
    for (person, status, text, changes) in table {
        let mut browser = Browser::at(&service.address);
        browser.log_in(&provider, &person, Fault::None).await.location();
        let page = browser.get("/").await;
        assert!(page.status == status && page.text.contains(text), "{person:?}: {} {}", page.status, page.text);
        assert_eq!(browser.get("/audit").await.status, changes, "{person:?}");
        if status == 403 {
            assert_eq!(browser.get("/api/v1/updates").await.status, 403);
            let out = browser.post("/logout", &[("form_token", &page.form_token())], &[]).await;
            assert_eq!(out.status, 200, "whoever has no role can log out");
        }
    }
    let mut browser = Browser::at(&service.address);
    browser.log_in(&provider, &Person::at("bo@example.com"), Fault::None).await.location();
    let page = browser.get("/audit").await;
    assert!(page.text.contains("This takes the role `operate`. You have the role `view`."), "{}", page.text);
    assert!(!page.text.contains("href=\"/audit\""), "nobody is shown what they may not see");

    // Readers outside see what their own team was told.
    let teams = async |mail: &str| {
        let mut browser = Browser::at(&service.address);
        browser.log_in(&provider, &Person::at(mail), Fault::None).await.location();
        let updates = browser.get("/api/v1/updates").await.json();
        let teams =
            updates["updates"].as_array().unwrap().iter().map(|update| update["team"].as_str().unwrap().to_owned());
        let mut teams = teams.collect::<Vec<_>>();
        teams.sort();
        teams
    };
    assert_eq!(teams("pia@partner.example").await, ["partner"]);
    assert_eq!(teams("wim@example.com").await, ["partner", "web"]);

    // Who owns a team counts at once.
    service.write("rules/partner.toml", &super::PARTNER.replace("pia@", "rex@"));
    let mut rex = Browser::at(&service.address);
    rex.log_in(&provider, &Person::at("rex@partner.example"), Fault::None).await.location();
    eventually("the new owner may see it", async || (rex.get("/").await.status == 200).then_some(())).await;
}

#[tokio::test]
async fn a_provider_may_change_its_keys() {
    let (provider, service) = started().await;
    let ana = Person::at("ana@example.com");
    Browser::at(&service.address).log_in(&provider, &ana, Fault::None).await.location();
    Browser::at(&service.address).log_in(&provider, &ana, Fault::None).await.location();
    assert_eq!(provider.asked("/keys"), 1, "what it says of itself is kept");
    provider.rotate();
    let mut browser = Browser::at(&service.address);
    assert_eq!(browser.log_in(&provider, &ana, Fault::None).await.location(), "/");
    assert_eq!(provider.asked("/keys"), 2);
}

#[tokio::test]
async fn a_provider_may_be_down() {
    let provider = Provider::down().await;
    let mut service = service(&provider);
    service.start().await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    let mut browser = Browser::at(&service.address);
    let page = browser.get("/login?back=/").await;
    assert!(page.status == 503 && page.text.contains("can't be reached"), "{}", page.text);
    provider.serve().await;
    let page = eventually("the provider is asked again", async || {
        let page = browser.get("/login?back=/").await;
        (page.status == 303).then_some(page)
    });
    let back = provider.log_in(page.await.location(), &Person::at("ana@example.com"), Fault::None);
    assert_eq!(browser.get(&back).await.location(), "/");
}

#[tokio::test]
async fn a_login_lasts_through_a_restart_and_ends() {
    let provider = Provider::start().await;
    let mut service = service(&provider);
    service.start().await;
    let mut browser = Browser::at(&service.address);
    browser.log_in(&provider, &Person::at("ana@example.com"), Fault::None).await.location();
    service.stop().await;
    service.start().await;
    let mut again = Browser::at(&service.address);
    again.cookies = browser.cookies.clone();
    assert_eq!(again.get("/").await.status, 200);

    let ends = || service.number("SELECT ends_at - begun_at FROM session");
    const HOUR: i64 = 3_600_000;
    assert_eq!(ends(), 8 * HOUR);
    // Seen an hour later.
    service.change("UPDATE session SET begun_at = begun_at - 3600000, seen_at = seen_at - 3600000");
    assert_eq!(again.get("/").await.status, 200);
    assert!((9 * HOUR..9 * HOUR + 60_000).contains(&ends()), "{}", ends());
    // Seen all day long.
    service.change("UPDATE session SET begun_at = begun_at - 22 * 3600000, seen_at = 0");
    assert_eq!(again.get("/").await.status, 200);
    assert_eq!(ends(), 24 * HOUR);
    service.change("UPDATE session SET ends_at = begun_at");
    assert_eq!(again.get("/").await.status, 401);
    service.stop().await;
    service.start().await;
    let gone = async || (service.number("SELECT count(*) FROM session") == 0).then_some(());
    eventually("what has ended is deleted", gone).await;
}

//! Scripts with a token, people behind a proxy, and what is written of changes.

use microalign::store::{Change, Store};

use super::provider::{Browser, Fault, Person, Provider};
use super::{PARTNER, Pairs, TEAM, started};
use crate::support::{Service, merged};

const OPERATES: &str = "4f1c0d2b9a8e7f6655443322110099887766554433221100ffeeddccbbaa9988";
const OF_WEB: &str = "a-token-of-the-team-web-0123456789abcdef";
const OF_PARTNER: &str = "a-token-of-partners-0123456789abcdefghij";

fn with_tokens() -> Service {
    let tokens = format!(
        "[console.tokens.ci]\nsecret = \"{OPERATES}\"\nrole = \"operate\"\n\
         [console.tokens.web]\nsecret = \"{OF_WEB}\"\nrole = \"team\"\nteams = [\"web\"]\n\
         [console.tokens.partner]\nsecret = \"{OF_PARTNER}\"\nrole = \"team\"\nteams = [\"partner\", \"gone\"]\n"
    );
    let service = Service::new(TEAM, &tokens);
    service.write("rules/partner.toml", PARTNER);
    service
}

#[tokio::test]
async fn a_script_comes_in_by_its_token() {
    let mut service = with_tokens();
    let (_, out, _) = service.run(&["check"]).await;
    assert!(out.contains("a role for the team gone, and no team file has this name"), "{out}");
    assert!(!out.contains("the team web"), "{out}");
    service.start().await;
    service.github_settled("pull_request", "d-1", &merged(1)).await;
    let mut browser = Browser::at(&service.address);
    let bearer = |token: &str| format!("Bearer {token}");
    let mut asked = async |token: &str, path: &str| browser.with(path, &[("authorization", token)]).await;
    let one_short = &OPERATES[..OPERATES.len() - 1];
    let wrong =
        [bearer(""), bearer("x"), bearer(one_short), bearer(&format!("{OPERATES}0")), bearer(&OPERATES.to_uppercase())];
    for token in &wrong {
        let page = asked(token, "/api/v1/updates").await;
        assert_eq!((page.status, page.headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"), "{token}");
        assert!(page.json()["error"].is_string());
    }
    assert_eq!(asked("Basic eDp4", "/api/v1/updates").await.status, 401);
    for (token, updates, audit) in [(OPERATES, 2, 200), (OF_WEB, 2, 403), (OF_PARTNER, 1, 403)] {
        let page = asked(&bearer(token), "/api/v1/updates").await;
        assert_eq!(page.json()["updates"].as_array().unwrap().len(), updates, "{}", page.text);
        assert_eq!(asked(&bearer(token), "/api/v1/audit").await.status, audit);
        assert!(!service.log().contains(token));
    }
    // No browser sends a token by itself, so its requests need nothing more.
    let posted = browser.post("/api/v1/nothing", &[], &[("authorization", &bearer(OPERATES))]).await;
    assert_eq!(posted.status, 404, "{}", posted.text);
    let page = browser.get("/").await;
    assert!(page.status == 401 && page.text.contains("behind another login"), "{}", page.text);
}

#[tokio::test]
async fn only_the_proxy_says_who_somebody_is() {
    let console = "[console]\nview = [\"@example.com\"]\noperate = [\"group:operators\"]\n\
        [console.proxy]\nheader = \"X-Forwarded-Email\"\ngroups = \"X-Forwarded-Groups\"\nfrom = [\"127.0.0.2\"]\n";
    let mut service = Service::new(TEAM, console);
    service.start().await;
    let (mail, groups) = ("x-forwarded-email", "x-forwarded-groups");
    let table: [(&str, Pairs<'_>, u16, u16); 8] = [
        ("127.0.0.2", &[(mail, "bo@example.com")], 200, 403),
        ("127.0.0.2", &[(mail, "bo@example.com"), (groups, "web, operators")], 200, 200),
        ("127.0.0.2", &[(mail, "bo@evil.example")], 403, 403),
        ("127.0.0.2", &[(mail, "bo@evil.example"), (mail, "bo@example.com")], 401, 401),
        ("127.0.0.2", &[(mail, "")], 401, 401),
        ("127.0.0.2", &[(groups, "operators")], 401, 401),
        ("127.0.0.1", &[(mail, "bo@example.com"), (groups, "operators")], 401, 401),
        ("127.0.0.3", &[(mail, "bo@example.com")], 401, 401),
    ];
    for (from, headers, pages, changes) in table {
        let mut browser = Browser::from(from, &service.address);
        let page = browser.with("/", headers).await;
        assert_eq!(page.status, pages, "{from} {headers:?}: {}", page.text);
        assert_eq!(browser.with("/audit", headers).await.status, changes, "{from} {headers:?}");
    }
    // Their browsers send forms like any other.
    let mut browser = Browser::from("127.0.0.2", &service.address);
    let bo = (mail, "bo@example.com");
    let page = browser.with("/", &[bo]).await;
    let token = page.text.split_once("name=\"form-token\" content=\"").unwrap().1.split_once('"').unwrap().0;
    assert_eq!(browser.post("/audit", &[], &[bo]).await.status, 403);
    assert_eq!(browser.post("/audit", &[("form_token", token)], &[bo]).await.status, 404);
    let li = (mail, "li@example.com");
    assert_eq!(browser.post("/audit", &[("form_token", token)], &[li]).await.status, 403, "it is of somebody else");
}

#[tokio::test]
async fn changes_are_shown_to_operators_until_somebody_is_forgotten() {
    let (provider, service) = started().await;
    let (store, _written) = Store::visit(service.store()).await.unwrap();
    for number in 0..150 {
        let (who, what) = match number {
            149 => ("zora@example.com", "DATA-1 for web"),
            148 => ("bo@example.com", "email:zora@example.com"),
            _ => ("bo@example.com", "DATA-2 for web"),
        };
        let change = Change { who: who.to_owned(), via: "login", action: "mute", what: what.to_owned() };
        store.audit(change, jiff::Timestamp::now()).await.unwrap();
    }
    let mut ana = Browser::at(&service.address);
    ana.log_in(&provider, &Person::at("ana@example.com"), Fault::None).await.location();
    let mut zora = Browser::at(&service.address);
    zora.log_in(&provider, &Person::at("zora@example.com"), Fault::None).await.location();
    let page = ana.get("/audit").await;
    assert!(page.text.contains("zora@example.com") && page.text.contains("mute DATA-1 for web"), "{}", page.text);
    assert!(page.text.contains("href=\"/audit?before=51\""), "{}", page.text);
    let second = ana.get("/api/v1/audit?before=51").await.json();
    assert_eq!((second["changes"].as_array().unwrap().len(), &second["next"]), (50, &serde_json::Value::Null));

    let (code, out, err) = service.run(&["store", "stats"]).await;
    assert!(code == 0 && out.contains("changes") && out.contains("sessions"), "{out}{err}");
    let (code, out, err) = service.run(&["store", "forget", "--person", "zora"]).await;
    assert_eq!(code, 0, "{out}{err}");
    let page = ana.get("/audit").await;
    assert!(
        !page.text.contains("zora") && page.text.contains("(removed)") && page.text.contains("DATA-1"),
        "{}",
        page.text
    );
    assert_eq!(zora.get("/").await.status, 401, "their login has ended");
}

#[tokio::test]
async fn a_provider_and_this_machine_go_together() {
    let provider = Provider::start().await;
    let mut service = super::service(&provider);
    service.configure("server", "console = true\n");
    service.start().await;
    let mut browser = Browser::at(&service.address);
    let page = browser.get("/").await;
    assert!(page.status == 200 && page.text.contains("somebody on this machine"));
    // A reverse proxy here says that it is one.
    assert_eq!(browser.with("/", &[("x-forwarded-for", "10.0.0.1")]).await.status, 401);
    browser.log_in(&provider, &Person::at("bo@example.com"), Fault::None).await.location();
    let page = browser.get("/").await;
    assert!(page.text.contains("bo@example.com"), "who has logged in is who they are");
}

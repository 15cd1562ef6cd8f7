//! Which site a payload is from, and where its links lead.

use super::*;
use crate::source::at_jira_site;

fn read_at(base: Option<&str>, body: &Value) -> Event {
    let settings = Settings { jira_base_url: base.map(str::to_owned), ..Settings::default() };
    match read(body, &settings) {
        Parsed::Events(mut events) => events.remove(0),
        Parsed::Ignored(reason) => panic!("{reason}"),
    }
}

/// The address of an issue's API, as its site is called.
fn issue(api: Value) -> Value {
    let mut body = fixture!("issue_updated");
    body["issue"]["self"] = api;
    body
}

#[test]
fn a_site_is_the_configured_one_unless_the_payload_names_another() {
    const BASE: Option<&str> = Some("https://Jira.example.com/jira/");
    let api = |site: &str| json!(format!("{site}/rest/api/2/issue/10040"));
    for (base, api, host, site) in [
        (
            None,
            api("https://Example.atlassian.net"),
            Some("example.atlassian.net"),
            Some("https://example.atlassian.net"),
        ),
        (
            None,
            api("http://jira.example.com:8080/jira"),
            Some("jira.example.com:8080"),
            Some("http://jira.example.com:8080/jira"),
        ),
        (BASE, api("https://jira.example.com:443"), Some("jira.example.com"), Some("https://Jira.example.com/jira")),
        (
            BASE,
            api("https://jira.example.com:8443"),
            Some("jira.example.com:8443"),
            Some("https://jira.example.com:8443"),
        ),
        (
            BASE,
            api("https://partner.atlassian.net"),
            Some("partner.atlassian.net"),
            Some("https://partner.atlassian.net"),
        ),
        (BASE, api("https://api.atlassian.com/ex/jira/7f"), None, Some("https://Jira.example.com/jira")),
        (None, api("https://api.atlassian.com/ex/jira/7f"), None, None),
        (BASE, json!(null), None, Some("https://Jira.example.com/jira")),
        (None, json!("nonsense"), None, None),
    ] {
        let event = read_at(base, &issue(api.clone()));
        assert_eq!(event.host.as_deref(), host, "{base:?} {api}");
        assert_eq!(event.url, site.map(|site| format!("{site}/browse/DATA-123")), "{base:?} {api}");
        assert_eq!(event.subject, "DATA-123");
    }
}

#[test]
fn any_address_in_a_payload_names_its_site() {
    let site = "https://partner.atlassian.net/rest/api/2";
    let me = json!({"self": format!("{site}/user?accountId=5b"), "accountId": "5b", "displayName": "Bea"});
    let mut by_user = issue(json!(null));
    by_user["user"] = me.clone();
    let mut by_assignee = issue(json!("https://api.atlassian.com/ex/jira/7f/rest/api/2/issue/1"));
    by_assignee["issue"]["fields"]["assignee"] = me.clone();
    let mut by_project = issue(json!(null));
    by_project["issue"]["fields"]["project"]["self"] = json!(format!("{site}/project/1"));
    let mut by_comment = fixture!("comment_created_data_center");
    by_comment["comment"]["self"] = json!(format!("{site}/issue/10013/comment/1"));
    let mut by_author = fixture!("comment_created_adf");
    by_author["issue"]["self"] = json!(null);
    (by_author["comment"]["self"], by_author["comment"]["author"]) = (json!(null), me);
    let (mut by_sprint, mut by_version) = (fixture!("sprint_started"), fixture!("version_released"));
    by_sprint["sprint"]["self"] = json!("https://partner.atlassian.net/rest/agile/1.0/sprint/3");
    by_version["version"]["self"] = json!(format!("{site}/version/1"));
    for body in [by_user, by_assignee, by_project, by_comment, by_author, by_sprint, by_version] {
        let event = read_at(Some("https://jira.example.com"), &body);
        assert_eq!(event.host.as_deref(), Some("partner.atlassian.net"), "{body}");
        assert!(event.url.unwrap().starts_with("https://partner.atlassian.net/"), "{body}");
    }
    let event = read_at(Some("https://jira.example.com"), &fixture!("issuelink_created"));
    assert_eq!(
        (event.host, event.url.as_deref()),
        (None, Some("https://jira.example.com/secure/ViewIssue.jspa?id=10040"))
    );
}

#[test]
fn links_can_be_put_to_another_name_of_the_site() {
    let mut comment = fixture!("comment_created_adf");
    comment["comment"]["body"] = json!("Done.\n/assume x");
    for (body, path) in [
        (fixture!("issue_updated"), "/browse/DATA-123"),
        (comment, "/browse/DATA-123?focusedCommentId=10019"),
        (fixture!("sprint_started"), "/secure/RapidBoard.jspa?rapidView=2&sprint=3"),
        (fixture!("version_released"), "/secure/ReleaseNote.jspa?projectId=10000&version=10001"),
    ] {
        for mut event in events(&body) {
            at_jira_site(&mut event, "http://127.0.0.1:8080/jira/");
            let note = event.note.as_ref().and_then(|note| note.url.clone());
            let comment = event.comment.as_ref().and_then(|comment| comment.url.clone());
            let about = event.about.url().map(str::to_owned);
            for url in [event.url.clone(), about, note, comment].into_iter().flatten() {
                let plain = path.split("?focused").next().unwrap();
                let put = [path, plain].map(|path| format!("http://127.0.0.1:8080/jira{path}"));
                assert!(put.contains(&url), "{url}");
            }
        }
    }
}

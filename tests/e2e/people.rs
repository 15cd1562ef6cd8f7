//! Who the people are whom messages mention or are for: by the operator's table, or by those who were asked.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::places::Place;
use crate::support::{Service, merged, pull_request, read_mail, states, ticket};

/// GitHub, Slack and Jira at one address: Ana is in all of them, Bo only in GitHub, and nobody else anywhere.
async fn world() -> Place {
    Place::new(|line, body| (200, answer(line, body))).await
}

fn answer(line: &str, body: &Value) -> Value {
    let query = body["query"].as_str().unwrap_or_default();
    let member = |name: &str, verified: Value| {
        json!({ "data": { "user": { "name": name, "email": null, "organization": { "login": "acme" },
                                    "organizationVerifiedDomainEmails": verified } } })
    };
    match line {
        "POST /graphql" if query.contains("samlIdentityProvider") => {
            let why = "The token isn't allowed to";
            json!({ "data": { "organization": null }, "errors": [{ "type": "FORBIDDEN", "message": why }] })
        }
        "POST /graphql" => match (body["variables"]["login"].as_str(), body["variables"]["organization"].as_str()) {
            (Some("ana"), Some("acme")) => member("Ana Silva", json!(["ana@example.com"])),
            (Some("bo"), Some("acme")) => member("Bo", json!([])),
            _ => json!({ "data": { "user": null }, "errors": [{ "type": "NOT_FOUND", "message": "no such user" }] }),
        },
        "GET /users.lookupByEmail?email=ana%40example.com" => json!({ "ok": true, "user": { "id": "U0ANA" } }),
        "GET /rest/api/2/user/search?username=ana%40example.com&maxResults=10" => {
            json!([{ "name": "ana.silva", "emailAddress": "ana@example.com", "active": true }])
        }
        "POST /chat.postMessage" => json!({ "ok": true, "ts": "1503435956.000247", "channel": "C1" }),
        line if line.starts_with("POST /rest/api/2/issue/DATA-123/comment") => json!({ "id": "7" }),
        _ => json!({ "ok": false, "error": "users_not_found" }),
    }
}

fn team(to: &str, mention: &str) -> String {
    format!(
        "team = \"web\"\nto = {to}\nmention = {mention}\nsettle = \"0s\"\n[[rule]]\nname = \"work\"\n\
         on = [\"pull_request.*\", \"ticket.*\"]\n"
    )
}

fn service(team: &str, world: &str, more: &str) -> Service {
    let slack = format!("[slack]\ntoken = \"xoxb-its-a-token\"\napi_url = \"{world}\"\n");
    let service = Service::new(team, &format!("token = \"its-a-token\"\napi_url = \"{world}\"\n{slack}{more}"));
    service.configure("jira", &format!("base_url = \"{world}\"\ntoken = \"its-a-token\"\n"));
    service
}

/// Whom the messages in Slack mention, by their ids.
fn mentioned(world: &Place) -> Vec<Vec<String>> {
    let posts = world.got().into_iter().filter(|(line, _)| line == "POST /chat.postMessage");
    let ids = |blocks: &str| {
        let after = blocks.split("\"user_id\":\"").skip(1);
        after.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    posts.map(|(_, body)| ids(&body["blocks"].to_string())).collect()
}

/// What was asked about people, without the words of the queries.
fn asked(world: &Place) -> Vec<String> {
    let about = |(line, body): &(String, Value)| {
        let of_login = line.ends_with("/graphql") && body["variables"]["login"].is_string();
        of_login || ["lookupByEmail", "user/search"].iter().any(|name| line.contains(name))
    };
    world.got().into_iter().filter(about).map(|(line, _)| line).collect()
}

fn pull(number: u64, more: Value) -> Value {
    let mut body = pull_request("closed", number, json!({ "state": "closed", "merged": true, "body": "" }));
    for (key, value) in more.as_object().unwrap() {
        body["pull_request"][key] = value.clone();
    }
    body
}

#[tokio::test]
async fn people_are_found_once_and_kept_until_they_are_forgotten() {
    let world = world().await;
    let mut service = service(&team("[\"slack:#web\"]", "[\"author\", \"assignee\", \"reviewers\"]"), &world.url, "");
    service.start().await;
    let work = pull(
        7,
        json!({
            "assignees": [{ "login": "Bo", "type": "User" }],
            "requested_reviewers": [{ "login": "ana", "type": "User" }],
            "requested_teams": [{ "slug": "core", "name": "Core" }],
        }),
    );
    assert_eq!(states(&service.github_settled("pull_request", "p-1", &work).await), ["sent"]);
    assert_eq!(mentioned(&world), [["U0ANA"]], "{:?}", world.got());
    let once = asked(&world);
    // Ana, and Bo of whom GitHub has no address; the team is nobody to ask about.
    assert_eq!(once.iter().filter(|line| line.contains("graphql")).count(), 4, "{once:?}");
    assert_eq!(once.iter().filter(|line| line.contains("lookupByEmail")).count(), 1, "{once:?}");
    let again = pull(8, json!({ "assignees": [{ "login": "bo", "type": "User" }] }));
    assert_eq!(states(&service.github_settled("pull_request", "p-2", &again).await), ["sent"]);
    assert_eq!((mentioned(&world).len(), &mentioned(&world)[1][..]), (2, &["U0ANA".to_owned()][..]));
    assert_eq!(asked(&world), once, "what was said is kept, also that there is nothing");
    service.stop().await;

    let (code, out, err) = service.run(&["people", "--json"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    let people = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).collect::<Vec<_>>();
    let [ana, bo] = &people[..] else { panic!("{people:?}") };
    assert_eq!((&ana["login"], &ana["name"]["name"], &bo["login"]), (&json!("ana"), &json!("Ana Silva"), &json!("bo")));
    assert_eq!(
        (&ana["email"]["name"], &ana["email"]["from"]),
        (&json!("ana@example.com"), &json!("GitHub: organization"))
    );
    assert_eq!((&ana["slack"]["name"], &bo["slack"]), (&json!("U0ANA"), &Value::Null));
    assert!(ana["slack"]["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    let (_, out, _) = service.run(&["people"]).await;
    assert!(out.contains("slack        U0ANA  (Slack, by mail address, 20"), "{out}");
    let (code, out, err) = service.run(&["store", "forget", "--person", "ana"]).await;
    assert!(code == 0 && out.contains("contacts"), "{out}{err}");
    let (_, out, _) = service.run(&["people"]).await;
    assert!(!out.contains("ana") && out.contains("bo"), "{out}");
}

#[tokio::test]
async fn a_message_goes_to_a_person_by_their_login() {
    let world = world().await;
    let to = "[\"slack:@ana\", \"email:@ana\", \"email:@zed\", \"slack:@zed\"]";
    let mut service = service(&team(to, "[]"), &world.url, "").expecting(&["cannot be sent"]);
    service.start().await;
    let lines = service.github_settled("pull_request", "p-1", &pull(7, json!({}))).await;
    assert_eq!(states(&lines), ["failed"], "{lines:?}");
    let sends = lines[0]["sends"].as_array().unwrap();
    let of = |to: &str| sends.iter().find(|send| send["destination"] == to).unwrap();
    assert_eq!((&of("slack:@ana")["state"], &of("email:@ana")["state"]), (&json!("sent"), &json!("sent")));
    let zed = of("email:@zed");
    assert_eq!((&zed["state"], &zed["attempts"]), (&json!("failed"), &json!(1)), "it is no use to try again");
    let error = zed["error"].as_str().unwrap();
    assert!(error.contains("nobody knows the mail address of `zed`"), "{error}");
    let mail = service.mails();
    let to = read_mail(&mail[0]).to().unwrap().first().unwrap().address().unwrap().to_owned();
    assert_eq!((mail.len(), to.as_str()), (1, "ana@example.com"));
    let channels = world.got().into_iter().filter(|(line, _)| line == "POST /chat.postMessage");
    let mut channels = channels.map(|(_, body)| body["channel"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    channels.sort();
    // Slack itself may know a user of that name, as before.
    assert_eq!(channels, ["@zed", "U0ANA"]);
}

#[tokio::test]
async fn the_written_table_wins_and_says_whom_to_ask_for() {
    let world = world().await;
    let people = "[people.ana]\nslack = \"U0WRITTEN\"\n[people.bo]\nemail = \"ana@example.com\"\n";
    let mut service = service(&team("[\"slack:#web\"]", "[\"author\", \"bo\"]"), &world.url, people);
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "p-1", &pull(7, json!({}))).await), ["sent"]);
    assert_eq!(mentioned(&world), [["U0WRITTEN", "U0ANA"]]);
    assert_eq!(asked(&world), ["GET /users.lookupByEmail?email=ana%40example.com"]);
}

#[tokio::test]
async fn a_comment_in_jira_mentions_accounts() {
    let world = world().await;
    let mut service = service(&team("[\"jira\"]", "[\"author\", \"assignee\"]"), &world.url, "");
    service.start().await;
    let lines = service.github_settled("pull_request", "p-1", &merged(7)).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");
    let change = json!([{ "field": "status", "fieldId": "status", "fromString": "To Do", "toString": "In Progress" }]);
    let mut moved = ticket("In Progress", "indeterminate", change);
    moved["issue"]["fields"]["assignee"] = json!({ "name": "cy.young", "displayName": "Cy" });
    let lines = service.jira_settled("t-1", &moved).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");
    let comments = world.got().into_iter().filter(|(line, _)| line.starts_with("POST /rest/api/2/issue"));
    let comments = comments.map(|(_, body)| body.to_string()).collect::<Vec<_>>();
    assert!(comments[0].contains("[~ana.silva]"), "{comments:?}");
    assert!(comments[1].contains("[~cy.young]"), "{comments:?}");
}

#[tokio::test]
async fn an_api_in_trouble_holds_no_message_up() {
    for trouble in [500, 0] {
        let world = Place::new(move |line, body| match line {
            "POST /graphql" if trouble > 0 => (trouble, json!({ "message": "Unicorn" })),
            "POST /graphql" => {
                // It answers, but much too late.
                std::thread::sleep(Duration::from_secs(6));
                (200, json!({}))
            }
            line => (200, answer(line, body)),
        })
        .await;
        let mut service = service(&team("[\"slack:#web\"]", "[\"author\"]"), &world.url, "");
        service.start().await;
        let began = Instant::now();
        assert_eq!(states(&service.github_settled("pull_request", "p-1", &pull(7, json!({}))).await), ["sent"]);
        assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        assert_eq!(states(&service.github_settled("pull_request", "p-2", &pull(8, json!({}))).await), ["sent"]);
        assert_eq!(mentioned(&world), [[""; 0], [""; 0]]);
        assert_eq!(asked(&world).len(), 1, "it is left alone for a while");
        service.stop().await;
    }
}

#[tokio::test]
async fn check_says_what_is_missing() {
    let slack = "[slack]\ntoken = \"xoxb-its-a-token\"\n[people.ana]\nslack = \"U0ANA\"\n";
    let service = Service::new(&team("[\"slack:#web\"]", "[\"author\"]"), slack);
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.contains("without access to GitHub's API, nobody's mail address is looked up") && out.contains("web/work"),
        "{out}"
    );
    let (_, out, _) = service.run(&["people"]).await;
    assert!(out.contains("slack        U0ANA  (`[people]`)"), "{out}");
    for (to, mention, wrong) in
        [("[\"email:@zed\"]", "[]", "`zed`"), ("[\"slack:#web\"]", "[\"anna\"]", "did you mean `ana`?")]
    {
        service.write("rules/team.toml", &team(to, mention));
        let (code, _, err) = service.run(&["check"]).await;
        assert!(code == 1 && err.contains(wrong), "{err}");
    }
}

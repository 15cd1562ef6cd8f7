//! What people do in Slack: commands in a channel, buttons on messages, and who may.

mod forgotten;
mod late;
mod who;
mod workspace;

use serde_json::json;

use self::workspace::*;
use crate::support::{Service, commented, eventually, merged, states, ticket};

#[tokio::test]
async fn who_may_do_what() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("subscribe = \"members\"")).await;
    assumed(&service, "d-1", "ids are unique").await;
    let [object, agree, mute] = ["object", "agree", "mute"].map(|action| slack.button(action));
    let no = "Only members of this workspace can do that";
    let table: [(&str, &str, [&str; 5]); 6] = [
        ("a member", BO, ["from now on", "is ended", "is muted", "You objected", "You agreed"]),
        ("another person", LI, ["Only members", "Only members", "is muted", "You objected", "You agreed"]),
        ("the author", ANA, ["Only members", "Only members", "is muted", "You made this", "You made this"]),
        ("a guest", GUEST, [no; 5]),
        ("a stranger", STRANGER, [no; 5]),
        ("a bot", BOT, [no; 5]),
    ];
    assert!(command(&service, BO, "subscribe acme/kept merged").await.contains("from now on"));
    for (who, id, expected) in table {
        let pressed = press(&service, &slack, id, ("object", &object)).await;
        let objected = match pressed["private_metadata"].as_str() {
            Some(token) => hand_in(&service, id, (token, &format!("They are not, says {who}"))).await,
            None => pressed.to_string(),
        };
        let did = [
            command(&service, id, "subscribe acme/other merged").await,
            command(&service, id, if id == BO { "unsubscribe other-merged" } else { "unsubscribe kept-merged" }).await,
            press(&service, &slack, id, ("mute", &mute)).await.to_string(),
            objected,
            press(&service, &slack, id, ("agree", &agree)).await.to_string(),
        ];
        for (said, expected) in did.iter().zip(expected) {
            assert!(said.contains(expected), "{who}: {expected} is not in {said}");
        }
        // A form that somebody else was given is of no use, either.
        let forged = hand_in(&service, id, (&object, "No")).await;
        let refused = expected[3] != "You objected";
        assert_eq!(refused, forged.contains(expected[3]) && !forged.contains("You objected"), "{who}: {forged}");
        command(&service, BO, "unmute acme/ingest-api#7").await;
    }
    let (code, out, _) = service.run(&["subscriptions"]).await;
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
    assert!(out.contains("web/@kept-merged: pull_request.merged in acme/kept, to slack:#web, by Bo (U2)"), "{out}");
}

#[tokio::test]
async fn an_answer_by_a_button_counts_once_and_is_shown() {
    let slack = Slack::new().await;
    let mut service = Service::new(TEAM, &slack.config(""));
    service.configure("server", "console = true\n");
    service.start().await;
    assumed(&service, "d-1", "ids are unique").await;
    let [object, agree] = ["object", "agree"].map(|action| slack.button(action));
    assert!(press(&service, &slack, BO, ("agree", &agree)).await.to_string().contains("Others can still object"));
    assert!(press(&service, &slack, BO, ("agree", &agree)).await.to_string().contains("already"));
    let page = service.get("/assumptions").await.text().await.unwrap();
    assert!(page.contains("agreed in Slack") && page.contains(">Bo<") && page.contains(">open<"), "{page}");

    let view = press(&service, &slack, LI, ("object", &object)).await;
    assert_eq!((&view["type"], &view["callback_id"]), (&json!("modal"), &json!("object")), "{view}");
    assert!(!view.to_string().contains("unique"), "a form says nothing that may have been restricted since: {view}");
    let token = view["private_metadata"].as_str().unwrap();
    assert!(hand_in(&service, LI, (token, " \u{200b} ")).await.contains("Say why you object."));
    for _ in 0..2 {
        assert!(hand_in(&service, LI, (token, "They <@U1> are not.")).await.contains("You objected"));
    }
    let objected = async || {
        let ledger = service.ledger().await;
        let line = ledger.into_iter().find(|line| line["reason"].as_str().unwrap().contains("objected in Slack"));
        line.map(|line| line["reason"].as_str().unwrap().to_owned())
    };
    let reason = eventually("the ledger tells of it", objected).await;
    assert!(reason.contains("Li objected in Slack") && reason.matches("objected").count() == 1, "{reason}");
    let page = service.get("/conversations/acme%2Fingest-api%237").await.text().await.unwrap();
    assert!(page.contains("They &lt;@U1&gt; are not.") && page.contains("agreed in Slack"), "{page}");

    for (action, token) in
        [("agree", "made.up"), ("mute", &*object), ("object", &*slack.button("mute")), ("x", &*agree)]
    {
        let said = press(&service, &slack, BO, (action, token)).await.to_string();
        assert!(said.contains("no longer does anything"), "{action}: {said}");
    }
    // Whoever signs with another secret is nobody, and no address but Slack's is called.
    let fields = [("channel_id", "C1"), ("user_id", BO), ("text", "help")];
    assert_eq!(form(&service, &fields, "another").await.0, 401);
    let elsewhere = json!({
        "type": "block_actions", "user": { "id": BO }, "trigger_id": "1.2.x", "response_url": "http://127.0.0.1:9/answer",
        "actions": [{ "action_id": "mute", "value": slack.button("mute") }],
    });
    assert_eq!(interact(&service, &elsewhere).await.0, 200);
    let told = async || service.log().contains("isn't Slack's").then_some(());
    eventually("the address is refused", told).await;
}

#[tokio::test]
async fn what_a_channel_hears_and_why() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("")).await;
    assert!(command(&service, GUEST, "help").await.contains("mute DATA-123 for 1w"));
    let heard = command(&service, LI, "list").await;
    assert!(heard.contains("notes: note.*; at once") && heard.contains("tickets: ticket.*"), "{heard}");
    assert!(command(&service, LI, "why").await.contains("Nothing was sent to this channel lately"));
    assumed(&service, "d-1", "ids are unique").await;
    let why = command(&service, LI, "why").await;
    assert!(why.contains("note.assumed on acme/ingest-api#7, rule notes: sent"), "{why}");
    assert!(!why.contains("unique"), "what was written stands in the message: {why}");

    // A ticket that has a security level.
    let mut restricted = ticket("In Progress", "indeterminate", json!([]));
    restricted["issue"]["fields"]["security"] = json!({ "name": "Board" });
    restricted["webhookEvent"] = json!("jira:issue_created");
    service.jira_settled("j-1", &restricted).await;
    let why = command(&service, LI, "why DATA-123").await;
    assert!(why.contains("DATA-123") && !why.contains("Orders") && !why.contains("Board"), "{why}");

    let muted = command(&service, LI, "mute acme/ingest-api#7 for 3d").await;
    assert!(muted.contains("acme/ingest-api#7 is muted for web until"), "{muted}");
    assert!(command(&service, LI, "list").await.contains("acme/ingest-api#7 until"));
    let mut decided = commented("/decide ids stay");
    decided["comment"]["id"] = json!(2);
    assert_eq!(states(&service.github_settled("issue_comment", "d-2", &decided).await), ["suppressed"]);
    assert!(command(&service, LI, "why acme/ingest-api#7").await.contains("muted"));
    assert!(command(&service, LI, "unmute acme/ingest-api#7").await.contains("no longer muted"));
    assert!(command(&service, LI, "unmute acme/ingest-api#7").await.contains("isn't muted"));
    assert!(command(&service, LI, "mute tickets").await.contains("tickets is muted for web"));
    assert!(heard.contains("@notes"), "{heard}");
    assert!(command(&service, LI, "mute @notes").await.contains("@notes is muted for web"));
    let (_, out, _) = service.run(&["mute"]).await;
    assert!(out.contains("for web at slack:#web: rule @notes"), "{out}");
    assert!(command(&service, LI, "unmute @notes").await.contains("no longer muted"));
    let (_, out, _) = service.run(&["mute"]).await;
    assert!(out.contains("for web at slack:#web: rule tickets") && out.contains("by Li (U4) in Slack"), "{out}");
    for (text, expected) in [
        ("mute DATA-999", "neither a conversation"),
        ("mute ticketz", "did you mean `tickets`?"),
        ("why DATA-999", "Nothing has been heard of DATA-999"),
        ("lst", "Did you mean list?"),
        ("list for ops", "No messages of a team ops go to this channel"),
    ] {
        let said = command(&service, LI, text).await;
        assert!(said.contains(&expected.replace('`', "")), "{text}: {said}");
    }
    assert!(
        command_in(&service, ("C7", "elsewhere"), LI, "list").await.contains("No team's messages go to this channel")
    );
    // A private channel is known by what was sent there.
    assert!(command_in(&service, ("C1", "privategroup"), LI, "list").await.contains("notes: note.*"));
    assert!(command_in(&service, ("C7", "privategroup"), LI, "list").await.contains("No team's messages"));
    service.write("rules/ops.toml", &TEAM.replace("\"web\"", "\"ops\""));
    service.loaded(|log| log["teams"] == 2).await;
    assert!(command(&service, LI, "list").await.contains("add for ops or for web"));
    assert!(command(&service, LI, "list for ops").await.contains("By these rules of ops"));
}

#[tokio::test]
async fn a_subscription_is_a_rule_like_any_other() {
    let slack = Slack::new().await;
    let mut service = Service::new(TEAM, &slack.config("subscribe = \"anyone\""));
    service.configure("server", "console = true\n");
    service.start().await;
    let lines = service.github_settled("pull_request", "d-1", &merged(1)).await;
    assert_eq!(states(&lines), ["suppressed"], "nobody asked for it");
    let said = command(&service, LI, "subscribe acme/ingest-* merged, released").await;
    assert!(said.contains("hears of pull_request.merged, release.published in acme/ingest-* from now on"), "{said}");
    let name = "@ingest-merged-published";
    assert!(
        command(&service, BO, "subscribe acme/ingest-* merged released").await.contains(&format!("already, by {name}"))
    );
    for (text, expected) in [
        ("subscribe ingest merged", "the owner is missing"),
        ("subscribe acme/x mergd", "Did you mean merged?"),
        ("subscribe acme/x pull_request.stalled", "needs after"),
        ("subscribe ../../etc/passwd merged", "`../../etc/passwd` isn't a repository"),
        ("subscribe a/b/c/d merged", "isn't a repository"),
    ] {
        let said = command(&service, LI, text).await;
        assert!(said.contains(&expected.replace('`', "")), "{text}: {said}");
    }
    let in_force = async |service: &Service, wanted: bool| {
        let there = async || {
            let heard = command(service, LI, "list").await;
            (heard.contains(name) == wanted).then_some(())
        };
        eventually("the subscription is followed", there).await;
    };
    in_force(&service, true).await;
    let lines = service.github_settled("pull_request", "d-2", &merged(2)).await;
    assert_eq!((states(&lines), &lines[0]["rule"]), (vec!["sent"], &json!(name)), "{lines:?}");
    let (_, out, _) = service.run(&["who", "--repo", "acme/ingest-api", "--json"]).await;
    assert!(out.contains(name), "{out}");
    assert!(command(&service, LI, "mute ingest-merged-published").await.contains(&format!("{name} is muted for web")));
    assert!(command(&service, LI, &format!("unmute {name}")).await.contains("no longer muted"));
    // What the service calls its own rules is taken.
    for (repo, own) in [("acme/notes", "@notes-2"), ("acme/summary", "@summary-2")] {
        let said = command(&service, LI, &format!("subscribe {repo} *")).await;
        assert!(said.contains(&format!("unsubscribe {own} ")), "{said}");
        assert!(command(&service, LI, &format!("unsubscribe {own}")).await.contains("is ended"));
    }
    for path in ["/teams/web", "/audit"] {
        assert!(service.get(path).await.text().await.unwrap().contains(name), "{path}");
    }

    // It survives a restart.
    assert_eq!(service.stop().await, 0);
    service.start().await;
    let lines = service.github_settled("pull_request", "d-3", &merged(3)).await;
    assert_eq!(states(&lines), ["sent"], "{lines:?}");

    // It sends nowhere that its team's file doesn't.
    service.write("rules/team.toml", &TEAM.replace("slack:#web", "slack:#other"));
    let gone = async || {
        let (_, out, _) = service.run(&["subscriptions"]).await;
        out.contains("not in force: no rule in the file of `web` sends to slack:#web any more").then_some(())
    };
    eventually("the channel isn't the team's any more", gone).await;
    service.loaded(|log| log["rules"] == 2).await;
    std::fs::remove_file(service.path("rules/team.toml")).unwrap();
    service.loaded(|log| log["teams"] == 0).await;
    let (_, out, _) = service.run(&["subscriptions"]).await;
    assert!(out.contains("not in force: there is no team `web` any more"), "{out}");
    // A rule of the same name, but for the `@`, is another one.
    let rule = format!("{TEAM}[[rule]]\nname = \"{}\"\non = [\"push\"]\n", name.trim_start_matches('@'));
    service.write("rules/team.toml", &rule);
    service.loaded(|log| log["rules"] == 4).await;
    let lines = service.github_settled("pull_request", "d-4", &merged(4)).await;
    assert_eq!((states(&lines), &lines[0]["rule"]), (vec!["sent"], &json!(name)), "{lines:?}");

    // The operator ends it, in another process.
    let (code, out, err) = service.run(&["subscriptions", "--end", &format!("web/{name}")]).await;
    assert_eq!((code, out.trim()), (0, format!("ended web/{name}").as_str()), "{err}");
    in_force(&service, false).await;
    let lines = service.github_settled("pull_request", "d-5", &merged(5)).await;
    assert_eq!(states(&lines), ["suppressed"]);
    assert_eq!(service.run(&["subscriptions", "--end", &format!("web/{name}")]).await.0, 1);
}

#[tokio::test]
async fn readers_outside_get_no_more_by_a_subscription() {
    let slack = Slack::new().await;
    let team = TEAM.replace("settle", "audience = \"outside\"\nsettle");
    let service = Service::started(&team, &slack.config("subscribe = \"anyone\"")).await;
    assert!(command(&service, LI, "subscribe acme/* merged").await.contains("from now on"));
    let there = async || command(&service, LI, "list").await.contains("@merged").then_some(());
    eventually("the subscription is in force", there).await;
    let mut private = merged(7);
    private["repository"]["private"] = json!(true);
    let lines = service.github_settled("pull_request", "d-1", &private).await;
    assert_eq!(states(&lines), ["sent"]);
    let posted = slack.at("/chat.postMessage").last().unwrap().to_string();
    for hidden in ["order schema", "order-v2", "DATA-123", "actions"] {
        assert!(!posted.contains(hidden), "{hidden}: {posted}");
    }
    let why = command(&service, LI, "why").await;
    assert!(why.contains("pull_request.merged on acme/ingest-api") && !why.contains("#7"), "{why}");
}

#[tokio::test]
async fn where_nobody_may_subscribe_the_rule_is_ready_to_be_added() {
    let slack = Slack::new().await;
    let service = Service::started(TEAM, &slack.config("")).await;
    let said = command(&service, BO, "subscribe acme/ingest-api merged").await;
    let rule = "[[rule]] name = \"ingest-api-merged\" on = [\"pull_request.merged\"] repo = [\"acme/ingest-api\"]";
    assert!(said.contains("rules/team.toml") && said.contains(rule), "{said}");
    assert!(!said.contains("to ="), "the team's messages go there anyway: {said}");
    let team = format!(
        "{TEAM}[[rule]]\nname = \"ingest-api-merged\"\non = [\"pull_request.merged\"]\nrepo = [\"acme/ingest-api\"]\n"
    );
    service.write("rules/team.toml", &team);
    service.loaded(|log| log["rules"] == 3).await;
    let another = command(&service, BO, "subscribe other/ingest-api merged").await;
    assert!(another.contains("name = \"ingest-api-merged-2\""), "the file has a rule of that name: {another}");
    let evil = command(&service, BO, "subscribe acme/\"]\\nto=[\"mailbox merged").await;
    assert!(!evil.contains("\nto"), "{evil}");
    let (_, out, _) = service.run(&["subscriptions", "--json"]).await;
    assert_eq!(out, "");
}

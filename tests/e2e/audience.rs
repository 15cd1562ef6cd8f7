//! What readers outside hear of a private repository: the kind and the link, whatever the templates say.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Listener, Service, commented, pull_request, read_mail, states, ticket};

/// Prints all that there is.
const EVIL: &str = "+++
subject = \"{{thread.label}} {{thread.key}} {{pr.title}} {{ticket.key}} {{actor.name}} {{note.text}} {{change.to}}\"
+++
{{pr.title}} {{pr.body_summary}} {{pr.author.name}} {{pr.base}} {{pr.head}} {{#each pr.labels}}{{this}} {{/each}}
{{issue.title}} {{thing.title}} {{thing.branch}} {{thing.body_summary}} {{note.text}} {{comment.summary}} {{comment.url}}
{{change.from}} {{change.to}} {{actor.login}} {{actor.name}} {{repo}} {{ticket.key}} {{ticket.summary}} {{thread.key}}
{{thread.url}} {{links.mute}} {{why}} {{event.what}} {{event.url}}
";

/// Stands in everything that must not be said.
const SECRET: &str = "hush";

fn private(mut body: Value) -> Value {
    body["repository"]["private"] = json!(true);
    body["repository"]["html_url"] = json!("https://github.com/acme/ingest-api");
    body["sender"] = json!({ "login": "hush-ana", "type": "User" });
    body
}

fn deliveries() -> Vec<(&'static str, Value)> {
    let mut opened = pull_request(
        "opened",
        7,
        json!({
            "title": "hush title", "body": "hush body for HUSH-7.\n\n/assume hush note\n",
            "head": { "ref": "HUSH-1-branch" }, "base": { "ref": "hush-base" }, "labels": [{ "name": "hush-label" }],
            "user": { "login": "hush-ana", "type": "User" },
        }),
    );
    opened["repository"]["html_url"] = json!("https://github.com/acme/ingest-api");
    let mut unknown = opened.clone();
    unknown["number"] = json!(8);
    unknown["pull_request"]["number"] = json!(8);
    unknown["pull_request"]["html_url"] = json!("https://github.com/acme/ingest-api/pull/8");
    unknown["repository"].as_object_mut().unwrap().remove("private");
    unknown["sender"] = json!({ "login": "hush-ana", "type": "User" });
    let mut comment = commented("hush comment\n\n/decide hush decision");
    comment["issue"]["title"] = json!("hush title");
    let branch =
        json!({ "ref": "hush-branch", "ref_type": "branch", "repository": { "full_name": "acme/ingest-api" } });
    let release = json!({
        "action": "published", "repository": { "full_name": "acme/ingest-api" },
        "release": { "tag_name": "hush-1", "name": "hush name", "body": "hush news",
                     "html_url": "https://github.com/acme/ingest-api/releases/tag/hush-1" },
    });
    vec![
        ("pull_request", private(opened)),
        ("pull_request", unknown),
        ("issue_comment", private(comment)),
        ("create", private(branch)),
        ("release", private(release)),
    ]
}

fn team(audience: &str) -> String {
    format!(
        "team = \"partner\"\nto = [\"email:partner@example.com\", \"webhook:hub\"]\nsettle = \"0s\"\n{audience}\
         template = \"evil\"\n[[rule]]\nname = \"all\"\non = [\"*\"]\n"
    )
}

async fn started(audience: &str, hub: &Listener) -> Service {
    started_with(audience, hub, EVIL).await
}

/// With this template, and all others evil.
async fn started_with(audience: &str, hub: &Listener, own: &str) -> Service {
    let more = format!(
        "[email]\nfrom = \"updates@example.com\"\n[webhook.hub]\nurl = \"{}\"\nsecret = \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n",
        hub.url
    );
    let mut service = Service::new(&team(audience), &more);
    let config = std::fs::read_to_string(service.path("microalign.toml")).unwrap();
    let config = config.replacen("[server]\n", "[server]\nconsole = true\npublic_url = \"http://127.0.0.1:0\"\n", 1);
    service.write("microalign.toml", &config);
    for name in ["evil", "outside", "merged", "default"] {
        service.write(&format!("templates/{name}.hbs"), if name == "evil" { own } else { EVIL });
    }
    service.start().await;
    service
}

/// All that was said: mails as they are read, what the webhook got, what commands and the console show of the messages.
async fn said(service: &Service, hub: &Listener) -> String {
    let mut said = String::new();
    for raw in service.mails() {
        let mail = read_mail(&raw);
        said += &format!("{}\n{}\n", mail.subject().unwrap(), mail.body_text(0).unwrap());
        said += &format!("{}\n{}\n", mail.body_html(0).unwrap(), String::from_utf8_lossy(&raw));
    }
    for got in hub.requests() {
        said += &format!("{:?}\n{}\n", got.headers, got.text);
    }
    said.to_lowercase()
}

#[tokio::test]
async fn nothing_of_a_private_repository_gets_outside() {
    let hub = Listener::new(vec![(200, json!({}))]).await;
    let service = started("audience = \"outside\"\n", &hub).await;
    for (number, (event, body)) in deliveries().iter().enumerate() {
        let lines = service.github_settled(event, &format!("d-{number}"), body).await;
        assert!(states(&lines).iter().all(|state| *state == "sent"), "{lines:?}");
    }
    let said = said(&service, &hub).await;
    assert!(!said.contains(SECRET), "{said}");
    for expected in [
        "https://github.com/acme/ingest-api/pull/7",
        "https://github.com/acme/ingest-api/pull/8",
        "pull_request.opened",
        "note.assumed",
        "release.published",
    ] {
        assert!(said.contains(expected), "{expected} is missing: {said}");
    }
    // Who guesses a name can make all that follows from it alone.
    for name in ["HUSH-1", "acme/ingest-api#7", "acme/ingest-api"] {
        for end in ["", "\0email:partner@example.com"] {
            let digest = Sha256::digest(format!("{name}{end}"));
            let guessed = hex::encode(&digest[..8]);
            assert!(!said.contains(&guessed), "{name:?}{end:?}");
        }
    }
    let (_, shown, _) = service.run(&["ledger", "show", "1"]).await;
    let console = service.get("/").await.text().await.unwrap();
    for secret in ["hush title", "hush body", "hush note", "hush decision", "hush-label", "hush-base", "hush-ana"] {
        assert!(!shown.contains(secret) && !console.contains(secret), "{secret} in {shown}\n{console}");
    }
}

#[tokio::test]
async fn what_is_public_and_what_jira_says_goes_as_usual() {
    let hub = Listener::new(vec![(200, json!({}))]).await;
    let service = started("audience = \"outside\"\n", &hub).await;
    let body = pull_request("opened", 7, json!({ "title": "A public title" }));
    service.github_settled("pull_request", "d-1", &body).await;
    let hidden = private(pull_request("opened", 9, json!({ "title": "hush title" })));
    service.github_settled("pull_request", "d-2", &hidden).await;
    let changes = json!([{ "field": "status", "fromString": "To Do", "toString": "In Progress" }]);
    service.jira_settled("j-1", &ticket("In Progress", "indeterminate", changes)).await;
    let said = said(&service, &hub).await;
    assert!(said.contains("a public title") && said.contains("orders in the v2 schema"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
    let mails = service.mails();
    let last = read_mail(mails.last().unwrap());
    assert!(!last.body_text(0).unwrap().contains("/pull/9") && !last.subject().unwrap().contains("#9"));
}

#[tokio::test]
async fn inside_everything_is_said() {
    let hub = Listener::new(vec![(200, json!({}))]).await;
    let service = started("", &hub).await;
    let (event, body) = &deliveries()[0];
    service.github_settled(event, "d-1", body).await;
    let said = said(&service, &hub).await;
    for expected in ["hush title", "hush note", "hush-label", "hush-1-branch"] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

/// What a rule's template says by itself arrives, and what it takes from the event does not.
#[tokio::test]
async fn a_rules_own_template_says_what_its_writer_put_there() {
    let hub = Listener::new(vec![(200, json!({}))]).await;
    let words = EVIL.rsplit_once("+++\n").unwrap().1;
    let own = format!(
        "+++\nsubject = \"From the ingest team {{{{pr.title}}}} {{{{thing.title}}}}\"\n+++\n\
         The format that you read is changing. Ask us at ingest@example.com. {words}"
    );
    let service = started_with("audience = \"outside\"\n", &hub, &own).await;
    for (number, (event, body)) in deliveries().iter().enumerate() {
        let lines = service.github_settled(event, &format!("d-{number}"), body).await;
        assert!(states(&lines).iter().all(|state| *state == "sent"), "{lines:?}");
    }
    let heard = said(&service, &hub).await;
    assert!(!heard.contains(SECRET), "{heard}");
    let mails = service.mails();
    assert!(mails.len() >= deliveries().len(), "{} mails", mails.len());
    for raw in &mails {
        let mail = read_mail(raw);
        let (subject, text) = (mail.subject().unwrap(), mail.body_text(0).unwrap());
        assert!(text.contains("The format that you read is changing. Ask us at ingest@example.com."), "{text}");
        assert!(subject.contains("From the ingest team") || subject.starts_with("Re: "), "{subject}");
    }
    // What the writer says to them in particular does too, and whose words they are does not.
    let note = commented("hush comment\n\n/headsup @partner The export moves to S3 on Friday.");
    service.github_settled("issue_comment", "d-9", &private(note)).await;
    let heard = said(&service, &hub).await;
    assert!(heard.contains("the export moves to s3 on friday.") && !heard.contains(SECRET), "{heard}");
}

//! What the log holds at its most talkative.

use serde_json::json;

use crate::bounce::MailServer;
use crate::support::{SECRET, Service, commented, eventually, pull_request};

const TEAM: &str = "team = \"web\"\nto = [\"email:web@example.com\", \"mailbox\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"all\"\non = [\"pull_request.opened\", \"note.assumed\"]\n";

#[tokio::test]
async fn no_level_logs_titles_bodies_or_links() {
    for level in ["trace", "debug,handlebars=trace,hyper=trace,lettre=trace"] {
        let server = MailServer::default();
        server.mailbox.store(true, std::sync::atomic::Ordering::SeqCst);
        let port = server.start().await;
        let email = format!("[email]\nfrom = \"updates@example.com\"\nsmtp = \"smtp://127.0.0.1:{port}\"\n");
        let mut service = Service::new(TEAM, &email);
        service.configure("server", "public_url = \"http://127.0.0.1:0\"\nconsole = true\n");
        service.level = level;
        service.start().await;
        let body = pull_request("opened", 7, json!({ "title": "Marmalade in the schema", "body": "Of quinces" }));
        service.github_settled("pull_request", "d-1", &body).await;
        service.github_settled("issue_comment", "d-2", &commented("/assume quinces are never reused")).await;
        assert_eq!(service.get("/").await.status(), 200);
        let taken = async || Some(server.mails.lock().unwrap().concat()).filter(|mails| mails.contains("/object/"));
        let mails = eventually("the assumption is mailed", taken).await.replace("=\r\n", "");
        let start = format!("http://{}/", service.address);
        let links = mails.split(&start).skip(1);
        let tokens = links.map(|link| link.split(|c: char| !(c.is_ascii_alphanumeric() || "-_./".contains(c))).next());
        let tokens = tokens.map(|link| link.unwrap().split_once('/').unwrap().1.to_owned()).collect::<Vec<_>>();
        assert!(tokens.len() > 2 && tokens.iter().all(|token| token.len() > 20), "{mails}");
        for token in &tokens {
            service.get(&format!("/object/{token}")).await;
        }
        service.stop().await;
        let log = service.log();
        let never = ["Marmalade", "quinces", SECRET, "web@example.com"].into_iter().map(str::to_owned).chain(tokens);
        for word in never {
            let line = log.lines().find(|line| line.contains(&word));
            assert_eq!(line, None, "{word} is in the log at {level}");
        }
        assert!(log.contains("\"level\":\"DEBUG\""), "our own details are there: {log}");
    }
}

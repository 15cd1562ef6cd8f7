//! What a digest may hold at a place.

use super::*;

#[tokio::test]
async fn a_digest_that_a_place_cannot_hold_is_several_messages() {
    let team = "team = \"web\"\nto = [\"discord:web\", \"mailbox\"]\n[[rule]]\nname = \"all\"\n\
                on = [\"pull_request.commented\"]\ndigest = \"daily 09:00\"\n";
    let clocked = Clocked::new(&[team.to_owned()]).await;
    for comment in 0..30 {
        let words = format!("{}ends with {comment}", "words ".repeat(20));
        clocked.comment("2026-11-19T10:00:00Z", &format!("dev{comment}"), &words).await;
    }
    clocked.until("2026-11-20T09:00:00Z").await;
    let messages = clocked.messages().await.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>();
    let room = crate::channel::room(&"discord:web".parse().unwrap());
    assert!(messages.len() > 1 && messages.iter().all(|text| text.chars().count() <= room + 100), "{messages:?}");
    let all = messages.join("\n") + "\n";
    let missing = (0..30).filter(|comment| !all.contains(&format!("ends with {comment}\n"))).collect::<Vec<_>>();
    assert_eq!(missing, [0; 0], "{all}");
}

/// Everybody who sees a public page reads the comments on it.
#[tokio::test]
async fn a_digest_never_puts_one_pages_news_onto_another() {
    let team = "team = \"web\"\nto = [\"github\"]\nown = true\n[[rule]]\nname = \"all\"\n\
                on = [\"pull_request.opened\"]\ndigest = \"daily 09:00\"\n";
    let clocked = Clocked::new(&[team.to_owned()]).await;
    for (number, name) in [(1, "acme/open"), (2, "acme/private")] {
        let page = format!("https://github.com/{name}/pull/{number}");
        let more = json!({ "repository": { "full_name": name, "private": number == 2 },
                           "pull_request": { "number": number, "title": name, "html_url": page } });
        clocked.pull_request("2026-11-19T10:00:00Z", "opened", more).await;
    }
    clocked.until("2026-11-20T09:00:00Z").await;
    let lanes = clocked.intake.store.claim(&Lanes::default(), moment("2026-11-20T09:00:01Z")).await.unwrap();
    let sends = lanes.iter().flat_map(Lane::sends);
    let told = sends.map(|send| (send.thread.as_str(), send.message.text())).collect::<Vec<_>>();
    assert!(matches!(&told[..], [("acme/open#1", _), ("acme/private#2", _)]), "{told:?}");
    assert!(!told[0].1.contains("private"), "{told:?}");
}

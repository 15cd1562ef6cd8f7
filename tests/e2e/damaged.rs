//! A damaged row in the store: what it belongs to is set aside, and nothing else waits for it.

use serde_json::json;

use crate::support::{Service, TEAM, merged, pull_request};

#[tokio::test]
async fn a_delivery_that_cannot_be_planned_holds_up_no_other() {
    let service = Service::started(TEAM, "").await.expecting(&["our fault"]);
    service.github_settled("pull_request", "d-0", &pull_request("opened", 7, json!({}))).await;
    assert_eq!(service.change("UPDATE subject SET state = '{' WHERE key = 'acme/ingest-api#7'"), 1);
    // They come together, so that they are planned together.
    let bodies = [5, 6, 7, 8, 9].map(|number| (format!("d-{number}"), merged(number)));
    let sent = bodies.iter().map(|(delivery, body)| service.github("pull_request", delivery, body));
    assert!(futures_util::future::join_all(sent).await.iter().all(|answer| answer.status == 202));
    let lines = service.idle().await;
    let became = |delivery: &str| {
        let line = lines.iter().find(|line| line["delivery"] == delivery).unwrap();
        (line["state"].as_str().unwrap().to_owned(), line["code"].as_str().unwrap().to_owned())
    };
    for delivery in ["d-5", "d-6", "d-8", "d-9"] {
        assert_eq!(became(delivery), ("sent".to_owned(), "sent".to_owned()), "{delivery}");
    }
    assert_eq!(became("d-7"), ("ignored".to_owned(), "fault".to_owned()));
    assert_eq!(service.mails().len(), 4);
}

//! Deliveries: what failed, what rests, and trying again.

use serde_json::{Value, json};

use super::{api, ask, console, hub, in_order, page, press};
use crate::support::{Listener, eventually, merged, states};

const MERGES: &str = "team = \"web\"\nto = [\"webhook:hub\"]\nsettle = \"0s\"\n\
    [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\n";

#[tokio::test]
async fn what_failed_is_tried_again_one_by_one_together_or_all_of_a_destination() {
    let refused = (400, json!({ "said": "no <b>room</b>" }));
    let fine = (200, json!({}));
    let receiver = Listener::new([vec![refused; 6], vec![fine]].concat()).await;
    let service = console(MERGES, &hub(&receiver.url)).await.expecting(&["cannot be sent"]);
    for number in 1..=6 {
        let mut body = merged(number);
        body["pull_request"]["body"] = json!(format!("For DATA-{number}."));
        let lines = service.github_settled("pull_request", &format!("d-{number}"), &body).await;
        assert_eq!(states(&lines), ["failed"], "{lines:?}");
    }
    let shown = page(&service, "/deliveries").await;
    assert!(shown.contains("no &lt;b&gt;room&lt;/b&gt;") && shown.contains("6 failed"), "{shown}");
    let list = api(&service, "/sends").await;
    let lines = list["sends"].as_array().unwrap().iter().map(|send| send["line"].as_str().unwrap().to_owned());
    let lines = lines.collect::<Vec<_>>();
    assert_eq!((lines.len(), &list["sends"][0]["attempts"]), (6, &json!(1)));
    assert!(list["sends"][0]["error"].as_str().unwrap().contains("no <b>room</b>"), "{list}");
    let failed = async |left: usize| {
        service.idle().await;
        assert_eq!(api(&service, "/sends").await["sends"].as_array().unwrap().len(), left);
    };

    let (status, one) = press(&service, "/deliveries", &[("line", &lines[4]), ("retry", &lines[0])]).await;
    assert!(status == 200 && one.contains("One message is being sent again."), "{status} {one}");
    failed(5).await;
    let selected = [("line", lines[1].as_str()), ("line", &lines[2]), ("selected", "1")];
    let (status, several) = press(&service, "/deliveries", &selected).await;
    assert!(status == 200 && several.contains("2 messages are being sent again."), "{status} {several}");
    failed(3).await;
    let (status, none) = press(&service, "/deliveries", &[("selected", "1")]).await;
    assert!(status == 400 && none.contains("choose what to try again"), "{status} {none}");
    assert_eq!(ask(&service, "/sends/retry", &json!({ "lines": ["9.9"] })).await.0, 404);
    assert_eq!(ask(&service, "/sends/retry", &json!({ "lines": [lines[3]], "destination": "mailbox" })).await.0, 400);
    let again = ask(&service, "/sends/retry", &json!({ "lines": [lines[3]] })).await;
    assert_eq!(again, (200, json!({ "sends": 1, "more": false })));
    failed(2).await;
    let (status, all) = press(&service, "/deliveries", &[("destination", "webhook:hub")]).await;
    assert!(status == 200 && all.contains("2 messages are being sent again."), "{status} {all}");
    failed(0).await;

    let places = api(&service, "/destinations").await;
    let place = &places["destinations"][0];
    assert_eq!((&place["destination"], &place["failed"]["count"]), (&json!("webhook:hub"), &json!(0)));
    assert!(place["last_sent"].is_string() && place["failures"] == 0, "{place}");
    assert_eq!(receiver.requests().len(), 12);
}

#[tokio::test]
async fn a_destination_that_rests_says_why_and_until_when() {
    let receiver = Listener::new(vec![(503, json!("the hub is being moved"))]).await;
    let service = console(MERGES, &hub(&receiver.url)).await;
    service.github("pull_request", "d-1", &merged(7)).await;
    let rests = async || {
        let place = api(&service, "/destinations").await["destinations"][0].clone();
        (place["failures"].as_u64() > Some(0) && place["rests_until"].is_string()).then_some(place)
    };
    let place = eventually("it rests", rests).await;
    assert!(place["error"].as_str().unwrap().contains("the hub is being moved"), "{place}");
    assert_eq!((&place["retrying"]["count"], &place["last_sent"]), (&json!(1), &Value::Null), "{place}");
    let shown = page(&service, "/deliveries?state=retrying&destination=webhook%3Ahub").await;
    in_order(
        &shown,
        &["Destinations", "webhook:hub", "failures in a row", "the hub is being moved", "Messages", "web", "DATA-123"],
    );
    let list = api(&service, "/sends?state=retrying").await;
    assert!(list["sends"][0]["next"].is_string() && list["sends"][0]["retry"] == false, "{list}");
    let (status, none) = press(&service, "/deliveries", &[("destination", "webhook:hub")]).await;
    assert!(status == 200 && none.contains("Nothing could be tried again."), "{status} {none}");
}

//! A server that ends the connections to it, as one that is restarted does.

use serde_json::json;

use crate::support::{Service, TEAM, merged, states};

/// What the service may log as errors, whatever it is at while its connections end.
const ENDED: &[&str] =
    &["nothing was written", "the store failed", "the store could not be written", "cannot open the store"];

#[tokio::test]
async fn a_service_goes_on_after_its_connections_end() {
    let service = Service::started(TEAM, "").await.expecting(ENDED);
    for number in 1..=8 {
        if !service.end_connections() {
            crate::support::did_not_run("MICROALIGN_TEST_POSTGRES names no server");
            return;
        }
        let delivery = format!("d-{number}");
        // A sender comes again after a 503.
        let mut answer = service.github("pull_request", &delivery, &merged(number)).await;
        while answer.status == 503 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            answer = service.github("pull_request", &delivery, &merged(number)).await;
        }
        assert_eq!((answer.status, &answer.body["status"]), (202, &json!("accepted")), "{}", answer.body);
        service.end_connections();
        assert_eq!(states(&service.settled(&delivery).await), ["sent"]);
    }
    assert_eq!(service.mails().len(), 8, "each is told once");
    assert_eq!(service.get("/readyz").await.status(), 200);
}

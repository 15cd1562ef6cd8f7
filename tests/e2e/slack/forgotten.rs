//! What Slack calls somebody is forgotten with the rest.

use super::workspace::*;
use crate::support::{Service, eventually};

#[tokio::test]
async fn people_are_forgotten_by_what_slack_calls_them() {
    let slack = Slack::new().await;
    let config =
        slack.config("subscribe = \"anyone\"").replace("[people.mia]", &format!("[people.mia]\nslack = \"{MIA}\""));
    let service = Service::started(TEAM, &config).await;
    let now = jiff::Timestamp::now().as_millisecond();
    let sql = format!("INSERT INTO contact (login, slack, slack_at) VALUES ('nia-b', '{NIA}', {now})");
    service.change(&sql);
    assumed(&service, "d-1", "ids are unique").await;
    let [object, agree, mute] = ["object", "agree", "mute"].map(|action| slack.button(action));
    for (id, login, name) in [(MIA, "mia", "Mia Moss"), (NIA, "nia-b", "Nia Berg")] {
        command(&service, id, &format!("subscribe acme/of-{login} merged")).await;
        press(&service, &slack, id, ("mute", &mute)).await;
        press(&service, &slack, id, ("agree", &agree)).await;
        assert!(hand_in(&service, id, (&object, &format!("Parasols, says {login}"))).await.contains("You objected"));
        let told = async || {
            service.ledger().await.iter().any(|line| line["reason"].as_str().unwrap().contains(name)).then_some(())
        };
        eventually("the ledger tells of the objection", told).await;
        assert!([id, name].iter().all(|text| service.stored().contains(text)), "{name}");
        let (code, out, err) = service.run(&["store", "forget", "--person", login]).await;
        assert_eq!(code, 0, "{out}{err}");
        for text in [id, name, "Parasols"] {
            assert!(!service.stored().contains(text), "{login}: {text}: {out}");
        }
    }
    let (_, out, _) = service.run(&["subscriptions"]).await;
    assert_eq!(out.lines().count(), 2, "they stay: {out}");
}

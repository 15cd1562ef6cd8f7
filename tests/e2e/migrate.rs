//! `microalign migrate` brings a store up to date, or makes one.

use crate::support::{Service, TEAM, merged, migrations, older_store, states};

async fn migrate(service: &Service) -> (i32, String, String) {
    service.run(&["migrate"]).await
}

#[tokio::test]
async fn a_store_is_made_once_and_served_from() {
    let mut service = Service::new(TEAM, "");
    let (code, out, err) = migrate(&service).await;
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(out.starts_with("Made a store at ") && out.lines().count() == 1, "{out}");
    let (code, out, err) = migrate(&service).await;
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.starts_with("The store at ") && out.contains(" is up to date (schema "), "{out}");
    service.start().await;
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(1)).await), ["sent"]);
}

#[tokio::test]
async fn beside_a_service_a_server_is_migrated_and_a_file_is_not() {
    let service = Service::started(TEAM, "").await;
    let (code, out, err) = migrate(&service).await;
    match service.store().file() {
        Some(_) => assert!(code == 1 && err.contains("is in use by another microalign"), "{out}{err}"),
        None => assert!(code == 0 && out.contains(" is up to date (schema "), "{out}{err}"),
    }
    assert_eq!(states(&service.github_settled("pull_request", "d-1", &merged(1)).await), ["sent"]);
}

#[tokio::test]
async fn an_older_store_is_brought_up_to_date_and_a_newer_one_is_refused() {
    let mut service = Service::new(TEAM, "");
    let newest = if service.store().file().is_some() {
        let newest = migrations().len();
        older_store(&service.path("microalign.db"), newest - 1);
        let (code, out, err) = migrate(&service).await;
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(out.ends_with(&format!(" was brought from schema {} to {newest}.\n", newest - 1)), "{out}");
        "PRAGMA user_version = 9999"
    } else {
        assert_eq!(migrate(&service).await.0, 0);
        "UPDATE microalign_schema SET version = 9999, oldest = 9999"
    };
    service.start().await;
    service.stop().await;
    service.change(newest);
    let (code, out, err) = migrate(&service).await;
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(err.contains("is of a newer version of microalign: use that program"), "{err}");
}

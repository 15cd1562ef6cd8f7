//! Files that change while the service runs: what is right is in force at once, what is wrong changes nothing.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::bounce::MailServer;
use crate::support::{Service, eventually, merged, read_mail, states};

fn team(name: &str, label: &str) -> String {
    format!(
        "team = \"{name}\"\nto = [\"email:{name}@example.com\"]\nsettle = \"0s\"\n\
         [[rule]]\nname = \"merged\"\non = [\"pull_request.merged\"]\nlabels = [\"{label}\"]\n"
    )
}

fn labelled(number: u64, label: &str) -> Value {
    let mut body = merged(number);
    body["pull_request"]["labels"] = json!([{ "name": label }]);
    body
}

/// The teams that hear of a merge with this label.
async fn told(service: &Service, number: u64, label: &str) -> Vec<String> {
    let lines = service.github_settled("pull_request", &format!("d-{number}"), &labelled(number, label)).await;
    lines.iter().filter(|line| line["state"] == "sent").map(|line| line["team"].as_str().unwrap().to_owned()).collect()
}

async fn logged(service: &Service, text: &str) {
    eventually(text, async || service.log().contains(text).then_some(())).await;
}

#[tokio::test]
async fn a_changed_team_file_is_in_force_without_a_restart() {
    let service = Service::started(&team("web", "contract"), "").await;
    assert_eq!(told(&service, 1, "contract").await, ["web"]);
    assert!(told(&service, 2, "api").await.is_empty());
    let more = "[[rule]]\nname = \"api\"\non = [\"pull_request.merged\"]\nlabels = [\"api\"]\n";
    service.write("rules/team.toml", &format!("{}{more}", team("web", "none")));
    service.loaded(|loaded| loaded["rules"] == 2).await;
    assert!(told(&service, 3, "contract").await.is_empty());
    assert_eq!(told(&service, 4, "api").await, ["web"]);
    service.write("rules/docs.toml", &team("docs", "api"));
    service.loaded(|loaded| loaded["teams"] == 2).await;
    assert_eq!(told(&service, 5, "api").await.len(), 2);
    std::fs::remove_file(service.path("rules/team.toml")).unwrap();
    service.loaded(|loaded| loaded["teams"] == 1).await;
    assert_eq!(told(&service, 6, "api").await, ["docs"]);
    let lines = service.github_settled("pull_request", "d-7", &labelled(7, "contract")).await;
    assert_eq!((states(&lines), &lines[0]["reason"]), (vec!["suppressed"], &json!("no rule matched")));
}

#[tokio::test]
async fn sighup_reads_what_no_watcher_sees() {
    // The folder itself does not change when the file that a link leads to does (as with mounted volumes).
    let mut service = Service::new(&team("web", "contract"), "");
    std::fs::create_dir(service.path("rules/..data")).unwrap();
    std::fs::rename(service.path("rules/team.toml"), service.path("rules/..data/team.toml")).unwrap();
    std::os::unix::fs::symlink("..data/team.toml", service.path("rules/team.toml")).unwrap();
    service.start().await;
    let more = "[[rule]]\nname = \"api\"\non = [\"pull_request.merged\"]\nlabels = [\"api\"]\n";
    service.write("rules/..data/team.toml", &format!("{}{more}", team("web", "contract")));
    assert!(told(&service, 1, "api").await.is_empty());
    service.signal("HUP");
    service.loaded(|loaded| loaded["rules"] == 2).await;
    assert_eq!(told(&service, 2, "api").await, ["web"]);
}

#[tokio::test]
async fn a_link_out_of_the_folder_shows_nobody_what_is_there() {
    let web = team("web", "contract").replace("settle", "owner = \"ana@example.com\"\nsettle");
    let service = Service::started(&web, "").await.expecting(&["a file is broken"]);
    let template = "hunter2 {{pr.title}}\n";
    for (name, text) in [("secret", "hunter2\n"), ("secret.toml", "team = hunter2\n"), ("secret.hbs", template)] {
        service.write(name, text);
    }
    let link = |to: &str, name: &str| {
        let draft = service.path(&format!("{name}~"));
        std::os::unix::fs::symlink(service.path(to), &draft).unwrap();
        std::fs::rename(draft, service.path(name)).unwrap();
    };
    link("secret.hbs", "templates/merged.hbs");
    for (mails, to) in [(1, "secret"), (2, "secret.toml")] {
        link(to, "rules/team.toml");
        logged(&service, "rules/team.toml: this link leads out of its folder").await;
        let told = async || Some(service.mails()).filter(|all| all.len() == mails);
        let all = eventually("the owner is told", told).await;
        let text = read_mail(&all[mails - 1]).body_text(0).unwrap().into_owned();
        assert!(text.contains("this link leads out of its folder") && !text.contains("hunter2"), "{text}");
        service.write("rules/team.toml", &web);
        service.loaded(|loaded| loaded["problems"] == 1).await;
    }
    assert_eq!(told(&service, 1, "contract").await, ["web"]);
    let said = service.mails().iter().map(|mail| String::from_utf8_lossy(mail).into_owned()).collect::<String>();
    assert!(said.contains("ana merged") && !said.contains("hunter2") && !service.log().contains("hunter2"), "{said}");
}

#[tokio::test]
async fn a_broken_file_keeps_its_last_good_version_and_holds_up_no_other() {
    let web = team("web", "contract").replace("settle", "owner = \"ana@example.com\"\nsettle");
    let mut service = Service::new(&web, "").expecting(&["a file is broken"]);
    service.write("rules/docs.toml", &team("docs", "contract"));
    service.start().await;
    service.write("rules/team.toml", &web.replace("settle = \"0s\"", "settle = \"soon\""));
    service.write("rules/docs.toml", &team("docs", "api"));
    logged(&service, "rules/team.toml:4:10: ").await;
    service.loaded(|loaded| loaded["teams"] == 2 && loaded["problems"] == 1).await;
    let mails = eventually("the owner is told", async || Some(service.mails()).filter(|mails| !mails.is_empty())).await;
    let mail = read_mail(&mails[0]);
    assert_eq!(mail.to().unwrap().first().unwrap().address(), Some("ana@example.com"));
    assert!(mail.body_text(0).unwrap().contains("rules/team.toml:4:10"), "{}", mail.body_text(0).unwrap());
    assert_eq!(told(&service, 1, "contract").await, ["web"]);
    assert_eq!(told(&service, 2, "api").await, ["docs"]);
    let metrics = service.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("microalign_broken_files 1"), "{metrics}");
    service.write("rules/team.toml", &team("web", "api"));
    service.loaded(|loaded| loaded["problems"] == 0).await;
    assert_eq!(told(&service, 3, "api").await.len(), 2);
}

#[tokio::test]
async fn a_mail_to_an_owner_does_not_hold_up_the_end() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mail = format!("[email]\nfrom = \"a@example.com\"\nsmtp = \"smtp://{}\"\n", silent.local_addr().unwrap());
    let web = team("web", "contract").replace("settle", "owner = \"ana@example.com\"\nsettle");
    let mut service = Service::started(&web, &mail).await.expecting(&["a file is broken"]);
    service.write("rules/team.toml", &web.replace("\"0s\"", "\"soon\""));
    let _connection = silent.accept().await.unwrap();
    let start = std::time::Instant::now();
    assert_eq!(service.stop().await, 0);
    // The mail itself would be given up after 30 s.
    assert!(start.elapsed().as_secs() < 15, "it took {:?}", start.elapsed());
}

/// A service whose mail goes to a server at this address, with teams that have an owner.
async fn with_owners(address: std::net::SocketAddr, teams: &[&str]) -> Service {
    let mail = format!("[email]\nfrom = \"a@example.com\"\nsmtp = \"smtp://{address}\"\n");
    let mut service = Service::new(&team("web", "contract"), &mail).expecting(&["a file is broken"]);
    for name in teams {
        service.write(&format!("rules/{name}.toml"), &owned(name));
    }
    service.start().await;
    service
}

fn owned(name: &str) -> String {
    team(name, "contract").replace("settle", &format!("owner = \"{name}-owner@example.com\"\nsettle"))
}

#[tokio::test]
async fn mails_to_owners_hold_up_no_reload() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let names = ["docs", "data", "mobile"];
    let service = with_owners(silent.local_addr().unwrap(), &names).await;
    for name in names {
        service.write(&format!("rules/{name}.toml"), &owned(name).replace("\"0s\"", "\"soon\""));
    }
    let _connection = silent.accept().await.unwrap();
    let start = std::time::Instant::now();
    let more = "[[rule]]\nname = \"api\"\non = [\"pull_request.merged\"]\nlabels = [\"api\"]\n";
    service.write("rules/team.toml", &format!("{}{more}", team("web", "contract")));
    service.loaded(|loaded| loaded["rules"] == 5).await;
    assert!(start.elapsed().as_secs_f64() < 2.0, "it took {:?}", start.elapsed());
}

#[tokio::test]
async fn a_mail_to_an_owner_is_tried_again_with_what_is_wrong_by_then() {
    let server = MailServer::default();
    server.mailbox.store(true, Ordering::SeqCst);
    server.busy.store(true, Ordering::SeqCst);
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], server.start().await));
    let service = with_owners(address, &["docs", "data"]).await;
    let broken = |name: &str, settle: &str| owned(name).replace("\"0s\"", settle);
    service.write("rules/docs.toml", &broken("docs", "\"soon\""));
    service.write("rules/data.toml", &broken("data", "\"soon\""));
    let asked = async |times: usize| {
        eventually("the server is asked", async || (server.asked.load(Ordering::SeqCst) >= times).then_some(())).await;
    };
    asked(2).await;
    service.write("rules/docs.toml", &broken("docs", "\"later\""));
    service.write("rules/data.toml", &owned("data"));
    service.loaded(|loaded| loaded["problems"] == 1).await;
    asked(3).await;
    server.busy.store(false, Ordering::SeqCst);
    let taken = async || Some(server.mails.lock().unwrap().clone()).filter(|mails| !mails.is_empty());
    let mails = eventually("the mail is taken", taken).await;
    assert!(mails[0].contains("docs-owner@example.com") && mails[0].contains("later"), "{mails:?}");
    // The mail about what was repaired would have come before.
    tokio::time::sleep(std::time::Duration::from_secs(7)).await;
    assert_eq!(server.mails.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_file_that_was_never_right_holds_up_no_other() {
    let mut service = Service::new("team = \"web\"\nto = [\"nowhere\"]\n", "").expecting(&["a file is broken"]);
    service.write("rules/docs.toml", &team("docs", "contract"));
    service.start().await;
    logged(&service, "rules/team.toml:2:7: ").await;
    assert_eq!(told(&service, 1, "contract").await, ["docs"]);
}

#[tokio::test]
async fn a_template_of_the_folder_overrides_the_built_in_one() {
    let service = Service::started(&team("web", "contract"), "").await.expecting(&["a file is broken"]);
    let last = || {
        let mails = service.mails();
        read_mail(mails.last().unwrap()).body_text(0).unwrap().into_owned()
    };
    told(&service, 1, "contract").await;
    assert!(last().starts_with("ana merged"), "{}", last());
    service.write("templates/merged.hbs", "Our own words for {{pr.title}}.\n");
    eventually("the new words are in force", async || {
        told(&service, service.mails().len() as u64 + 1, "contract").await;
        last().starts_with("Our own words for Add the v2 order schema.").then_some(())
    })
    .await;
    service.write("templates/merged.hbs", "Our own words for\n{{pr.titel}}.\n");
    logged(&service, "templates/merged.hbs:2:3: ").await;
    service.loaded(|loaded| loaded["problems"] == 1).await;
    told(&service, 100, "contract").await;
    assert!(last().starts_with("Our own words for"), "{}", last());
    std::fs::remove_file(service.path("templates/merged.hbs")).unwrap();
    service.loaded(|loaded| loaded["problems"] == 0).await;
    told(&service, 101, "contract").await;
    assert!(last().starts_with("ana merged"), "{}", last());
}

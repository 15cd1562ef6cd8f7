//! SIGKILL at named points: around each sync, write, rename and opened file of a life that has all that a service does.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::Connection;

use crate::faults::sending::{team, webhook};
use crate::faults::shim::Shim;
use crate::support::{Listener, Service, eventually, merged, older_store, states};

/// What a service was at when it was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Bringing an older store up to date, and sending what waits in it
    Start,
    First,
    Reload,
    Second,
    Stop,
}

struct Life {
    service: Service,
    hub: Listener,
    /// The pull requests of deliveries that were accepted; the first waits in an older store
    accepted: Vec<u64>,
}

impl Life {
    async fn new() -> Self {
        let hub = Listener::new(vec![(200, serde_json::json!({}))]).await;
        let service = Service::new(&rules("before"), &webhook("hub", &hub.url));
        let path = service.path("microalign.db");
        older_store(&path, 1);
        let body = lz4_flex::compress_prepend_size(merged(1).to_string().as_bytes());
        let waiting = "INSERT INTO delivery (source, delivery_key, name, received_at, waits, body)
                       VALUES ('github', 'd-1', 'pull_request', 1767225600000, 1, ?1)";
        Connection::open(path).unwrap().execute(waiting, [body]).unwrap();
        Self { service, hub, accepted: vec![1] }
    }

    /// Goes on to its end, or to where it is killed at a point.
    async fn live(&mut self, shim: &Shim, point: &str) -> Option<Phase> {
        let mut program = shim.program();
        program.env("KILL_AT", point);
        if !self.service.try_start_by(program).await || !self.survives(|life| life.has_told(1)).await {
            return Some(Phase::Start);
        }
        if !self.tell(2).await {
            return Some(Phase::First);
        }
        self.service.write("rules/team.toml", &rules("after"));
        if !self.survives(|life| life.service.log().matches("loaded rules and templates").count() > 1).await {
            return Some(Phase::Reload);
        }
        if !self.tell(3).await {
            return Some(Phase::Second);
        }
        (self.service.stop().await != 0).then_some(Phase::Stop)
    }

    /// Delivers a merge, and waits for its messages; whether the service survives it.
    async fn tell(&mut self, number: u64) -> bool {
        let body = merged(number).to_string().into_bytes();
        match self.service.try_github("pull_request", &format!("d-{number}"), body).await {
            Some(202) => self.accepted.push(number),
            Some(status) => panic!("answered {status}"),
            None => return false,
        }
        self.survives(|life| life.has_told(number)).await
    }

    async fn survives(&mut self, until: impl Fn(&Self) -> bool) -> bool {
        eventually("it ends, or gets there", async || {
            let gone = self.service.is_gone();
            (gone || until(self)).then_some(!gone)
        })
        .await
    }

    /// Whether both the hub and the mailbox have been told of a pull request.
    fn has_told(&self, number: u64) -> bool {
        let page = format!("/pull/{number}");
        let mails = self.service.mails();
        self.hub.requests().iter().any(|request| request.text.contains(&page))
            && mails.iter().any(|mail| String::from_utf8_lossy(mail).contains(&page))
    }

    /// Starts it again, and checks that nothing is lost, and nothing came twice but what the ledger doubts.
    async fn check(&mut self, point: &str) {
        eventually("it has ended", async || self.service.is_gone().then_some(())).await;
        self.service.start().await;
        let ledger = self.service.idle().await;
        for number in &self.accepted {
            let lines = ledger.iter().filter(|line| line["delivery"] == format!("d-{number}"));
            let lines = lines.cloned().collect::<Vec<_>>();
            assert_eq!(states(&lines), ["sent"], "{number} {point}");
            assert!(self.has_told(*number), "{number} {point}");
        }
        let mut arrived = BTreeMap::<String, usize>::new();
        for request in self.hub.requests() {
            *arrived.entry(request.headers["webhook-id"].to_str().unwrap().to_owned()).or_default() += 1;
        }
        let doubtful = ledger.iter().flat_map(|line| line["sends"].as_array().unwrap()).filter(|send| {
            let error = send["error"].as_str().unwrap_or_default();
            send["destination"] == "webhook:hub" && error.starts_with("ambiguous")
        });
        let (twice, doubtful) = (arrived.values().filter(|count| **count > 1).count(), doubtful.count());
        assert!(twice <= doubtful, "{twice} came twice, and {doubtful} are in doubt: {point}");
        assert!(arrived.values().all(|count| *count <= 2), "{arrived:?} {point}");
    }
}

fn rules(rule: &str) -> String {
    team("web", &["webhook:hub".to_owned(), "mailbox".to_owned()]).replace("\"merged\"", &format!("\"{rule}\""))
}

/// Kills a life at the first, second, … call of a kind, up to one that lives on, which must happen in each of these
/// phases: what the one before began may end in the next.
async fn kill_at_each(call: &str, moments: &[&str], wanted: &[Phase], next: impl Fn(u32) -> u32) {
    let Some(shim) = Shim::new() else { return };
    let mut phases = BTreeSet::new();
    for moment in moments {
        let mut number = 1;
        loop {
            let (mut life, point) = (Life::new().await, format!("{call} {number} {moment}"));
            let Some(phase) = life.live(&shim, &point).await else { break };
            phases.insert(phase);
            life.check(&point).await;
            number = next(number);
        }
        println!("{call}: killed up to call {number}, {moment} it, at {phases:?}");
    }
    let missing = wanted.iter().filter(|phase| !phases.contains(phase)).collect::<Vec<_>>();
    assert!(missing.is_empty(), "{call}: nothing was killed at {missing:?}");
}

#[tokio::test]
async fn a_kill_around_a_sync_of_the_store_loses_nothing() {
    if crate::support::is_only_for_files("it begins with an older file of SQLite") {
        return;
    }
    let phases = [Phase::Start, Phase::First, Phase::Second, Phase::Stop];
    kill_at_each("sync microalign.db", &["before", "after"], &phases, |number| number + 1).await;
}

#[tokio::test]
async fn a_kill_within_a_write_to_the_store_loses_nothing() {
    if crate::support::is_only_for_files("it begins with an older file of SQLite") {
        return;
    }
    let phases = [Phase::Start, Phase::First, Phase::Second, Phase::Stop];
    kill_at_each("write microalign.db", &["half"], &phases, |number| number + number / 8 + 1).await;
}

#[tokio::test]
async fn a_kill_while_files_of_teams_are_read_loses_nothing() {
    if crate::support::is_only_for_files("it begins with an older file of SQLite") {
        return;
    }
    let phases = [Phase::Start, Phase::Reload];
    kill_at_each("open team.toml", &["before", "after"], &phases, |number| number + 1).await;
}

#[tokio::test]
async fn a_kill_while_a_mail_is_written_loses_nothing() {
    if crate::support::is_only_for_files("it begins with an older file of SQLite") {
        return;
    }
    let phases = [Phase::Start, Phase::First, Phase::Second];
    kill_at_each("rename .eml", &["before", "after"], &phases, |number| number + 1).await;
}

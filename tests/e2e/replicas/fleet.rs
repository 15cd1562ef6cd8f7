//! Replicas that share a store: each is a process of its own, with its own folder and port.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::process::Command;

use super::CLAIM_LEASE;
use super::db::Db;
use super::load::{Addresses, Senders};
use crate::support::{Schema, Service, answer, eventually};

pub struct Replicas {
    pub all: Vec<Service>,
    pub db: Db,
    pub senders: Senders,
    /// It goes after whatever is connected to it
    schemas: Vec<Arc<Schema>>,
}

/// Whose turn it is to plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planner {
    pub fence: i64,
    pub replica: Option<i64>,
}

impl Drop for Replicas {
    /// Whoever reads of a failure wants to know what they said.
    fn drop(&mut self) {
        for (index, service) in self.all.iter().enumerate().filter(|_| std::thread::panicking()) {
            let log = service.log();
            let is_usual = |line: &&str| {
                ["planned", "sent", "loaded rules and templates", "listening"]
                    .iter()
                    .any(|word| line.contains(&format!("\"{word}\"")))
            };
            let told = log.lines().filter(|line| !is_usual(line));
            let told = told.map(|line| format!("{index} {line}\n")).collect::<Vec<_>>();
            println!("{}", told[told.len().saturating_sub(60)..].concat());
        }
    }
}

impl Replicas {
    /// So many, none of which runs yet.
    pub fn new(schema: &Arc<Schema>, count: usize, team: &str, more: &str) -> Self {
        let services = (0..count).map(|_| Service::sharing(Some(Arc::clone(schema)), team, more)).collect();
        let mut replicas = Self::of(services, schema.url());
        replicas.schemas.push(Arc::clone(schema));
        replicas
    }

    /// These, whose store is at an address.
    pub fn of(all: Vec<Service>, url: String) -> Self {
        let addresses: Addresses = Arc::new(Mutex::new(vec![String::new(); all.len()]));
        Self { senders: Senders::new(addresses), all, db: Db::new(url), schemas: Vec::new() }
    }

    /// With errors in their logs that have these parts.
    pub fn expecting(mut self, errors: &'static [&'static str]) -> Self {
        self.all = self.all.drain(..).map(|service| service.expecting(errors)).collect();
        self
    }

    /// Starts one, and waits until it listens.
    pub async fn start(&mut self, index: usize) {
        assert!(self.try_start(index).await, "it did not start:\n{}", self.all[index].log());
    }

    /// The same for one that may not start: whether it did.
    pub async fn try_start(&mut self, index: usize) -> bool {
        let mut program = Command::new(env!("CARGO_BIN_EXE_microalign"));
        program.env("MICROALIGN_TEST_CLAIM_LEASE_MS", CLAIM_LEASE.as_millis().to_string());
        let started = self.all[index].try_start_by(program).await;
        self.senders.set_address(index, &self.all[index].address);
        started
    }

    pub async fn start_all(&mut self) {
        for index in 0..self.all.len() {
            self.start(index).await;
        }
    }

    /// Starts one, and waits until it is among the others: its id.
    pub async fn start_known(&mut self, index: usize) -> i64 {
        let before = self.ids().await;
        self.start(index).await;
        let new = async || self.ids().await.into_iter().find(|id| !before.contains(id));
        eventually("it has a row", new).await
    }

    /// The same for all, one after the other.
    pub async fn start_all_known(&mut self) -> Vec<i64> {
        let mut ids = Vec::new();
        for index in 0..self.all.len() {
            ids.push(self.start_known(index).await);
        }
        ids
    }

    /// Those that have a row. There is no table for them before the first has started.
    pub async fn ids(&self) -> Vec<i64> {
        let rows = self.db.try_rows("SELECT id FROM replica ORDER BY id").await.unwrap_or_default();
        rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
    }

    pub async fn planner(&self) -> Planner {
        let rows = self.db.rows("SELECT fence, replica FROM planner").await;
        Planner { fence: rows[0]["fence"].as_i64().unwrap(), replica: rows[0]["replica"].as_i64() }
    }

    /// Waits until somebody else plans than before: who.
    pub async fn followed(&self, before: Planner) -> i64 {
        let other = async || {
            let now = self.planner().await;
            now.replica.filter(|replica| now.fence > before.fence && Some(*replica) != before.replica)
        };
        eventually("another replica plans", other).await
    }

    /// Waits until a replica plans.
    pub async fn plans(&self, replica: i64) -> Planner {
        eventually("it plans", async || {
            let planner = self.planner().await;
            (planner.replica == Some(replica)).then_some(planner)
        })
        .await
    }

    /// What `/readyz` says.
    pub async fn ready(&self, index: usize) -> (u16, Value) {
        let answer = answer(self.all[index].get("/readyz").await).await;
        (answer.status, answer.body)
    }
}

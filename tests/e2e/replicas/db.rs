//! Looks into a database beside the replicas.

use std::sync::mpsc;

use postgres::{Client, NoTls, SimpleQueryMessage};
use serde_json::Value;
use tokio::sync::oneshot;

type Asked = (String, oneshot::Sender<Result<Vec<Value>, String>>);

/// A connection, on a thread of its own, since the client waits. One that ended is made again.
pub struct Db(mpsc::Sender<Asked>);

impl Db {
    pub fn new(url: String) -> Self {
        let (ask, asked) = mpsc::channel::<Asked>();
        std::thread::spawn(move || {
            let mut client = None;
            for (sql, reply) in asked {
                let answer = answer(&mut client, &url, &sql);
                if answer.is_err() {
                    client = None;
                }
                // Whoever asked may have given up.
                reply.send(answer.map_err(|error| format!("{sql}: {error:?}"))).unwrap_or_default();
            }
        });
        Self(ask)
    }

    /// Runs statements; the first column of their rows is JSON.
    async fn ask(&self, sql: String) -> Result<Vec<Value>, String> {
        let (reply, answer) = oneshot::channel();
        self.0.send((sql, reply)).unwrap();
        answer.await.unwrap()
    }

    pub async fn try_run(&self, sql: &str) -> Result<(), String> {
        self.ask(sql.to_owned()).await.map(drop)
    }

    pub async fn run(&self, sql: &str) {
        self.try_run(sql).await.unwrap();
    }

    pub async fn try_rows(&self, sql: &str) -> Result<Vec<Value>, String> {
        self.ask(format!("SELECT row_to_json(t) FROM ({sql}) t")).await
    }

    /// The rows of a query, as objects.
    pub async fn rows(&self, sql: &str) -> Vec<Value> {
        self.try_rows(sql).await.unwrap()
    }

    /// A number that a query gives.
    pub async fn number(&self, sql: &str) -> i64 {
        self.ask(sql.to_owned()).await.unwrap()[0].as_i64().unwrap()
    }
}

fn answer(client: &mut Option<Client>, url: &str, sql: &str) -> Result<Vec<Value>, postgres::Error> {
    let client = match client {
        Some(client) => client,
        None => client.insert(Client::connect(url, NoTls)?),
    };
    let messages = client.simple_query(sql)?;
    let json = |message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(|text| serde_json::from_str(text).unwrap()),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(json).collect())
}

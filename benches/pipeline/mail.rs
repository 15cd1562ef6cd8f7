//! From a webhook to its mail, beside a client that sends the same mails to the same server.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::block_on;
use crate::load::{self, Load};
use crate::service::{Service, mailing};
use crate::smtp::{Client, Mail, Server};
use crate::table::{Row, milliseconds, percentiles};

/// As many as the service has.
const MAIL_CONNECTIONS: usize = 10;

const SATURATED: u64 = 3000;

const PACED: u64 = 1000;
const GAP: Duration = Duration::from_millis(10);

/// Mails a second, when webhooks come as fast as they are answered.
pub fn saturated() -> Vec<Row> {
    block_on(async {
        let mut server = Server::start().await;
        let folder = mailing(server.address);
        let service = Service::start(&folder);
        let run = Load::new(0..SATURATED).run(&service.hook(), 16).await;
        let mails = server.take(SATURATED as usize).await;
        drop(service);
        let ours = rate(&mails, run.began);
        let began = Instant::now();
        let mails = Arc::new(Mutex::new(mails.into_iter().map(|mail| mail.text).collect::<Vec<_>>()));
        for _ in 0..MAIL_CONNECTIONS {
            let (mut client, mails) = (Client::connect(server.address).await, Arc::clone(&mails));
            tokio::spawn(async move {
                loop {
                    let Some(mail) = mails.lock().await.pop() else { return };
                    client.send(&mail).await;
                }
            });
        }
        let limit = rate(&server.take(SATURATED as usize).await, began);
        vec![Row::beside("mails", "/s", (ours, limit)), Row::alone("answers", "/s", run.rate)]
    })
}

fn rate(mails: &[Mail], began: Instant) -> f64 {
    let last = mails.iter().map(|mail| mail.at).max().unwrap();
    mails.len() as f64 / last.duration_since(began).as_secs_f64()
}

/// The time to the mail of webhooks that come at a pace, from when each was due.
pub fn paced() -> Vec<Row> {
    block_on(async {
        let mut server = Server::start().await;
        let folder = mailing(server.address);
        let service = Service::start(&folder);
        let before = service.processor_time();
        let due = Load::new(0..PACED).pace(&service.hook(), GAP).await;
        let mails = server.take(PACED as usize).await;
        let processor = service.processor_time() - before;
        drop(service);
        let ours = mails.iter().map(|mail| mail.at - due[mail.number.unwrap() as usize]).collect::<Vec<_>>();
        let limit = bare(&mut server, mails).await;
        let [p50, p99] = percentiles((&ours, &limit));
        vec![p50, p99, Row::alone("processor", "ms/event", milliseconds(processor) / PACED as f64)]
    })
}

/// The times of the same mails at the same pace, without a webhook before each.
async fn bare(server: &mut Server, mails: Vec<Mail>) -> Vec<Duration> {
    let mut clients = Vec::new();
    for _ in 0..MAIL_CONNECTIONS {
        clients.push(Arc::new(Mutex::new(Client::connect(server.address).await)));
    }
    let mails = Arc::new(mails);
    let due = load::paced(PACED, GAP, |index| {
        let index = index as usize;
        let (client, mails) = (Arc::clone(&clients[index % MAIL_CONNECTIONS]), Arc::clone(&mails));
        async move { client.lock().await.send(&mails[index].text).await }
    });
    let due = due.await;
    let numbers = mails.iter().map(|mail| mail.number).collect::<Vec<_>>();
    let taken = server.take(PACED as usize).await;
    let due_of = |mail: &Mail| due[numbers.iter().position(|number| *number == mail.number).unwrap()];
    taken.iter().map(|mail| mail.at - due_of(mail)).collect()
}

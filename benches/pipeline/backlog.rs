//! What it costs that many messages wait because the mail server is down, beside the same with an empty store.

use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::block_on;
use crate::load::Load;
use crate::service::{Service, client, command, mailing};
use crate::table::{Row, milliseconds, percentile};

/// `BACKLOG=1000000 cargo bench -- backlog` takes some minutes.
const DEFAULT: u64 = 20_000;
/// So many webhooks are in our memory at a time.
const AT_ONCE: u64 = 2000;
const CONNECTIONS: usize = 16;

/// Beyond the numbers of the pull requests that wait.
const LATER: u64 = 100_000_000;

pub fn measure() -> Vec<Row> {
    let count = std::env::var("BACKLOG").map_or(DEFAULT, |count| count.parse().expect("BACKLOG is a number"));
    // Nobody listens there any more.
    let down = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (empty, full) = (mailing(down), mailing(down));
    let (took, most) = fill(&full, count);
    let (limit, ours) = (Cost::of(&empty), Cost::of(&full));
    let size = |folder: &TempDir| std::fs::metadata(folder.path().join("microalign.db")).unwrap().len() as f64 / 1e6;
    let beside = |name: &str, unit, of: fn(&Cost) -> f64| Row::beside(name, unit, (of(&ours), of(&limit)));
    let rows = [
        beside("time to the first answer", "ms", |cost| milliseconds(cost.start)),
        beside("p50 of answers", "ms", |cost| milliseconds(percentile(&cost.answers, 0.5))),
        beside("p99 of answers", "ms", |cost| milliseconds(percentile(&cost.answers, 0.99))),
        beside("memory", "MB", |cost| cost.memory),
        beside("console's page", "ms", |cost| milliseconds(cost.page)),
        beside("ledger, time", "ms", |cost| milliseconds(cost.ledger.0)),
        beside("ledger, memory", "MB", |cost| cost.ledger.1),
    ];
    let filling = [
        Row::alone("messages that wait", "", count as f64),
        Row::alone("to take in and plan", "/s", count as f64 / took.as_secs_f64()),
        Row::alone("most memory meanwhile", "MB", most),
        Row::beside("size of the store", "MB", (size(&full), size(&empty))),
    ];
    filling.into_iter().chain(rows).collect()
}

/// Makes so many messages wait. Returns how long that took, and the most memory.
fn fill(folder: &TempDir, count: u64) -> (Duration, f64) {
    let service = Service::start(folder);
    let began = Instant::now();
    block_on(async {
        for first in (0..count).step_by(AT_ONCE as usize) {
            Load::new(first..count.min(first + AT_ONCE)).run(&service.hook(), CONNECTIONS).await;
        }
        service.idle().await;
    });
    (began.elapsed(), service.memory().1)
}

/// What a service and its commands need.
struct Cost {
    start: Duration,
    answers: Vec<Duration>,
    memory: f64,
    page: Duration,
    ledger: (Duration, f64),
}

impl Cost {
    fn of(folder: &TempDir) -> Self {
        let first = Load::new(LATER..LATER + 1);
        let began = Instant::now();
        let service = Service::start(folder);
        block_on(async {
            first.run(&service.hook(), 1).await;
            let start = began.elapsed();
            let answers = Load::new(LATER + 1..LATER + 3000).run(&service.hook(), CONNECTIONS).await.times;
            service.idle().await;
            let (client, mut page) = (client(), Duration::MAX);
            for _ in 0..5 {
                let began = Instant::now();
                client.get(&service.url).send().await.unwrap().error_for_status().unwrap().bytes().await.unwrap();
                page = page.min(began.elapsed());
            }
            Self { start, answers, memory: service.memory().0, page, ledger: command(folder, &["ledger"]) }
        })
    }
}

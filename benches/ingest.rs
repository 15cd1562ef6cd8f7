//! How many webhooks a second are taken in, beside the least that a durable receiver can do.

mod support;

use support::{CONNECTIONS, Run, Service, limit, load};

const ROUNDS: u64 = 3;
const EVENTS: u64 = 3000;

/// A rule that no event matches: what is measured is taking in, with the planning that follows on the same disk.
const TEAM: &str = "team = \"a\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"r\"\non = [\"release.*\"]\n";

#[tokio::main]
async fn main() {
    println!("{EVENTS} signed webhooks of 28 KB over {CONNECTIONS} connections, {ROUNDS} rounds\n");
    println!("{:<28} {:>8} {:>10} {:>10}", "", "acks/s", "p50 ms", "p99 ms");
    let mut ratios = Vec::new();
    for round in 0..ROUNDS {
        let bare = load(&limit().await, round * EVENTS, EVENTS).await.0;
        print("warp, HMAC, append, sync", &bare);
        let service = Service::start(&[("a.toml".to_owned(), TEAM.to_owned())], "");
        let ours = load(&service.url, round * EVENTS, EVENTS).await.0;
        print("microalign", &ours);
        ratios.push(ours.rate / bare.rate);
    }
    ratios.sort_by(f64::total_cmp);
    println!("\nmicroalign takes in {:.2} of the limit (median of {ROUNDS} rounds)", ratios[ratios.len() / 2]);
}

fn print(name: &str, run: &Run) {
    let milliseconds = |share| run.percentile(share).as_secs_f64() * 1000.0;
    println!("{name:<28} {:>8.0} {:>10.2} {:>10.2}", run.rate, milliseconds(0.5), milliseconds(0.99));
}

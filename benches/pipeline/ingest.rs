//! How many webhooks a second are taken in, beside the least that a durable receiver can do.

use crate::load::{Load, Run};
use crate::service::{NOTHING, Service, folder};
use crate::table::{Row, percentiles};
use crate::{block_on, receiver};

const ROUNDS: u64 = 3;

/// The service and the limit take turns; the round with the median ratio counts. No rule matches: what is measured is taking in,
/// with the planning that follows on the same disk.
pub fn measure(connections: usize) -> Vec<Row> {
    let count = if connections == 1 { 1000 } else { 3000 };
    let round = |round: u64| {
        let numbers = round * count..(round + 1) * count;
        let limit = block_on(async { Load::new(numbers.clone()).run(&receiver::start().await, connections).await });
        let folder = folder(&[NOTHING.to_owned()], "");
        let service = Service::start(&folder);
        (block_on(Load::new(numbers).run(&service.hook(), connections)), limit)
    };
    let mut rounds = (0..ROUNDS).map(round).collect::<Vec<(Run, Run)>>();
    rounds.sort_by(|a, b| f64::total_cmp(&(a.0.rate / a.1.rate), &(b.0.rate / b.1.rate)));
    let (ours, limit) = &rounds[rounds.len() / 2];
    let rate = Row::beside("answers", "/s", (ours.rate, limit.rate));
    [rate].into_iter().chain(percentiles((&ours.times, &limit.times))).collect()
}

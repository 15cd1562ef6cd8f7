//! Starting, waiting, and the size of it.

use std::time::Instant;

use crate::block_on;
use crate::load::Load;
use crate::service::{NOTHING, PROGRAM, Service, command, folder};
use crate::table::{Row, milliseconds, percentile};

const ROUNDS: u64 = 5;

/// The time to the first answer, beside that of a command that does nothing; then the memory of an idle service.
pub fn measure() -> Vec<Row> {
    let folder = folder(&[NOTHING.to_owned()], "");
    let (mut times, mut least, mut resident) = (Vec::new(), Vec::new(), 0.0);
    for round in 0..ROUNDS {
        let load = Load::new(round..round + 1);
        let began = Instant::now();
        let service = Service::start(&folder);
        block_on(async {
            load.run(&service.hook(), 1).await;
            times.push(began.elapsed());
            service.idle().await;
        });
        resident = service.memory().0;
        least.push(command(&folder, &["--version"]).0);
    }
    let [ours, limit] = [times, least].map(|times| milliseconds(percentile(&times, 0.5)));
    vec![
        Row::beside("to the first answer", "ms", (ours, limit)),
        Row::alone("memory when idle", "MB", resident),
        Row::alone("size of the program", "MB", std::fs::metadata(PROGRAM).unwrap().len() as f64 / 1e6),
    ]
}

//! What each built-in template takes.

use microalign::template::Templates;

use crate::inputs::tellings;
use crate::table::{Row, microseconds, percentile, shortest};

const PASSES: usize = 50;

pub fn measure() -> Vec<Row> {
    let (templates, problems) = Templates::load([]);
    assert_eq!(problems, []);
    let times = tellings()
        .into_iter()
        .map(|(name, context)| (shortest(PASSES, || drop(templates.render(name, &context).unwrap())), name));
    let times = times.collect::<Vec<_>>();
    let median = percentile(&times.iter().map(|(time, _)| *time).collect::<Vec<_>>(), 0.5);
    let (slowest, name) = times.iter().max().unwrap();
    vec![
        Row::alone(format!("median of {} templates", times.len()), "µs", microseconds(median)),
        Row::alone(format!("slowest ({name})"), "µs", microseconds(*slowest)),
    ]
}

//! The page about metrics, generated from `/metrics`.

use std::collections::BTreeMap;

use super::super::Failure;
use super::tables::{Table, code};
use crate::metrics::Metrics;

/// A metric's own description.
#[derive(Default)]
struct Metric<'a> {
    help: &'a str,
    kind: &'a str,
    labels: Vec<&'a str>,
}

/// The page.
pub(super) fn page() -> Result<String, Failure> {
    let text = Metrics::sampled().text()?;
    let mut page =
        "# Metrics\n\nWhat Prometheus reads at `/metrics`. See [monitoring](../guides/monitoring.md) for the alerts \
        and the dashboard that use them.\n\n"
            .to_owned();
    let mut table = Table::new(&["metric", "type", "labels", "meaning"]);
    for (name, metric) in read(&text) {
        // The samples of these have an ending.
        let ending = match metric.kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| code(label)).collect();
        table.row([
            code(&format!("{name}{ending}")),
            metric.kind.to_owned(),
            labels.join(", "),
            metric.help.trim_end_matches('.').to_owned(),
        ]);
    }
    table.finish(&mut page);
    Ok(page)
}

fn read(text: &str) -> BTreeMap<&str, Metric<'_>> {
    let mut metrics: BTreeMap<&str, Metric<'_>> = BTreeMap::new();
    let mut name = "";
    for line in text.lines() {
        if let Some((named, help)) = line.strip_prefix("# HELP ").and_then(|rest| rest.split_once(' ')) {
            name = named;
            metrics.entry(name).or_default().help = help;
        } else if let Some((named, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            metrics.entry(named).or_default().kind = kind;
        } else if let Some((labels, _)) = line.split_once('{').and_then(|(_, rest)| rest.split_once('}')) {
            let labels = labels.split(',').filter_map(|label| label.split_once('=')).map(|(label, _)| label);
            metrics.entry(name).or_default().labels = labels.filter(|label| *label != "le").collect();
        }
    }
    metrics
}

//! The table that is printed at the end, and what its numbers are made of.

use std::time::{Duration, Instant};

/// One number, beside its limit.
pub struct Row {
    name: String,
    unit: &'static str,
    ours: f64,
    limit: Option<f64>,
}

impl Row {
    /// What the program needs, and what the least that does the same needs.
    pub fn beside(name: impl Into<String>, unit: &'static str, (ours, limit): (f64, f64)) -> Self {
        Self { name: name.into(), unit, ours, limit: Some(limit) }
    }

    /// What has no limit to compare it with.
    pub fn alone(name: impl Into<String>, unit: &'static str, ours: f64) -> Self {
        Self { name: name.into(), unit, ours, limit: None }
    }

    /// The same, as a part of something that was measured.
    pub fn of(self, whole: &str) -> Self {
        Self { name: format!("{whole}: {}", self.name), ..self }
    }
}

/// Prints the rows as a table that is Markdown too.
pub fn print(rows: &[Row]) {
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or_default();
    println!("\n| {:<width$} | {:>9} | {:>9} | {:>6} | {:<7} |", "", "ours", "limit", "ratio", "unit");
    println!("| {:-<width$} | {:->8}: | {:->8}: | {:->5}: | {:-<7} |", "", "", "", "", "");
    for Row { name, unit, ours, limit } in rows {
        let ratio = limit.map_or_else(String::new, |limit| digits(ours / limit));
        let limit = limit.map_or_else(String::new, digits);
        println!("| {name:<width$} | {:>9} | {limit:>9} | {ratio:>6} | {unit:<7} |", digits(*ours));
    }
}

/// A number with about three digits.
fn digits(number: f64) -> String {
    match number {
        100.0.. => format!("{number:.0}"),
        10.0.. => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

pub fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

pub fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// The time that this share did not exceed.
pub fn percentile(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Rows for half of the times, and for all but a hundredth, beside those of the limit.
pub fn percentiles((ours, limit): (&[Duration], &[Duration])) -> [Row; 2] {
    let at = |share| (milliseconds(percentile(ours, share)), milliseconds(percentile(limit, share)));
    [Row::beside("p50", "ms", at(0.5)), Row::beside("p99", "ms", at(0.99))]
}

/// The time of the pass that was disturbed least.
pub fn shortest(passes: usize, mut pass: impl FnMut()) -> Duration {
    let times = (0..passes).map(|_| {
        let began = Instant::now();
        pass();
        began.elapsed()
    });
    times.min().unwrap()
}

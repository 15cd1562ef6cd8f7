//! How many instructions the pure core takes, compared with `benches/instructions.txt`: a number that is the same on a busy
//! machine. `cargo test --bench instructions` fails if something takes 10% more. With `-- --write` it writes the file anew.
//!
//! Valgrind counts. It runs this program with the name of something to do and how often, and the difference between two runs
//! is what the doing takes, without what comes before it.

#![expect(clippy::unwrap_used, reason = "benchmarks end at the first surprise")]

mod inputs;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use inputs::{payload, read_rules, tellings, wanted, wants, write_rules};
use jiff::Timestamp;
use microalign::event::{Event, Source};
use microalign::plan::{History, plan};
use microalign::rule::Rules;
use microalign::source::{Parsed, Settings, parse};
use microalign::template::Templates;
use microalign::track::track;

const NAMES: [&str; 4] = ["parse", "match", "plan", "render"];
const RULES: usize = 1000;
/// In percent.
const WORSE: f64 = 10.0;
const AGAIN: &str = "cargo test --bench instructions -- --write";

fn main() -> ExitCode {
    let args = std::env::args().skip(1).collect::<Vec<_>>();
    match &args[..] {
        [] => compare(),
        [arg] if arg == "--write" => write(),
        [name, times] => {
            repeat(name, times.parse().unwrap());
            ExitCode::SUCCESS
        }
        _ => panic!("the only argument is --write"),
    }
}

/// Does one of the things so often.
fn repeat(name: &str, times: u32) {
    let mut once: Box<dyn FnMut()> = match name {
        "parse" => {
            let (body, settings) = (payload(45), Settings::default());
            Box::new(move || {
                let parsed = parse(Source::Github, "pull_request", &body, Timestamp::UNIX_EPOCH, &settings);
                assert!(matches!(black_box(parsed), Parsed::Events(_)));
            })
        }
        "match" => {
            let (rules, events) = rules_and_events();
            let matches = move |event: &Event| rules.candidates(event.kind, event).filter(wants(event)).count();
            Box::new(move || assert!(events.iter().all(|event| black_box(matches(event)) > 0)))
        }
        "plan" => {
            let (rules, events) = rules_and_events();
            Box::new(move || {
                for event in &events {
                    let tracked = track(None, event.clone());
                    black_box(plan(&tracked, &rules, &History::default(), Timestamp::UNIX_EPOCH));
                }
            })
        }
        "render" => {
            let (templates, tellings) = (Templates::load([]).0, tellings());
            Box::new(move || {
                for (name, context) in &tellings {
                    black_box(templates.render(name, context).unwrap());
                }
            })
        }
        name => panic!("there is no {name}"),
    };
    (0..times).for_each(|_| once());
}

/// Rules, and an event for each fiftieth of them.
fn rules_and_events() -> (Rules, Vec<Event>) {
    let folder = tempfile::tempdir().unwrap();
    write_rules(folder.path(), RULES);
    (read_rules(folder.path()), (0..RULES).step_by(50).map(wanted).collect())
}

/// The instructions of doing each thing once.
fn count() -> BTreeMap<&'static str, u64> {
    NAMES.map(|name| (name, (instructions(name, 11) - instructions(name, 1)) / 10)).into()
}

/// The instructions of a run from its beginning to its end.
fn instructions(name: &str, times: u32) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe().unwrap())
        .args([name, &times.to_string()])
        .output();
    let output = output.unwrap_or_else(|error| panic!("valgrind, a package of that name, can't be run: {error}"));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let collected = said.lines().find_map(|line| line.split_once("Collected : ")).unwrap_or_else(|| panic!("{said}")).1;
    collected.trim().parse().unwrap()
}

fn compare() -> ExitCode {
    let text = std::fs::read_to_string(file()).unwrap();
    let (head, known) = text.split_once("\n\n").unwrap();
    let known = known.lines().map(|line| line.split_once(' ').unwrap());
    let known = known.map(|(name, count)| (name, count.trim().parse().unwrap())).collect::<BTreeMap<_, u64>>();
    let compiler = compiler();
    let comparable = head.ends_with(&compiler);
    let (mut worse, mut better) = (false, false);
    println!("{:<8} {:>12} {:>12}", "", "instructions", "in the file");
    for (name, now) in count() {
        let before = known[name];
        let change = 100.0 * (now as f64 / before as f64 - 1.0);
        println!("{name:<8} {now:>12} {before:>12} {change:>+6.1}%");
        worse |= change > WORSE;
        better |= change < -WORSE;
    }
    if !comparable {
        println!("\nNOT COMPARED: the file was written with another compiler than {compiler}. Write it anew: {AGAIN}");
    } else if worse {
        println!(
            "\nFAILED: something takes over {WORSE}% more instructions. If that is the price of something: {AGAIN}"
        );
        return ExitCode::FAILURE;
    } else if better {
        println!("\nSomething takes over {WORSE}% fewer instructions. Write it down, so that it stays so: {AGAIN}");
    }
    ExitCode::SUCCESS
}

fn write() -> ExitCode {
    let mut text = format!(
        "What the pure core takes, in instructions; `benches/README.md` says what each is. Written by\n`{AGAIN}` with\n{}\n\n",
        compiler()
    );
    for (name, count) in count() {
        writeln!(text, "{name:<8} {count:>12}").unwrap();
    }
    std::fs::write(file(), &text).unwrap();
    print!("{text}");
    ExitCode::SUCCESS
}

fn file() -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "benches", "instructions.txt"].iter().collect()
}

/// The compiler's version, and what it compiles for. Others make other instructions of the same code.
fn compiler() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().unwrap();
    format!("{} for {}", String::from_utf8(output.stdout).unwrap().trim(), std::env::consts::ARCH)
}

//! The program itself, as it is packaged.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_microalign");
pub const SECRET: &str = "the-secret-of-the-benchmarks";

/// How many teams hear of merges: one for each repository that payloads name.
const TEAMS: usize = 50;

/// A rule that no event matches.
pub const NOTHING: &str = "team = \"a\"\nto = [\"mailbox\"]\n[[rule]]\nname = \"r\"\non = [\"release.*\"]\n";

/// A folder with a configuration and these teams; `more` is added to the configuration.
pub fn folder(teams: &[String], more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("rules")).unwrap();
    for (number, text) in teams.iter().enumerate() {
        fs::write(folder.path().join(format!("rules/t{number}.toml")), text).unwrap();
    }
    let config =
        format!("[server]\nlisten = \"127.0.0.1:0\"\nconsole = true\n[github]\nsecrets = [\"{SECRET}\"]\n{more}");
    fs::write(folder.path().join("microalign.toml"), config).unwrap();
    folder
}

/// A folder whose teams get each merge by mail at once, from the server at this address.
pub fn mailing(server: std::net::SocketAddr) -> TempDir {
    let teams = (0..TEAMS).map(|n| {
        format!(
            "team = \"t{n}\"\nto = [\"email:t{n}@example.test\"]\nsettle = \"0s\"\n[[rule]]\nname = \"merged\"\n\
             on = [\"pull_request.merged\"]\nrepo = [\"acme/service-{n}\"]\n"
        )
    });
    let email = format!("[email]\nfrom = \"m <m@example.test>\"\nsmtp = \"smtp://{server}\"\n");
    folder(&teams.collect::<Vec<_>>(), &email)
}

/// A client that gives up rather than wait for ever.
pub fn client() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap()
}

/// The running service; it is killed with this value.
pub struct Service {
    /// Where it listens, `http://HOST:PORT`
    pub url: String,
    child: Child,
}

impl Service {
    /// Starts the program, and waits until it listens.
    pub fn start(folder: &TempDir) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["serve", "--log", "json"])
            .current_dir(folder)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = lines.find_map(|line| {
            let entry: Value = serde_json::from_str(&line.unwrap()).unwrap_or_default();
            (entry["message"] == "listening").then(|| entry["address"].as_str().unwrap().to_owned())
        });
        // The pipe must be read to its end, or the service waits for room in it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { url: format!("http://{}", address.unwrap()), child }
    }

    /// Where GitHub's webhooks go.
    pub fn hook(&self) -> String {
        format!("{}/webhooks/github", self.url)
    }

    /// Waits until it has worked on every delivery.
    pub async fn idle(&self) {
        let client = client();
        loop {
            let ready = client.get(format!("{}/readyz", self.url)).send().await.unwrap().text().await.unwrap();
            if ready.contains("\"waiting\":0") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The memory that it has now, and the most that it had, in MB.
    pub fn memory(&self) -> (f64, f64) {
        memory(self.child.id()).unwrap()
    }

    /// The time that it has had of the processor.
    pub fn processor_time(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        // The name in parentheses may have spaces in it. User and system time are fields 14 and 15, in hundredths of a second.
        let fields = stat.rsplit(')').next().unwrap().split_whitespace().collect::<Vec<_>>();
        let ticks = [fields[11], fields[12]].map(|ticks| ticks.parse::<u64>().unwrap());
        Duration::from_millis(10 * ticks.iter().sum::<u64>())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// A command's time and the most memory that it had, in MB.
pub fn command(folder: &TempDir, args: &[&str]) -> (Duration, f64) {
    let began = Instant::now();
    let mut child = Command::new(PROGRAM).args(args).current_dir(folder).stdout(Stdio::null()).spawn().unwrap();
    let mut most = 0.0;
    while child.try_wait().unwrap().is_none() {
        // It has none any more once it has ended.
        most = memory(child.id()).map_or(most, |(_, peak)| peak);
        std::thread::sleep(Duration::from_millis(1));
    }
    assert!(child.wait().unwrap().success(), "microalign {args:?}");
    (began.elapsed(), most)
}

/// The memory of a process now, and the most that it had, in MB.
pub fn memory(process: u32) -> Option<(f64, f64)> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let of = |field: &str| {
        let kilobytes = status.lines().find_map(|line| line.strip_prefix(field))?.trim().strip_suffix(" kB")?;
        Some(kilobytes.parse::<f64>().ok()? / 1000.0)
    };
    Some((of("VmRSS:")?, of("VmHWM:")?))
}

//! PostgreSQL servers of a test's own, from Debian's package: a primary, and a standby that takes its place.

use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A primary and its synchronous standby.
pub struct Cluster {
    tools: PathBuf,
    folder: TempDir,
    ports: [u16; 2],
}

const PRIMARY: &str = "primary";
const STANDBY: &str = "standby";

impl Cluster {
    /// `None`, said aloud, where there is no server to run.
    pub fn new() -> Option<Self> {
        let cluster = Self::alone(|_| String::new())?;
        let from = format!("host=127.0.0.1 port={} user=postgres", cluster.ports[0]);
        cluster.run("pg_basebackup", &["-D", &cluster.data(STANDBY), "-d", &from, "-R", "-N", "--checkpoint=fast"]);
        cluster.start(STANDBY, cluster.ports[1], "");
        // From now on a commit waits for the standby; a promoted one waits for nobody.
        for sql in ["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"] {
            cluster.run("psql", &["-d", &cluster.url_of(0), "-q", "-o", "/dev/null", "-c", sql]);
        }
        Some(cluster)
    }

    /// A primary without a standby, with more options, which may name what is put into its folder.
    pub fn alone(options: impl FnOnce(&Self) -> String) -> Option<Self> {
        let Some(tools) = tools() else {
            crate::support::did_not_run("there is no PostgreSQL server here (apt-get install postgresql)");
            return None;
        };
        let cluster = Self { tools, folder: tempfile::tempdir().unwrap(), ports: [free_port(), free_port()] };
        cluster.hand_over(cluster.folder.path());
        let data = cluster.data(PRIMARY);
        cluster.run("initdb", &["-D", &data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]);
        cluster.start(PRIMARY, cluster.ports[0], &options(&cluster));
        Some(cluster)
    }

    /// Where it has its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The primary's port, and another one that is free.
    pub fn ports(&self) -> [u16; 2] {
        self.ports
    }

    /// Gives a file to the user that the servers run as.
    pub fn hand_over(&self, path: &Path) {
        if is_root() {
            assert!(Command::new("chown").arg("postgres").arg(path).status().unwrap().success());
        }
    }

    fn data(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn url_of(&self, server: usize) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable", self.ports[server])
    }

    /// The address of whichever of the two is the primary.
    pub fn url(&self) -> String {
        let [first, second] = self.ports;
        format!("postgres://postgres@127.0.0.1:{first},127.0.0.1:{second}/postgres?sslmode=disable")
    }

    /// Kills the primary, as a crash of its machine does.
    pub fn kill_primary(&self) {
        self.run("pg_ctl", &["stop", "-D", &self.data(PRIMARY), "-m", "immediate", "-s"]);
    }

    /// Stops all processes of the primary where they are: its connections stay, and nobody answers there.
    pub fn hang_primary(&self) {
        self.signal(PRIMARY, "-STOP");
    }

    fn signal(&self, name: &str, signal: &str) {
        let Ok(known) = std::fs::read_to_string(Path::new(&self.data(name)).join("postmaster.pid")) else { return };
        let kill =
            |pid: &str| Command::new("kill").args([signal, pid]).stderr(Stdio::null()).status().unwrap().success();
        let first = known.lines().next().unwrap();
        // It makes no more of the others after this. Some of them may end by themselves.
        assert!(kill(first), "{first}");
        let others = std::fs::read_to_string(format!("/proc/{first}/task/{first}/children")).unwrap();
        for pid in others.split_whitespace() {
            kill(pid);
        }
    }

    /// Makes a primary of the standby, and waits until it is one. Returns its address.
    pub fn promote(&self) -> String {
        self.run("pg_ctl", &["promote", "-w", "-D", &self.data(STANDBY), "-s"]);
        self.url_of(1)
    }

    fn start(&self, name: &str, port: u16, more: &str) {
        let folder = self.folder.path().to_str().unwrap();
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off -c shared_buffers=32MB {more}"
        );
        let log = self.data(&format!("{name}.log"));
        self.run("pg_ctl", &["start", "-w", "-D", &self.data(name), "-l", &log, "-o", &options, "-s"]);
    }

    /// Runs one of its programs; a server refuses to be run by root.
    fn run(&self, program: &str, args: &[&str]) {
        let done = self.command(program).args(args).status().unwrap();
        assert!(done.success(), "{program} {args:?}: {done}");
    }

    /// A program to be run as the user of the servers: one of theirs, or one with a path.
    pub fn command(&self, program: &str) -> Command {
        let path = self.tools.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command.current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.signal(PRIMARY, "-CONT");
        for name in [PRIMARY, STANDBY] {
            if Path::new(&self.data(name)).join("postmaster.pid").exists() {
                let stopped =
                    self.command("pg_ctl").args(["stop", "-D", &self.data(name), "-m", "immediate", "-s"]).status();
                if !stopped.is_ok_and(|stopped| stopped.success()) {
                    eprintln!("a PostgreSQL server is left in {}", self.data(name));
                }
            }
        }
    }
}

/// The programs of the newest version.
fn tools() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let tools = versions.filter_map(|version| Some(version.ok()?.path().join("bin")));
    let number = |tools: &PathBuf| tools.parent()?.file_name()?.to_str()?.parse::<u32>().ok();
    tools.filter(|tools| tools.join("initdb").exists()).max_by_key(number)
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

/// A port that nobody listens on.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

//! What a server stands behind: a certificate, or a pooler.

use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use super::server::Cluster;
use super::team;
use crate::support::{Service, did_not_run, eventually, merged};

const POOLER: &str = "/usr/sbin/pgbouncer";

fn openssl(folder: &Path, args: &str) {
    let Output { status, stderr, .. } =
        Command::new("openssl").args(args.split(' ')).current_dir(folder).output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
}

/// A server with a certificate for `localhost`, by an authority that only `ca.pem` in its folder makes known.
fn certified() -> Option<Cluster> {
    if Command::new("openssl").arg("version").output().is_err() {
        did_not_run("there is no openssl here (apt-get install openssl)");
        return None;
    }
    Cluster::alone(|cluster| {
        let (folder, key) = (cluster.folder(), "-newkey rsa:2048 -nodes -days 2 -batch");
        openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=microalign-test"));
        openssl(
            folder,
            &format!(
                "req -x509 {key} -keyout server.key -out server.pem -subj /CN=localhost -CA ca.pem -CAkey ca.key -addext \
                 subjectAltName=DNS:localhost -addext extendedKeyUsage=serverAuth -addext basicConstraints=critical,CA:FALSE"
            ),
        );
        let file = folder.join("server.key");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        cluster.hand_over(&file);
        let folder = folder.to_str().unwrap();
        format!("-c ssl=on -c ssl_cert_file={folder}/server.pem -c ssl_key_file={folder}/server.key")
    })
}

#[test]
fn a_server_is_trusted_for_the_name_that_its_certificate_has() {
    let Some(cluster) = certified() else { return };
    let known = cluster.folder().join("ca.pem");
    // What `serve` makes of the same address.
    let migrate = |host: &str, mode: &str, authority: Option<&Path>| {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("postgres://postgres@{host}:{}/postgres?sslmode={mode}", cluster.ports()[0]);
        std::fs::write(folder.path().join("microalign.toml"), format!("[store]\nurl = \"{url}\"\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
        command.arg("migrate").current_dir(folder.path()).env_remove("SSL_CERT_FILE");
        let done = command.envs(authority.map(|file| ("SSL_CERT_FILE", file))).output().unwrap();
        (done.status.success(), String::from_utf8(done.stderr).unwrap())
    };
    for mode in ["prefer", "require", "verify-ca", "verify-full"] {
        let (is_done, said) = migrate("localhost", mode, Some(&known));
        assert!(is_done, "{mode}: {said}");
        for (host, authority, wrong) in
            [("localhost", None, "UnknownIssuer"), ("127.0.0.1", Some(known.as_path()), "not valid for name")]
        {
            let (is_done, said) = migrate(host, mode, authority);
            assert!(!is_done && said.contains(wrong), "{mode}, {host}: {said}");
        }
    }
    let (is_done, said) = migrate("127.0.0.1", "disable", None);
    assert!(is_done, "{said}");
}

/// A pooler before a server, which ends with this.
struct Pooler {
    started: Child,
    pid: PathBuf,
}

impl Pooler {
    fn new(cluster: &Cluster, mode: &str) -> Self {
        let ([server, own], folder) = (cluster.ports(), cluster.folder());
        let (file, pid) = (folder.join("pgbouncer.ini"), folder.join("pgbouncer.pid"));
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {own}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\npidfile = {}\n",
            pid.display()
        );
        std::fs::write(&file, config).unwrap();
        let pooler = Self { started: cluster.command(POOLER).arg("-q").arg(&file).spawn().unwrap(), pid };
        while TcpStream::connect(("127.0.0.1", own)).is_err() {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        pooler
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // What was started may only be what runs it as somebody else.
        let pid = std::fs::read_to_string(&self.pid).unwrap();
        assert!(Command::new("kill").arg(pid.trim()).status().unwrap().success());
        self.started.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_has_to_keep_sessions_apart() {
    if !Path::new(POOLER).exists() {
        did_not_run("there is no PgBouncer here (apt-get install pgbouncer)");
        return;
    }
    let Some(cluster) = Cluster::alone(|_| String::new()) else { return };
    let store =
        format!("[store]\nurl = \"postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable\"\n", cluster.ports()[1]);
    let command = || tokio::process::Command::new(env!("CARGO_BIN_EXE_microalign"));
    let pooler = Pooler::new(&cluster, "transaction");
    let mut refused = Service::sharing(None, &team("web", "0s"), &store).expecting(&["cannot open the store"]);
    assert!(!refused.try_start_by(command()).await);
    let said = eventually("it says why", async || Some(refused.log()).filter(|log| log.contains("pool_mode"))).await;
    assert!(said.contains("a pooler gives each transaction another session"), "{said}");
    drop((refused, pooler));
    let _pooler = Pooler::new(&cluster, "session");
    let mut service = Service::sharing(None, &team("web", "0s"), &store);
    service.start().await;
    assert_eq!(service.github("pull_request", "d-1", &merged(1)).await.status, 202);
    let planned = async || service.run(&["ledger"]).await.1.contains("pull_request.merged").then_some(());
    eventually("it's planned", planned).await;
    assert_eq!(service.stop().await, 0);
}

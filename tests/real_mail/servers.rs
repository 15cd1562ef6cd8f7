//! Postfix, Dovecot and notmuch, each with its own configuration in a folder of its own, on loopback.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::support::{did_not_run, eventually};

/// Who the mail belongs to on disk: `nobody`.
const NOBODY: u32 = 65534;

/// A mail server with two mailboxes, `web@example.com` and `microalign@example.com`. It goes when this does.
pub struct Mail {
    dir: TempDir,
    /// Where it offers STARTTLS,
    pub starttls: u16,
    /// where TLS begins with the first byte,
    pub tls: u16,
    /// and where there is none
    pub plain: u16,
    imap: u16,
    /// Where mailboxes are read, by TLS from the first byte; the user is what is before the `@`, the password `secret`
    pub imaps: u16,
    dovecot: Child,
}

/// What is in the mailbox, read over IMAP.
pub struct Inbox {
    pub mails: Vec<Vec<u8>>,
    /// How many mails each conversation has, as the server sees it (RFC 5256)
    pub threads: Vec<usize>,
}

impl Mail {
    /// Starts it; `None` after saying why it can't be.
    pub async fn start() -> Option<Self> {
        if let Some(missing) = missing() {
            let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
            assert!(!required, "{missing}");
            did_not_run(&missing);
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // Postfix gives up its privileges, and then has to come through.
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        for folder in ["postfix", "queue", "data", "mail", "run", "state"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        let postfix = output(Command::new("id").args(["-u", "postfix"])).trim().parse().unwrap();
        chown(dir.path().join("data"), Some(postfix), None).unwrap();
        chown(dir.path().join("mail"), Some(NOBODY), Some(NOBODY)).unwrap();
        certificates(dir.path());
        let [starttls, tls, plain, imap, imaps] = free_ports();
        let home = dir.path().display().to_string();
        let ports = |text: &str| text.replace("{imap}", &imap.to_string()).replace("{imaps}", &imaps.to_string());
        let fill = |text: &str| ports(&text.replace("{home}", &home));
        std::fs::write(dir.path().join("postfix/main.cf"), fill(MAIN_CF)).unwrap();
        let listeners = [
            format!("127.0.0.1:{starttls} inet n - n - - smtpd"),
            format!("127.0.0.1:{tls} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes"),
            format!("127.0.0.1:{plain} inet n - n - - smtpd -o smtpd_tls_security_level=none"),
        ];
        std::fs::write(dir.path().join("postfix/master.cf"), listeners.join("\n") + MASTER_CF).unwrap();
        std::fs::write(dir.path().join("dovecot.conf"), fill(DOVECOT_CONF)).unwrap();
        let dovecot = Command::new("dovecot").arg("-F").arg("-c").arg(dir.path().join("dovecot.conf")).spawn().unwrap();
        let mail = Self { dir, starttls, tls, plain, imap, imaps, dovecot };
        mail.postfix("start");
        for port in [starttls, tls, plain, imap, imaps] {
            let up = async || TcpStream::connect(("127.0.0.1", port)).await.ok().map(drop);
            eventually("the mail servers are up", up).await;
        }
        Some(mail)
    }

    fn postfix(&self, order: &str) {
        let mut command = Command::new("postfix");
        command.arg("-c").arg(self.dir.path().join("postfix")).arg(order).stdin(Stdio::null());
        assert!(command.status().unwrap().success(), "{}", self.log());
    }

    /// What Postfix did.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// The certificate of whoever signed the server's.
    pub fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    /// Waits until there are so many mails, and fetches them.
    pub async fn inbox(&self, mails: usize) -> Inbox {
        let new = self.dir.path().join("mail/web");
        let count = |folder: &str| std::fs::read_dir(new.join(folder)).map_or(0, |entries| entries.count());
        let there = async || (count("new") + count("cur") >= mails).then_some(());
        eventually("the mails are in the mailbox", there).await;
        let mut imap = Imap::login(self.imap, "web").await;
        let (_, fetched) = imap.ask("FETCH 1:* (BODY.PEEK[])").await;
        let (lines, _) = imap.ask("THREAD REFERENCES UTF-8 ALL").await;
        let threads = lines.iter().find_map(|line| line.strip_prefix("* THREAD ")).unwrap();
        Inbox { mails: fetched, threads: thread_sizes(threads) }
    }

    /// What is unread in the mailbox that answers go to, and what is read: the subjects.
    pub async fn answers(&self) -> (Vec<String>, Vec<String>) {
        let mut imap = Imap::login(self.imap, "microalign").await;
        let mut subjects = async |flag: &str| {
            let (lines, _) = imap.ask(&format!("SEARCH {flag}")).await;
            let found =
                lines.iter().find_map(|line| line.strip_prefix("* SEARCH ")).unwrap_or_default().replace(' ', ",");
            if found.is_empty() {
                return Vec::new();
            }
            let (_, headers) = imap.ask(&format!("FETCH {found} (BODY.PEEK[HEADER.FIELDS (SUBJECT)])")).await;
            let subject = |header: Vec<u8>| String::from_utf8(header).unwrap().trim()["Subject: ".len()..].to_owned();
            headers.into_iter().map(subject).collect()
        };
        (subjects("UNSEEN").await, subjects("SEEN").await)
    }

    /// How many mails are in the mailbox now.
    pub fn count(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("mail/web/new")).map_or(0, |entries| entries.count())
    }

    /// Lets notmuch read the mailbox, and asks it something.
    pub fn notmuch(&self, args: &[&str]) -> String {
        let config = self.dir.path().join("notmuch.conf");
        let path = self.dir.path().join("mail/web");
        std::fs::write(&config, format!("[database]\npath={}\n[maildir]\nsynchronize_flags=false\n", path.display()))
            .unwrap();
        let notmuch = |args: &[&str]| output(Command::new("notmuch").env("NOTMUCH_CONFIG", &config).args(args));
        notmuch(&["new", "--quiet"]);
        notmuch(args)
    }
}

impl Drop for Mail {
    fn drop(&mut self) {
        self.postfix("stop");
        // Dovecot ends its processes when it is asked, not when it is killed.
        output(Command::new("kill").arg(self.dovecot.id().to_string()));
        self.dovecot.wait().expect("it can be waited for");
    }
}

fn missing() -> Option<String> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return Some("Postfix is started by root only".to_owned());
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let needed = ["postfix", "dovecot", "notmuch", "openssl"];
    let missing = needed.into_iter().filter(|program| !there(program)).collect::<Vec<_>>();
    (!missing.is_empty()).then(|| format!("these are not on PATH: {}", missing.join(", ")))
}

/// A Python that has dkimpy: `MICROALIGN_PYTHON`, or the one on `PATH`.
fn python() -> Option<String> {
    let python = std::env::var("MICROALIGN_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let has = Command::new(&python).args(["-c", "import dkim, nacl"]).stderr(Stdio::null()).status();
    if has.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    let missing = "there is no Python with dkimpy and PyNaCl on PATH or in MICROALIGN_PYTHON";
    let required = std::env::var("MICROALIGN_REQUIRE_SERVERS").is_ok_and(|required| required == "1");
    assert!(!required, "{missing}");
    did_not_run(missing);
    None
}

/// Whether dkimpy, which nobody here wrote, finds the signature of `s1._domainkey.example.com` good for each mail; `None`
/// after saying that there is none.
pub fn verified(record: &str, mails: &[Vec<u8>]) -> Option<Vec<bool>> {
    let python = python()?;
    let folder = tempfile::tempdir().unwrap();
    let judged = mails.iter().enumerate().map(|(index, mail)| {
        let file = folder.path().join(index.to_string());
        std::fs::write(&file, mail).unwrap();
        let said = output(Command::new(&python).args(["-c", VERIFY, record]).arg(file));
        match said.trim() {
            "True" => true,
            "False" => false,
            other => panic!("{other}"),
        }
    });
    Some(judged.collect())
}

const VERIFY: &str = "
import dkim, sys
record, file = sys.argv[1:]
def txt(name, timeout=5):
    name = name.decode() if isinstance(name, bytes) else name
    return record.encode() if name == 's1._domainkey.example.com.' else None
print(dkim.verify(open(file, 'rb').read(), dnsfunc=txt))
";

/// What a command prints; it must work.
pub fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Ports that are free now, and none twice.
fn free_ports<const N: usize>() -> [u16; N] {
    let sockets = [(); N].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    sockets.map(|socket| socket.local_addr().unwrap().port())
}

/// Somebody who signs certificates, and a certificate for `localhost`.
fn certificates(folder: &Path) {
    let openssl = |line: &str| output(Command::new("openssl").args(line.split(' ')).current_dir(folder));
    let key = "-newkey rsa:2048 -nodes -days 2 -batch";
    openssl(&format!("req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=microalign-test"));
    openssl(&format!(
        "req -x509 {key} -keyout server.key -out server.pem -subj /CN=localhost -CA ca.pem -CAkey ca.key \
         -addext subjectAltName=DNS:localhost -addext extendedKeyUsage=serverAuth -addext basicConstraints=critical,CA:FALSE"
    ));
}

/// As much of IMAP as these tests need (RFC 9051).
struct Imap(BufReader<TcpStream>);

impl Imap {
    async fn login(port: u16, user: &str) -> Self {
        let mut imap = Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).await.unwrap()));
        imap.line().await;
        imap.ask(&format!("LOGIN {user} secret")).await;
        imap.ask("SELECT INBOX").await;
        imap
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.0.read_line(&mut line).await.unwrap(), 0, "the server hung up");
        line.trim_end().to_owned()
    }

    /// The lines of an answer, and the literals in it.
    async fn ask(&mut self, what: &str) -> (Vec<String>, Vec<Vec<u8>>) {
        self.0.write_all(format!("x {what}\r\n").as_bytes()).await.unwrap();
        let (mut lines, mut literals) = (Vec::new(), Vec::new());
        loop {
            let line = self.line().await;
            if line.starts_with("x ") {
                assert!(line.starts_with("x OK"), "{what}: {line}");
                return (lines, literals);
            }
            if let Some((_, length)) = line.strip_suffix('}').and_then(|line| line.rsplit_once('{')) {
                let mut literal = vec![0; length.parse().unwrap()];
                self.0.read_exact(&mut literal).await.unwrap();
                literals.push(literal);
            }
            lines.push(line);
        }
    }
}

/// The number of mails in each of `(1 2 (3)(4))(5)`.
fn thread_sizes(threads: &str) -> Vec<usize> {
    let (mut sizes, mut depth, mut digits) = (Vec::new(), 0, false);
    for c in threads.chars() {
        if c.is_ascii_digit() && !digits {
            *sizes.last_mut().unwrap() += 1;
        }
        digits = c.is_ascii_digit();
        match c {
            '(' if depth == 0 => (sizes.push(0), depth += 1).1,
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
    }
    sizes.sort_unstable();
    sizes
}

const MAIN_CF: &str = "
compatibility_level = 3.6
queue_directory = {home}/queue
data_directory = {home}/data
maillog_file = {home}/log
maillog_file_prefixes = {home}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.com
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = example.com
virtual_mailbox_maps = inline:{ web@example.com=web/, microalign@example.com=microalign/ }
recipient_delimiter = +
virtual_mailbox_base = {home}/mail
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_relay_restrictions = reject_unauth_destination
smtpd_peername_lookup = no
smtpd_tls_security_level = may
smtpd_tls_cert_file = {home}/server.pem
smtpd_tls_key_file = {home}/server.key
";

/// The services of Debian's own, without chroot.
const MASTER_CF: &str = "
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

const DOVECOT_CONF: &str = "
protocols = imap
listen = 127.0.0.1
base_dir = {home}/run
state_dir = {home}/state
log_path = {home}/dovecot.log
ssl = yes
ssl_cert = <{home}/server.pem
ssl_key = <{home}/server.key
disable_plaintext_auth = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
mail_location = maildir:{home}/mail/%n
first_valid_uid = 1
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home={home}/mail
}
service imap-login {
  chroot =
  inet_listener imap {
    port = {imap}
  }
  inet_listener imaps {
    port = {imaps}
  }
}
service anvil {
  chroot =
}
";

//! The address of a mail server, as in the configuration: `smtps://USER:PASSWORD@HOST`.

use std::net::IpAddr;

use secrecy::SecretString;
use url::Url;

/// A mail server: one that mail is sent to, or one that answers are read from.
#[derive(Debug, Clone)]
pub struct MailServer {
    /// Its name, which its certificate must show
    pub host: String,
    /// Its port
    pub port: u16,
    /// How the connection is protected
    pub tls: MailTls,
    /// User and password
    pub credentials: Option<(String, SecretString)>,
}

/// How a connection to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// TLS from the first byte (`smtps://`, `imaps://`)
    Implicit,
    /// STARTTLS, which the server must support (`smtp://` and `imap://`, on this machine `?tls=starttls`)
    StartTls,
    /// None: a server on this machine, or a mail catcher (`?tls=none`)
    None,
}

/// What differs between the two protocols.
struct Protocol {
    plain: &'static str,
    tls: &'static str,
    form: &'static str,
    /// The default ports with TLS, with STARTTLS, and with neither
    ports: [u16; 3],
}

const SMTP: Protocol = Protocol {
    plain: "smtp",
    tls: "smtps",
    form: "it is smtps://USER:PASSWORD@HOST, or smtp://HOST for STARTTLS",
    ports: [465, 587, 25],
};
const IMAP: Protocol = Protocol {
    plain: "imap",
    tls: "imaps",
    form: "it is imaps://USER:PASSWORD@HOST, or imap://USER:PASSWORD@HOST for STARTTLS",
    ports: [993, 143, 143],
};

impl MailServer {
    /// Reads `smtps://user:password@host[:465]` and `smtp://host[:587]`. The user ends at the first `:`, the password
    /// at the last `@`, so a password may contain any character; only a `%` with two hexadecimal digits is decoded.
    ///
    /// # Errors
    /// One sentence that says what would be right, without the password.
    pub fn smtp(text: &str) -> Result<Self, String> {
        Self::read(text, &SMTP)
    }

    /// Reads `imaps://user:password@host[:993]` and `imap://user:password@host[:143]`, likewise.
    ///
    /// # Errors
    /// One sentence that says what would be right, without the password.
    pub fn imap(text: &str) -> Result<Self, String> {
        let server = Self::read(text, &IMAP)?;
        if server.credentials.is_none() {
            return Err(format!("user and password are missing: {}", IMAP.form));
        }
        Ok(server)
    }

    fn read(text: &str, protocol: &Protocol) -> Result<Self, String> {
        let Protocol { plain, tls, form, ports } = protocol;
        let (scheme, rest) = text.split_once("://").ok_or_else(|| format!("this isn't a mail server: {form}"))?;
        let (credentials, server) = match rest.rsplit_once('@') {
            Some((user, server)) => (Some(credentials(user)?), server),
            None => (None, rest),
        };
        // What is left has no password in it, and may be shown.
        let url = Url::parse(&format!("smtp://{server}"))
            .map_err(|error| format!("`{server}` isn't a mail server ({error}): {form}"))?;
        let host =
            url.host_str().filter(|host| !host.is_empty()).ok_or_else(|| format!("the host is missing: {form}"))?;
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(format!("nothing may follow the host and port in `{server}`"));
        }
        let asked = match url.query() {
            None => None,
            Some("tls=none") => Some(MailTls::None),
            Some("tls=starttls") => Some(MailTls::StartTls),
            Some(other) => {
                return Err(format!(
                    "`?{other}` is unknown: `?tls=none` or `?tls=starttls` may follow the host and port"
                ));
            }
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let (tls, port) = match asked {
            None if scheme == *tls => (MailTls::Implicit, ports[0]),
            Some(_) if scheme == *tls => {
                return Err(format!("`?tls=` contradicts `{tls}://`: write `{plain}://`"));
            }
            _ if scheme != *plain => return Err(format!("`{scheme}://` isn't a mail server: {form}")),
            None if is_loopback(&host) => (MailTls::None, ports[2]),
            Some(MailTls::None) => (MailTls::None, ports[2]),
            _ => (MailTls::StartTls, ports[1]),
        };
        if tls == MailTls::None && credentials.is_some() && !is_loopback(&host) {
            return Err(
                "without TLS everybody on the network could read the password: leave out `?tls=none`".to_owned()
            );
        }
        Ok(Self { host, port: url.port().unwrap_or(port), tls, credentials })
    }
}

fn credentials(text: &str) -> Result<(String, SecretString), String> {
    let (user, password) = text.split_once(':').ok_or("the password is missing: write USER:PASSWORD@HOST")?;
    let user = percent_decode(user).ok_or("the user isn't UTF-8 after its %-escapes are decoded")?;
    let password = percent_decode(password).ok_or("the password isn't UTF-8 after its %-escapes are decoded")?;
    if user.is_empty() || password.is_empty() {
        return Err("the user or the password is empty: write USER:PASSWORD@HOST, or HOST alone".to_owned());
    }
    Ok((user, password.into()))
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A `%` without two hexadecimal digits after it is kept.
fn percent_decode(text: &str) -> Option<String> {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, digit(bytes.get(at + 1)), digit(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.push(u8::try_from(high * 16 + low).ok()?);
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use secrecy::ExposeSecret;

    use super::*;

    fn smtp(text: &str) -> (String, u16, MailTls, Option<(String, String)>) {
        let smtp = MailServer::smtp(text).unwrap();
        let credentials = smtp.credentials.map(|(user, password)| (user, password.expose_secret().to_owned()));
        (smtp.host, smtp.port, smtp.tls, credentials)
    }

    #[test]
    fn mail_servers() {
        let user = |password: &str| Some(("ana@example.com".to_owned(), password.to_owned()));
        let host = |text: &str| text.to_owned();
        let table = [
            ("smtps://mail.example.com", (host("mail.example.com"), 465, MailTls::Implicit, None)),
            ("smtp://mail.example.com", (host("mail.example.com"), 587, MailTls::StartTls, None)),
            ("smtp://mail.example.com:2525/", (host("mail.example.com"), 2525, MailTls::StartTls, None)),
            ("smtp://localhost:1025", (host("localhost"), 1025, MailTls::None, None)),
            ("smtp://127.0.0.1", (host("127.0.0.1"), 25, MailTls::None, None)),
            ("smtp://[::1]:1025", (host("::1"), 1025, MailTls::None, None)),
            ("smtp://catcher:1025?tls=none", (host("catcher"), 1025, MailTls::None, None)),
            ("smtp://localhost?tls=starttls", (host("localhost"), 587, MailTls::StartTls, None)),
            ("smtps://ana%40example.com:s@m:8465", (host("m"), 8465, MailTls::Implicit, user("s"))),
            ("smtps://ana@example.com:p@ss/w?r#d%@m", (host("m"), 465, MailTls::Implicit, user("p@ss/w?r#d%"))),
            ("smtps://ana@example.com:p%3Aw%25@m", (host("m"), 465, MailTls::Implicit, user("p:w%"))),
        ];
        for (text, expected) in table {
            assert_eq!(smtp(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        let table = [
            ("mail.example.com", "this isn't a mail server"),
            ("http://mail.example.com", "`http://` isn't a mail server"),
            ("smtps://", "the host is missing"),
            ("smtps://u:hunter2@", "the host is missing"),
            ("smtps://u:hunter2@mail.example.com:99999", "isn't a mail server"),
            ("smtps://hunter2@mail.example.com", "the password is missing"),
            ("smtps://u:@mail.example.com", "the password is empty"),
            ("smtps://u:hunter2@mail.example.com/inbox", "nothing may follow"),
            ("smtps://mail.example.com?tls=none", "contradicts"),
            ("smtps://mail.example.com?tls=starttls", "contradicts"),
            ("smtps://mail.example.com?tls=maybe", "`?tls=maybe` is unknown"),
            ("smtp://u:hunter2@catcher:1025?tls=none", "everybody on the network"),
        ];
        for (text, expected) in table {
            let error = MailServer::smtp(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn mailboxes() {
        let imap = |text: &str| MailServer::imap(text).map(|server| (server.host, server.port, server.tls));
        let host = "mail.example.com".to_owned();
        assert_eq!(imap("imaps://ana:s@mail.example.com"), Ok((host.clone(), 993, MailTls::Implicit)));
        assert_eq!(imap("imap://ana:s@mail.example.com"), Ok((host, 143, MailTls::StartTls)));
        assert_eq!(imap("imap://ana:s@127.0.0.1:1143"), Ok(("127.0.0.1".to_owned(), 1143, MailTls::None)));
        for (text, expected) in [
            ("imaps://mail.example.com", "user and password are missing"),
            ("smtps://ana:hunter2@mail.example.com", "`smtps://` isn't a mail server: it is imaps://"),
            ("imap://ana:hunter2@catcher?tls=none", "everybody on the network"),
            ("imaps://ana:hunter2@mail.example.com?tls=none", "`?tls=` contradicts `imaps://`"),
        ] {
            let error = imap(text).unwrap_err();
            assert!(error.contains(expected) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let smtp = MailServer::smtp("smtps://u:hunter2@mail.example.com").unwrap();
        assert!(!format!("{smtp:?}").contains("hunter2"));
    }
}

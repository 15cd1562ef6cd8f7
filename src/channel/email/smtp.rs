//! Sends mail to a server: to one recipient at a time, over connections that are kept for the next mail.
//!
//! The pool is hand-written because lettre's transport returns a connection to its pool even if a send on it timed out
//! half-way, and the next mail would then read the answers to that one. Here a connection is kept only after a complete send.
//! This also tells "nothing was sent yet" from "it may have been sent".

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::Error;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use super::MailServer;
use super::compose::Mail;
use super::connection::{Connection, Failed, Tls};
use crate::api::Mask;
use crate::channel::{Outcome, line};

/// As many as most servers allow one client.
const MAX_CONNECTIONS: usize = 10;
/// So many more that a server lets wait take no place from others.
const MAX_HANGING: usize = 10;
/// A mail that takes longer waits for its server, such as for a check of the recipient.
const HANGS: Duration = Duration::from_millis(500);
/// Servers close idle connections after a few minutes.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// "Authentication required", "mechanism too weak", "credentials invalid", "encryption required" (RFC 4954, section 6):
/// the server refuses the login, and not this mail.
const LOGIN_REFUSED: [u16; 4] = [530, 534, 535, 538];

pub(in crate::channel) struct Smtp {
    settings: MailServer,
    deadline: Duration,
    permits: Semaphore,
    hanging: Semaphore,
    tls: Tls,
    idle: Mutex<VecDeque<(Instant, Connection)>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Smtp").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Smtp {
    pub(in crate::channel) fn new(settings: MailServer, deadline: Duration) -> Self {
        Self {
            settings,
            deadline,
            permits: Semaphore::new(MAX_CONNECTIONS),
            hanging: Semaphore::new(MAX_HANGING),
            tls: Tls::default(),
            idle: Mutex::default(),
        }
    }

    pub(in crate::channel) fn mask(&self) -> Mask {
        self.settings.credentials.as_ref().map_or_else(Mask::default, |(_, password)| Mask::of_token(password))
    }

    pub(in crate::channel) async fn send(&self, mail: &Mail, to: &str) -> Result<(), Outcome> {
        let host = &self.settings.host;
        let to: Address = to.parse().map_err(|_| Outcome::permanent(format!("{to} isn't an address")))?;
        let end = Instant::now() + self.deadline;
        let permit = timeout_at(end, self.permits.acquire()).await;
        let Ok(Ok(permit)) = permit else {
            return Err(Outcome::transient(format!("all connections to {host} are busy")));
        };
        let mut sent = std::pin::pin!(self.send_by(mail, &to, end));
        if let Ok(sent) = timeout(HANGS, &mut sent).await {
            return sent;
        }
        let _permit = match self.hanging.try_acquire() {
            Ok(hanging) => {
                drop(permit);
                hanging
            }
            Err(_) => permit,
        };
        sent.await
    }

    async fn send_by(&self, mail: &Mail, to: &Address, end: Instant) -> Result<(), Outcome> {
        let host = &self.settings.host;
        if let Some(mut kept) = self.take() {
            match timeout_at(end, kept.announce(mail, to)).await {
                Ok(Ok(())) => return self.hand_over(kept, mail, end).await,
                // The server closed it meanwhile, as it may at any time.
                Ok(Err(failed)) if failed.is_cut() => {}
                Ok(Err(failed)) => return self.part(kept, failed).await,
                Err(_) => return Err(Outcome::transient(self.late())),
            }
        }
        let mut new = match timeout_at(end, Connection::open(&self.settings, &self.tls)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => return Err(Outcome::transient(format!("can't connect to {host}: {error}"))),
            Err(_) => return Err(Outcome::transient(self.late())),
        };
        match timeout_at(end, new.announce(mail, to)).await {
            Ok(Ok(())) => self.hand_over(new, mail, end).await,
            Ok(Err(failed)) => self.part(new, failed).await,
            Err(_) => Err(Outcome::transient(self.late())),
        }
    }

    /// Sends a mail that the server waits for.
    async fn hand_over(&self, mut connection: Connection, mail: &Mail, end: Instant) -> Result<(), Outcome> {
        let host = &self.settings.host;
        match timeout_at(end, connection.send(mail)).await {
            Ok(Ok(())) => {
                self.keep(connection);
                Ok(())
            }
            Ok(Err(error)) if error.status().is_some() => self.part(connection, Failed::Answer(error)).await,
            Ok(Err(error)) => Err(Outcome::ambiguous(format!("{host} took the mail and then failed: {error}"))),
            Err(_) => Err(Outcome::ambiguous(format!("{} to the mail itself", self.late()))),
        }
    }

    fn late(&self) -> String {
        format!("{} did not answer within {} s", self.settings.host, self.deadline.as_secs_f32())
    }

    /// Says goodbye after a refusal.
    async fn part(&self, connection: Connection, failed: Failed) -> Result<(), Outcome> {
        if timeout(Duration::from_secs(2), connection.close()).await.is_err() {
            tracing::debug!(host = self.settings.host, "the mail server didn't answer QUIT");
        }
        Err(failed.outcome(&self.settings.host))
    }

    fn take(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < MAX_IDLE);
        idle.pop_back().map(|(_, connection)| connection)
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push_back((Instant::now(), connection));
    }
}

impl Failed {
    fn outcome(self, host: &str) -> Outcome {
        let (error, of_recipient) = match self {
            Self::Answer(error) => (error, false),
            Self::Recipient(error) => (error, true),
            Self::Address => {
                return Outcome::permanent(format!("{host} doesn't accept addresses with characters beyond ASCII"));
            }
        };
        let code = error.status().map(u16::from);
        let text = format!("{host}: {error}");
        match code {
            Some(code) if of_recipient && is_no_mailbox(code, &said(&error)) => {
                Outcome::NoMailbox { error: line(&text) }
            }
            Some(code) if LOGIN_REFUSED.contains(&code) => Outcome::transient(text),
            Some(_) if error.is_permanent() => Outcome::permanent(text),
            _ => Outcome::transient(text),
        }
    }
}

/// The text of a server's answer.
fn said(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

/// Whether a refusal of the recipient says that the mailbox does not exist or takes no mail. If the text starts with an
/// enhanced status code (RFC 3463, sections 3.2 and 3.3), that decides: the same three digits can also mean a policy (5.7.1) or
/// a full mailbox (5.2.2). 5.1.7 and 5.1.8 are about the sender.
fn is_no_mailbox(code: u16, text: &str) -> bool {
    let enhanced = text.split_whitespace().next().unwrap_or_default();
    match enhanced.strip_prefix("5.") {
        Some(status) => ["1.0", "1.1", "1.2", "1.3", "1.4", "1.6", "1.10", "2.1"].contains(&status),
        None => [550, 551, 553].contains(&code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_servers_say_of_a_mailbox_that_is_not_there() {
        for (code, text, expected) in [
            (550, "5.1.1 <x@example.com>: Recipient address rejected: User unknown", true),
            (550, "5.1.10 RESOLVER.ADR.RecipientNotFound", true),
            (550, "5.2.1 The email account that you tried to reach is disabled", true),
            (556, "5.1.10 the domain has a null MX", true),
            (550, "no such user here", true),
            (551, "user not local", true),
            (550, "5.7.1 we do not like your network", false),
            (552, "5.2.2 mailbox full", false),
            (550, "5.1.8 sender domain not found", false),
            (552, "mailbox full", false),
            (554, "5.7.1 Relay access denied", false),
            (554, "transaction failed", false),
        ] {
            assert_eq!(is_no_mailbox(code, text), expected, "{code} {text}");
        }
    }
}

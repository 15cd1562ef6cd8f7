//! Watches the mailbox for answers while the service runs.
//!
//! The mailbox may be shared: mails for others stay unread. Mails for us are marked as read once they are in the store,
//! so a mail that arrives while the service is down is read later, and one that is read twice counts once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use super::AnswerHandler;
use super::imap::{Mailbox, Trouble};
use super::mail::{self, Mail};
use crate::channel::{ReplySettings, tls_settings};
use crate::mute::Linker;

/// How far back mails are read: addresses for answers live as long as links.
const OLDEST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How many headers are fetched at once.
const HEADERS: usize = 16;

/// The task that watches a mailbox.
pub struct Inbox {
    settings: ReplySettings,
    links: Arc<Linker>,
    answers: Arc<AnswerHandler>,
    /// How far it was read: the validity of the server's uids, and the next uid
    read: Option<(u32, u32)>,
    /// How many attempts there were, with the next one, since it worked; 0 while it works
    failures: u32,
}

impl Inbox {
    /// A task for the mailbox that gets answers to messages with these `links`.
    #[must_use]
    pub fn new(settings: ReplySettings, links: Arc<Linker>, answers: Arc<AnswerHandler>) -> Self {
        Self { settings, links, answers, read: None, failures: 1 }
    }

    /// Runs until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.watch() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn watch(&mut self) {
        loop {
            // A bug in the reading of responses must not end the service.
            let ended = AssertUnwindSafe(self.follow()).catch_unwind().await;
            let trouble = ended.unwrap_or_else(|_| Trouble("our fault: its answer could not be read".to_owned()));
            let host = &self.settings.imap.host;
            match self.failures {
                // Servers close connections from time to time.
                0 => tracing::debug!(host, %trouble, "the connection to the mailbox ended"),
                1 => tracing::warn!(host, %trouble, "cannot read answers by mail, will retry"),
                _ => tracing::debug!(host, %trouble, "still cannot read answers by mail"),
            }
            sleep(pause(self.failures, fastrand::f64())).await;
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Reads the mails that are there, then new ones, until something fails.
    async fn follow(&mut self) -> Trouble {
        let open = async {
            let tls = tls_settings().await.map_err(|error| Trouble(format!("TLS cannot be set up: {error}")))?;
            Mailbox::open(&self.settings.imap, &tls).await
        };
        let mut mailbox = match open.await {
            Ok(mailbox) => mailbox,
            Err(trouble) => return trouble,
        };
        loop {
            if let Err(trouble) = self.look(&mut mailbox).await {
                return trouble;
            }
            if self.failures > 1 {
                tracing::info!(host = self.settings.imap.host, "reading answers by mail again");
            }
            self.failures = 0;
            mailbox = match mailbox.wait().await {
                Ok(mailbox) => mailbox,
                Err(trouble) => return trouble,
            };
        }
    }

    /// Reads new mails.
    async fn look(&mut self, mailbox: &mut Mailbox) -> Result<(), Trouble> {
        let from = self.read.filter(|(validity, _)| *validity == mailbox.validity).map(|(_, next)| next);
        let uids = mailbox.news(from, Timestamp::now() - OLDEST).await?;
        for batch in uids.chunks(HEADERS) {
            for (uid, header) in mailbox.headers(batch).await? {
                if mail::is_ours(&header, &self.links) {
                    self.take(mailbox, uid).await?;
                }
            }
        }
        let next = uids.last().map_or(0, |last| last.saturating_add(1));
        self.read = Some((mailbox.validity, next.max(mailbox.next).max(from.unwrap_or(1))));
        Ok(())
    }

    /// Handles a mail that is for us.
    async fn take(&self, mailbox: &mut Mailbox, uid: u32) -> Result<(), Trouble> {
        let Some(raw) = mailbox.mail(uid).await? else { return Ok(()) };
        match mail::read(&raw, &self.links) {
            Mail::Foreign => return Ok(()),
            Mail::Automatic(why) => tracing::info!(uid, why, "a mail isn't an answer"),
            Mail::Answer(answer) => {
                let stored = self.answers.mail(answer).await;
                stored.map_err(|error| Trouble(format!("failed to store an answer: {error}")))?;
            }
        }
        mailbox.seen(uid).await
    }
}

/// How long to wait for the next connection: 1 s, 5 s, 10 s, … up to some five minutes, give or take a fifth.
fn pause(failures: u32, random: f64) -> Duration {
    let seconds = if failures == 0 { 1.0 } else { 5.0 * f64::from(1_u32 << (failures - 1).min(6)) };
    Duration::from_secs_f64(seconds * (0.8 + 0.4 * random))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_tried_ever_less_often() {
        let seconds = [0, 1, 2, 7, 8, u32::MAX].map(|failures| pause(failures, 0.5).as_secs());
        assert_eq!(seconds, [1, 5, 10, 320, 320, 320]);
        assert!(pause(1, 0.0) < pause(1, 1.0));
    }
}

//! The mailbox that answers go to, watched for as long as the service runs.
//!
//! It may be shared: what is not for us stays as it is, unread. What is for us is marked as read once it is in the store,
//! so that a mail that comes while the service stops is taken afterwards, and one that is taken twice counts once.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::sleep;

use super::Answers;
use super::imap::{self, Mailbox, Trouble};
use super::mail::{self, Mail};
use crate::channel::ReplySettings;
use crate::mute::Linker;

/// Links live for so long, and so do addresses to answer to.
const OLDEST: SignedDuration = SignedDuration::from_hours(90 * 24);
/// So many headers are fetched at once.
const HEADERS: usize = 16;

/// The task that watches a mailbox.
pub struct Inbox {
    settings: ReplySettings,
    links: Arc<Linker>,
    answers: Arc<Answers>,
    /// How far it is read, as long as the server's uids stay what they are: their validity, and the next one
    read: Option<(u32, u32)>,
    /// Whether it can be read: 0 if so, then how many attempts there were, with the next; at the start there was none
    failures: u32,
}

impl Inbox {
    /// For a mailbox that answers to `links` go to.
    #[must_use]
    pub fn new(settings: ReplySettings, links: Arc<Linker>, answers: Arc<Answers>) -> Self {
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
            // A fault in what reads the server's answers must not end the service.
            let ended = AssertUnwindSafe(self.follow()).catch_unwind().await;
            let trouble = ended.unwrap_or_else(|_| Trouble("our fault: its answer could not be read".to_owned()));
            let host = &self.settings.imap.host;
            match self.failures {
                // Servers end connections now and then.
                0 => tracing::debug!(host, %trouble, "the connection to the mailbox ended"),
                1 => tracing::warn!(host, %trouble, "answers by mail cannot be read; they wait until it works again"),
                _ => tracing::debug!(host, %trouble, "answers by mail still cannot be read"),
            }
            sleep(pause(self.failures, fastrand::f64())).await;
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Reads what is there, then what comes, until something goes wrong.
    async fn follow(&mut self) -> Trouble {
        let open = async {
            let tls = imap::tls().await?;
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
                tracing::info!(host = self.settings.imap.host, "answers by mail are read again");
            }
            self.failures = 0;
            mailbox = match mailbox.wait().await {
                Ok(mailbox) => mailbox,
                Err(trouble) => return trouble,
            };
        }
    }

    /// Takes what is new.
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

    /// Takes a mail that is for us.
    async fn take(&self, mailbox: &mut Mailbox, uid: u32) -> Result<(), Trouble> {
        let Some(raw) = mailbox.mail(uid).await? else { return Ok(()) };
        match mail::read(&raw, &self.links) {
            Mail::Foreign => return Ok(()),
            Mail::Automatic(why) => tracing::info!(uid, why, "a mail is no answer"),
            Mail::Answer(answer) => {
                let stored = self.answers.mail(answer).await;
                stored.map_err(|error| Trouble(format!("an answer could not be stored: {error}")))?;
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

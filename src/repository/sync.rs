//! Reads the team files that repositories have on their default branch, at the start, when a webhook tells of a change, and
//! every few minutes in case one was missed.
//!
//! What was in force stays in force while GitHub can't be asked, and while a file is broken. It ends only when GitHub says that
//! the file, or the repository under that name, isn't there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::api::ApiError;
use crate::api::github::{Github, HasFile};
use crate::compose::Rulebook;
use crate::destination::Available;
use crate::intake::Touched;
use crate::rule::{LARGEST_FILE, REPOSITORY_FILE, RepositoryFile, Revision, TeamsAllowed, too_large};
use crate::store::Store;

/// From one look at all repositories to the next.
const EVERY: Duration = Duration::from_secs(10 * 60);
/// After an answer that didn't come.
const REST: Duration = Duration::from_secs(60);

/// What GitHub is asked about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// All the repositories of an owner, in small letters
    Owner(String),
    Repository(String),
}

/// The task that reads the files.
pub struct RuleFiles {
    /// Where they are
    pub github: Arc<Github>,
    /// Where they are kept
    pub store: Store,
    /// Which repositories may have one
    pub allowed: Arc<TeamsAllowed>,
    /// Where the files may send to
    pub channels: Available,
    /// What is in force
    pub rulebook: watch::Receiver<Arc<Rulebook>>,
    /// Told of the files
    pub files: watch::Sender<Arc<Vec<RepositoryFile>>>,
    /// Tells of changes on GitHub
    pub touched: mpsc::UnboundedReceiver<Touched>,
}

impl RuleFiles {
    /// Runs until `stop` turns true.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.look() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn look(&mut self) {
        let now = Instant::now();
        let mut due = self.allowed.owners().into_iter().map(|owner| (Place::Owner(owner), now)).collect();
        let mut troubled = BTreeSet::new();
        loop {
            let next = next(&due);
            tokio::select! {
                touched = self.touched.recv() => match touched {
                    Some(touched) => self.note(&touched, &mut due),
                    None => std::future::pending().await,
                },
                () = sleep_until(next.as_ref().map_or_else(Instant::now, |(_, at)| *at)), if next.is_some() => {
                    let Some((place, _)) = next else { continue };
                    due.remove(&place);
                    let again = self.read(&place, &mut troubled).await;
                    if let Some(after) = again {
                        due.insert(place, Instant::now() + after);
                    }
                }
            }
        }
    }

    /// Notes who is to be asked about what a webhook tells of.
    fn note(&self, touched: &Touched, due: &mut BTreeMap<Place, Instant>) {
        let place = match touched {
            Touched::RuleFile(repo) if self.allowed.names(repo) => Place::Repository(repo.clone()),
            // Another repository may have the name by now.
            Touched::Repository(repo) => Place::Owner(owner(repo)),
            Touched::RuleFile(_) | Touched::PullRequest(..) | Touched::CheckAgain(..) => return,
        };
        let of_allowed = match &place {
            Place::Owner(owner) => self.allowed.owners().contains(owner),
            Place::Repository(_) => true,
        };
        if of_allowed {
            due.insert(place, Instant::now());
        }
    }

    /// Asks about a place. Says when to ask again.
    async fn read(&self, place: &Place, troubled: &mut BTreeSet<Place>) -> Option<Duration> {
        let again = matches!(place, Place::Owner(_)).then_some(EVERY);
        match self.ask(place).await {
            Ok(()) => {
                if troubled.remove(place) {
                    tracing::info!(?place, "team files can be read again");
                }
                again
            }
            Err(error) => {
                if troubled.insert(place.clone()) {
                    tracing::warn!(?place, %error, "team files can't be read: what was in force stays in force");
                }
                let wait = if let ApiError::Limited { wait, .. } = error { wait } else { REST };
                Some(wait)
            }
        }
    }

    async fn ask(&self, place: &Place) -> Result<(), ApiError> {
        let mut found = match place {
            Place::Owner(owner) => self.github.rule_files(owner).await?,
            Place::Repository(repo) => self.github.rule_file(repo).await?.into_iter().collect(),
        };
        found.retain(|has| self.allowed.names_unless_fork(&has.repo, has.fork));
        let of_place = |repo: &str| match place {
            Place::Owner(name) => owner(repo) == *name,
            Place::Repository(name) => repo.eq_ignore_ascii_case(name),
        };
        let mut files = self.files.borrow().to_vec();
        let has = |repo: &str| found.iter().any(|found| found.file.is_some() && found.repo.eq_ignore_ascii_case(repo));
        files.retain(|file| {
            let stays = !of_place(&file.repo) || has(&file.repo);
            if !stays {
                tracing::warn!(repo = file.repo, "the repository no longer has a team file, or isn't there any more");
            }
            stays
        });
        let mut failed = None;
        for has in found.iter().filter(|has| of_place(&has.repo)) {
            // One that can't be read is none of the others' trouble, unless nobody answers at all.
            failed = self.take(has, &mut files).await.err().or(failed);
            if matches!(failed, Some(ApiError::Silent(_) | ApiError::Limited { .. })) {
                break;
            }
        }
        self.publish(files).await;
        failed.map_or(Ok(()), Err)
    }

    /// Takes in what a repository has now, if that is new.
    async fn take(&self, has: &HasFile, files: &mut Vec<RepositoryFile>) -> Result<(), ApiError> {
        let (Some((blob, size)), Some(commit)) = (&has.file, &has.commit) else { return Ok(()) };
        let known = files.iter_mut().find(|file| file.repo.eq_ignore_ascii_case(&has.repo));
        if known.as_ref().is_some_and(|file| file.latest.blob == *blob) {
            return Ok(());
        }
        let text = if *size > LARGEST_FILE {
            Err(too_large(LARGEST_FILE))
        } else {
            match self.github.file_at(&has.repo, REPOSITORY_FILE, commit).await? {
                Some(text) => Ok(text),
                // The next look will find what is there then.
                None => return Ok(()),
            }
        };
        let latest = Revision { commit: commit.clone(), blob: blob.clone(), text };
        let rulebook = Arc::clone(&self.rulebook.borrow());
        let is_right = |revision: &Revision| {
            revision.text.as_ref().is_ok_and(|text| rulebook.tried(&has.repo, text, &self.channels).is_ok())
        };
        let right = is_right(&latest);
        tracing::info!(repo = has.repo, commit, right, "read a repository's team file");
        match known {
            Some(file) => {
                // What was wrong when it was read may be right by now, and in force: a template was missing, a name was taken.
                if is_right(&file.latest) {
                    file.good = Some(file.latest.clone());
                }
                if right {
                    file.good = Some(latest.clone());
                }
                file.latest = latest;
            }
            None => {
                let good = right.then(|| latest.clone());
                files.push(RepositoryFile { repo: has.repo.clone(), latest, good });
            }
        }
        Ok(())
    }

    /// Puts the files in force, if they aren't those that are. A start without GitHub begins with them.
    async fn publish(&self, files: Vec<RepositoryFile>) {
        if **self.files.borrow() == files {
            return;
        }
        if let Err(error) = self.store.keep_repository_files(files.clone()).await {
            tracing::warn!(%error, "team files of repositories could not be kept; they are read again after a restart");
        }
        self.files.send_replace(Arc::new(files));
    }
}

fn next(due: &BTreeMap<Place, Instant>) -> Option<(Place, Instant)> {
    due.iter().min_by_key(|(_, at)| **at).map(|(place, at)| (place.clone(), *at))
}

fn owner(repo: &str) -> String {
    repo.split('/').next().unwrap_or(repo).to_lowercase()
}

//! Rules and templates are read again when their files change.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::{Notify, watch};

use super::Common;
use super::field_names::FieldNames;
use super::members::Roster;
use crate::compose::Rulebook;
use crate::metrics::Metrics;
use crate::rule::RepositoryFile;
use crate::store::{Store, Subscription};

/// Editors write a file in several steps: it is read after this long without a further step.
const CALM: Duration = Duration::from_millis(300);
/// The longest wait, so that endless steps don't keep a change from being read.
const LATEST: Duration = Duration::from_secs(3);

/// How often it is looked what another process changed.
const LOOK: Duration = Duration::from_secs(5);

/// Notifies `reload` when a file in these folders changes. If that fails (no inotify left), SIGHUP still works.
pub(super) fn watch(folders: &[PathBuf], reload: &Arc<Notify>) -> Option<RecommendedWatcher> {
    let notify = Arc::clone(reload);
    let changed = move |event: notify::Result<notify::Event>| {
        // Reading a file is an event too, and each reload reads them all.
        if event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            notify.notify_one();
        }
    };
    let mut watcher = match notify::recommended_watcher(changed) {
        Ok(watcher) => watcher,
        Err(error) => {
            tracing::warn!(%error, "cannot watch files: send SIGHUP after you change one");
            return None;
        }
    };
    for folder in folders {
        if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive) {
            tracing::warn!(folder = %folder.display(), %error, "cannot watch this folder: send SIGHUP after you change a file in it");
        }
    }
    Some(watcher)
}

/// Waits until there are no changes for a moment.
async fn calm(reload: &Notify) {
    let wait = async { while tokio::time::timeout(CALM, reload.notified()).await.is_ok() {} };
    // In both cases, it is time to read.
    let (Ok(()) | Err(_)) = tokio::time::timeout(LATEST, wait).await;
}

pub(super) fn existing<'a>(folders: impl IntoIterator<Item = &'a PathBuf>) -> Vec<PathBuf> {
    folders.into_iter().filter(|folder| Path::is_dir(folder)).cloned().collect()
}

/// Reloads the rules and templates when their folders change.
pub(super) struct Loader {
    pub(super) common: Common,
    pub(super) rules: watch::Sender<Arc<Rulebook>>,
    /// The team files of repositories
    pub(super) repositories: watch::Receiver<Arc<Vec<RepositoryFile>>>,
    pub(super) roster: Roster,
    pub(super) field_names: FieldNames,
    /// What people subscribed to
    pub(super) subscriptions: watch::Receiver<Vec<Subscription>>,
}

impl Loader {
    /// `first` is dropped once the members of teams and the names of fields were looked up, or that failed.
    pub(super) async fn run(mut self, reload: Arc<Notify>, mut stop: watch::Receiver<bool>, first: watch::Sender<()>) {
        let mut first = Some(first);
        let Common { config, store, metrics, .. } = self.common.clone();
        store.has_rules(self.rules.borrow().digest());
        loop {
            let now = Arc::clone(&self.rules.borrow());
            first = first.filter(|_| self.roster.is_new(&now) || self.field_names.is_new(&now));
            let on_disk = tokio::select! {
                () = reload.notified() => true,
                // Nobody reads them where no repository may have one.
                Ok(()) = self.repositories.changed() => false,
                members = self.roster.next(&now) => {
                    if members != *now.members() {
                        self.rules.send_replace(Arc::new(now.with_members(members)));
                    }
                    continue;
                }
                () = self.field_names.next(&now) => continue,
                Ok(()) = self.subscriptions.changed() => {
                    let all = self.subscriptions.borrow_and_update().clone();
                    let rulebook = now.with_subscriptions(all, &config.channels.available());
                    self.rules.send_replace(Arc::new(rulebook));
                    tracing::info!("subscriptions were changed");
                    continue;
                }
                _ = stop.wait_for(|stop| *stop) => return,
            };
            if on_disk {
                calm(&reload).await;
            }
            let before = Arc::clone(&self.rules.borrow());
            let repositories = Arc::clone(&self.repositories.borrow_and_update());
            let rulebook = Arc::new(Rulebook::load_with(&config, repositories, Some(&before)));
            self.field_names.read_for(&rulebook);
            self.rules.send_replace(Arc::clone(&rulebook));
            store.has_rules(rulebook.digest());
            report(&rulebook, &metrics);
        }
    }
}

/// Looks for subscriptions that were made or ended, here or by another process, and for the team files of repositories, which the
/// process that plans reads. It has a task of its own, since each look would cancel what GitHub is being asked.
pub(super) struct Follower {
    store: Store,
    /// Notified when a subscription was made or ended here
    subscribed: Arc<Notify>,
    subscriptions: watch::Sender<Vec<Subscription>>,
    /// If any repository may have one
    files: Option<watch::Sender<Arc<Vec<RepositoryFile>>>>,
}

/// Follows the subscriptions from those that are in force on; and `files`, unless there can be none.
pub(super) fn follow(
    rulebook: &Rulebook,
    (store, subscribed): (&Store, &Arc<Notify>),
    (no_files, files): (bool, watch::Sender<Arc<Vec<RepositoryFile>>>),
) -> (Follower, watch::Receiver<Vec<Subscription>>) {
    let known = rulebook.subscriptions().map(|(known, _)| known.clone()).collect();
    let (subscriptions, followed) = watch::channel(known);
    let (store, subscribed) = (store.clone(), Arc::clone(subscribed));
    (Follower { store, subscribed, subscriptions, files: Some(files).filter(|_| !no_files) }, followed)
}

impl Follower {
    /// Runs until `stop` turns true.
    pub(super) async fn run(self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = self.subscribed.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            match self.store.subscriptions().await {
                Ok(all) => {
                    self.subscriptions.send_if_modified(|known| std::mem::replace(known, all) != *known);
                }
                Err(error) => tracing::error!(%error, "cannot read the subscriptions, will retry"),
            }
            // Whoever plans knows them first.
            if let Some(files) = self.files.as_ref().filter(|_| self.store.right_to_plan().is_none()) {
                match self.store.repository_files().await {
                    Ok(all) => drop(files.send_if_modified(|known| {
                        let is_new = **known != all;
                        if is_new {
                            *known = Arc::new(all);
                        }
                        is_new
                    })),
                    Err(error) => tracing::error!(%error, "cannot read the team files of repositories, will retry"),
                }
            }
        }
    }
}

/// Logs and counts what is in force, and what is broken.
pub(super) fn report(rulebook: &Rulebook, metrics: &Metrics) {
    for problem in rulebook.problems() {
        tracing::error!(%problem, "a file is broken; its last good version, if there is one, stays in force");
    }
    let (teams, rules) = count(rulebook, metrics);
    tracing::info!(teams, rules, problems = rulebook.problems().len(), "loaded rules and templates");
}

/// Counts the teams and rules that are in force, and the files that are broken.
fn count(rulebook: &Rulebook, metrics: &Metrics) -> (usize, usize) {
    let (teams, rules) = (rulebook.rules().teams().len(), rulebook.rules().all().count());
    let broken: BTreeSet<_> = rulebook.problems().iter().map(|problem| &problem.file).collect();
    metrics.loaded(teams, rules, broken.len());
    (teams, rules)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[tokio::test]
    async fn a_change_is_noticed_and_reading_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("team.toml");
        std::fs::write(&file, "before").unwrap();
        let reload = Arc::<Notify>::default();
        let _watcher = watch(&[folder.path().to_owned()], &reload).unwrap();
        std::fs::read_dir(folder.path()).unwrap().for_each(drop);
        std::fs::read(&file).unwrap();
        assert!(tokio::time::timeout(CALM, reload.notified()).await.is_err(), "a reload would lead to the next one");
        std::fs::write(&file, "after").unwrap();
        tokio::time::timeout(Duration::from_secs(30), reload.notified()).await.unwrap();
    }
}

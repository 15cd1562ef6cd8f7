//! What a repository says of its files on one branch: who owns them, and which are generated.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::Instant;

use super::FRESH;
use crate::api::ApiError;
use crate::api::github::Github;
use crate::event::{Event, Owner};
use crate::rule::Asks;
use crate::source::codeowners::{self, CodeNotify, CodeOwners};
use crate::source::gitattributes::{self, Attributes};

/// So many `.gitattributes` are read of one repository: each is a request.
const MOST_ATTRIBUTES: usize = 100;

/// What repositories said lately.
#[derive(Debug, Default)]
pub(super) struct Code {
    owners: Kept<Owners>,
    generated: Kept<Generated>,
}

/// Answers, by repository and branch.
#[derive(Debug)]
struct Kept<T>(Mutex<HashMap<Branch, (Instant, Arc<T>)>>);

/// A repository and a branch of it.
type Branch = (String, String);

#[derive(Debug)]
struct Owners {
    code: CodeOwners,
    notify: Vec<CodeNotify>,
    /// Whether there may be others that say more
    cut: bool,
}

#[derive(Debug)]
struct Generated {
    files: Vec<Attributes>,
    /// Whether there are others that say more
    cut: bool,
}

impl Code {
    /// Says of the files that an event changes, if they are known, what rules ask about them.
    pub(super) async fn tell(
        &self,
        github: &Github,
        event: &mut Event,
        (repo, branch, asks): (&str, &str, Asks),
    ) -> Result<(), ApiError> {
        let Some(paths) = &event.paths else { return Ok(()) };
        if asks.owners {
            let owners = self.owners.get((repo, branch), owners(github, repo, branch)).await?;
            (event.owners, event.more_owners) = (Some(owners.of(paths)), owners.cut);
        }
        if asks.generated {
            let generated = self.generated.get((repo, branch), generated(github, repo, branch)).await?;
            if generated.cut {
                event.gap = Some("not all of the repository's .gitattributes are known".to_owned());
            } else {
                event.generated = Some(generated.of(paths));
            }
        }
        Ok(())
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Kept<T> {
    /// The answer that is kept, or else the one that is asked for now.
    async fn get(
        &self,
        (repo, branch): (&str, &str),
        ask: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<Arc<T>, ApiError> {
        let name = (repo.to_owned(), branch.to_owned());
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if let Some((_, answer)) = kept.filter(|(asked, _)| asked.elapsed() < FRESH) {
            return Ok(answer);
        }
        let answer = Arc::new(ask.await?);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (asked, _)| asked.elapsed() < FRESH);
        all.insert(name, (Instant::now(), Arc::clone(&answer)));
        Ok(answer)
    }
}

async fn owners(github: &Github, repo: &str, branch: &str) -> Result<Owners, ApiError> {
    let mut code = CodeOwners::default();
    for place in codeowners::PLACES {
        if let Some(text) = github.file(repo, place, branch).await? {
            code = CodeOwners::parse(&text);
            break;
        }
    }
    let mut notify = Vec::new();
    let found = github.files_named(repo, branch, codeowners::NOTIFY).await?;
    for path in found.listed {
        let folder = path.strip_suffix(codeowners::NOTIFY).unwrap_or_default();
        let text = github.file(repo, &path, branch).await?;
        notify.extend(text.map(|text| CodeNotify::parse(folder, &text)));
    }
    Ok(Owners { code, notify, cut: found.cut })
}

async fn generated(github: &Github, repo: &str, branch: &str) -> Result<Generated, ApiError> {
    let found = github.files_named(repo, branch, gitattributes::NAME).await?;
    let (mut files, cut) = (Vec::new(), found.cut || found.listed.len() > MOST_ATTRIBUTES);
    for path in found.listed.iter().filter(|_| !cut) {
        let folder = path.strip_suffix(gitattributes::NAME).unwrap_or_default();
        let text = github.file(repo, path, branch).await?;
        files.extend(text.map(|text| Attributes::parse(folder, &text)));
    }
    Ok(Generated { files, cut })
}

impl Owners {
    /// Who owns, or wants to be told of, any of these files, and which of them.
    fn of(&self, paths: &[String]) -> Vec<Owner> {
        let mut owners = BTreeMap::<&str, Vec<u32>>::new();
        for (place, path) in (0..).zip(paths) {
            let notify = self.notify.iter().flat_map(|file| file.of(path));
            for owner in self.code.of(path).iter().map(String::as_str).chain(notify) {
                let files = owners.entry(owner).or_default();
                if files.last() != Some(&place) {
                    files.push(place);
                }
            }
        }
        let owner = |(name, files): (&str, Vec<u32>)| Owner { name: name.to_owned(), files: Some(files) };
        owners.into_iter().map(owner).collect()
    }
}

impl Generated {
    /// Which of these files are generated, by their places.
    fn of(&self, paths: &[String]) -> Vec<u32> {
        let is = |(_, path): &(u32, &String)| gitattributes::is_generated(&self.files, path);
        (0..).zip(paths).filter(is).map(|(place, _)| place).collect()
    }
}

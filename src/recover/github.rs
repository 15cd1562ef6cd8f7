//! Fetches deliveries that GitHub sent and that did not arrive. GitHub never delivers again by itself, but for some days it
//! lists what it delivered to which hook
//! (<https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries>).
//!
//! Whether a delivery arrived is up to the store, not to GitHub's list: a proxy may have answered in our place.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;

use super::{Asked, Found, Recovery, Since};
use crate::api::ApiError;
use crate::api::github::{APP_HOOK, Attempt, Delivered, Github};
use crate::event::Source;
use crate::store::{Hook, Incoming, StoreError};

/// GitHub waits 10 s for an answer: what is younger may be on the way.
const ON_THE_WAY: Duration = Duration::from_secs(60);
/// So many bodies are asked for at a time,
const AT_ONCE: usize = 4;
/// and stored together.
const TOGETHER: usize = 32;
/// After so many failures in a row it is left for the next time.
const FAILURES: usize = 3;

/// A delivery that is not here.
struct Missing {
    /// The number of the hook that was asked
    asked: usize,
    /// The hook's route
    hook: String,
    /// When it was first tried to deliver
    sent: Timestamp,
    /// The last try
    attempt: Attempt,
    /// Whether it may be on the way
    coming: bool,
}

/// Asks for what did not arrive, for each hook that we know of.
pub(super) async fn sweep(
    recovery: &Recovery,
    github: &Github,
    since: Since,
    found: &mut Found,
) -> Result<(), StoreError> {
    let began = Timestamp::now();
    let first = found.asked.len();
    let hooks = hooks(recovery, github, since, began).await?;
    let (mut missing, mut silent) = (Vec::new(), None);
    for hook in &hooks {
        let mut asked = Asked::new(Source::Github, name(&hook.route));
        let attempts = match silent.clone() {
            // Nobody waits for it once more for each hook.
            Some(error) => Err(Trouble::Error(error)),
            None => attempts(github, hook, since.after(hook.swept, began)).await,
        };
        match attempts {
            Ok(attempts) => {
                let number = found.asked.len();
                missing.extend(unseen(recovery, (number, hook), attempts, &mut asked).await?);
            }
            Err(trouble) => {
                match &trouble {
                    Trouble::Error(error @ ApiError::Limited { .. }) => found.cut_short(error),
                    Trouble::Error(error @ ApiError::Silent(_)) => silent = Some(error.clone()),
                    Trouble::Error(_) | Trouble::NotTheApp => {}
                }
                asked.failed(trouble.words(github));
            }
        }
        found.asked.push(asked);
    }
    bring(recovery, github, missing, found).await?;
    for (hook, asked) in hooks.iter().zip(&found.asked[first..]) {
        if since == Since::LastTime && asked.done {
            recovery.store.swept(Source::Github, &hook.route, began).await?;
        }
    }
    Ok(())
}

/// The hooks that we know of. A person who asks an App may mean one that never reached us.
async fn hooks(recovery: &Recovery, github: &Github, since: Since, now: Timestamp) -> Result<Vec<Hook>, StoreError> {
    let mut hooks = recovery.store.hooks(Source::Github).await?;
    // Several Apps: each is asked only for its own.
    hooks.dedup_by(|later, earlier| later.route == earlier.route);
    if github.is_app() && since != Since::LastTime && !hooks.iter().any(|hook| hook.route == APP_HOOK) {
        hooks.push(Hook { id: 0, route: APP_HOOK.to_owned(), swept: now });
    }
    Ok(hooks)
}

/// Why a hook's deliveries cannot be listed.
enum Trouble {
    NotTheApp,
    Error(ApiError),
}

impl Trouble {
    fn words(&self, github: &Github) -> String {
        let who = if github.is_app() { "the App" } else { "`[github] token`" };
        match self {
            Self::NotTheApp => {
                "only a GitHub App itself can list its deliveries: set `[github] app_id` and `private_key`".to_owned()
            }
            Self::Error(error @ ApiError::Refused { status: 301 | 307 | 308, .. }) => {
                format!("{error}: the repository or organisation was renamed, and its next webhook has the new name")
            }
            Self::Error(error @ ApiError::Refused { status: 401 | 403 | 404, .. }) => {
                format!(
                    "{error}: the hook is gone, or {who} may not read it: that needs the permission `Webhooks: read`"
                )
            }
            Self::Error(error) => error.to_string(),
        }
    }
}

async fn attempts(github: &Github, hook: &Hook, since: Timestamp) -> Result<Vec<Attempt>, Trouble> {
    if hook.route == APP_HOOK && !github.is_app() {
        return Err(Trouble::NotTheApp);
    }
    github.attempts(&hook.route, since).await.map_err(Trouble::Error)
}

/// Which of a hook's deliveries are not here, nor on the way.
async fn unseen(
    recovery: &Recovery,
    (number, hook): (usize, &Hook),
    attempts: Vec<Attempt>,
    asked: &mut Asked,
) -> Result<Vec<Missing>, StoreError> {
    let mut deliveries = HashMap::<String, Missing>::new();
    let now = Timestamp::now();
    // Newest first: what comes later in the list was tried earlier.
    for attempt in attempts {
        let failed = attempt.status_code.is_some_and(|code| code >= 400);
        let (sent, coming) = (attempt.delivered_at, !failed && attempt.delivered_at > now - ON_THE_WAY);
        let of_it = deliveries.entry(attempt.guid.clone());
        let of_it = of_it.or_insert_with(|| Missing { asked: number, hook: hook.route.clone(), sent, attempt, coming });
        of_it.sent = of_it.sent.min(sent);
    }
    let keys = deliveries.keys().map(String::as_str).collect::<Vec<_>>();
    let unknown = recovery.store.unknown(Source::Github, &keys).await?;
    deliveries.retain(|key, delivery| !(delivery.coming && unknown.contains(key)));
    let all = deliveries.len();
    let missing = deliveries.into_iter().filter(|(key, _)| unknown.contains(key)).map(|(_, missing)| missing);
    let missing = missing.collect::<Vec<_>>();
    (asked.listed, asked.known) = (all, all - missing.len());
    Ok(missing)
}

/// Asks for the bodies of what is missing, oldest first, and stores them. Nobody is asked while some are being stored: on a
/// slow disk that can take longer than GitHub has to answer.
async fn bring(
    recovery: &Recovery,
    github: &Github,
    mut missing: Vec<Missing>,
    found: &mut Found,
) -> Result<(), StoreError> {
    missing.sort_by_key(|missing| missing.sent);
    let (mut missing, mut failures) = (missing.into_iter(), 0);
    while failures < FAILURES && !missing.as_slice().is_empty() {
        let some = missing.by_ref().take(TOGETHER).collect::<Vec<_>>();
        let together = bodies(github, some, (&mut failures, found)).await;
        recovery.park(together, found).await?;
    }
    Ok(())
}

/// The bodies of some of what is missing, until GitHub has failed too often in a row, or wants a rest: then `failures` says so.
async fn bodies(
    github: &Github,
    missing: Vec<Missing>,
    (failures, found): (&mut usize, &mut Found),
) -> Vec<(usize, Incoming)> {
    let asked = stream::iter(missing).map(|missing| async {
        let body = github.delivered(&missing.hook, &missing.attempt).await;
        (missing, body)
    });
    let (mut bodies, mut together) = (std::pin::pin!(asked.buffered(AT_ONCE)), Vec::new());
    while let Some((missing, body)) = bodies.next().await {
        match body {
            Ok(Some(body)) => {
                *failures = 0;
                together.push((missing.asked, incoming(missing, body)));
            }
            Ok(None) => {
                let trouble = format!("GitHub no longer has the body of {}", missing.attempt.guid);
                found.asked[missing.asked].trouble.get_or_insert(trouble);
            }
            Err(error) => {
                // One that nobody can read must not stand in the way of the others.
                *failures += usize::from(!matches!(error, ApiError::Unreadable { .. }));
                if matches!(error, ApiError::Limited { .. }) {
                    *failures = FAILURES;
                }
                found.asked[missing.asked].failed(error.to_string());
                if *failures >= FAILURES {
                    found.cut_short(&error);
                    break;
                }
            }
        }
    }
    together
}

fn incoming(missing: Missing, Delivered { event: name, payload: body }: Delivered) -> Incoming {
    Incoming { source: Source::Github, key: missing.attempt.guid, name, body, received: missing.sent, ignored: None }
}

/// A hook as people know it.
fn name(route: &str) -> String {
    let words = route.strip_prefix("/repos/").or_else(|| route.strip_prefix("/orgs/"));
    match words.and_then(|words| words.split_once("/hooks/")) {
        Some((place, id)) => format!("{place}, hook {id}"),
        None => "the GitHub App".to_owned(),
    }
}

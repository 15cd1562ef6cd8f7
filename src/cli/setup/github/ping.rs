//! Checks that GitHub's ping arrives. GitHub's API shows the response to it, so this command can run anywhere.

use std::collections::HashSet;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::refused;
use crate::api::github::{Attempt, Github, Hook};
use crate::cli::{Failure, say};

/// GitHub lists a delivery a moment after it was sent.
const LOOK: Duration = Duration::from_secs(1);
/// The pause after a failed ping, in which somebody can fix the problem.
const AGAIN: Duration = Duration::from_secs(4);

/// Asks for a ping until one arrives or the time is over.
pub(super) async fn arrives(github: &Github, hook: &Hook, (url, wait): (&str, Duration)) -> Result<(), Failure> {
    let until = Instant::now() + wait;
    let mut last = String::new();
    loop {
        let before = latest(github, hook).await?;
        ask(github, hook, &before).await?;
        let known = before.iter().map(|delivery| delivery.id).collect();
        let Some(delivery) = next(github, hook, (&known, until)).await? else { break };
        let answer = match delivery.status_code {
            Some(200..=299) => github.answer_to(hook, delivery.id).await.map_err(told)?,
            _ => None,
        };
        let Some(wrong) = verdict(&delivery, answer.as_deref(), url) else {
            return say("GitHub's ping arrived: GitHub and microalign are connected");
        };
        if wrong != last {
            say(format!("not yet: {wrong}"))?;
        }
        last = wrong;
        if Instant::now() + AGAIN > until {
            break;
        }
        sleep(AGAIN).await;
    }
    let last = if last.is_empty() { "GitHub has not tried yet; it can take minutes".to_owned() } else { last };
    Err(Failure::Wrong(format!("no ping arrived within {} s: {last}. Run this again to try once more", wait.as_secs())))
}

async fn latest(github: &Github, hook: &Hook) -> Result<Vec<Attempt>, Failure> {
    github.latest_deliveries(hook).await.map_err(told)
}

/// GitHub sends an App a ping only when it is created, so that ping, or the latest delivery, is sent again. Its id
/// stays the same, so it is easy to recognise.
async fn ask(github: &Github, hook: &Hook, before: &[Attempt]) -> Result<(), Failure> {
    let done = match hook {
        Hook::At(at, id) => github.ping_hook(at, *id).await,
        Hook::App => match before.iter().find(|delivery| delivery.event == "ping").or(before.first()) {
            Some(delivery) => github.deliver_again(hook, delivery.id).await,
            None => Ok(()),
        },
    };
    done.map_err(told)
}

/// The first new delivery. Any delivery proves that the way works.
async fn next(
    github: &Github,
    hook: &Hook,
    (known, until): (&HashSet<u64>, Instant),
) -> Result<Option<Attempt>, Failure> {
    loop {
        let mut fresh = latest(github, hook).await?;
        fresh.retain(|delivery| !known.contains(&delivery.id));
        // GitHub sends a ping to a new webhook by itself, perhaps just before ours.
        if let Some(delivery) = fresh.into_iter().next() {
            return Ok(Some(delivery));
        }
        if Instant::now() + LOOK > until {
            return Ok(None);
        }
        sleep(LOOK).await;
    }
}

fn told(error: crate::api::ApiError) -> Failure {
    refused(error, "GitHub does not say what became of the webhook's deliveries: look at its Recent Deliveries there")
}

/// What is wrong, if anything, according to GitHub's record of a delivery
/// (<https://docs.github.com/webhooks/testing-and-troubleshooting-webhooks/troubleshooting-webhooks>).
fn verdict(delivery: &Attempt, answer: Option<&str>, url: &str) -> Option<String> {
    let status = delivery.status.to_lowercase();
    let says = crate::template::shorten(&crate::template::clean(&delivery.status), 100);
    let code = delivery.status_code.unwrap_or(0);
    // A failed connection has the code 0 or 502, depending on the server's version.
    let unreached = ["connect", "timed out", "certificate", "resolve"].iter().any(|word| status.contains(word));
    Some(match code {
        200..=299 if is_ours(answer) => return None,
        200..=299 => {
            format!("{url} answers {code}, but not the way microalign does: does `public_url` lead somewhere else?")
        }
        _ if unreached || code == 0 => format!(
            "GitHub cannot reach {url}, and says \"{says}\": look at `public_url` in [server], DNS, the firewall and the \
             certificate, and whether `microalign serve` runs"
        ),
        401 => {
            "the service at this address does not know the webhook's secret: it has to be in `secrets` in [github], \
                and `microalign serve` restarted"
                .to_owned()
        }
        404 | 405 => format!("{url} answers {code}: does the proxy pass this path on to `microalign serve`?"),
        502..=504 => format!("{url} answers {code}: the proxy is there, but does `microalign serve` run behind it?"),
        _ => format!("{url} answers {code}, where microalign would say 202"),
    })
}

/// Another server may answer 200 to everything.
fn is_ours(answer: Option<&str>) -> bool {
    #[derive(Deserialize)]
    struct ResponseBody {
        status: String,
    }
    let said = answer.and_then(|answer| serde_json::from_str::<ResponseBody>(answer).ok());
    said.is_some_and(|said| ["accepted", "duplicate", "ignored"].contains(&said.status.as_str()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn what_is_wrong_is_said() {
        let ours = Some("{\"status\":\"ignored\",\"event\":7}");
        let table = [
            (202, "OK", ours, None),
            (202, "OK", Some("{\"status\":\"duplicate\",\"event\":7}"), None),
            (200, "OK", Some("<html>Welcome</html>"), Some("not the way microalign does")),
            (200, "OK", None, Some("not the way microalign does")),
            (401, "Invalid HTTP Response: 401", None, Some("does not know the webhook's secret")),
            (404, "Invalid HTTP Response: 404", None, Some("the proxy pass this path on")),
            (502, "Invalid HTTP Response: 502", None, Some("does `microalign serve` run behind it")),
            (502, "failed to connect", None, Some("GitHub cannot reach")),
            (0, "timed out", None, Some("says \"timed out\"")),
            (0, "Peer certificate cannot be authenticated with given CA certificates", None, Some("certificate")),
            (500, "Invalid HTTP Response: 500", None, Some("answers 500")),
        ];
        for (status_code, status, answer, expected) in table {
            let delivery = Attempt {
                id: 1,
                guid: "1".to_owned(),
                delivered_at: jiff::Timestamp::UNIX_EPOCH,
                event: "ping".to_owned(),
                status: status.to_owned(),
                status_code: Some(status_code),
            };
            let wrong = verdict(&delivery, answer, "https://x.example/webhooks/github");
            match expected {
                None => assert_eq!(wrong, None, "{status}"),
                Some(expected) => assert!(wrong.clone().unwrap().contains(expected), "{status}: {wrong:?}"),
            }
        }
    }
}

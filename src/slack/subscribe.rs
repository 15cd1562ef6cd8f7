//! Subscriptions, as somebody in Slack asks for them: stored where the operator allows it, and otherwise written as a rule for the
//! team's file.

use jiff::Timestamp;

use super::answer::Answer;
use super::asker::Colleague;
use super::here::Here;
use super::words::Wanted;
use super::{Desk, Refusal};
use crate::channel::Subscribing;
use crate::compose::{Rulebook, shown_path};
use crate::store::{Subscribed, Subscription};
use crate::toml_file::did_you_mean;

/// The most letters of a name that is made of what it is for; there may come a number.
const LONGEST_NAME: usize = 50;

impl Desk {
    pub(super) async fn subscribe(
        &self,
        who: &Colleague,
        (rulebook, here): (&Rulebook, &Here),
        wanted: Wanted,
    ) -> Result<Answer, Refusal> {
        let to = here.name.clone();
        let (team, name) = (here.team.name.clone(), name(&wanted));
        let Wanted { repo, on } = wanted;
        let what = format!("{} in {repo}", on.join(", "));
        let new = Subscription { team, name, to, repo, on, by: who.signature(), at: Timestamp::now() };
        let rule = rulebook
            .rule_for(&new, &self.available)
            .map_err(|wrong| Refusal::Said(format!("That can't be a rule: {wrong}.")))?;
        let may = match self.subscribing {
            Subscribing::Off => Err("Subscriptions are rules in the team's file."),
            Subscribing::Members if !who.is_member(&here.team) => Err(
                "Only members of the team can subscribe this channel, and your login on GitHub isn't known as one of theirs.",
            ),
            Subscribing::Members | Subscribing::Anyone => Ok(()),
        };
        if let Err(why) = may {
            return Ok(self.propose(why, (rulebook, here), &rule));
        }
        let team = new.team.clone();
        match self.store.subscribe(new).await? {
            Subscribed::New(name) => {
                self.subscribed.notify_one();
                self.record(who, "subscribe", &format!("{team}/{name}: {what}")).await;
                Ok(Answer::said(&format!(
                    "This channel hears of {what} from now on. `/microalign unsubscribe {name}` ends that."
                )))
            }
            Subscribed::Known(name) => Ok(Answer::said(&format!("This channel hears of {what} already, by `{name}`."))),
            Subscribed::TooMany => {
                Ok(self.propose("The team has too many subscriptions already.", (rulebook, here), &rule))
            }
        }
    }

    /// What to add to the team's file.
    fn propose(&self, why: &str, (rulebook, here): (&Rulebook, &Here), rule: &str) -> Answer {
        let team = &here.team.name;
        let file = rulebook.file_of(team).map_or_else(|| format!("{team}.toml"), |(path, _)| shown_path(path));
        let answer = Answer::said(&format!("{why} Add these lines to `{file}`:")).code(rule.trim_end());
        match &self.playground {
            Some(console) => {
                answer.link("Try them in the playground first", format!("{console}/playground?team={team}"))
            }
            None => answer,
        }
    }

    pub(super) async fn unsubscribe(&self, who: &Colleague, here: &Here, what: &str) -> Result<Answer, Refusal> {
        let all = self.store.subscriptions().await?;
        let own =
            all.iter().filter(|known| known.team == here.team.name && here.to.contains(&known.to)).collect::<Vec<_>>();
        let is = |known: &&&Subscription| {
            known.name.trim_start_matches('@') == what.trim_start_matches('@') || known.repo == what
        };
        let found = own.iter().filter(is).collect::<Vec<_>>();
        let named = || own.iter().map(|known| format!("`{}`", known.name)).collect::<Vec<_>>().join(", ");
        let [known] = found[..] else {
            let names = own.iter().map(|known| known.name.as_str());
            let help = did_you_mean(what, names).unwrap_or_else(|| match own.is_empty() {
                true => "it has none; what its team's file says is changed there.".to_owned(),
                false => format!("it has {}.", named()),
            });
            return Err(Refusal::Said(format!("`{what}` isn't the name of a subscription of this channel: {help}")));
        };
        let allowed = match self.subscribing {
            Subscribing::Anyone => true,
            Subscribing::Off | Subscribing::Members => who.is_member(&here.team),
        };
        if !allowed {
            return Err(Refusal::Said(
                "Only members of the team can end it, and your login on GitHub isn't known as one of theirs."
                    .to_owned(),
            ));
        }
        let (team, name) = (known.team.clone(), known.name.clone());
        let ended = self.store.unsubscribe(team.clone(), name.clone()).await?;
        if ended {
            self.subscribed.notify_one();
            self.record(who, "unsubscribe", &format!("{team}/{name}")).await;
        }
        let is = if ended { "is ended" } else { "was ended already" };
        Ok(Answer::said(&format!("The subscription `{name}` {is}.")))
    }
}

/// The name of a rule for what somebody wants: `@ingest-api-merged`. No name in a file begins with an `@`.
fn name(wanted: &Wanted) -> String {
    let last = |text: &str, at: char| text.rsplit(at).next().unwrap_or_default().to_owned();
    let kinds = wanted.on.iter().map(|kind| match kind.strip_suffix(".*") {
        Some(family) => family.to_owned(),
        None => last(kind, '.'),
    });
    let parts = std::iter::once(last(&wanted.repo, '/')).chain(kinds).collect::<Vec<_>>().join("-").to_lowercase();
    let plain = parts.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect::<String>();
    let words = plain.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    let name = words.chars().take(LONGEST_NAME).collect::<String>();
    format!("@{}", if name.is_empty() { "all" } else { name.trim_end_matches('-') })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_it_is_for() {
        for (repo, on, expected) in [
            ("acme/ingest-api", &["pull_request.merged"][..], "@ingest-api-merged"),
            ("acme/*", &["pull_request.merged", "release.published"], "@merged-published"),
            ("acme/Ingest.API", &["note.*"], "@ingest-api-note"),
            ("*/*", &["*"], "@all"),
            ("acme/\"]\nto = [\"x", &["push"], "@to-x-push"),
        ] {
            let on = on.iter().map(|on| (*on).to_owned()).collect();
            assert_eq!(name(&Wanted { repo: repo.to_owned(), on }), expected);
        }
    }
}

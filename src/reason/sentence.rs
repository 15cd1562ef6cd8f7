//! Reasons as people read them: each is one line, in words that go with the event and the state beside it.

use std::fmt;

use jiff::civil::DateTime;

use super::Reason;

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settling { seconds } => write!(f, "the rule matched; it settles for {seconds}s"),
            Self::ToldRecently { until } => waits(f, "the rule told of this not long ago (`every`): it waits", *until),
            Self::AwaitsDigest { until } => waits(f, "it waits for the digest", *until),
            Self::AwaitsOthers { until } => {
                waits(f, "one of many at a time: it waits for the others and goes with them", *until)
            }
            Self::QuietHours { until } => waits(f, "quiet hours: it waits", *until),
            Self::OverBudget { budget, until } => {
                waits(f, &format!("the budget of {budget} is spent: it waits for a digest"), *until)
            }
            Self::Sending => f.write_str("it is being sent"),
            Self::SendingAgain => f.write_str("it is being sent again, by hand"),
            Self::ToldWith { line } => write!(f, "it is told with {line}"),
            Self::WrittenAnew => f.write_str("its message is written anew, since a part of it was taken back"),

            Self::Sent { with: None } => f.write_str("the rule matched"),
            Self::Sent { with: Some(line) } => write!(f, "the rule matched; it is told with {line}"),
            Self::Undelivered { failed } => {
                let each = failed.iter().map(|one| format!("{}: {}", one.destination, one.error));
                f.write_str(&each.collect::<Vec<_>>().join("; "))
            }
            Self::NotRendered { error } => f.write_str(error),
            Self::Fault { detail } => write!(f, "our fault, please report it: {detail}"),

            Self::Superseded { kind } => write!(f, "{kind} came before it was sent, and says more"),
            Self::EditedByAuthor => f.write_str("its author edited it"),
            Self::TakenBack => f.write_str("its author took it back"),
            Self::WordsTakenBack => f.write_str("its author took the words back before they were sent"),
            Self::Forgotten => f.write_str("its words were removed (`microalign store forget`)"),
            Self::UndoneBefore { how } => write!(f, "{} before it was sent", how.describe()),
            Self::UndoneByEvent { kind } => write!(f, "{kind} undid it before it was sent"),
            Self::SilenceBroken => f.write_str("something happened before it was sent"),

            Self::GoneByNow { how } => write!(f, "{} by now", how.describe()),
            Self::StateByNow { state } => write!(f, "it is {state} by now"),
            Self::RemovedByNow { what } => write!(f, "{what} was taken back by now"),
            Self::LabelBackByNow { label } => write!(f, "it has the label {label} again by now"),
            Self::ChangedAgainByNow { what } => write!(f, "the {what} was changed again by now"),
            Self::ClearedByNow { what } => write!(f, "the {what} was taken away by now"),
            Self::FlagLoweredByNow => f.write_str("the flag was lowered by now"),
            Self::ReassignedByNow => f.write_str("it was given to somebody else by now"),
            Self::ReviewDismissedByNow => f.write_str("the review was dismissed by now"),
            Self::ReviewedAgainByNow { by } => write!(f, "{by} has reviewed it again by now"),
            Self::CommitsByNow => f.write_str("it has other commits by now than those that were approved"),
            Self::PublishedAgainByNow => f.write_str("it was published once more by now"),
            Self::FullReleaseByNow => f.write_str("it is a full release by now"),
            Self::PrereleaseByNow => f.write_str("it is a pre-release again by now"),
            Self::FailedByNow => f.write_str("it has failed by now"),
            Self::LaterDeployment => f.write_str("there is a later deployment to the same environment"),
            Self::NoLongerMatches { detail } => write!(f, "no longer so: {detail}"),
            Self::RuleRemoved { team, rule } => write!(f, "{team} has no rule `{rule}` any more"),

            Self::LateGone { how } => write!(f, "it came late: {} since", how.describe()),
            Self::LateState { subject, state } => write!(f, "it came late: {subject} is {state} since"),
            Self::LateFailed => f.write_str("it came late: it has failed since"),
            Self::LateEdited => f.write_str("it came late: its author has edited it since"),

            Self::ToldBefore { team, kind } => write!(f, "{team} was told of {kind} before"),
            Self::ToldByRule { team, rule } => write!(f, "{team} was told of it before, by its rule `{rule}`"),
            Self::ToldAlready { delivery, two_webhooks } => {
                match delivery {
                    Some(delivery) => write!(f, "delivery {delivery} reported it already")?,
                    None => f.write_str("it was reported already")?,
                }
                f.write_str(if *two_webhooks { ": two webhooks deliver it, and one would do" } else { "" })
            }
            Self::DraftNotToldYet => f.write_str("that the draft is up is still to be told"),
            Self::NotToldYet { team, kind } => write!(f, "{team} was not told of {kind} yet, and this undoes it"),
            Self::FailureNotTold { team } => write!(f, "{team} was not told that it failed"),
            Self::FailureNotKnown => f.write_str("the workflow was not known to have failed"),
            Self::OwnDoing { who, several, team } => {
                let are = if *several { "are members" } else { "is a member" };
                write!(f, "{who} {are} of {team}: not news to them")
            }
            Self::BotDoing { who, author } => {
                write!(f, "the {} {who} is a bot", if *author { "author" } else { "actor" })
            }
            Self::BotBranch { branch } => write!(f, "the branch `{branch}` is a dependency bot's"),
            Self::NotAddressed { to, team } => write!(f, "it is said to {}, not to {team}", to.join(", ")),
            Self::NobodyWaits => f.write_str("no partner team was told of it: nobody waits"),
            Self::NobodyToNudge { ticket } => write!(f, "{ticket} is assigned to nobody: there is nobody to nudge"),
            Self::NotTheirs { assignee, team } => {
                write!(f, "{assignee} is not a member of {team}: not theirs to tell")
            }

            Self::NoRule { unknown: None } => f.write_str("no rule matched"),
            Self::NoRule { unknown: Some(gap) } => write!(f, "no rule matched; not all was known: {gap}"),
            Self::OtherEvent { kind, wanted } => write!(f, "the event is {kind}, not {wanted}"),
            Self::TicketUnknown { number } => {
                write!(f, "it names its ticket by Jira's number {number} only, which is not known yet")
            }
            Self::NoPage => {
                f.write_str("there is no page to comment on: `github` takes pull requests and issues, `jira` tickets")
            }
            Self::Withheld => f.write_str("the ticket has a security level, and the team's readers are outside"),
            Self::Muted { by } => {
                let mut each = by.iter().map(ToString::to_string).collect::<Vec<_>>();
                each.dedup();
                f.write_str(&each.join("; "))
            }

            Self::NothingMoved => f.write_str("nothing happened that could be summed up"),
            Self::SummaryLate { due } => write!(
                f,
                "it was due at {}, and the service didn't run: the next one tells of that time too",
                due.strftime("%a %Y-%m-%d %H:%M")
            ),

            Self::NotAskedFor { what } => write!(f, "{what} is not something rules can ask for"),
            Self::OwnComment => f.write_str("our own comment: nothing answers to it"),
            Self::Ping => f.write_str("ping: GitHub is connected"),
            Self::FieldMissing { field } => write!(f, "the payload has no usable `{field}`"),
            Self::NotAPayload { error } => write!(f, "the body is not a webhook's JSON object: {error}"),
            Self::ParserFailed => f.write_str("our parser failed on it: please report it; the body is kept"),
            Self::UndoesOther { detail }
            | Self::ConditionFailed { detail }
            | Self::ConditionUnknown { detail }
            | Self::MergeQueue { detail }
            | Self::NotNews { detail } => f.write_str(detail),

            Self::Objected { by, through, at } => {
                let how = match through.as_str() {
                    "link" => "through the link",
                    "Slack" => "in Slack",
                    _ => "by mail",
                };
                write!(f, "{} objected {how} at {}", somebody(by), at.strftime("%Y-%m-%d %H:%M"))
            }
            Self::Answered { name, place, until } => {
                write!(f, "{name} answered before {}: {place}", until.strftime("%Y-%m-%d %H:%M"))
            }
            Self::Agreed { until } => write!(f, "agreed: nobody objected by {}", until.strftime("%Y-%m-%d %H:%M")),
            Self::ChangedBeforeAgreed => f.write_str("its author changed it before it was agreed"),
            Self::NotAgreed => f.write_str("not agreed: it did not arrive in time"),
            Self::TellsObjection { by } => write!(f, "tells the author that {} objected", somebody(by)),
            Self::TellsAgreement { teams } => {
                write!(f, "tells the author that nobody in {} objected", teams.join(", "))
            }

            Self::CarriesAnswer { by } => write!(f, "carries what {} answered", somebody(by)),
            Self::AnswerOutside { by } => {
                write!(f, "{} answered from outside, and `answers_outside` isn't set: it isn't carried", somebody(by))
            }
            Self::AnswerRestricted => {
                f.write_str("the ticket has a security level: what is answered isn't carried to a pull request")
            }
            Self::AnswersOff => f.write_str("the team doesn't carry answers any more (`answers`)"),
            Self::AnswerNowhere => f.write_str("there is no page to carry the answer to"),

            Self::Other { sentence, .. } => f.write_str(sentence),
        }
    }
}

fn waits(f: &mut fmt::Formatter<'_>, what: &str, until: DateTime) -> fmt::Result {
    write!(f, "the rule matched; {what} until {}", until.strftime("%a %Y-%m-%d %H:%M"))
}

fn somebody(name: &str) -> &str {
    if name.is_empty() { "somebody" } else { name }
}

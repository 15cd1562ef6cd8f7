//! How a rule sends: where to, when, in which words. Most of it a team may say for all of its rules.

use std::mem::take;
use std::time::Duration;

use super::{Checker, Texts};
use crate::destination::{Destination, Manner};
use crate::event::EventKind;
use crate::rule::file::{DefaultsFile, RuleTable};
use crate::rule::timing::{self, Digest};
use crate::rule::{ADDRESSED, Condition, Manners, Mention, On, ReplyTo, Rule, duration};
use crate::toml_file::{At, DurationText, Field, did_you_mean};

/// How long an update waits if the team doesn't say.
pub(super) const SETTLE: Duration = Duration::from_secs(60);

/// How many times `settle` an update waits at most, if nobody says.
const TIMES: u32 = 3;

/// What a rule takes from its team, and a team from `_defaults.toml`, if it doesn't say itself. A value that is wrong was reported, and is as good as any.
#[derive(Debug, Clone, Default)]
pub(in crate::rule) struct Sending {
    pub(in crate::rule) to: Option<Vec<Destination>>,
    pub(super) settle: Option<Duration>,
    pub(super) settle_max: Option<Duration>,
    pub(super) every: Option<Duration>,
    pub(super) digest: Option<Digest>,
    pub(super) own: Option<bool>,
    pub(super) bots: Option<bool>,
    pub(super) template: Option<String>,
    pub(super) opened: Option<Manner>,
    pub(super) updated: Option<Manner>,
    pub(super) merged: Option<Manner>,
    pub(super) mention: Option<Vec<Mention>>,
    pub(super) reply_to: Option<ReplyTo>,
}

impl Sending {
    /// What it says, and where it says nothing, what the others say that it is one of.
    pub(super) fn or(self, team: &Self) -> Self {
        Self {
            to: self.to.or_else(|| team.to.clone()),
            settle: self.settle.or(team.settle),
            settle_max: self.settle_max.or(team.settle_max),
            every: self.every.or(team.every),
            digest: self.digest.or(team.digest),
            own: self.own.or(team.own),
            bots: self.bots.or(team.bots),
            template: self.template.or_else(|| team.template.clone()),
            opened: self.opened.or(team.opened),
            updated: self.updated.or(team.updated),
            merged: self.merged.or(team.merged),
            mention: self.mention.or_else(|| team.mention.clone()),
            reply_to: self.reply_to.or(team.reply_to),
        }
    }

    /// A rule that sends like this.
    pub(super) fn rule(self, name: String, on: On, conditions: Vec<Condition>) -> Rule {
        let settle = self.settle.unwrap_or(SETTLE);
        Rule {
            name,
            on,
            conditions: conditions.into_iter().collect(),
            to: self.to.unwrap_or_default(),
            settle,
            settle_max: self.settle_max.unwrap_or(settle * TIMES),
            every: self.every,
            digest: self.digest,
            after: None,
            before: None,
            object_by: None,
            own: self.own.unwrap_or(false),
            bots: self.bots.unwrap_or(false),
            restricted: false,
            template: self.template,
            manners: Manners {
                opened: self.opened.unwrap_or_default(),
                updated: self.updated.unwrap_or_default(),
                merged: self.merged.unwrap_or_default(),
            },
            mention: self.mention.unwrap_or_default(),
            reply_to: self.reply_to.unwrap_or_default(),
        }
    }

    /// The rule for notes that name the team, where none of its own rules is for them: they go where the team's updates
    /// go. What is said to the team itself is told whoever said it, at once and in a note's words.
    pub(super) fn addressed(&self, rules: &[Rule]) -> Option<Rule> {
        let to = self.to.clone().or_else(|| Some(rules.first()?.to.clone())).filter(|to| !to.is_empty())?;
        let kinds = EventKind::ALL.iter().copied().filter(|kind| kind.is_note()).collect();
        let on = On { kinds, written: vec!["note.*".to_owned()] };
        let sending = Self { to: Some(to), every: None, template: None, own: Some(true), ..self.clone() };
        Some(sending.rule(ADDRESSED.to_owned(), on, Vec::new()))
    }
}

pub(super) struct RawSending {
    pub(super) to: Texts,
    pub(super) settle: Field<DurationText>,
    pub(super) settle_max: Field<DurationText>,
    pub(super) every: Field<DurationText>,
    pub(super) digest: Field<String>,
    pub(super) own: Field<bool>,
    pub(super) bots: Field<bool>,
    pub(super) template: Field<String>,
    pub(super) opened: Field<String>,
    pub(super) updated: Field<String>,
    pub(super) merged: Field<String>,
    pub(super) mention: Texts,
    pub(super) reply_to: Field<String>,
}

/// Takes out of a raw table how it sends: both tables have the same keys for it, but for `to`.
macro_rules! take_sending {
    ($raw:expr, $to:expr; $($key:ident)+) => { RawSending { to: $to, $($key: take(&mut $raw.$key),)+ } };
    ($raw:expr, $to:expr) => {
        take_sending!($raw, $to; settle settle_max every digest own bots template opened updated merged mention reply_to)
    };
}

impl DefaultsFile {
    pub(super) fn take_sending(&mut self) -> RawSending {
        take_sending!(self, Field::Absent)
    }
}

impl RuleTable {
    pub(super) fn take_sending(&mut self) -> RawSending {
        take_sending!(self, take(&mut self.to))
    }
}

impl Checker<'_> {
    pub(super) fn sending(&mut self, raw: RawSending, at: &At) -> Sending {
        Sending {
            to: self.destinations(raw.to, &at.key("to")),
            settle: self.duration(raw.settle, &at.key("settle")),
            settle_max: self.duration(raw.settle_max, &at.key("settle_max")),
            every: self.every(raw.every, &at.key("every")),
            digest: self.read(raw.digest, &at.key("digest"), timing::digest),
            own: self.document.take(raw.own, &at.key("own")),
            bots: self.document.take(raw.bots, &at.key("bots")),
            template: self.template(raw.template, &at.key("template")),
            opened: self.read(raw.opened, &at.key("opened"), manner),
            updated: self.read(raw.updated, &at.key("updated"), manner),
            merged: self.read(raw.merged, &at.key("merged"), manner),
            mention: self.mention(raw.mention, &at.key("mention")),
            reply_to: self.read(raw.reply_to, &at.key("reply_to"), reply_to),
        }
    }

    /// How long updates settle, and how long they wait at most, by what `own` says and `around` where it says nothing.
    pub(super) fn settling(&mut self, (own, at): (&Sending, &At), around: &Sending) -> (Duration, Duration) {
        let settle = own.settle.or(around.settle).unwrap_or(SETTLE);
        let most = own.settle_max.or(around.settle_max).unwrap_or(settle * TIMES);
        if most < settle {
            let (least, limit) = (settle.as_secs(), most.as_secs());
            if own.settle_max.is_some() {
                let help = format!("write at least \"{least}s\", or leave it out: then it is three times `settle`");
                let message = format!("`settle_max` is shorter than `settle`, which is {least}s");
                self.document.wrong(&at.key("settle_max"), message, help);
            } else if own.settle.is_some() {
                let help = format!("write `settle_max = \"{least}s\"` or more here");
                let message = format!("`settle` is longer than the `settle_max` that holds here, which is {limit}s");
                self.document.wrong(&at.key("settle"), message, help);
            }
        }
        (settle, most)
    }

    /// `None` only if the key is left out: an empty list calls nobody, whomever the team's does.
    fn mention(&mut self, field: Texts, at: &At) -> Option<Vec<Mention>> {
        if field.is_absent() {
            return None;
        }
        let entries = self.document.texts(field, at)?;
        let read = |(at, entry): (At, String)| match entry.as_str() {
            "author" => Some(Mention::Author),
            "assignee" => Some(Mention::Assignee),
            "reviewers" => Some(Mention::Reviewers),
            login => self.right(self.known.channels.check_login(login), &at).map(|()| Mention::Login(entry)),
        };
        Some(entries.into_iter().filter_map(read).collect())
    }

    fn every(&mut self, field: Field<DurationText>, at: &At) -> Option<Duration> {
        let every = self.duration(field, at)?;
        if every.is_zero() {
            self.document.wrong(
                at,
                "no time at all limits nothing",
                "leave it out, or write such as \"3d\"".to_owned(),
            );
        }
        Some(every)
    }

    pub(super) fn duration(&mut self, field: Field<DurationText>, at: &At) -> Option<Duration> {
        let DurationText(text) = self.document.take(field, at)?;
        self.right(duration::parse(&text), at)
    }

    /// A number of days: due dates have no time.
    pub(super) fn days(&mut self, field: Field<DurationText>, at: &At) -> Option<i64> {
        const DAY: u64 = 24 * 60 * 60;
        let seconds = self.duration(field, at)?.as_secs();
        let whole = seconds > 0 && seconds.is_multiple_of(DAY);
        if !whole {
            let help = "write a number of days, such as \"2d\"".to_owned();
            self.document.wrong(at, "a due date is a day, without a time", help);
        }
        i64::try_from(seconds / DAY).ok().filter(|_| whole)
    }

    pub(super) fn read<T>(
        &mut self,
        field: Field<String>,
        at: &At,
        read: fn(&str) -> Result<T, (String, String)>,
    ) -> Option<T> {
        let text = self.document.take(field, at)?;
        self.right(read(&text), at)
    }

    fn template(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let name = self.document.take(field, at)?;
        let known = self.known.templates;
        if !known.contains(&name) {
            let list = || format!("there are {}", known.iter().cloned().collect::<Vec<_>>().join(", "));
            let help = did_you_mean(&name, known.iter().map(String::as_str)).unwrap_or_else(list);
            self.document.wrong(at, format!("there is no template `{name}`"), help);
            return None;
        }
        Some(name)
    }

    /// `None` only if the key is left out.
    pub(super) fn destinations(&mut self, field: Texts, at: &At) -> Option<Vec<Destination>> {
        if field.is_absent() {
            return None;
        }
        let mut to = Vec::new();
        for (at, text) in self.filled_list(field, at) {
            if let Some(destination) = self.right(self.known.channels.read(&text), &at)
                && !to.contains(&destination)
            {
                self.stay_in_bounds(&destination.to_string(), &at);
                to.push(destination);
            }
        }
        Some(to)
    }
}

fn manner(text: &str) -> Result<Manner, (String, String)> {
    text.parse().map_err(|message| {
        let help = did_you_mean(text, Manner::NAMES);
        (message, help.unwrap_or_else(|| format!("write one of {}", Manner::NAMES.join(", "))))
    })
}

fn reply_to(text: &str) -> Result<ReplyTo, (String, String)> {
    match text {
        "author" => Ok(ReplyTo::Author),
        "list" => Ok(ReplyTo::List),
        _ => {
            let help = "write \"author\", or \"list\" for where the mail goes".to_owned();
            Err((format!("`{text}` is nobody that answers can go to"), help))
        }
    }
}

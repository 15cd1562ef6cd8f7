//! How a rule sends: where to, when, in which words. Most of it a team may say for all of its rules.

use std::time::Duration;

use super::{Checker, Texts};
use crate::destination::Destination;
use crate::rule::duration;
use crate::rule::timing::{self, Digest, Quiet};
use crate::settings::ChannelSettings;
use crate::toml_file::{At, DurationText, Field, Wrong, did_you_mean};

/// What a rule takes from its team if it doesn't say itself. A value that is wrong was reported, and is as good as any.
pub(super) struct Manner {
    pub(super) to: Option<Vec<Destination>>,
    pub(super) settle: Option<Duration>,
    pub(super) every: Option<Duration>,
    pub(super) digest: Option<Digest>,
    pub(super) own: Option<bool>,
    pub(super) bots: Option<bool>,
    pub(super) template: Option<String>,
}

pub(super) struct RawManner {
    pub(super) to: Texts,
    pub(super) settle: Field<DurationText>,
    pub(super) every: Field<DurationText>,
    pub(super) digest: Field<String>,
    pub(super) own: Field<bool>,
    pub(super) bots: Field<bool>,
    pub(super) template: Field<String>,
}

impl Checker<'_> {
    pub(super) fn manner(&mut self, raw: RawManner, at: &At) -> Manner {
        Manner {
            to: self.destinations(raw.to, &at.key("to")),
            settle: self.duration(raw.settle, &at.key("settle")),
            every: self.every(raw.every, &at.key("every")),
            digest: self.read(raw.digest, &at.key("digest"), timing::digest),
            own: self.document.take(raw.own, &at.key("own")),
            bots: self.document.take(raw.bots, &at.key("bots")),
            template: self.template(raw.template, &at.key("template")),
        }
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

    pub(super) fn read<T>(
        &mut self,
        field: Field<String>,
        at: &At,
        read: fn(&str) -> Result<T, (String, String)>,
    ) -> Option<T> {
        let text = self.document.take(field, at)?;
        self.right(read(&text), at)
    }

    pub(super) fn quiet(&mut self, field: Texts) -> Quiet {
        let at = At::root().key("quiet");
        if field.is_absent() {
            return Quiet::default();
        }
        let entries = self.filled_list(field, &at);
        let windows = entries.into_iter().filter_map(|(at, text)| self.right(timing::window(&text), &at)).collect();
        let quiet = Quiet::new(windows);
        if quiet.is_endless() {
            let help = "leave some hours of the week out of it".to_owned();
            self.document.wrong(&at, "it is quiet all week: nothing would ever be sent", help);
        }
        quiet
    }

    fn template(&mut self, field: Field<String>, at: &At) -> Option<String> {
        let name = self.document.take(field, at)?;
        let known = self.known.templates;
        if !known.contains(&name) {
            let list = || format!("there are {}", known.iter().cloned().collect::<Vec<_>>().join(", "));
            let help = did_you_mean(&name, known.iter().map(String::as_str)).unwrap_or_else(list);
            self.document.wrong(at, format!("there is no template `{name}`"), help);
        }
        Some(name)
    }

    /// `None` only if the key is left out.
    fn destinations(&mut self, field: Texts, at: &At) -> Option<Vec<Destination>> {
        if field.is_absent() {
            return None;
        }
        let mut to = Vec::new();
        for (at, text) in self.filled_list(field, at) {
            match text.parse::<Destination>() {
                Ok(destination) => {
                    if let Some((message, help)) = unconfigured(&destination, self.known.channels) {
                        self.document.wrong(&at, message, help);
                    }
                    if !to.contains(&destination) {
                        to.push(destination);
                    }
                }
                Err(message) => {
                    let help = text.parse::<lettre::Address>().is_ok().then(|| format!("write \"email:{text}\""));
                    self.document.wrong(&at, message, help);
                }
            }
        }
        Some(to)
    }
}

/// Why a destination can't be reached, if the operator hasn't set it up. Mail goes to the local mailbox where there is
/// no mail server, and so does everything where no channel is set up at all.
fn unconfigured(destination: &Destination, channels: &ChannelSettings) -> Option<Wrong> {
    let ChannelSettings { slack, slack_webhooks, webhooks, .. } = channels;
    if channels.is_bare() {
        return None;
    }
    let table = |section: &str, name: &str, known: Vec<&str>| {
        let help = match did_you_mean(name, known.iter().copied()) {
            Some(help) => help,
            None if known.is_empty() => format!("the operator adds `[{section}.{name}]`"),
            None => format!("there are {}", known.join(", ")),
        };
        Some((format!("the configuration has no `[{section}.{name}]`"), Some(help)))
    };
    match destination {
        Destination::Slack(_) if slack.is_none() => Some((
            "the configuration has no `[slack]`".to_owned(),
            Some("the operator adds `[slack]` with a `token`".to_owned()),
        )),
        Destination::SlackWebhook(name) if !slack_webhooks.contains_key(name) => {
            table("slack_webhook", name, slack_webhooks.keys().map(String::as_str).collect())
        }
        Destination::Webhook(name) if !webhooks.contains_key(name) => {
            table("webhook", name, webhooks.keys().map(String::as_str).collect())
        }
        _ => None,
    }
}

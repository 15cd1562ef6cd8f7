//! What holds for all of a team's rules, and in `_defaults.toml` for all teams.

use jiff::tz::{self, TimeZone};

use super::lists::Lists;
use super::manner::Sending;
use super::{Among, Checker, Known, Texts};
use crate::destination::Destination;
use crate::rule::file::DefaultsFile;
use crate::rule::mistaken_keys;
use crate::rule::timing::{self, Budget, Digest, Quiet};
use crate::rule::{Answers, Audience};
use crate::toml_file::{At, Document, Field, Problem, did_you_mean};

/// What holds for a team unless its own file, or a rule, says otherwise.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    pub(super) sending: Sending,
    pub(super) timezone: Option<TimeZone>,
    pub(super) audience: Option<Audience>,
    pub(super) quiet: Option<Quiet>,
    pub(super) budget: Option<Budget>,
    pub(super) answers: Option<bool>,
    pub(super) answers_outside: Option<bool>,
    pub(super) summary: Option<Digest>,
    pub(super) lists: Lists,
}

impl Defaults {
    /// What is in force while nothing is known of a file that is there: readers learn as little as they may.
    pub(crate) fn unread() -> Self {
        Self { audience: Some(Audience::Outside), ..Self::default() }
    }

    /// What it says, and where it says nothing, what `shared` says.
    pub(super) fn or(self, shared: &Self) -> Self {
        let mut lists = shared.lists.clone();
        lists.extend(self.lists);
        Self {
            sending: self.sending.or(&shared.sending),
            timezone: self.timezone.or_else(|| shared.timezone.clone()),
            audience: self.audience.or(shared.audience),
            quiet: self.quiet.or_else(|| shared.quiet.clone()),
            budget: self.budget.or(shared.budget),
            answers: self.answers.or(shared.answers),
            answers_outside: self.answers_outside.or(shared.answers_outside),
            summary: self.summary.or(shared.summary),
            lists,
        }
    }

    pub(super) fn answers(&self) -> Answers {
        match (self.answers.unwrap_or_default(), self.answers_outside.unwrap_or_default()) {
            (false, _) => Answers::Nobody,
            (true, false) => Answers::Inside,
            (true, true) => Answers::Everybody,
        }
    }
}

/// Reads `_defaults.toml`: what could be read of it, without the values that are wrong, and all the problems in it.
pub(in crate::rule) fn check_defaults(
    file: &str,
    text: &str,
    known: Known<'_>,
    among: Among<'_>,
) -> (Defaults, Vec<Problem>) {
    match Document::read_explaining::<DefaultsFile>(file, text, mistaken_keys::of_a_team) {
        Err(problems) => (Defaults::unread(), problems),
        Ok((document, raw)) => {
            let mut checker = Checker::new(document, known, among);
            let defaults = checker.defaults(raw);
            (defaults, checker.document.into_problems())
        }
    }
}

impl Checker<'_> {
    pub(super) fn defaults(&mut self, mut raw: DefaultsFile) -> Defaults {
        let root = At::root();
        let sending = self.sending(raw.take_sending(), &root);
        self.settling((&sending, &root), &self.among.defaults.sending);
        Defaults {
            sending,
            timezone: self.timezone(raw.timezone, &root.key("timezone")),
            audience: self.audience(raw.audience, &root.key("audience")),
            quiet: self.quiet(raw.quiet, &root.key("quiet")),
            budget: self.read(raw.budget, &root.key("budget"), timing::budget),
            answers: self.answers(raw.answers, &root.key("answers")),
            answers_outside: self.document.take(raw.answers_outside, &root.key("answers_outside")),
            summary: self.read(raw.summary, &root.key("summary"), timing::digest),
            lists: self.named_lists(raw.lists),
        }
    }

    fn timezone(&mut self, field: Field<String>, at: &At) -> Option<TimeZone> {
        let name = self.document.take(field, at)?;
        let zone = TimeZone::get(&name).map_err(|_| {
            let names: Vec<_> = tz::db().available().map(|name| name.to_string()).collect();
            let help = did_you_mean(&name, names.iter().map(String::as_str))
                .unwrap_or_else(|| "write a name such as \"Europe/Lisbon\"".to_owned());
            (format!("`{name}` isn't a time zone"), help)
        });
        self.right(zone, at)
    }

    /// A value that can't be read counts as the one that tells least.
    fn audience(&mut self, field: Field<String>, at: &At) -> Option<Audience> {
        if field.is_absent() {
            return None;
        }
        Some(match self.document.take(field, at).as_deref() {
            Some("inside") => {
                self.stay_outside(at);
                Audience::Inside
            }
            None | Some("outside") => Audience::Outside,
            Some(other) => {
                let help =
                    "write \"inside\", or \"outside\" for readers who may not see private repositories".to_owned();
                self.document.wrong(at, format!("`{other}` isn't an audience"), help);
                Audience::Outside
            }
        })
    }

    /// A comment needs access to the place where it is written.
    fn answers(&mut self, field: Field<bool>, at: &At) -> Option<bool> {
        let answers = self.document.take(field, at)?;
        let channels = self.known.channels;
        let nowhere = [Destination::Github, Destination::Jira].iter().all(|to| channels.missing(to).is_some());
        if answers && nowhere && channels.set_up {
            let help = "give `[github]` or `[jira]` in the configuration access to the API".to_owned();
            self.document.wrong(
                at,
                "answers can't be carried anywhere: nothing can be written to GitHub or Jira",
                help,
            );
        }
        Some(answers)
    }

    /// What a team's own file says of answers has an effect.
    pub(super) fn answering(&mut self, own: &Defaults, all: &Defaults) {
        self.carry_only_from_inside(own.answers_outside);
        let outside = all.audience == Some(Audience::Outside);
        if own.answers == Some(true) && outside && all.answers() == Answers::Inside {
            let help =
                "write `answers_outside = true` too if they may comment on your pull requests and tickets".to_owned();
            let message = "the team's readers are outside (`audience`), so none of their answers are carried";
            self.document.wrong(&At::root().key("answers"), message, help);
        }
        if own.answers_outside == Some(true) && all.answers() == Answers::Nobody {
            let help = "write `answers = true` too".to_owned();
            self.document.wrong(&At::root().key("answers_outside"), "no answers are carried at all", help);
        }
    }

    /// An empty list is quiet never, whatever holds around it.
    fn quiet(&mut self, field: Texts, at: &At) -> Option<Quiet> {
        let entries = self.document.texts(field, at)?;
        let windows = entries.into_iter().filter_map(|(at, text)| self.right(timing::window(&text), &at)).collect();
        let quiet = Quiet::new(windows);
        if quiet.is_endless() {
            let help = "leave some hours of the week out of it".to_owned();
            self.document.wrong(at, "it is quiet all week: nothing would ever be sent", help);
        }
        Some(quiet)
    }
}

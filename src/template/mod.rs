//! Renders messages from events: a template with front matter becomes a tree that no value can change.
//!
//! A template is checked when it is loaded (`check`), so a name that doesn't exist is an error then, and not an empty string
//! in a message. Values never pass through the Markdown parser (`inert`). Which template a message uses is up to
//! [`crate::compose`], and each channel writes the tree in its own dialect.

mod check;
mod context;
mod helpers;
mod inert;
mod markdown;
mod shape;
mod source;
mod summary;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use handlebars::Handlebars;
use serde::Serialize;
use serde_json::Value as Json;

pub use self::context::{
    AnswerView, Company, Context, EventView, Facts, Links, ObjectionView, ThingView, ThreadView, TicketView, context,
    key_only, redacted,
};
pub use self::helpers::{HELPERS, HelperInfo};
pub use self::inert::{clean, is_blank};
pub use self::markdown::{Block, Inline, Message, OF_JIRA, flat, one_line, shorten, text};
pub use self::shape::schema;
pub use self::source::TemplateProblem;
pub use self::summary::{
    AssumptionView, MovedView, NamedView, QuietView, Section, SlippedView, StateView, SummaryContext, SummaryView,
    UntoldView,
};
pub use self::words::{is_on_track, shown as shown_actor, shown_change, without_key};

use self::source::{Fault, Source};
use crate::event::EventKind;
use crate::reason::Reason;

macro_rules! built_in {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../templates/", $name, ".hbs"))),)*] };
}

/// The built-in templates: name and text.
pub const BUILT_IN: &[(&str, &str)] = built_in! {
    "draft" "on-track" "opened" "ready" "review-requested" "approved" "changes-requested" "merged" "heads-up" "closed"
    "reopened" "commented" "ticket-started" "ticket-transitioned" "ticket-slipped" "ticket-done" "ticket-flagged"
    "ticket-commented" "ticket-quiet" "ticket-due-soon" "ticket-overdue" "stalled" "note" "objected" "agreed" "answer" "summary" "release" "deployment" "outside" "restricted" "default"
    "default-thing" "default-pull-request" "default-issue" "default-ticket"
    "part-message" "part-title" "part-pr" "part-issue" "part-place" "part-for-ticket" "part-on-track" "part-ticket"
    "part-ticket-first" "part-ticket-word" "part-ticket-change" "part-rescheduled" "part-standing"
};

/// The template of summaries, which no rule can choose.
pub const SUMMARY: &str = "summary";

/// Whether it is a part of built-in templates, and not a message.
#[must_use]
pub fn is_part(name: &str) -> bool {
    name.starts_with("part-") && BUILT_IN.iter().any(|(built_in, _)| *built_in == name)
}

/// The name of the built-in template for a kind, for rules that name none.
#[must_use]
pub fn for_kind(kind: EventKind) -> &'static str {
    match kind {
        EventKind::PullRequestDraft => "draft",
        EventKind::PullRequestOnTrack => "on-track",
        EventKind::PullRequestOpened => "opened",
        EventKind::PullRequestReady => "ready",
        EventKind::PullRequestReviewRequested => "review-requested",
        EventKind::PullRequestApproved => "approved",
        EventKind::PullRequestChangesRequested => "changes-requested",
        EventKind::PullRequestMerged => "merged",
        EventKind::PullRequestClosed => "closed",
        EventKind::PullRequestReopened => "reopened",
        EventKind::PullRequestCommented | EventKind::IssueCommented => "commented",
        EventKind::TicketStarted => "ticket-started",
        EventKind::TicketTransitioned => "ticket-transitioned",
        EventKind::TicketSlipped => "ticket-slipped",
        EventKind::TicketDone => "ticket-done",
        EventKind::TicketFlagged => "ticket-flagged",
        EventKind::TicketCommented => "ticket-commented",
        EventKind::TicketQuiet => "ticket-quiet",
        EventKind::TicketDueSoon => "ticket-due-soon",
        EventKind::TicketOverdue => "ticket-overdue",
        EventKind::PullRequestStalled => "stalled",
        EventKind::ReleasePublished | EventKind::ReleasePromoted => "release",
        EventKind::DeploymentSucceeded | EventKind::DeploymentFailed => "deployment",
        kind if kind.is_note() => "note",
        _ => "default",
    }
}

/// Why a message can't be written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RenderError {
    /// No template has this name
    #[error("there is no template `{0}`")]
    Unknown(String),
    /// The team may not know of it
    #[error("{0}")]
    Withheld(Reason),
    /// Handlebars gave up, or the output is too long
    #[error("template `{name}`: {message}")]
    Failed {
        /// The template's name
        name: String,
        /// What happened
        message: String,
    },
}

/// How long a rendered message can be, in characters, since messages are short.
const MAX_OUTPUT: usize = 64 * 1024;

/// Mail programs show less, and some servers refuse more.
const MAX_SUBJECT: usize = 200;

/// Templates that include others are short to write and expensive to render.
const MAX_INCLUDES: usize = 512;

const INCLUDES_ITSELF: &str = "this includes the template itself";

/// The templates in force.
#[derive(Debug)]
pub struct Templates {
    registry: Handlebars<'static>,
    /// The templates that can show several comments
    joining: BTreeSet<String>,
}

impl Templates {
    /// The built-in templates, with those in a folder in place of the ones with the same name. The name of a template
    /// is that of its file without `.hbs`. A broken template is reported and doesn't replace the good one.
    pub fn load<'a>(folder: impl IntoIterator<Item = (&'a str, &'a str)>) -> (Self, Vec<TemplateProblem>) {
        let mut problems = Vec::new();
        let mut overlay = BTreeMap::new();
        let built_in = read_all(BUILT_IN.iter().copied(), &mut problems);
        for (name, source) in read_all(folder, &mut problems) {
            overlay.insert(name, source);
        }
        while let Some((name, problem)) = broken_include(&built_in, &overlay) {
            problems.push(problem);
            overlay.remove(&name);
        }
        let mut sources = built_in;
        sources.extend(overlay);
        let joining =
            sources.values().filter(|source| source.text.contains("#each comments")).map(|source| source.name.clone());
        let joining = joining.collect();
        let mut registry = Handlebars::new();
        registry.register_escape_fn(inert::encode);
        registry.set_prevent_indent(true);
        helpers::register(&mut registry);
        for source in sources.into_values() {
            registry.register_template(&subject_name(&source.name), source.subject);
            registry.register_template(&source.name, source.body);
        }
        problems.sort_by(|a, b| (&a.name, a.line, a.column).cmp(&(&b.name, b.line, b.column)));
        (Self { registry, joining }, problems)
    }

    /// Whether a template of this name is in force.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.registry.has_template(&subject_name(name))
    }

    /// Whether a template can show several comments at once, so that none is lost when they are sent as one message.
    #[must_use]
    pub fn joins_comments(&self, name: &str) -> bool {
        self.joining.contains(name)
    }

    /// The names of the templates that a rule can choose, in order, without the parts of built-in templates.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let names = self.registry.get_templates().keys().map(String::as_str);
        let is_for_rules = |name: &&str| !name.ends_with(SUBJECT_MARK) && !is_part(name) && *name != SUMMARY;
        let mut names: Vec<&str> = names.filter(is_for_rules).collect();
        names.sort_unstable();
        names
    }

    /// Writes a message.
    ///
    /// # Errors
    /// If no template has this name, or if the message is empty or too long.
    pub fn render(&self, name: &str, context: &Context) -> Result<Message, RenderError> {
        let (subject, body) = self.write(name, context)?;
        let subject = if subject.is_empty() { clean(&context.thread.label) } else { subject };
        Ok(Message {
            subject: shorten(&subject, MAX_SUBJECT),
            body,
            why: clean(&context.why),
            label: context.thread.label.clone(),
            url: context.event.url.clone(),
            ..Message::default()
        })
    }

    /// Writes a template's subject, which may be empty, and its body.
    fn write(&self, name: &str, context: &impl Serialize) -> Result<(String, Vec<Block>), RenderError> {
        if !self.has(name) {
            return Err(RenderError::Unknown(name.to_owned()));
        }
        let failed = |message: String| RenderError::Failed { name: name.to_owned(), message };
        let mut values = serde_json::to_value(context).map_err(|error| failed(error.to_string()))?;
        prune(&mut values);
        let values = handlebars::Context::wraps(values).map_err(|error| failed(error.to_string()))?;
        let output = |template: &str| {
            let mut output = Output { bytes: Vec::new(), characters: 0 };
            let rendered = self.registry.render_with_context_to_write(template, &values, &mut output);
            rendered.map_err(|error| failed(error.reason().to_string()))?;
            String::from_utf8(output.bytes).map_err(|error| failed(error.to_string()))
        };
        let subject = clean(&inert::decode(&output(&subject_name(name))?));
        let body = markdown::parse(&output(name)?).map_err(|error| failed(error.to_owned()))?;
        if body.is_empty() {
            return Err(failed("the message is empty".to_owned()));
        }
        Ok((subject, body))
    }
}

/// No name of a template contains this, so no template can include a subject.
const SUBJECT_MARK: &str = "#subject";

fn subject_name(name: &str) -> String {
    format!("{name}{SUBJECT_MARK}")
}

fn read_all<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    problems: &mut Vec<TemplateProblem>,
) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    for (name, text) in files {
        match Source::read(name, text) {
            Ok(source) => {
                sources.insert(name.to_owned(), source);
            }
            Err(found) => problems.extend(found),
        }
    }
    sources
}

/// The first template in the folder with an include that doesn't work.
fn broken_include(
    built_in: &BTreeMap<String, Source>,
    overlay: &BTreeMap<String, Source>,
) -> Option<(String, TemplateProblem)> {
    let find = |name: &str| overlay.get(name).or_else(|| built_in.get(name));
    let known = || overlay.keys().chain(built_in.keys()).cloned();
    // Missing templates come first, so that a template isn't blamed for what another one lacks.
    let missing = overlay.values().find_map(|source| {
        let include = source.includes.iter().find(|include| find(&include.name).is_none())?;
        let mut fault = Fault::new(include.at, format!("there is no template `{}`", include.name));
        fault.help = check::nearest(&include.name, known()).map(|name| format!("did you mean `{name}`?"));
        Some((source, fault))
    });
    // A template that only leads to a circle is fine once the circle is removed.
    let (source, fault) = missing.or_else(|| {
        let measured = overlay.values().filter_map(|source| {
            let message = measure(source, &find, (0, source), &mut MAX_INCLUDES.clone()).err()?;
            Some((source, Fault::new(source.includes.first().map_or(0, |include| include.at), message)))
        });
        let (circles, others): (Vec<_>, Vec<_>) = measured.partition(|(_, fault)| fault.message == INCLUDES_ITSELF);
        circles.into_iter().chain(others).next()
    })?;
    Some((source.name.clone(), fault.locate(&source.name, &source.text)))
}

/// Follows the includes of a template. `at` is the depth of blocks, and the template.
fn measure<'a>(
    root: &Source,
    find: &impl Fn(&str) -> Option<&'a Source>,
    at: (usize, &Source),
    budget: &mut usize,
) -> Result<(), String> {
    let (depth, source) = at;
    for include in &source.includes {
        if include.name == root.name {
            return Err(INCLUDES_ITSELF.to_owned());
        }
        let depth = depth + include.depth + 1;
        if depth > check::MAX_DEPTH {
            return Err(format!("templates and blocks are nested deeper than {}", check::MAX_DEPTH));
        }
        *budget = budget.checked_sub(1).ok_or_else(|| format!("it includes more than {MAX_INCLUDES} templates"))?;
        if let Some(included) = find(&include.name) {
            measure(root, find, (depth, included), budget)?;
        }
    }
    Ok(())
}

/// Leaves out what is empty, so that it is absent for templates.
fn prune(value: &mut Json) {
    let empty = |value: &Json| value.is_null() || value.as_str().is_some_and(str::is_empty);
    match value {
        Json::Object(fields) => {
            fields.values_mut().for_each(prune);
            fields.retain(|_, value| !empty(value));
        }
        Json::Array(items) => {
            items.iter_mut().for_each(prune);
            items.retain(|value| !empty(value));
        }
        _ => {}
    }
}

/// The output of a template, up to [`MAX_OUTPUT`].
struct Output {
    bytes: Vec<u8>,
    characters: usize,
}

impl io::Write for Output {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // Bytes that continue a character have the high bits 10.
        self.characters += text.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count();
        if self.characters > MAX_OUTPUT {
            return Err(io::Error::other("the message is too long"));
        }
        self.bytes.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;

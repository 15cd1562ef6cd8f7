//! Reads and checks a template file: front matter and body.

use std::fmt;
use std::ops::Range;

use handlebars::{Template, TemplateErrorReason};
use serde::Deserialize;
use toml::Spanned;

use super::check::{self, Include};
use super::{inert, markdown};

/// What is wrong in a template file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateProblem {
    /// The template's name; its file is `NAME.hbs`
    pub name: String,
    /// Line, from 1
    pub line: usize,
    /// Column in characters, from 1
    pub column: usize,
    /// What is wrong
    pub message: String,
    /// What would be right
    pub help: Option<String>,
}

impl fmt::Display for TemplateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, line, column, message, help } = self;
        write!(f, "{name}.hbs:{line}:{column}: {message}")?;
        help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

/// A problem at a byte of the file.
#[derive(Debug)]
pub(super) struct Fault {
    pub at: usize,
    pub message: String,
    pub help: Option<String>,
}

impl Fault {
    pub(super) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn locate(self, name: &str, text: &str) -> TemplateProblem {
        let before = text.get(..self.at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        TemplateProblem {
            name: name.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: self.message,
            help: self.help,
        }
    }
}

/// A template that is valid by itself; its includes aren't checked yet.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub name: String,
    pub text: String,
    pub subject: Template,
    pub body: Template,
    pub includes: Vec<Include>,
}

/// The subject of templates without one. It stays the same in a conversation, since mail programs start a new
/// conversation when the subject changes.
pub(super) const SUBJECT: &str = "{{thread.label}}{{#if thread.title}}: {{thread.title}}{{/if}}";

const MAX_BYTES: usize = 64 * 1024;

/// The parser recurses for brackets and blocks, and a stack overflow ends the process, so they are counted first.
const MAX_BRACKETS: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    subject: Option<Spanned<String>>,
}

/// A part of the file that is a template.
pub(super) struct Part<'a> {
    pub text: &'a str,
    /// Where it starts in the file
    pub start: usize,
}

impl Part<'_> {
    /// Turns the parser's line and column into a byte of this part.
    pub(super) fn offset(&self, line: usize, column: usize) -> usize {
        let mut lines = self.text.split_inclusive('\n');
        let before: usize = lines.by_ref().take(line.saturating_sub(1)).map(str::len).sum();
        let line = lines.next().unwrap_or_default();
        before + line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(at, _)| at)
    }
}

impl Source {
    /// # Errors
    /// Every problem of the file.
    pub(super) fn read(name: &str, text: &str) -> Result<Self, Vec<TemplateProblem>> {
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(text).replace("\r\n", "\n");
        // An included template ends its line.
        let text = if text.ends_with('\n') { text } else { text + "\n" };
        Self::parse(name, &text).map_err(|faults| faults.into_iter().map(|fault| fault.locate(name, &text)).collect())
    }

    fn parse(name: &str, text: &str) -> Result<Self, Vec<Fault>> {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(named) {
            let message = "a template's name is made of small letters, digits, `-` and `_`";
            return Err(vec![Fault::new(0, message)]);
        }
        bounds(text).map_err(|fault| vec![fault])?;
        let (subject, body) = parts(text).map_err(|fault| vec![fault])?;
        let subject_text = subject.as_ref().map_or(SUBJECT, |(text, _)| text);
        let subject = Part { text: subject_text, start: subject.as_ref().map_or(0, |(_, start)| *start) };

        let mut faults = Vec::new();
        let compiled_subject = compile(&subject).map_err(|fault| faults.push(fault));
        let compiled_body = compile(&body).map_err(|fault| faults.push(fault));
        let mut includes = Vec::new();
        if let Ok(template) = &compiled_subject {
            let (included, found) = check::names(template, &subject);
            faults.extend(found);
            faults.extend(included.iter().map(|include| Fault::new(include.at, "a subject cannot include a template")));
        }
        if let Ok(template) = &compiled_body {
            let (included, found) = check::names(template, &body);
            faults.extend(found);
            includes = included;
        }
        faults.extend(unsent_markdown(&body));
        match (compiled_subject, compiled_body) {
            (Ok(subject), Ok(body)) if faults.is_empty() => {
                Ok(Self { name: name.to_owned(), text: text.to_owned(), subject, body, includes })
            }
            _ => Err(faults),
        }
    }
}

/// Checks the file before any parser sees it.
fn bounds(text: &str) -> Result<(), Fault> {
    if text.len() > MAX_BYTES {
        return Err(Fault::new(0, format!("a template can have at most {} KiB", MAX_BYTES / 1024)));
    }
    if let Some(at) = text.find(inert::is_inert) {
        return Err(Fault::new(at, "the characters U+E000 to U+E0FF cannot be used in a template"));
    }
    match text.match_indices(['(', '[', '{']).nth(MAX_BRACKETS) {
        Some((at, _)) => Err(Fault::new(at, format!("a template can have at most {MAX_BRACKETS} brackets"))),
        None => Ok(()),
    }
}

/// The subject with its place, and the body.
type Parts<'a> = (Option<(String, usize)>, Part<'a>);

fn parts(text: &str) -> Result<Parts<'_>, Fault> {
    let Some(rest) = text.strip_prefix("+++\n") else {
        return Ok((None, Part { text, start: 0 }));
    };
    let ended = if rest.starts_with("+++\n") { Some((0, 4)) } else { rest.find("\n+++\n").map(|at| (at + 1, at + 5)) };
    let Some((end, body)) = ended else {
        return Err(Fault::new(0, "the front matter has no end").help("end it with a line `+++`"));
    };
    let start = text.len() - rest.len();
    let front: FrontMatter = toml::from_str(rest.get(..end).unwrap_or_default()).map_err(|error| {
        let fault = Fault::new(start + error.span().map_or(0, |span: Range<usize>| span.start), error.message());
        fault.help("front matter is TOML with one key, `subject = \"…\"`")
    })?;
    let subject = front.subject.map(|subject| {
        // The text starts after its quotation mark.
        let at = start + subject.span().start + 1;
        (subject.into_inner(), at)
    });
    if let Some((subject, at)) = &subject
        && subject.contains(inert::is_inert)
    {
        return Err(Fault::new(*at, "the characters U+E000 to U+E0FF cannot be used in a template"));
    }
    Ok((subject, Part { text: rest.get(body..).unwrap_or_default(), start: start + body }))
}

fn compile(part: &Part<'_>) -> Result<Template, Fault> {
    Template::compile(part.text).map_err(|error| {
        let at = error.pos().map_or(0, |(line, column)| part.offset(line, column));
        let rest = part.text.get(at..).unwrap_or_default();
        match error.reason() {
            TemplateErrorReason::InvalidSyntax(_) if rest.trim().is_empty() => {
                Fault::new(part.start + at, "the template ends too early").help("is a `{{/…}}` missing?")
            }
            TemplateErrorReason::InvalidSyntax(_) => {
                Fault::new(part.start + at, "this is not Handlebars").help("is a brace or a quote missing?")
            }
            reason => Fault::new(part.start + at, reason.to_string()),
        }
    })
}

/// Finds Markdown that a message can't contain, in the body with a plain word for each value.
fn unsent_markdown(body: &Part<'_>) -> Vec<Fault> {
    let (text, places) = without_tags(body.text);
    let place = |at: usize| body.start + places.get(at).copied().unwrap_or(body.text.len());
    if let Err(message) = markdown::parse(&text) {
        return vec![Fault::new(body.start, message)];
    }
    let unsent = markdown::events(&text).into_offset_iter();
    // An HTML block causes an event for each line, but one problem is enough.
    let mut faults: Vec<Fault> = Vec::new();
    for (event, range) in unsent {
        if let Some(message) = markdown::unsupported(&event)
            && faults.last().is_none_or(|last| last.message != message)
        {
            faults.push(Fault::new(place(range.start), message));
        }
    }
    faults
}

/// The text with `x` for each value and nothing for every other tag, with the original position of each byte.
fn without_tags(text: &str) -> (String, Vec<usize>) {
    let mut plain = String::with_capacity(text.len());
    let mut places = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let (kept, length) = match (rest.strip_prefix("{{"), rest.chars().next()) {
            (Some(tag), _) => {
                let (close, skip) = if tag.starts_with("!--") { ("--}}", 4) } else { ("}}", 2) };
                let length = tag.find(close).map_or(rest.len(), |end| 2 + end + skip);
                let inner = tag.trim_start_matches(|c: char| c == '~' || c.is_whitespace());
                let silent = inner.starts_with(['#', '/', '!', '>', '^']) || inner.starts_with("else");
                (if silent { "" } else { "x" }, length)
            }
            (None, Some(c)) => (rest.get(..c.len_utf8()).unwrap_or_default(), c.len_utf8()),
            (None, None) => break,
        };
        plain.push_str(kept);
        places.extend(std::iter::repeat_n(at, kept.len()));
        at += length;
    }
    (plain, places)
}

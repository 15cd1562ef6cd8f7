//! What people write in Jira: wiki markup, or the Atlassian Document Format, as plain text.

mod adf;
mod wiki;

use serde_json::Value;

use super::summary;

/// The most bytes of markup that are read. Jira's limit is 32,767 characters, unless an administrator raises it.
const MARKUP: usize = 128 * 1024;

/// A text as plain lines.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Without quotes and code: what the author says in their own words
    pub own: String,
    /// With them
    pub all: String,
}

impl Written {
    /// Reads a field that is wiki markup (a string) or a document (an object); `None` for anything else.
    pub fn read(value: &Value) -> Option<Self> {
        match value {
            Value::String(markup) => Some(Self::of_markup(markup)),
            Value::Object(_) => {
                let mut written = Self::default();
                adf::read(value, &mut written);
                Some(written)
            }
            _ => None,
        }
    }

    /// Reads wiki markup.
    pub fn of_markup(markup: &str) -> Self {
        wiki::plain(&markup[..markup.floor_char_boundary(MARKUP)])
    }

    /// The first paragraph, preferably of the author's own words.
    pub fn summary(&self) -> Option<String> {
        summary::of_plain(&self.own).or_else(|| summary::of_plain(&self.all))
    }

    /// Adds a line; a quoted one leaves an empty line in the author's own words.
    fn line(&mut self, own: &str, all: &str, quoted: bool) {
        self.own.push_str(if quoted { "" } else { own });
        self.own.push('\n');
        self.all.push_str(all);
        self.all.push('\n');
    }
}

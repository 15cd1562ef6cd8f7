//! What the service says to somebody in Slack. Only they see it.

use serde_json::Value;

use crate::channel::in_slack;
use crate::template::{Block, Inline};

/// What is said. Text between backticks is shown as code; whatever else stands in it, Slack parses nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer(Vec<Block>);

impl Answer {
    pub(super) fn said(text: &str) -> Self {
        Self(vec![paragraph(text)])
    }

    pub(super) fn and(mut self, text: &str) -> Self {
        self.0.push(paragraph(text));
        self
    }

    /// With a list, if there is anything in it.
    pub(super) fn list(mut self, items: impl IntoIterator<Item = String>) -> Self {
        let items = items.into_iter().map(|item| vec![paragraph(&item)]).collect::<Vec<_>>();
        if !items.is_empty() {
            self.0.push(Block::List { start: None, items });
        }
        self
    }

    /// With lines to copy.
    pub(super) fn code(mut self, code: &str) -> Self {
        self.0.push(Block::Code(code.to_owned()));
        self
    }

    /// With a link.
    pub(super) fn link(mut self, text: &str, url: String) -> Self {
        self.0.push(Block::Paragraph(vec![Inline::Link { text: vec![Inline::Text(text.to_owned())], url }]));
        self
    }

    /// As a message that only one person sees.
    pub(super) fn ephemeral(&self) -> Value {
        let mut message = in_slack(&self.0);
        message["response_type"] = "ephemeral".into();
        message["replace_original"] = false.into();
        message
    }

    pub(super) fn blocks(&self) -> Value {
        in_slack(&self.0)["blocks"].take()
    }
}

fn paragraph(text: &str) -> Block {
    let inline = |(index, part): (usize, &str)| match index % 2 {
        0 => Inline::Text(part.to_owned()),
        _ => Inline::Code(part.to_owned()),
    };
    Block::Paragraph(text.split('`').enumerate().filter(|(_, part)| !part.is_empty()).map(inline).collect())
}

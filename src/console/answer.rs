//! What the console answers. [`crate::http`] writes it onto the wire, with its headers.

use std::fmt::Display;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::Stream;
use http::StatusCode;
use maud::Markup;

use crate::store::StoreError;

/// An answer.
pub enum Answer {
    /// A page
    Page(Markup),
    /// A page that says why there is nothing else
    Refusal(StatusCode, Markup),
    /// The HTML of a mail, for a frame in one of our pages: nothing in it runs, and nothing is loaded
    Mail(String),
    /// JSON for scripts
    Json(StatusCode, String),
    /// A stylesheet or a script, which may be kept for good if it was asked for by its version
    Asset {
        /// Its media type
        kind: &'static str,
        /// Its content
        text: &'static str,
        /// The address names this version
        versioned: bool,
    },
    /// A file to save
    File {
        /// Its media type
        kind: &'static str,
        /// What it is saved as
        name: String,
        /// Its content
        body: Bytes,
    },
    /// The page to go to, after a form
    SeeOther(String),
    /// Server-sent events, until one of both hangs up
    Live(Live),
}

/// Server-sent events.
pub type Live = Pin<Box<dyn Stream<Item = LiveEvent> + Send + Sync>>;

/// One of them.
#[derive(Debug, Clone)]
pub struct LiveEvent {
    /// From where to go on after it
    pub id: String,
    /// Its name
    pub name: &'static str,
    /// JSON
    pub data: String,
}

/// Why a visitor doesn't get what they asked for.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing, or the visitor may not know of it
    #[error("{0}")]
    NotFound(String),
    /// The visitor's role doesn't allow it
    #[error("{0}")]
    Forbidden(String),
    /// What they asked makes no sense
    #[error("{0}")]
    Wrong(String),
    /// There is no room
    #[error("{0}")]
    Busy(String),
    /// Our trouble
    #[error("the store cannot be read or written: see the log")]
    Store(#[from] StoreError),
}

impl Refused {
    /// What they asked makes no sense, for this reason.
    pub(super) fn wrong(error: impl Display) -> Self {
        Self::Wrong(error.to_string())
    }

    /// The status to answer with.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Wrong(_) => StatusCode::BAD_REQUEST,
            Self::Busy(_) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The heading of its page.
    pub(super) fn title(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "Not found",
            Self::Forbidden(_) => "Not allowed",
            Self::Wrong(_) => "That did not work",
            Self::Busy(_) | Self::Store(_) => "Try again in a minute",
        }
    }
}

//! The mails that were last tried, for the frames that show them. A frame has an address of its own, so that it can have rules of
//! its own: nothing in it runs.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::console::access::Visitor;
use crate::console::answer::Refused;

/// So many are kept, of all visitors together.
const KEPT: usize = 128;

struct Mail {
    id: String,
    visitor: String,
    html: String,
}

#[derive(Default)]
pub(super) struct Mails(Mutex<VecDeque<Mail>>);

impl Mails {
    /// Keeps a mail for a visitor, and returns its id.
    pub(super) fn keep(&self, html: &str, visitor: &Visitor) -> Result<String, Refused> {
        let mut mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(same) = mails.iter().find(|mail| mail.html == html && mail.visitor == visitor.name) {
            return Ok(same.id.clone());
        }
        let id = fresh_id()?;
        mails.push_back(Mail { id: id.clone(), visitor: visitor.name.clone(), html: html.to_owned() });
        while mails.len() > KEPT {
            mails.pop_front();
        }
        Ok(id)
    }

    pub(super) fn get(&self, id: &str, visitor: &Visitor) -> Option<String> {
        let mails = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mail = mails.iter().find(|mail| mail.id == id && mail.visitor == visitor.name);
        mail.map(|mail| mail.html.clone())
    }
}

/// An id that nobody can guess.
pub(super) fn fresh_id() -> Result<String, Refused> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Refused::wrong)?;
    Ok(hex::encode(bytes))
}

//! The fields that a Jira site adds to its tickets: which of them are read, and by which ids.
//!
//! A webhook has such a field by an id that each site chooses (`customfield_10012`), and only Jira's API tells the names.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

use crate::event::is_field_id;

/// The field of Data Center that names a ticket's epic.
const EPIC_LINK: &str = "com.pyxis.greenhopper.jira:gh-epic-link";
/// The field that lists a ticket's sprints.
const SPRINT: &str = "com.pyxis.greenhopper.jira:gh-sprint";

/// A field of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteField {
    /// Its id in payloads
    pub id: String,
    /// What people call it
    pub name: String,
    /// Its type, if an app or Jira Software defines it
    pub kind: Option<String>,
}

/// The fields that are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SiteFields {
    /// The names or ids of those that have a ticket's due date, the first one that is set counts
    pub due: Vec<String>,
    /// The names or ids of those that rules ask for
    pub asked: BTreeSet<String>,
    /// All that the site has; empty where Jira wasn't asked
    pub known: Vec<SiteField>,
}

impl SiteFields {
    /// The ids of the fields with a name, of which there may be several; or the id that was written instead.
    pub fn ids<'a>(&'a self, name: &'a str) -> Vec<&'a str> {
        if is_field_id(name) {
            return vec![name];
        }
        let name = name.trim().to_lowercase();
        let called = self.known.iter().filter(|field| field.name.trim().to_lowercase() == name);
        called.map(|field| field.id.as_str()).collect()
    }

    /// The ids of those that name the epic on Data Center.
    pub fn epic_ids(&self) -> impl Iterator<Item = &str> {
        self.of_kind(EPIC_LINK)
    }

    fn of_kind(&self, kind: &'static str) -> impl Iterator<Item = &str> {
        self.known.iter().filter(move |field| field.kind.as_deref() == Some(kind)).map(|field| field.id.as_str())
    }

    /// The ids of all that are read, for a request that names the fields that it wants.
    #[must_use]
    pub fn wanted(&self) -> BTreeSet<&str> {
        let named = self.due.iter().chain(&self.asked).flat_map(|name| self.ids(name));
        named.chain(self.of_kind(EPIC_LINK)).chain(self.of_kind(SPRINT)).collect()
    }

    /// The names that stand for no field that is known.
    #[must_use]
    pub fn unknown(&self) -> Vec<&str> {
        let named = self.due.iter().chain(&self.asked).map(String::as_str);
        named.filter(|name| self.ids(name).is_empty()).collect()
    }
}

/// The same, for everybody who reads payloads: rules that are loaded later ask for other fields, and Jira tells the names
/// once it is asked.
#[derive(Debug, Clone, Default)]
pub struct SharedFields(Arc<RwLock<Arc<SiteFields>>>);

impl SharedFields {
    /// With the names or ids of the fields that have the due date.
    #[must_use]
    pub fn new(due: Vec<String>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(SiteFields { due, ..SiteFields::default() }))))
    }

    /// As they are now.
    #[must_use]
    pub fn now(&self) -> Arc<SiteFields> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A copy for whoever asks for others, which changes with none of these any more.
    #[must_use]
    pub fn asking(&self, asked: BTreeSet<String>) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(SiteFields { asked, ..SiteFields::clone(&self.now()) }))))
    }

    /// From now on, these are asked for.
    pub fn ask(&self, asked: BTreeSet<String>) {
        self.change(|fields| fields.asked = asked);
    }

    /// From now on, the site is known to have these.
    pub fn learn(&self, known: Vec<SiteField>) {
        self.change(|fields| fields.known = known);
    }

    fn change(&self, change: impl FnOnce(&mut SiteFields)) {
        change(Arc::make_mut(&mut self.0.write().unwrap_or_else(PoisonError::into_inner)));
    }
}

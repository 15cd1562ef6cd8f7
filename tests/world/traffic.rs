//! What is delivered, and the truth about it that the service's doings are held against.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use microalign::event::Source;
use microalign::store::Incoming;
use serde_json::Value;

use super::payload::{Pr, Release, Ticket};

/// Everything that is delivered, and what becomes of the words in it.
#[derive(Default)]
pub struct Traffic {
    pub deliveries: Vec<Delivery>,
    /// By their numbers ([`word`])
    pub words: HashMap<u64, Words>,
    /// Repositories with two webhooks
    pub twice: HashSet<String>,
}

#[derive(Clone)]
pub struct Delivery {
    pub received: Timestamp,
    pub source: Source,
    /// The sender's id, which a redelivery has too
    pub key: String,
    /// `X-GitHub-Event`
    pub name: &'static str,
    pub body: Vec<u8>,
    pub fact: Fact,
}

impl Delivery {
    /// As it is taken in.
    pub fn incoming(&self) -> Incoming {
        let Self { received, source, key, name, body, .. } = self;
        let (key, name) = (key.clone(), (*name).to_owned());
        Incoming { source: *source, key, name, body: body.clone(), received: *received, ignored: None }
    }
}

/// What a delivery is about.
#[derive(Clone)]
pub struct Fact {
    /// The repository or the project
    pub scope: String,
    pub subject: String,
    pub actor: String,
    /// Who opened the pull request; the actor of everything else
    pub author: String,
    /// The state that the payload shows, and since when it is so
    pub updated: Timestamp,
    pub state: Option<State>,
    /// What happened: two webhooks that tell of the same have the same
    pub occurrence: String,
    /// The label, the person or the field that it is about
    pub about: Option<String>,
    /// The bulk edit that it is part of
    pub bulk: Option<u64>,
}

impl Fact {
    /// Something that happens to a subject in a repository or project, and shows no state.
    pub fn new((scope, subject): (&str, String), what: &str, actor: &str, updated: Timestamp) -> Self {
        Self {
            scope: scope.to_owned(),
            subject,
            actor: actor.to_owned(),
            author: actor.to_owned(),
            updated,
            state: None,
            occurrence: what.to_owned(),
            about: None,
            bulk: None,
        }
    }
}

#[derive(Clone)]
pub enum State {
    Pr(Pr),
    Ticket(Ticket),
    Release(Release),
}

/// Words that nothing else has, and what happens to them.
#[derive(Clone)]
pub struct Words {
    /// The repository or the project in which they stand
    pub scope: String,
    /// The delivery by which they are edited, taken back or restricted
    pub gone: Option<String>,
}

/// The field of a ticket's flag.
pub const FLAGGED: &str = "Flagged";

/// How words with a number are recognized in a message.
pub const WORD: &str = "thing";

/// What stands for the words of a number.
pub fn word(number: u64) -> String {
    format!("{WORD}{number}")
}

impl Traffic {
    /// Adds a webhook about something that happened, as it is delivered: mostly at once, sometimes late or twice.
    /// Returns its id.
    pub fn add(&mut self, rng: &mut Rng, (source, name): (Source, &'static str), body: &Value, fact: Fact) -> String {
        let key = format!("d-{}", self.deliveries.len());
        let at_once = fact.updated + Duration::from_millis(rng.u64(500..4_000));
        let later = at_once + Duration::from_secs(rng.u64(60..6 * 3600));
        let received = if rng.f64() < 0.02 { later } else { at_once };
        let delivery = Delivery { received, source, key: key.clone(), name, body: body.to_string().into(), fact };
        let again = |received, key| Delivery {
            received,
            key,
            body: delivery.body.clone(),
            fact: delivery.fact.clone(),
            ..delivery
        };
        if self.twice.contains(&delivery.fact.scope) {
            // A webhook of the repository and one of the organization have ids of their own.
            let soon = received + Duration::from_millis(rng.u64(0..3_000));
            self.deliveries.push(again(soon, format!("{key}-twin")));
        } else if rng.f64() < 0.015 {
            let key = if rng.bool() { format!("{key}-twin") } else { key.clone() };
            self.deliveries.push(again(later, key));
        }
        self.deliveries.push(delivery);
        key
    }
}

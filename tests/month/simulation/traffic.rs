//! What is delivered, and the truth about it that the service's doings are held against.

use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use microalign::event::Source;
use serde_json::Value;

use super::payload::{Stage, Status};

/// Everything that is delivered, and what becomes of the notes in it.
#[derive(Default)]
pub struct Traffic {
    pub deliveries: Vec<Delivery>,
    pub notes: Vec<Note>,
}

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

/// What a delivery is about.
#[derive(Clone)]
pub struct Fact {
    pub subject: String,
    pub actor: String,
    /// Who opened the pull request; the actor of everything else
    pub author: String,
    /// The state that the payload shows, and since when it is so
    pub updated: Timestamp,
    pub state: Option<State>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    Pr { stage: Stage, draft: bool },
    Ticket(Status),
}

/// A note's words, which no other note has, and the delivery by which they are edited or taken back.
pub struct Note {
    pub words: String,
    pub gone: Option<String>,
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
        if rng.f64() < 0.015 {
            // Two webhooks for one thing (one of the repository, one of the organisation) have two ids. Occurrences
            // can't be told from repetitions then, milestones can.
            let milestone = ["opened", "closed", "ready_for_review"].iter().any(|action| body["action"] == **action);
            let key = if milestone && rng.bool() { format!("{key}-twin") } else { key.clone() };
            let again =
                Delivery { received: later, key, body: delivery.body.clone(), fact: delivery.fact.clone(), ..delivery };
            self.deliveries.push(again);
        }
        self.deliveries.push(delivery);
        key
    }
}

//! The providers: what they took, whatever they answered.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use microalign::channel::Outcome;
use microalign::store::Claimed;

use super::action::Answer;

/// Longer than any of them answers without a reason.
const QUICK: Duration = Duration::from_millis(300);
/// When an attempt is cancelled.
const DEADLINE: Duration = Duration::from_secs(30);

/// All providers.
#[derive(Default)]
pub struct Provider {
    /// In the order in which they took it
    pub taken: Vec<Taken>,
    on_the_way: VecDeque<Taken>,
}

/// A message that a provider took.
pub struct Taken {
    pub send: i64,
    /// The ledger's name of its update
    pub update: String,
    pub to: String,
    pub thread: String,
    /// The message, as JSON
    pub message: String,
    /// The place in the journal at which its attempt began; for the first send of a lane, of its claim
    pub begun: i64,
}

impl Provider {
    /// An attempt begins, at that place in the journal. Says how long it takes.
    pub fn attempt(&mut self, send: &Claimed, answer: Answer, begun: i64) -> Duration {
        let taken = || Taken {
            send: send.id,
            update: send.update.clone(),
            to: send.destination.to_string(),
            thread: send.thread.clone(),
            message: serde_json::to_string(&send.message).unwrap(),
            begun,
        };
        match answer {
            Answer::Takes
            | Answer::TakesAnew
            | Answer::Lies
            | Answer::LiesAndRests(_)
            | Answer::DropsAfter
            | Answer::HangsAfter => self.taken.push(taken()),
            Answer::TakesLate => self.on_the_way.push_back(taken()),
            Answer::DropsBefore | Answer::Hangs | Answer::Rests(_) | Answer::Refuses | Answer::NoMailbox => {}
        }
        match answer {
            Answer::HangsAfter | Answer::Hangs | Answer::TakesLate => DEADLINE,
            _ => QUICK,
        }
    }

    /// What was sent long ago reaches its provider. `false` if there is nothing.
    pub fn arrive(&mut self) -> bool {
        let late = self.on_the_way.pop_front();
        let any = late.is_some();
        self.taken.extend(late);
        any
    }

    /// Whether something can still reach a provider.
    pub fn is_waited_for(&self) -> bool {
        !self.on_the_way.is_empty()
    }

    /// How often each message was taken, by its send.
    pub fn counts(&self) -> BTreeMap<i64, usize> {
        let mut counts = BTreeMap::new();
        self.taken.iter().for_each(|taken| *counts.entry(taken.send).or_default() += 1);
        counts
    }
}

/// What a channel makes of an answer.
pub fn outcome(send: &Claimed, answer: Answer) -> Outcome {
    let error = |text: &str| text.to_owned();
    let reference = || Some(format!("{}/{}", send.destination, send.id));
    match answer {
        Answer::Takes => Outcome::Sent { reference: reference(), anew: false },
        Answer::TakesAnew => Outcome::Sent { reference: reference(), anew: true },
        Answer::Lies => Outcome::Ambiguous { error: error("500 after the message"), retry_after: None },
        Answer::LiesAndRests(rest) => {
            Outcome::Ambiguous { error: error("503 after the message"), retry_after: Some(rest) }
        }
        Answer::DropsAfter => Outcome::Ambiguous { error: error("the connection ended"), retry_after: None },
        Answer::HangsAfter | Answer::Hangs | Answer::TakesLate => {
            Outcome::Ambiguous { error: error("no answer within 30 s"), retry_after: None }
        }
        Answer::DropsBefore => Outcome::Transient { error: error("cannot connect"), retry_after: None },
        Answer::Rests(rest) => Outcome::Transient { error: error("429 slow down"), retry_after: Some(rest) },
        Answer::Refuses => Outcome::Permanent { error: error("552 too large") },
        Answer::NoMailbox => Outcome::NoMailbox { error: error("550 5.1.1 nobody") },
    }
}

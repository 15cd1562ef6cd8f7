//! What happens in lanes: attempts begin, end and are recorded, each by itself, with anything in between.

use microalign::dispatch::{Turn, ended};
use microalign::store::{Lane, Recorded, SendOutcome};

use super::action::Answer;
use super::play::{Play, Violation};
use super::provider;
use super::service::{Flight, Phase};

impl Play {
    /// Begins lanes.
    pub fn fly(&mut self, lanes: Vec<Lane>) {
        let Some(service) = &mut self.service else { return };
        for lane in lanes {
            let turn = Turn::new(lane);
            let Some(to) = turn.send().map(|send| send.destination.to_string()) else { continue };
            if service.flights.iter().any(|flight| flight.to == to) {
                self.violations.push(Violation { of: "two lanes", text: to.clone() });
            }
            let refusals = self.shadow.refusals.get(&to).copied();
            service.flights.push(Flight { to, turn, phase: Phase::Next, claimed: self.clock.wall, refusals });
        }
    }

    /// Does what is next in the lane to a destination.
    pub async fn go_on(&mut self, to: &str, answer: Answer) -> Option<String> {
        let flights = &mut self.service.as_mut()?.flights;
        let place = flights.iter().position(|flight| flight.to == to)?;
        match flights[place].phase {
            Phase::Next => self.attempt(place, answer).await,
            Phase::Trying { answer, until } if until <= self.clock.steady => self.end_attempt(place, answer),
            Phase::Trying { .. } => None,
            Phase::Ended { .. } => self.record(place).await,
        }
    }

    async fn attempt(&mut self, place: usize, answer: Answer) -> Option<String> {
        let service = self.service.as_mut()?;
        let store = service.store().clone();
        let flight = &mut service.flights[place];
        let send = flight.turn.send()?;
        let has_waited = flight.turn.has_waited();
        let is_off = has_waited && store.is_off(send).await.unwrap();
        let untried = is_off.then_some(SendOutcome::Unclaimed);
        if let Some(outcome) = untried.or_else(|| flight.turn.untried(send, self.clock.wall)) {
            let came = format!("send {} is not tried: {outcome:?}", send.id);
            flight.phase = Phase::Ended { tried: outcome.into(), asked: None };
            return Some(came);
        }
        flight.turn.begins(self.clock.now().instant);
        let mut wrong = self.shadow.attempt(send, (flight.claimed, flight.refusals), &self.clock);
        if self.database.is_behind(send.id) {
            wrong.push(("order", format!("send {} is tried before an earlier one of {}", send.id, send.thread)));
        }
        // The first of a lane is tried as soon as it is claimed.
        let begun = if has_waited { self.database.now() } else { self.database.claim_of(send.id) };
        let taken = self.provider.attempt(send, answer, begun);
        let came = format!("attempt {} of send {}, {}", send.attempt, send.id, send.thread);
        flight.phase = Phase::Trying { answer, until: self.clock.steady + taken };
        wrong.into_iter().for_each(|(of, text)| self.violates(of, text));
        Some(came)
    }

    fn end_attempt(&mut self, place: usize, answer: Answer) -> Option<String> {
        let flight = &mut self.service.as_mut()?.flights[place];
        let send = flight.turn.send()?;
        // Any number that a replay has again.
        let random = f64::from(u32::try_from((send.id * 7919 + send.attempt * 104_729) % 1000).unwrap()) / 1000.0;
        let (tried, asked) = ended(send, provider::outcome(send, answer), (self.clock.wall, self.clock.wall), random);
        let wrong = self.shadow.ended(send, (&tried.outcome, asked), &self.clock);
        if answer.leaves_doubt() {
            self.shadow.doubts.insert(send.id);
        }
        let came = format!("send {} ended: {:?}", send.id, tried.outcome);
        flight.phase = Phase::Ended { tried, asked };
        wrong.into_iter().for_each(|(of, text)| self.violates(of, text));
        Some(came)
    }

    /// Writes down how an attempt ended. What can't be written is kept.
    async fn record(&mut self, place: usize) -> Option<String> {
        let service = self.service.as_mut()?;
        let store = service.store().clone();
        let flight = &mut service.flights[place];
        let (Phase::Ended { tried, asked }, Some(send)) = (&flight.phase, flight.turn.send()) else { return None };
        let (tried, asked) = (tried.clone(), *asked);
        let own = match store.record_outcome(send, &tried, false, self.clock.wall).await {
            Ok(recorded) => recorded != Recorded::TakenOver,
            Err(error) => return Some(format!("send {} is not recorded: {error}", send.id)),
        };
        self.shadow.recorded(send, &tried.outcome, &self.clock);
        let id = send.id;
        flight.turn.go_on(&tried.outcome, asked);
        flight.phase = Phase::Next;
        if flight.turn.send().is_none() {
            service.flights.remove(place).turn.end(self.clock.now().instant);
        }
        if !own {
            self.violates("fence", format!("nobody else had send {id}, and its outcome was refused"));
        }
        let kind = match tried.outcome {
            SendOutcome::Unclaimed => "given back",
            _ => "recorded",
        };
        Some(format!("send {id} is {kind}"))
    }
}

impl Answer {
    /// Whether the service can't know if the message arrived.
    fn leaves_doubt(self) -> bool {
        matches!(
            self,
            Self::Lies | Self::LiesAndRests(_) | Self::DropsAfter | Self::HangsAfter | Self::Hangs | Self::TakesLate
        )
    }
}

//! Draws what happens next: which faults there are in a run, how often, and then one action after the other.

use std::time::Duration;

use fastrand::Rng;
use jiff::SignedDuration;

use super::action::{Action, Answer, Edit, Table};
use super::play::Play;
use super::service::Phase;

/// So many actions are drawn at most,
const MOST: usize = 1200;
/// and so many after the last delivery.
const TAIL: usize = 150;

/// How often, beside the weights of what a quiet run does.
struct Rates {
    crash: u32,
    lost: u32,
    fail: u32,
    jump: u32,
    edit: u32,
    sweep: u32,
    late: u32,
    again: u32,
    /// What providers do, each as often as it is listed
    answers: Vec<Kind>,
    /// A team whose address answers in one way for long
    stubborn: Option<(usize, Kind)>,
}

/// How a provider may answer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Well,
    Anew,
    Lies,
    Drops,
    Hangs,
    Rests,
    Refuses,
    NoMailbox,
}

const FAULTS: [Kind; 7] =
    [Kind::Anew, Kind::Lies, Kind::Drops, Kind::Hangs, Kind::Rests, Kind::Refuses, Kind::NoMailbox];

/// Draws a run from a seed.
pub struct Drawer {
    rng: Rng,
    rates: Rates,
    drawn: usize,
    tail: usize,
    failing: bool,
}

impl Drawer {
    pub fn new(seed: u64) -> Self {
        // Another stream than that of what is delivered.
        let mut rng = Rng::with_seed(seed ^ 0x5eed);
        let rates = Rates::draw(&mut rng);
        Self { rng, rates, drawn: 0, tail: 0, failing: false }
    }

    /// What happens next; nothing once all is delivered and a while has passed.
    pub fn next(&mut self, play: &Play) -> Option<Action> {
        self.drawn += 1;
        self.tail = if play.pending.is_empty() { self.tail + 1 } else { 0 };
        if self.drawn > MOST || self.tail > TAIL {
            return None;
        }
        let mut choices = vec![(10, self.wait(play))];
        self.deliveries(play, &mut choices);
        self.work(play, &mut choices);
        self.faults(play, &mut choices);
        let action = self.choose(choices);
        match action {
            Action::Fail(_) => self.failing = true,
            Action::Heal => self.failing = false,
            _ => {}
        }
        Some(action)
    }

    fn choose<T>(&mut self, choices: Vec<(u32, T)>) -> T {
        let mut left = self.rng.u32(..choices.iter().map(|(weight, _)| weight).sum::<u32>());
        let mut choices = choices.into_iter();
        loop {
            let (weight, choice) = choices.next().unwrap();
            if left < weight {
                return choice;
            }
            left -= weight;
        }
    }

    /// Mostly until something is due.
    fn wait(&mut self, play: &Play) -> Action {
        let now = play.clock.steady;
        let delivery = play.pending.values().min().map(|at| at.saturating_sub(now));
        let due = play.database.next_time();
        let due = due.map(|at| Duration::try_from(at.duration_since(play.clock.wall)).unwrap_or_default());
        let flights = play.service.iter().flat_map(|service| &service.flights);
        let attempts = flights.filter_map(|flight| match flight.phase {
            Phase::Trying { until, .. } => Some(until.saturating_sub(now)),
            _ => None,
        });
        let next = delivery.into_iter().chain(due).chain(attempts).filter(|wait| !wait.is_zero()).min();
        let some = Duration::from_millis(self.rng.u64(1..20_000));
        Action::Wait(next.filter(|_| self.rng.u8(..4) > 0).unwrap_or(some))
    }

    fn deliveries(&mut self, play: &Play, choices: &mut Vec<(u32, Action)>) {
        let now = play.clock.steady;
        let due = play.pending.iter().filter(|(_, at)| **at <= now).map(|(index, _)| *index).collect::<Vec<_>>();
        if let Some(first) = due.first() {
            let lost = self.rng.u32(..1000) < self.rates.lost;
            // A release that is published, deleted and published again is understood in this order only.
            let is_release = |index: usize| play.traffic.deliveries[index].name == "release";
            let any = due[self.rng.usize(..due.len())];
            let overtakes = self.rng.u32(..1000) < self.rates.late && !is_release(any) && !is_release(*first);
            choices.push((40, Action::Deliver { delivery: if overtakes { any } else { *first }, lost }));
            if !is_release(any) {
                let by = Duration::from_secs(self.rng.u64(1..14_400));
                choices.push((self.rates.late / 20, Action::Postpone { delivery: any, by }));
            }
        }
        let known = play.shadow.acknowledged.len();
        if known > 0 {
            let index = self.rng.usize(..known);
            let delivery = *play.shadow.acknowledged.iter().nth(index).unwrap();
            choices.push((self.rates.again, Action::Deliver { delivery, lost: false }));
        }
    }

    fn work(&mut self, play: &Play, choices: &mut Vec<(u32, Action)>) {
        let Some(service) = &play.service else {
            choices.push((20, Action::Start));
            return;
        };
        choices.extend([(16, Action::Intake), (14, Action::Claim)]);
        let now = play.clock.steady;
        for flight in &service.flights {
            if !matches!(flight.phase, Phase::Trying { until, .. } if until > now) {
                let answer = self.answer(play, &flight.to);
                choices.push((20, Action::Lane { to: flight.to.clone(), answer }));
            }
        }
        if play.provider.is_waited_for() {
            choices.push((3, Action::Arrive));
        }
    }

    fn faults(&mut self, play: &Play, choices: &mut Vec<(u32, Action)>) {
        let Rates { crash, fail, jump, edit, sweep, .. } = self.rates;
        choices.extend([(crash, Action::Crash), (sweep, Action::Sweep)]);
        if self.failing {
            choices.push((8, Action::Heal));
        } else {
            choices.push((fail, Action::Fail(Table::ALL[self.rng.usize(..Table::ALL.len())])));
        }
        let hours = SignedDuration::from_secs([2, 40, 900, 7200, 90_000][self.rng.usize(..5)]);
        choices.push((jump, Action::Jump(if self.rng.bool() { hours } else { -hours })));
        let team = self.rng.usize(..play.company.teams.len());
        let edits = [Edit::Back, Edit::Slower, Edit::Fewer, Edit::Broken];
        choices.push((edit, Action::Edit { team, edit: edits[self.rng.usize(..edits.len())] }));
    }

    fn answer(&mut self, play: &Play, to: &str) -> Answer {
        let stubborn = self.rates.stubborn.filter(|(team, _)| to.contains(&play.company.teams[*team].name));
        let kind = match stubborn {
            Some((_, kind)) if self.rng.u8(..8) > 0 => kind,
            _ => self.rates.answers[self.rng.usize(..self.rates.answers.len())],
        };
        let rest = Duration::from_secs([7, 90, 1800, 200_000][self.rng.usize(..4)]);
        let among = |rng: &mut Rng, answers: &[Answer]| answers[rng.usize(..answers.len())];
        let rng = &mut self.rng;
        match kind {
            Kind::Well => Answer::Takes,
            Kind::Anew => Answer::TakesAnew,
            Kind::Lies => among(rng, &[Answer::Lies, Answer::LiesAndRests(rest)]),
            Kind::Drops => among(rng, &[Answer::DropsBefore, Answer::DropsAfter]),
            Kind::Hangs => among(rng, &[Answer::Hangs, Answer::HangsAfter, Answer::TakesLate]),
            Kind::Rests => Answer::Rests(rest),
            Kind::Refuses => Answer::Refuses,
            Kind::NoMailbox => Answer::NoMailbox,
        }
    }
}

impl Rates {
    /// Half of the faults happen in a run, some of them often.
    fn draw(rng: &mut Rng) -> Self {
        let mut rate = |most: u32| if rng.bool() { rng.u32(1..=most) } else { 0 };
        let [crash, fail, jump] = [3, 3, 2].map(&mut rate);
        let [sweep, again, lost, late] = [2, 4, 200, 600].map(&mut rate);
        let mut answers = vec![Kind::Well; rng.usize(2..12)];
        for kind in FAULTS {
            if rng.bool() {
                answers.extend(vec![kind; rng.usize(1..4)]);
            }
        }
        // Reading rules takes longer than anything else.
        let edit = u32::from(rng.u8(..6) == 0);
        let stubborn = (rng.u8(..3) == 0).then(|| (rng.usize(..4), FAULTS[rng.usize(1..FAULTS.len())]));
        Self { crash, lost, fail, jump, edit, sweep, late, again, answers, stubborn }
    }
}

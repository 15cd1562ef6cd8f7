//! The end of a run: all faults cease, and everything that waits comes to rest.

use std::time::Duration;

use super::action::{Action, Answer};
use super::play::Play;

/// A run that needs more rounds than this never comes to rest.
const ROUNDS: usize = 4000;
/// If nothing is due, something may still be given a rest.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
const LONGEST_LOOK: Duration = Duration::from_secs(3 * 3600);

/// Everybody is well. What was not delivered is, everything that is due is done, until nothing waits any more.
pub async fn come_to_rest(play: &mut Play) {
    play.perform(&Action::Heal).await;
    play.perform(&Action::Start).await;
    while play.provider.is_waited_for() {
        play.perform(&Action::Arrive).await;
    }
    let mut look = LOOK_AGAIN;
    for _ in 0..ROUNDS {
        let worked = deliver(play).await | work(play).await;
        if play.violations.iter().any(|found| found.of == "stuck") {
            return;
        }
        let next = next_time(play).await;
        let Some(next) = next else {
            if play.database.unsent() == 0 && play.pending.is_empty() {
                return;
            }
            play.perform(&Action::Wait(look)).await;
            continue;
        };
        // What is due and isn't done has a rest.
        look = if worked { LOOK_AGAIN } else { (look * 2).min(LONGEST_LOOK) };
        let wait = if next.is_zero() { look } else { next };
        play.perform(&Action::Wait(wait)).await;
    }
    play.violates(
        "no rest",
        format!("{} sends and {} deliveries wait for ever", play.database.unsent(), play.pending.len()),
    );
}

/// Delivers what is due.
async fn deliver(play: &mut Play) -> bool {
    let now = play.clock.steady;
    let due = play.pending.iter().filter(|(_, at)| **at <= now).map(|(index, _)| *index).collect::<Vec<_>>();
    for delivery in &due {
        play.perform(&Action::Deliver { delivery: *delivery, lost: false }).await;
    }
    !due.is_empty()
}

/// Plans and sends all that can be now. Says whether there was anything.
async fn work(play: &mut Play) -> bool {
    let mut worked = false;
    loop {
        let Some(service) = &play.service else { return worked };
        let now = play.clock.now();
        let (stepped, lanes) = match (service.step(now.time).await, service.claim(now).await) {
            (Ok(stepped), Ok(lanes)) => (stepped, lanes),
            (Err(error), _) | (_, Err(error)) => {
                play.violates("stuck", error.to_string());
                return worked;
            }
        };
        play.fly(lanes);
        let sent = send(play).await;
        worked |= stepped || sent;
        if !stepped && !sent {
            return worked;
        }
    }
}

/// Ends all lanes under way.
async fn send(play: &mut Play) -> bool {
    let mut any = false;
    while let Some(to) =
        play.service.as_ref().and_then(|service| service.flights.first()).map(|flight| flight.to.clone())
    {
        any = true;
        let before = play.trace.len();
        play.perform(&Action::Lane { to, answer: Answer::Takes }).await;
        if play.trace.len() == before {
            play.perform(&Action::Wait(Duration::from_secs(1))).await;
        }
    }
    any
}

/// How long it is until something is due; nothing if nothing waits.
async fn next_time(play: &Play) -> Option<Duration> {
    let service = play.service.as_ref()?;
    let due = service.store().next_due().await.unwrap();
    let wall = due.into_iter().chain(play.database.next_time()).min();
    let wait = wall.map(|at| Duration::try_from(at.duration_since(play.clock.wall)).unwrap_or_default());
    let delivery = play.pending.values().min().map(|at| at.saturating_sub(play.clock.steady));
    wait.into_iter().chain(delivery).min()
}

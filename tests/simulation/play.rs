//! A run: what is drawn or given happens to the service, one thing after the other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use microalign::app;
use microalign::compose::Rulebook;
use microalign::config::{self, Config};
use microalign::store::Now;
use tempfile::TempDir;

use super::action::{Action, Edit};
use super::database::{self, Database};
use super::draw::Drawer;
use super::end;
use super::oracles;
use super::provider::Provider;
use super::service::Service;
use super::shadow::Shadow;
use super::world::BEGIN;
use super::world::company::Company;
use super::world::life::{self, Plan};
use super::world::traffic::Traffic;

/// So many teams there are,
const TEAMS: usize = 4;
/// for so many days.
const DAYS: u64 = 2;

/// What is played.
#[derive(Clone)]
pub struct Scenario {
    pub seed: u64,
    /// The deliveries that are left out, by their indices
    pub without: BTreeSet<usize>,
    /// What happens; it is drawn unless it is given
    pub actions: Option<Vec<Action>>,
}

impl Scenario {
    pub fn of(seed: u64) -> Self {
        Self { seed, without: BTreeSet::new(), actions: None }
    }
}

/// What came of it.
pub struct Played {
    pub actions: Vec<Action>,
    /// What happened and what came of it, then the ledger
    pub trace: Vec<String>,
    pub violations: Vec<Violation>,
}

/// Something that must not be.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which rule it violates
    pub of: &'static str,
    pub text: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.of, self.text)
    }
}

/// What time it is.
pub struct Clock {
    /// By the clock that people set
    pub wall: Timestamp,
    /// Since the beginning, by the one that nobody can set
    pub steady: Duration,
    /// When that was
    begin: Instant,
}

impl Clock {
    /// This moment, by both.
    pub fn now(&self) -> Now {
        Now { time: self.wall, instant: self.begin + self.steady }
    }
}

/// The state of a run.
pub struct Play {
    pub company: Company,
    pub traffic: Traffic,
    /// When each delivery that has no 202 is sent next, by the time since the beginning
    pub pending: BTreeMap<usize, Duration>,
    pub service: Option<Service>,
    pub provider: Provider,
    pub shadow: Shadow,
    pub clock: Clock,
    pub database: Database,
    /// Whether somebody has set the clock
    pub was_set: bool,
    /// The teams whose rules were edited
    pub edited: BTreeSet<usize>,
    pub trace: Vec<String>,
    pub violations: Vec<Violation>,
    rulebook: Arc<Rulebook>,
    /// Whether a process that starts would read the same rules
    rules_are_read: bool,
    config: Config,
    folder: TempDir,
}

/// Plays a scenario to its end.
pub async fn play(scenario: &Scenario) -> Played {
    let mut play = Play::begin(scenario);
    play.start().await;
    let mut actions = Vec::new();
    match &scenario.actions {
        Some(given) => {
            for action in given {
                play.perform(action).await;
            }
            actions.clone_from(given);
        }
        None => {
            let mut drawer = Drawer::new(scenario.seed);
            while let Some(action) = drawer.next(&play) {
                play.perform(&action).await;
                actions.push(action);
            }
        }
    }
    end::come_to_rest(&mut play).await;
    oracles::check(&mut play);
    let mut trace = std::mem::take(&mut play.trace);
    trace.extend(play.database.dump());
    Played { actions, trace, violations: play.violations }
}

/// The company of a seed, what its teams are like, when it begins and what is delivered.
fn world(seed: u64) -> (Company, usize, Timestamp, Traffic) {
    let mut rng = Rng::with_seed(seed);
    let like = rng.usize(..12);
    let company = Company::new(TEAMS, like);
    let begin = BEGIN + Duration::from_secs(86_400 * rng.u64(..28));
    let traffic = life::live(&company, Plan { seed, begin, days: DAYS, tickets: 2, bulk: false });
    (company, like, begin, traffic)
}

/// How many deliveries there are for a seed.
pub fn deliveries(seed: u64) -> usize {
    world(seed).3.deliveries.len()
}

impl Play {
    fn begin(scenario: &Scenario) -> Self {
        let (company, like, begin, traffic) = world(scenario.seed);
        let all = traffic.deliveries.iter().enumerate().filter(|(index, _)| !scenario.without.contains(index));
        let since = |at: Timestamp| Duration::try_from(at.duration_since(begin)).unwrap_or_default();
        let pending = all.map(|(index, delivery)| (index, since(delivery.received))).collect();
        let folder = database::folder();
        company.write_files(folder.path());
        let config = config::load(&folder.path().join("microalign.toml"), &|_| None).unwrap();
        Self {
            pending,
            service: None,
            provider: Provider::default(),
            shadow: Shadow::default(),
            clock: Clock { wall: begin, steady: Duration::ZERO, begin: Instant::now() },
            database: Database::new(folder.path()),
            was_set: false,
            edited: BTreeSet::new(),
            trace: Vec::new(),
            violations: Vec::new(),
            rulebook: first_rules(like, &config),
            rules_are_read: true,
            config,
            folder,
            company,
            traffic,
        }
    }

    /// Lets something happen, if it can.
    pub async fn perform(&mut self, action: &Action) {
        let came = match action {
            Action::Deliver { delivery, lost } => self.deliver(*delivery, *lost).await,
            Action::Postpone { delivery, by } => self.postpone(*delivery, *by),
            Action::Intake => self.step().await,
            Action::Claim => self.claim().await,
            Action::Lane { to, answer } => self.go_on(to, *answer).await,
            Action::Arrive => self.provider.arrive().then(String::new),
            Action::Sweep => self.sweep().await,
            Action::Edit { team, edit } => self.edit(*team, *edit),
            Action::Wait(time) => {
                self.clock.steady += *time;
                self.clock.wall += *time;
                Some(self.clock.wall.to_string())
            }
            Action::Jump(by) => Some(self.set_clock(*by).await),
            Action::Fail(table) => {
                self.database.fail(*table);
                Some(String::new())
            }
            Action::Heal => {
                self.database.heal();
                Some(String::new())
            }
            Action::Crash => self.crash().await,
            Action::Start if self.service.is_none() => Some(self.start().await),
            Action::Start => None,
        };
        if let Some(came) = came {
            self.trace.push(format!("{action}: {came}"));
        }
    }

    pub fn violates(&mut self, of: &'static str, text: String) {
        self.violations.push(Violation { of, text });
    }

    async fn deliver(&mut self, index: usize, lost: bool) -> Option<String> {
        let due = self.pending.get(&index).copied();
        let again = self.shadow.acknowledged.contains(&index);
        if !again && due.is_none_or(|due| due > self.clock.steady) {
            return None;
        }
        let Some(service) = &self.service else { return Some("nobody is there".to_owned()) };
        // When it came is what the service's clock says.
        let delivery = &mut self.traffic.deliveries[index];
        if !again {
            delivery.received = self.clock.wall;
        }
        let mut incoming = delivery.incoming();
        incoming.received = self.clock.wall;
        let accepted = service.deliver(incoming).await;
        if accepted.is_ok() && !lost {
            self.pending.remove(&index);
            self.shadow.acknowledged.insert(index);
        }
        let about = &self.traffic.deliveries[index];
        Some(format!("{} {} {}: {accepted:?}", about.key, about.fact.occurrence, about.fact.subject))
    }

    fn postpone(&mut self, index: usize, by: Duration) -> Option<String> {
        *self.pending.get_mut(&index)? += by;
        Some(String::new())
    }

    async fn step(&mut self) -> Option<String> {
        Some(format!("{:?}", self.service.as_ref()?.step(self.clock.wall).await))
    }

    async fn claim(&mut self) -> Option<String> {
        let claimed = self.service.as_ref()?.claim(self.clock.now()).await;
        Some(match claimed {
            Ok(lanes) => {
                let came = lanes.iter().flat_map(|lane| lane.sends()).map(|send| format!("{} ", send.id)).collect();
                self.fly(lanes);
                came
            }
            Err(error) => error.to_string(),
        })
    }

    /// Sets the clock. If that goes back, the dispatcher notices within a second.
    async fn set_clock(&mut self, by: SignedDuration) -> String {
        self.clock.wall += by;
        self.was_set = true;
        if let (Ok(back), Some(service)) = (Duration::try_from(-by), &self.service)
            && back > Duration::from_secs(60)
        {
            // What was noted before another change of the clock can't be told from the rest.
            self.shadow.clock_set_back();
            let followed = service.store().clock_set_back(back, self.clock.wall).await;
            return format!("{}, {followed:?}", self.clock.wall);
        }
        self.clock.wall.to_string()
    }

    async fn sweep(&mut self) -> Option<String> {
        Some(format!("{:?}", self.service.as_mut()?.sweep(self.clock.wall).await))
    }

    /// The process ends and starts again.
    async fn crash(&mut self) -> Option<String> {
        let service = self.service.take()?;
        service.crash().await;
        // The service can't know how far what was under way has come.
        self.database.sending().into_iter().for_each(|send| self.shadow.forgotten(send));
        self.shadow.restarted(&self.clock);
        Some(self.start().await)
    }

    /// Starts the process. Whatever was answered with 202 is there.
    pub async fn start(&mut self) -> String {
        if !std::mem::replace(&mut self.rules_are_read, true) {
            self.rulebook = Arc::new(Rulebook::load(&self.config, None));
        }
        let (rulebook, settings) = (Arc::clone(&self.rulebook), app::settings(&self.config));
        let came = match Service::start(&self.database.path, rulebook, settings, self.clock.wall).await {
            Ok(service) => {
                self.service = Some(service);
                "it runs".to_owned()
            }
            Err(error) => error.to_string(),
        };
        let kept = self.database.deliveries().into_iter().map(|(key, _)| key).collect::<BTreeSet<_>>();
        let lost = self.shadow.acknowledged.iter().map(|index| &self.traffic.deliveries[*index].key);
        let lost = lost.filter(|key| !kept.contains(*key)).cloned().collect::<Vec<_>>();
        lost.into_iter().for_each(|key| self.violates("lost", format!("{key} had its 202, and is gone")));
        came
    }

    fn edit(&mut self, team: usize, edit: Edit) -> Option<String> {
        let (name, file) = (self.company.teams[team].name.clone(), self.company.teams[team].file());
        let path = self.folder.path().join(format!("rules/{name}.toml"));
        if self.edited.is_empty() {
            // The rules that several runs share were read from another folder.
            self.rulebook = Arc::new(Rulebook::load(&self.config, None));
        }
        self.edited.insert(team);
        // What a broken file said before is forgotten at the next start.
        self.rules_are_read = edit != Edit::Broken;
        let text = match edit {
            Edit::Back => file,
            Edit::Slower => format!("settle = \"20m\"\n{file}"),
            Edit::Fewer => file[..file.rfind("\n[[rule]]").unwrap()].to_owned(),
            Edit::Broken => format!("{file}\nunknown = 1\n"),
        };
        std::fs::write(path, text).unwrap();
        self.rulebook = Arc::new(Rulebook::load(&self.config, Some(&self.rulebook)));
        if let Some(service) = &self.service {
            service.rulebook.send_replace(Arc::clone(&self.rulebook));
        }
        Some(format!("{} problems", self.rulebook.problems().len()))
    }
}

/// The rules of a company as they are at first, which are read once.
fn first_rules(like: usize, config: &Config) -> Arc<Rulebook> {
    static READ: LazyLock<Mutex<HashMap<usize, Arc<Rulebook>>>> = LazyLock::new(Mutex::default);
    let mut read = READ.lock().unwrap();
    let rules = read.entry(like).or_insert_with(|| {
        let rules = Rulebook::load(config, None);
        assert_eq!(rules.problems(), []);
        Arc::new(rules)
    });
    Arc::clone(rules)
}

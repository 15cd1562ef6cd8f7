//! Each kind of event, undone, edited, restricted, delivered twice and late: what is told. No cell is left out.

mod explained;
mod github;
mod jira;
mod pull_requests;
mod words;

use std::fmt::Write as _;

use futures_util::{StreamExt as _, stream};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use microalign::event::EventKind;
use serde_json::{Value, json};

use self::words::{end, key, moved_on, new, old, resummed};
use super::payload::*;
use super::story::{Told, send, serve};
use crate::support::{Service, eventually};

/// What comes of a cell, to the team that asked for its kind.
#[derive(Debug, Clone, Copy)]
enum Comes {
    /// One message
    Told,
    /// A message or several: each was an occurrence of its own
    Heard,
    /// One message, with the new words and without the old ones
    New,
    /// No message; the ledger's reason has this
    Nothing(&'static str),
    /// None, or one for what stands at the end
    AtMostOne,
    /// Not then: something happened, and it can be told once that is long ago again
    Postponed,
    /// The key at most: no old words for anybody, and nothing for readers outside
    KeyOnly,
    /// One message, and no old words for readers outside
    Inside,
}

use Comes::{AtMostOne, Heard, Inside, KeyOnly, New, Nothing, Postponed};

type Posts = fn(u64) -> Vec<Post>;

/// What is sent for a cell, in groups with a name.
type Steps = Vec<(&'static str, Vec<Post>)>;

/// What a condition is made of.
#[derive(Debug, Clone, Copy)]
enum Then {
    /// This comes after it, while it waits
    After(Posts, Comes),
    /// This, which happened later, came before it
    First(Posts, Comes),
    /// It cannot be, for this reason
    Cannot(#[expect(dead_code, reason = "for whoever reads the table")] &'static str),
}

use Then::{After, Cannot, First};

/// A kind. That it is told once if it is delivered twice holds for all.
struct Row {
    kind: &'static str,
    /// What had to be told before
    before: Posts,
    it: fn(u64) -> Post,
    undone: Then,
    edited: Then,
    restricted: Then,
    late: Then,
}

const CONDITIONS: [&str; 5] = ["undone", "edited", "restricted", "twice", "late"];

/// The row of what needs nothing before it.
fn row(kind: &'static str, it: fn(u64) -> Post, [undone, edited, restricted, late]: [Then; 4]) -> Row {
    Row { kind, before: |_| Vec::new(), it, undone, edited, restricted, late }
}

/// A repository that becomes private.
const PRIVATE: Then = After(|_| vec![privatized()], Inside);
/// A security level.
const LEVEL: Then = After(|n| vec![levelled(&key(n), 20, json!({ "summary": old(n) }))], KeyOnly);
const RETITLED: Then = After(
    |n| {
        let more = json!({ "pull_request": { "title": new(n) }, "changes": { "title": { "from": old(n) } } });
        vec![pull(n, "edited", 20, more)]
    },
    New,
);
const ISSUE_RETITLED: Then = After(
    |n| {
        let more = json!({ "issue": { "title": new(n) }, "changes": { "title": { "from": old(n) } } });
        vec![issue(n, "edited", 20, more)]
    },
    New,
);
const RESUMMED: Then = After(|n| vec![resummed(n, json!({}))], New);
/// It is merged when it comes.
const MERGED_SINCE: Then = First(|n| vec![end(n, true, 30)], Nothing("late"));
const MOVED_ON: Then = First(|n| vec![moved_on(n)], Comes::Told);

/// Whether it has this number, and not as a part of another.
fn numbered(text: &str, number: &str) -> bool {
    let digit = |c: char| c.is_ascii_digit();
    let mut found = text.match_indices(number);
    found.any(|(at, _)| !text[..at].ends_with(digit) && !text[at + number.len()..].starts_with(digit))
}

fn rows() -> Vec<Row> {
    [pull_requests::pull_requests(), github::rest_of_github(), jira::tickets(), jira::rest_of_jira(), jira::notes()]
        .into_iter()
        .flatten()
        .collect()
}

fn is_silent(kind: &str) -> bool {
    matches!(kind, "pull_request.stalled" | "ticket.quiet" | "ticket.due_soon" | "ticket.overdue")
}

/// A time zone in which it is about noon: what falls on a day is told after nine there.
fn noon() -> String {
    let ahead = 12 - i64::from(Timestamp::now().to_zoned(TimeZone::UTC).hour());
    // Their signs are the other way round.
    format!("Etc/GMT{:+}", -ahead)
}

/// The day there that is so many days ahead.
pub fn day(ahead: i64) -> String {
    let today = Timestamp::now().in_tz(&noon()).unwrap().date();
    (today + jiff::Span::new().days(ahead)).to_string()
}

/// Two teams for a kind: readers inside and outside.
fn teams(kind: &str) -> [String; 2] {
    let after = match kind {
        "ticket.due_soon" => "before = \"2d\"\n",
        kind if is_silent(kind) && kind != "ticket.overdue" => "after = \"1s\"\n",
        _ => "",
    };
    let (settle, zone) = (if is_silent(kind) { "24s" } else { "20s" }, noon());
    let team = |who: &str, end: &str, audience: &str| {
        format!(
            "team = \"{who}-{kind}\"\nmembers = [\"quiet\"]\nto = [\"email:{kind}@example.{end}\"]\nsettle = \"{settle}\"\n\
             timezone = \"{zone}\"\n{audience}[[rule]]\nname = \"rule\"\non = [\"{kind}\"]\n{after}"
        )
    };
    [team("in", "com", ""), team("out", "org", "audience = \"outside\"\n")]
}

/// A cell: the row, the condition, and its number.
#[derive(Clone, Copy)]
struct Cell<'a> {
    row: &'a Row,
    condition: usize,
    n: u64,
}

impl Cell<'_> {
    fn then(&self) -> Option<Then> {
        let Row { undone, edited, restricted, late, .. } = *self.row;
        [Some(undone), Some(edited), Some(restricted), None, Some(late)][self.condition]
    }

    fn name(&self) -> String {
        format!("{} {}", self.row.kind, CONDITIONS[self.condition])
    }

    /// The same in a repository and by people of this cell alone: nobody does many things at once.
    fn own(&self, post: Post) -> Post {
        post.of(&format!("acme/r{}", self.n)).actors(self.n)
    }

    async fn send(&self, service: &Service, step: &str, posts: Vec<Post>) {
        for (number, post) in posts.into_iter().enumerate() {
            let delivery = format!("{}/{}/{step}-{number}", self.row.kind, CONDITIONS[self.condition]);
            send(service, &delivery, &self.own(post)).await;
        }
    }

    async fn send_it(&self, service: &Service) {
        let mut its = vec![(self.row.it)(self.n)];
        if self.condition == 3 {
            its.push((self.row.it)(self.n));
        }
        self.send(service, "it", its).await;
    }

    fn is_silent(&self) -> bool {
        is_silent(self.row.kind)
    }

    /// What is wrong with what came of it.
    fn wrong(&self, told: &Told) -> Option<String> {
        let number = self.n.to_string();
        let mails = |end: &str| {
            let to = format!("{}@example.{end}", self.row.kind);
            let of = told.mails.iter().filter(move |mail| mail.to.eq_ignore_ascii_case(&to));
            of.map(|mail| format!("{} | {} | {}", mail.subject, mail.text, mail.html))
                .filter(|text| numbered(text, &number))
                .collect::<Vec<_>>()
        };
        let (inside, outside) = (mails("com"), mails("org"));
        let team = format!("in-{}", self.row.kind);
        let prefix = format!("{}/{}/", self.row.kind, CONDITIONS[self.condition]);
        let of_cell = |line: &&Value| {
            let delivery = line["delivery"].as_str().unwrap_or_default();
            let subject = line["subject"].as_str().unwrap_or_default();
            line["team"] == team && (delivery.starts_with(&prefix) || numbered(subject, &number))
        };
        let lines = told.ledger.iter().filter(of_cell).collect::<Vec<_>>();
        let reasons = lines.iter().map(|line| format!("{}: {}", line["state"], line["reason"])).collect::<Vec<_>>();
        let (count, secret, fresh) = (inside.len(), old(self.n), new(self.n));
        let leaks = |mails: &[String]| mails.iter().any(|text| text.contains(&secret));
        let comes = match self.then() {
            Some(After(_, comes) | First(_, comes)) => comes,
            Some(Cannot(_)) => return None,
            None => Comes::Told,
        };
        let again = self.condition == 3 && lines.iter().filter(|line| line["state"] == "sent").count() > 1;
        let right = match comes {
            Comes::Told => count == 1,
            Heard => count >= 1,
            New => count == 1 && inside[0].contains(&fresh) && !leaks(&inside),
            Nothing(because) => {
                count == 0 && (because.is_empty() || reasons.iter().any(|reason| reason.contains(because)))
            }
            AtMostOne => count <= 1,
            Postponed => count <= 1 && reasons.iter().any(|reason| reason.contains("something happened")),
            KeyOnly => count <= 1 && !leaks(&inside) && outside.is_empty(),
            Inside => count == 1 && !leaks(&outside),
        };
        let shown = inside.iter().chain(&outside).map(|text| text.split(" | ").take(2).collect::<Vec<_>>().join(" | "));
        let mut wrong = format!("{}: {comes:?}, and not {count} messages; {reasons:?}", self.name());
        shown.for_each(|text| write!(wrong, "\n    {}", text.replace('\n', " ")).unwrap());
        (!right || again).then_some(wrong)
    }
}

#[tokio::test]
async fn every_kind_under_every_condition() {
    let rows = rows();
    let files = rows.iter().flat_map(|row| teams(row.kind)).collect::<Vec<_>>();
    let service = serve(&files).await;
    let written = rows.iter().map(|row| row.kind).collect::<Vec<_>>();
    let missing = EventKind::ALL.iter().filter(|kind| !written.contains(&kind.as_str())).collect::<Vec<_>>();
    assert!(missing.is_empty(), "no row for {missing:?}");

    let cells = rows.iter().enumerate().flat_map(|(at, row)| {
        (0..CONDITIONS.len()).map(move |condition| Cell { row, condition, n: 7000 + 10 * at as u64 + condition as u64 })
    });
    let cells = cells.filter(|cell| !matches!(cell.then(), Some(Cannot(_)))).collect::<Vec<_>>();
    let each = async |step: &dyn Fn(Cell<'_>) -> Steps| {
        let service = &service;
        stream::iter(cells.iter().map(|cell| (*cell, step(*cell))))
            .for_each_concurrent(8, async |(cell, steps)| {
                for (name, posts) in steps {
                    if name == "it" {
                        cell.send_it(service).await;
                    } else {
                        cell.send(service, name, posts).await;
                    }
                }
            })
            .await;
    };
    each(&|cell| vec![("before", (cell.row.before)(cell.n))]).await;
    service.idle().await;
    // What silence brings waits before anything can follow.
    each(&|cell| match cell.then() {
        Some(First(posts, _)) if cell.is_silent() => vec![("first", posts(cell.n)), ("it", vec![])],
        _ if cell.is_silent() => vec![("it", vec![])],
        _ => vec![],
    })
    .await;
    let silent = cells.iter().filter(|cell| cell.is_silent() && matches!(cell.then(), None | Some(After(..))));
    let silent = silent.map(|cell| (cell.row.kind, cell.n.to_string())).collect::<Vec<_>>();
    eventually("silence is noticed", async || {
        let ledger = service.ledger().await;
        let noticed = |(kind, number): &(&str, String)| {
            ledger.iter().any(|line| line["kind"] == *kind && numbered(line["subject"].as_str().unwrap(), number))
        };
        silent.iter().all(noticed).then_some(())
    })
    .await;
    each(&|cell| match cell.then() {
        Some(After(posts, _)) if cell.is_silent() => vec![("after", posts(cell.n))],
        Some(After(posts, _)) => vec![("it", vec![]), ("after", posts(cell.n))],
        _ if cell.is_silent() => vec![],
        Some(First(posts, _)) => vec![("first", posts(cell.n)), ("it", vec![])],
        _ => vec![("it", vec![])],
    })
    .await;
    let told = Told::by(&service).await;
    let wrong = cells.iter().filter_map(|cell| cell.wrong(&told)).collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{} of {} cells are wrong:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}

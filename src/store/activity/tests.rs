//! Pages of a ledger that was filled by SQL.

#![expect(clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;

use super::*;
use crate::reason::Reason;
use crate::store::tests::Place;
use crate::template::Message;

const TEAMS: [Option<&str>; 3] = [Some("web"), Some("data"), None];
const SUBJECTS: [&str; 5] = ["acme/ingest#1", "acme/ingest-api#1", "acme/ingest:main", "DATA-1", "DATABASE-1"];
const STATES: [EntryState; 4] = [EntryState::Held, EntryState::Sent, EntryState::Failed, EntryState::Suppressed];
const KINDS: [&str; 3] = ["pull_request.merged", "pull_request.draft", "ticket.done"];

/// A line that is inserted: when, and a choice for each of its other columns.
#[derive(Debug, Clone)]
struct Line {
    at: i64,
    team: usize,
    subject: usize,
    state: usize,
    kind: usize,
    words: usize,
}

const WORDS: [Option<&str>; 4] =
    [None, Some("Straße gesperrt"), Some("The Schema changes"), Some("a \"paragraph\" too")];

fn line() -> impl Strategy<Value = Line> {
    (0..40_i64, 0..3_usize, 0..5_usize, 0..4_usize, 0..3_usize, 0..4_usize)
        .prop_map(|(at, team, subject, state, kind, words)| Line { at, team, subject, state, kind, words })
}

fn sought() -> impl Strategy<Value = Sought> {
    let thread = prop::option::of(prop::sample::select(vec!["DATA-1", "acme/ingest#1", "nowhere"]));
    let words = prop::sample::select(vec![
        vec![],
        vec!["schema"],
        vec!["STRASSE"],
        vec!["straße"],
        vec!["the", "schema"],
        vec!["paragraph"],
    ]);
    (
        prop::option::of(prop::sample::select(vec!["web", "data"])),
        prop::option::of(prop::sample::select(vec!["acme/ingest", "DATA", "acme"])),
        thread,
        prop::option::of(prop::sample::select(STATES.to_vec())),
        prop::option::of(0..3_usize),
        (prop::option::of(0..40_i64), prop::option::of(0..40_i64)),
        words,
    )
        .prop_map(|(team, repository, thread, state, kind, (since, until), words)| Sought {
            team: team.map(str::to_owned),
            repository: repository.map(str::to_owned),
            thread: thread.map(str::to_owned),
            kinds: kind.map(|kind| vec![KINDS[kind].to_owned()]),
            state,
            code: None,
            since: since.map(moment),
            until: until.map(moment),
            words: words.into_iter().map(str::to_owned).collect(),
        })
}

fn moment(at: i64) -> Timestamp {
    Timestamp::from_millisecond(at).unwrap()
}

fn message(words: &str) -> Message {
    let inline = serde_json::json!({ "subject": "PR", "body": [{ "paragraph": [{ "text": words }] }], "why": "" });
    serde_json::from_value(inline).unwrap()
}

/// The subject's conversation: half of them belong to one of another name.
fn thread_of(subject: &str) -> &str {
    if subject == "acme/ingest#1" { "DATA-1" } else { subject }
}

async fn store(place: &Place, lines: &[Line]) -> Store {
    let (store, _) = Store::scratch(place.store()).await.unwrap();
    let lines = lines.to_vec();
    let written = store.write(move |tx| {
        tx.run("INSERT INTO subject (key, state, thread) VALUES ('acme/ingest#1', '{}', 'DATA-1')", [])?;
        for (id, line) in (1_i64..).zip(&lines) {
            tx.run(
                "INSERT INTO delivery (id, source, delivery_key, name, received_at, waits, body) VALUES (:id, 'github', :key, '', 0, 0, x'')",
                named_params! { ":id": id, ":key": id.to_string() },
            )?;
            let subject = SUBJECTS[line.subject];
            tx.run(
                "INSERT INTO ledger (id, delivery_id, line, source, kind, subject, thread, team, rule, state, reason, at, message)
                 VALUES (:id, :id, 1, :source, :kind, :subject, :thread, :team, :team, :state, :reason, :at, :message)",
                named_params! { ":id": id, ":source": if subject.contains('/') { "github" } else { "jira" },
                    ":kind": KINDS[line.kind], ":subject": subject, ":thread": thread_of(subject),
                    ":team": TEAMS[line.team], ":state": STATES[line.state].as_str(), ":reason": Json(Reason::Sending),
                    ":at": line.at, ":message": WORDS[line.words].map(|words| Json(message(words))) },
            )?;
        }
        Ok(())
    });
    written.await.unwrap();
    store
}

/// The ids of the lines that fit, newest first, as one would pick them by hand.
fn fitting(lines: &[Line], sought: &Sought) -> Vec<i64> {
    let fits = |line: &Line| {
        let (subject, team) = (SUBJECTS[line.subject], TEAMS[line.team]);
        let thread = sought.thread.as_deref().map(thread_of);
        let repository = match subject {
            "acme/ingest#1" | "acme/ingest:main" => "acme/ingest",
            "acme/ingest-api#1" => "acme/ingest-api",
            other => other.split_once('-').unwrap().0,
        };
        let text = format!("{subject}\n{}", WORDS[line.words].map_or(String::new(), |words| format!("PR\n{words}")));
        sought.team.as_deref().is_none_or(|wanted| team == Some(wanted))
            && sought.repository.as_deref().is_none_or(|wanted| repository == wanted)
            && thread.is_none_or(|wanted| thread_of(subject) == wanted)
            && sought.kinds.as_ref().is_none_or(|kinds| kinds.iter().any(|kind| kind == KINDS[line.kind]))
            && sought.state.is_none_or(|state| STATES[line.state] == state)
            && sought.since.is_none_or(|since| moment(line.at) >= since)
            && sought.until.is_none_or(|until| moment(line.at) <= until)
            && sought.words.iter().all(|word| text.to_lowercase().contains(&word.to_lowercase()))
    };
    let mut fitting =
        (1_i64..).zip(lines).filter(|(_, line)| fits(line)).map(|(id, line)| (line.at, id)).collect::<Vec<_>>();
    fitting.sort_unstable();
    fitting.into_iter().rev().map(|(_, id)| id).collect()
}

/// All lines, page by page.
async fn paged(store: &Store, sought: &Sought, (most, budget): (usize, Duration)) -> Vec<i64> {
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let wanted = sought.clone();
        let page = store.read(move |tx| tx.page(wanted, (after, most), &|_| true, budget)).await.unwrap();
        assert!(page.lines.len() <= most);
        ids.extend(page.lines.iter().map(|line| line.row));
        let Some(next) = page.next else { return ids };
        // As a link has it.
        after = Some(next.to_string().parse().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn all_pages_together_are_the_whole_filtered_list(
        lines in prop::collection::vec(line(), 0..150),
        filters in prop::collection::vec(sought(), 6),
        most in 1..9_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let place = Place::new();
            let store = store(&place, &lines).await;
            for sought in filters {
                let expected = fitting(&lines, &sought);
                assert_eq!(paged(&store, &sought, (most, Duration::from_secs(9))).await, expected, "{sought:?}");
                // With no time at all each page looks at a few lines, and none is lost.
                assert_eq!(paged(&store, &sought, (most, Duration::ZERO)).await, expected, "{sought:?}");
            }
        });
    }
}

/// Every combination of filters.
fn combinations() -> Vec<Sought> {
    let some = |text: &str, is_set: bool| is_set.then(|| text.to_owned());
    let mut all = Vec::new();
    for state in [None, Some(EntryState::Sent), Some(EntryState::Held), Some(EntryState::Failed)] {
        for bits in 0..128_u32 {
            let has = |bit: u32| bits & (1 << bit) > 0;
            all.push(Sought {
                team: some("web", has(0)),
                repository: some("acme/ingest", has(1)),
                thread: some("DATA-1", has(2)),
                kinds: has(3).then(|| vec!["pull_request.merged".to_owned()]),
                state,
                code: has(4).then_some(Code::Sending),
                since: has(5).then(|| moment(1)),
                until: has(5).then(|| moment(9)),
                words: if has(6) { vec!["schema".to_owned(), "straße".to_owned()] } else { Vec::new() },
            });
        }
    }
    all
}

/// How SQLite goes about statements, with their parameters left out.
fn plan(tx: &Tx<'_>, sql: &str) -> Vec<String> {
    let sql = regex::Regex::new(":[a-z][a-z0-9]*").unwrap().replace_all(sql, "'[]'");
    tx.rows(&format!("EXPLAIN QUERY PLAN {sql}"), [], |row| row.get::<_, String>("detail")).unwrap()
}

#[tokio::test]
async fn no_page_scans_or_sorts_a_table() {
    let place = Place::with_file();
    let store = store(&place, &[]).await;
    let read = store.read(|tx| {
        let mut statements = vec![shown_where("l.id = :id"), shown_where("l.delivery_id = :delivery ORDER BY l.line")];
        for sought in combinations() {
            let (conditions, _) = narrow(&sought);
            statements.push(next_lines(Along::of(&sought), &conditions));
            let ids = "l.id IN (SELECT value FROM json_each(:ids))";
            statements.push(shown_where(&format!("{ids}{conditions}")));
        }
        for sql in statements {
            for step in plan(tx, &sql) {
                // What is scanned is a list of parameters.
                let is_table =
                    step.starts_with("SCAN") && !step.contains("json_each") && !step.contains("CONSTANT ROW");
                assert!(
                    !is_table && (!step.contains("TEMP B-TREE") || step.contains("json_group_array")),
                    "{step}: {sql}"
                );
            }
        }
        Ok(())
    });
    read.await.unwrap();
}

/// A line's index is the one that its filter is for.
#[test]
fn what_is_selective_is_read_along_its_index() {
    let thread = Some("DATA-1".to_owned());
    let team = Some("web".to_owned());
    let held = Some(EntryState::Held);
    let of = |sought: Sought| Along::of(&sought);
    assert_eq!(of(Sought { thread, team: team.clone(), state: held, ..Sought::default() }), Along::Thread);
    assert_eq!(of(Sought { team: team.clone(), state: held, ..Sought::default() }), Along::Open);
    assert_eq!(of(Sought { team, state: Some(EntryState::Sent), ..Sought::default() }), Along::Team);
    assert_eq!(of(Sought { state: Some(EntryState::Sent), ..Sought::default() }), Along::Time);
}

/// A million lines of ninety days, of which few are of the team `rare`, the repository `acme/rare` or have the word `needle`.
const MILLION: &str = "
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
    INSERT INTO ledger (id, delivery_id, line, source, kind, subject, thread, team, rule, state, reason, at, message)
    SELECT i, 1, i, 'github', 'pull_request.merged', iif(i % 100000 = 7, 'acme/rare#', 'acme/ingest#') || (i / 9),
           'acme/ingest#' || (i / 9), iif(i % 100000 = 7, 'rare', iif(i % 3 > 0, 'team-' || (i % 40), NULL)),
           iif(i % 3 > 0, 'all', NULL), iif(i % 50000 = 9, 'failed', iif(i % 3 = 1, 'sent', 'suppressed')), '{\"code\":\"sending\"}',
           i * 7776, iif(i % 3 = 1, '{\"subject\":\"Ana merged ' || iif(i % 300000 = 1, 'the needle', 'a change') || '\",\"body\":[{\"paragraph\":[{\"text\":\"'
           || hex(zeroblob(200)) || '\"}]}],\"why\":\"\"}', NULL) FROM n";

#[tokio::test]
#[ignore = "a million lines take a minute: `.ci/run` plays it"]
async fn every_page_of_a_million_lines_ends_or_goes_on() {
    let place = Place::with_file();
    let store = store(&place, &[Line { at: 0, team: 2, subject: 0, state: 1, kind: 0, words: 0 }]).await;
    store.write(|tx| tx.run("DELETE FROM ledger", []).and_then(|_| tx.run(MILLION, []))).await.unwrap();
    let newest = Cursor { at: moment(i64::MAX >> 16), id: i64::MAX };
    let middle = Cursor { at: moment(500_000 * 7776), id: 500_000 };
    let words = [vec![], vec!["needle".to_owned()], vec!["nothing".to_owned()], vec!["straße".to_owned()]];
    for (team, repository) in
        [(None, None), (Some("rare"), None), (None, Some("acme/rare")), (Some("team-1"), Some("acme/none"))]
    {
        for state in [None, Some(EntryState::Failed), Some(EntryState::Held), Some(EntryState::Ignored)] {
            for words in &words {
                for after in [newest, middle] {
                    let sought = Sought {
                        team: team.map(str::to_owned),
                        repository: repository.map(str::to_owned),
                        state,
                        words: words.clone(),
                        ..Sought::default()
                    };
                    let page = store.page(sought, (Some(after), 50), |_| true).await.unwrap();
                    assert!(page.next.is_some() || page.lines.len() < 50);
                }
            }
        }
    }
    // What an index finds is found at once, however far back it is.
    let rare =
        store.page(Sought { team: Some("rare".to_owned()), ..Sought::default() }, (None, 50), |_| true).await.unwrap();
    assert_eq!((rare.lines.len(), rare.next.is_none()), (7, true));
    let failed = Sought { state: Some(EntryState::Failed), ..Sought::default() };
    assert_eq!(store.page(failed, (None, 50), |_| true).await.unwrap().lines.len(), 20);
}

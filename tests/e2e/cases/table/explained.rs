//! `explain` shows what the service would send of a first webhook, and nothing that it would not.

use super::*;

/// Somebody who does it.
const DOERS: [Option<&str>; 3] = [None, Some("renovate[bot]"), Some("quiet")];

/// For each team: how many messages there are.
type Counts = std::collections::BTreeMap<String, usize>;

fn count<'v>(lines: impl Iterator<Item = &'v Value>) -> Counts {
    let mut counts = Counts::new();
    lines.for_each(|line| *counts.entry(line["team"].as_str().unwrap().to_owned()).or_default() += 1);
    counts
}

#[tokio::test]
async fn explain_shows_what_is_sent_and_nothing_else() {
    // What needs nothing before it, and no silence after it.
    let at_once = |row: &Row| (row.before)(1).is_empty() && !is_silent(row.kind);
    let rows = rows().into_iter().filter(at_once).collect::<Vec<_>>();
    let teams =
        rows.iter().flat_map(|row| teams(row.kind)).map(|team| team.replace("settle = \"20s\"", "settle = \"0s\""));
    let service = serve(&teams.collect::<Vec<_>>()).await;
    let mut explained = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        for (by, doer) in DOERS.iter().enumerate() {
            let n = 9000 + 10 * (at * DOERS.len() + by) as u64;
            let post = (row.it)(n).of(&format!("acme/r{n}")).actors(n);
            // In every kind's payload: a level that Jira sets, or the doer.
            let post = match (post.to, doer) {
                ("jira", Some("quiet")) => post.with(json!({ "issue": { "fields": level() } })),
                ("jira", _) | (_, None) => post,
                (_, Some(doer)) => post.by(doer),
            };
            let (delivery, file) = (format!("{}/{by}", row.kind), format!("{n}.json"));
            service.write(&file, &post.body.to_string());
            let (code, out, err) = match post.to {
                "jira" => service.run(&["explain", "--source", "jira", &file, "--json"]).await,
                event => service.run(&["explain", "--source", "github", "--event", event, &file, "--json"]).await,
            };
            assert_eq!(code, 0, "{delivery}: {err}");
            let shown: Value = serde_json::from_str(&out).unwrap();
            send(&service, &delivery, &post).await;
            explained.push((delivery, count(shown["messages"].as_array().unwrap().iter())));
        }
    }
    let told = Told::by(&service).await;
    let wrong = explained.into_iter().filter_map(|(delivery, shown)| {
        let lines = told.lines(&delivery);
        let sent = count(lines.iter().copied().filter(|line| line["state"] == "sent"));
        let reasons = lines.iter().map(|line| format!("{}: {}", line["state"], line["reason"])).collect::<Vec<_>>();
        (sent != shown).then(|| format!("{delivery}: explain shows {shown:?}, and sent is {sent:?}: {reasons:?}"))
    });
    let wrong = wrong.collect::<Vec<_>>();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Webhooks in, and what came of them: each situation and its siblings in one service, all that is wrong in one report.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use serde_json::Value;

use super::payload::Post;
use crate::support::{Service, read_mail};

/// One situation: what is sent, and what has to come of it.
pub struct Sibling {
    name: &'static str,
    posts: Vec<Post>,
    never: Vec<String>,
    says: Vec<String>,
    messages: Vec<(String, usize)>,
    because: Vec<(usize, &'static str)>,
    unsent: Vec<usize>,
}

/// A situation in which this is sent; its deliveries are `NAME/0`, `NAME/1` and so on.
pub fn sibling(name: &'static str, posts: impl Into<Vec<Post>>) -> Sibling {
    let (never, says, messages, because, unsent) = Default::default();
    Sibling { name, posts: posts.into(), never, says, messages, because, unsent }
}

impl Sibling {
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The same to send, with nothing to come of it yet.
    pub fn again(&self) -> Self {
        sibling(self.name, self.posts.clone())
    }

    /// These words stand nowhere: in no message, not in the ledger, not on the console.
    pub fn never(mut self, words: impl Into<String>) -> Self {
        self.never.push(words.into());
        self
    }

    /// Some message has these words.
    pub fn says(mut self, words: impl Into<String>) -> Self {
        self.says.push(words.into());
        self
    }

    /// So many messages have this word, which is one of this situation's alone.
    pub fn messages(mut self, count: usize, word: impl Into<String>) -> Self {
        self.messages.push((word.into(), count));
        self
    }

    /// What was sent as number `post`, from 0, has a line in the ledger with these words in its reason.
    pub fn because(mut self, post: usize, words: &'static str) -> Self {
        self.because.push((post, words));
        self
    }

    /// What was sent as number `post` is not told, and not told with something else.
    pub fn unsent(mut self, post: usize) -> Self {
        self.unsent.push(post);
        self
    }
}

/// A message as its reader has it.
#[derive(Debug)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// The first message of its conversation
    pub root: String,
}

impl Mail {
    pub fn read(raw: &[u8]) -> Self {
        let mail = read_mail(raw);
        let own = mail.message_id().unwrap_or_default().to_owned();
        let root = mail.references().as_text_list().and_then(|list| Some(list.first()?.to_string()));
        Self {
            to: mail.to().and_then(|to| to.first()?.address().map(str::to_owned)).unwrap_or_default(),
            subject: mail.subject().unwrap_or_default().to_owned(),
            text: mail.body_text(0).unwrap_or_default().into_owned(),
            html: mail.body_html(0).unwrap_or_default().into_owned(),
            root: root.unwrap_or(own),
        }
    }

    /// Whether it has this text as a word of its own: `DATA-1` is not in `DATA-12`.
    pub fn has(&self, word: &str) -> bool {
        has(&self.subject, word) || has(&self.text, word)
    }
}

fn has(text: &str, word: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
    let begins = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric());
    text.match_indices(word).any(|(at, _)| begins(&text[..at]) && ends(&text[at + word.len()..]))
}

/// What came of all that was sent.
pub struct Told {
    pub mails: Vec<Mail>,
    pub ledger: Vec<Value>,
    wrong: Vec<String>,
}

impl Told {
    /// What there is by now.
    pub async fn by(service: &Service) -> Self {
        let settled = AssertUnwindSafe(service.idle()).catch_unwind().await;
        let ledger = settled.unwrap_or_else(|panic| {
            let log = service.log();
            let trouble = log.lines().filter(|line| !line.contains("\"INFO\"")).collect::<Vec<_>>();
            eprintln!("what the service had to say:\n{}", trouble.join("\n"));
            std::panic::resume_unwind(panic)
        });
        let mails = service.mails().iter().map(|raw| Mail::read(raw)).collect();
        Self { mails, ledger, wrong: Vec::new() }
    }

    /// The ledger's lines of a delivery such as `NAME/0`.
    pub fn lines(&self, delivery: &str) -> Vec<&Value> {
        self.ledger.iter().filter(|line| line["delivery"] == delivery).collect()
    }

    /// In which states they are, for one team.
    pub fn states(&self, delivery: &str, team: &str) -> Vec<&str> {
        let lines = self.lines(delivery).into_iter().filter(|line| line["team"] == team);
        lines.map(|line| line["state"].as_str().unwrap()).collect()
    }

    /// Their reasons, as one text.
    pub fn reasons(&self, delivery: &str) -> String {
        let reasons = self.lines(delivery).into_iter().map(|line| line["reason"].as_str().unwrap());
        reasons.collect::<Vec<_>>().join("\n")
    }

    pub fn with(&self, word: &str) -> Vec<&Mail> {
        self.mails.iter().filter(|mail| mail.has(word)).collect()
    }

    /// The one message that has this word.
    pub fn one(&self, word: &str) -> &Mail {
        let found = self.with(word);
        assert!(found.len() == 1, "{} messages have {word:?}:\n{}", found.len(), self.shown(word));
        found[0]
    }

    /// Notes what is wrong, for [`Self::finish`].
    pub fn unless(&mut self, holds: bool, wrong: impl Into<String>) {
        if !holds {
            self.wrong.push(wrong.into());
        }
    }

    /// Fails with all that is wrong.
    pub fn finish(self) {
        assert!(self.wrong.is_empty(), "{} wrong:\n\n{}\n", self.wrong.len(), self.wrong.join("\n\n"));
    }

    fn shown(&self, word: &str) -> String {
        let mails = self.mails.iter().filter(|mail| mail.has(word));
        mails.map(|mail| format!("    {}: {} | {}\n", mail.to, mail.subject, mail.text.replace('\n', " "))).collect()
    }

    fn check(&mut self, sibling: &Sibling, kept: &str) {
        let name = sibling.name;
        let said = |mail: &Mail| format!("{}\n{}\n{}", mail.subject, mail.text, mail.html);
        for words in &sibling.never {
            let told = self.mails.iter().find(|mail| said(mail).contains(words)).map(|mail| mail.text.clone());
            self.unless(told.is_none(), format!("{name}: {words:?} is told: {}", told.unwrap_or_default()));
            self.unless(!kept.contains(words), format!("{name}: {words:?} is kept in the ledger or on the console"));
        }
        for words in &sibling.says {
            let told = self.mails.iter().any(|mail| said(mail).contains(words));
            self.unless(told, format!("{name}: no message says {words:?}; {}", self.outcome(sibling)));
        }
        for (word, count) in &sibling.messages {
            let (found, shown) = (self.with(word).len(), self.shown(word));
            let wrong = format!("{name}: {found} messages, not {count}; {}\n{shown}", self.outcome(sibling));
            self.unless(found == *count, wrong);
        }
        for post in &sibling.unsent {
            let sent = self.states(&format!("{name}/{post}"), "web").contains(&"sent");
            self.unless(!sent, format!("{name}: post {post} is told; {}", self.outcome(sibling)));
        }
        for (post, words) in &sibling.because {
            let reasons = self.reasons(&format!("{name}/{post}"));
            let wrong = format!("{name}: post {post} has not {words:?} in its reasons: {reasons}");
            self.unless(reasons.contains(words), wrong);
        }
    }

    /// What the ledger says of a situation.
    fn outcome(&self, sibling: &Sibling) -> String {
        let line =
            |line: &Value| format!("\n    {}: {} {} {}", line["delivery"], line["kind"], line["state"], line["reason"]);
        let of = |post| self.lines(&format!("{}/{post}", sibling.name)).into_iter().map(line).collect::<String>();
        (0..sibling.posts.len()).map(of).collect()
    }
}

/// The team web, to whom mail goes, with its rules.
pub fn web(settle: &str, rules: &str) -> String {
    format!("team = \"web\"\nmembers = [\"bo\"]\nto = [\"email:web@example.com\"]\nsettle = \"{settle}\"\n{rules}")
}

/// One rule on these kinds.
pub fn on(kinds: &[&str]) -> String {
    format!("\n[[rule]]\nname = \"rule\"\non = {kinds:?}\n")
}

/// Sends one webhook, which is taken in.
pub async fn send(service: &Service, delivery: &str, post: &Post) {
    let answer = match post.to {
        "jira" => service.jira(delivery, &post.body).await,
        event => service.github_with(event, delivery, &post.headers, post.body.to_string().into_bytes()).await,
    };
    assert_eq!(answer.status, 202, "{delivery}: {}", answer.body);
}

/// A service with these team files.
pub async fn serve(teams: &[String]) -> Service {
    let mut service = Service::new(&teams[0], "");
    service.configure("server", "console = true\n");
    for (number, team) in teams.iter().enumerate().skip(1) {
        service.write(&format!("rules/team-{number}.toml"), team);
    }
    let (code, out, err) = service.run(&["check"]).await;
    assert_eq!(code, 0, "the rules are not good: {out}{err}");
    service.start().await;
    service
}

/// Sends all that the situations consist of, waits until all has settled, and looks at what came of it.
pub async fn play(service: &Service, siblings: &[Sibling]) -> Told {
    for (at, sibling) in siblings.iter().enumerate() {
        for (number, post) in sibling.posts.iter().enumerate() {
            if post.to.is_empty() {
                service.idle().await;
            } else {
                send(service, &format!("{}/{number}", sibling.name), &post.clone().actors(at)).await;
            }
        }
    }
    let mut told = Told::by(service).await;
    let kept = if siblings.iter().any(|sibling| !sibling.never.is_empty()) {
        kept(service, &told).await
    } else {
        String::new()
    };
    for sibling in siblings {
        told.check(sibling, &kept);
    }
    told
}

/// All that the ledger and the console show.
async fn kept(service: &Service, told: &Told) -> String {
    let mut ids = told.ledger.iter().filter_map(|line| line["id"].as_str()?.split('.').next()).collect::<Vec<_>>();
    ids.dedup();
    let shown = join_all(ids.into_iter().map(async |id| service.run(&["ledger", "show", id, "--json"]).await.1)).await;
    let console = service.get("/").await.text().await.unwrap();
    format!("{:?}\n{console}\n{}", told.ledger, shown.concat())
}

/// Plays the situations in a service of their own, and fails if anything is wrong.
pub async fn tell(teams: &[String], siblings: &[Sibling]) {
    play(&serve(teams).await, siblings).await.finish();
}

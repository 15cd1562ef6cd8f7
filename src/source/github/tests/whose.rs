//! Whose action a push is.

use super::*;

fn author(name: &str, username: Option<&str>) -> Value {
    json!({"message": "Add ids", "author": {"name": name, "username": username}})
}

/// Who did it, the others, and the pull request that it came with.
fn told(sender: Value, head: Value, commits: Vec<Value>) -> (Option<String>, Vec<String>, Option<u64>) {
    let mut body = with(fixture!("push"), "/sender", sender);
    body["head_commit"] = head;
    body["commits"] = json!(commits);
    let event = events("push", &body).remove(0);
    let About::Thing(push) = &event.about else { panic!() };
    let doers = event.doers.iter().map(|doer| doer.login.clone()).collect();
    (event.actor.map(|actor| actor.login), doers, push.pull_request)
}

#[test]
fn what_a_machine_lands_is_its_authors_doing() {
    let ana = || author("Ana Sá", Some("ana"));
    let bo = || author("Bo", Some("bo"));
    let robot = || author("renovate[bot]", Some("renovate[bot]"));
    let bors = |message: &str| json!({"message": message, "author": {"name": "bors", "username": "bors"}});
    let queue = json!({"login": "github-merge-queue[bot]", "type": "Bot"});
    for (head, commits, actor, doers, number) in [
        (ana(), vec![ana()], "ana", &[][..], None),
        (ana(), vec![bo(), ana()], "ana", &["bo"], None),
        (bors("Merge #45"), vec![ana(), bo(), ana()], "ana", &["bo"], None),
        (author("Cy", None), vec![bo(), author("Cy", None)], "Cy", &["bo"], None),
        (ana(), vec![author("Ana Sá", None), ana()], "ana", &[], None),
        (ana(), vec![author("Ana Sá", Some("ana-two"))], "ana", &["ana-two"], None),
        (robot(), vec![robot(), author("dependabot[bot]", None)], "github-merge-queue[bot]", &[], None),
        (bors("Merge #45"), vec![], "github-merge-queue[bot]", &[], Some(45)),
        (bors("Auto merge of #45 - ana:ids, r=bo"), vec![robot()], "github-merge-queue[bot]", &[], Some(45)),
        (json!({"message": "Add ids (#45)"}), vec![json!({"message": "x"})], "github-merge-queue[bot]", &[], Some(45)),
        (json!({"message": "Add ids"}), vec![], "github-merge-queue[bot]", &[], None),
        (json!(null), vec![], "github-merge-queue[bot]", &[], None),
    ] {
        let doers = doers.iter().map(|doer| (*doer).to_owned()).collect();
        assert_eq!(told(queue.clone(), head.clone(), commits), (Some(actor.to_owned()), doers, number), "{head}");
    }
    for login in ["bors", "acme-bors", "mergify[bot]", "kodiakhq[bot]", "dependabot-preview", "marge-bot", "ci[bot]"] {
        let sender = json!({"login": login, "type": "User"});
        assert_eq!(told(sender, ana(), vec![ana()]).0.as_deref(), Some("ana"), "{login}");
    }
    let li = json!({"login": "li", "type": "User"});
    assert_eq!(
        told(li.clone(), ana(), vec![bo()]),
        (Some("li".to_owned()), vec![], None),
        "people push for themselves"
    );
    let merge = json!({"message": "Merge pull request #45 from x/y"});
    assert_eq!(told(li, merge.clone(), vec![]).2, None);

    let mut by_name = without(fixture!("push"), "", "sender");
    by_name["pusher"] = json!({"name": "github-merge-queue[bot]"});
    by_name["head_commit"] = ana();
    assert_eq!(events("push", &by_name)[0].actor.as_ref().unwrap().login, "ana");
}

#[test]
fn machines_are_known_by_type_and_by_name() {
    for (login, account, bot) in [
        ("ana", "User", false),
        ("ci", "Bot", true),
        ("renovate[bot]", "User", true),
        ("Dependabot", "User", true),
        ("dependabot-preview", "User", true),
        ("github-merge-queue", "User", true),
        ("dependabotfan", "User", false),
    ] {
        let body = with(fixture!("push"), "/sender", json!({"login": login, "type": account}));
        assert_eq!(events("push", &body)[0].actor.as_ref().unwrap().bot, bot, "{login}");
    }
}

#[test]
fn nobody_is_blamed_for_what_runs_by_the_clock() {
    let run = fixture!("workflow_run");
    let event = events("workflow_run", &run).remove(0);
    assert_eq!(event.actor, None);
    let pushed = with(run, "/workflow_run/event", json!("push"));
    assert_eq!(events("workflow_run", &pushed)[0].actor.as_ref().unwrap().login, "ana");
}

//! What a ticket's update reports, and what it leaves out.

use super::*;
use crate::event::Undoes;

const LABELS: [Option<&str>; 6] = [None, Some("labels"), None, None, None, Some("a")];
const SUMMARY: [Option<&str>; 6] = [None, Some("summary"), None, Some("x"), None, Some("y")];
const STATUS: [Option<&str>; 6] = [Some("status"), Some("Status"), None, Some("To Do"), None, Some("Doing")];

fn fields(body: &Value) -> Vec<String> {
    events(body).into_iter().filter_map(|event| Some(event.change?.field)).collect()
}

#[test]
fn an_update_tells_each_of_its_changes() {
    assert_eq!(fields(&changed(&[LABELS, SUMMARY])), ["labels", "summary"]);
    assert_eq!(
        fields(&changed(&[LABELS, STATUS, SUMMARY])),
        ["status", "labels", "summary"],
        "the most significant first"
    );
    let moved = [None, Some("Key"), None, Some("OLD-1"), None, Some("DATA-123")];
    let project = [None, Some("project"), None, Some("Old"), None, Some("Data")];
    let assigned = [None, Some("assignee"), None, None, None, Some("Ana")];
    assert_eq!(kinds(&changed(&[project, assigned, moved])), ["ticket.moved", "ticket.assigned"]);
    assert_eq!(fields(&changed(&[project])), ["project"], "what only changes its project says so");
    assert_eq!(kinds(&changed(&[])), ["ticket.updated"], "an empty changelog");
}

#[test]
fn what_jira_writes_for_itself_is_no_news() {
    for (id, name, said) in [
        (None, "Rank", "Ranked higher"),
        (Some("customfield_10019"), "Rang", "Ranked lower"),
        (None, "timespent", "3600"),
        (Some("timespent"), "Zeitaufwand", "3600"),
        (None, "Time Spent", "3600"),
        (Some("timeestimate"), "timeestimate", "0"),
        (Some("timeoriginalestimate"), "timeoriginalestimate", "7200"),
        (None, "WorklogId", "10001"),
        (None, "aggregatetimespent", "3600"),
        (None, "Workflow", "Simple"),
        (Some("security"), "Sicherheitsstufe", "Restricted"),
        (None, "Security Level", "Restricted"),
    ] {
        let custom = id.is_some_and(|id| id.starts_with("custom"));
        let item = |item: [Option<&str>; 6]| {
            let mut body = changed(&[item]);
            body["changelog"]["items"][0]["fieldtype"] = json!(if custom { "custom" } else { "jira" });
            body
        };
        let noise = [id, Some(name), None, None, None, Some(said)];
        let [event] = events(&item(noise)).try_into().unwrap();
        let undoing = event.undoing.unwrap();
        assert_eq!((undoing.of, event.change), (Undoes::Nothing, None), "{name}");
        let named = if said == "Restricted" { "its security level".to_owned() } else { format!("`{name}`") };
        assert_eq!(undoing.because, format!("only {named} changed, which isn't news by itself"));
        assert_eq!(event.once.as_deref(), Some("jira-update:10040:10100"));

        let mut beside = item(noise);
        beside["changelog"]["items"].as_array_mut().unwrap().push(changed(&[LABELS])["changelog"]["items"][0].clone());
        assert_eq!(fields(&beside), ["labels"], "{name}");
    }
    let both = changed(&[["timespent"; 6].map(Some), ["WorklogId"; 6].map(Some), ["timespent"; 6].map(Some)]);
    let because = events(&both).remove(0).undoing.unwrap().because;
    assert_eq!(because, "only `timespent`, `WorklogId` changed, which isn't news by itself");
}

#[test]
fn what_people_do_is_told() {
    for name in
        ["Attachment", "Sprint", "labels", "Epic Link", "Story Points", "RemoteIssueLink", "description", "components"]
    {
        let [event, ..] = &events(&changed(&[[None, Some(name), None, None, None, Some("x")]]))[..] else { panic!() };
        assert_eq!((event.kind.as_str(), &event.undoing), ("ticket.updated", &None), "{name}");
    }
}

#[test]
fn what_became_of_a_ticket_is_part_of_its_end() {
    let resolution = [None, Some("resolution"), None, None, Some("10001"), Some("Won't Do")];
    assert_eq!(fields(&changed(&[resolution, STATUS])), ["status"]);
    assert_eq!(fields(&changed(&[resolution])), ["resolution"], "alone it is a change of its own");
}

#[test]
fn readers_know_fields_by_names() {
    for (id, name, custom, called) in [
        (Some("duedate"), "Срок исполнения", false, "due date"),
        (None, "Fix Version", false, "fix version"),
        (Some("fixVersions"), "Lösungsversion", false, "fix version"),
        (None, "summary", false, "title"),
        (Some("issuetype"), "Vorgangstyp", false, "type"),
        (None, "labels", false, "labels"),
        (Some("status"), "Status", false, "status"),
        (None, "Component", false, "components"),
        (None, "Attachment", false, "attachments"),
        (Some("customfield_10020"), "Sprint", true, "Sprint"),
        (Some("customfield_10072"), "QA Steps", true, "QA Steps"),
        (Some("customfield_10073"), "Status", true, "Status"),
        (Some("customfield_10021"), "Flagged", true, "flag"),
        (Some("customfield_10074"), "", true, "customfield_10074"),
    ] {
        let mut body = changed(&[[id, Some(name), None, None, None, Some("2024-06-14")]]);
        body["changelog"]["items"][0]["fieldtype"] = json!(if custom { "custom" } else { "jira" });
        let change = events(&body).remove(0).change.unwrap();
        assert_eq!(change.name.as_deref(), Some(called), "{name}");
    }
}

#[test]
fn a_description_is_told_by_what_it_says() {
    let from = "h2. Why\n\n[~accountid:5b10] says *so*\n/assume x";
    let body = changed(&[[Some("description"), None, None, Some(from), None, Some("{code}x{code}\n\nIt is *now*.")]]);
    let change = events(&body).remove(0).change.unwrap();
    assert_eq!((change.from.as_deref(), change.to.as_deref()), (Some("Why"), Some("It is now.")));
}

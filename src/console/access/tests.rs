//! Who may see and do what.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::grant::{self, Identity};
use super::*;
use crate::channel::ChannelSettings;
use crate::config::{Roles, Who};
use crate::rule::{self, Known, Team};

fn team(name: &str, more: &str) -> Team {
    let text = format!("team = \"{name}\"\nto = [\"mailbox\"]\n{more}\n");
    let available = ChannelSettings::default().available();
    rule::check("rules/x.toml", &text, Known { templates: &[].into(), channels: &available }).unwrap()
}

fn roles() -> Roles {
    let who = |texts: &[&str]| texts.iter().map(|text| Who::read(text).unwrap()).collect::<Vec<_>>();
    Roles {
        view: who(&["@example.com"]),
        team: BTreeMap::from([
            ("web".to_owned(), who(&["group:web"])),
            ("partner".to_owned(), who(&["group:partner"])),
            ("gone".to_owned(), who(&["group:gone"])),
        ]),
        operate: who(&["ana@example.com", "group:operators"]),
    }
}

fn visitor(mail: Option<&str>, groups: &[&str]) -> Option<Visitor> {
    let web = team("web", "");
    let partner = team("partner", "audience = \"outside\"\nowner = \"Pia@partner.example\"");
    let groups = groups.iter().map(|group| (*group).to_owned()).collect();
    let identity = Identity { who: "x".to_owned(), mail: mail.map(str::to_owned), groups };
    let grant = grant::of_person(&identity, &roles(), &[&web, &partner])?;
    let teams = grant.teams.iter().map(String::as_str).collect::<Vec<_>>();
    Some(Visitor::in_test(grant.role, &teams, grant.sight == Sight::Everything))
}

/// Each sort of visitor, and what they may see and do: for their team, for another one, and for all.
#[test]
fn who_may_do_what() {
    let visitors = [
        ("nobody in particular", visitor(Some("x@other.example"), &[])),
        ("an address that isn't verified", visitor(None, &[])),
        ("everybody in the company", visitor(Some("bo@example.com"), &[])),
        ("a member of web", visitor(None, &["web"])),
        ("an owner outside", visitor(Some("pia@PARTNER.example"), &[])),
        ("a partner of both", visitor(None, &["partner", "web"])),
        ("a partner within", visitor(Some("bo@example.com"), &["partner"])),
        ("a team without a file", visitor(None, &["gone"])),
        ("an operator", visitor(Some("Ana@example.com"), &[])),
        ("an operator by group", visitor(None, &["operators"])),
        ("this machine", Some(Visitor::local())),
    ];
    let teams = [Some("web"), Some("partner"), None];
    let mut table = format!("{:<31} role     sees        reads       changes     audit\n", "");
    for (name, visitor) in visitors {
        let Some(visitor) = visitor else {
            writeln!(table, "{name:<31} none").unwrap();
            continue;
        };
        let cells = |may: &dyn Fn(Option<&str>) -> bool| {
            let names = teams.iter().filter(|team| may(**team)).map(|team| team.map_or("*", |team| &team[..3]));
            names.collect::<Vec<_>>().join(" ")
        };
        let role = visitor.role.to_string();
        let sees = cells(&|team| visitor.sees(team));
        let reads = cells(&|team| visitor.reads(team));
        let changes = cells(&|team| visitor.may_change(team));
        let audit = if visitor.check_operate().is_ok() { "yes" } else { "" };
        writeln!(table, "{}", format!("{name:<31} {role:<8} {sees:<11} {reads:<11} {changes:<11} {audit}").trim_end())
            .unwrap();
        for team in teams {
            assert_eq!(visitor.check_change(team).is_ok(), visitor.may_change(team), "{name}: {team:?}");
        }
    }
    insta::assert_snapshot!(table);
}

/// Whoever can write to a repository can write themselves into its file, so that gives no role, and shows nothing private.
#[test]
fn a_repositorys_file_gives_nobody_a_role() {
    let own = team("web", "owner = \"pia@partner.example\"");
    let mut at_home = own.clone();
    at_home.home = Some("acme/web-app".to_owned());
    let owner = Identity { who: "x".to_owned(), mail: Some("pia@partner.example".to_owned()), groups: Vec::new() };
    let member = Identity { who: "y".to_owned(), mail: None, groups: vec!["web".to_owned()] };
    for (file, has_role, sight) in [(&own, true, Sight::Everything), (&at_home, false, Sight::OwnTeams)] {
        assert_eq!(grant::of_person(&owner, &roles(), &[file]).is_some(), has_role, "{:?}", file.home);
        assert!(grant::of_person(&member, &roles(), &[file]).unwrap().sight == sight, "{:?}", file.home);
    }
}

#[test]
fn whoever_may_not_change_something_hears_what_it_takes() {
    let said = |visitor: Option<Visitor>, team| visitor.unwrap().check_change(team).unwrap_err().to_string();
    insta::assert_snapshot!(said(visitor(Some("bo@example.com"), &[]), Some("web")), @"This takes the role `team` for web, or `operate`. You have the role `view`.");
    insta::assert_snapshot!(said(visitor(None, &["web"]), Some("partner")), @"This takes the role `team` for partner, or `operate`. You have the role `team` for web.");
    insta::assert_snapshot!(said(visitor(None, &["web"]), None), @"This takes the role `operate`. You have the role `team` for web.");
}

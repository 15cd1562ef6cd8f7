//! Every link in the pages for people leads somewhere, and every page of `docs/` is in the book.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_page_is_in_the_book() {
    let summary = fs::read_to_string("docs/SUMMARY.md").unwrap();
    for (path, _) in pages().into_iter().filter(|(path, _)| path.starts_with("docs")) {
        let name = path.strip_prefix("docs").unwrap().display().to_string();
        assert!(name == "SUMMARY.md" || summary.contains(&format!("({name})")), "{name} is missing");
    }
}

#[test]
fn links_lead_somewhere() {
    let pages = pages();
    let mut followed = 0;
    for (path, page) in &pages {
        for link in links(page).filter(|link| !link.starts_with("https://")) {
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, heading)| (file, Some(heading)));
            let target = if file.is_empty() { path.clone() } else { tidy(&path.parent().unwrap().join(file)) };
            assert!(target.exists(), "{}: {link} does not exist", path.display());
            // What is not in `docs/` is not in the book.
            let stays = !path.starts_with("docs") || target.starts_with("docs");
            assert!(stays, "{}: {link} leads out of the book", path.display());
            if let Some(heading) = heading {
                let known = headings(&pages[&target]).any(|known| known == heading);
                assert!(known, "{}: no heading for {link}", path.display());
            }
            followed += 1;
        }
    }
    assert!(followed > 80, "the pages have links: {followed}");
}

/// Every page for people: its path, and its text.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut folders: Vec<PathBuf> = ["docs", "deploy", "benches"].map(PathBuf::from).into();
    let mut paths: Vec<PathBuf> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(PathBuf::from).into();
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                paths.push(path);
            }
        }
    }
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

/// The lines of a page outside its blocks of code.
fn prose(page: &str) -> impl Iterator<Item = &str> {
    page.split("\n```").step_by(2).flat_map(str::lines)
}

/// Where a page's links lead, without what only looks like one in code.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let links = prose(page).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    links.filter(|link| !link.contains(['`', ' ', '{']))
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn headings(page: &str) -> impl Iterator<Item = String> {
    let headings = prose(page).filter(|line| line.starts_with('#')).filter_map(|line| line.split_once("# "));
    headings.map(|(_, heading)| {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    })
}

/// The path without `..`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.iter() {
        if part == ".." {
            tidy.pop();
        } else if part != "." {
            tidy.push(part);
        }
    }
    tidy
}

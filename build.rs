//! Finds out which commit is built, for `microalign --version` and the metric `microalign_build_info`.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=MICROALIGN_COMMIT");
    println!("cargo:rerun-if-changed=build.rs");
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // Whoever builds without Git's folder says which commit it is. A debug build would be compiled again after every commit.
    let said = env::var("MICROALIGN_COMMIT").ok().filter(|commit| !commit.is_empty());
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    match said.or_else(|| is_release.then(checked_out).flatten()) {
        Some(commit) => {
            println!("cargo:rustc-env=MICROALIGN_COMMIT={commit}");
            println!("cargo:rustc-env=MICROALIGN_VERSION={version} ({commit})");
        }
        None => println!("cargo:rustc-env=MICROALIGN_VERSION={version}"),
    }
}

/// The commit that is checked out; `None` outside of this repository, or without Git.
fn checked_out() -> Option<String> {
    // A copy of the source in another project's repository isn't at its top.
    if !git(&["rev-parse", "--show-prefix"])?.is_empty() {
        return None;
    }
    println!("cargo:rerun-if-changed={}", git(&["rev-parse", "--git-path", "logs/HEAD"])?);
    let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| !changes.is_empty());
    Some(if changed { format!("{commit}-dirty") } else { commit })
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

//! The pages in `docs/reference/` are what the program writes, so that they can't drift from it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_reference_is_what_the_program_writes() {
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_microalign")).arg("reference").arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let (written, committed) = (files(folder.path()), files(Path::new("docs/reference")));
    assert!(written.len() > 5, "{:?}", written.keys());
    let update = "write them with `cargo run -- reference docs/reference`";
    assert!(written.keys().eq(committed.keys()), "other pages: {:?}; {update}", written.keys());
    for (name, text) in &written {
        let lines = text.lines().zip(committed[name].lines());
        let differs = lines.enumerate().find(|(_, (new, old))| new != old);
        if let Some((line, (new, old))) = differs {
            panic!("{name}:{}: {update}\n    now: {new}\n    was: {old}", line + 1);
        }
        assert_eq!(text, &committed[name], "{name}: {update}");
    }
}

/// The files of a folder: name and text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap()))
        .collect()
}

//! Stands between the program and the system: `shim.c`, compiled.

use std::path::PathBuf;

use tempfile::TempDir;
use tokio::process::Command;

pub struct Shim {
    folder: TempDir,
    library: PathBuf,
}

impl Shim {
    /// `None`, said aloud, where there is no C compiler.
    pub fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let library = folder.path().join("shim.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/e2e/faults/shim.c");
        let mut cc = std::process::Command::new("cc");
        let cc = cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([source, "-ldl"]);
        let Ok(compiled) = cc.status() else {
            crate::support::did_not_run("there is no C compiler (cc) to build what stands before the system");
            return None;
        };
        assert!(compiled.success());
        std::fs::create_dir(folder.path().join("faults")).unwrap();
        Some(Self { folder, library })
    }

    /// A file by which faults are told, or what was kept of one of the store's.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("faults").join(name)
    }

    /// The program, with what stands before the system.
    pub fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_microalign"));
        command.env("LD_PRELOAD", &self.library).env("FAULTS", self.file(""));
        command
    }
}

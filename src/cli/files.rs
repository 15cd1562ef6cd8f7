//! Files that commands create.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use secrecy::SecretString;

use super::Failure;

/// Creates a new file, and the folders above it, whose mode follows from the file's. Only the owner may read secrets: `0o600`.
pub(super) fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::Wrong(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        // Whoever may read the file may look into its folder.
        create_folder(folder, mode | ((mode & 0o444) >> 2)).map_err(told)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(told)?;
    file.write_all(text.as_bytes()).map_err(told)
}

/// Creates a folder and those above it, unless they exist.
pub(super) fn create_folder(path: &Path, mode: u32) -> std::io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(path)
}

/// 256 random bits in hexadecimal, from the system's generator.
pub(super) fn fresh_secret() -> Result<SecretString, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Wrong(format!("the system provides no random numbers: {error}")))?;
    Ok(hex::encode(bytes).into())
}

//! Files that commands create.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use secrecy::SecretString;

use super::Failure;

/// Creates a new file, and the folders above it. Only the owner may read secrets: `0o600`.
pub(super) fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let told = |error: std::io::Error| Failure::Wrong(format!("cannot write {}: {error}", path.display()));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(told)?;
    }
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(told)?;
    file.write_all(text.as_bytes()).map_err(told)
}

/// 256 random bits in hexadecimal, from the system's generator.
pub(super) fn fresh_secret() -> Result<SecretString, Failure> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Wrong(format!("the system provides no random numbers: {error}")))?;
    Ok(hex::encode(bytes).into())
}

//! The local mailbox: one `.eml` file a mail, in a folder. Whatever the umask, only their owner may read them.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::email::Mail;
use super::{Outcome, Post};

/// Writes a mail whole or not at all. The same send overwrites its own file.
pub(super) async fn write(folder: &Path, post: &Post<'_>, mail: &Mail) -> Result<(), Outcome> {
    let (folder, name, bytes) = (folder.to_owned(), file_name(post), mail.bytes.clone());
    let shown = folder.display().to_string();
    let written = tokio::task::spawn_blocking(move || write_file(&folder, &name, &bytes)).await;
    match written {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Outcome::transient(format!("the mailbox {shown} cannot be written: {error}"))),
        Err(error) => Err(Outcome::transient(format!("writing to the mailbox {shown} was cut off: {error}"))),
    }
}

fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = folder.join(format!(".{name}.tmp"));
    let mut file = File::options().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&draft, folder.join(name))?;
    // The new name is on disk only after the folder is.
    File::open(folder)?.sync_all()
}

/// A name that sorts by time and tells people what is inside: `20261122T101500Z-000042-data-123.eml`.
fn file_name(post: &Post<'_>) -> String {
    let letters = post.thread.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' });
    let words: String = letters.take(60).collect();
    let slug = words.split_whitespace().collect::<Vec<_>>().join("-");
    format!("{}-{:06}-{slug}.eml", post.at.strftime("%Y%m%dT%H%M%SZ"), post.id)
}

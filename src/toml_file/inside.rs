//! Reads the files of a folder that other people than the operator may write to, such as `rules/`.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::Wrong;

/// Nobody writes more by hand.
const LARGEST: u64 = 1024 * 1024;

/// The text of a file in a folder. A link is followed if it stays in the folder, as those that Kubernetes mounts do. One that
/// leads out of it isn't: the service can read secrets that whoever made the link can't.
///
/// # Errors
/// Why the file can't be used, without anything that is in it.
pub fn read_inside(folder: &Path, path: &Path) -> Result<String, Wrong> {
    let unreadable = |error: io::Error| (format!("this file can't be read: {error}"), None);
    let Some(real) = inside(folder, path).map_err(unreadable)? else {
        let help = format!("put the file itself into {}", folder.display());
        return Err(("this link leads out of its folder".to_owned(), Some(help)));
    };
    // To open a named pipe would wait for a writer for ever.
    if !fs::metadata(&real).map_err(unreadable)?.is_file() {
        return Err(("this isn't a regular file".to_owned(), None));
    }
    let file = File::open(&real).map_err(unreadable)?;
    if !is_still(&real, &file).map_err(unreadable)? {
        return Err(("this file changed while it was opened".to_owned(), None));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > LARGEST {
        return Err(("this file is larger than 1 MiB, the most that is read".to_owned(), None));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        (format!("this file is not UTF-8: line {line} has a byte that is none"), None)
    })
}

/// Where a path leads, if that is in the folder. The folder itself may be a link.
fn inside(folder: &Path, path: &Path) -> io::Result<Option<PathBuf>> {
    let (folder, real) = (folder.canonicalize()?, path.canonicalize()?);
    Ok(real.starts_with(folder).then_some(real))
}

/// Whether an opened file is the one at a path without links, and not what a link led to that was there for a moment.
fn is_still(real: &Path, file: &File) -> io::Result<bool> {
    let (there, opened) = (fs::symlink_metadata(real)?, file.metadata()?);
    Ok(real.canonicalize()? == real && (there.dev(), there.ino()) == (opened.dev(), opened.ino()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_are_followed_within_the_folder() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        for folder in ["rules", "rules/..data-1", "rules-of-others"] {
            fs::create_dir(at(folder)).unwrap();
        }
        for file in ["secret", "rules/real.toml", "rules/..data-1/a.toml", "rules-of-others/b.toml"] {
            fs::write(at(file), file).unwrap();
        }
        symlink("rules", at("current")).unwrap();
        for (link, to) in [
            // As Kubernetes mounts files.
            ("..data", "..data-1"),
            ("mounted.toml", "..data/a.toml"),
            ("absolute.toml", at("rules/real.toml").to_str().unwrap()),
            ("through.toml", "../current/real.toml"),
            ("up.toml", "../secret"),
            ("beside.toml", "../rules-of-others/b.toml"),
            ("twice.toml", "up.toml"),
            ("nowhere.toml", "../none"),
        ] {
            symlink(to, at("rules").join(link)).unwrap();
        }
        let read = |name: &str, folder: &str| {
            let folder = at(folder);
            read_inside(&folder, &folder.join(name)).map_err(|(message, _)| message)
        };
        for (name, expected) in [
            ("real.toml", "rules/real.toml"),
            ("mounted.toml", "rules/..data-1/a.toml"),
            ("absolute.toml", "rules/real.toml"),
            ("through.toml", "rules/real.toml"),
        ] {
            assert_eq!(read(name, "rules").as_deref(), Ok(expected), "{name}");
            assert_eq!(read(name, "current").as_deref(), Ok(expected), "{name}");
        }
        for name in ["up.toml", "beside.toml", "twice.toml"] {
            assert_eq!(read(name, "rules"), Err("this link leads out of its folder".to_owned()), "{name}");
        }
        assert!(read("nowhere.toml", "rules").unwrap_err().starts_with("this file can't be read"));
        assert_eq!(read("..data-1", "rules"), Err("this isn't a regular file".to_owned()));
    }
}

//! What is done at repositories: the files of teams in them are read.

mod sync;

pub use self::sync::RuleFiles;

//! microalign keeps partner teams in the loop.

pub mod config;
pub mod destination;
pub mod event;
pub mod rule;
pub mod settings;
pub mod toml_file;

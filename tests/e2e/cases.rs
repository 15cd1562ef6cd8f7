//! Situations seen in the field, each with its siblings: what the reader gets or does not get.

pub mod payload;
mod story;

mod account_ids;
mod asked;
mod automation;
mod bursts;
mod changelogs;
mod discussions;
mod flapping;
mod gone;
mod hooks;
mod issues;
mod many_tickets;
mod moved;
mod queue;
mod releases;
mod restricted;
mod servers;
mod service_desk;
mod table;
mod unknown_files;
mod withdrawn;
mod wont_do;
mod workflows;

//! microalign keeps partner teams in the loop.

pub mod channel;
pub mod destination;
pub mod event;
pub mod settings;
pub mod template;

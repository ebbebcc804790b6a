//! The peer of Pregão.

pub mod authority;
pub mod command;
pub mod event;
pub mod link;

//! The peer of Pregão.

pub mod command;
pub mod event;

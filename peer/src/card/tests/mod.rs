//! Scripted cards, layer by layer.

mod dialogue;
mod opening;
mod session;
mod showing;
mod signing;

//! placeholder
pub mod links;
pub mod store;
pub mod writer;

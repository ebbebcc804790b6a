//! Values without a meaning of their own: instants, amounts, texts, binary fields, and the labels and
//! limits of the specification.

pub mod amount;
pub mod blob_class;
pub mod clock;
pub mod codec;
pub mod label;
pub(crate) mod padding;
pub mod report;
pub mod text;

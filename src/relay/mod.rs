//! Outgoing mail: the letters that the gateway writes, and the queue that they wait in.

pub mod dkim;
pub mod letter;
pub mod queue;

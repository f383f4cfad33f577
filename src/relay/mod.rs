//! Outgoing mail: the letters that the gateway writes, the queue that they wait in, and where they go.

pub mod destination;
pub mod dkim;
pub mod letter;
pub mod mta_sts;
pub mod queue;
pub mod report;
pub mod truth;

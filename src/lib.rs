//! Pli, a sealed letter: a self-hosted secure file-exchange gateway and mail relay.
//!
//! The modules stand in layers; a module names only modules below its own (`tests/architecture.rs`
//! enforces it, `docs/architecture.md` tells why):
//!
//! ```text
//!   main · cli · serve · demo                        composition
//!   web · smtp · jobs · store · scanner              adapters, never naming each other
//!   app                                              use cases and the ports they need
//!   transfer · relay · retention                     lifecycles
//!   identity · mailbox · vault · audit · message · content · document   what things are
//!   policy                                           what is allowed
//!   value                                            addresses, ids, digests, times, secrets
//! ```

pub mod app;
pub mod audit;
pub mod cli;
pub mod config;
pub mod content;
pub mod demo;
pub mod document;
pub mod identity;
pub mod jobs;
pub mod mailbox;
pub mod message;
pub mod policy;
pub mod relay;
pub mod retention;
pub mod scanner;
pub mod serve;
pub mod smtp;
pub mod store;
pub mod transfer;
pub mod value;
pub mod vault;
pub mod web;

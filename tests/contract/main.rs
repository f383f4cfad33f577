//! The contracts of the ports, told once and held against every adapter: the store in memory and embedded, the object
//! store in a directory, the keyring in a directory and in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod keyring;
mod objects;
mod sample;
mod scanner;
mod store;

//! The adapters of the ports that keep things or show the machine: records and the log, sealed objects, keys, the
//! clock, randomness. Each contract is written on its port (`app::ports`); nothing here decides anything.

mod durable;
mod embedded;
mod keyring;
mod keyspace;
mod memory;
mod number;
mod objects;
mod system_clock;
mod system_random;
pub mod testing;
mod witness_files;

pub use embedded::EmbeddedStore;
pub use keyring::{DirectoryKeyring, KeyringPlaces, MemoryKeyring, make_gateway_key_file, read_dkim_keys};
pub use memory::MemoryStore;
pub use objects::DirectoryObjects;
pub use system_clock::{ManualClock, OffsetClock, SystemClock};
pub use system_random::SystemRandom;
pub use witness_files::{WitnessFiles, WitnessFilesError};

//! The keyring: keys that live for days as plain age identity files, which the stock `age -i` reads, and the secrets
//! of the installation. In a directory, and mirrored to a second one if that is configured; or in memory, for tests.
//! Which keys are made and destroyed when is decided elsewhere (`retention::plan`).

mod directory;
mod memory;
mod place;

pub use directory::{DirectoryKeyring, KeyringPlaces, make_gateway_key_file};
pub use memory::MemoryKeyring;
pub use place::read_dkim_keys;

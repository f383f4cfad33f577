//! Writes the log as C2SP tlog-tiles, so that tools which know nothing of Pli can read and check it: `checkpoint`,
//! `tile/<L>/<N>` and, only where asked for, `tile/entries/<N>`. Beside them the checkpoints that a timestamp authority
//! stamped, each with its answer: `timestamps/<size>.checkpoint` and `.tsr` (RFC 3161).
//!
//! Hash tiles tell nothing but hashes of salted leaves, so a monitor may have them. Bundles of entries hold pseudonyms
//! and network addresses: they are for officers. A bundle in which a payload was pruned is left out.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::recover::RecoveryFile;
use super::stamp_log::TIMESTAMPS_MAX;
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Node, Object, Origin, Outcome, leaf_input, tile_path};

/// Hashes in a whole tile (C2SP tlog-tiles).
const TILE: u64 = 256;
/// Height of a tile.
const TILE_LEVEL: u32 = 8;

impl App {
    /// Writes the tiles under a checkpoint signed just now; that it was done is logged first.
    pub async fn write_tiles(
        self: &Arc<Self>,
        mut files: Box<dyn RecoveryFile>,
        with_entries: bool,
        actor: Actor,
        origin: Origin,
    ) -> Result<u64, AppError> {
        let told = event(self.now().at, actor, Action::LogExported, Object::Log, Outcome::Done, origin);
        self.log_alone(told).await?;
        let Some(checkpoint) = self.sign_checkpoint().await? else { return Ok(0) };
        let (app, handle) = (Arc::clone(self), Handle::current());
        let run = spawn_blocking(move || {
            app.write_leaf_tiles(&handle, &mut *files, checkpoint.size, with_entries)?;
            app.write_upper_tiles(&handle, &mut *files, checkpoint.size)?;
            write(&mut *files, "checkpoint", checkpoint.note.as_bytes())?;
            app.write_timestamps(&handle, &mut *files)?;
            Ok(checkpoint.size)
        });
        run.await.map_err(|_| AppError::Broken("tiles"))?
    }

    fn write_leaf_tiles(
        &self,
        handle: &Handle,
        files: &mut dyn RecoveryFile,
        size: u64,
        with_entries: bool,
    ) -> Result<(), AppError> {
        for tile in 0..size.div_ceil(TILE) {
            let width = (size - tile * TILE).min(TILE);
            let count = usize::try_from(width).unwrap_or(usize::MAX);
            let leaves = handle.block_on(self.store.leaves(tile * TILE, count))?;
            let hashes: Vec<u8> = leaves.iter().flat_map(|leaf| *leaf.leaf.as_bytes()).collect();
            write(files, &tile_path("0", tile, width), &hashes)?;
            let entries: Option<Vec<_>> = leaves.iter().map(|leaf| leaf.entry.as_ref()).collect();
            if let Some(entries) = entries.filter(|_| with_entries) {
                let mut bundle = Vec::new();
                for entry in entries {
                    let input = leaf_input(entry.salt(), entry.payload());
                    let length = u16::try_from(input.len()).map_err(|_| AppError::Broken("log entry"))?;
                    bundle.extend_from_slice(&length.to_be_bytes());
                    bundle.extend_from_slice(&input);
                }
                write(files, &tile_path("entries", tile, width), &bundle)?;
            }
        }
        Ok(())
    }

    fn write_timestamps(&self, handle: &Handle, files: &mut dyn RecoveryFile) -> Result<(), AppError> {
        for stamped in handle.block_on(self.timestamps(TIMESTAMPS_MAX))? {
            let name = format!("timestamps/{}", stamped.size);
            write(files, &format!("{name}.checkpoint"), stamped.note.as_bytes())?;
            write(files, &format!("{name}.tsr"), &stamped.answer_der()?)?;
        }
        Ok(())
    }

    fn write_upper_tiles(
        &self,
        handle: &Handle,
        files: &mut dyn RecoveryFile,
        size: u64,
    ) -> Result<(), AppError> {
        for row in 1..TILE_LEVEL {
            let level = row * TILE_LEVEL;
            let hashes = size.checked_shr(level).unwrap_or(0);
            for tile in 0..hashes.div_ceil(TILE) {
                let width = (hashes - tile * TILE).min(TILE);
                let first = tile * TILE;
                let nodes: Vec<Node> = (first..first + width).map(|place| Node { level, place }).collect();
                let roots = handle.block_on(self.store.roots(&nodes))?;
                let bytes: Vec<u8> = roots.iter().flat_map(|root| *root.as_bytes()).collect();
                write(files, &tile_path(&row.to_string(), tile, width), &bytes)?;
            }
        }
        Ok(())
    }
}

fn write(files: &mut dyn RecoveryFile, path: &str, bytes: &[u8]) -> Result<(), AppError> {
    let written = files.begin(path).and_then(|()| files.write(bytes));
    written.map_err(|_| AppError::Broken("tiles could not be written"))
}

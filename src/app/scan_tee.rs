//! Gives the scanner what passes to the sealer, so that most files are judged when their last byte is sealed. It never
//! fails and never stops an upload: when the scanner is busy, slow or gone, the tee lets go, and the sealed file is scanned
//! on a second pass.

use tokio::sync::mpsc::{Sender, channel, error::TrySendError};
use tokio::task::JoinHandle;
use zeroize::Zeroizing;

use super::App;
use crate::app::ports::{ScanStream, ScannerError};
use crate::content::AntivirusAnswer;

/// Pieces on their way to the scanner.
const PIECES: usize = 8;
/// How often the upload waits for the scanner before it goes on without it.
const WAITS_MAX: u32 = 256;

/// A scan beside the sealing.
#[derive(Default)]
pub(super) struct ScanTee {
    running: Option<Running>,
}

struct Running {
    pieces: Sender<Zeroizing<Vec<u8>>>,
    scan: JoinHandle<Result<AntivirusAnswer, ScannerError>>,
    waits: u32,
}

impl ScanTee {
    /// Begins, if files are inspected and the scanner has a place at once.
    pub(super) async fn begin(app: &App) -> Self {
        let Some(inspecting) = &app.inspecting else { return Self::default() };
        let is_unfit = app.scanner_health().await.is_none_or(|health| health.unfit.is_some());
        if is_unfit {
            return Self::default();
        }
        let Ok(Some(stream)) = inspecting.scanning.scanner.begin_now().await else { return Self::default() };
        let (pieces, taken) = channel(PIECES);
        let scan = tokio::spawn(scan(stream, taken));
        Self { running: Some(Running { pieces, scan, waits: 0 }) }
    }

    /// Gives the next bytes.
    pub(super) async fn push(&mut self, clear: &[u8]) {
        let Some(running) = &mut self.running else { return };
        let piece = Zeroizing::new(clear.to_vec());
        let goes_on = match running.pieces.try_send(piece) {
            Ok(()) => true,
            Err(TrySendError::Full(piece)) => {
                running.waits += 1;
                // The scanner's own limits of time end the wait.
                running.waits < WAITS_MAX && running.pieces.send(piece).await.is_ok()
            }
            Err(TrySendError::Closed(_)) => false,
        };
        if !goes_on {
            self.running = None;
        }
    }

    /// The scanner's answer for the whole; none when there is none, and the file is to be scanned again.
    pub(super) async fn finish(self) -> Option<AntivirusAnswer> {
        let mut running = self.running?;
        // The end of the pieces is the end of the stream.
        let (ended, _) = channel(1);
        drop(std::mem::replace(&mut running.pieces, ended));
        (&mut running.scan).await.ok()?.ok()
    }
}

impl Drop for Running {
    // Let go before its end, the stream must not be taken for whole.
    fn drop(&mut self) {
        self.scan.abort();
    }
}

async fn scan(
    mut stream: Box<dyn ScanStream>,
    mut pieces: tokio::sync::mpsc::Receiver<Zeroizing<Vec<u8>>>,
) -> Result<AntivirusAnswer, ScannerError> {
    while let Some(piece) = pieces.recv().await {
        stream.push(&piece).await?;
    }
    stream.finish().await
}

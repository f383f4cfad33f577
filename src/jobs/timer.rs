//! What jobs wait by: the machine's timer, or a test's own.

use std::time::Duration;

use futures_util::future::BoxFuture;

/// Waits. Jobs wait by nothing else, so that a test can let minutes pass at once.
pub trait Timer: Send + Sync {
    /// Ends after this long.
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's timer.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemTimer;

impl Timer for SystemTimer {
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(wait))
    }
}

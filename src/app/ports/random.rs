//! The randomness port.

/// Gives random bytes fit for keys, from the operating system. Never blocks for long; an adapter that cannot give
/// any must end the process rather than return something else.
pub trait Random: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

impl dyn Random {
    /// `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut buffer = [0; N];
        self.fill(&mut buffer);
        buffer
    }
}

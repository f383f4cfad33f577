//! What the benchmarks share: a median of a few runs, a line of the table with the peer beside, and the ratio. It
//! measures nothing.

use std::fmt;

/// How often each figure is taken; the median is told, with the least and the most.
pub const RUNS: usize = 5;

/// A figure over all runs.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    pub median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { median: sorted[sorted.len() / 2], least: sorted[0], most: sorted[sorted.len() - 1] }
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.median < 10.0 { 2 } else { 0 };
        write!(f, "{:.digits$} [{:.digits$}-{:.digits$}]", self.median, self.least, self.most)
    }
}

/// The head of the table.
pub fn head(title: &str) {
    println!("\n{title}\n");
    line("what", "Pli", "peer", "ratio");
    line(&"-".repeat(56), &"-".repeat(24), &"-".repeat(38), "-----");
}

/// A line without a peer.
pub fn alone(what: &str, ours: &[f64]) {
    line(what, &Spread::of(ours).to_string(), "-", "-");
}

/// A line with a peer; the ratio is that of the medians, ours to theirs.
pub fn beside(what: &str, ours: &[f64], peer: &str, theirs: &[f64]) {
    let (ours, theirs) = (Spread::of(ours), Spread::of(theirs));
    let ratio = format!("{:.2}", ours.median / theirs.median);
    line(what, &ours.to_string(), &format!("{peer}: {theirs}"), &ratio);
}

/// A line whose peer is not on this machine.
pub fn missing(what: &str, ours: &[f64], why: &str) {
    line(what, &Spread::of(ours).to_string(), why, "-");
}

fn line(what: &str, ours: &str, peer: &str, ratio: &str) {
    println!("| {what:<56} | {ours:>24} | {peer:<38} | {ratio:>5} |");
}

/// A block of bytes that no compression shortens, the same in every run (xorshift64*).
pub fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(count + 8);
    while bytes.len() < count {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes());
    }
    bytes.truncate(count);
    bytes
}

//! What the process forbids itself before it holds a secret (invariant 3): no core file, no look into its memory by
//! others of the same user. Swap is the machine's: `pli check` looks at it.

use std::io;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Where Linux lists its swap areas.
const SWAPS_FILE: &str = "/proc/swaps";

/// Forbids core files and dumps. An error is for the operator's log; the gateway goes on.
pub fn harden() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Whether the machine may write memory to a disk; `None` when it does not say.
pub fn swap_is_on() -> Option<bool> {
    std::fs::read_to_string(SWAPS_FILE).ok().map(|text| lists_swap(&text))
}

fn lists_swap(text: &str) -> bool {
    text.lines().skip(1).any(|line| !line.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_area_is_seen() {
        let head = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
        assert!(!lists_swap(head));
        assert!(lists_swap(&format!("{head}/dev/sda2 partition 1000 0 -2\n")));
    }

    #[test]
    fn a_hardened_process_leaves_no_core() {
        harden().unwrap();
        assert_eq!(rustix::process::getrlimit(Resource::Core).current, Some(0));
        assert_eq!(rustix::process::dumpable_behavior().unwrap(), DumpableBehavior::NotDumpable);
    }
}

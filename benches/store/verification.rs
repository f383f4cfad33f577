//! How long the offline verification of a log takes, on one core, from an export in memory.

use std::time::Instant;

use pli::audit::{
    Action, Actor, Checkpoint, Disclosure, Entry, Event, ExportHeader, ExportWriter, Frontier, NoteSeed,
    NoteSigner, Object, Origin, Outcome, Verdict, verify,
};
use pli::value::{MailboxId, PersonId, Timestamp, TransferId};

use super::{RUNS, Spread};

const ENTRIES: u32 = 1_000_000;
/// Two checkpoints an hour are kept; so many entries came between them.
const INTERVAL: u32 = 1000;
const BEGINNING: Timestamp = Timestamp(1_795_000_000_000);

/// Measures, and prints the line.
pub fn measure() {
    let signer = NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([1; 32])).unwrap();
    let export = export(&signer);
    let (mut elapsed, mut spent) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let (start, cpu) = (Instant::now(), cpu_millis());
        let verdict = verify(&export[..], signer.public(), None);
        assert!(
            matches!(verdict, Verdict::Well(summary) if summary.entries == u64::from(ENTRIES)),
            "{verdict}"
        );
        elapsed.push(start.elapsed().as_secs_f64() * 1000.0);
        spent.push(cpu_millis() - cpu);
    }
    let mebibytes = export.len() / (1 << 20);
    for (what, taken) in [("elapsed", &elapsed), ("processor", &spent)] {
        let Spread { median, least, most } = Spread::of(taken);
        println!(
            "verify {ENTRIES} entries, {mebibytes} MiB, one thread, {what}: {median:.0} ms [{least:.0}-{most:.0}]"
        );
    }
}

/// Processor time of this thread: what a machine that does nothing else would take.
fn cpu_millis() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1000.0 + time.tv_nsec as f64 / 1_000_000.0
}

fn export(signer: &NoteSigner) -> Vec<u8> {
    let header = ExportHeader::new(signer.public(), 12, Disclosure::All);
    let mut export = ExportWriter::new(Vec::new(), &header).unwrap();
    let mut frontier = Frontier::default();
    for n in 0..ENTRIES {
        let entry = entry(n);
        export.entry(u64::from(n), &entry).unwrap();
        frontier.append(entry.leaf());
        if (n + 1) % INTERVAL == 0 {
            let note = Checkpoint::sign(signer, frontier.size(), frontier.root(), BEGINNING).unwrap();
            export.checkpoint(&note, &frontier).unwrap();
        }
    }
    export.finish().unwrap()
}

/// An event like most: a person, a transfer, an address, a policy.
fn entry(n: u32) -> Entry {
    let mut id = [7; 16];
    id[..4].copy_from_slice(&n.wrapping_mul(0x9E37_79B9).to_be_bytes());
    let object = Object::Transfer { transfer: TransferId::new(id), mailbox: MailboxId::new([4; 16]) };
    let origin = Origin::Web { address: "192.0.2.7".parse().unwrap() };
    let at = Timestamp(BEGINNING.0 + i64::from(n));
    let actor = Actor::Person(PersonId::new(id));
    let event = Event::new(at, actor, Action::TransferOpened, object, Outcome::Done, origin);
    Entry::new(&event, id).unwrap()
}

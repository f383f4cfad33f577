//! Ports for programs that cannot choose one themselves. They lie below those that the kernel hands out, so that nobody gets one
//! in between by chance, and each belongs to the process of one test for as long as that lives: a socket in the abstract
//! namespace, which ends with the process, says so to all others on the machine.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::sync::Mutex;

/// The kernel hands out those from 32,768 on (ip(7), `ip_local_port_range`).
const PORTS: Range<u16> = 12_000..32_000;

static MINE: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// A port on loopback, free for TCP and UDP, that no other test on this machine is given.
pub fn free_port() -> u16 {
    let mut mine = MINE.lock().unwrap();
    let count = u32::from(PORTS.end - PORTS.start);
    // Processes begin at different places, so that they seldom ask for the same one.
    let first = std::process::id().wrapping_mul(97);
    for step in 0..count {
        let port = PORTS.start + u16::try_from((first.wrapping_add(step)) % count).unwrap();
        let name = SocketAddr::from_abstract_name(format!("pli-test-port-{port}")).unwrap();
        let Ok(kept) = UnixListener::bind_addr(&name) else { continue };
        mine.push(kept);
        let address = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok() {
            return port;
        }
    }
    panic!("no port is free on this machine");
}

//! Binds the addresses of the configuration. A name such as `localhost` means every address that it has: IPv4 first,
//! IPv6 on the same port where the machine has it.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::{TcpListener, lookup_host};

/// An address that cannot be served. The operator must act.
#[derive(Debug, Error)]
#[error("{address} cannot be listened on: {source}")]
pub struct BindError {
    /// What the configuration says.
    pub address: String,
    /// Why.
    pub source: io::Error,
}

/// Sockets that listen, on one port.
pub struct Bound {
    /// One for each address that the name has.
    pub listeners: Vec<TcpListener>,
    /// The name as it was given, with the real port.
    pub address: String,
}

/// Binds `host:port`; port 0 lets the system choose, the same for each address.
pub async fn bind(address: &str) -> Result<Bound, BindError> {
    let failed = |source| BindError { address: address.to_owned(), source };
    let mut candidates: Vec<SocketAddr> = lookup_host(address).await.map_err(failed)?.collect();
    candidates.sort_by_key(|candidate| (candidate.is_ipv6(), *candidate));
    candidates.dedup();
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut problem = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for mut candidate in candidates {
        if let Some(first) = listeners.first() {
            candidate.set_port(first.local_addr().map_err(failed)?.port());
        }
        match TcpListener::bind(candidate).await {
            Ok(listener) => listeners.push(listener),
            // A machine without IPv6 has a name for it all the same.
            Err(error) => problem = error,
        }
    }
    let Some(first) = listeners.first() else { return Err(failed(problem)) };
    let port = first.local_addr().map_err(failed)?.port();
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    Ok(Bound { address: format!("{host}:{port}"), listeners })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn port_zero_is_told_as_the_real_one() {
        let bound = bind("localhost:0").await.unwrap();
        let port = bound.listeners[0].local_addr().unwrap().port();
        assert_ne!(port, 0);
        assert_eq!(bound.address, format!("localhost:{port}"));
        assert!(bound.listeners.iter().all(|listener| listener.local_addr().unwrap().port() == port));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_with_its_address() {
        let taken = bind("127.0.0.1:0").await.unwrap();
        let error = bind(&taken.address).await.err().unwrap();
        assert!(error.to_string().contains(&taken.address), "{error}");
    }
}

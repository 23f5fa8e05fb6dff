//! Who may connect.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use super::conn;
use crate::frame::Frame;
use crate::timed::write_all;

/// Time between two looks at the door.
const LOOK: Duration = Duration::from_millis(20);
/// Time in which a connection that is turned away can be told why.
const FAREWELL: Duration = Duration::from_millis(50);

/// Open connections by address.
#[derive(Default)]
pub(super) struct Connections {
    by_address: BTreeMap<IpAddr, usize>,
    count: usize,
}

impl Connections {
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn enter(&mut self, address: IpAddr, most: usize, per_address: usize) -> Result<(), String> {
        let here = self.by_address.get(&address).copied().unwrap_or(0);
        if self.count >= most {
            return Err(format!("{most} connections are open, which is the most"));
        }
        if here >= per_address {
            return Err(format!(
                "{per_address} connections from one address are open, which is the most"
            ));
        }
        self.by_address.insert(address, here + 1);
        self.count += 1;
        Ok(())
    }

    fn leave(&mut self, address: IpAddr) {
        self.count -= 1;
        match self.by_address.get_mut(&address) {
            Some(here) if *here > 1 => *here -= 1,
            _ => {
                self.by_address.remove(&address);
            }
        }
    }
}

pub(super) fn run(shared: &Arc<Shared>, listener: &TcpListener) {
    // A listener that blocks would not notice a stop.
    if listener.set_nonblocking(true).is_err() {
        return;
    }
    let mut threads = Vec::new();
    while !shared.stopped() {
        match listener.accept() {
            Ok((stream, from)) => threads.extend(admit(shared, stream, network(from.ip()))),
            Err(e) if e.kind() == ErrorKind::WouldBlock => std::thread::sleep(LOOK),
            // Out of descriptors, or the peer is gone already: others may have more luck later.
            Err(_) => std::thread::sleep(LOOK),
        }
        threads.retain(|thread: &std::thread::JoinHandle<()>| !thread.is_finished());
    }
    for thread in threads {
        let _ = thread.join();
    }
}

fn admit(
    shared: &Arc<Shared>,
    stream: TcpStream,
    address: IpAddr,
) -> Option<std::thread::JoinHandle<()>> {
    stream.set_nonblocking(false).ok()?;
    let limits = &shared.limits;
    let entered = shared
        .board()
        .connections
        .enter(address, limits.connections, limits.per_address);
    if let Err(why) = entered {
        let _ = write_all(&stream, &Frame::error(why).to_bytes(), FAREWELL);
        return None;
    }
    let inside = shared.clone();
    let builder = std::thread::Builder::new();
    let started = builder.spawn(move || {
        conn::serve(&inside, stream);
        inside.board().connections.leave(address);
        inside.wake();
    });
    if started.is_err() {
        shared.board().connections.leave(address);
    }
    started.ok()
}

/// What counts as one address: of IPv6 the first 64 bits, as one machine has all the rest.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(long) => {
            let first = u128::from(long) >> 64 << 64;
            IpAddr::V6(first.into())
        }
        short => short,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_are_one() {
        let network = |text: &str| network(text.parse().expect("it is an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:10.0.0.1"), network("10.0.0.1"));
        assert_ne!(network("10.0.0.1"), network("10.0.0.2"));
    }

    #[test]
    fn places_are_given_back() {
        let (one, two) = (network([10, 0, 0, 1].into()), network([10, 0, 0, 2].into()));
        let mut open = Connections::default();
        assert!(open.enter(one, 3, 2).is_ok() && open.enter(one, 3, 2).is_ok());
        assert!(open.enter(one, 3, 2).is_err(), "two from one address");
        assert!(open.enter(two, 3, 2).is_ok());
        assert!(open.enter(two, 3, 2).is_err(), "three in all");
        open.leave(one);
        assert!(open.enter(two, 3, 2).is_ok());
        for address in [one, two, two] {
            open.leave(address);
        }
        assert!(open.is_empty() && open.by_address.is_empty());
    }
}

//! Waiting for sockets to the microsecond, and connecting without waiting: what a load of exact times needs
//! and the standard library has not. No state, no loop: see `modelyard_http::client::load`.

#![allow(unsafe_code)] // `ppoll`, `prctl`, `clock_gettime` and `connect` of a socket that does not block.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::time::Duration;

/// What is waited for at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum For {
    Reading,
    Writing,
}

/// Waits until one of `sockets` is ready (or broken), `most` at most; answers the places of those that are.
/// A signal may end the wait early.
///
/// # Errors
/// If the kernel refuses, as it does of more sockets than a process may open.
pub fn wait(sockets: &[(BorrowedFd<'_>, For)], most: Duration) -> io::Result<Vec<usize>> {
    let mut polled: Vec<libc::pollfd> = sockets
        .iter()
        .map(|(socket, what)| libc::pollfd {
            fd: socket.as_raw_fd(),
            events: if *what == For::Reading { libc::POLLIN } else { libc::POLLOUT },
            revents: 0,
        })
        .collect();
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(most.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: libc::c_long::from(most.subsec_nanos() as i32),
    };
    // SAFETY: the sockets are borrowed, so open; the list and the time live across the call.
    let ready =
        unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, &timeout, std::ptr::null()) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(Vec::new()) } else { Err(error) };
    }
    let places = polled.iter().enumerate().filter(|(_, polled)| polled.revents != 0);
    Ok(places.map(|(place, _)| place).collect())
}

/// Begins to connect; ready for writing once it is connected, or has failed to.
///
/// # Errors
/// If it can't begin.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: a system call without pointers.
    let socket = unsafe { libc::socket(family, kind, 0) };
    if socket < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, and nobody else's.
    let socket = unsafe { OwnedFd::from_raw_fd(socket) };
    let connected = match address {
        SocketAddr::V4(address) => {
            let address = libc::sockaddr_in {
                sin_family: libc::AF_INET as libc::sa_family_t,
                sin_port: address.port().to_be(),
                sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
                sin_zero: [0; 8],
            };
            // SAFETY: an address of this family and its length, alive across the call.
            unsafe {
                libc::connect(
                    socket.as_raw_fd(),
                    (&raw const address).cast(),
                    size_of::<libc::sockaddr_in>() as libc::socklen_t,
                )
            }
        }
        SocketAddr::V6(address) => {
            let address = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            };
            // SAFETY: as above.
            unsafe {
                libc::connect(
                    socket.as_raw_fd(),
                    (&raw const address).cast(),
                    size_of::<libc::sockaddr_in6>() as libc::socklen_t,
                )
            }
        }
    };
    if connected < 0 {
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(libc::EINPROGRESS) {
            return Err(error);
        }
    }
    Ok(TcpStream::from(socket))
}

/// Lets this thread's waits end on time: without it the kernel may add 50 µs, to join wake-ups. True where
/// it does.
pub fn wake_on_time() -> bool {
    // SAFETY: sets a number of the calling thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1 as libc::c_ulong, 0, 0, 0) == 0 }
}

/// CPU time that this thread has taken.
pub fn thread_cpu() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: a writable time that lives across the call.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::os::fd::AsFd;
    use std::time::Instant;

    #[test]
    fn a_connection_is_waited_for_and_used() {
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(listen) else { continue };
            let mut stream = connect(listener.local_addr().unwrap()).unwrap();
            let second = Duration::from_secs(1);
            assert_eq!(wait(&[(stream.as_fd(), For::Writing)], second).unwrap(), [0]);
            let (mut other, _) = listener.accept().unwrap();
            other.write_all(b"x").unwrap();
            assert_eq!(wait(&[(stream.as_fd(), For::Reading)], second).unwrap(), [0]);
            assert_eq!(stream.read(&mut [0; 8]).unwrap(), 1);
        }
    }

    #[test]
    fn a_wait_for_nothing_ends_on_time() {
        std::thread::spawn(|| {
            wake_on_time();
            let began = Instant::now();
            assert_eq!(wait(&[], Duration::from_micros(300)).unwrap(), Vec::<usize>::new());
            assert!(began.elapsed() >= Duration::from_micros(300));
            assert!(thread_cpu() < Duration::from_secs(1));
        })
        .join()
        .unwrap();
    }
}

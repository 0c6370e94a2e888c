//! The listening socket of replicas: bound once, inherited by each of them, and handed back to whoever
//! supervises them next.
//!
//! A replica finds the socket as a descriptor ([`inherited`]) and answers on a control socket of its own
//! ([`answer`]), a unix socket in a [`private_folder`]. Whoever asks there ([`ask`]) gets the listening
//! socket (SCM_RIGHTS) and how the replica stands. So the port stays open while a supervisor or a
//! replica is replaced: clients wait in the kernel's queue instead of being refused.
//!
//! Only processes of the same user are answered.

#![allow(unsafe_code)] // An inherited descriptor is known by its number alone; and `sendmsg`, `recvmsg`.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use tokio::io::Interest;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// How long somebody who is asked may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Connections that may wait for a replica; the kernel's own limit may be lower.
const WAITING: i32 = 4_096;

/// Listens on `address`.
///
/// # Errors
/// [`Kind::Conflict`] if it is taken, or is none of this machine.
pub fn bind(address: SocketAddr) -> Result<TcpListener> {
    let cannot = || format!("cannot listen on {address}");
    let listener = TcpListener::bind(address).map_err(|error| {
        let taken = error.kind() == io::ErrorKind::AddrInUse;
        let fault = Fault::new(Kind::Conflict, cannot()).because(error);
        if taken { fault.hint("another program listens there; choose another `listen`") } else { fault }
    })?;
    // SAFETY: a system call on an open socket; said again it changes how many may wait.
    if unsafe { libc::listen(listener.as_raw_fd(), WAITING) } < 0 {
        return Err(Fault::new(Kind::Conflict, cannot()).because(io::Error::last_os_error()));
    }
    listener.set_nonblocking(true).attempt(Kind::Internal, cannot)?;
    Ok(listener)
}

/// The listening socket that this process inherited as `descriptor`, made non-blocking. The descriptor is
/// the answer's from then on, so this may be asked once.
///
/// # Errors
/// [`Kind::Usage`] if there is no such descriptor, or it is no listening socket.
pub fn inherited(descriptor: RawFd) -> Result<TcpListener> {
    let none = || {
        Fault::new(Kind::Usage, format!("descriptor {descriptor} is no listening socket"))
            .hint("whoever starts a replica hands it the socket")
    };
    if descriptor < 3 || !listens(descriptor) {
        return Err(none());
    }
    // SAFETY: it is open, a socket, and nobody else's: whoever started this process put it there.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // SAFETY: a system call on an open descriptor. Whatever this process starts does not inherit it.
    unsafe { libc::fcntl(owned.as_raw_fd(), libc::F_SETFD, libc::FD_CLOEXEC) };
    let listener = TcpListener::from(owned);
    listener
        .set_nonblocking(true)
        .attempt(Kind::Internal, || format!("cannot take descriptor {descriptor}"))?;
    Ok(listener)
}

/// Whether `descriptor` is an open socket that listens.
fn listens(descriptor: RawFd) -> bool {
    let mut value: libc::c_int = 0;
    let mut size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: writes at most `size` bytes into a value of this stack; of a descriptor that is not open or
    // no socket it answers an error.
    let answer = unsafe {
        let value = (&raw mut value).cast();
        libc::getsockopt(descriptor, libc::SOL_SOCKET, libc::SO_ACCEPTCONN, value, &raw mut size)
    };
    answer == 0 && value == 1
}

fn user() -> u32 {
    // SAFETY: a system call without memory, which can't fail.
    unsafe { libc::getuid() }
}

/// A folder for control sockets whose name is short (a socket's path has at most 107 bytes) and that no
/// other user can look into: `modelyard` below `runtime` (`$XDG_RUNTIME_DIR`), else `/tmp/modelyard-UID`.
/// It is made if missing.
///
/// # Errors
/// If it can't be made, or is another user's.
pub fn private_folder(runtime: Option<&Path>) -> Result<PathBuf> {
    let user = user();
    let folder = match runtime {
        Some(runtime) if runtime.is_absolute() && runtime.is_dir() && runtime.as_os_str().len() <= 64 => {
            runtime.join("modelyard")
        }
        _ => PathBuf::from(format!("/tmp/modelyard-{user}")),
    };
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Fault::new(Kind::Internal, format!("cannot make the folder `{}`", folder.display()))
                .because(error));
        }
        _ => {}
    }
    let found = fs::symlink_metadata(&folder)
        .attempt(Kind::Internal, || format!("cannot look at the folder `{}`", folder.display()))?;
    if !found.is_dir() || found.uid() != user || found.mode() & 0o077 != 0 {
        return Err(Fault::new(
            Kind::Conflict,
            format!("the folder `{}` is not this user's alone", folder.display()),
        )
        .hint("remove it, or set XDG_RUNTIME_DIR to a folder of your own"));
    }
    Ok(folder)
}

/// Answers on a control socket until it is dropped.
pub struct Answering {
    path: PathBuf,
    says: Arc<AtomicU8>,
    task: JoinHandle<()>,
}

/// How a replica says it stands; a byte each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Says {
    /// It loads what it is to serve.
    NotYet = 0,
    /// It answers requests.
    Ready = 1,
    /// It can't load what it is to serve. It may be ready later.
    Stuck = 2,
}

impl Answering {
    /// From now on this replica says so: once it is ready, one that it replaces may end.
    pub fn say(&self, says: Says) {
        self.says.store(says as u8, Ordering::Relaxed);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.task.abort();
        let _ = fs::remove_file(&self.path);
    }
}

/// Hands `listener` to whoever of this user asks at `path`. To be called within a tokio runtime.
///
/// # Errors
/// If the socket can't be made there.
pub fn answer(path: &Path, listener: &impl AsFd) -> Result<Answering> {
    let cannot = || format!("cannot answer at `{}`", path.display());
    let listener = listener.as_fd().try_clone_to_owned().attempt(Kind::Internal, cannot)?;
    // Of a process before this one.
    let _ = fs::remove_file(path);
    let control = UnixListener::bind(path).attempt(Kind::Internal, cannot)?;
    let says = Arc::new(AtomicU8::new(Says::NotYet as u8));
    let said = Arc::clone(&says);
    let task = tokio::spawn(async move {
        let user = user();
        loop {
            let Ok((stream, _)) = control.accept().await else {
                // Too many open files, for one: it passes.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
                let _ = tokio::time::timeout(PATIENCE, hand_over(&stream, &listener, &said)).await;
            }
        }
    });
    Ok(Answering { path: path.to_owned(), says, task })
}

async fn hand_over(stream: &UnixStream, listener: &OwnedFd, said: &AtomicU8) -> io::Result<()> {
    stream
        .async_io(Interest::WRITABLE, || {
            let mut says = said.load(Ordering::Relaxed);
            let mut message = Message::new(&mut says);
            let header = message.header();
            // SAFETY: the space has room for one header and one descriptor, and is aligned for both.
            let sent = unsafe {
                let rights = libc::CMSG_FIRSTHDR(&raw const header);
                (*rights).cmsg_level = libc::SOL_SOCKET;
                (*rights).cmsg_type = libc::SCM_RIGHTS;
                (*rights).cmsg_len = libc::CMSG_LEN(size_of::<RawFd>() as u32) as _;
                libc::CMSG_DATA(rights).cast::<RawFd>().write_unaligned(listener.as_raw_fd());
                libc::sendmsg(stream.as_raw_fd(), &raw const header, libc::MSG_NOSIGNAL)
            };
            if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
        })
        .await
}

/// One byte, and room for one descriptor beside it.
struct Message {
    content: libc::iovec,
    /// Of words, so that it is aligned; `CMSG_SPACE` of a descriptor is 24 bytes.
    space: [u64; 4],
}

impl Message {
    /// `byte` has to outlive it.
    fn new(byte: &mut u8) -> Self {
        Self { content: libc::iovec { iov_base: std::ptr::from_mut(byte).cast(), iov_len: 1 }, space: [0; 4] }
    }

    /// A header that points into it.
    fn header(&mut self) -> libc::msghdr {
        // SAFETY: arithmetic alone; all zeros is a header without anything.
        let (size, mut header) = unsafe {
            (libc::CMSG_SPACE(size_of::<RawFd>() as u32) as usize, std::mem::zeroed::<libc::msghdr>())
        };
        header.msg_iov = &raw mut self.content;
        header.msg_iovlen = 1;
        header.msg_control = self.space.as_mut_ptr().cast();
        header.msg_controllen = size as _;
        header
    }
}

/// What a replica answers.
#[derive(Debug)]
pub struct Answer {
    pub listener: TcpListener,
    pub says: Says,
}

/// Asks the replica at `path`.
///
/// # Errors
/// If nobody answers there within two seconds.
pub async fn ask(path: &Path) -> Result<Answer> {
    let cannot = || format!("no replica answers at `{}`", path.display());
    let asked = async {
        let stream = UnixStream::connect(path).await?;
        stream.async_io(Interest::READABLE, || receive(&stream)).await
    };
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.attempt(Kind::NotFound, cannot),
        Err(error) => Err(Fault::new(Kind::NotFound, cannot()).because(error)),
    }
}

fn receive(stream: &UnixStream) -> io::Result<Answer> {
    let mut says = 0;
    let mut message = Message::new(&mut says);
    let mut header = message.header();
    // SAFETY: the header points into `message`, which outlives the call.
    let received = unsafe { libc::recvmsg(stream.as_raw_fd(), &raw mut header, libc::MSG_CMSG_CLOEXEC) };
    if received < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel wrote the header and what it points to; a descriptor in it is ours alone.
    let handed = unsafe {
        let rights = libc::CMSG_FIRSTHDR(&raw const header);
        let is_there = !rights.is_null()
            && (*rights).cmsg_level == libc::SOL_SOCKET
            && (*rights).cmsg_type == libc::SCM_RIGHTS
            && (*rights).cmsg_len as usize == libc::CMSG_LEN(size_of::<RawFd>() as u32) as usize;
        is_there.then(|| OwnedFd::from_raw_fd(libc::CMSG_DATA(rights).cast::<RawFd>().read_unaligned()))
    };
    match handed {
        Some(handed) if received == 1 && listens(handed.as_raw_fd()) => {
            let says = match says {
                1 => Says::Ready,
                2 => Says::Stuck,
                _ => Says::NotYet,
            };
            Ok(Answer { listener: TcpListener::from(handed), says })
        }
        _ => Err(io::Error::other("it handed over no listening socket")),
    }
}

//! The listening socket of replicas: bound once, inherited by each of them, and handed back to whoever
//! supervises them next.
//!
//! A replica finds the socket as a descriptor ([`inherited`]) and answers on a control socket of its own
//! ([`answer`]), a unix socket in a [`private_folder`]. Whoever asks there ([`ask`]) gets the listening
//! socket (SCM_RIGHTS) and whether the replica is ready. So the port stays open while a supervisor or a
//! replica is replaced: clients wait in the kernel's queue instead of being refused.
//!
//! Only processes of the same user are answered.

#![allow(unsafe_code)] // An inherited descriptor is known by its number alone.

use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
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
    rustix::net::listen(&listener, WAITING).attempt(Kind::Conflict, cannot)?;
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
    if descriptor < 3 {
        return Err(none());
    }
    // SAFETY: asked only whether it is open and listens, and not kept.
    let borrowed = unsafe { BorrowedFd::borrow_raw(descriptor) };
    if !rustix::net::sockopt::socket_acceptconn(borrowed).unwrap_or(false) {
        return Err(none());
    }
    // SAFETY: it is open, a socket, and nobody else's: whoever started this process put it there.
    let owned = unsafe { OwnedFd::from_raw_fd(descriptor) };
    rustix::io::fcntl_setfd(&owned, rustix::io::FdFlags::CLOEXEC)
        .attempt(Kind::Internal, || format!("cannot take descriptor {descriptor}"))?;
    let listener = TcpListener::from(owned);
    listener
        .set_nonblocking(true)
        .attempt(Kind::Internal, || format!("cannot take descriptor {descriptor}"))?;
    Ok(listener)
}

/// A folder for control sockets whose name is short (a socket's path has at most 107 bytes) and that no
/// other user can look into: `modelyard` below `runtime` (`$XDG_RUNTIME_DIR`), else `/tmp/modelyard-UID`.
/// It is made if missing.
///
/// # Errors
/// If it can't be made, or is another user's.
pub fn private_folder(runtime: Option<&Path>) -> Result<PathBuf> {
    let user = rustix::process::getuid().as_raw();
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
    ready: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Answering {
    /// From now on this replica is said to be ready: one that it replaces may end.
    pub fn ready(&self) {
        self.ready.store(true, Ordering::Relaxed);
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
    let ready = Arc::new(AtomicBool::new(false));
    let says = Arc::clone(&ready);
    let task = tokio::spawn(async move {
        let user = rustix::process::getuid().as_raw();
        loop {
            let Ok((stream, _)) = control.accept().await else {
                // Too many open files, for one: it passes.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            if stream.peer_cred().is_ok_and(|peer| peer.uid() == user) {
                let _ = tokio::time::timeout(PATIENCE, hand_over(&stream, &listener, &says)).await;
            }
        }
    });
    Ok(Answering { path: path.to_owned(), ready, task })
}

async fn hand_over(stream: &UnixStream, listener: &OwnedFd, ready: &AtomicBool) -> io::Result<()> {
    stream
        .async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut rights = SendAncillaryBuffer::new(&mut space);
            let handed = [listener.as_fd()];
            rights.push(SendAncillaryMessage::ScmRights(&handed));
            let says = [u8::from(ready.load(Ordering::Relaxed))];
            rustix::net::sendmsg(stream, &[IoSlice::new(&says)], &mut rights, SendFlags::NOSIGNAL)?;
            Ok(())
        })
        .await
}

/// What a replica answers.
#[derive(Debug)]
pub struct Answer {
    pub listener: TcpListener,
    /// Whether it answers requests.
    pub ready: bool,
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
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut rights = RecvAncillaryBuffer::new(&mut space);
    let mut says = [0];
    let received = rustix::net::recvmsg(
        stream,
        &mut [IoSliceMut::new(&mut says)],
        &mut rights,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    let handed = rights.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    match handed {
        Some(handed) if received.bytes == 1 && rustix::net::sockopt::socket_acceptconn(&handed)? => {
            Ok(Answer { listener: TcpListener::from(handed), ready: says[0] == 1 })
        }
        _ => Err(io::Error::other("it handed over no listening socket")),
    }
}

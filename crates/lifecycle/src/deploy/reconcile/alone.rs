//! Who reconciles a home: a server, and where none runs the command that waits for a result. A command gives
//! way: it takes the lock only where no server has it or wants it, and gives it back as soon as one does.

use std::time::Duration;

use modelyard_core::Result;
use modelyard_core::ports::{Home, LockGuard};

/// The lock that whoever reconciles a home holds.
const LOCK: &str = "server";

/// The lock that a server holds while it waits for the other one, by which commands know of it.
const WAITS: &str = "server-waits";

/// How often a command looks whether it is wanted: a server that waits gets the lock well within a second.
const LOOKED: Duration = Duration::from_millis(100);

/// A server that is started anew takes less.
const GRACE: Duration = Duration::from_secs(3);

type Guard = Box<dyn LockGuard>;

/// For a command: `None` where a server works on `home`, or waits to.
///
/// # Errors
/// If the home can't be locked.
pub async fn try_alone(home: &Home) -> Result<Option<Guard>> {
    let Some(lock) = try_lock(home).await? else { return Ok(None) };
    Ok(if is_awaited(home).await? { None } else { Some(lock) })
}

/// For whoever merely looks: whether somebody works on `home`.
///
/// # Errors
/// If the lock can't be looked at.
pub async fn is_watched(home: &Home) -> Result<bool> {
    home.locks.is_held(LOCK).await
}

/// For a command that follows what a server does: once there was none for some seconds.
///
/// # Errors
/// If the home can't be locked.
pub async fn stand_in(home: &Home) -> Result<Guard> {
    let mut free = Duration::ZERO;
    loop {
        match try_alone(home).await? {
            Some(lock) if free >= GRACE => return Ok(lock),
            Some(_) => free += LOOKED,
            None => free = Duration::ZERO,
        }
        tokio::time::sleep(LOOKED).await;
    }
}

/// For a command that holds the lock: returns when a server waits for it.
///
/// # Errors
/// If the home can't be locked.
pub async fn awaited(home: &Home) -> Result<()> {
    while !is_awaited(home).await? {
        tokio::time::sleep(LOOKED).await;
    }
    Ok(())
}

/// For a server: waits until no other one works on `home`, which `waits` is told of.
///
/// # Errors
/// If the home can't be locked.
pub async fn serving(home: &Home, waits: impl FnOnce()) -> Result<Guard> {
    if let Some(lock) = try_lock(home).await? {
        return Ok(lock);
    }
    waits();
    let mut lock = home.locks.lock(LOCK);
    // Of several that wait one says so.
    let _says = tokio::select! {
        lock = &mut lock => return lock,
        says = home.locks.lock(WAITS) => says?,
    };
    lock.await
}

/// Commands hold it for a moment while they look.
async fn try_lock(home: &Home) -> Result<Option<Guard>> {
    match home.locks.try_lock(LOCK).await? {
        Some(lock) => Ok(Some(lock)),
        None => {
            tokio::time::sleep(Duration::from_millis(10)).await;
            home.locks.try_lock(LOCK).await
        }
    }
}

async fn is_awaited(home: &Home) -> Result<bool> {
    Ok(home.locks.try_lock(WAITS).await?.is_none())
}

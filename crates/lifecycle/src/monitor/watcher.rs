//! What a server does for monitoring, again and again: duties, each by itself, so that one that hangs or fails
//! holds up no other.
//!
//! A duty remembers nothing that matters: killed at any moment, the next server's goes on from the home. To add
//! one: a type that is a [`Duty`], and a line where the binary lists them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::{join_all, select};
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use tokio::task::JoinSet;

use crate::troubles::Troubles;

/// From the end of a look to the next.
const PAUSE: Duration = Duration::from_secs(1);

/// Something that is done as often as possible.
#[async_trait]
pub trait Duty: Send + Sync {
    /// `windows`, `deliveries`, `triggers`.
    fn name(&self) -> &'static str;

    /// Does what is to be done now. May be dropped half-way.
    ///
    /// # Errors
    /// Is told, once as long as it stays the same, and the duty tried again.
    async fn look(&self) -> Result<()>;
}

pub struct Watcher {
    duties: Vec<Arc<dyn Duty>>,
    pause: Duration,
}

impl Watcher {
    pub fn new(duties: Vec<Arc<dyn Duty>>) -> Self {
        Self { duties, pause: PAUSE }
    }

    /// Does all duties, each at its own pace, until `end`.
    pub async fn run(&self, troubled: impl Fn(&Fault) + Sync, end: impl Future<Output = ()>) {
        let each = self.duties.iter().map(|duty| async {
            let mut troubles = Troubles::new(&troubled);
            loop {
                match look(duty).await {
                    Ok(()) => troubles.none(),
                    Err(fault) => troubles.tell(&fault),
                }
                tokio::time::sleep(self.pause).await;
            }
        });
        let each = async {
            join_all(each).await;
            // Where there is no duty there is nothing to do, until the end.
            std::future::pending::<()>().await;
        };
        select(std::pin::pin!(end), std::pin::pin!(each)).await;
    }
}

/// A look in a task of its own, which ends with this future: one that panics, too, is tried again.
async fn look(duty: &Arc<dyn Duty>) -> Result<()> {
    let mut task = JoinSet::new();
    let name = duty.name();
    let duty = Arc::clone(duty);
    task.spawn(async move { duty.look().await });
    match task.join_next().await {
        Some(done) => done.attempt(Kind::Internal, || format!("looking after {name} broke off"))?,
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::watch;

    use super::*;

    struct Hangs;

    #[async_trait]
    impl Duty for Hangs {
        fn name(&self) -> &'static str {
            "nothing"
        }

        async fn look(&self) -> Result<()> {
            std::future::pending().await
        }
    }

    /// Panics at first, then fails twice in the same words, then works until it was looked at five times.
    struct Learns {
        looks: AtomicU32,
        done: watch::Sender<bool>,
    }

    #[async_trait]
    impl Duty for Learns {
        fn name(&self) -> &'static str {
            "learning"
        }

        async fn look(&self) -> Result<()> {
            match self.looks.fetch_add(1, Ordering::SeqCst) {
                0 => panic!("it is the first time"),
                1 | 2 => Err(Fault::new(Kind::Store, "cannot learn yet")),
                3 => Ok(()),
                _ => {
                    self.done.send_replace(true);
                    Ok(())
                }
            }
        }
    }

    #[tokio::test]
    async fn a_duty_that_hangs_or_panics_holds_up_no_other_and_the_same_fault_is_told_once() {
        let (done, mut told) = watch::channel(false);
        let duties: [Arc<dyn Duty>; 2] = [Arc::new(Hangs), Arc::new(Learns { looks: 0.into(), done })];
        let faults = Mutex::new(Vec::new());
        let end = async {
            let _ = told.wait_for(|done| *done).await;
        };
        let tell = |fault: &Fault| faults.lock().unwrap().push(fault.report());
        let pause = Duration::from_millis(1);
        Watcher { duties: duties.to_vec(), pause }.run(tell, end).await;
        let faults = faults.into_inner().unwrap();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(
            faults[0].contains("learning broke off") && faults[1].contains("cannot learn yet"),
            "{faults:?}"
        );
    }
}

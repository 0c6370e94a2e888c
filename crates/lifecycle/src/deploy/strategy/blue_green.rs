//! Both versions warm, all traffic switched, and switched back where the new one is worse.
//!
//! There is no incumbent at the same time to compare with, so the candidate is compared with what the
//! incumbent did before the switch, and only in errors and answers: latency follows the load, which is
//! another now. It stays under watch for `min_time`.

use modelyard_core::deploy::{Release, Role};

use super::{At, Next, Strategy};

pub(super) struct BlueGreen;

impl Strategy for BlueGreen {
    fn placed(&self, _release: &Release, _step: u32) -> (Role, f64) {
        (Role::Candidate, 1.0)
    }

    fn next(&self, at: &At<'_>) -> Next {
        let watched = at.release.strategy.judge.min_time_secs;
        if at.elapsed_secs() < watched {
            return Next::Stay;
        }
        Next::Promote(format!("nothing was worse for {}", super::duration(watched)))
    }
}

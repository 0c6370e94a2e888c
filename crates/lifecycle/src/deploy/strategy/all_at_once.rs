//! All traffic at once, as soon as every replica is ready.

use modelyard_core::deploy::{Release, Role};

use super::{At, Next, Strategy};

pub(super) struct AllAtOnce;

impl Strategy for AllAtOnce {
    fn first(&self, _release: &Release) -> Next {
        Next::Promote("every replica is ready".to_owned())
    }

    fn placed(&self, _release: &Release, _step: u32) -> (Role, f64) {
        (Role::Candidate, 1.0)
    }

    fn next(&self, at: &At<'_>) -> Next {
        self.first(at.release)
    }
}

//! Both versions side by side, sticky by key, until one is better or a person decides.

use modelyard_core::deploy::{Release, Role};

use super::{At, Next, Strategy};

pub(super) struct AB;

impl Strategy for AB {
    fn placed(&self, release: &Release, _step: u32) -> (Role, f64) {
        (Role::Candidate, release.strategy.weights.first().copied().unwrap_or(0.5))
    }

    fn next(&self, at: &At<'_>) -> Next {
        if at.is_passed() && at.better {
            return Next::Promote(format!("better after {} requests", at.requests));
        }
        at.at_timeout()
    }
}

//! A growing share of traffic; each step is compared with the incumbent over the same period.

use modelyard_core::deploy::{Release, Role};

use super::{At, Next, Strategy};

pub(super) struct Canary;

impl Strategy for Canary {
    fn first(&self, release: &Release) -> Next {
        self.step(release, 0, "every replica is ready".to_owned())
    }

    fn placed(&self, release: &Release, step: u32) -> (Role, f64) {
        (Role::Candidate, release.strategy.weights.get(step as usize).copied().unwrap_or(1.0))
    }

    fn next(&self, at: &At<'_>) -> Next {
        if !at.is_passed() {
            return at.at_timeout();
        }
        self.step(at.release, at.release.step + 1, at.not_worse())
    }
}

impl Canary {
    /// All traffic is no step: nothing would be left to compare with.
    fn step(&self, release: &Release, step: u32, why: String) -> Next {
        match self.placed(release, step).1 {
            weight if weight < 1.0 => Next::Step(step, why),
            _ => Next::Promote(why),
        }
    }
}

//! The candidate sees copies of requests; its answers are compared and never returned.
//!
//! It gets no traffic by itself: once it has seen enough it is held with the comparison, and a person
//! promotes or aborts it, where `on_timeout` does not say beforehand what is to happen.

use modelyard_core::deploy::{OnTimeout, Release, Role};

use super::{At, Next, Strategy};

pub(super) struct Shadow;

impl Strategy for Shadow {
    fn placed(&self, release: &Release, _step: u32) -> (Role, f64) {
        (Role::Shadow, release.strategy.weights.first().copied().unwrap_or(1.0))
    }

    fn next(&self, at: &At<'_>) -> Next {
        let asks = at.release.strategy.judge.on_timeout == OnTimeout::Hold;
        match at.at_timeout() {
            Next::Stay if asks && at.is_passed() => Next::Hold(format!("compared: {}", at.not_worse())),
            other => other,
        }
    }
}

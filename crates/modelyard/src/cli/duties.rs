//! What a server does for monitoring, wired: a line each.

use std::sync::Arc;

use modelyard_core::ports::Home;
use modelyard_lifecycle::monitor::Duty;

use super::Context;

/// All of them.
pub(crate) fn all(_home: &Home, _ctx: &Context) -> Vec<Arc<dyn Duty>> {
    Vec::new()
}

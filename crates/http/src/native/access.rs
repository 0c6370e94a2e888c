//! Who may do what. There are no accounts yet: whoever reaches the server acts as the user that runs it,
//! and may do everything. What a route needs is asked here, so that accounts change this file alone.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::Api;
use super::refusal::Refusal;

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permission {
    /// Looks.
    Read,
    /// Names versions.
    Register,
    /// Changes what environments there are, and their rules.
    Apply,
    /// Changes what runs in an environment.
    Deploy,
    /// Says that a version may be released, or may not.
    Approve,
    /// Sets off training.
    Train,
}

impl Permission {
    pub const ALL: [Self; 6] =
        [Self::Read, Self::Register, Self::Apply, Self::Deploy, Self::Approve, Self::Train];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Register => "register",
            Self::Apply => "apply",
            Self::Deploy => "deploy",
            Self::Approve => "approve",
            Self::Train => "train",
        }
    }
}

/// Who asks. A handler that changes something takes it, and there is none without a permission.
#[derive(Clone, Debug)]
pub(super) struct Caller(pub(super) String);

/// Lets through who has `permission`.
pub(super) async fn need(
    State((api, _permission)): State<(Arc<Api>, Permission)>,
    mut request: Request,
    next: Next,
) -> Result<Response, Refusal> {
    request.extensions_mut().insert(Caller(api.actor.clone()));
    Ok(next.run(request).await)
}

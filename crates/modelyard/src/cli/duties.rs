//! What a server does for monitoring, wired: a line each.

use std::path::Path;
use std::sync::Arc;

use modelyard_core::Result;
use modelyard_core::ports::Home;
use modelyard_http::client::outside;
use modelyard_lifecycle::monitor::alerts::{Deliveries, Standing};
use modelyard_lifecycle::monitor::trigger::Triggers;
use modelyard_lifecycle::monitor::upkeep::Upkeep;
use modelyard_lifecycle::monitor::{Duty, Windows};
use modelyard_pipeline::{Engine, Mode};

use super::training::OwnHands;
use super::{Context, session};

/// All of them, for the home in `folder`, which is absolute.
///
/// # Errors
/// If the user's cache folder can't be found.
pub(crate) fn all(home: &Home, folder: &Path, ctx: &Context) -> Result<Vec<Arc<dyn Duty>>> {
    let engine = Engine::new(home.clone(), ctx.clock.clone(), Mode::Execute, folder.join("steps"), 1);
    let hands = Arc::new(OwnHands { home: home.clone(), folder: folder.to_owned() });
    Ok(vec![
        Arc::new(Windows::new(engine, session::settings(None, String::new())?)),
        Arc::new(Standing::new(home.clone(), ctx.clock.clone())),
        Arc::new(Deliveries::new(home.clone(), ctx.clock.clone(), outside())),
        Arc::new(Upkeep::new(home.clone(), ctx.clock.clone())),
        Arc::new(Triggers::new(home.clone(), ctx.clock.clone(), hands)),
    ])
}

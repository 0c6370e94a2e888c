//! Where replicas run, how they are tested, and who brings that about, wired.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use modelyard_core::fault::Attempt;
use modelyard_core::ports::Home;
use modelyard_core::{Kind, Result};
use modelyard_deploy::target::Target;
use modelyard_deploy::target::process::{ProcessTarget, Settings};
use modelyard_http::client::HttpConnect;
use modelyard_lifecycle::deploy::application_test::ApplicationTests;
use modelyard_lifecycle::deploy::reconcile::{Reconciler, told, wanted};

use super::conduct::{self, Live};
use super::{Context, session};

/// Longer than a data plane waits for clients that have not sent a whole request. Answers have as long besides as
/// the environment's `limits.timeout` says.
const PATIENCE: Duration = Duration::from_secs(20);

/// A large model takes its time to load.
const READY_WITHIN: Duration = Duration::from_secs(120);

/// The target of processes of this program, for the home in `folder`, which is absolute.
///
/// # Errors
/// If the program's own file can't be found.
pub(crate) fn target(folder: &Path) -> Result<Arc<dyn Target>> {
    let program = std::env::current_exe()
        .attempt(Kind::Internal, || "cannot tell where this program's file is".to_owned())?;
    Ok(Arc::new(ProcessTarget::new(Settings {
        program,
        args: vec!["--home".into(), folder.into()],
        folder: folder.join("replicas"),
        runtime: std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
        patience: PATIENCE,
        ready_within: READY_WITHIN,
    })))
}

/// Ends the replicas of the environments that `project` no longer has; for whoever holds the lock of the home.
///
/// # Errors
/// If the home can't be read, or what the target keeps not be removed.
pub(crate) async fn end_removed(home: &Home, project: &str, ctx: &Context) -> Result<()> {
    let target = target(&session::absolute(&session::home_folder(ctx)?))?;
    for environment in home.environments.environments(Some(project)).await? {
        if !environment.removed || target.status(&environment.id).await?.is_empty() {
            continue;
        }
        let live = Live::new(ctx);
        live.waits("stopping", format!("{}, after what it took is answered", environment.id.name));
        let ended = told(&*target, &environment, &wanted(&environment, conduct::program(home).await?)?).await;
        live.end();
        ended?;
    }
    Ok(())
}

/// Brings about what is wanted on `target`, and tests what is deployed over HTTP.
///
/// # Errors
/// If the user's cache folder or this program's file can't be found.
pub(crate) async fn reconciler(home: &Home, ctx: &Context, target: Arc<dyn Target>) -> Result<Reconciler> {
    let machine = conduct::machine(home, false).await?;
    let tester = ApplicationTests {
        home: home.clone(),
        clock: ctx.clock.clone(),
        connect: Arc::new(HttpConnect),
        settings: session::settings(None, String::new())?,
        program: machine.program,
        onnx_library: machine.onnx_library,
    };
    Ok(Reconciler::new(home.clone(), ctx.clock.clone(), target, Arc::new(tester), machine.program))
}

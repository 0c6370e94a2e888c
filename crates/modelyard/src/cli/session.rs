//! Opening what a command works on: project, home, and the workshop of a build.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modelyard_core::audit::Actor;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result};
use modelyard_lifecycle::{Progress, Settings, Silent, Workshop};
use modelyard_pipeline::{Cancel, Engine, Mode, executor};
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, ahead, print};
use crate::config::{self, Loaded};

/// The folder of a home, beside `modelyard.toml`.
const HOME: &str = ".modelyard";

/// A project with its home.
pub(crate) struct Session {
    pub(crate) loaded: Loaded,
    pub(crate) home: Home,
    pub(crate) home_folder: PathBuf,
}

/// The project that the command is in, and its home, made if missing.
///
/// # Errors
/// If there is no project, it has problems, or the home can't be opened.
pub(crate) async fn project(ctx: &Context) -> Result<Session> {
    let loaded = loaded(ctx)?;
    let home_folder = home_of(ctx, &loaded);
    let home = modelyard_store::open(&home_folder, ctx.clock.clone()).await?;
    Ok(Session { loaded, home, home_folder })
}

/// The project that the command is in; says what is remarkable about its file.
pub(crate) fn loaded(ctx: &Context) -> Result<Loaded> {
    let loaded = config::load(&absolute(&config::locate(ctx.project.as_deref())?))?;
    if !ctx.quiet {
        for remark in &loaded.remarks {
            print::remark(format!("remark: {remark}"));
        }
    }
    Ok(loaded)
}

/// The home in `folder`, for looking: a project that has not run yet has an empty one, which nothing is written
/// for; one that was named has to be there.
///
/// # Errors
/// If it can't be opened.
pub(crate) async fn existing(ctx: &Context, folder: &Path) -> Result<Home> {
    match modelyard_store::open_existing(folder, ctx.clock.clone()).await {
        Err(fault) if fault.kind() == Kind::NotFound && ctx.home.is_none() => Ok(modelyard_store::memory()),
        opened => opened,
    }
}

/// A home that is there: of `--home`, else of the project.
///
/// # Errors
/// If there is neither, or it can't be opened.
pub(crate) async fn home(ctx: &Context) -> Result<Home> {
    modelyard_store::open_existing(&home_folder(ctx)?, ctx.clock.clone()).await
}

/// The environment that `text` names, `NAME` in the project of the working folder or `PROJECT/NAME`, and
/// its home.
///
/// # Errors
/// If there is no project for a bare name, no home that was named, or the environment was not applied yet.
pub(crate) async fn environment(ctx: &Context, text: &str) -> Result<(Home, EnvironmentId)> {
    if text.contains('/') {
        return Ok((home(ctx).await?, text.parse()?));
    }
    let loaded = loaded(ctx)?;
    let id = EnvironmentId { project: loaded.project.name.clone(), name: text.to_owned() };
    let home = existing(ctx, &home_of(ctx, &loaded)).await?;
    let is_declared = loaded.project.environments.contains_key(text);
    if is_declared && home.environments.environment(&id).await?.is_none() {
        return Err(ahead::not_applied(&home, &loaded.project, text).await?);
    }
    Ok((home, id))
}

/// The environment that `text` names, a bare name in `project`.
///
/// # Errors
/// If there is no project for a bare name, or it names none.
pub(crate) fn environment_id<P: Into<String>>(
    text: &str,
    project: impl FnOnce() -> Result<P>,
) -> Result<EnvironmentId> {
    match text.contains('/') {
        true => text.parse(),
        false => Ok(EnvironmentId { project: project()?.into(), name: text.to_owned() }),
    }
}

/// Who acts now, for the audit log.
pub(crate) fn acting(ctx: &Context) -> Actor {
    Actor { name: actor(), at: ctx.clock.now() }
}

/// Where the home of the command lies.
///
/// # Errors
/// If neither `--home` nor a project says so.
pub(crate) fn home_folder(ctx: &Context) -> Result<PathBuf> {
    if let Some(folder) = &ctx.home {
        return Ok(folder.clone());
    }
    let file = config::locate(ctx.project.as_deref())?;
    // A home can be looked into although its project has problems.
    match config::inspect(&file)? {
        Ok(loaded) => Ok(home_of(ctx, &loaded)),
        Err(_) => Ok(file.parent().unwrap_or(Path::new(".")).join(HOME)),
    }
}

fn home_of(ctx: &Context, loaded: &Loaded) -> PathBuf {
    match (&ctx.home, &loaded.home) {
        (Some(folder), _) => absolute(folder),
        (None, Some(configured)) => loaded.root.join(configured),
        (None, None) => loaded.root.join(HOME),
    }
}

/// `path` from the root; as it is where there is no working folder.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// What commands that build may be told.
#[derive(clap::Args, Clone, Default)]
pub(crate) struct BuildArgs {
    /// How many steps or trials run at once
    #[arg(long, short, value_name = "N", default_value_t = 2, value_parser = at_least_one)]
    pub(crate) jobs: usize,
    /// The ONNX Runtime shared library [default: looked for, else fetched]
    #[arg(long, value_name = "FILE", env = "MODELYARD_ONNX_LIBRARY")]
    pub(crate) onnx_library: Option<PathBuf>,
}

fn at_least_one(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 on is wanted".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// The settings of this command.
pub(crate) fn settings(onnx_library: Option<PathBuf>, config_text: String) -> Result<Settings> {
    Ok(Settings {
        actor: actor(),
        cache: cache()?,
        onnx_library,
        force: Default::default(),
        accept_champion: false,
        aliases: Vec::new(),
        config_text,
        command: std::env::args().skip(1).fold("modelyard".to_owned(), |line, word| line + " " + &word),
        triggered: None,
    })
}

/// The workshop of `session`, and Ctrl-C wired to its cancelling.
pub(crate) fn workshop(
    ctx: &Context,
    session: Session,
    mode: Mode,
    jobs: usize,
    settings: Settings,
    progress: Arc<dyn Progress>,
) -> Arc<Workshop> {
    let shop = shop(session, ctx.clock.clone(), mode, jobs, settings, progress);
    cancel_on_signals(shop.engine.cancel.clone());
    Arc::new(shop)
}

/// The workshop of `session`, for looking only: nothing is executed that one would want to cancel.
///
/// # Errors
/// If the user's cache folder can't be found.
pub(crate) fn looking(session: Session, clock: Arc<dyn Clock>) -> Result<Workshop> {
    let settings = settings(None, session.loaded.text.clone())?;
    Ok(shop(session, clock, Mode::Look, 1, settings, Arc::new(Silent)))
}

fn shop(
    session: Session,
    clock: Arc<dyn Clock>,
    mode: Mode,
    jobs: usize,
    settings: Settings,
    progress: Arc<dyn Progress>,
) -> Workshop {
    let scratch = session.home_folder.join("steps");
    let engine = Engine::new(session.home, clock, mode, scratch, jobs);
    let Loaded { project, root, .. } = session.loaded;
    let mut shop = Workshop::new(engine, Arc::new(executor::Local), project, root, settings, progress);
    shop.home_folder = Some(session.home_folder);
    shop
}

/// Ctrl-C and SIGTERM cancel; a second one ends the program at once.
pub(crate) fn cancel_on_signals(cancel: Cancel) {
    tokio::spawn(async move {
        for first in [true, false] {
            let Ok(mut terminate) = signal(SignalKind::terminate()) else { return };
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            if first {
                cancel.cancel();
            } else {
                std::process::exit(i32::from(super::exit::code(Kind::Cancelled)));
            }
        }
    });
}

/// The user's cache folder: `$XDG_CACHE_HOME/modelyard`.
///
/// # Errors
/// If neither it nor `HOME` is set.
pub(crate) fn cache() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .filter(|folder| !folder.is_empty())
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    let base = base.ok_or_else(|| {
        Fault::new(Kind::Environment, "cannot tell where the user's cache folder is")
            .hint("set HOME or XDG_CACHE_HOME")
    })?;
    Ok(base.join("modelyard"))
}

/// Who acts: `MODELYARD_ACTOR`, else the operating system's user.
pub(crate) fn actor() -> String {
    let declared = std::env::var("MODELYARD_ACTOR").ok().filter(|name| !name.is_empty());
    declared.unwrap_or_else(|| whoami::fallible::username().unwrap_or_else(|_| "unknown".to_owned()))
}

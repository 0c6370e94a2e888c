//! `modelyard serve`: a registered version, a package folder with no home at all, or whatever is deployed in
//! an environment, over HTTP.

mod replica;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use modelyard_core::fault::Attempt;
use modelyard_core::package::{MANIFEST, Package};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_http::{Limits, Served};
use modelyard_process::temporary::PrivateTmp;
use modelyard_serve::Fleet;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Context, print, session};
use crate::config::duration;

/// Answer requests with a registered version or a package's folder
#[derive(clap::Args)]
pub(crate) struct Args {
    /// NAME, NAME@VERSION or NAME@ALIAS; or the folder of a package. A NAME alone is the champion,
    /// before there is one the newest version
    #[arg(value_name = "MODEL|FOLDER", required_unless_present = "environment")]
    what: Option<String>,
    /// Serve what is deployed in an environment, NAME or PROJECT/NAME, and follow it: what is released
    /// there takes over without a restart
    #[arg(long, value_name = "ENVIRONMENT", conflicts_with_all = ["what", "timeout"])]
    environment: Option<String>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:8080, or the environment's own]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    #[command(flatten)]
    replica: replica::ReplicaArgs,
    /// Largest body of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_bytes)]
    max_body: usize,
    /// How long a Python model may take to be opened, or over one batch, before it is ended
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration::parse_argument)]
    timeout: Duration,
    /// The ONNX Runtime shared library [default: looked for, else fetched]
    #[arg(long, value_name = "FILE", env = "MODELYARD_ONNX_LIBRARY")]
    onnx_library: Option<PathBuf>,
}

/// Where a server listens that is not told.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    log_to_stderr(ctx);
    if let Some(environment) = &args.environment {
        return replica::run(environment, &args, ctx).await;
    }
    // Bound before the model is loaded: a busy port is told at once, and early clients wait.
    let listener = bind(args.listen.unwrap_or(LISTEN)).await?;
    let address = listener.local_addr().attempt(Kind::Internal, || "cannot tell the port".to_owned())?;
    let opened = open(args.what.as_deref().unwrap_or_default(), ctx).await?;
    let settings = session::settings(args.onnx_library, String::new())?;
    let note = |text: &str| {
        if !ctx.quiet {
            print::remark(format!("remark: {text}"));
        }
    };
    let model = settings.open_package(&opened.package, args.timeout, &note).await?;
    let limits = Limits { body_bytes: args.max_body, ..Limits::default() };
    let runtime = opened.package.manifest.stages.first().map_or("", |stage| stage.runtime.name());
    let fleet = Arc::new(Fleet::of_one(ctx.clock.clone(), opened.name.clone(), opened.version, model));
    let served = Arc::new(Served::new(fleet.clone(), limits, ctx.clock.clone()));
    if ctx.json {
        print::json(
            &json!({"model": opened.name, "version": opened.version, "runtime": runtime, "listen": address.to_string()}),
        );
    } else if !ctx.quiet {
        print::result(format!(
            "{} ({runtime}) answers at http://{address}\n  POST /predict/{}   POST /invocations   POST /v2/models/{}/infer   GET /metrics",
            opened.title(),
            opened.name,
            opened.name
        ));
    }
    modelyard_http::serve(listener, served, asked_to_end()?).await;
    fleet.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What a process that stays has to say goes to stderr.
pub(super) fn log_to_stderr(ctx: &Context) {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(ctx.color)
        .with_max_level(tracing::Level::WARN)
        .with_target(false)
        .init();
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        Fault::new(Kind::Conflict, format!("cannot listen on {address}"))
            .because(error)
            .hint("choose another with --listen ADDRESS:PORT; port 0 takes a free one")
    })
}

/// A package on disk, and what it is called.
pub(crate) struct OpenedPackage {
    pub(crate) name: String,
    pub(crate) version: Option<u32>,
    pub(crate) package: Package,
    /// Where a registered package was unpacked; gone with this.
    _place: Option<PrivateTmp>,
}

impl OpenedPackage {
    /// `late-flights@3`, or the name alone.
    fn title(&self) -> String {
        self.version.map_or_else(|| self.name.clone(), |version| format!("{}@{version}", self.name))
    }
}

/// The package that `what` names: a folder, or a version in the home.
pub(crate) async fn open(what: &str, ctx: &Context) -> Result<OpenedPackage> {
    let folder = Path::new(what);
    if folder.join(MANIFEST).is_file() {
        let folder = std::path::absolute(folder)
            .attempt(Kind::Package, || format!("cannot find the folder `{what}`"))?;
        let package = modelyard_deploy::package::read(&folder)?;
        let name =
            folder.file_name().map_or_else(|| "model".to_owned(), |name| name.to_string_lossy().into_owned());
        return Ok(OpenedPackage { name, version: None, package, _place: None });
    }
    if folder.is_dir() {
        return Err(Fault::new(
            Kind::Package,
            format!("the folder `{what}` is no package: it has no {MANIFEST}"),
        )
        .hint("`modelyard models download NAME@VERSION FOLDER` writes one"));
    }
    open_in(&session::home(ctx).await?, what).await
}

/// The package of the version that `what` names in `home`.
pub(crate) async fn open_in(home: &Home, what: &str) -> Result<OpenedPackage> {
    let version = modelyard_track::registry::find(home, &what.parse()?).await?;
    let place = PrivateTmp::new()?;
    let folder = place.path().join("package");
    home.blobs.fetch_folder(version.package, &folder).await?;
    let package = modelyard_deploy::package::read(&folder)?;
    Ok(OpenedPackage { name: version.name, version: Some(version.number), package, _place: Some(place) })
}

/// Resolves at SIGTERM or Ctrl-C.
pub(super) fn asked_to_end() -> Result<impl Future<Output = ()> + Send + 'static> {
    let failed = || "cannot listen to signals".to_owned();
    let mut terminate = signal(SignalKind::terminate()).attempt(Kind::Internal, failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).attempt(Kind::Internal, failed)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

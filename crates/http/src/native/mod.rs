//! The server's own API, `/api/v1`: what commands do, done by a request.
//!
//! A family of routes is a file and a line in [`routes`]. A route says its permission, the command that it
//! does and what it answers where it is declared ([`route`]), so that whoever asks for any of that (the
//! guard, the manual, tests) reads the same list. Handlers translate; what is done stands in `lifecycle`,
//! `track` and the home.
//!
//! Whoever may open a connection may ask, until there are accounts: [`guard`] keeps everybody else out,
//! pages of other origins above all.

mod access;
mod alerts;
mod audit;
mod body;
mod environments;
mod events;
mod guard;
mod history;
mod models;
mod monitor;
mod openapi;
mod path;
mod projects;
mod query;
mod refusal;
mod releases;
mod route;
mod runs;
mod status;
mod triggers;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::middleware;
use hyper::server::conn::http1;
use hyper_util::rt::TokioTimer;
use hyper_util::service::TowerToHyperService;
use modelyard_core::audit::Actor;
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result};
use modelyard_deploy::target::Target;
use modelyard_lifecycle::deploy::apply::Proposal;
use modelyard_lifecycle::deploy::release::Machine;
use tokio::net::TcpListener;
use tokio::sync::watch;

pub use access::Permission;
pub use openapi::document;
use refusal::Refusal;
use route::Route;

use crate::connection;

/// What the API works on.
pub struct Api {
    pub home: Home,
    pub clock: Arc<dyn Clock>,
    /// Who acts: the user that runs the server, until there are accounts.
    pub actor: String,
    /// Where it listens.
    pub address: SocketAddr,
    pub target: Arc<dyn Target>,
    pub machine: Arc<dyn OwnMachine>,
    /// Becomes true when the server ends.
    pub ending: watch::Receiver<bool>,
}

/// What only the server's machine can tell.
#[async_trait]
pub trait OwnMachine: Send + Sync {
    /// What must be equal where a package is tested and where it is released. `with_onnx`: the ONNX Runtime library is needed.
    ///
    /// # Errors
    /// If the program's own file can't be read, or the library not be had.
    async fn machine(&self, with_onnx: bool) -> Result<Machine>;

    /// The variable `name` of this process, with a secret.
    fn secret(&self, name: &str) -> Option<String>;

    /// What applying the project in `folder` would change.
    ///
    /// # Errors
    /// If there is none, or it has problems.
    async fn propose(&self, folder: &Path) -> Result<Proposal>;
}

impl Api {
    fn by(&self, caller: &access::Caller) -> Actor {
        Actor { name: caller.0.clone(), at: self.clock.now() }
    }
}

/// All routes of the API.
fn routes() -> Vec<Route> {
    [
        projects::routes(),
        environments::routes(),
        releases::routes(),
        history::routes(),
        monitor::routes(),
        alerts::routes(),
        models::routes(),
        runs::routes(),
        triggers::routes(),
        audit::routes(),
        events::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A route as others see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub method: &'static str,
    /// `/api/v1/models/{name}`.
    pub path: String,
    pub permission: Permission,
    /// The command that does the same: `models show`, `rollback --drill`.
    pub command: Option<&'static str>,
    /// Names of what may be said: in the path, behind the `?`, in the body.
    pub says: Vec<String>,
    pub summary: &'static str,
}

/// Every route, in the order of the document.
pub fn listed() -> Vec<Listed> {
    routes().iter().map(Route::listed).collect()
}

/// Everything that the server answers.
pub fn router(api: Arc<Api>) -> Router {
    let mut router = Router::new();
    for route in routes() {
        router = router.merge(route.into_router(&api));
    }
    router
        .merge(status::routes())
        .fallback(async || {
            Refusal(Fault::new(Kind::NotFound, "there is no such route").hint("GET /api/v1 lists them"))
        })
        .method_not_allowed_fallback(refusal::other_method)
        .layer(middleware::from_fn_with_state(Arc::clone(&api), guard::check))
        .with_state(api)
}

/// Connections at once; more wait.
const CONNECTIONS: usize = 512;
/// Of one request.
const HEADERS: usize = 64;
const HEADER_BYTES: usize = 64 << 10;
/// For the headers of a request.
const PATIENCE: Duration = Duration::from_secs(10);
/// For answers under way, once the end was asked for.
const GRACE: Duration = Duration::from_secs(10);

/// Answers on `listener` until the API ends, then what was taken, then returns.
pub async fn serve(listener: TcpListener, api: Api) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(HEADERS)
        .max_buf_size(HEADER_BYTES)
        .half_close(false);
    let ending = api.ending.clone();
    let router = router(Arc::new(api));
    let answer = |stream| {
        let (http, router, mut ending) = (http.clone(), router.clone(), ending.clone());
        async move {
            let service = TowerToHyperService::new(router);
            let closing = connection::until_ending(&mut ending);
            connection::answer(&http, stream, service, closing, std::future::pending()).await;
        }
    };
    let overdue = async { tokio::time::sleep(GRACE).await };
    connection::serve(listener, CONNECTIONS, ending.clone(), overdue, answer).await;
}

/// Whether the server may listen on `address`.
///
/// # Errors
/// [`Kind::Usage`] if other machines could reach it.
pub fn check_address(address: SocketAddr) -> Result<()> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(Fault::new(Kind::Usage, format!("cannot listen on {address}: other machines could reach it"))
        .hint("the server knows no accounts and answers this machine alone: --listen 127.0.0.1:5000"))
}

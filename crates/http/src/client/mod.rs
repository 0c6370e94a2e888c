//! The other side of the wire: a deployed version, asked as its clients ask it. Application tests see it as
//! [`Endpoint`]; single calls go through a pool of kept connections, loads through [`load`].

pub mod load;
mod plane;
mod post;
mod reply;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{Method, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::deploy::application_test::endpoint::{
    Address, Connect, Endpoint, LoadMeasured, LoadPlan, Reply,
};

pub use plane::Plane;
pub use post::{WebPost, outside};

/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_secs(20);

/// An answer that is longer is none.
const ANSWER_BYTES: usize = 256 << 20;

/// Opens endpoints over HTTP.
pub struct HttpConnect;

impl Connect for HttpConnect {
    fn connect(&self, address: &Address) -> Result<Arc<dyn Endpoint>> {
        Ok(Arc::new(HttpEndpoint::new(address)?))
    }
}

/// A version behind `/predict/MODEL`.
pub struct HttpEndpoint {
    address: SocketAddr,
    expected: Address,
    uri: Uri,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl HttpEndpoint {
    /// Nothing is asked yet.
    ///
    /// # Errors
    /// If the address is none.
    pub fn new(expected: &Address) -> Result<Self> {
        let address = reachable(&expected.listen)?;
        let uri = format!("http://{address}/predict/{}", expected.model)
            .parse()
            .attempt(Kind::Internal, || format!("`{}` makes no address", expected.model))?;
        let mut connector = HttpConnector::new();
        // A small request must not wait for the acknowledgement of the one before.
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector);
        Ok(Self { address, expected: expected.clone(), uri, client })
    }

    async fn ask(&self, body: Vec<u8>) -> Result<Reply, hyper_util::client::legacy::Error> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        request
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        let response = self.client.request(request).await?;
        let status = response.status();
        Ok(match Limited::new(response.into_body(), ANSWER_BYTES).collect().await {
            Ok(body) => reply::read(status, &body.to_bytes(), &self.expected),
            Err(error) => Reply::Failed(format!("the answer was cut short: {error}")),
        })
    }
}

#[async_trait]
impl Endpoint for HttpEndpoint {
    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn predict(&self, body: Vec<u8>, patience: Duration) -> Reply {
        match tokio::time::timeout(patience, self.ask(body)).await {
            Ok(Ok(reply)) => reply,
            Ok(Err(error)) => Reply::Failed(with_causes(&error)),
            Err(_) => Reply::TimedOut(patience),
        }
    }

    async fn load(&self, plan: LoadPlan) -> Result<LoadMeasured> {
        let address = self.address;
        let path = self.uri.path().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        // Whoever no longer waits for the load ends it.
        let _stop = StopWhenDropped(stop.clone());
        tokio::task::spawn_blocking(move || load::run(address, &path, &plan, &stop))
            .await
            .attempt(Kind::Internal, || "the load's thread ended".to_owned())?
    }
}

struct StopWhenDropped(Arc<AtomicBool>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Where `listen` is reached from this machine: an address that stands for all of them is none to ask.
fn reachable(listen: &str) -> Result<SocketAddr> {
    let not_found = || Fault::new(Kind::Config, format!("`{listen}` is no address that can be asked"));
    let mut address =
        listen.to_socket_addrs().map_err(|error| not_found().because(error))?.next().ok_or_else(not_found)?;
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    Ok(address)
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

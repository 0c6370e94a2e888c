//! Webhooks: a body that is sent to an address of the web.

use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_lifecycle::monitor::alerts::{Outside, Post};

use super::with_causes;

/// What sinks need of this process: the web, and its environment's variables.
pub fn outside() -> Outside {
    Outside { post: Arc::new(WebPost), variable: |name| std::env::var(name).ok() }
}

/// Of an answer that refuses, the first characters are kept.
const KEPT: usize = 500;
/// An answer that is longer is not read to its end.
const ANSWER_BYTES: usize = 64 << 10;

/// Sends over HTTP and HTTPS, a connection a body: it is seldom, and a kept one may have died meanwhile.
pub struct WebPost;

#[async_trait]
impl Post for WebPost {
    async fn post(&self, url: &str, headers: &[(&str, String)], body: Vec<u8>) -> Result<()> {
        let uri: Uri = url.parse().attempt(Kind::Config, || format!("`{url}` is no address of the web"))?;
        let host = uri.host().unwrap_or_default().to_owned();
        let mut request = Request::post(&uri)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("modelyard/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            // Values are secrets: no message shows them.
            let mut value = HeaderValue::from_str(value).map_err(|_| {
                Fault::new(Kind::Environment, format!("the header `{name}` can't have this value"))
                    .hint("it has a line end, or a character that headers don't know")
            })?;
            value.set_sensitive(true);
            request = request.header(*name, value);
        }
        let cannot = || format!("cannot send to `{host}`");
        let request = request.body(Full::new(Bytes::from(body))).attempt(Kind::Config, cannot)?;
        let runtime = TokioExecutor::new();
        let asked = match uri.scheme_str() {
            Some("https") => {
                let connector =
                    HttpsConnectorBuilder::new().with_native_roots().attempt(Kind::Environment, || {
                        "cannot find this machine's certificates, without which nothing is sent over https"
                            .to_owned()
                    })?;
                let connector = connector.https_only().enable_http1().build();
                Client::builder(runtime).build(connector).request(request).await
            }
            _ => Client::builder(runtime).build(HttpConnector::new()).request(request).await,
        };
        let answer = asked
            .map_err(|error| Fault::new(Kind::Environment, cannot()).detail("why", with_causes(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let fault = Fault::new(Kind::Environment, format!("`{host}` answered {status}"));
        let said = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await;
        let said =
            said.map(|said| String::from_utf8_lossy(&said.to_bytes()).into_owned()).unwrap_or_default();
        let said: String = said.trim().chars().take(KEPT).collect();
        Err(if said.is_empty() { fault } else { fault.detail("answer", said) })
    }
}

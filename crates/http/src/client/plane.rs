//! A data plane, as those ask it that replay traffic.

use std::net::SocketAddr;

use axum::body::Bytes;
use axum::http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use serde_json::Value;

use super::{reachable, with_causes};

/// An answer that is longer is none.
const ANSWER_BYTES: usize = 16 << 20;

/// Asks over as many connections as there are requests at once, and keeps them.
#[derive(Clone)]
pub struct Plane {
    address: SocketAddr,
    predict: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Plane {
    /// `listen` as the environment says, `model` the one it holds. Nothing is asked yet.
    ///
    /// # Errors
    /// If the address is none.
    pub fn new(listen: &str, model: &str) -> Result<Self> {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Ok(Self {
            address: reachable(listen)?,
            predict: format!("/predict/{model}"),
            client: Client::builder(TokioExecutor::new()).build(connector),
        })
    }

    /// Asks for a prediction under `id`; what is refused is an answer as well.
    ///
    /// # Errors
    /// If nobody answers.
    pub async fn predict(&self, id: &str, row: &Value) -> Result<(bool, Value)> {
        let (status, answer) = self.post(&self.predict, Some(id), row).await?;
        Ok((status.is_success(), answer))
    }

    /// Tells what turned out to be true.
    ///
    /// # Errors
    /// If it is not taken.
    pub async fn feedback(&self, labels: &Value) -> Result<()> {
        let (status, answer) = self.post("/feedback", None, labels).await?;
        if status.is_success() {
            return Ok(());
        }
        let message = answer["message"].as_str().unwrap_or("it did not say why").to_owned();
        Err(Fault::new(Kind::Data, format!("{} did not take labels: {status}", self.address))
            .detail("answer", message))
    }

    async fn post(&self, path: &str, id: Option<&str>, body: &Value) -> Result<(StatusCode, Value)> {
        let failed = || format!("cannot ask {}", self.address);
        let mut request = Request::post(format!("http://{}{path}", self.address))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(id) = id {
            request = request.header("x-modelyard-id", id);
        }
        let request = request.body(Full::new(Bytes::from(body.to_string()))).attempt(Kind::Data, failed)?;
        let answered = self.client.request(request).await.map_err(|error| {
            Fault::new(Kind::NotFound, failed())
                .detail("why", with_causes(&error))
                .hint("is the environment running? `modelyard environments list`")
        })?;
        let status = answered.status();
        let body = Limited::new(answered.into_body(), ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| Fault::new(Kind::Data, failed()).because(error))?.to_bytes();
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }
}

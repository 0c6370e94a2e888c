//! `webhook`: a POST of the alert as JSON.

use std::sync::Arc;

use async_trait::async_trait;
use modelyard_core::Result;

use super::{Message, Post, Tell};

pub(super) struct Webhook {
    pub(super) url: String,
    pub(super) authorization: Option<String>,
    pub(super) post: Arc<dyn Post>,
}

#[async_trait]
impl Tell for Webhook {
    async fn tell(&self, message: &Message) -> Result<()> {
        let mut headers = vec![("x-modelyard-delivery", message.id())];
        headers.extend(self.authorization.clone().map(|secret| ("authorization", secret)));
        self.post.post(&self.url, &headers, message.json().to_string().into_bytes()).await
    }
}

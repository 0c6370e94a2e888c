//! Results of actions.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::action::{ActionKey, ActionResult};
use modelyard_core::ports::ResultStore;

use super::{Database, decode, encode};

#[async_trait]
impl ResultStore for Database {
    async fn get(&self, key: ActionKey) -> Result<Option<ActionResult>> {
        let text: Option<String> = sqlx::query_scalar("SELECT document FROM results WHERE key = ?")
            .bind(key.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(|error| self.fault(format!("cannot look up the result of action `{key}`"), error))?;
        text.map(|text| decode(&text, &format!("the result of action `{key}`"))).transpose()
    }

    async fn put(&self, result: &ActionResult) -> Result<()> {
        let key = result.key;
        let document = encode(result)?;
        let mut writing = self.write().await?;
        sqlx::query(
            "INSERT INTO results (key, document) VALUES (?, ?)
             ON CONFLICT (key) DO UPDATE SET document = excluded.document",
        )
        .bind(key.to_string())
        .bind(document)
        .execute(writing.connection())
        .await
        .map_err(|error| self.fault(format!("cannot keep the result of action `{key}`"), error))?;
        writing.commit().await
    }
}

//! `modelyard models list`: a line a registered model.

use std::collections::BTreeMap;
use std::process::ExitCode;

use modelyard_core::Result;
use modelyard_core::model::{ModelRef, ModelVersion, RegisteredModel, Which};
use serde_json::json;

use super::super::table::{Column, Table};
use super::super::{Context, place, print, text};

/// List registered models
#[derive(clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = place::open(ctx).await?.home;
    let mut listed = Vec::new();
    for model in home.models.models().await? {
        let newest = ModelRef { name: model.name.clone(), which: Which::Number(model.latest_version) };
        let newest = home.models.resolve(&newest).await?;
        listed.push((model, newest));
    }
    if ctx.json {
        let documents: Vec<_> = listed
            .iter()
            .map(|(model, newest)| {
                json!({
                    "name": model.name,
                    "latest_version": model.latest_version,
                    "aliases": model.aliases,
                    "created_at": model.created_at,
                    "runtime": newest.as_ref().map(|newest| &newest.runtime),
                    "metric": newest.as_ref().and_then(metric),
                    "updated_at": newest.as_ref().map(|newest| newest.created_at),
                })
            })
            .collect();
        print::json(&json!(documents));
    } else if listed.is_empty() {
        print::result("No model is registered yet.\nnext: modelyard run");
    } else {
        print::result(table(&listed, ctx));
    }
    Ok(ExitCode::SUCCESS)
}

fn table(listed: &[(RegisteredModel, Option<ModelVersion>)], ctx: &Context) -> String {
    let now = ctx.clock.now();
    let mut table = Table::new([
        Column::left("model", Column::KEEP),
        Column::right("latest", 9),
        Column::left("aliases", 8),
        Column::left("runtime", 4),
        Column::left("metric", 7),
        Column::left("registered", 5),
    ]);
    for (model, newest) in listed {
        let newest = newest.as_ref();
        table.row([
            model.name.clone(),
            format!("@{}", model.latest_version),
            aliases(&model.aliases),
            newest.map(|newest| newest.runtime.clone()).unwrap_or_default(),
            newest
                .and_then(|newest| newest.metric.as_ref())
                .map(|(name, value)| format!("{name} {}", text::score(*value)))
                .unwrap_or_default(),
            newest.map(|newest| text::when(newest.created_at, now)).unwrap_or_default(),
        ]);
    }
    table.text()
}

/// `champion @2, challenger @3`.
fn aliases(aliases: &BTreeMap<String, u32>) -> String {
    let words: Vec<_> = aliases.iter().map(|(alias, number)| format!("{alias} @{number}")).collect();
    super::few(&words)
}

/// `{"name": "roc_auc", "value": 0.731}`.
pub(super) fn metric(version: &ModelVersion) -> Option<serde_json::Value> {
    version.metric.as_ref().map(|(name, value)| json!({"name": name, "value": value}))
}

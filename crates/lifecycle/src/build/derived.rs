//! Parts made from the parts of a data version: a validation part where the split has none, and
//! train with validation for a refit.

use std::collections::BTreeMap;

use modelyard_core::action::{Action, ActionKind, Output};
use modelyard_core::config::TableFormat;
use modelyard_core::data::Part;
use modelyard_core::fault::Attempt;
use modelyard_core::ports::BlobStore;
use modelyard_core::{Fault, Kind};
use modelyard_pipeline::{InputFile, Node, Performed, Stop};

use super::{Build, inputs};

/// Rows that a validation part taken from train has at most.
const MOST_HELD_OUT: u64 = 100_000;

/// The validation part of `name`; without one the last 20 % of train.
pub(super) async fn validation(build: &Build, node: &Node, name: &str) -> Result<InputFile, Stop> {
    if has_validation(build, name)? {
        return inputs::part_of(build, name, Part::Validation);
    }
    let outputs = held_out(build, node, name).await?;
    inputs::table(build, name, &outputs, "validation", "validation").ok_or_else(|| nothing(name))
}

/// Train as a step sees it that also takes validation.
pub(super) async fn train_beside_validation(
    build: &Build,
    node: &Node,
    name: &str,
) -> Result<InputFile, Stop> {
    if has_validation(build, name)? {
        return inputs::part_of(build, name, Part::Train);
    }
    let outputs = held_out(build, node, name).await?;
    inputs::table(build, name, &outputs, "train", "train").ok_or_else(|| nothing(name))
}

/// Train and validation as one part, for a refit.
pub(super) async fn train_and_validation(build: &Build, node: &Node, name: &str) -> Result<InputFile, Stop> {
    let made = build.data(name)?;
    let parts = &made.version.data.split;
    let (Some(train), Some(validation)) = (parts.get(&Part::Train), parts.get(&Part::Validation)) else {
        return inputs::part_of(build, name, Part::Train);
    };
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "concatenate".into(), result_version: 1 },
        params: BTreeMap::from([("format".to_owned(), format_name(build, name).into())]),
        inputs: [("train".to_owned(), train.digest), ("validation".to_owned(), validation.digest)].into(),
        code: None,
        environment: None,
    };
    let blobs = build.shop.home().blobs.clone();
    let contents = [train.content, validation.content];
    let csv = wants_csv(build, name);
    let time = made.version.data.roles.time.clone();
    let done = build
        .perform(node, action, async |folder| {
            let mut paths = Vec::new();
            for (content, number) in contents.into_iter().zip(0..) {
                let path = folder.join(format!("{number}.parquet"));
                blobs.fetch_file(content, &path).await?;
                paths.push(path);
            }
            let mut outputs = BTreeMap::new();
            let extensions: &[&str] = if csv { &["parquet", "csv"] } else { &["parquet"] };
            for extension in extensions {
                let whole = folder.join(format!("whole.{extension}"));
                let written = modelyard_data::concat(&paths, &whole, time.as_deref())?;
                let size = whole.metadata().attempt(Kind::Store, || "cannot read the rows".to_owned())?.len();
                let output = inputs::file(written.digest, blobs.put_file(&whole).await?, size);
                outputs.insert(if *extension == "csv" { "train.csv" } else { "train" }.to_owned(), output);
            }
            Ok(Performed::builtin(outputs, serde_json::Value::Null))
        })
        .await?;
    inputs::table(build, name, &done.result.outputs, "train", "train").ok_or_else(|| nothing(name))
}

fn has_validation(build: &Build, name: &str) -> Result<bool, Stop> {
    Ok(build.data(name)?.version.data.split.contains_key(&Part::Validation))
}

/// Train cut in two: outputs `train` and `validation`.
async fn held_out(build: &Build, node: &Node, name: &str) -> Result<BTreeMap<String, Output>, Stop> {
    let made = build.data(name)?;
    let train = made.version.data.split.get(&Part::Train).ok_or_else(|| nothing(name))?;
    let held = (train.rows / 5).min(MOST_HELD_OUT);
    if held == 0 {
        return Err(Fault::new(
            Kind::Data,
            format!("`{name}` has {} rows to train on, too few to hold any out", train.rows),
        )
        .hint("add data, or a validation part to `split`")
        .into());
    }
    build
        .shop
        .progress
        .note(node, &format!("no validation part: the last {held} rows of train stand in for it"));
    let action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "hold out".into(), result_version: 1 },
        params: BTreeMap::from([("format".to_owned(), format_name(build, name).into())]),
        inputs: [("train".to_owned(), train.digest)].into(),
        code: None,
        environment: None,
    };
    let blobs = build.shop.home().blobs.clone();
    let content = train.content;
    let csv = wants_csv(build, name);
    let done = build
        .perform(node, action, async |folder| {
            let path = folder.join("train.parquet");
            blobs.fetch_file(content, &path).await?;
            let table = modelyard_data::read_table(&path, None)?;
            let cut = table.rows() - held as usize;
            let mut outputs = BTreeMap::new();
            for (part, table) in
                [("train", table.slice(0, cut)), ("validation", table.slice(cut, table.rows()))]
            {
                outputs.extend(
                    store(&*blobs, part, &table, &folder.join(format!("{part}.cut.parquet")), csv).await?,
                );
            }
            Ok(Performed::builtin(outputs, serde_json::Value::Null))
        })
        .await?;
    Ok(done.result.outputs)
}

/// Writes `table` to `path` and stores it as output `part`, as CSV too where a step wants that.
async fn store(
    blobs: &dyn BlobStore,
    part: &str,
    table: &modelyard_core::table::Table,
    path: &std::path::Path,
    csv: bool,
) -> Result<BTreeMap<String, Output>, Fault> {
    let identity = modelyard_data::logical_digest(table);
    let mut outputs = BTreeMap::new();
    let mut keep = async |name: String, path: &std::path::Path| -> Result<(), Fault> {
        modelyard_data::write_table(path, table)?;
        let size = std::fs::metadata(path)
            .attempt(Kind::Store, || format!("cannot read `{}`", path.display()))?
            .len();
        outputs.insert(name, inputs::file(identity, blobs.put_file(path).await?, size));
        Ok(())
    };
    keep(part.to_owned(), path).await?;
    if csv {
        keep(format!("{part}.csv"), &path.with_extension("csv")).await?;
    }
    Ok(outputs)
}

fn wants_csv(build: &Build, name: &str) -> bool {
    build.shop.project.data.get(name).is_some_and(|data| data.format == TableFormat::Csv)
}

fn format_name(build: &Build, name: &str) -> &'static str {
    if wants_csv(build, name) { "csv" } else { "parquet" }
}

fn nothing(name: &str) -> Stop {
    Fault::new(Kind::Config, format!("`{name}` has no rows to train on"))
        .hint(format!("look at `split` in [data.{name}]"))
        .into()
}

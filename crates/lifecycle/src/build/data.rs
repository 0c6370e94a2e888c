//! Data ingestion: sources in, a numbered data version out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use modelyard_core::action::{Action, ActionKind, Output, OutputKind};
use modelyard_core::config::{DataSet, Make, Source, Step, TableFormat};
use modelyard_core::data::{DataVersion, Loss, NumberedVersion, PartContent, SourceState};
use modelyard_core::fault::Attempt;
use modelyard_core::ports::BlobStore;
use modelyard_core::text::thousands;
use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Digest, Fault, Kind};
use modelyard_data::{Ingest, source};
use modelyard_pipeline::{Done, InputFile, Mode, Node, Performed, Stop, command_job, digest_files};
use serde_json::{Value, json};

use super::{Build, DataMade, inputs};
use crate::outcome::DataOutcome;
use crate::workshop::Workshop;

pub(super) async fn make(build: &Build, node: &Node, name: &str) -> Result<DataMade, Stop> {
    let shop = &build.shop;
    let dataset = &shop.project.data[name];
    let done = match stand_in(build, node, dataset).await {
        Some(done) => done,
        None => {
            let files = all_digests(shop, dataset).await?;
            let table = match &dataset.make {
                Make::Run(step) => Some(made_by_command(build, node, name, step, &files).await?),
                Make::AsIs | Make::Sql { .. } => None,
            };
            ingest(build, node, name, dataset, &files, table).await?
        }
    };
    let version: DataVersion = serde_json::from_value(done.result.facts.clone())
        .attempt(Kind::Store, || format!("cannot read the stored data version of `{name}`"))?;
    let (numbered, new) = number(build, version).await?;
    let data = &numbered.data;
    let mut lines = vec![format!(
        "{name}@{}   {} rows from {} source{}{}",
        numbered.number,
        thousands(data.rows),
        data.sources.len(),
        if data.sources.len() == 1 { "" } else { "s" },
        if new { "" } else { ", unchanged" },
    )];
    lines.extend(losses_text(&data.losses));
    lines.extend(data.remarks.iter().cloned());
    build.shop.progress.finished(node, &lines, done.cached, done.result.usage.wall_ms);
    let mut outcome = super::lock(&build.outcome);
    outcome.data.insert(
        name.to_owned(),
        DataOutcome {
            number: numbered.number,
            digest: data.digest,
            rows: data.rows,
            sources: data.sources.len(),
        },
    );
    drop(outcome);
    Ok(DataMade { version: numbered, result: done.result })
}

/// Files of a source, in order, with their digests.
type SourceFiles = Vec<(PathBuf, Digest, u64)>;

/// In a repetition, the stored rows of a data set whose sources are not there as they were then.
async fn stand_in(build: &Build, node: &Node, dataset: &DataSet) -> Option<Done> {
    let shop = &build.shop;
    if shop.engine.mode() != Mode::Repeat {
        return None;
    }
    let stored = build.repeated(node)?;
    let mut then = stored.action.inputs.clone();
    then.retain(|name, _| name.starts_with("sources."));
    if all_digests(shop, dataset).await.is_ok_and(|files| source_inputs(&files) == then) {
        return None;
    }
    shop.progress.note(node, "the sources have changed since: its stored rows stand in for them");
    super::lock(&build.stood_in).insert(node.clone());
    Some(Done { result: stored.clone(), cached: true })
}

async fn all_digests(shop: &Workshop, dataset: &DataSet) -> Result<BTreeMap<String, SourceFiles>, Fault> {
    let mut files = BTreeMap::new();
    for (name, source) in &dataset.sources {
        files.insert(name.clone(), digests(shop, source).await?);
    }
    Ok(files)
}

/// Each file as an input of an ingest.
fn source_inputs(files: &BTreeMap<String, SourceFiles>) -> BTreeMap<String, Digest> {
    let mut inputs = BTreeMap::new();
    for (source, files) in files {
        for ((_, digest, _), place) in files.iter().zip(0..) {
            inputs.insert(format!("sources.{source}.{place:06}"), *digest);
        }
    }
    inputs
}

/// The files that `source` stands for.
async fn digests(shop: &Workshop, source: &Source) -> Result<SourceFiles, Fault> {
    let paths: Vec<_> =
        source::resolve(&shop.sources, source)?.into_iter().map(|file| file.absolute).collect();
    let found = digest_files(shop.home(), &*shop.engine.clock, &paths, "source").await?;
    Ok(paths.into_iter().zip(found).map(|(path, found)| (path, found.digest, found.size_bytes)).collect())
}

/// The table that the command of `[data.NAME] run` makes of the sources.
async fn made_by_command(
    build: &Build,
    node: &Node,
    name: &str,
    step: &Step,
    files: &BTreeMap<String, SourceFiles>,
) -> Result<Output, Stop> {
    let shop = &build.shop;
    let blobs = &shop.home().blobs;
    let mut given = inputs::of_step(build, node, step).await?;
    for (source, files) in files {
        let mut stored = Vec::new();
        for (path, digest, size_bytes) in files {
            if !blobs.contains(*digest).await? {
                blobs.put_file(path).await?;
            }
            let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            stored.push(TreeFile {
                path: file_name,
                digest: *digest,
                size_bytes: *size_bytes,
                executable: false,
            });
        }
        let input = if let [file] = stored.as_slice() {
            let file_name = format!("sources.{source}.{}", file.path);
            InputFile { identity: file.digest, content: file.digest, kind: OutputKind::File, file_name }
        } else {
            let tree = Tree::new(stored);
            let digest = blobs.put(&tree.bytes()).await?;
            let file_name = format!("sources.{source}");
            InputFile { identity: digest, content: digest, kind: OutputKind::Folder, file_name }
        };
        given.insert(format!("sources.{source}"), input);
    }
    let python = build.python(node).await?;
    let mut job = command_job(&shop.step_context(python), name, step, step.params.clone(), given).await?;
    job.table_extension = Some(match shop.project.data[name].format {
        TableFormat::Csv => "csv",
        TableFormat::Parquet => "parquet",
    });
    let done = build.command(node, job).await?;
    done.result.outputs.get("table").cloned().ok_or_else(|| {
        Fault::new(Kind::Config, format!("the command of `{name}` has nowhere to write its table"))
            .hint("put `{output}` into `run`: the path of the one table to write")
            .into()
    })
}

async fn ingest(
    build: &Build,
    node: &Node,
    name: &str,
    dataset: &DataSet,
    files: &BTreeMap<String, SourceFiles>,
    table: Option<Output>,
) -> Result<Done, Stop> {
    let shop = &build.shop;
    let mut keyed = source_inputs(files);
    if let Some(table) = &table {
        keyed.insert("table".to_owned(), table.identity);
    }
    // Only where the data set has the target is it checked that it is there.
    let target = (super::test::tested_data(&shop.project).ok().as_deref() == Some(name))
        .then(|| shop.project.target.clone());
    // The first version's types are kept. An ingest of the very sources of the first one is found
    // under the key that has none, and so is the first version itself.
    let mut action = Action {
        version: 1,
        kind: ActionKind::Builtin { name: "ingest".into(), result_version: modelyard_data::RESULT_VERSION },
        params: params(name, dataset, target.as_deref()),
        inputs: keyed,
        code: None,
        environment: None,
    };
    let mut previous = None;
    if shop.home().results.get(action.key()).await?.is_none()
        && let Some(first) = shop.home().data.list(&shop.project.name, Some(name)).await?.pop()
    {
        action.params.insert("types".into(), types_text(&first.data.sources));
        previous = Some(first.data.sources);
    }
    if shop.engine.mode() == Mode::Execute && shop.home().results.get(action.key()).await?.is_none() {
        shop.progress.began(node);
    }
    let blobs = shop.home().blobs.clone();
    build
        .perform(node, action, async |folder| {
            let table_path = match &table {
                Some(table) => {
                    let extension = if dataset.format == TableFormat::Csv { "csv" } else { "parquet" };
                    let path = folder.join(format!("table.{extension}"));
                    blobs.fetch_file(table.content, &path).await?;
                    Some(path)
                }
                None => None,
            };
            let request = Ingest {
                name,
                root: &shop.sources,
                dataset,
                target: target.as_deref(),
                previous: previous.as_deref(),
                table: table_path.as_deref(),
            };
            let ingested = tokio::task::block_in_place(|| modelyard_data::ingest(&request, &folder))?;
            let mut outputs = BTreeMap::new();
            let mut split = BTreeMap::new();
            for (part, file) in &ingested.parts {
                let (content, size_bytes) = stored(&*blobs, &file.parquet).await?;
                split
                    .insert(*part, PartContent { digest: file.digest, content, size_bytes, rows: file.rows });
                outputs.insert(part.name().to_owned(), inputs::file(file.digest, content, size_bytes));
                if let Some(csv) = &file.csv {
                    let (content, size_bytes) = stored(&*blobs, csv).await?;
                    outputs.insert(
                        format!("{}.csv", part.name()),
                        inputs::file(file.digest, content, size_bytes),
                    );
                }
            }
            let profile = serde_json::to_vec(&ingested.profile)
                .attempt(Kind::Internal, || "cannot write the profile as JSON".to_owned())?;
            let profile_digest = blobs.put(&profile).await?;
            outputs
                .insert("profile".into(), inputs::file(profile_digest, profile_digest, profile.len() as u64));
            let version = DataVersion {
                version: 1,
                name: name.to_owned(),
                digest: ingested.digest,
                schema: ingested.schema,
                rows: ingested.rows,
                roles: ingested.roles,
                split,
                profile: profile_digest,
                sources: ingested.sources,
                losses: ingested.losses,
                remarks: ingested.remarks,
            };
            let facts = serde_json::to_value(&version)
                .attempt(Kind::Internal, || "cannot write the data version as JSON".to_owned())?;
            Ok(Performed::builtin(outputs, facts))
        })
        .await
}

/// Stores the file at `path`; answers its digest and size.
async fn stored(blobs: &dyn BlobStore, path: &Path) -> Result<(Digest, u64), Fault> {
    let size = path.metadata().attempt(Kind::Store, || format!("cannot read `{}`", path.display()))?.len();
    Ok((blobs.put_file(path).await?, size))
}

/// What of the configuration can change the data version.
fn params(name: &str, dataset: &DataSet, target: Option<&str>) -> BTreeMap<String, Value> {
    let sources: BTreeMap<_, _> = dataset
        .sources
        .iter()
        .map(|(name, source)| {
            let Source { path: _, delimiter, header, nulls, types } = source;
            (name, json!({"delimiter": delimiter, "header": header, "nulls": nulls, "types": types}))
        })
        .collect();
    let make = match &dataset.make {
        Make::AsIs => json!("as is"),
        Make::Sql { text, .. } => json!({ "sql": text }),
        Make::Run(_) => json!("table"),
    };
    BTreeMap::from([
        ("name".to_owned(), json!(name)),
        ("target".to_owned(), json!(target)),
        ("make".to_owned(), make),
        ("sources".to_owned(), json!(sources)),
        ("checks".to_owned(), json!(dataset.checks)),
        ("split".to_owned(), json!(dataset.split)),
        ("roles".to_owned(), json!(dataset.roles)),
        ("format".to_owned(), json!(dataset.format)),
    ])
}

fn types_text(sources: &[SourceState]) -> Value {
    let types: BTreeMap<_, _> = sources
        .iter()
        .map(|source| {
            let columns = source.schema.iter().map(|field| (field.name.as_str(), field.data_type.name()));
            (source.name.as_str(), columns.collect::<BTreeMap<_, _>>())
        })
        .collect();
    json!(types)
}

/// Gives the version its number; says whether it is new to the home.
async fn number(build: &Build, version: DataVersion) -> Result<(NumberedVersion, bool), Stop> {
    let shop = &build.shop;
    let project = &shop.project.name;
    let known = shop.home().data.list(project, Some(&version.name)).await?;
    if let Some(known) = known.into_iter().find(|known| known.data.digest == version.digest) {
        // The digest says nothing of roles, so what is configured now holds.
        return Ok((NumberedVersion { data: version, ..known }, false));
    }
    let now = shop.engine.clock.now();
    if build.records() {
        Ok((shop.home().data.record(project, &version, now).await?, true))
    } else {
        Ok((NumberedVersion { project: project.clone(), number: 0, created_at: now, data: version }, true))
    }
}

/// What joins and filters did to the rows, a line each; joins that lost none share one.
fn losses_text(losses: &[Loss]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut harmless = Vec::new();
    for loss in losses {
        // `weather w on f.origin = w.origin …`
        let table = loss.on.split_whitespace().next().unwrap_or_default();
        let is_join = loss.operation.ends_with("join");
        if loss.rows_out == loss.rows_in && is_join {
            harmless.push(table);
            continue;
        }
        let (what, count) = if loss.rows_out > loss.rows_in {
            ("added", loss.rows_out - loss.rows_in)
        } else {
            ("dropped", loss.rows_in - loss.rows_out)
        };
        let on = if is_join { table } else { loss.on.as_str() };
        lines.push(format!("{} rows {what} by {} {on}", thousands(count), loss.operation));
    }
    if !harmless.is_empty() {
        lines.push(format!("0 rows lost by the joins of {}", harmless.join(", ")));
    }
    lines
}

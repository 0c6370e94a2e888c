//! An ONNX graph, asked in this process through ONNX Runtime.
//!
//! Two kinds of graphs: those that Modelyard exported (an input a column, double or string; outputs
//! `probabilities` and `label`, or `prediction`), and those that a user's code wrote ([`feed`] and
//! [`harvest`] say which shapes are understood). The session is asked from the dispatcher's thread
//! alone.

mod feed;
mod harvest;
mod library;
mod locale;

use std::path::Path;

use async_trait::async_trait;
use modelyard_core::package::{OnnxOrigin, Package, Predictions};
use modelyard_core::table::Table;
use modelyard_core::{Fault, Kind, Result};
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use super::Runtime;
use crate::{ErrorCode, Options, PredictError};
use feed::Feed;
use harvest::Harvest;

pub(super) struct OnnxRuntime {
    session: Session,
    feed: Feed,
    harvest: Harvest,
}

impl OnnxRuntime {
    pub(super) fn load(package: &Package, file: &str, origin: OnnxOrigin, options: &Options) -> Result<Self> {
        let environment = library::environment(&options.onnx_library)?;
        let path = package.folder.join(file);
        let session =
            session(&environment, &path, options.threads).map_err(|error| not_loaded(file, error))?;
        let feed = Feed::plan(session.inputs(), &package.manifest.signature, origin)
            .map_err(|fault| fault.detail("file", file))?;
        let harvest = Harvest::plan(session.outputs(), &package.manifest, origin)
            .map_err(|fault| fault.detail("file", file))?;
        Ok(Self { session, feed, harvest })
    }

    fn ask(&mut self, table: &Table) -> Result<Predictions, PredictError> {
        let inputs = self.feed.tensors(table)?;
        let outputs = self.session.run(inputs).map_err(|error| {
            PredictError::new(ErrorCode::Inference, "the ONNX graph failed").hint(error.to_string())
        })?;
        self.harvest.read(&outputs, table.rows())
    }
}

#[async_trait]
impl Runtime for OnnxRuntime {
    fn name(&self) -> &'static str {
        "onnx"
    }

    fn computes_in_place(&self) -> bool {
        true
    }

    async fn predict(&mut self, table: &Table) -> Result<Predictions, PredictError> {
        let rows = table.rows();
        match self.feed.fixed_rows() {
            Some(fixed) if fixed != rows => {
                let parts = (0..rows).map(|row| self.ask(&table.slice(row, row + 1)));
                join(parts.collect::<Result<_, _>>()?)
            }
            _ => self.ask(table),
        }
    }
}

fn session(environment: &ort::environment::Environment, path: &Path, threads: usize) -> ort::Result<Session> {
    let builder = || -> ort::Result<SessionBuilder> {
        let builder = Session::builder(environment)?.with_intra_threads(threads.max(1))?;
        Ok(builder.with_inter_threads(1)?.with_intra_op_spinning(false)?)
    };
    builder()?.commit_from_file(path).or_else(|error| {
        let portable = std::fs::read(path).ok().and_then(|model| locale::portable(&model));
        portable.map_or(Err(error), |model| builder()?.commit_from_memory(&model))
    })
}

fn not_loaded(file: &str, error: ort::Error) -> Fault {
    Fault::new(Kind::Model, format!("cannot load the ONNX graph `{file}`"))
        .because(error.to_string())
        .hint("the file is damaged, or needs a newer ONNX Runtime than the one found")
}

/// The answers of single rows as those of a batch; `parts` is not empty.
fn join(parts: Vec<Predictions>) -> Result<Predictions, PredictError> {
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or(Predictions::Values(Vec::new()));
    for part in parts {
        match (&mut all, part) {
            (Predictions::Values(all), Predictions::Values(part)) => all.extend(part),
            (
                Predictions::Classes { labels, probabilities },
                Predictions::Classes { labels: more, probabilities: more_probabilities },
            ) => {
                labels.extend(more);
                if let (Some(all), Some(more)) = (probabilities, more_probabilities) {
                    all.extend(more);
                }
            }
            _ => return Err(PredictError::new(ErrorCode::Internal, "a model gave answers of two kinds")),
        }
    }
    Ok(all)
}

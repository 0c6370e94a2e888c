//! Whether the sources of a project hold anything that no model was trained on yet.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use modelyard_core::action::ActionKind;
use modelyard_core::config::Project;
use modelyard_core::data::DataVersion;
use modelyard_core::fault::Attempt;
use modelyard_core::id::RunId;
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Kind, Result, Timestamp, canonical};
use modelyard_data::source;
use modelyard_pipeline::digest_files;

use crate::outcome::Outcome;

/// Files that have not changed for so long are taken for whole.
const SETTLED_MICROS: i64 = 2_000_000;

/// What sources hold: digests of their files in order, by data set and source.
type Content = BTreeMap<String, BTreeMap<String, Digest>>;

/// The sources of a project as they were seen last; looking at files that have not changed reads none.
#[derive(Default)]
pub(super) struct Sources {
    /// The files' sizes and times, and since when they are so.
    seen: Option<(Digest, Timestamp)>,
    /// What stands in files of such sizes and times.
    digested: Option<(Digest, Digest)>,
    /// What runs were trained on; runs that have ended don't change.
    trained: BTreeMap<RunId, Option<Digest>>,
    /// Rows of the sources of such content.
    counted: Option<(Digest, u64)>,
}

impl Sources {
    /// The digest of what the sources hold now; `None` while they are being written.
    ///
    /// # Errors
    /// If a source has no file, or one can't be read.
    pub(super) async fn now(
        &mut self,
        home: &Home,
        clock: &dyn Clock,
        project: &Project,
        folder: &Path,
    ) -> Result<Option<Digest>> {
        let mut files = BTreeMap::new();
        for (name, dataset) in &project.data {
            for (source_name, source) in &dataset.sources {
                let found = source::resolve(folder, source)?;
                let paths: Vec<PathBuf> = found.into_iter().map(|file| file.absolute).collect();
                files.insert((name.clone(), source_name.clone()), paths);
            }
        }
        let stamps = stamps(files.values().flatten())?;
        let now = clock.now();
        match &self.seen {
            Some((seen, since)) if *seen == stamps => {
                if now.micros() - since.micros() < SETTLED_MICROS {
                    return Ok(None);
                }
            }
            _ => {
                self.seen = Some((stamps, now));
                return Ok(None);
            }
        }
        if let Some((of, digest)) = self.digested
            && of == stamps
        {
            return Ok(Some(digest));
        }
        let mut content = Content::new();
        for ((dataset, source), paths) in files {
            let digests = digest_files(home, clock, &paths, "source").await?;
            let inputs = content.entry(dataset).or_default();
            for (found, place) in digests.into_iter().zip(0..) {
                inputs.insert(input(&source, place), found.digest);
            }
        }
        let digest = digest(&content);
        self.digested = Some((stamps, digest));
        Ok(Some(digest))
    }

    /// The digest of what `run`, which has ended, read from its sources; `None` where it got to none.
    ///
    /// # Errors
    /// If the home can't be read.
    pub(super) async fn of_run(&mut self, home: &Home, run: RunId) -> Result<Option<Digest>> {
        if let Some(known) = self.trained.get(&run) {
            return Ok(*known);
        }
        let mut content = Content::new();
        for (dataset, result) in ingests(home, run).await? {
            let mut inputs = result.action.inputs;
            inputs.retain(|name, _| name.starts_with("sources."));
            content.insert(dataset, inputs);
        }
        let digest = (!content.is_empty()).then(|| digest(&content));
        self.trained.insert(run, digest);
        Ok(digest)
    }

    /// By how many rows the sources, which hold `content`, have more than those that `run` read.
    ///
    /// # Errors
    /// If a source can't be read, or the home.
    pub(super) async fn new_rows(
        &mut self,
        home: &Home,
        project: &Project,
        folder: &Path,
        content: Digest,
        run: Option<RunId>,
    ) -> Result<u64> {
        let now = match self.counted {
            Some((of, rows)) if of == content => rows,
            _ => {
                let mut rows = 0;
                for source in project.data.values().flat_map(|dataset| dataset.sources.values()) {
                    rows += tokio::task::block_in_place(|| source::rows(folder, source))?;
                }
                self.counted = Some((content, rows));
                rows
            }
        };
        let mut then = 0;
        if let Some(run) = run {
            for (dataset, result) in ingests(home, run).await? {
                let version: DataVersion = serde_json::from_value(result.facts)
                    .attempt(Kind::Store, || format!("cannot read the stored data version of `{dataset}`"))?;
                then += version.sources.iter().map(|source| source.rows).sum::<u64>();
            }
        }
        Ok(now.saturating_sub(then))
    }
}

/// The ingests among the results of `run`, by data set.
async fn ingests(home: &Home, run: RunId) -> Result<Vec<(String, modelyard_core::action::ActionResult)>> {
    let Some(run) = home.runs.get(run).await? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (node, key) in Outcome::of(&run)?.actions {
        let Some(result) = home.results.get(key).await? else { continue };
        if matches!(&result.action.kind, ActionKind::Builtin { name, .. } if name == "ingest") {
            found.push((node, result));
        }
    }
    Ok(found)
}

/// As the action of an ingest names its files.
fn input(source: &str, place: usize) -> String {
    format!("sources.{source}.{place:06}")
}

fn digest(content: &Content) -> Digest {
    canonical::digest("modelyard sources v1", content)
}

fn stamps<'a>(files: impl Iterator<Item = &'a PathBuf>) -> Result<Digest> {
    let mut stamps = Vec::new();
    for file in files {
        let found = file.metadata().attempt(Kind::Data, || format!("cannot read `{}`", file.display()))?;
        let times = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
        stamps.push((file.to_string_lossy(), found.len(), found.ino(), times));
    }
    Ok(canonical::digest("modelyard source stamps v1", &stamps))
}

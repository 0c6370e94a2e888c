//! What is tested, read from the home: the package's own promises, the sealed test part, and the answers
//! that were given to it when the model was tested.

use std::collections::BTreeMap;

use modelyard_core::action::ActionKind;
use modelyard_core::data::{Part, PartContent};
use modelyard_core::deploy::Release;
use modelyard_core::fault::Attempt;
use modelyard_core::outcome::Outcome;
use modelyard_core::package::{self, Golden, Manifest, Predictions, TrainingProfile};
use modelyard_core::ports::Home;
use modelyard_core::run::Run;
use modelyard_core::table::Table;
use modelyard_core::tree::Tree;
use modelyard_core::{Digest, Fault, Kind, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::build::test::score;

/// The version under test.
pub(super) struct Subject {
    pub(super) model: String,
    pub(super) number: u32,
    pub(super) package: Digest,
    pub(super) manifest: Manifest,
    pub(super) golden: Golden,
    pub(super) profile: TrainingProfile,
    /// `Err` says why there is none.
    pub(super) sealed: Result<Sealed, String>,
}

/// The sealed test part.
pub(super) struct Sealed {
    /// The columns that the model is asked with.
    pub(super) rows: Table,
    /// What the package answered when the model was tested.
    pub(super) offline: Predictions,
}

impl Subject {
    /// # Errors
    /// If the package is not in the home.
    pub(super) async fn read(home: &Home, release: &Release) -> Result<Self> {
        let package = release.package;
        let title = format!("{}@{}", release.model, release.number);
        let tree = home.blobs.tree(package).await?.ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("the package of {title} is not in the home any more"))
        })?;
        let manifest = Manifest::from_json(&file(home, &tree, package::MANIFEST).await?)?;
        let golden = document(&file(home, &tree, package::GOLDEN).await?, package::GOLDEN)?;
        let profile = document(&file(home, &tree, package::PROFILE).await?, package::PROFILE)?;
        let version = home.models.resolve(&title.parse()?).await?;
        let run = match version.and_then(|version| version.run) {
            Some(run) => home.runs.get(run).await?,
            None => None,
        };
        let sealed = match run {
            Some(run) => sealed(home, &run, package, &manifest).await?,
            None => Err(format!("{title} was registered by no run that is known")),
        };
        Ok(Self {
            model: release.model.clone(),
            number: release.number,
            package,
            manifest,
            golden,
            profile,
            sealed,
        })
    }

    pub(super) fn classes(&self) -> &[String] {
        &self.manifest.classes
    }

    pub(super) fn title(&self) -> String {
        format!("{}@{}", self.model, self.number)
    }

    /// Rows of the test part, at most `most`, spread evenly; golden rows where there is no test part.
    pub(super) fn some_rows(&self, most: usize) -> Vec<Map<String, Value>> {
        match &self.sealed {
            Ok(sealed) if sealed.rows.rows() > 0 => {
                spread(sealed.rows.rows(), most).map(|row| sealed.row(row)).collect()
            }
            _ => spread(self.golden.rows.len(), most).map(|row| self.golden.rows[row].clone()).collect(),
        }
    }
}

impl Sealed {
    /// Row `row` as a request would send it.
    pub(super) fn row(&self, row: usize) -> Map<String, Value> {
        self.rows.columns().map(|(name, column)| (name.to_owned(), column.json(row))).collect()
    }
}

/// At most `most` of the places below `count`, spread evenly.
pub(super) fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> + Clone {
    let take = count.min(most);
    (0..take).map(move |number| number * count / take.max(1))
}

async fn file(home: &Home, tree: &Tree, path: &str) -> Result<Vec<u8>> {
    let missing = || Fault::new(Kind::Package, format!("the package's `{path}` is not in the home any more"));
    let found = tree.files.iter().find(|file| file.path == path).ok_or_else(missing)?;
    home.blobs.get(found.digest).await?.ok_or_else(missing)
}

fn document<T: DeserializeOwned>(bytes: &[u8], name: &str) -> Result<T> {
    serde_json::from_slice(bytes).attempt(Kind::Package, || format!("cannot read the package's `{name}`"))
}

/// The test part on which `run` scored `package`, with its answers.
async fn sealed(
    home: &Home,
    run: &Run,
    package: Digest,
    manifest: &Manifest,
) -> Result<Result<Sealed, String>> {
    let outcome = Outcome::of(run)?;
    for (_, key) in &outcome.actions {
        let Some(result) = home.results.get(*key).await? else { continue };
        let action = &result.action;
        let scores = matches!(&action.kind, ActionKind::Builtin { name, .. } if name == "score");
        if !scores || action.inputs.get("package") != Some(&package) {
            continue;
        }
        let (Some(rows), Some(predictions)) = (action.inputs.get("rows"), result.outputs.get("predictions"))
        else {
            continue;
        };
        let Some(part) = part(home, run, &outcome, *rows).await? else { continue };
        let names: Vec<_> = manifest.signature.inputs.iter().map(|input| input.name.clone()).collect();
        let table = read_table(home, part.content).await?.select(&names).ok_or_else(|| {
            Fault::new(Kind::Model, "the test part lacks a column that the model is asked with")
        })?;
        let offline = score::from_table(&read_table(home, predictions.content).await?, manifest)?;
        if offline.rows() != table.rows() {
            return Err(Fault::new(Kind::Store, "the stored answers are not those of the test part"));
        }
        return Ok(Ok(Sealed { rows: table, offline }));
    }
    Ok(Err(format!("the answers that the run {} got to the test part are not in the home", run.id)))
}

/// The test part with the digest `rows`, of a data set that `run` used.
async fn part(home: &Home, run: &Run, outcome: &Outcome, rows: Digest) -> Result<Option<PartContent>> {
    for (name, used) in &outcome.data {
        let version = home.data.get(&run.project, name, Some(used.number)).await?;
        let split: Option<BTreeMap<_, _>> = version.map(|version| version.data.split);
        match split.and_then(|mut split| split.remove(&Part::Test)) {
            Some(part) if part.digest == rows => return Ok(Some(part)),
            _ => {}
        }
    }
    Ok(None)
}

async fn read_table(home: &Home, content: Digest) -> Result<Table> {
    let folder = modelyard_process::temporary::PrivateTmp::new()?;
    let path = folder.path().join("rows.parquet");
    home.blobs.fetch_file(content, &path).await?;
    modelyard_data::read_table(&path, None)
}

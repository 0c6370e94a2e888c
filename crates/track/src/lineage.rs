//! Where a version comes from: version → run → training → data versions → sources → commit.
//!
//! The links are digests and ids that the run recorded. Whatever is not in the home any more is
//! absent from the chain; nothing is guessed.

use std::collections::BTreeMap;

use modelyard_core::action::{ActionKey, Trust};
use modelyard_core::id::RunId;
use modelyard_core::model::ModelVersion;
use modelyard_core::outcome::{DataOutcome, Outcome};
use modelyard_core::ports::Home;
use modelyard_core::run::{Commit, Run};
use modelyard_core::{Digest, Result, Timestamp};
use serde::Serialize;
use serde_json::Value;

/// The chain from a version back to its sources.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lineage {
    pub package: Digest,
    /// The pipeline run that registered it.
    pub run: Option<RunLink>,
    pub training: Option<Training>,
    /// By name.
    pub data: Vec<DataLink>,
    pub commit: Option<CommitLink>,
    /// Tree of the project as it was.
    pub snapshot: Option<Digest>,
    /// The weakest of all steps that led here.
    pub trust: Option<Trust>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RunLink {
    pub id: RunId,
    pub project: String,
    pub started_at: Timestamp,
    /// As it was typed.
    pub command: Option<String>,
}

/// The action whose model was packaged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Training {
    pub key: ActionKey,
    pub params: BTreeMap<String, Value>,
    /// Tree of the declared code.
    pub code: Option<Digest>,
    pub environment: Option<Digest>,
    pub finished_at: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DataLink {
    pub name: String,
    pub number: u32,
    pub digest: Digest,
    pub rows: u64,
    pub sources: Vec<SourceLink>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceLink {
    pub name: String,
    /// As configured.
    pub path: String,
    /// How many files it stood for.
    pub files: usize,
    pub rows: u64,
    pub size_bytes: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CommitLink {
    pub id: String,
    pub branch: Option<String>,
    /// Whether the working folder differed from the commit.
    pub changed: bool,
}

impl From<&Commit> for CommitLink {
    fn from(commit: &Commit) -> Self {
        Self { id: commit.id.clone(), branch: commit.branch.clone(), changed: commit.difference.is_some() }
    }
}

/// The lineage of `version`.
///
/// # Errors
/// If the home can't be read, or holds what a newer program wrote.
pub async fn of_version(home: &Home, version: &ModelVersion) -> Result<Lineage> {
    let run = match version.run {
        Some(id) => home.runs.get(id).await?,
        None => None,
    };
    match run {
        Some(run) => Ok(Lineage { package: version.package, ..of_run(home, &run, version.package).await? }),
        None => Ok(Lineage {
            package: version.package,
            run: None,
            training: None,
            data: Vec::new(),
            commit: None,
            snapshot: None,
            trust: None,
        }),
    }
}

async fn of_run(home: &Home, run: &Run, package: Digest) -> Result<Lineage> {
    let outcome = Outcome::of(run)?;
    let mut data = Vec::new();
    for (name, used) in &outcome.data {
        data.push(data_link(home, &run.project, name, used).await?);
    }
    let training = match outcome.training {
        Some(key) => {
            let result = home.results.get(key).await?;
            let action = result.as_ref().map(|result| &result.action);
            Some(Training {
                key,
                params: outcome.params.clone(),
                code: action.and_then(|action| action.code),
                environment: action.and_then(|action| action.environment),
                finished_at: result.as_ref().map(|result| result.finished_at),
            })
        }
        None => None,
    };
    Ok(Lineage {
        package,
        run: Some(RunLink {
            id: run.id,
            project: run.project.clone(),
            started_at: run.started_at,
            command: run.tags.get("command").cloned(),
        }),
        training,
        data,
        commit: run.source.as_ref().map(CommitLink::from),
        snapshot: run.snapshot,
        trust: run.trust.clone(),
    })
}

async fn data_link(home: &Home, project: &str, name: &str, used: &DataOutcome) -> Result<DataLink> {
    let version = home.data.get(project, name, Some(used.number)).await?;
    let version = version.filter(|version| version.data.digest == used.digest);
    let sources = version.iter().flat_map(|version| &version.data.sources).map(|source| SourceLink {
        name: source.name.clone(),
        path: source.path.clone(),
        files: source.files.len(),
        rows: source.rows,
        size_bytes: source.files.iter().map(|file| file.size_bytes).sum(),
    });
    Ok(DataLink {
        name: name.to_owned(),
        number: used.number,
        digest: used.digest,
        rows: used.rows,
        sources: sources.collect(),
    })
}

#[cfg(test)]
mod tests {
    use modelyard_core::data::{DataVersion, Roles, SourceFile, SourceState};
    use modelyard_core::model::NewVersion;
    use serde_json::json;

    use super::*;
    use crate::testing;

    fn flights() -> DataVersion {
        let file = |path: &str| SourceFile {
            path: path.into(),
            digest: Digest::of(path.as_bytes()),
            size_bytes: 50,
        };
        DataVersion {
            version: 1,
            name: "flights".into(),
            digest: Digest::of(b"flights"),
            schema: Vec::new(),
            rows: 36_180,
            roles: Roles::default(),
            split: BTreeMap::new(),
            profile: Digest::of(b"profile"),
            sources: vec![SourceState {
                name: "flights".into(),
                path: "data/*.csv".into(),
                files: vec![file("data/1.csv"), file("data/2.csv")],
                rows: 40_000,
                schema: Vec::new(),
            }],
            losses: Vec::new(),
            remarks: Vec::new(),
        }
    }

    async fn registered(home: &Home, run: Option<RunId>) -> ModelVersion {
        let new = NewVersion {
            name: "late-flights".into(),
            package: Digest::of(b"package"),
            runtime: "onnx".into(),
            project: Some("flights".into()),
            run,
            report: None,
            metric: None,
            alias: None,
        };
        home.models.register(&new, &testing::actor()).await.unwrap().0
    }

    #[tokio::test]
    async fn the_chain_leads_from_a_version_to_its_files_and_its_commit() {
        let home = modelyard_store::memory();
        let data = home.data.record("flights", &flights(), testing::at(0)).await.unwrap();
        let trained = testing::trained("code", "environment", 0.05, 0.7);
        home.results.put(&trained).await.unwrap();
        let used =
            DataOutcome { number: data.number, digest: data.data.digest, rows: data.data.rows, sources: 1 };
        let outcome = Outcome {
            data: BTreeMap::from([("flights".to_owned(), used)]),
            training: Some(trained.key),
            params: trained.action.params.clone(),
            ..Outcome::default()
        };
        let mut run = Run { outcome: json!(outcome), ..testing::run(1) };
        run.source = Some(Commit {
            id: "4f1c2aa".into(),
            branch: Some("main".into()),
            difference: Some(Digest::of(b"diff")),
        });
        run.tags.insert("command".into(), "modelyard run".into());
        home.runs.save(&run).await.unwrap();
        let version = registered(&home, Some(run.id)).await;

        let lineage = of_version(&home, &version).await.unwrap();
        assert_eq!(lineage.package, Digest::of(b"package"));
        let link = lineage.run.unwrap();
        assert_eq!((link.id, link.command.as_deref()), (run.id, Some("modelyard run")));
        let training = lineage.training.unwrap();
        assert_eq!(training.key, trained.key);
        assert_eq!(training.code, Some(Digest::of(b"code")));
        assert_eq!(training.environment, Some(Digest::of(b"environment")));
        assert_eq!(training.params["learning_rate"], json!(0.05));
        assert_eq!((lineage.data[0].number, lineage.data[0].rows), (1, 36_180));
        let source = &lineage.data[0].sources[0];
        assert_eq!((source.files, source.rows, source.size_bytes), (2, 40_000, 100));
        let commit = lineage.commit.unwrap();
        assert_eq!((commit.id.as_str(), commit.changed), ("4f1c2aa", true));
    }

    #[tokio::test]
    async fn links_that_are_gone_are_absent() {
        let home = modelyard_store::memory();
        let version = registered(&home, Some(testing::run(1).id)).await;
        let lineage = of_version(&home, &version).await.unwrap();
        assert_eq!((lineage.run, lineage.training, lineage.commit), (None, None, None));

        let outcome =
            Outcome { training: Some(testing::trained("c", "e", 1.0, 1.0).key), ..Outcome::default() };
        home.runs.save(&Run { outcome: json!(outcome), ..testing::run(1) }).await.unwrap();
        let lineage = of_version(&home, &version).await.unwrap();
        assert_eq!(lineage.training.unwrap().code, None, "its result is not in the home");
    }
}

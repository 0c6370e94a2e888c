//! The project as it was at a run: configuration, declared code, requirements and lock, as a tree
//! from which the run can be repeated.

use std::path::Path;

use modelyard_core::config::{Make, Project, Step};
use modelyard_core::fault::Attempt;
use modelyard_core::tree::{Tree, TreeFile};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_pipeline::collect_code;

use crate::workshop::Workshop;

/// The checked configuration, with what the command line set.
const PROJECT: &str = modelyard_core::run::SNAPSHOT_CONFIG;

/// Stores the project as it is; answers the tree.
pub(crate) async fn take(shop: &Workshop) -> Result<Digest> {
    let blobs = &shop.home().blobs;
    let mut files = Vec::new();
    for step in steps(&shop.project) {
        files.extend(collect_code(&**blobs, &shop.root, &step.code).await?.files);
    }
    if let Some(code) = &shop.project.package.code {
        files.extend(collect_code(&**blobs, &shop.root, code).await?.files);
    }
    for environment in shop.project.environments.values() {
        files.extend(collect_code(&**blobs, &shop.root, &environment.tests.code).await?.files);
    }
    let project = serde_json::to_vec(&shop.project)
        .attempt(Kind::Internal, || "cannot write the configuration as JSON".to_owned())?;
    let mut texts = vec![
        ("modelyard.toml".to_owned(), shop.settings.config_text.clone().into_bytes()),
        (PROJECT.to_owned(), project),
    ];
    if let Some(requirements) = &shop.project.python.requirements {
        let lock = Path::new(requirements).with_extension("lock");
        for path in [requirements.clone(), lock.to_string_lossy().into_owned()] {
            if let Ok(bytes) = std::fs::read(shop.root.join(&path)) {
                texts.push((path, bytes));
            }
        }
    }
    for data in shop.project.data.values() {
        if let Make::Sql { text, file: Some(path) } = &data.make {
            texts.push((path.clone(), text.clone().into_bytes()));
        }
    }
    for (path, bytes) in texts {
        let digest = blobs.put(&bytes).await?;
        files.push(TreeFile { path, digest, size_bytes: bytes.len() as u64, executable: false });
    }
    let tree = Tree::new(files);
    blobs.put(&tree.bytes()).await
}

/// The configuration in the snapshot whose files lie at `root`.
pub(crate) fn read_project(root: &Path) -> Result<Project> {
    let failed = || "cannot read the configuration of the snapshot".to_owned();
    let bytes = std::fs::read(root.join(PROJECT)).attempt(Kind::Store, failed)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Fault::new(Kind::Store, failed()).because(error).hint("was it taken by a newer modelyard?")
    })
}

fn steps(project: &Project) -> impl Iterator<Item = &Step> {
    let made = project.data.values().filter_map(|data| match &data.make {
        Make::Run(step) => Some(&**step),
        Make::AsIs | Make::Sql { .. } => None,
    });
    made.chain(project.steps.values()).chain(project.train.iter().map(|train| &train.step))
}

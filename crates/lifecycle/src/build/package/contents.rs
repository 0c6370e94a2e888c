//! The documents of a package.

use std::path::Path;

use modelyard_core::fault::Attempt;
use modelyard_core::package::{GOLDEN, Golden, MANIFEST, Manifest, PROFILE, Predictions, TrainingProfile};
use modelyard_core::{Kind, Result, canonical};

use super::super::test::score::to_table;
use super::Bench;
use serde::Serialize;

/// Writes manifest and golden rows, and lists every file of the folder.
pub(super) fn seal(folder: &Path, manifest: &Manifest, golden: &Golden) -> Result<()> {
    write(folder, MANIFEST, manifest)?;
    write(folder, GOLDEN, golden)?;
    modelyard_deploy::package::seal(folder).map(drop)
}

/// Writes what the model saw in training, and what it says of the validation part.
pub(super) fn write_profile(bench: &Bench<'_>, manifest: &Manifest, answers: &Predictions) -> Result<()> {
    let seen = super::signature::rows(&manifest.signature, &bench.learnt)?;
    let profile = TrainingProfile {
        version: 1,
        inputs: modelyard_data::profile(&seen, &[]).columns,
        outputs: modelyard_data::profile(&to_table(answers, manifest), &[]).columns,
    };
    write(bench.package, PROFILE, &profile)
}

fn write(folder: &Path, name: &str, document: &impl Serialize) -> Result<()> {
    std::fs::write(folder.join(name), canonical::bytes(document))
        .attempt(Kind::Store, || format!("cannot write `{name}` of the package"))
}

//! Registering: a tested package becomes a numbered version. Not an action: it is done at every run,
//! and a package that is registered already keeps its version.

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::model::{ModelRef, NewVersion, Which};
use modelyard_pipeline::{Node, Stop};

use super::{Build, RegisterMade};

pub(super) async fn make(build: &Build) -> Result<RegisterMade, Stop> {
    let shop = &build.shop;
    let models = &shop.home().models;
    let package = build.packaged()?;
    let tested = build.tested()?;
    let name = &shop.project.register;
    let known = models.versions(name).await?.into_iter().find(|version| version.package == package.digest);
    if let Some(version) = known {
        shop.progress.finished(&Node::Register, &[format!("{name}@{}   unchanged", version.number)], true, 0);
        note(build, &version);
        return Ok(RegisterMade { version, new: false, alias: None });
    }
    if !build.records() {
        return Err(Stop::Pending(format!("the package {} is not registered yet", package.digest.short())));
    }
    // Where an environment `production` was applied, its releases decide who is the champion; before, the
    // newest version that passed its gates is.
    let production = EnvironmentId { project: shop.project.name.clone(), name: "production".to_owned() };
    let released = shop.home().environments.environment(&production).await?.is_some();
    let has_champion = models
        .resolve(&ModelRef { name: name.clone(), which: Which::Alias("champion".into()) })
        .await?
        .is_some();
    let (alias, what) = match (released, has_champion) {
        (true, _) => ("challenger", "a challenger"),
        (false, true) => ("champion", "now the champion"),
        (false, false) => ("champion", "the first champion"),
    };
    let alias = alias.to_owned();
    let new = NewVersion {
        name: name.clone(),
        package: package.digest,
        runtime: package.facts.runtime.clone(),
        project: Some(shop.project.name.clone()),
        run: Some(build.run),
        report: Some(tested.report_digest),
        metric: tested.metric.clone(),
        alias: Some(alias.clone()),
    };
    let (version, new) = models.register(&new, &shop.actor()).await?;
    shop.progress.finished(&Node::Register, &[format!("{name}@{}   {what}", version.number)], false, 0);
    note(build, &version);
    Ok(RegisterMade { version, new, alias: Some(alias) })
}

fn note(build: &Build, version: &modelyard_core::model::ModelVersion) {
    super::lock(&build.outcome).model = Some(format!("{}@{}", version.name, version.number));
}

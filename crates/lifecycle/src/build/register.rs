//! Registering: a tested package becomes a numbered version. Not an action: it is done at every run,
//! and a package that is registered already keeps its version.

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::model::{ModelRef, ModelVersion, NewVersion, Which};
use modelyard_pipeline::{Node, Stop};
use modelyard_track::registry;

use super::{Build, RegisterMade};

pub(super) async fn make(build: &Build) -> Result<RegisterMade, Stop> {
    let shop = &build.shop;
    let models = &shop.home().models;
    let package = build.packaged()?;
    let tested = build.tested()?;
    let name = &shop.project.register;
    let known = models.versions(name).await?.into_iter().find(|version| version.package == package.digest);
    if let Some(version) = known {
        let aliases = alias(build, &version).await?;
        let line = told(&version, "unchanged", &aliases);
        shop.progress.finished(&Node::Register, &[line], true, 0);
        note(build, &version);
        return Ok(RegisterMade { version, new: false, aliases });
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
    let (first, what) = match (released, has_champion) {
        (true, _) => ("challenger", "a challenger"),
        (false, true) => ("champion", "now the champion"),
        (false, false) => ("champion", "the first champion"),
    };
    let new = NewVersion {
        name: name.clone(),
        package: package.digest,
        runtime: package.facts.runtime.clone(),
        project: Some(shop.project.name.clone()),
        run: Some(build.run),
        report: Some(tested.report_digest),
        metric: tested.metric.clone(),
        alias: Some(first.to_owned()),
    };
    let (version, new) = models.register(&new, &shop.actor()).await?;
    let aliases = alias(build, &version).await?;
    shop.progress.finished(&Node::Register, &[told(&version, what, &aliases)], false, 0);
    note(build, &version);
    Ok(RegisterMade { version, new, aliases })
}

/// Lets the aliases that were asked for name what this build came to, whether it is new or not.
async fn alias(build: &Build, version: &ModelVersion) -> Result<Vec<String>, Stop> {
    if !build.records() {
        return Ok(Vec::new());
    }
    let shop = &build.shop;
    let aliases = &shop.settings.aliases;
    let model = ModelRef { name: version.name.clone(), which: Which::Number(version.number) };
    for alias in aliases {
        registry::set_alias(shop.home(), &model, alias, &shop.actor()).await?;
    }
    Ok(aliases.clone())
}

/// `late-flights@3   unchanged, nightly`
fn told(version: &ModelVersion, what: &str, aliases: &[String]) -> String {
    let words: Vec<&str> = std::iter::once(what).chain(aliases.iter().map(String::as_str)).collect();
    format!("{}@{}   {}", version.name, version.number, words.join(", "))
}

fn note(build: &Build, version: &ModelVersion) {
    super::lock(&build.outcome).model = Some(format!("{}@{}", version.name, version.number));
}

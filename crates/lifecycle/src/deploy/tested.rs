//! The report of application tests: of the newest release that was tested in an environment.

use modelyard_core::deploy::{EnvironmentId, Release};
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_evaluate::ApplicationReport;
use modelyard_track::registry;

use super::environments;

/// The newest release into the environment that was tested, of any version or of `model` (and its `number`).
///
/// # Errors
/// [`Kind::NotFound`] if there is no such environment or nothing of the kind was tested there.
pub async fn newest(home: &Home, id: &EnvironmentId, model: Option<(&str, Option<u32>)>) -> Result<Release> {
    environments::find(home, id).await?;
    let fits = |release: &Release| {
        release.report.is_some()
            && model.is_none_or(|(name, number)| {
                *name == release.model && number.is_none_or(|number| number == release.number)
            })
    };
    home.environments.releases(id).await?.into_iter().find(fits).ok_or_else(|| {
        let what = match model {
            None => "nothing".to_owned(),
            Some((name, None)) => format!("`{name}` never"),
            Some((name, Some(number))) => format!("`{name}@{number}` never"),
        };
        Fault::new(Kind::NotFound, format!("{what} was tested in `{}`", id.name)).hint(format!(
            "modelyard deploy {} tests what it deploys, where the environment has tests",
            id.name
        ))
    })
}

/// As [`newest`], of whatever versions `model` names; of all where none is named.
///
/// # Errors
/// As [`newest`]; and if `model` names a version that is not there.
pub async fn find(home: &Home, id: &EnvironmentId, model: Option<&ModelRef>) -> Result<Release> {
    let Some(model) = model else { return newest(home, id, None).await };
    if matches!(model.which, Which::Default) {
        return newest(home, id, Some((&model.name, None))).await;
    }
    let version = registry::find(home, model).await?;
    newest(home, id, Some((&version.name, Some(version.number)))).await
}

/// What was found when `release` was tested.
///
/// # Errors
/// [`Kind::NotFound`] if it was not, or the report is not in the home any more.
pub async fn report(home: &Home, release: &Release) -> Result<ApplicationReport> {
    let missing = || Fault::new(Kind::NotFound, "the report is not in the home any more");
    let digest = release.report.ok_or_else(missing)?;
    ApplicationReport::from_json(&home.blobs.get(digest).await?.ok_or_else(missing)?)
}

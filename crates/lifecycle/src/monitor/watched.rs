//! Which watched environment is meant.

use modelyard_core::deploy::{Applied, EnvironmentId};
use modelyard_core::monitor::MonitorSpec;
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};

/// A watched environment.
pub struct Watched {
    pub id: EnvironmentId,
    pub spec: MonitorSpec,
    pub applied: Applied,
}

/// The watched environment that `name` means: of a project (`flights`), with this name (`production`,
/// `flights/production`), or that holds this model (`late-flights`); without a name that of `project`, or the only
/// one of the home.
///
/// # Errors
/// [`Kind::NotFound`] if there is none, [`Kind::Usage`] if there are several.
pub async fn find(home: &Home, name: Option<&str>, project: Option<&str>) -> Result<Watched> {
    let mut all = Vec::new();
    for project in home.environments.projects().await? {
        let Some(applied) = home.environments.applied(&project).await? else { continue };
        let Some(spec) = applied.monitor.clone() else { continue };
        let id = EnvironmentId { project, name: spec.environment.clone() };
        all.push(Watched { id, spec, applied });
    }
    let is_meant = |watched: &Watched| match name {
        Some(name) => {
            let id = &watched.id;
            [&id.project, &id.name, &watched.applied.model].into_iter().any(|known| known == name)
                || id.to_string() == name
        }
        None => true,
    };
    all.retain(is_meant);
    if all.len() > 1
        && let Some(project) = project
        && all.iter().any(|watched| watched.id.project == project)
    {
        all.retain(|watched| watched.id.project == project);
    }
    if all.len() > 1 {
        let names: Vec<_> = all.iter().map(|watched| format!("`{}`", watched.id)).collect();
        let message = format!("several environments are watched: {}", names.join(", "));
        return Err(Fault::new(Kind::Usage, message).hint("name one of them"));
    }
    all.pop().ok_or_else(|| {
        let what =
            name.map_or_else(|| "no environment".to_owned(), |name| format!("nothing called `{name}`"));
        Fault::new(Kind::NotFound, format!("{what} is watched in this home"))
            .hint("declare [monitor] in modelyard.toml and run `modelyard apply`")
    })
}

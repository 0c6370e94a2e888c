//! What comes after what is there: the commands that bring a version into the environments of a project.

use std::collections::BTreeMap;

use modelyard_core::config::Project;
use modelyard_core::deploy::EnvironmentSpec;
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};

/// A command for each environment, those first that others require.
pub(super) fn commands(environments: &BTreeMap<String, EnvironmentSpec>) -> Vec<String> {
    let mut names: Vec<&String> = environments.keys().collect();
    let depth = |name: &String| {
        let mut depth = 0;
        let mut next = environments.get(name);
        while let Some(required) = next.and_then(|spec| spec.requires.as_ref())
            && depth <= environments.len()
        {
            depth += 1;
            next = environments.get(required);
        }
        depth
    };
    names.sort_by_key(|name| depth(name));
    names.into_iter().map(|name| command(name, &environments[name])).collect()
}

/// How a version gets into the environment `name`.
pub(super) fn command(name: &str, spec: &EnvironmentSpec) -> String {
    match spec.tests.on {
        true => format!("modelyard deploy {name}"),
        false => format!("modelyard release --to {name}"),
    }
}

/// That the environment `name` of `project`, which its file declares, is not in the home yet, and what leads there.
///
/// # Errors
/// If the home can't be read.
pub(super) async fn not_applied(home: &Home, project: &Project, name: &str) -> Result<Fault> {
    let fault = Fault::new(
        Kind::NotFound,
        format!("environment `{name}` is declared, and nothing of it was applied or deployed yet"),
    );
    let mut next = Vec::new();
    if home.models.resolve(&project.register.parse()?).await?.is_none() {
        next.push("modelyard run".to_owned());
    }
    next.push("modelyard apply".to_owned());
    let spec = project.environments.get(name);
    if let Some(required) = spec.and_then(|spec| spec.requires.as_ref()) {
        next.push(format!("modelyard deploy {required}"));
    }
    next.extend(spec.map(|spec| command(name, spec)));
    let next: Vec<String> = next.iter().map(|command| format!("`{command}`")).collect();
    Ok(fault.hint(next.join(", then ")))
}

//! What a pipeline does, in order: the same for every kind of pipeline file and for `ci run`.

use std::path::Path;

use modelyard_core::config::Project;

/// A part of the pipeline that passes or fails as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) name: String,
    /// Commands as a person would type them.
    pub(super) commands: Vec<String>,
    /// The environment that it releases to: a person starts it.
    pub(super) releases_to: Option<String>,
}

impl Stage {
    fn new(name: impl Into<String>, commands: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.into(), commands: commands.into_iter().collect(), releases_to: None }
    }
}

/// The stages of `project`, whose files lie at `root`.
pub(super) fn stages(project: &Project, root: &Path) -> Vec<Stage> {
    let targets = targets(root);
    let make = |name: &str| targets.iter().any(|target| target == name).then(|| format!("make {name}"));
    let mut stages = Vec::new();
    let lint = make("install").into_iter().chain(make("lint")).chain(["modelyard check".to_owned()]);
    stages.push(Stage::new("lint", lint));
    stages.extend(make("test").map(|test| Stage::new("test", [test])));
    stages.push(Stage::new("build", ["modelyard run".to_owned()]));
    if project.environments.is_empty() {
        return stages;
    }
    stages.push(Stage::new("apply", ["modelyard apply --yes".to_owned()]));
    // The newest version: the champion is the one that is to be replaced.
    let model = format!("{}@latest", project.register);
    let required: Vec<&String> =
        project.environments.values().filter_map(|spec| spec.requires.as_ref()).collect();
    for name in project.environments.keys().filter(|name| required.contains(name)) {
        stages
            .push(Stage::new(format!("deploy-{name}"), [format!("modelyard deploy {name} {model} --wait")]));
    }
    for name in project.environments.keys().filter(|name| !required.contains(name)) {
        let mut stage =
            Stage::new(format!("release-{name}"), [format!("modelyard release {model} --to {name} --wait")]);
        stage.releases_to = Some(name.clone());
        stages.push(stage);
    }
    stages
}

/// Targets of the project's Makefile.
fn targets(root: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(root.join("Makefile")).unwrap_or_default();
    let rule = |line: &str| {
        let (targets, rest) = line.split_once(':')?;
        let plain = !line.starts_with([' ', '\t', '#', '.']) && !rest.starts_with('=');
        plain.then(|| targets.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    text.lines().filter_map(rule).flatten().collect()
}

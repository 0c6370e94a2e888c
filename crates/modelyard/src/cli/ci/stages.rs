//! What a pipeline does, in order: the same for every kind of pipeline file and for `ci run`.

use std::cmp::Reverse;
use std::path::Path;

use modelyard_core::config::Project;

/// A part of the pipeline that passes or fails as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stage {
    pub(super) name: String,
    /// Commands as a person would type them.
    pub(super) commands: Vec<String>,
    /// A release: a person starts it.
    pub(super) release: Option<Release>,
}

/// What a release is in a pipeline file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub(super) model: String,
    pub(super) environment: String,
    /// How many people must approve the version while the release waits for them.
    pub(super) approvals: u32,
}

impl Stage {
    fn new(name: impl Into<String>, commands: impl IntoIterator<Item = String>) -> Self {
        Self { name: name.into(), commands: commands.into_iter().collect(), release: None }
    }
}

/// The stages of `project`, whose files lie at `root`, in the pipeline that is called `id`: what it builds is
/// what it deploys and releases, whatever others register meanwhile.
pub(super) fn stages(project: &Project, root: &Path, id: &str) -> Vec<Stage> {
    let targets = targets(root);
    let make = |name: &str| targets.iter().any(|target| target == name).then(|| format!("make {name}"));
    let mut stages = Vec::new();
    let lint = make("install").into_iter().chain(make("lint")).chain(["modelyard check".to_owned()]);
    stages.push(Stage::new("lint", lint));
    stages.extend(make("test").map(|test| Stage::new("test", [test])));
    let alias = format!("ci-{id}");
    stages.push(Stage::new("build", [format!("modelyard run --alias {alias}")]));
    if project.environments.is_empty() {
        return stages;
    }
    stages.push(Stage::new("apply", ["modelyard apply --yes".to_owned()]));
    let model = format!("{}@{alias}", project.register);
    let mut tested: Vec<&String> =
        project.environments.keys().filter(|name| is_required(project, name)).collect();
    // What another one requires comes before it.
    tested.sort_by_key(|name| Reverse(requirers(project, name)));
    for name in tested {
        // Stopped to save memory, say: it is there to be tested in.
        let start = format!("modelyard environments start {name}");
        let deploy = format!("modelyard deploy {name} {model} --wait");
        stages.push(Stage::new(format!("deploy-{name}"), [start, deploy]));
    }
    for (name, spec) in project.environments.iter().filter(|(name, _)| !is_required(project, name)) {
        let mut stage =
            Stage::new(format!("release-{name}"), [format!("modelyard release {model} --to {name} --wait")]);
        stage.release = Some(Release {
            model: project.register.clone(),
            environment: name.clone(),
            approvals: spec.approvals.count,
        });
        stages.push(stage);
    }
    stages
}

fn is_required(project: &Project, name: &String) -> bool {
    project.environments.values().any(|spec| spec.requires.as_ref() == Some(name))
}

/// How long the longest chain of environments is that require each other and `name` at last. The
/// configuration has no cycles of them.
fn requirers(project: &Project, name: &String) -> usize {
    let direct = project.environments.iter().filter(|(_, spec)| spec.requires.as_ref() == Some(name));
    direct.map(|(other, _)| 1 + requirers(project, other)).max().unwrap_or(0)
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

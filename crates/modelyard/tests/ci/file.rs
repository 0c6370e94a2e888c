//! A pipeline file as a runner of its host reads it.

use yaml_rust2::{Yaml, YamlLoader};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Host {
    Github,
    Gitlab,
}

/// What one shell is given, in the order in which a runner comes to it.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) job: String,
    pub(crate) text: String,
    /// The environment that a person starts it for.
    pub(crate) by_hand_for: Option<String>,
}

impl Host {
    pub(crate) const ALL: [Self; 2] = [Self::Github, Self::Gitlab];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitlab => "gitlab",
        }
    }

    /// The variable by which a runner of the host says which pipeline it is in.
    pub(crate) fn pipeline(self) -> &'static str {
        match self {
            Self::Github => "GITHUB_RUN_ID",
            Self::Gitlab => "CI_PIPELINE_ID",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Github => ".github/workflows/modelyard.yml",
            Self::Gitlab => ".gitlab-ci.yml",
        }
    }

    #[track_caller]
    pub(crate) fn scripts(self, text: &str) -> Vec<Script> {
        let documents = YamlLoader::load_from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_eq!(documents.len(), 1, "{text}");
        let scripts = match self {
            Self::Github => github(&documents[0]),
            Self::Gitlab => gitlab(&documents[0]),
        };
        assert!(!scripts.is_empty(), "{text}");
        scripts
    }
}

/// Jobs after those that they need; a shell a step.
fn github(file: &Yaml) -> Vec<Script> {
    assert!(file["on"]["push"].as_hash().is_some(), "{file:?}");
    assert_eq!(file["env"]["MODELYARD_HOME"].as_str(), Some("${{ vars.MODELYARD_HOME }}"));
    assert_eq!(file["env"]["MODELYARD_ACTOR"].as_str(), Some("${{ github.actor }}"));
    let mut waiting: Vec<(String, &Yaml)> =
        file["jobs"].as_hash().unwrap().iter().map(|(name, job)| (string(name), job)).collect();
    let mut scripts: Vec<Script> = Vec::new();
    let mut done = Vec::new();
    while !waiting.is_empty() {
        let is_due = |job: &Yaml| match &job["needs"] {
            Yaml::BadValue => true,
            needed => done.contains(&string(needed)),
        };
        let place = waiting.iter().position(|(_, job)| is_due(job)).expect("needs are met");
        let (name, job) = waiting.remove(place);
        assert_eq!(job["runs-on"].as_str(), Some("self-hosted"));
        let steps = job["steps"].as_vec().unwrap();
        assert_eq!(steps[0]["uses"].as_str(), Some("actions/checkout@v4"), "a job begins with a checkout");
        for step in &steps[1..] {
            scripts.push(Script {
                job: name.clone(),
                text: string(&step["run"]),
                by_hand_for: job["environment"].as_str().map(str::to_owned),
            });
        }
        done.push(name);
    }
    scripts
}

/// Stages in their order; a shell a job, which begins with what comes before every script.
fn gitlab(file: &Yaml) -> Vec<Script> {
    let lines = |yaml: &Yaml| yaml.as_vec().unwrap().iter().map(string).collect::<Vec<_>>();
    assert_eq!(file["variables"]["MODELYARD_ACTOR"].as_str(), Some("$GITLAB_USER_LOGIN"));
    let before = lines(&file["default"]["before_script"]);
    let job = |stage: &Yaml| {
        let job = &file[string(stage).as_str()];
        assert_eq!(job["stage"], *stage);
        let by_hand_for = job["environment"].as_str().map(str::to_owned);
        assert_eq!(by_hand_for.is_some(), job["when"].as_str() == Some("manual"));
        let text = [before.clone(), lines(&job["script"])].concat().join("\n");
        Script { job: string(stage), text, by_hand_for }
    };
    file["stages"].as_vec().unwrap().iter().map(job).collect()
}

#[track_caller]
fn string(yaml: &Yaml) -> String {
    yaml.as_str().unwrap_or_else(|| panic!("no text: {yaml:?}")).to_owned()
}

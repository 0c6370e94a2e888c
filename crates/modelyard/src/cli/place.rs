//! What a command that lists or shows works on: a home, and the project it was called in.

use modelyard_core::model::ModelRef;
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunFilter, RunKind};
use modelyard_core::{Fault, Kind, Result};
use modelyard_track::{registry, runs};

use super::{Context, session};
use crate::config;

/// So many runs are searched for a step's name.
const RECENT: u32 = 1000;

pub(crate) struct Place {
    pub(crate) home: Home,
    /// The project's name; `None` where only a home was named, or the project's file is broken.
    pub(crate) project: Option<String>,
}

/// Opens the home of the command. A project that has not run yet has an empty one; a home that was
/// named has to be there.
///
/// # Errors
/// If there is neither home nor project, or the home can't be opened.
pub(crate) async fn open(ctx: &Context) -> Result<Place> {
    let home = session::existing(ctx, &session::home_folder(ctx)?).await?;
    Ok(Place { home, project: project(ctx) })
}

fn project(ctx: &Context) -> Option<String> {
    let file = config::locate(ctx.project.as_deref()).ok()?;
    Some(config::inspect(&file).ok()?.ok()?.project.name)
}

impl Place {
    /// The project, where the command can't do without.
    ///
    /// # Errors
    /// If the command was called outside of one.
    pub(crate) fn project(&self) -> Result<&str> {
        self.project.as_deref().ok_or_else(|| {
            Fault::new(Kind::NotFound, "cannot tell which project is meant")
                .hint("go to its folder, or name it with --project FOLDER; `modelyard check` tells what is wrong with it")
        })
    }

    /// The newest pipeline run of the project, or of the home.
    ///
    /// # Errors
    /// If nothing has run yet.
    pub(crate) async fn newest(&self) -> Result<Run> {
        let run = match &self.project {
            Some(project) => runs::newest(&self.home, project).await?,
            None => {
                let filter =
                    RunFilter { kind: Some(RunKind::Pipeline), limit: Some(1), ..RunFilter::default() };
                self.home.runs.list(&filter).await?.into_iter().next().ok_or_else(|| {
                    Fault::new(Kind::NotFound, "nothing has run in this home yet").hint("modelyard run")
                })?
            }
        };
        runs::settle(&self.home, run).await
    }

    /// The run that `what` names: an id or its beginning, a step (its newest run), or a version
    /// (the run that made it); without `what` the newest pipeline run.
    ///
    /// # Errors
    /// If there is none, with what was probably meant.
    pub(crate) async fn run(&self, what: Option<&str>) -> Result<Run> {
        let Some(what) = what else { return self.newest().await };
        if let Some(run) = runs::lookup(&self.home, what).await? {
            return runs::settle(&self.home, run).await;
        }
        if let Some(run) = self.step(what).await? {
            return Ok(run);
        }
        if let Ok(model) = what.parse::<ModelRef>() {
            if let Some(version) = self.home.models.resolve(&model).await? {
                let run = match version.run {
                    Some(id) => self.home.runs.get(id).await?,
                    None => None,
                };
                return run.ok_or_else(|| {
                    let title = format!("{}@{}", version.name, version.number);
                    Fault::new(Kind::NotFound, format!("it is not known which run made {title}"))
                });
            }
            if what.contains('@') || self.home.models.model(&model.name).await?.is_some() {
                registry::find(&self.home, &model).await?;
            }
        }
        runs::find(&self.home, what).await
    }

    /// The newest run of the step called `name`.
    async fn step(&self, name: &str) -> Result<Option<Run>> {
        let filter = RunFilter {
            project: self.project.clone(),
            kind: Some(RunKind::Step),
            limit: Some(RECENT),
            ..RunFilter::default()
        };
        Ok(self.home.runs.list(&filter).await?.into_iter().find(|run| run.name == name))
    }
}

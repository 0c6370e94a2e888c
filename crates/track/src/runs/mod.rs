//! Runs: how they are named, which of them still live, how they compare.

mod compare;
mod find;
mod settle;

use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunFilter, RunKind};
use modelyard_core::{Fault, Kind, Result};

pub use compare::{Compared, Comparison, Row, compare};
pub use find::{find, lookup};
pub use settle::settle;

/// The newest pipeline run of `project`.
///
/// # Errors
/// [`Kind::NotFound`] where nothing has run yet.
pub async fn newest(home: &Home, project: &str) -> Result<Run> {
    let filter = RunFilter {
        project: Some(project.to_owned()),
        kind: Some(RunKind::Pipeline),
        limit: Some(1),
        ..RunFilter::default()
    };
    let run = home.runs.list(&filter).await?.into_iter().next();
    run.ok_or_else(|| {
        Fault::new(Kind::NotFound, format!("the project `{project}` has not run yet")).hint("modelyard run")
    })
}

/// What `run` consists of, in the order in which it began: the steps of a pipeline run, the trials
/// of a search.
///
/// # Errors
/// If the home can't be read.
pub async fn parts(home: &Home, run: &Run) -> Result<Vec<Run>> {
    let mut parts = home.runs.list(&RunFilter { parent: Some(run.id), ..RunFilter::default() }).await?;
    parts.reverse();
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[tokio::test]
    async fn the_newest_is_a_pipeline_run_of_the_project() {
        let home = modelyard_store::memory();
        let fault = newest(&home, "flights").await.unwrap_err();
        assert_eq!(fault.report(), "the project `flights` has not run yet\n  hint: modelyard run");
        for number in 1..=2 {
            home.runs.save(&testing::run(number)).await.unwrap();
        }
        let step = Run { kind: RunKind::Step, parent: Some(testing::run(2).id), ..testing::run(3) };
        home.runs.save(&step).await.unwrap();
        home.runs.save(&Run { project: "weather".into(), ..testing::run(4) }).await.unwrap();
        assert_eq!(newest(&home, "flights").await.unwrap(), testing::run(2));
        assert_eq!(parts(&home, &testing::run(2)).await.unwrap(), [step]);
        assert_eq!(parts(&home, &testing::run(1)).await.unwrap(), []);
    }
}

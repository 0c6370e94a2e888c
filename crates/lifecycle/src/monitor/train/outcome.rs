//! What a training's run that has ended came to.

use modelyard_core::Result;
use modelyard_core::deploy::Applied;
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunStatus};

use crate::outcome::Outcome;

pub(super) enum Came {
    /// Registered: `late-flights@2`.
    Better {
        model: String,
    },
    /// The champion stays.
    NotBetter {
        why: String,
    },
    Failed {
        why: String,
    },
}

pub(super) async fn of(home: &Home, applied: &Applied, run: &Run) -> Result<Came> {
    let outcome = Outcome::of(run)?;
    if run.status == RunStatus::Finished
        && let Some(model) = outcome.model
    {
        let champion = ModelRef { name: applied.model.clone(), which: Which::Alias("champion".to_owned()) };
        let champion = home.models.resolve(&champion).await?;
        return Ok(match champion {
            // The very version that a run without a release registers first is its champion.
            Some(champion) if Some(champion.package) == outcome.package && champion.run != Some(run.id) => {
                Came::NotBetter { why: format!("what was trained is {model}, the champion itself") }
            }
            _ => Came::Better { model },
        });
    }
    let failed: Vec<_> = outcome.gates.iter().filter(|gate| !gate.passed).collect();
    if let [gate] = failed[..]
        && gate.name == "champion"
        && gate.got != "not comparable"
    {
        return Ok(Came::NotBetter { why: format!("not better: wanted {}, got {}", gate.wanted, gate.got) });
    }
    if !failed.is_empty() {
        let told =
            failed.iter().map(|gate| format!("{}: wanted {}, got {}", gate.name, gate.wanted, gate.got));
        return Ok(Came::Failed { why: format!("gates failed: {}", told.collect::<Vec<_>>().join("; ")) });
    }
    let error = run.error.as_deref().unwrap_or("it was ended");
    let first = error.lines().next().unwrap_or(error);
    Ok(Came::Failed { why: format!("{first} (modelyard show {})", run.id) })
}

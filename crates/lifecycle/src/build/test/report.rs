//! The report of a test, and its lines on the screen.

use modelyard_core::action::Trust;
use modelyard_core::config::Split;
use modelyard_core::data::{NumberedVersion, Part};
use modelyard_core::package::{OnnxOrigin, Runtime};
use modelyard_evaluate::report::{DataFacts, ModelFacts, Packaging, Provenance, Report};
use modelyard_evaluate::{ChampionOutcome, Evaluation, GateVerdict};

use super::super::{Build, PackageMade};

pub(super) fn make(
    build: &Build,
    package: &PackageMade,
    data: &NumberedVersion,
    evaluation: Evaluation,
    gates: Vec<GateVerdict>,
    uses: u64,
    trust: &Trust,
) -> Report {
    let project = &build.shop.project;
    let model = ModelFacts {
        name: project.register.clone(),
        number: None,
        run: None,
        target: project.target.clone(),
        tested_at: None,
    };
    let version = format!("{}@{}", data.data.name, data.number);
    let test = data.data.split.get(&Part::Test);
    let facts = DataFacts {
        version,
        split: project.data.get(&data.data.name).map(|set| split_text(&set.split)),
        train_rows: data.data.split.get(&Part::Train).map(|part| part.rows),
        sealed: trust.sealed,
        test_uses: uses,
    };
    let manifest = &package.manifest;
    let (origin, library) = match manifest.stages.first().map(|stage| &stage.runtime) {
        Some(Runtime::Onnx { origin, library_version, .. }) => {
            let origin = if *origin == OnnxOrigin::Exported { "exported" } else { "given" };
            (Some(origin.to_owned()), Some(format!("ONNX Runtime {library_version}")))
        }
        Some(Runtime::Python { python, .. }) => (None, Some(format!("Python {python}"))),
        None => (None, None),
    };
    let packaging = Packaging {
        runtime: package.facts.runtime.clone(),
        origin,
        library,
        reason: package.facts.why_python.clone(),
        largest_difference: package.facts.largest_difference,
        compared_rows: Some(package.facts.compared_rows),
        tolerance: Some(manifest.tolerance),
        size_bytes: Some(package.facts.size_bytes),
    };
    let mut digests = manifest.provenance.data.clone();
    digests.extend(test.map(|part| (format!("data.{}.test", data.data.name), part.digest)));
    let provenance = Provenance {
        package: Some(package.digest),
        training: Some(manifest.provenance.training),
        data: digests,
        code: manifest.provenance.code,
        environment: manifest.provenance.environment,
        commit: None,
        command: project.train.as_ref().map(|train| train.step.run.join(" ")),
        params: manifest.provenance.params.clone(),
        program: Some(format!("modelyard {}", env!("CARGO_PKG_VERSION"))),
        reproduce: None,
    };
    let mut report = Report::new(model, facts, evaluation, gates, packaging, provenance);
    if !trust.inputs_complete {
        report.remarks.push(format!("inputs not complete: {}", trust.reasons.join("; ")));
    }
    if !trust.sealed {
        let reasons = if trust.inputs_complete && !trust.reasons.is_empty() {
            format!(" ({})", trust.reasons.join("; "))
        } else {
            String::new()
        };
        report.remarks.push(format!("unsealed: a step could have read the test rows{reasons}"));
    }
    report.remarks.extend(package.facts.remarks.iter().cloned());
    report
}

fn split_text(split: &Split) -> String {
    match split {
        Split::Random { key, test, .. } if key.is_empty() => {
            format!("{:.0} % at random, by the hash of the row", test * 100.0)
        }
        Split::Random { key, test, .. } => {
            format!("{:.0} % at random, by the hash of {}", test * 100.0, key.join(", "))
        }
        Split::Time { column, test, .. } => format!("the last {:.0} % by {column}", test * 100.0),
        Split::Column { column } => format!("by the column {column}"),
    }
}

/// `roc_auc 0.693 ± 0.012   baseline 0.500   champion late-flights@1 0.693`, then the gates.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(primary) = report.evaluation.metrics.first() {
        let value = primary.value.map_or("undefined".to_owned(), |value| format!("{value:.3}"));
        let half = primary
            .interval
            .as_ref()
            .map(|interval| format!(" ± {:.3}", (interval.high - interval.low) / 2.0));
        let baseline = primary.baseline.map(|value| format!("   baseline {value:.3}"));
        let champion = match &report.evaluation.champion {
            ChampionOutcome::None => "   first model".to_owned(),
            ChampionOutcome::Same { name } => format!("   the same package as {name}"),
            ChampionOutcome::Compared { name, value, .. } => format!("   champion {name} {value:.3}"),
            ChampionOutcome::NotComparable { name, .. } => format!("   champion {name} not comparable"),
        };
        let metric = &primary.name;
        lines.push(format!(
            "{metric} {value}{}{}{champion}",
            half.unwrap_or_default(),
            baseline.unwrap_or_default()
        ));
    }
    let failed: Vec<_> = report.gates.iter().filter(|gate| !gate.passed).collect();
    for gate in &failed {
        lines.push(format!("gate failed: {}. wanted {}, got {}", gate.name, gate.wanted, gate.got));
    }
    if failed.is_empty() && !report.gates.is_empty() {
        let count = report.gates.len();
        lines.push(format!("{count} gate{} passed{}", if count == 1 { "" } else { "s" }, uses_text(report)));
    } else if report.data.test_uses > 1 {
        lines.push(uses_text(report).trim_start_matches("; ").to_owned());
    }
    lines.extend(report.remarks.iter().cloned());
    lines
}

fn uses_text(report: &Report) -> String {
    match report.data.test_uses {
        0 | 1 => String::new(),
        2 => "; this test split was used once before".to_owned(),
        uses => format!("; {uses} packages were scored on this test split, it wears out"),
    }
}

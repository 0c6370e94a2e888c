//! `modelyard models show`: a version, and the chain from it back to sources and commit.

use std::process::ExitCode;

use modelyard_core::deploy::Approval;
use modelyard_core::model::{ModelRef, ModelVersion, RegisteredModel, Which};
use modelyard_core::outcome::Outcome;
use modelyard_core::package::{MANIFEST, Manifest, OnnxOrigin, Runtime};
use modelyard_core::ports::Home;
use modelyard_core::{Result, tree::Tree};
use modelyard_evaluate::{ChampionOutcome, Report};
use modelyard_lifecycle::deploy::approval;
use modelyard_track::lineage::{self, Lineage};
use modelyard_track::registry;
use serde_json::json;

use super::super::show::marks;
use super::super::table::{Column, Table};
use super::super::{Context, place, print, text};
use super::list::metric;
use super::standing;

/// Show a version: what it is, how it was tested, where it comes from
#[derive(clap::Args)]
pub(super) struct Args {
    /// NAME, NAME@VERSION or NAME@ALIAS; a NAME alone is the champion, before there is one the
    /// newest version, and a list of all
    #[arg(value_name = "MODEL")]
    model: ModelRef,
}

pub(super) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let home = place::open(ctx).await?.home;
    let version = registry::find(&home, &args.model).await?;
    let model = registry::model(&home, &version.name).await?;
    let shown = Shown::of(&home, version, model).await?;
    if ctx.json {
        print::json(&shown.document());
    } else {
        print::result(shown.text(args.model.which == Which::Default, ctx));
    }
    Ok(ExitCode::SUCCESS)
}

struct Shown {
    version: ModelVersion,
    model: RegisteredModel,
    /// Newest first.
    versions: Vec<ModelVersion>,
    /// Absent where the package is not in the home any more.
    tree: Option<Tree>,
    manifest: Option<Manifest>,
    report: Option<Report>,
    /// The last word of each person.
    approvals: Vec<Approval>,
    lineage: Lineage,
    /// As the run judged them.
    gates: Vec<modelyard_core::outcome::GateOutcome>,
}

impl Shown {
    async fn of(home: &Home, version: ModelVersion, model: RegisteredModel) -> Result<Self> {
        let tree = home.blobs.tree(version.package).await?;
        let manifest = match tree.as_ref().and_then(|tree| tree.file(MANIFEST)) {
            Some(file) => {
                home.blobs.get(file.digest).await?.map(|bytes| Manifest::from_json(&bytes)).transpose()?
            }
            None => None,
        };
        let report = match version.report {
            Some(digest) => {
                home.blobs.get(digest).await?.map(|bytes| Report::from_json(&bytes)).transpose()?
            }
            None => None,
        };
        let given = home.environments.approvals(&version.name, version.number).await?;
        let run = match version.run {
            Some(id) => home.runs.get(id).await?,
            None => None,
        };
        Ok(Self {
            lineage: lineage::of_version(home, &version).await?,
            gates: run.as_ref().map(Outcome::of).transpose()?.unwrap_or_default().gates,
            versions: home.models.versions(&version.name).await?,
            approvals: approval::counting(&given).into_iter().cloned().collect(),
            version,
            model,
            tree,
            manifest,
            report,
        })
    }

    fn title(&self) -> String {
        format!("{}@{}", self.version.name, self.version.number)
    }

    /// Aliases of this version.
    fn aliases(&self) -> Vec<&str> {
        let number = self.version.number;
        self.model.aliases.iter().filter(|(_, of)| **of == number).map(|(alias, _)| alias.as_str()).collect()
    }

    fn text(&self, with_versions: bool, ctx: &Context) -> String {
        let now = ctx.clock.now();
        let version = &self.version;
        let aliases = self.aliases();
        let aliases =
            if aliases.is_empty() { String::new() } else { format!("{} · ", super::few(&aliases)) };
        let at = text::when(version.created_at, now);
        let mut lines =
            vec![format!("{}   {aliases}registered {at} by {}", self.title(), version.created_by)];
        let mut add =
            |label: &str, fact: String| lines.push(format!("  {label:<9} {fact}").trim_end().to_owned());
        add("package", self.package());
        for line in self.tested() {
            add(&line.0, line.1);
        }
        for (label, line) in self.chain() {
            add(label, line);
        }
        if !self.approvals.is_empty() {
            add("people", standing(&self.approvals));
        }
        for mark in self.lineage.trust.iter().flat_map(marks) {
            add("trust", mark);
        }
        if with_versions && self.versions.len() > 1 {
            lines.push(format!("\n{}", self.version_table(ctx)));
        }
        if !ctx.quiet {
            let title = self.title();
            lines.push(format!("\nnext: modelyard serve {title}"));
            if version.report.is_some() {
                lines.push(format!("      modelyard report {title}"));
            }
            if version.run.is_some() {
                lines.push(format!("      modelyard reproduce {title}"));
            }
        }
        lines.join("\n")
    }

    fn package(&self) -> String {
        let mut words = vec![format!("{}   {}", self.version.package.short(), self.version.runtime)];
        if let Some(manifest) = &self.manifest {
            let exported = manifest
                .stages
                .iter()
                .any(|stage| matches!(stage.runtime, Runtime::Onnx { origin: OnnxOrigin::Exported, .. }));
            if exported {
                words.push("exported in float64".to_owned());
            }
            words.push(text::plural(manifest.signature.inputs.len() as u64, "input"));
            if !manifest.classes.is_empty() {
                words.push(format!("{} classes", manifest.classes.len()));
            }
        }
        match &self.tree {
            Some(tree) => words.push(text::bytes(tree.size_bytes())),
            None => words.push("not in the home any more".to_owned()),
        }
        words.join(", ")
    }

    /// `roc_auc 0.731 (0.719–0.742) on 11,204 sealed rows; champion then 0.704`, then the gates.
    fn tested(&self) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let label = || "tested".to_owned();
        let Some(report) = &self.report else {
            if let Some((name, value)) = &self.version.metric {
                lines.push((label(), format!("{name} {}", text::score(*value))));
            }
            return lines;
        };
        let evaluation = &report.evaluation;
        if let Some(primary) = evaluation.metrics.first() {
            let value = primary.value.map_or("undefined".to_owned(), text::score);
            let interval = primary
                .interval
                .as_ref()
                .map(|interval| format!(" ({}–{})", text::score(interval.low), text::score(interval.high)));
            let sealed = if report.data.sealed { "sealed " } else { "" };
            let champion = match &evaluation.champion {
                ChampionOutcome::None => "first model".to_owned(),
                ChampionOutcome::Same { name } => format!("the same package as {name}"),
                ChampionOutcome::Compared { name, value, .. } => {
                    format!("{name} then {}", text::score(*value))
                }
                ChampionOutcome::NotComparable { name, .. } => format!("{name} not comparable"),
            };
            lines.push((
                label(),
                format!(
                    "{} {value}{} on {} {sealed}rows; {champion}",
                    primary.name,
                    interval.unwrap_or_default(),
                    text::count(evaluation.rows)
                ),
            ));
        }
        for metric in evaluation.metrics.iter().skip(1) {
            let value = metric.value.map_or("undefined".to_owned(), text::score);
            let baseline = metric.baseline.map(|value| format!(", baseline {}", text::score(value)));
            lines.push((String::new(), format!("{} {value}{}", metric.name, baseline.unwrap_or_default())));
        }
        lines
    }

    /// From the run back to sources and commit, a link a line.
    fn chain(&self) -> Vec<(&'static str, String)> {
        let lineage = &self.lineage;
        let Some(run) = &lineage.run else {
            return vec![("from", "it is not known which run made it".to_owned())];
        };
        let mut lines = vec![("from", format!("run {}", run.id))];
        if let Some(training) = &lineage.training {
            let params = text::params(&training.params);
            lines.push(("", format!("← train {}   {params}", training.key.0.short())));
        }
        for data in &lineage.data {
            let sources = text::plural(data.sources.len() as u64, "source");
            let name = format!("{}@{}", data.name, data.number);
            lines.push(("", format!("← {name}   {}, {}", text::plural(data.rows, "row"), sources)));
            for source in &data.sources {
                let (files, size) =
                    (text::plural(source.files as u64, "file"), text::bytes(source.size_bytes));
                lines.push(("", format!("  ← {}   {}: {files}, {size}", source.name, source.path)));
            }
        }
        if let Some(commit) = &lineage.commit {
            let id = commit.id.get(..8).unwrap_or(&commit.id);
            let branch = commit.branch.as_ref().map(|branch| format!(" on {branch}")).unwrap_or_default();
            let changed = if commit.changed { ", with uncommitted changes" } else { "" };
            lines.push(("", format!("← commit {id}{branch}{changed}")));
        }
        lines
    }

    fn version_table(&self, ctx: &Context) -> String {
        let now = ctx.clock.now();
        let mut table = Table::new([
            Column::left("version", Column::KEEP),
            Column::left("aliases", 9),
            Column::left("runtime", 4),
            Column::left("metric", 8),
            Column::left("registered", 7),
            Column::left("by", 5),
        ]);
        for version in &self.versions {
            let of = self.model.aliases.iter().filter(|(_, number)| **number == version.number);
            let aliases: Vec<_> = of.map(|(alias, _)| alias.as_str()).collect();
            let metric =
                version.metric.as_ref().map(|(name, value)| format!("{name} {}", text::score(*value)));
            table.row([
                format!("{}@{}", version.name, version.number),
                super::few(&aliases),
                version.runtime.clone(),
                metric.unwrap_or_default(),
                text::when(version.created_at, now),
                version.created_by.clone(),
            ]);
        }
        table.text()
    }

    fn document(&self) -> serde_json::Value {
        let version = &self.version;
        let versions: Vec<_> = self
            .versions
            .iter()
            .map(|version| {
                json!({
                    "version": version.number,
                    "package": version.package,
                    "runtime": version.runtime,
                    "metric": metric(version),
                    "created_at": version.created_at,
                    "created_by": version.created_by,
                    "run": version.run,
                })
            })
            .collect();
        json!({
            "name": version.name,
            "version": version.number,
            "latest_version": self.model.latest_version,
            "aliases": self.aliases(),
            "package": version.package,
            "size_bytes": self.tree.as_ref().map(Tree::size_bytes),
            "runtime": version.runtime,
            "manifest": self.manifest,
            "metric": metric(version),
            "tested": self.report.as_ref().map(|report| json!({
                "data": report.data,
                "rows": report.evaluation.rows,
                "metrics": report.evaluation.metrics,
                "champion": report.evaluation.champion,
                "verdict": report.verdict,
            })),
            "gates": self.gates,
            "report": version.report,
            "project": version.project,
            "run": version.run,
            "created_at": version.created_at,
            "created_by": version.created_by,
            "approvals": self.approvals,
            "lineage": self.lineage,
            "versions": versions,
        })
    }
}

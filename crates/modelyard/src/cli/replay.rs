//! `modelyard replay`: a data set's rows as requests, in the order of their time, and their labels later.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::stream::FuturesOrdered;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};
use modelyard_http::client::Plane;
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::duration_text;
use modelyard_lifecycle::monitor::replay::{Later, Replay, Sent};
use serde_json::{Value, json};

use super::{Context, print, session, text};
use crate::config::duration;

/// Requests that are under way at once.
const AT_ONCE: usize = 16;

/// Labels in one request.
const LABELS: usize = 1000;

/// Send a data set's rows as requests, in the order of their time, and their labels later
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A data set of the project
    #[arg(value_name = "DATA")]
    data: String,
    /// Another file, or glob, in place of a source's; may be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = source)]
    source: Vec<(String, String)>,
    /// Which environment is asked: NAME or PROJECT/NAME
    #[arg(long, value_name = "ENVIRONMENT")]
    environment: String,
    /// Tell what turned out to be true, so long after a row by the rows' own time; what is left at the end is told then [default: never]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_argument)]
    labels_after: Option<Duration>,
    /// Requests a second at most [default: as many as are answered]
    #[arg(long, value_name = "N", value_parser = positive)]
    rate: Option<f64>,
}

fn source(text: &str) -> Result<(String, String), String> {
    let (name, path) = text.split_once('=').ok_or("write NAME=FILE")?;
    Ok((name.to_owned(), path.to_owned()))
}

fn positive(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    rate.ok_or_else(|| "a number above 0 is wanted".to_owned())
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let began = Instant::now();
    let session = session::project(ctx).await?;
    let (project, root) = (&session.loaded.project, &session.loaded.root);
    let id = session::environment_id(&args.environment, || Ok(project.name.clone()))?;
    let environment = environments::find(&session.home, &id).await?;
    let plane = Plane::new(&environment.spec.listen, &project.register)?;
    let mut dataset = project.data.get(&args.data).cloned().ok_or_else(|| {
        let known: Vec<&str> = project.data.keys().map(String::as_str).collect();
        Fault::new(Kind::NotFound, format!("the project has no data set `{}`", args.data))
            .hint(format!("it has {}", known.join(", ")))
    })?;
    for (name, path) in &args.source {
        let known: Vec<String> = dataset.sources.keys().cloned().collect();
        let source = dataset.sources.get_mut(name).ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("`{}` has no source `{name}`", args.data))
                .hint(format!("it has {}", known.join(", ")))
        })?;
        source.path = session::absolute(&PathBuf::from(path)).to_string_lossy().into_owned();
    }
    let scratch = tempfile::tempdir().attempt(Kind::Store, || "cannot make a temporary folder".to_owned())?;
    let replay =
        tokio::task::block_in_place(|| Replay::of(project, &args.data, &dataset, root, scratch.path()))?;
    if args.labels_after.is_some() && !replay.has_time() {
        return Err(Fault::new(Kind::Usage, format!("rows of `{}` have no time of their own", args.data))
            .hint("roles = { time = \"COLUMN\" } names it; without one leave --labels-after out"));
    }
    let prefix = format!("replay-{}", ctx.clock.now().micros());
    let mut sending = Sending {
        plane,
        later: args.labels_after.map(|after| Later::new(after.as_secs_f64())),
        told: Told::default(),
    };
    let mut answers = FuturesOrdered::new();
    for row in 0..replay.rows() {
        if let Some(rate) = args.rate {
            let due = Duration::from_secs_f64(row as f64 / rate);
            tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        }
        while answers.len() >= AT_ONCE {
            if let Some((sent, answer)) = answers.next().await {
                sending.answered(sent, answer?).await?;
            }
        }
        let sent = replay.row(row);
        let id = sent.id.clone().unwrap_or_else(|| format!("{prefix}-{row}"));
        let plane = sending.plane.clone();
        answers.push_back(async move {
            let answer = plane.predict(&id, &sent.request).await;
            ((id, sent), answer)
        });
    }
    while let Some((sent, answer)) = answers.next().await {
        sending.answered(sent, answer?).await?;
    }
    if let Some(later) = &mut sending.later {
        let left = later.known(None);
        sending.told.tell(&sending.plane, left).await?;
    }
    let Told { versions, refused, labels } = sending.told;
    if ctx.json {
        print::json(&json!({
            "rows": replay.rows(), "answered": versions, "refused": refused, "labels": labels,
        }));
    } else if !ctx.quiet {
        let count = |(who, count): (&String, &u64)| format!("{who} {}", text::count(*count));
        let mut parts: Vec<String> = versions.iter().map(count).collect();
        parts.extend(refused.iter().map(|(code, count)| format!("refused: {code} {}", text::count(*count))));
        let time = duration_text(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let labels = if labels == 0 { String::new() } else { format!("; {} labels", text::count(labels)) };
        let rows = text::plural(replay.rows() as u64, "row");
        print::result(format!("{rows} in {time}: {}{labels}", parts.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

struct Sending {
    plane: Plane,
    /// `None` where no labels are told.
    later: Option<Later>,
    told: Told,
}

#[derive(Default)]
struct Told {
    /// Answers by the version that gave them.
    versions: BTreeMap<String, u64>,
    /// By their codes.
    refused: BTreeMap<String, u64>,
    labels: u64,
}

impl Sending {
    /// Counts an answer, and tells the labels that are known by then.
    async fn answered(&mut self, (id, sent): (String, Sent), (ok, answer): (bool, Value)) -> Result<()> {
        let text = |key: &str| answer[key].as_str().unwrap_or("?").to_owned();
        if !ok {
            *self.told.refused.entry(text("code")).or_default() += 1;
            return Ok(());
        }
        let who = format!("{}@{}", text("model"), answer["version"]);
        *self.told.versions.entry(who).or_default() += 1;
        let Some(later) = &mut self.later else { return Ok(()) };
        if let Some(label) = sent.label {
            later.add(sent.at, json!({ "id": id, "label": label }));
        }
        let known = match sent.at {
            Some(now) => later.known(Some(now)),
            None => Vec::new(),
        };
        self.told.tell(&self.plane, known).await
    }
}

impl Told {
    async fn tell(&mut self, plane: &Plane, labels: Vec<Value>) -> Result<()> {
        for some in labels.chunks(LABELS) {
            plane.feedback(&json!(some)).await?;
            self.labels += some.len() as u64;
        }
        Ok(())
    }
}

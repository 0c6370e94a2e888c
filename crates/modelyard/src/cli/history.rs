//! `modelyard history`: what served in an environment, when, and who put it there.

use std::process::ExitCode;

use modelyard_core::deploy::{Phase, Role};
use modelyard_core::{Fault, Kind, Result, Timestamp};
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::deploy::history::{self, Moment, State, Version, Wanted};
use serde_json::json;

use super::models::standing;
use super::table::{Column, Table};
use super::{Context, ahead, moment, print, session, text};

/// Show what served in an environment, since when, who put it there and why
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The environment: NAME or PROJECT/NAME
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Only what served then: `2026-11-24 10:05` (UTC), `2026-11-24T10:05:00+01:00`, `2h ago`
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// Also states that changed nothing but what is loaded
    #[arg(long, conflicts_with = "at")]
    all: bool,
    /// How many at most
    #[arg(long, short = 'n', value_name = "N", default_value_t = 30, conflicts_with = "at")]
    limit: usize,
}

pub(crate) async fn run(args: Args, ctx: &Context) -> Result<ExitCode> {
    let now = ctx.clock.now();
    let at = match &args.at {
        Some(text) => Some(moment::parse(text, now).map_err(|wanted| {
            Fault::new(Kind::Usage, format!("cannot read the time `{text}`")).hint(wanted)
        })?),
        None => None,
    };
    let (home, id) = session::environment(ctx, &args.environment).await?;
    if let Some(at) = at {
        let moment = history::at(&home, &id, at).await?;
        match ctx.json {
            true => print::json(&json!(moment)),
            false => print::result(moment_text(&moment)),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let wanted = Wanted { limit: Some(args.limit), serving: !args.all && !ctx.json };
    let history = history::of(&home, &id, wanted).await?;
    if ctx.json {
        print::json(&json!(history.states));
    } else if history.states.is_empty() {
        print::result(format!("Nothing was ever deployed to {id}."));
        if !ctx.quiet {
            let environment = environments::find(&home, &id).await?;
            print::remark(format!("next: {}", ahead::command(&args.environment, &environment.spec)));
        }
    } else {
        print::result(table_text(&history.states));
        if !ctx.quiet {
            let name = &args.environment;
            print::result(format!("\nnext: modelyard history {name} --at TIME   all about an instant"));
            print::result("      modelyard audit --verify         nobody rewrote it");
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A state's line says since when, who and why; below it stands a line a version, in columns of its own, so that
/// none of them has to make way for a long name.
fn table_text(states: &[State]) -> String {
    let mut table = Table::new([
        Column::left("  serves", Column::KEEP),
        Column::left("share", Column::KEEP),
        Column::left("first served", Column::KEEP),
        Column::left("last served", Column::KEEP),
    ]);
    let mut heights = Vec::new();
    for state in states {
        let short = |at: Option<Timestamp>| at.map(|at| near(at, state.wanted_from)).unwrap_or_default();
        let mut height = 0;
        for version in state.versions.iter().filter(|version| version.phase == Phase::Serve) {
            let copies = if version.role == Role::Shadow { "copies of " } else { "" };
            table.row([
                format!("  {}@{}", version.model, version.number),
                format!("{copies}{} %", text::number(version.weight * 100.0)),
                short(version.first_served),
                short(version.last_served),
            ]);
            height += 1;
        }
        if height == 0 {
            table.row(["  nothing"]);
            height = 1;
        }
        heights.push(height);
    }
    let table = table.text();
    let mut lines = table.lines();
    let mut text = format!("wanted from (UTC)    by, why\n{}", lines.next().unwrap_or_default());
    for (state, height) in states.iter().zip(heights) {
        let why = if state.cause.is_empty() { String::new() } else { format!(": {}", state.cause) };
        text.push_str(&format!("\n{}  {}{why}", full(state.wanted_from), state.by));
        for line in lines.by_ref().take(height) {
            text.push_str(&format!("\n{line}"));
        }
    }
    text
}

/// `late-flights@2 25 %, late-flights@1 75 %`.
fn serves(state: &State) -> String {
    let words: Vec<String> = state.serving().map(share).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn share(version: &Version) -> String {
    let share = text::number(version.weight * 100.0);
    let name = format!("{}@{}", version.model, version.number);
    match (version.role, version.phase) {
        (Role::Shadow, Phase::Serve) => format!("{name} sees copies of {share} %"),
        (_, Phase::Serve) => format!("{name} {share} %"),
        (_, Phase::Load) => format!("{name} is loaded"),
        (_, Phase::Warm) => format!("{name} stays warm"),
        (_, Phase::Leave) => format!("{name} leaves"),
    }
}

fn moment_text(moment: &Moment) -> String {
    let id = &moment.environment;
    let Some(state) = &moment.state else {
        return format!("At {} nothing had been deployed to {id} yet.", full(moment.at));
    };
    let mut lines = vec![format!("{id} at {} UTC: {}", full(moment.at), serves(state))];
    let mut add = |label: &str, fact: String| lines.push(format!("  {label:<9} {fact}"));
    let until = state.wanted_until.map_or("until now".to_owned(), |until| format!("until {}", full(until)));
    add("wanted", format!("from {} {until}", full(state.wanted_from)));
    add("by", state.by.clone());
    add("why", state.cause.clone());
    if let Some(release) = state.release {
        add("release", release.to_string());
    }
    if let Some(audit) = state.audit {
        add("audit", format!("entry {audit}"));
    }
    if let Some(configuration) = &state.configuration {
        let snapshot = configuration.snapshot.map(|snapshot| format!("snapshot {}, ", snapshot.short()));
        let (at, by) = (full(configuration.applied_at), &configuration.applied_by);
        add("applied", format!("{}{at} by {by}", snapshot.unwrap_or_default()));
    }
    for version in &state.versions {
        lines.push(format!("{}   {}", share(version), version.package.short()));
        lines.extend(version_lines(version));
    }
    for span in &moment.also_answered {
        let package = span.package.short();
        lines.push(format!(
            "also answered: {package} (state {}), {} to {}",
            span.generation,
            full(span.first),
            full(span.last)
        ));
    }
    lines.join("\n")
}

fn version_lines(version: &Version) -> Vec<String> {
    let origin = &version.origin;
    let mut lines = Vec::new();
    let mut add = |label: &str, fact: String| lines.push(format!("  {label:<9} {fact}"));
    if let (Some(first), Some(last)) = (version.first_served, version.last_served) {
        add("served", format!("first {}, last {}", full(first), full(last)));
    }
    if let (Some(at), Some(by)) = (origin.registered_at, &origin.registered_by) {
        add("from", format!("registered {} by {by}", full(at)));
    }
    if let Some(run) = origin.run {
        add("", format!("← run {run}"));
    }
    for data in &origin.data {
        add("", format!("← {data}"));
    }
    if let Some(commit) = &origin.commit {
        let changed = if commit.changed { ", with uncommitted changes" } else { "" };
        add("", format!("← commit {}{changed}", commit.id.get(..8).unwrap_or(&commit.id)));
    }
    if !version.approvals.is_empty() {
        add("people", standing(&version.approvals));
    }
    lines
}

/// `2026-11-24 10:05:01`.
fn full(at: Timestamp) -> String {
    at.to_string().get(..19).unwrap_or_default().replace('T', " ")
}

/// The time of day alone where it is the day of `other`.
fn near(at: Timestamp, other: Timestamp) -> String {
    let (text, day) = (full(at), full(other));
    match text.get(..10) == day.get(..10) {
        true => text.get(11..).unwrap_or_default().to_owned(),
        false => text.get(5..16).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use modelyard_core::Digest;

    use super::*;

    #[test]
    fn long_names_push_no_column_out() {
        let name = "expected-arrival-delays-of-departures-in-new-york";
        let minute = |minute: i64| Timestamp::from_micros((1_584_180_000 + 60 * minute) * 1_000_000);
        let version = |number, role, weight: f64, served: Option<(i64, i64)>| Version {
            model: name.to_owned(),
            number,
            package: Digest::of(b"package"),
            role,
            phase: Phase::Serve,
            weight,
            first_served: served.map(|(first, _)| minute(first)),
            last_served: served.map(|(_, last)| minute(last)),
            origin: history::Origin::default(),
            approvals: Vec::new(),
        };
        let state = |from, cause: &str, versions| State {
            generation: 1,
            wanted_from: minute(from),
            wanted_until: None,
            by: "ci".to_owned(),
            cause: cause.to_owned(),
            release: None,
            audit: None,
            versions,
            configuration: None,
        };
        let stable = version(1, Role::Stable, 0.75, Some((10, 2000)));
        let candidate = version(12, Role::Candidate, 0.25, Some((11, 20)));
        let shadow = version(12, Role::Shadow, 1.0, None);
        let text = table_text(&[
            state(10, "canary began", vec![stable.clone(), candidate]),
            state(5, "", vec![stable, shadow]),
            state(0, "asked for", Vec::new()),
        ]);
        assert_eq!(
            text,
            "wanted from (UTC)    by, why\n  \
             serves                                                share            first served  last served\n\
             2020-03-14 10:10:00  ci: canary began\n  \
             expected-arrival-delays-of-departures-in-new-york@1   75 %             10:10:00      03-15 19:20\n  \
             expected-arrival-delays-of-departures-in-new-york@12  25 %             10:11:00      10:20:00\n\
             2020-03-14 10:05:00  ci\n  \
             expected-arrival-delays-of-departures-in-new-york@1   75 %             10:10:00      03-15 19:20\n  \
             expected-arrival-delays-of-departures-in-new-york@12  copies of 100 %\n\
             2020-03-14 10:00:00  ci: asked for\n  \
             nothing"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}

//! A build as it happens: bars that move in a terminal, plain lines elsewhere.
//!
//! Lines of finished nodes go to stdout, everything that moves to stderr.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use modelyard_core::config::Goal;
use modelyard_lifecycle::{Progress, TrialState, duration_text};
use modelyard_pipeline::Node;

use super::{Context, print};

/// Width at which the time a node took stands.
const TIME_COLUMN: usize = 66;

pub(crate) struct Live {
    bars: MultiProgress,
    by_node: Mutex<BTreeMap<Node, ProgressBar>>,
    trials: Mutex<Trials>,
    /// A terminal that may be redrawn.
    moving: bool,
    /// Nothing but errors is shown.
    silent: bool,
}

#[derive(Default)]
struct Trials {
    running: u32,
    done: u32,
    best: Option<(String, f64)>,
}

impl Live {
    pub(crate) fn new(ctx: &Context) -> Self {
        let moving = ctx.color && !ctx.quiet && !ctx.json;
        let target =
            if moving { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        Self {
            bars: MultiProgress::with_draw_target(target),
            by_node: Mutex::default(),
            trials: Mutex::default(),
            moving,
            silent: ctx.quiet || ctx.json,
        }
    }

    /// Takes everything that moves off the screen.
    pub(crate) fn end(&self) {
        for bar in locked(&self.by_node).values() {
            bar.finish_and_clear();
        }
    }

    fn bar(&self, node: &Node) -> ProgressBar {
        let mut bars = locked(&self.by_node);
        let bar = bars.entry(node.clone()).or_insert_with(|| {
            let bar = self.bars.add(ProgressBar::new_spinner());
            if let Ok(style) = ProgressStyle::with_template("  {prefix:<10} {spinner} {msg} {elapsed}") {
                bar.set_style(style);
            }
            bar.set_prefix(label(node));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.clone()
    }

    fn show_trials(&self, of: u32) {
        let trials = locked(&self.trials);
        let bar = self.bar(&Node::Train);
        if bar.length() != Some(u64::from(of)) {
            bar.set_length(u64::from(of));
            let template = "  {prefix:<10} {pos} of {len} trials {bar:20} {msg} {elapsed}";
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style.progress_chars("██░"));
            }
        }
        bar.set_position(u64::from(trials.done));
        let best =
            trials.best.as_ref().map(|(name, value)| format!(", best {name} {value:.4}")).unwrap_or_default();
        bar.set_message(format!("{} running{best}", trials.running));
    }
}

impl Progress for Live {
    fn began(&self, node: &Node) {
        if self.moving {
            self.bar(node);
        }
    }

    fn note(&self, node: &Node, text: &str) {
        if self.moving {
            self.bar(node).set_message(print::plain(text));
        }
    }

    fn trial(&self, number: u32, of: u32, params: &str, state: TrialState<'_>) {
        {
            let mut trials = locked(&self.trials);
            match state {
                TrialState::Began => trials.running += 1,
                TrialState::Finished { metric, goal, .. } => {
                    trials.running = trials.running.saturating_sub(1);
                    trials.done += 1;
                    let better = |value: f64, best: f64| match goal {
                        Goal::Maximize => value > best,
                        Goal::Minimize => value < best,
                    };
                    if let Some((name, value)) = metric
                        && !value.is_nan()
                        && trials.best.as_ref().is_none_or(|(_, best)| better(value, *best))
                    {
                        trials.best = Some((name.to_owned(), value));
                    }
                }
                TrialState::Failed => {
                    trials.running = trials.running.saturating_sub(1);
                    trials.done += 1;
                }
            }
        }
        if self.moving {
            self.show_trials(of);
        }
        let cached = matches!(state, TrialState::Finished { cached: true, .. });
        if self.silent || cached || state == TrialState::Began {
            return;
        }
        let what = match state {
            TrialState::Finished { metric: Some((name, value)), .. } => format!("{name} {value:.4}"),
            TrialState::Failed => "failed".to_owned(),
            _ => "done".to_owned(),
        };
        self.bars.suspend(|| {
            print::result(line("train", &format!("trial {number} of {of}: {params}   {what}"), None))
        });
    }

    fn finished(&self, node: &Node, lines: &[String], cached: bool, wall_ms: u64) {
        if let Some(bar) = locked(&self.by_node).remove(node) {
            bar.finish_and_clear();
        }
        if self.silent {
            return;
        }
        let time = match (cached, wall_ms) {
            (true, _) => Some("cached".to_owned()),
            (false, 0) => None,
            (false, wall_ms) => Some(duration_text(wall_ms)),
        };
        self.bars.suspend(|| {
            for (text, place) in lines.iter().zip(0..) {
                let first = place == 0;
                let label = if first { label(node) } else { String::new() };
                print::result(line(&label, text, time.as_deref().filter(|_| first)));
            }
        });
    }
}

/// What stands before a node's lines: the kind of a data set, else its name.
fn label(node: &Node) -> String {
    match node {
        Node::Data(_) => "data".to_owned(),
        other => other.to_string(),
    }
}

fn line(label: &str, text: &str, time: Option<&str>) -> String {
    let line = format!("  {label:<10} {text}");
    match time {
        Some(time) => format!("{line:<TIME_COLUMN$} {time:>8}"),
        None => line,
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

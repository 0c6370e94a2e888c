//! `[monitor]`: its keys, and their reading; sinks have a file of their own.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::config::DataSet;
use modelyard_core::monitor::{ColumnRule, Decay, Drift, LogSpec, MonitorSpec, Preset};

use super::node::Node;
use super::problem::{did_you_mean, one_of};
use super::project::Reader;
use super::shape::{Key, Naming, Others, Section, Shape};
use super::sinks::SINKS;
use super::{duration, size};

const ABOVE_ZERO: Shape = Shape::Number { min: f64::MIN_POSITIVE, max: f64::MAX };
const SHARE: Shape = Shape::Number { min: 0.0, max: 1.0 };
const ROWS: Shape = Shape::Whole { min: 1, max: i64::MAX };
/// More windows than anybody waits for.
const WINDOWS: Shape = Shape::Whole { min: 1, max: 100 };
const QUEUE: Shape = Shape::Whole { min: 1, max: 100_000_000 };
/// As `modelyard_monitor::drift::ALL` has them.
pub(super) const TESTS: [&str; 8] =
    ["wasserstein", "jensenshannon", "ks", "chisquare", "z", "psi", "kl_div", "hellinger"];

const WINDOW_SECS: f64 = 86_400.0;
const COOL_DOWN_SECS: f64 = 3_600.0;

pub(super) static MONITOR: Section = Section {
    doc: "What is watched in production.",
    keys: &[
        Key::new(
            "environment",
            Shape::Text,
            "The environment that is watched; default `production`, else the last of the file.",
        ),
        Key::new(
            "window",
            Shape::Duration,
            "The span over which is aggregated. Windows of weeks begin on Mondays, of days at midnight, UTC.",
        )
        .default("\"1d\""),
        Key::new(
            "by",
            Shape::Choice(&["time", "arrival"]),
            "The windows' clock: the role `time` of the rows (default where the tested data set has it), or when requests came.",
        ),
        Key::new(
            "grace",
            Shape::Duration,
            "How long after its end a window takes late rows and labels, on the windows' clock; default one window.",
        ),
        Key::new("log", Shape::Table(&LOG), "The log of what was asked and answered."),
        Key::new("drift", Shape::Table(&DRIFT), "When columns and answers have moved."),
        Key::new(
            "decay",
            Shape::Table(&DECAY),
            "When answers have got worse, by the first of `[test] metrics`.",
        ),
        Key::new("sinks", Shape::Table(&SINKS), "Where alerts go, by name."),
        Key::new(
            "cool_down",
            Shape::Duration,
            "An alert that is resolved and opens again within this time tells nobody; counts arrival.",
        )
        .default("\"1h\""),
        Key::new(
            "silence",
            Shape::Duration,
            "No request for so long alerts; counts arrival. Default it never does.",
        ),
        Key::new(
            "max_age",
            Shape::Duration,
            "A version registered longer ago than this alerts; counts arrival. Default it never does.",
        ),
    ],
    others: Others::Refused,
};

static LOG: Section = Section {
    doc: "The log of what was asked and answered. Private columns are never in it.",
    keys: &[
        Key::new(
            "sample",
            SHARE,
            "Share of the answers that are logged, by a hash of their id; 0 logs nothing.",
        )
        .default("1"),
        Key::new("rows", QUEUE, "A file of the log is closed after so many rows …").default("100000"),
        Key::new("every", Shape::Duration, "… or after so long.").default("\"1s\""),
        Key::new("queue", QUEUE, "Rows that may wait to be written; further ones are dropped and counted.")
            .default("50000"),
        Key::new("keep", Shape::Duration, "Rows older than this are removed; counts arrival.")
            .default("\"365d\""),
        Key::new("keep_size", Shape::Text, "Above this size of the log the oldest rows are removed.")
            .default("\"20GiB\""),
    ],
    others: Others::Refused,
};

static DRIFT: Section = Section {
    doc: "When columns and answers have moved: a difference from the rows that the model learnt from that is large enough, larger than those differ among themselves, in enough of the last windows.",
    keys: &[
        Key::new(
            "preset",
            Shape::Choice(&["own", "evidently"]),
            "The rule: the one above, or, window by window, that of Evidently's default preset.",
        )
        .default("\"own\""),
        Key::new("effect", ABOVE_ZERO, "The distance that a window must reach: Wasserstein in standard deviations for numbers, Jensen–Shannon for categories.")
            .default("0.1"),
        Key::new(
            "deviations",
            Shape::Number { min: 0.0, max: 100.0 },
            "How many standard deviations above the mean distance of the reference's chunks it must be.",
        )
        .default("3"),
        Key::new("min_rows", ROWS, "Rows with a value below which a window is not judged.").default("200"),
        Key::new("windows", WINDOWS, "Windows that must be above …").default("2"),
        Key::new("of", WINDOWS, "… among so many, the last that were judged.").default("3"),
        Key::new("columns", Shape::Table(&COLUMNS), "Columns with a rule of their own, by name."),
    ],
    others: Others::Refused,
};

static COLUMNS: Section = Section {
    doc: "Columns with a rule of their own, by name.",
    keys: &[],
    others: Others::Named(Naming::Free, &Shape::Table(&COLUMN)),
};

static COLUMN: Section = Section {
    doc: "A column's own rule.",
    keys: &[
        Key::new("watch", Shape::Flag, "Whether the column is compared at all.").default("true"),
        Key::new("test", Shape::Choice(&TESTS), "The drift test; default the preset's."),
        Key::new(
            "threshold",
            ABOVE_ZERO,
            "From where on it is drift: a distance that is reached, a p-value that is not; default the test's own, or `effect`.",
        ),
    ],
    others: Others::Refused,
};

static DECAY: Section = Section {
    doc: "When answers have got worse.",
    keys: &[
        Key::new(
            "by",
            ABOVE_ZERO,
            "How much worse than in the reference the metric must be, in its own unit.",
        )
        .default("0.02"),
        Key::new("min_labels", ROWS, "Rows with a label below which a window is not judged.").default("200"),
        Key::new("windows", WINDOWS, "Windows that must be worse …").default("2"),
        Key::new("of", WINDOWS, "… among so many, the last that were judged.").default("3"),
    ],
    others: Others::Refused,
};

impl Reader<'_> {
    /// `tested` is the data set whose rows the model is tested on.
    pub(super) fn monitor(
        &mut self,
        root: &Node<'_>,
        tested: Option<&DataSet>,
        target: Option<&str>,
    ) -> Option<MonitorSpec> {
        let node = root.node("monitor")?;
        let seconds = |key| node.text(key).and_then(|text| duration::parse(&text.value));
        let environment = self.watched(root, &node);
        let window_secs = seconds("window").unwrap_or(WINDOW_SECS);
        if window_secs < 1.0 {
            self.problems.add(node.key_span("window"), "a window lasts a second or more");
        }
        Some(MonitorSpec {
            environment: environment?,
            window_secs,
            time: self.clock(&node, tested),
            grace_secs: seconds("grace").unwrap_or(window_secs),
            log: self.log(&node),
            drift: self.drift(&node, tested, target),
            decay: self.decay(&node),
            sinks: self.sinks(&node),
            cool_down_secs: seconds("cool_down").unwrap_or(COOL_DOWN_SECS),
            silence_secs: seconds("silence"),
            max_age_secs: seconds("max_age"),
        })
    }

    /// The environment that is watched.
    fn watched(&mut self, root: &Node<'_>, node: &Node<'_>) -> Option<String> {
        let entries =
            root.node("environments").map(|environments| environments.entries()).unwrap_or_default();
        let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
        let Some(last) = names.last() else {
            if root.lacks("environments") {
                self.problems.add_with_hint(
                    root.key_span("monitor"),
                    "there is no environment to watch",
                    "add [environments.production]",
                );
            }
            return None;
        };
        let Some(named) = node.text("environment") else {
            let default = if names.contains(&"production") { "production" } else { last };
            return Some(default.to_owned());
        };
        if !names.contains(&named.value.as_str()) {
            let near = did_you_mean(&named.value, names.iter().copied());
            let near =
                if near.is_empty() { format!("; known are {}", one_of(names.iter().copied())) } else { near };
            self.problems.add(named.span, format!("there is no environment `{}`{near}", named.value));
        }
        Some(named.value)
    }

    /// The column that windows go by; `None`: they go by arrival.
    fn clock(&mut self, node: &Node<'_>, tested: Option<&DataSet>) -> Option<String> {
        let time = tested.and_then(|set| set.roles.time.clone());
        let by = node.text("by");
        match by.as_ref().map(|by| by.value.as_str()) {
            Some("arrival") => None,
            Some("time") if time.is_none() => {
                self.problems.add_with_hint(
                    node.key_span("by"),
                    "the data set has no column with the role `time`",
                    "name it in [data.NAME]: roles = { time = \"COLUMN\" }, or leave by = \"arrival\"",
                );
                None
            }
            _ => time,
        }
    }

    fn log(&mut self, node: &Node<'_>) -> LogSpec {
        let default = LogSpec::default();
        let Some(node) = node.node("log") else { return default };
        let seconds = |key| node.text(key).and_then(|text| duration::parse(&text.value));
        let count =
            |key, default| node.count(key).map_or(default, |count| u32::try_from(count).unwrap_or(u32::MAX));
        let mut keep_bytes = default.keep_bytes;
        if let Some(text) = node.text("keep_size") {
            match size::parse(&text.value) {
                Some(bytes) => keep_bytes = bytes,
                None => self.problems.add_with_hint(text.span, "expected a size", size::HINT),
            }
        }
        LogSpec {
            sample: node.number("sample").unwrap_or(default.sample),
            rows: count("rows", default.rows),
            seconds: seconds("every").unwrap_or(default.seconds),
            queue: count("queue", default.queue),
            keep_secs: seconds("keep").unwrap_or(default.keep_secs),
            keep_bytes,
        }
    }

    fn drift(&mut self, node: &Node<'_>, tested: Option<&DataSet>, target: Option<&str>) -> Drift {
        let default = Drift::default();
        let Some(node) = node.node("drift") else { return default };
        let preset = match node.text("preset").map(|preset| preset.value).as_deref() {
            Some("evidently") => Preset::Evidently,
            _ => Preset::Own,
        };
        if preset == Preset::Evidently {
            for key in ["effect", "deviations", "windows", "of"].into_iter().filter(|key| node.has(key)) {
                self.problems.add_with_hint(
                    node.key_span(key),
                    "the preset `evidently` judges each window by itself, and has no such limit",
                    "take it out, or leave preset = \"own\"",
                );
            }
        }
        let (windows, of) = self.windows_of(&node, default.windows, default.of);
        let mut columns = BTreeMap::new();
        for entry in node.node("columns").map(|columns| columns.entries()).unwrap_or_default() {
            let Some(rule) = entry.node else { continue };
            let roles = tested.map(|set| &set.roles);
            let apart: BTreeSet<&str> = roles
                .into_iter()
                .flat_map(|roles| roles.private.iter().chain(&roles.id).chain(&roles.time))
                .map(String::as_str)
                .chain(target)
                .collect();
            if apart.contains(entry.name.as_str()) {
                let message = format!("`{}` is no feature: it is not compared", entry.name);
                self.problems.add(entry.name_span, message);
            }
            let watch = rule.flag("watch").is_none_or(|watch| watch.value);
            for key in ["test", "threshold"].into_iter().filter(|key| !watch && rule.has(key)) {
                self.problems.add(rule.key_span(key), "the column is not watched, so nothing tests it");
            }
            let test = rule.text("test").map(|test| test.value);
            columns.insert(entry.name, ColumnRule { watch, test, threshold: rule.number("threshold") });
        }
        Drift {
            preset,
            effect: node.number("effect").unwrap_or(default.effect),
            deviations: node.number("deviations").unwrap_or(default.deviations),
            min_rows: node.count("min_rows").unwrap_or(default.min_rows),
            windows,
            of,
            columns,
        }
    }

    fn decay(&mut self, node: &Node<'_>) -> Decay {
        let default = Decay::default();
        let Some(node) = node.node("decay") else { return default };
        let (windows, of) = self.windows_of(&node, default.windows, default.of);
        Decay {
            by: node.number("by").unwrap_or(default.by),
            min_labels: node.count("min_labels").unwrap_or(default.min_labels),
            windows,
            of,
        }
    }

    /// `windows` and `of`; where one alone is given the other follows.
    fn windows_of(&mut self, node: &Node<'_>, windows: u32, of: u32) -> (u32, u32) {
        let count = |key| node.count(key).and_then(|count| u32::try_from(count).ok());
        let (declared, among) = (count("windows"), count("of"));
        if let (Some(windows), Some(of)) = (declared, among)
            && windows > of
        {
            self.problems.add_with_hint(
                node.key_span("windows"),
                format!("{windows} of {of} windows can't be above"),
                format!("of = {windows}, or more"),
            );
        }
        let windows = declared.unwrap_or_else(|| windows.min(among.unwrap_or(windows)));
        (windows, among.unwrap_or_else(|| of.max(windows)))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_drift_tests_are_those_that_there_are() {
        let names: Vec<&str> = modelyard_monitor::drift::ALL.iter().map(|test| test.name()).collect();
        assert_eq!(super::TESTS.as_slice(), names);
    }
}

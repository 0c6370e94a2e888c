//! `[environments.NAME]`: its keys, and their reading.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use modelyard_core::deploy::environment::{Approvals, Batch, Limits, Load, TargetKind, Tests};
use modelyard_core::deploy::{EnvironmentSpec, Judge, OnTimeout, Strategy, StrategyKind};

use super::keys::{CODE, ENV, RUN};
use super::node::{At, Entry, Node, plain};
use super::problem::{did_you_mean, place};
use super::project::Reader;
use super::shape::{Key, Naming, Others, Section, Shape};
use super::{duration, size};

const POSITIVE: Shape = Shape::Number { min: f64::MIN_POSITIVE, max: f64::MAX };
/// More than a machine can send.
const RATE: Shape = Shape::Number { min: f64::MIN_POSITIVE, max: 1e6 };
/// Up to a day.
const SECONDS: Shape = Shape::Number { min: f64::MIN_POSITIVE, max: 86_400.0 };
/// What one load sends at most: all its requests are kept until it is judged.
const MOST_REQUESTS: f64 = 1e7;
const SHARE: Shape = Shape::Number { min: 0.0, max: 1.0 };
const COUNT: Shape = Shape::Whole { min: 0, max: u32::MAX as i64 };
const STRATEGIES: Shape = Shape::Choice(&["all-at-once", "blue-green", "canary", "shadow", "a-b"]);

/// Port of the first environment; each further one has the next.
const FIRST_PORT: u16 = 8100;

pub(super) static ENVIRONMENTS: Section = Section {
    doc: "Where packages are deployed, by name.",
    keys: &[],
    others: Others::Named(Naming::Strict, &Shape::Table(&ENVIRONMENT)),
};

static ENVIRONMENT: Section = Section {
    doc: "An environment: where versions of the project's model are deployed, and by which rules.",
    keys: &[
        Key::new(
            "runs_on",
            Shape::Choice(&["process"]),
            "What runs its replicas: processes on this machine.",
        )
        .default("\"process\""),
        Key::new(
            "listen",
            Shape::Text,
            "ADDRESS:PORT where it answers; default 127.0.0.1:8100, each further environment the next port.",
        ),
        Key::new("replicas", Shape::Whole { min: 1, max: 256 }, "How many processes answer.").default("1"),
        Key::new("requires", Shape::Text, "The environment whose tests a package must have passed before."),
        Key::new(
            "approvals",
            Shape::Either(&[COUNT, Shape::Table(&APPROVALS)]),
            "How many people must approve a version before.",
        )
        .default("0"),
        Key::new(
            "strategy",
            Shape::Either(&[STRATEGIES, Shape::Table(&STRATEGY)]),
            "How a release takes over the traffic.",
        )
        .default("\"all-at-once\""),
        Key::new(
            "weights",
            Shape::List(&Shape::Number { min: 0.0, max: 100.0 }),
            "Shares in percent: of a canary's steps, rising to 100; of an A/B test's candidate; of what a shadow sees.",
        ),
        Key::new("tests", Shape::Table(&TESTS), "Application tests, beside parity and hostile input."),
        Key::new("limits", Shape::Table(&LIMITS), "What a replica may use."),
        Key::new("python", Shape::Text, "The interpreter of Python packages, \"3.11\"; default their own."),
        Key::new("sandbox", Shape::Choice(&["on", "off"]), "\"off\" lets the models' workers open anything.")
            .default("\"on\""),
        Key::new(
            "batch",
            Shape::Whole { min: 1, max: 1024 },
            "Most rows that waiting requests are joined to.",
        )
        .default("256"),
        ENV,
    ],
    others: Others::Refused,
};

static APPROVALS: Section = Section {
    doc: "Who must approve a version before it is released here.",
    keys: &[
        Key::new("count", COUNT, "How many different people.").required(),
        Key::new(
            "independent",
            Shape::Flag,
            "Whether one of them must be somebody else than who registered the version.",
        )
        .default("false"),
    ],
    others: Others::Refused,
};

static STRATEGY: Section = Section {
    doc: "How a release takes over, and by what it is judged.",
    keys: &[
        Key::new("method", STRATEGIES, "The strategy.").required(),
        Key::new(
            "min_samples",
            COUNT,
            "Requests that the candidate must have answered before the next step.",
        )
        .default("500"),
        Key::new("min_time", Shape::Duration, "How long a step takes at least.").default("\"1m\""),
        Key::new(
            "max_time",
            Shape::Duration,
            "After this time an undecided step does what `on_timeout` says.",
        )
        .default("\"1h\""),
        Key::new(
            "on_timeout",
            Shape::Choice(&["hold", "promote", "rollback"]),
            "Hold at its weight until a person decides, promote, or roll back.",
        )
        .default("\"hold\""),
        Key::new("error_margin", SHARE, "How much higher the share of failed requests may be.")
            .default("0.008"),
        Key::new(
            "latency_margin",
            SHARE,
            "How much higher the share of requests slower than the incumbent's p95 may be.",
        )
        .default("0.05"),
        Key::new("max_shift", SHARE, "Largest distance between the distributions of answers.").default("0.5"),
    ],
    others: Others::Refused,
};

static TESTS: Section = Section {
    doc: "Application tests. Golden rows, every test row against its offline answer, and hostile input are always tested.",
    keys: &[
        Key::new("load", Shape::Table(&LOAD), "A load to stand."),
        Key::new("startup", Shape::Duration, "The longest time from start to a proven first answer."),
        Key::new(
            "robustness",
            SHARE,
            "Highest share of answers that may change under small perturbations; default reported only.",
        ),
        Key::new(
            "command",
            RUN,
            "A command of your own, with {url}, {model} and {version}; its end decides.",
        ),
        CODE,
        Key::new("timeout", Shape::Duration, "Ends the command after this time, and fails it.")
            .default("\"10m\""),
    ],
    others: Others::Refused,
};

static LOAD: Section = Section {
    doc: "A load to stand: requests are sent when they are due, however slow the answers.",
    keys: &[
        Key::new("rate", RATE, "Requests a second.").required(),
        Key::new("seconds", SECONDS, "For so long.").default("10"),
        Key::new("p95_ms", POSITIVE, "19 of 20 answers within so many milliseconds."),
        Key::new("p99_ms", POSITIVE, "99 of 100 answers within so many milliseconds."),
        Key::new("errors", SHARE, "The highest share of requests that may fail.").default("0"),
    ],
    others: Others::Refused,
};

static LIMITS: Section = Section {
    doc: "What a replica may use.",
    keys: &[
        Key::new(
            "memory",
            Shape::Text,
            "Of a Python model's worker, \"512MB\"; it is ended and replaced above that. Default half of what the machine has.",
        ),
        Key::new("requests", Shape::Whole { min: 1, max: 1_000_000 }, "Requests under way at once.")
            .default("10000"),
        Key::new("timeout", Shape::Duration, "The longest a Python model may take over one batch.")
            .default("\"30s\""),
        Key::new(
            "start",
            Shape::Duration,
            "The longest a version may take to be opened and to prove its golden rows.",
        )
        .default("\"1m\""),
    ],
    others: Others::Refused,
};

impl Reader<'_> {
    pub(super) fn environments(&mut self, root: &Node<'_>) -> BTreeMap<String, EnvironmentSpec> {
        let entries: Vec<Entry<'_>> = root.node("environments").iter().flat_map(Node::entries).collect();
        let required: BTreeMap<&str, At<String>> = entries
            .iter()
            .filter_map(|entry| Some((entry.name.as_str(), entry.node.as_ref()?.text("requires")?)))
            .collect();
        self.requirements(&entries, &required);
        let tested: BTreeSet<&str> = required.values().map(|requires| requires.value.as_str()).collect();
        let mut taken: BTreeMap<SocketAddr, String> = BTreeMap::new();
        let mut environments = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            let Some(node) = &entry.node else { continue };
            let declared = self.listen(node, place);
            let listen = declared.unwrap_or_else(|| default_address(place));
            let overlaps = |other: &SocketAddr| {
                let (one, another) = (other.ip(), listen.ip());
                let same = one == another || one.is_unspecified() || another.is_unspecified();
                other.port() == listen.port() && same
            };
            let other = taken.iter().find(|(other, _)| overlaps(other)).map(|(_, name)| name.clone());
            if let Some(other) = other.filter(|_| declared.is_some()) {
                self.problems.add_with_hint(
                    node.key_span("listen"),
                    format!("`{other}` listens on {listen} too"),
                    "give one of them another port with `listen`",
                );
            }
            taken.insert(listen, entry.name.clone());
            let mut tests = self.tests(node);
            tests.on |= tested.contains(entry.name.as_str());
            let strategy = self.strategy(node);
            let (kind, name) = (strategy.kind, &entry.name);
            self.idle_keys(node, kind, tests.on);
            if tests.on && kind.needs_a_server() {
                self.problems.add_with_hint(
                    node.key_span("strategy"),
                    format!("`{}` has no say where versions are tested: they take over alone", kind.as_str()),
                    format!("leave it to an environment that has requires = \"{name}\""),
                );
            }
            let spec = EnvironmentSpec {
                runs_on: TargetKind::Process,
                listen: listen.to_string(),
                replicas: node.count("replicas").map_or(1, whole),
                requires: required.get(entry.name.as_str()).map(|requires| requires.value.clone()),
                approvals: self.approvals(node),
                strategy,
                tests,
                limits: self.limits(node),
                python: node.text("python").map(|version| {
                    self.interpreter(&version);
                    version.value
                }),
                sandbox: node.text("sandbox").is_none_or(|sandbox| sandbox.value != "off"),
                batch: Batch { rows: node.count("batch").map_or(Batch::default().rows, whole) },
                env: self.variables(node),
            };
            environments.insert(entry.name.clone(), spec);
        }
        environments
    }

    /// Remarks on keys that change nothing, each with its place.
    fn idle_keys(&mut self, node: &Node<'_>, kind: StrategyKind, is_tested: bool) {
        let mut idle: Vec<(Node<'_>, &str, String)> = Vec::new();
        let method = kind.as_str();
        if is_tested && node.has("strategy") && !kind.needs_a_server() && kind != StrategyKind::AllAtOnce {
            idle.push((
                node.clone(),
                "strategy",
                "where versions are tested they take over alone".to_owned(),
            ));
        }
        if let Some(table) = node.node("strategy") {
            for key in STRATEGY.keys.iter().map(|key| key.name).filter(|key| *key != "method") {
                if table.has(key) && !kind.heeds().contains(&key) {
                    let why = match kind {
                        StrategyKind::AllAtOnce => "all-at-once compares nothing".to_owned(),
                        _ => format!("{method} has nothing to compare with at the same time"),
                    };
                    idle.push((
                        table.clone(),
                        key,
                        format!("{why}, unless a release has another --strategy"),
                    ));
                }
            }
        }
        if kind == StrategyKind::Canary && node.numbers("weights").is_some_and(|weights| weights == [100.0]) {
            idle.push((
                node.clone(),
                "weights",
                "a canary that begins with all traffic compares nothing".to_owned(),
            ));
        }
        if let Some(tests) = node.node("tests").filter(|tests| !tests.has("command")) {
            for key in ["code", "timeout"] {
                if tests.has(key) {
                    idle.push((tests.clone(), key, "there is no `command`".to_owned()));
                }
            }
        }
        for (table, key, why) in idle {
            let line = place(self.text, table.key_span(key).start).0;
            self.remarks.push(format!("line {line}: `{}.{key}` has no effect: {why}", table.path));
        }
    }

    /// `requires` names another environment, and nobody waits for itself.
    fn requirements(&mut self, entries: &[Entry<'_>], required: &BTreeMap<&str, At<String>>) {
        for (name, requires) in required {
            let names = || entries.iter().map(|entry| entry.name.as_str());
            if !names().any(|other| other == requires.value) {
                let near = did_you_mean(&requires.value, names());
                self.problems.add(
                    requires.span.clone(),
                    format!("there is no environment `{}`{near}", requires.value),
                );
                continue;
            }
            let mut seen = BTreeSet::from([*name]);
            let mut next = requires.value.as_str();
            while seen.insert(next) {
                let Some(after) = required.get(next) else { break };
                next = &after.value;
            }
            if next == *name {
                self.problems
                    .add(requires.span.clone(), format!("`{name}` waits for itself through `requires`"));
            }
        }
    }

    /// The default where nothing is declared, `None` where it is no address.
    fn listen(&mut self, node: &Node<'_>, place: usize) -> Option<SocketAddr> {
        let default = default_address(place);
        let Some(text) = node.text("listen") else { return Some(default) };
        match text.value.parse::<SocketAddr>() {
            Ok(address) if address.port() != 0 => Some(address),
            _ => {
                self.problems.add_with_hint(
                    text.span,
                    "expected an address and a port",
                    format!("write \"{default}\""),
                );
                None
            }
        }
    }

    fn strategy(&mut self, node: &Node<'_>) -> Strategy {
        let table = node.node("strategy");
        let method = table.as_ref().and_then(|table| table.text("method")).or_else(|| node.text("strategy"));
        let kind = method
            .and_then(|method| StrategyKind::ALL.into_iter().find(|kind| kind.as_str() == method.value))
            .unwrap_or(StrategyKind::AllAtOnce);
        let weights = self.weights(node, kind);
        Strategy { kind, weights, judge: table.as_ref().map(|table| self.judge(table)).unwrap_or_default() }
    }

    fn judge(&mut self, table: &Node<'_>) -> Judge {
        let default = Judge::default();
        let seconds =
            |key, default| table.text(key).and_then(|text| duration::parse(&text.value)).unwrap_or(default);
        let judge = Judge {
            min_samples: table.count("min_samples").unwrap_or(default.min_samples),
            min_time_secs: seconds("min_time", default.min_time_secs),
            max_time_secs: seconds("max_time", default.max_time_secs),
            on_timeout: match table.text("on_timeout").map(|text| text.value).as_deref() {
                Some("promote") => OnTimeout::Promote,
                Some("rollback") => OnTimeout::Rollback,
                _ => OnTimeout::Hold,
            },
            error_margin: table.number("error_margin").unwrap_or(default.error_margin),
            latency_margin: table.number("latency_margin").unwrap_or(default.latency_margin),
            max_shift: table.number("max_shift").unwrap_or(default.max_shift),
        };
        if judge.min_time_secs > judge.max_time_secs {
            self.problems.add_with_hint(
                table.key_span("min_time"),
                "a step takes at least longer than it may take at most",
                "raise `max_time` (default 1h) or lower `min_time` (default 1m)",
            );
        }
        judge
    }

    /// As shares of 1.
    fn weights(&mut self, node: &Node<'_>, kind: StrategyKind) -> Vec<f64> {
        let Some(percents) = node.numbers("weights") else { return kind.default_weights() };
        let span = node.key_span("weights");
        let rising = percents.windows(2).all(|pair| pair[0] < pair[1]);
        let method = kind.as_str();
        let (good, hint): (bool, String) = match kind {
            StrategyKind::AllAtOnce | StrategyKind::BlueGreen => {
                (false, "only a canary, an A/B test and a shadow have them".to_owned())
            }
            StrategyKind::Canary => (
                rising
                    && percents.first().is_some_and(|first| *first > 0.0)
                    && percents.last() == Some(&100.0),
                "they rise and end at 100: weights = [5, 25, 100]".to_owned(),
            ),
            StrategyKind::Shadow | StrategyKind::AB => (
                matches!(percents[..], [share] if share > 0.0),
                "one share above 0: weights = [50]".to_owned(),
            ),
        };
        if !good {
            let message = match kind {
                StrategyKind::AllAtOnce if node.lacks("strategy") => {
                    "weights without a strategy that has them".to_owned()
                }
                _ => format!("these can't be the weights of `{method}`"),
            };
            self.problems.add_with_hint(span, message, hint);
        }
        percents.iter().map(|percent| percent / 100.0).collect()
    }

    fn tests(&mut self, node: &Node<'_>) -> Tests {
        let Some(node) = node.node("tests") else { return Tests::default() };
        let code = node.texts("code").unwrap_or_default();
        self.code_exists(&code);
        let command = node.has("command").then(|| plain(self.words(&node, "command")));
        Tests {
            on: true,
            load: node.node("load").and_then(|load| self.load(&load)),
            startup_secs: node.text("startup").and_then(|text| duration::parse(&text.value)),
            robustness: node.number("robustness"),
            command: command.filter(|words| !words.is_empty()),
            code: plain(code),
            timeout_secs: node.text("timeout").and_then(|text| duration::parse(&text.value)),
        }
    }

    fn load(&mut self, node: &Node<'_>) -> Option<Load> {
        let load = Load {
            rate: node.number("rate")?,
            seconds: node.number("seconds").unwrap_or(10.0),
            p95_ms: node.number("p95_ms"),
            p99_ms: node.number("p99_ms"),
            errors: node.number("errors").unwrap_or(0.0),
        };
        if load.rate * load.seconds > MOST_REQUESTS {
            self.problems.add_with_hint(
                node.key_span("rate"),
                "more than ten million requests in one load",
                "lower `rate` or `seconds`",
            );
        }
        Some(load)
    }

    fn approvals(&mut self, node: &Node<'_>) -> Approvals {
        let Some(table) = node.node("approvals") else {
            return Approvals { count: node.count("approvals").map_or(0, whole), independent: false };
        };
        let count = table.count("count").map_or(0, whole);
        let independent = table.flag("independent").is_some_and(|flag| flag.value);
        if independent && table.count("count") == Some(0) {
            self.problems.add_with_hint(
                table.key_span("independent"),
                "nobody has to approve it, so nobody else has to either",
                "count = 1",
            );
        }
        Approvals { count, independent }
    }

    fn limits(&mut self, node: &Node<'_>) -> Limits {
        let mut limits = Limits::default();
        let Some(node) = node.node("limits") else { return limits };
        if let Some(memory) = node.text("memory") {
            limits.memory_bytes = size::parse(&memory.value);
            if limits.memory_bytes.is_none() {
                self.problems.add_with_hint(memory.span, "expected a size", size::HINT);
            }
        }
        limits.requests = node.count("requests").map_or(limits.requests, whole);
        limits.timeout_secs =
            node.text("timeout").and_then(|text| duration::parse(&text.value)).unwrap_or(limits.timeout_secs);
        limits.start_secs =
            node.text("start").and_then(|text| duration::parse(&text.value)).unwrap_or(limits.start_secs);
        limits
    }
}

/// Of the environment at `place` in the file.
fn default_address(place: usize) -> SocketAddr {
    let port = FIRST_PORT.saturating_add(u16::try_from(place).unwrap_or(u16::MAX));
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// A count that the table of keys keeps within 32 bits.
fn whole(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

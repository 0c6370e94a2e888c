//! `[[triggers]]`: their keys, and their reading.

use std::collections::{BTreeMap, BTreeSet};

use modelyard_core::config::Train;
use modelyard_core::monitor::{Missed, MonitorSpec, Origin, Then, TriggerSpec};
use modelyard_lifecycle::monitor::trigger::cron::Schedule;

use super::node::Node;
use super::problem::{Span, did_you_mean, one_of};
use super::project::Reader;
use super::shape::{Key, Naming, Others, Section, Shape};
use super::{duration, value};

const ORIGINS: Shape =
    Shape::Choice(&["schedule", "new-data", "drift", "decay", "code", "registry", "request"]);

/// Keys that only one origin acts upon.
const OF_ONE_ORIGIN: [(&str, Origin); 6] = [
    ("cron", Origin::Schedule),
    ("zone", Origin::Schedule),
    ("missed", Origin::Schedule),
    ("min_rows", Origin::NewData),
    ("model", Origin::Registry),
    ("secret", Origin::Request),
];

pub(super) static TRIGGER: Section = Section {
    doc: "What starts continuous training.",
    keys: &[
        Key::new("name", Shape::Name, "Its name; default the words of `on`, joined with `-`."),
        Key::new(
            "on",
            Shape::Either(&[ORIGINS, Shape::List(&ORIGINS)]),
            "`drift` and `decay`: what [monitor] found; `new-data`: a source changed; `schedule`: a clock; `code`: a new commit; `registry`: another model changed; `request`: a person, or a webhook.",
        )
        .required(),
        Key::new(
            "then",
            Shape::Choice(&["register", "release"]),
            "What becomes of a better version: a person releases it, or it goes through the environments by itself.",
        )
        .default("\"register\""),
        Key::new("set", Shape::Table(&SET), "Other values for parameters of training."),
        Key::new("cron", Shape::Text, "Of `schedule`: minute, hour, day, month, weekday: \"0 2 * * 1\"."),
        Key::new("zone", Shape::Text, "Of `schedule`: the time zone of `cron`, \"Europe/Berlin\".")
            .default("\"UTC\""),
        Key::new(
            "missed",
            Shape::Choice(&["once", "skip"]),
            "Of `schedule`: whether moments at which no server ran are made up for, once for all of them.",
        )
        .default("\"once\""),
        Key::new(
            "min_rows",
            Shape::Whole { min: 1, max: i64::MAX },
            "Of `new-data`: rows that must be new since the champion's data version.",
        )
        .default("1"),
        Key::new("model", Shape::Text, "Of `registry`: a model of the home, NAME or NAME@ALIAS."),
        Key::new(
            "secret",
            Shape::Text,
            "Of `request`: environment variable of the server with the secret that signs webhooks; default only people and the API ask.",
        ),
        Key::new("cool_down", Shape::Duration, "Least time between two trainings; counts arrival. Default none."),
        Key::new("budget", Shape::Table(&BUDGET), "How many trainings it may start. Default any number."),
    ],
    others: Others::Refused,
};

static SET: Section = Section {
    doc: "Other values for parameters of training.",
    keys: &[],
    others: Others::Named(Naming::NoDots, &Shape::Value),
};

static BUDGET: Section = Section {
    doc: "How many trainings a trigger may start.",
    keys: &[
        Key::new("trainings", Shape::Whole { min: 1, max: u32::MAX as i64 }, "So many at most …").required(),
        Key::new("within", Shape::Duration, "… within this time; counts arrival.").default("\"4w\""),
    ],
    others: Others::Refused,
};

const BUDGET_SECS: f64 = 4.0 * 604_800.0;

impl Reader<'_> {
    pub(super) fn triggers(
        &mut self,
        root: &Node<'_>,
        train: Option<&Train>,
        monitor: Option<&MonitorSpec>,
    ) -> Vec<TriggerSpec> {
        let mut triggers = Vec::new();
        let mut names: BTreeSet<String> = BTreeSet::new();
        for node in root.nodes("triggers") {
            if root.lacks("train") {
                self.problems.add(node.span.clone(), "the project has no [train], so nothing can be started");
            }
            let trigger = self.trigger(root, &node, train, monitor);
            if !names.insert(trigger.name.clone()) {
                self.problems.add_with_hint(
                    node.key_span("name"),
                    format!("another trigger is called `{}` too", trigger.name),
                    "give one of them another `name`",
                );
            }
            triggers.push(trigger);
        }
        triggers
    }

    fn trigger(
        &mut self,
        root: &Node<'_>,
        node: &Node<'_>,
        train: Option<&Train>,
        monitor: Option<&MonitorSpec>,
    ) -> TriggerSpec {
        let text = |key| node.text(key).map(|text| text.value);
        let on = self.origins(node);
        for (key, origin) in OF_ONE_ORIGIN {
            if node.has(key) && !on.is_empty() && !on.contains(&origin) {
                let origin = origin.as_str();
                self.problems.add_with_hint(
                    node.key_span(key),
                    format!("`{key}` belongs to `{origin}`, which is not among `on`"),
                    format!("add \"{origin}\" to `on`, or take `{key}` out"),
                );
            }
        }
        for (key, origin) in [("cron", Origin::Schedule), ("model", Origin::Registry)] {
            if on.contains(&origin) && node.lacks(key) {
                let what = format!("`{}` needs `{key}`", origin.as_str());
                self.problems.add_with_hint(node.key_span("on"), what, key_doc(node, key));
            }
        }
        if monitor.is_none()
            && root.lacks("monitor")
            && let Some(origin) = on.iter().find(|origin| matches!(origin, Origin::Drift | Origin::Decay))
        {
            self.problems.add_with_hint(
                node.key_span("on"),
                format!("nothing looks for {}", origin.as_str()),
                "add [monitor]",
            );
        }
        let then = if text("then").as_deref() == Some("release") { Then::Release } else { Then::Register };
        if then == Then::Release && root.lacks("environments") {
            self.problems.add_with_hint(
                node.key_span("then"),
                "there is no environment to release to",
                "add [environments.production]",
            );
        }
        if let Some(cron) = node.text("cron") {
            self.cron(&cron.value, text("zone").as_deref(), cron.span);
        }
        let budget = node.node("budget");
        let name = text("name")
            .unwrap_or_else(|| on.iter().map(|origin| origin.as_str()).collect::<Vec<_>>().join("-"));
        TriggerSpec {
            name,
            then,
            set: self.set(node, train),
            cron: text("cron"),
            zone: text("zone").unwrap_or_else(|| "UTC".to_owned()),
            missed: if text("missed").as_deref() == Some("skip") { Missed::Skip } else { Missed::Once },
            min_rows: node.count("min_rows").unwrap_or(1),
            model: text("model"),
            secret: text("secret"),
            cool_down_secs: text("cool_down").and_then(|text| duration::parse(&text)).unwrap_or(0.0),
            budget: budget
                .as_ref()
                .and_then(|budget| budget.count("trainings"))
                .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
            budget_secs: budget
                .and_then(|budget| duration::parse(&budget.text("within")?.value))
                .unwrap_or(BUDGET_SECS),
            on,
        }
    }

    /// In the order of the file, none twice.
    fn origins(&mut self, node: &Node<'_>) -> Vec<Origin> {
        let written = node.texts("on").unwrap_or_else(|| node.text("on").into_iter().collect());
        if written.is_empty() && node.has("on") {
            self.problems.add(node.key_span("on"), "nothing sets this trigger off");
        }
        let mut origins: Vec<Origin> = Vec::new();
        for word in written {
            let Some(origin) = Origin::ALL.into_iter().find(|origin| origin.as_str() == word.value) else {
                continue;
            };
            if origins.contains(&origin) {
                self.problems.add(word.span, format!("`{}` stands here twice", word.value));
            } else {
                origins.push(origin);
            }
        }
        origins
    }

    fn set(&mut self, node: &Node<'_>, train: Option<&Train>) -> BTreeMap<String, serde_json::Value> {
        let mut set = BTreeMap::new();
        for entry in node.node("set").map(|set| set.entries()).unwrap_or_default() {
            if let Some(train) = train {
                let params = || train.step.params.keys().map(String::as_str);
                if !params().any(|param| param == entry.name) {
                    let near = did_you_mean(&entry.name, params());
                    let known = one_of(params());
                    let near = match (near.is_empty(), known.is_empty()) {
                        (false, _) => near,
                        (true, true) => "; it has none".to_owned(),
                        (true, false) => format!("; known are {known}"),
                    };
                    let message = format!("training has no parameter `{}`{near}", entry.name);
                    self.problems.add(entry.name_span, message);
                } else if train.search.as_ref().is_some_and(|search| search.space.contains_key(&entry.name)) {
                    let message = format!("`{}` is searched: [train.search] sets it", entry.name);
                    self.problems.add(entry.name_span, message);
                }
            }
            if let Some(value) = value::parameter(entry.value.get_ref()) {
                set.insert(entry.name, value);
            }
        }
        set
    }

    /// Refuses times that never come.
    fn cron(&mut self, text: &str, zone: Option<&str>, span: Span) {
        if let Err(fault) = Schedule::parse(text, zone.unwrap_or("UTC")) {
            match fault.hint_text() {
                Some(hint) => self.problems.add_with_hint(span, fault.message(), hint),
                None => self.problems.add(span, fault.message()),
            }
        }
    }
}

fn key_doc(node: &Node<'_>, key: &str) -> String {
    format!("`{key}`: {}", node.section.key(key).map_or("", |key| key.doc))
}

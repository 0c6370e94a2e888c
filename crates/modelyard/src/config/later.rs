//! Sections that are read but not yet acted upon: environments, monitor, triggers.
//!
//! What is known is checked for its type; further keys pass, with a remark.

use super::shape::{Key, Naming, Others, Section, Shape};

const TEXTS: Shape = Shape::List(&Shape::Text);
const POSITIVE: Shape = Shape::Number { min: 0.0, max: f64::MAX };

/// The sections' names, as remarks give them.
pub(super) const SECTIONS: [&str; 3] = ["environments", "monitor", "triggers"];

pub(super) static ENVIRONMENTS: Section = Section {
    doc: "Where packages are deployed, by name. Not yet acted upon.",
    keys: &[],
    others: Others::Named(Naming::Strict, &Shape::Table(&ENVIRONMENT)),
};

static ENVIRONMENT: Section = Section {
    doc: "An environment.",
    keys: &[
        Key::new("requires", Shape::Text, "The environment that a package must have passed before."),
        Key::new("strategy", Shape::Text, "How a release takes over: canary, blue-green, shadow, a-b."),
        Key::new(
            "weights",
            Shape::List(&Shape::Number { min: 0.0, max: 100.0 }),
            "The shares of a canary's steps, in percent.",
        ),
        Key::new("tests", Shape::Table(&TESTS), "Application tests, beside parity and hostile input."),
    ],
    others: Others::Remarked,
};

static TESTS: Section = Section {
    doc: "Application tests.",
    keys: &[Key::new("load", Shape::Table(&LOAD), "A load to stand.")],
    others: Others::Remarked,
};

static LOAD: Section = Section {
    doc: "A load to stand.",
    keys: &[
        Key::new("rate", POSITIVE, "Requests a second."),
        Key::new("seconds", POSITIVE, "For so long."),
        Key::new("p95_ms", POSITIVE, "19 of 20 answers within so many milliseconds."),
    ],
    others: Others::Remarked,
};

pub(super) static MONITOR: Section = Section {
    doc: "What is watched in production. Not yet acted upon.",
    keys: &[Key::new("window", Shape::Duration, "The span over which is aggregated.")],
    others: Others::Remarked,
};

pub(super) static TRIGGER: Section = Section {
    doc: "What starts continuous training. Not yet acted upon.",
    keys: &[
        Key::new("on", TEXTS, "drift, decay, new-data, schedule, code, registry, request."),
        Key::new("then", Shape::Text, "release, or register: a person releases."),
    ],
    others: Others::Remarked,
};

//! Sections that are read but not yet acted upon: monitor, triggers.
//!
//! What is known is checked for its type; further keys pass, with a remark.

use super::shape::{Key, Others, Section, Shape};

const TEXTS: Shape = Shape::List(&Shape::Text);

/// The sections' names, as remarks give them.
pub(super) const SECTIONS: [&str; 2] = ["monitor", "triggers"];

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

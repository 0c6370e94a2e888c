//! What may stand under a key: the vocabulary of the table in [`super::keys`], and the check of a
//! file against it. What names refer to is none of its business.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::{Problems, Span, did_you_mean, nearest, one_of};
use super::value;
use modelyard_core::model::is_name;

/// A table of the file.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) doc: &'static str,
    pub(crate) keys: &'static [Key],
    pub(crate) others: Others,
}

/// What keys beyond the known ones are.
#[derive(Debug)]
pub(crate) enum Others {
    Refused,
    /// Names of the user's choice, each with this below it.
    Named(Naming, &'static Shape),
}

/// What names may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As [`is_name`] has it.
    Strict,
    /// The same without dots: dots separate the parts of a placeholder.
    NoDots,
    /// Whatever is not empty: columns, variables.
    Free,
}

#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) shape: Shape,
    pub(crate) doc: &'static str,
    pub(crate) required: bool,
    /// As JSON.
    pub(crate) default: Option<&'static str>,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Text,
    /// A text that [`is_name`].
    Name,
    /// A text such as `"90s"`, `"1h30m"`, `"1w"`.
    Duration,
    Flag,
    Whole {
        min: i64,
        max: i64,
    },
    /// Finite, within both bounds.
    Number {
        min: f64,
        max: f64,
    },
    Choice(&'static [&'static str]),
    /// Text, number, true or false.
    Scalar,
    /// A parameter: a scalar, or a list of them.
    Value,
    List(&'static Shape),
    Table(&'static Section),
    /// Whichever has the TOML type that stands there.
    Either(&'static [Shape]),
}

impl Key {
    pub(crate) const fn new(name: &'static str, shape: Shape, doc: &'static str) -> Self {
        Self { name, shape, doc, required: false, default: None }
    }

    pub(crate) const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) const fn default(mut self, json: &'static str) -> Self {
        self.default = Some(json);
        self
    }
}

impl Section {
    pub(crate) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// Whether `table` has an unknown key that was probably meant to be `name`.
    pub(crate) fn misspells(&self, table: &DeTable<'_>, name: &str) -> bool {
        table.keys().any(|key| {
            let written = key.get_ref();
            self.key(written).is_none() && nearest(written, self.names()) == Some(name)
        })
    }

    fn names(&self) -> impl Iterator<Item = &'static str> {
        self.keys.iter().map(|key| key.name)
    }
}

impl Shape {
    /// The section, where a table may stand here.
    pub(crate) fn section(&self) -> Option<&'static Section> {
        match self {
            Self::Table(section) => Some(section),
            Self::Either(shapes) => shapes.iter().find_map(Self::section),
            _ => None,
        }
    }

    fn accepts(&self, value: &DeValue<'_>) -> bool {
        match self {
            Self::Text | Self::Name | Self::Duration | Self::Choice(_) => value.is_str(),
            Self::Flag => value.is_bool(),
            Self::Whole { .. } => value.is_integer(),
            Self::Number { .. } => value.is_integer() || value.is_float(),
            Self::Scalar => value.is_str() || value.is_bool() || value.is_integer() || value.is_float(),
            Self::Value => Self::Scalar.accepts(value) || value.is_array(),
            Self::List(_) => value.is_array(),
            Self::Table(_) => value.is_table(),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.accepts(value)),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Text | Self::Name => "a text in quotes".into(),
            Self::Duration => "a duration such as \"90s\", \"10m\" or \"1w\"".into(),
            Self::Flag => "true or false".into(),
            Self::Whole { .. } => "a whole number".into(),
            Self::Number { .. } => "a number".into(),
            Self::Choice(choices) => one_of(choices.iter().copied()),
            Self::Scalar => "a text, a number, true or false".into(),
            Self::Value => "a text, a number, true, false, or a list of them".into(),
            Self::List(_) => "a list".into(),
            Self::Table(_) => "a table".into(),
            Self::Either(shapes) => shapes.iter().map(Self::describe).collect::<Vec<_>>().join(" or "),
        }
    }
}

/// Where the check stands, and what it found.
pub(crate) struct Check<'a> {
    pub(crate) problems: &'a mut Problems,
    /// Every section of the file, to say where a misplaced key belongs.
    pub(crate) root: &'static Section,
}

impl Check<'_> {
    /// `path` is the table's dotted name, empty for the whole file.
    pub(crate) fn table(&mut self, section: &'static Section, table: &DeTable<'_>, span: &Span, path: &str) {
        for (key, value) in table {
            let name: &str = key.get_ref();
            let below = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            if let Some(known) = section.key(name) {
                self.value(&known.shape, value, &below);
                continue;
            }
            match &section.others {
                Others::Refused => self.unknown(section, name, key.span(), path),
                Others::Named(naming, shape) => {
                    self.name(*naming, name, key.span());
                    self.value(shape, value, &below);
                }
            }
        }
        for key in section.keys.iter().filter(|key| key.required) {
            if !table.contains_key(key.name) && !section.misspells(table, key.name) {
                if path.is_empty() {
                    self.problems.add(span.clone(), format!("missing section [{}]", key.name));
                    continue;
                }
                let what = format!("missing key `{}` in [{path}]", key.name);
                self.problems.add_with_hint(span.clone(), what, format!("`{}`: {}", key.name, key.doc));
            }
        }
    }

    fn value(&mut self, shape: &'static Shape, spanned: &Spanned<DeValue<'_>>, path: &str) {
        let (value, span) = (spanned.get_ref(), spanned.span());
        if !shape.accepts(value) {
            let mut message = format!("expected {}, found {}", shape.describe(), found(value));
            if let (Shape::Duration, DeValue::Integer(number)) = (shape, value) {
                message = format!("a duration needs its unit: \"{number}s\"");
            }
            self.problems.add(span, message);
            return;
        }
        match (shape, value) {
            (Shape::Either(shapes), _) => {
                if let Some(shape) = shapes.iter().find(|shape| shape.accepts(value)) {
                    self.value(shape, spanned, path);
                }
            }
            (Shape::Table(section), DeValue::Table(table)) => self.table(section, table, &span, path),
            (Shape::List(item), DeValue::Array(items)) => {
                for value in items {
                    self.value(item, value, path);
                }
            }
            (Shape::Value, DeValue::Array(items)) => {
                for value in items {
                    self.value(&Shape::Scalar, value, path);
                }
            }
            (Shape::Name, DeValue::String(text)) => self.name(Naming::Strict, text, span),
            (Shape::Duration, DeValue::String(text)) if super::duration::parse(text).is_none() => {
                self.problems.add(span, format!("expected {}", shape.describe()));
            }
            (Shape::Choice(choices), DeValue::String(text)) if !choices.contains(&text.as_ref()) => {
                let near = did_you_mean(text, choices.iter().copied());
                self.problems.add(span, format!("expected {}{near}", shape.describe()));
            }
            (Shape::Whole { min, max }, _) => match value::whole(value) {
                None => self.problems.add(span, "this number is beyond 64 bits"),
                Some(number) => self.bounds(span, &number, min, max),
            },
            (Shape::Number { min, max }, _) => match value::number(value) {
                None => self.problems.add(span, "expected a finite number"),
                // The least number above zero stands for all of them.
                Some(number) if *min == f64::MIN_POSITIVE && number < *min => {
                    self.problems.add(span, "must be above 0");
                }
                Some(number) => self.bounds(span, &number, min, max),
            },
            (Shape::Scalar | Shape::Value, DeValue::Integer(_)) if value::whole(value).is_none() => {
                self.problems.add(span, "this number is beyond 64 bits");
            }
            (Shape::Scalar | Shape::Value, DeValue::Float(_)) if value::number(value).is_none() => {
                self.problems.add(span, "expected a finite number");
            }
            _ => {}
        }
    }

    fn bounds<T: PartialOrd + std::fmt::Display>(&mut self, span: Span, number: &T, min: &T, max: &T) {
        if number < min {
            self.problems.add(span, format!("must be at least {min}"));
        } else if number > max {
            self.problems.add(span, format!("must be at most {max}"));
        }
    }

    fn name(&mut self, naming: Naming, name: &str, span: Span) {
        let good = match naming {
            Naming::Strict => is_name(name),
            Naming::NoDots => is_name(name) && !name.contains('.'),
            Naming::Free => !name.is_empty() && !name.contains('\0'),
        };
        if good {
            return;
        }
        let dots = if naming == Naming::Strict { ", `-` and `.`" } else { " and `-`" };
        let (message, hint) = match naming {
            Naming::Free => ("an empty name".to_owned(), "give it a name".to_owned()),
            _ => (
                format!("`{name}` can't be a name here"),
                format!(
                    "names have letters, digits, `_`{dots}, begin with a letter or digit, and have at most 100"
                ),
            ),
        };
        self.problems.add_with_hint(span, message, hint);
    }

    fn unknown(&mut self, section: &'static Section, name: &str, span: Span, path: &str) {
        let (kind, place) = match path {
            "" => ("section", String::new()),
            path => ("key", format!(" in [{path}]")),
        };
        let near = did_you_mean(name, section.names());
        let mut message = format!("unknown {kind}{place}{near}");
        if near.is_empty() {
            let belongs = self.root.keys.iter().find(|top| {
                let direct = top.shape.section().is_some_and(|section| section.key(name).is_some());
                direct && !path.starts_with(top.name)
            });
            match belongs {
                Some(top) => message.push_str(&format!("; `{name}` belongs to [{}]", top.name)),
                None => message.push_str(&format!("; known are {}", known(section))),
            }
        }
        self.problems.add(span, message);
    }
}

fn known(section: &Section) -> String {
    section.names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What stands there, in words.
fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(_) => "a text".into(),
        DeValue::Integer(_) => "a whole number".into(),
        DeValue::Float(_) => "a fraction".into(),
        DeValue::Boolean(flag) => format!("`{flag}`"),
        DeValue::Datetime(_) => "a date or time (write it in quotes)".into(),
        DeValue::Array(_) => "a list".into(),
        DeValue::Table(_) => "a table".into(),
    }
}

//! The registry's nouns: registered models, versions, aliases.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::clock::Timestamp;
use crate::id::RunId;
use crate::{Digest, Fault, Kind};

/// A package registered under a name, with a number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ModelVersion {
    /// Format version, 1.
    pub version: u32,
    pub name: String,
    /// 1, 2, 3 …
    pub number: u32,
    /// The package's tree.
    pub package: Digest,
    /// `onnx` or `python`.
    pub runtime: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub project: Option<String>,
    /// The pipeline run that registered it.
    pub run: Option<RunId>,
    /// Blob of the test report.
    pub report: Option<Digest>,
    /// Primary metric and its value, for lists.
    pub metric: Option<(String, f64)>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RegisteredModel {
    pub name: String,
    pub latest_version: u32,
    pub aliases: BTreeMap<String, u32>,
    pub created_at: Timestamp,
}

/// What a new version is made of.
#[derive(Clone, Debug)]
pub struct NewVersion {
    pub name: String,
    pub package: Digest,
    pub runtime: String,
    pub project: Option<String>,
    pub run: Option<RunId>,
    pub report: Option<Digest>,
    pub metric: Option<(String, f64)>,
    /// Given to the new version in the same transaction: `champion` or `challenger`.
    pub alias: Option<String>,
}

/// `NAME`, `NAME@3`, `NAME@champion`, `NAME@latest`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    pub name: String,
    pub which: Which,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// The champion; before there is one the newest.
    Default,
    Number(u32),
    Alias(String),
    /// `@latest`: the newest, whoever is champion.
    Latest,
}

impl FromStr for ModelRef {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let (name, which) = match text.split_once('@') {
            None => (text, Which::Default),
            Some((name, version)) => match version.parse() {
                Ok(number) => (name, Which::Number(number)),
                Err(_) if version == "latest" => (name, Which::Latest),
                Err(_) => (name, Which::Alias(version.to_owned())),
            },
        };
        let version_is_empty = matches!(&which, Which::Alias(alias) if alias.is_empty());
        if !is_name(name) || version_is_empty {
            return Err(Fault::new(Kind::Usage, format!("`{text}` names no model"))
                .hint("write NAME, NAME@3 or NAME@champion"));
        }
        Ok(Self { name: name.to_owned(), which })
    }
}

impl fmt::Display for ModelRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::Default => f.write_str(&self.name),
            Which::Number(number) => write!(f, "{}@{number}", self.name),
            Which::Alias(alias) => write!(f, "{}@{alias}", self.name),
            Which::Latest => write!(f, "{}@latest", self.name),
        }
    }
}

/// Whether `text` may name a project, data set, step, model or alias: letters, digits, `_`, `-`
/// and `.`, beginning with a letter or digit, at most 100 characters.
pub fn is_name(text: &str) -> bool {
    text.len() <= 100
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

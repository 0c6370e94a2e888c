//! Whether the documents of a home are what the log says of them.
//!
//! An entry holds the digests of the documents that it made so; the last one about a document must still
//! fit. What is only observed is not audited and not looked at.

use std::collections::BTreeMap;

use modelyard_core::audit::{AuditEntry, proof};
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::ports::Home;
use modelyard_core::{Digest, Result};
use serde::Serialize;

/// A document that was changed, or is missing, without an entry that says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
pub struct Altered {
    /// `environment flights/production`, `release 01J…`.
    pub document: String,
    /// The last entry about it.
    pub entry: u64,
}

/// The documents of `home` that are not what `entries`, all there are, say of them.
///
/// # Errors
/// If the home can't be read, or a document is none any more.
pub(super) async fn altered(home: &Home, entries: &[AuditEntry]) -> Result<Vec<Altered>> {
    let said = said(entries);
    let mut found = BTreeMap::new();
    for project in home.environments.projects().await? {
        if let Some(applied) = home.environments.applied(&project).await? {
            found.insert(format!("application of {project}"), proof(&applied));
        }
    }
    for environment in home.environments.environments(None).await? {
        let id = &environment.id;
        found.insert(format!("environment {id}"), proof(&environment));
        for record in home.environments.states(id).await? {
            found.insert(state_name(&id.to_string(), record.state.generation), proof(&record));
        }
        for release in home.environments.releases(id).await? {
            found.insert(format!("release {}", release.id), proof(&release));
        }
    }
    for model in home.models.models().await? {
        for version in home.models.versions(&model.name).await? {
            let title = format!("{}@{}", version.name, version.number);
            for (place, approval) in
                home.environments.approvals(&version.name, version.number).await?.iter().enumerate()
            {
                found.insert(approval_name(&title, place), proof(approval));
            }
        }
    }
    let mut altered: Vec<Altered> = said
        .iter()
        .filter(|(document, (_, digest))| found.get(*document) != Some(digest))
        .map(|(document, (entry, _))| Altered { document: document.clone(), entry: *entry })
        .collect();
    // One that no entry knows was slipped in.
    let unsaid = found.keys().filter(|document| !said.contains_key(*document));
    altered.extend(unsaid.map(|document| Altered { document: document.clone(), entry: 0 }));
    altered.extend(altered_in_registry(home, entries).await?);
    altered.sort();
    Ok(altered)
}

/// What the log says of each document last: the entry's number and the document's digest.
fn said(entries: &[AuditEntry]) -> BTreeMap<String, (u64, Digest)> {
    let mut said = BTreeMap::new();
    let mut approvals: BTreeMap<&str, usize> = BTreeMap::new();
    for entry in entries {
        let (subject, details) = (&entry.subject, &entry.details);
        let Some(digests) = details["digests"].as_object() else { continue };
        for (what, digest) in digests {
            let Some(digest) = digest.as_str().and_then(|digest| digest.parse().ok()) else { continue };
            let document = match what.as_str() {
                "applied" => format!("application of {subject}"),
                "environment" => format!("environment {subject}"),
                "release" => format!("release {}", details["release"]["id"].as_str().unwrap_or_default()),
                "state" => {
                    let generation = details["after"]["state"]["generation"].as_u64().unwrap_or_default();
                    state_name(subject, generation)
                }
                "approval" => {
                    let place = approvals.entry(subject).or_default();
                    *place += 1;
                    approval_name(subject, *place - 1)
                }
                _ => continue,
            };
            said.insert(document, (entry.number, digest));
        }
    }
    said
}

fn state_name(environment: &str, generation: u64) -> String {
    format!("state {generation} of {environment}")
}

fn approval_name(version: &str, place: usize) -> String {
    format!("approval {} of {version}", place + 1)
}

/// Versions and aliases, of which the log says what they are.
async fn altered_in_registry(home: &Home, entries: &[AuditEntry]) -> Result<Vec<Altered>> {
    let mut altered = Vec::new();
    let mut aliases = BTreeMap::new();
    for entry in entries {
        let Some((name, number)) = entry.subject.split_once('@') else { continue };
        let Ok(number) = number.parse::<u32>() else { continue };
        match entry.event.as_str() {
            "model.version.registered" => {
                let model = ModelRef { name: name.to_owned(), which: Which::Number(number) };
                let version = home.models.resolve(&model).await?;
                let package = entry.details["package"].as_str();
                let is_same = version.is_some_and(|version| {
                    Some(version.package.to_string().as_str()) == package
                        && version.created_by == entry.actor
                        && version.created_at == entry.at
                });
                if !is_same {
                    let document = format!("version {}", entry.subject);
                    altered.push(Altered { document, entry: entry.number });
                }
            }
            "model.alias.set" => {
                let alias = entry.details["alias"].as_str().unwrap_or_default();
                aliases.insert((name, alias), (number, entry.number));
            }
            _ => {}
        }
    }
    for ((name, alias), (number, entry)) in aliases {
        let model = home.models.model(name).await?;
        if model.and_then(|model| model.aliases.get(alias).copied()) != Some(number) {
            altered.push(Altered { document: format!("alias {alias} of {name}"), entry });
        }
    }
    Ok(altered)
}

#[cfg(test)]
mod tests {
    use modelyard_core::deploy::{Applied, Approval, Environment, Release};
    use modelyard_core::model::NewVersion;
    use modelyard_core::ports::Change;
    use serde::de::DeserializeOwned;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing;

    /// The stored example of a format.
    fn example<T: DeserializeOwned>(text: &str) -> T {
        serde_json::from_str(text).expect("an example")
    }

    /// 1 registered, 2 alias, 3 application, 4 environment, 5 release with its state, 6 and 7 approvals.
    async fn home() -> Home {
        let home = modelyard_store::memory();
        let actor = testing::actor();
        let new = NewVersion {
            name: "late-flights".into(),
            package: Digest::of(b"package"),
            runtime: "onnx".into(),
            project: None,
            run: None,
            report: None,
            metric: None,
            alias: Some("champion".into()),
        };
        home.models.register(&new, &actor).await.unwrap();
        let mut environment: Environment =
            example(include_str!("../../../core/tests/formats/environment.v1.json"));
        let state = std::mem::take(&mut environment.state);
        environment.revision = 0;
        let applied: Applied = example(include_str!("../../../core/tests/formats/applied.v1.json"));
        home.environments.apply(&applied, std::slice::from_ref(&environment), &actor).await.unwrap();
        let release: Release = example(include_str!("../../../core/tests/formats/release.v1.json"));
        environment.revision = 1;
        environment.state = state;
        let change = Change {
            environment,
            release: Some(release),
            aliases: Vec::new(),
            event: "release.moved",
            cause: "a test".into(),
            details: Value::Null,
        };
        home.environments.change(&change, &actor).await.unwrap();
        let mut approval: Approval = example(include_str!("../../../core/tests/formats/approval.v1.json"));
        approval.number = 1;
        home.environments.approve(&approval).await.unwrap();
        home.environments.approve(&approval).await.unwrap();
        home
    }

    #[tokio::test]
    async fn documents_that_are_as_the_log_says_are_not_named() {
        let home = home().await;
        let entries = home.audit.entries().await.unwrap();
        assert_eq!(entries.len(), 7);
        assert_eq!(altered(&home, &entries).await.unwrap(), []);
    }

    /// What is named where the log says something else of entry `number`.
    async fn named(number: usize, change: impl Fn(&mut AuditEntry)) -> Vec<String> {
        let home = home().await;
        let mut entries = home.audit.entries().await.unwrap();
        change(&mut entries[number - 1]);
        let altered = altered(&home, &entries).await.unwrap();
        altered.iter().map(|altered| format!("{}: {}", altered.document, altered.entry)).collect()
    }

    #[tokio::test]
    async fn whatever_differs_from_the_log_is_named_with_its_entry() {
        let other = json!(Digest::of(b"other"));
        for (number, digest, wanted) in [
            (3, "applied", "application of flights: 3"),
            (5, "environment", "environment flights/production: 5"),
            (5, "release", "release 01JDE7X3M5W8Q2N4B6C9ZKTRVH: 5"),
            (5, "state", "state 5 of flights/production: 5"),
            (7, "approval", "approval 2 of late-flights@1: 7"),
        ] {
            let found = named(number, |entry| entry.details["digests"][digest] = other.clone()).await;
            assert_eq!(found, [wanted]);
        }
        let found = named(1, |entry| entry.details["package"] = other.clone()).await;
        assert_eq!(found, ["version late-flights@1: 1"]);
        let found = named(2, |entry| entry.subject = "late-flights@2".into()).await;
        assert_eq!(found, ["alias champion of late-flights: 2"]);
        let found = named(6, |entry| entry.details = Value::Null).await;
        assert_eq!(found, ["approval 2 of late-flights@1: 0"], "no entry knows it");
    }
}

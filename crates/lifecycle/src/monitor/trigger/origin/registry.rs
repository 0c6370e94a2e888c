//! `registry`: another model of the home has a new version, or an alias of it has moved, since the project was
//! applied.

use modelyard_core::audit::AuditFilter;
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::{Fault, Kind, Result};

use super::{Seen, World};

/// The event of an alias that moved, in the audit log.
const ALIAS_SET: &str = "model.alias.set";

pub(super) async fn look(world: &World<'_>) -> Result<Option<Seen>> {
    let name = world.trigger.model.as_deref().ok_or_else(|| {
        Fault::new(Kind::Config, format!("the trigger `{}` names no model", world.trigger.name))
            .hint("model = \"NAME\" or \"NAME@ALIAS\"")
    })?;
    let model: ModelRef = name.parse()?;
    match &model.which {
        Which::Alias(alias) => moved(world, &model.name, alias).await,
        _ => {
            let newest = world.home.models.versions(&model.name).await?.into_iter().next();
            let new = newest.filter(|version| version.created_at > world.applied.at);
            Ok(new.map(|version| Seen::new(format!("version {}@{}", version.name, version.number))))
        }
    }
}

/// The last move of `alias`; that of a version's registration or release is one as well.
async fn moved(world: &World<'_>, name: &str, alias: &str) -> Result<Option<Seen>> {
    let reference = ModelRef { name: name.to_owned(), which: Which::Alias(alias.to_owned()) };
    let Some(version) = world.home.models.resolve(&reference).await? else { return Ok(None) };
    let subject = format!("{name}@{}", version.number);
    let moves = AuditFilter {
        subjects: vec![subject.clone()],
        events: vec![ALIAS_SET.to_owned()],
        ..AuditFilter::default()
    };
    // An alias that comes back to a version is another cause than when it was there first.
    let entries = world.home.audit.list(&moves).await?;
    let entry = entries.into_iter().find(|entry| entry.details["alias"] == *alias);
    let new = entry.filter(|entry| entry.at > world.applied.at);
    Ok(new.map(|entry| Seen::new(format!("alias {name}@{alias} → {subject}, entry {}", entry.number))))
}

use std::collections::BTreeMap;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::audit::Actor;
use modelyard_core::model::{ModelRef, ModelVersion, NewVersion, RegisteredModel, Which};
use modelyard_core::ports::ModelStore;

use super::{Memory, Model, State};
use crate::registry;

#[async_trait]
impl ModelStore for Memory {
    async fn register(&self, new: &NewVersion, actor: &Actor) -> Result<(ModelVersion, bool)> {
        let mut state = self.change();
        let versions = state.models.get(&new.name).map_or(&[][..], |model| &model.versions);
        if let Some(known) = versions.iter().find(|known| known.package == new.package) {
            return Ok((known.clone(), false));
        }
        let number = versions.last().map_or(1, |last| last.number + 1);
        let version = registry::version(new, number, actor)?;
        let subject = registry::subject(&new.name, number);
        state.note(actor, registry::REGISTERED, &subject, registry::registered(&version));
        let model = state.models.entry(new.name.clone()).or_insert_with(|| Model {
            created_at: actor.at,
            versions: Vec::new(),
            aliases: BTreeMap::new(),
        });
        model.versions.push(version.clone());
        if let Some(alias) = &new.alias {
            state.point(&new.name, number, alias, actor);
        }
        Ok((version, true))
    }

    async fn set_alias(&self, name: &str, number: u32, alias: &str, actor: &Actor) -> Result<()> {
        let mut state = self.change();
        let there = state.models.get(name).is_some_and(|model| model.version(number).is_some());
        if !there {
            return Err(registry::no_version(name, number, alias));
        }
        state.point(name, number, alias, actor);
        Ok(())
    }

    async fn resolve(&self, model: &ModelRef) -> Result<Option<ModelVersion>> {
        let state = self.state();
        let Some(known) = state.models.get(&model.name) else { return Ok(None) };
        let of_alias = |alias: &str| known.aliases.get(alias).and_then(|number| known.version(*number));
        let version = match &model.which {
            Which::Number(number) => known.version(*number),
            Which::Alias(alias) => of_alias(alias),
            Which::Latest => known.versions.last(),
            Which::Default => of_alias("champion").or(known.versions.last()),
        };
        Ok(version.cloned())
    }

    async fn model(&self, name: &str) -> Result<Option<RegisteredModel>> {
        Ok(self.state().models.get(name).map(|model| model.registered(name)))
    }

    async fn models(&self) -> Result<Vec<RegisteredModel>> {
        Ok(self.state().models.iter().map(|(name, model)| model.registered(name)).collect())
    }

    async fn versions(&self, name: &str) -> Result<Vec<ModelVersion>> {
        let state = self.state();
        let versions = state.models.get(name).map_or(&[][..], |model| &model.versions);
        Ok(versions.iter().rev().cloned().collect())
    }
}

impl Model {
    pub(super) fn version(&self, number: u32) -> Option<&ModelVersion> {
        self.versions.iter().find(|version| version.number == number)
    }

    fn registered(&self, name: &str) -> RegisteredModel {
        RegisteredModel {
            name: name.to_owned(),
            latest_version: self.versions.last().map_or(0, |version| version.number),
            aliases: self.aliases.clone(),
            created_at: self.created_at,
        }
    }
}

impl State {
    /// Points `alias` at a version that is there; nothing changes if it already does.
    pub(super) fn point(&mut self, name: &str, number: u32, alias: &str, actor: &Actor) {
        let Some(model) = self.models.get_mut(name) else { return };
        let before = model.aliases.insert(alias.to_owned(), number);
        if before != Some(number) {
            let subject = registry::subject(name, number);
            self.note(actor, registry::ALIAS_SET, &subject, registry::alias_set(alias, before));
        }
    }
}

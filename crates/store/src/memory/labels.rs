use std::collections::BTreeMap;

use async_trait::async_trait;
use modelyard_core::deploy::EnvironmentId;
use modelyard_core::monitor::{Became, Figure, Label, NewLabel};
use modelyard_core::ports::LabelStore;
use modelyard_core::{Result, Timestamp};

use super::Memory;

#[async_trait]
impl LabelStore for Memory {
    async fn add_labels(
        &self,
        id: &EnvironmentId,
        labels: &[NewLabel],
        at: Timestamp,
    ) -> Result<Vec<Became>> {
        let mut became = Vec::with_capacity(labels.len());
        let mut state = self.change();
        for label in labels {
            let of_environment = state.labels.entry(id.clone()).or_default();
            match of_environment.iter().rev().find(|known| known.label.id == label.id) {
                None => became.push(Became::New),
                Some(known) if known.label.label == label.label => {
                    became.push(Became::Repeated);
                    continue;
                }
                Some(_) => became.push(Became::Changed),
            }
            state.n_labels += 1;
            let label = Label { number: state.n_labels, label: label.clone(), at };
            state.labels.entry(id.clone()).or_default().push(label);
        }
        Ok(became)
    }

    async fn labels(&self, id: &EnvironmentId, after: u64, limit: usize) -> Result<Vec<Label>> {
        let state = self.state();
        let labels = state.labels.get(id).into_iter().flatten();
        Ok(labels.filter(|label| label.number > after).take(limit).cloned().collect())
    }

    async fn labels_of(&self, id: &EnvironmentId, ids: &[String]) -> Result<BTreeMap<String, Label>> {
        let state = self.state();
        let labels = state.labels.get(id).into_iter().flatten();
        let asked = labels.filter(|label| ids.contains(&label.label.id));
        Ok(asked.map(|label| (label.label.id.clone(), label.clone())).collect())
    }

    async fn add_figures(&self, id: &EnvironmentId, figures: &[Figure]) -> Result<()> {
        self.change().figures.entry(id.clone()).or_default().extend_from_slice(figures);
        Ok(())
    }

    async fn figures(&self, id: &EnvironmentId, from: Timestamp, to: Timestamp) -> Result<Vec<Figure>> {
        let state = self.state();
        let figures = state.figures.get(id).into_iter().flatten();
        let mut found: Vec<_> =
            figures.filter(|figure| figure.at >= from && figure.at < to).cloned().collect();
        found.sort_by_key(|figure| figure.at);
        Ok(found)
    }
}

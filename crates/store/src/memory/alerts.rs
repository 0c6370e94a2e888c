use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::audit::Actor;
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{About, Alert, Delivery};
use modelyard_core::ports::AlertStore;

use super::{Memory, State};
use crate::monitoring;

#[async_trait]
impl AlertStore for Memory {
    async fn alerts(&self, project: &str, open: bool) -> Result<Vec<Alert>> {
        let state = self.state();
        let wanted = |alert: &&Alert| alert.project == project && (!open || alert.is_open());
        Ok(state.alerts.iter().rev().filter(wanted).cloned().collect())
    }

    async fn alert(&self, id: AlertId) -> Result<Option<Alert>> {
        Ok(self.state().alerts.iter().find(|alert| alert.id == id).cloned())
    }

    async fn latest(&self, about: &About) -> Result<Option<Alert>> {
        Ok(self.state().alerts.iter().rev().find(|alert| alert.about() == *about).cloned())
    }

    async fn keep_alert(&self, alert: &Alert, deliveries: &[Delivery], actor: &Actor) -> Result<Alert> {
        let mut state = self.change();
        let place = state.alerts.iter().position(|known| known.id == alert.id);
        let before = place.map(|place| state.alerts[place].clone());
        if before.as_ref().map_or(0, |before| before.revision) != alert.revision {
            return Err(monitoring::alert_changed(alert));
        }
        let is_rival = |known: &Alert| {
            known.id != alert.id && known.is_open() && alert.is_open() && known.about() == alert.about()
        };
        if state.alerts.iter().any(is_rival) {
            return Err(monitoring::already_open(alert));
        }
        let alert = &Alert { revision: alert.revision + 1, ..alert.clone() };
        let (event, details) = monitoring::alert_entry(before.as_ref(), alert);
        state.note(actor, event, &monitoring::alert_subject(alert), details);
        match place {
            Some(place) => state.alerts[place] = alert.clone(),
            None => state.alerts.push(alert.clone()),
        }
        deliveries.iter().for_each(|delivery| state.keep_delivery(delivery));
        Ok(alert.clone())
    }

    async fn deliveries(&self, project: &str) -> Result<Vec<Delivery>> {
        let state = self.state();
        let is_of = |delivery: &&Delivery| {
            delivery.due.is_some()
                && state.alerts.iter().any(|alert| alert.id == delivery.alert && alert.project == project)
        };
        Ok(state.deliveries.iter().filter(is_of).cloned().collect())
    }

    async fn told(&self, alert: AlertId) -> Result<Vec<Delivery>> {
        let state = self.state();
        Ok(state.deliveries.iter().filter(|delivery| delivery.alert == alert).cloned().collect())
    }

    async fn keep_delivery(&self, delivery: &Delivery) -> Result<()> {
        self.change().keep_delivery(delivery);
        Ok(())
    }
}

impl State {
    fn keep_delivery(&mut self, delivery: &Delivery) {
        let name = |delivery: &Delivery| (delivery.alert, delivery.sink.clone(), delivery.what);
        match self.deliveries.iter_mut().find(|known| name(known) == name(delivery)) {
            Some(known) => *known = delivery.clone(),
            None => self.deliveries.push(delivery.clone()),
        }
    }
}

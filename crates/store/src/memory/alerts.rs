use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::audit::Actor;
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{Alert, AlertState, Delivery};
use modelyard_core::ports::AlertStore;

use super::{Memory, State};
use crate::monitoring;

#[async_trait]
impl AlertStore for Memory {
    async fn alerts(&self, project: &str, open: bool) -> Result<Vec<Alert>> {
        let state = self.state();
        let wanted =
            |alert: &&Alert| alert.project == project && (!open || alert.state != AlertState::Resolved);
        Ok(state.alerts.iter().rev().filter(wanted).cloned().collect())
    }

    async fn alert(&self, id: AlertId) -> Result<Option<Alert>> {
        Ok(self.state().alerts.iter().find(|alert| alert.id == id).cloned())
    }

    async fn keep_alert(&self, alert: &Alert, deliveries: &[Delivery], actor: &Actor) -> Result<()> {
        let mut state = self.change();
        let is_rival = |known: &Alert| {
            known.id != alert.id
                && known.state != AlertState::Resolved
                && alert.state != AlertState::Resolved
                && (&known.project, &known.environment) == (&alert.project, &alert.environment)
                && (&known.rule, &known.subject) == (&alert.rule, &alert.subject)
        };
        if state.alerts.iter().any(is_rival) {
            return Err(monitoring::already_open(alert));
        }
        let place = state.alerts.iter().position(|known| known.id == alert.id);
        let before = place.map(|place| state.alerts[place].clone());
        let (event, details) = monitoring::alert_entry(before.as_ref(), alert);
        state.note(actor, event, &monitoring::alert_subject(alert), details);
        match place {
            Some(place) => state.alerts[place] = alert.clone(),
            None => state.alerts.push(alert.clone()),
        }
        deliveries.iter().for_each(|delivery| state.keep_delivery(delivery));
        Ok(())
    }

    async fn deliveries(&self, project: &str) -> Result<Vec<Delivery>> {
        let state = self.state();
        let is_of = |delivery: &&Delivery| {
            delivery.due.is_some()
                && state.alerts.iter().any(|alert| alert.id == delivery.alert && alert.project == project)
        };
        Ok(state.deliveries.iter().filter(is_of).cloned().collect())
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

use modelyard_core::Kind;
use modelyard_core::monitor::{About, Alert, AlertState, Delivery};
use modelyard_core::ports::Home;

use crate::deployed::at;
use crate::support::actor;
use crate::watched::{alert, delivery};

promises![
    one_alert_of_a_rule_and_subject_is_open,
    of_two_who_change_an_alert_one_is_told,
    what_is_to_be_told_stays_until_it_is_told,
    alerts_are_audited_and_deliveries_are_not,
];

async fn one_alert_of_a_rule_and_subject_is_open(home: Home) {
    let first = home.alerts.keep_alert(&alert(1, "temp"), &[], &actor()).await.unwrap();
    assert_eq!(first, Alert { revision: 1, ..alert(1, "temp") });
    let fault = home.alerts.keep_alert(&alert(2, "temp"), &[], &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    let other = home.alerts.keep_alert(&alert(3, "dest"), &[], &actor()).await.unwrap();
    let resolved = Alert { state: AlertState::Resolved, resolved_at: Some(at(9)), ..first };
    let resolved = home.alerts.keep_alert(&resolved, &[], &actor()).await.unwrap();
    let about = resolved.about();
    assert_eq!(home.alerts.latest(&about).await.unwrap(), Some(resolved.clone()));
    let again = home.alerts.keep_alert(&alert(4, "temp"), &[], &actor()).await.unwrap();
    assert_eq!(home.alerts.latest(&about).await.unwrap(), Some(again.clone()));
    assert_eq!(home.alerts.latest(&About { environment: None, ..about }).await.unwrap(), None);
    let all = home.alerts.alerts("flights", false).await.unwrap();
    assert_eq!(all, [again, other, resolved.clone()]);
    assert_eq!(home.alerts.alerts("flights", true).await.unwrap(), all[..2]);
    assert_eq!(home.alerts.alert(resolved.id).await.unwrap(), Some(resolved));
}

async fn of_two_who_change_an_alert_one_is_told(home: Home) {
    let alert = home.alerts.keep_alert(&alert(1, "temp"), &[], &actor()).await.unwrap();
    let silenced = Alert { silenced_until: Some(at(9)), ..alert.clone() };
    home.alerts.keep_alert(&silenced, &[], &actor()).await.unwrap();
    let late = Alert { seen: 2, ..alert.clone() };
    let fault = home.alerts.keep_alert(&late, &[delivery(&late, "mail")], &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    assert_eq!(home.alerts.alert(alert.id).await.unwrap(), Some(Alert { revision: 2, ..silenced }));
    assert_eq!(home.alerts.deliveries("flights").await.unwrap(), []);
}

async fn what_is_to_be_told_stays_until_it_is_told(home: Home) {
    let alert = alert(1, "temp");
    let (mail, hook) = (delivery(&alert, "mail"), delivery(&alert, "hook"));
    home.alerts.keep_alert(&alert, &[mail.clone(), hook.clone()], &actor()).await.unwrap();
    let tried = Delivery { attempts: 1, due: Some(at(5)), last_error: Some("500".to_owned()), ..mail };
    home.alerts.keep_delivery(&tried).await.unwrap();
    assert_eq!(home.alerts.deliveries("flights").await.unwrap(), [tried.clone(), hook.clone()]);
    let told = Delivery { attempts: 2, due: None, delivered_at: Some(at(6)), ..tried };
    home.alerts.keep_delivery(&told).await.unwrap();
    assert_eq!(home.alerts.deliveries("flights").await.unwrap(), std::slice::from_ref(&hook));
    assert_eq!(home.alerts.told(alert.id).await.unwrap(), [told, hook]);
    assert_eq!(home.alerts.deliveries("other").await.unwrap(), []);
}

async fn alerts_are_audited_and_deliveries_are_not(home: Home) {
    let opened = alert(1, "temp");
    let delivery = delivery(&opened, "mail");
    let opened = home.alerts.keep_alert(&opened, std::slice::from_ref(&delivery), &actor()).await.unwrap();
    home.alerts.keep_delivery(&delivery).await.unwrap();
    let seen =
        Alert { state: AlertState::Acknowledged, acknowledged: Some(("ada".to_owned(), at(1))), ..opened };
    let seen = home.alerts.keep_alert(&seen, &[], &actor()).await.unwrap();
    let resolved = Alert { state: AlertState::Resolved, resolved_at: Some(at(2)), ..seen };
    home.alerts.keep_alert(&resolved, &[], &actor()).await.unwrap();
    let entries = home.audit.entries().await.unwrap();
    let events: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(events, ["alert.opened", "alert.acknowledged", "alert.resolved"]);
    assert_eq!(entries[2].details["before"]["state"], "acknowledged");
}

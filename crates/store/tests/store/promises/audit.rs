use modelyard_core::audit::{AuditEntry, AuditFilter, verify};
use modelyard_core::ports::Home;
use serde_json::json;

use crate::support::{actor, new_version};

promises![
    an_empty_log_has_no_head,
    entries_form_a_chain,
    entries_come_back_as_they_were,
    appending_at_once_keeps_the_chain,
    the_registry_and_others_share_one_chain,
    entries_are_found_by_what_they_are_about,
];

async fn an_empty_log_has_no_head(home: Home) {
    assert_eq!(home.audit.head().await.unwrap(), None);
    assert!(home.audit.entries().await.unwrap().is_empty());
    assert!(home.audit.digests().await.unwrap().is_empty());
}

async fn entries_form_a_chain(home: Home) {
    for number in 1..=5 {
        let entry = home.audit.append(&actor(), "test", "subject", json!({"n": number})).await.unwrap();
        assert_eq!(entry.number, number);
        assert_eq!(home.audit.head().await.unwrap(), Some((number, entry.digest())));
    }
    let mut entries = home.audit.entries().await.unwrap();
    let head = home.audit.head().await.unwrap();
    assert_eq!(verify(&entries, head), Ok(()));
    let digests: Vec<_> = entries.iter().map(AuditEntry::digest).collect();
    assert_eq!(home.audit.digests().await.unwrap(), digests);
    entries.pop();
    assert_eq!(verify(&entries, head), Err(5));
}

async fn entries_come_back_as_they_were(home: Home) {
    let details = json!({"text": "ü\n\"", "numbers": [0.1, 1e300, 5, null], "nested": {"b": 1, "a": true}});
    let entry = home.audit.append(&actor(), "test", "subject", details).await.unwrap();
    assert_eq!(home.audit.entries().await.unwrap(), [entry]);
}

async fn appending_at_once_keeps_the_chain(home: Home) {
    let tasks: Vec<_> = (0..12)
        .map(|_| {
            let home = home.clone();
            tokio::spawn(async move { home.audit.append(&actor(), "test", "x", json!(null)).await.unwrap() })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let entries = home.audit.entries().await.unwrap();
    assert_eq!(entries.len(), 12);
    assert_eq!(verify(&entries, home.audit.head().await.unwrap()), Ok(()));
}

async fn the_registry_and_others_share_one_chain(home: Home) {
    home.audit.append(&actor(), "test", "x", json!(null)).await.unwrap();
    home.models.register(&new_version("late", "a", Some("champion")), &actor()).await.unwrap();
    home.audit.append(&actor(), "test", "x", json!(null)).await.unwrap();
    let entries = home.audit.entries().await.unwrap();
    assert_eq!(entries.len(), 4);
    assert_eq!(verify(&entries, home.audit.head().await.unwrap()), Ok(()));
}

async fn entries_are_found_by_what_they_are_about(home: Home) {
    for (event, subject) in [
        ("applied", "flights"),
        ("applied", "flights/production"),
        ("began", "flights/production"),
        ("registered", "late@1"),
        ("applied", "topics/production"),
        ("registered", "late-flights@1"),
        ("began", "flights/production-eu"),
    ] {
        home.audit.append(&actor(), event, subject, json!(null)).await.unwrap();
    }
    let all = AuditFilter::default;
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    for (filter, wanted) in [
        (all(), &[7, 6, 5, 4, 3, 2, 1][..]),
        (AuditFilter { limit: Some(2), ..all() }, &[7, 6]),
        (AuditFilter { limit: Some(0), ..all() }, &[]),
        (AuditFilter { after: 5, ..all() }, &[7, 6]),
        (AuditFilter { before: Some(3), ..all() }, &[2, 1]),
        (AuditFilter { after: 2, before: Some(6), limit: Some(2), ..all() }, &[5, 4]),
        (AuditFilter { about: Some("production".into()), ..all() }, &[5, 3, 2]),
        (AuditFilter { about: Some("flights".into()), ..all() }, &[7, 3, 2, 1]),
        (AuditFilter { about: Some("late".into()), ..all() }, &[4]),
        (AuditFilter { about: Some("flights/production".into()), ..all() }, &[3, 2]),
        (AuditFilter { about: Some("%".into()), ..all() }, &[]),
        (AuditFilter { subjects: texts(&["flights", "flights/production"]), ..all() }, &[3, 2, 1]),
        (
            AuditFilter {
                subjects: texts(&["flights", "flights/production"]),
                events: texts(&["applied"]),
                ..all()
            },
            &[2, 1],
        ),
    ] {
        let found = home.audit.list(&filter).await.unwrap();
        let found: Vec<u64> = found.iter().map(|entry| entry.number).collect();
        assert_eq!(found, wanted, "{filter:?}");
    }
}

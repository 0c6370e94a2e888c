use modelyard_core::Kind;
use modelyard_core::monitor::{Cause, CauseState};
use modelyard_core::ports::Home;

use crate::support::actor;
use crate::watched::cause;

promises![
    one_cause_is_kept_once,
    a_cause_that_comes_from_many_at_once_is_one,
    a_change_from_an_older_state_is_refused,
    causes_are_audited,
];

async fn one_cause_is_kept_once(home: Home) {
    let (first, is_new) = home.causes.add_cause(&cause(1, "data 1"), &actor()).await.unwrap();
    assert!(is_new);
    assert_eq!(first, Cause { revision: 1, ..cause(1, "data 1") });
    let (again, is_new) = home.causes.add_cause(&cause(2, "data 1"), &actor()).await.unwrap();
    assert_eq!((again, is_new), (first.clone(), false));
    let other = Cause { trigger: "nightly".to_owned(), ..cause(3, "data 1") };
    assert!(home.causes.add_cause(&other, &actor()).await.unwrap().1, "each trigger has its own");
    let told = home.causes.causes("flights").await.unwrap();
    assert_eq!(told.iter().map(|cause| cause.id).collect::<Vec<_>>(), [other.id, first.id]);
    assert_eq!(home.causes.cause(first.id).await.unwrap(), Some(first));
    assert_eq!(home.causes.causes("other").await.unwrap(), []);
}

async fn a_cause_that_comes_from_many_at_once_is_one(home: Home) {
    let adding = (0..8).map(|n| {
        let home = home.clone();
        tokio::spawn(async move { home.causes.add_cause(&cause(n, "data 1"), &actor()).await.unwrap().1 })
    });
    let mut new = 0;
    for adding in adding.collect::<Vec<_>>() {
        new += u32::from(adding.await.unwrap());
    }
    assert_eq!(new, 1);
    assert_eq!(home.audit.entries().await.unwrap().len(), 1);
}

async fn a_change_from_an_older_state_is_refused(home: Home) {
    let (first, _) = home.causes.add_cause(&cause(1, "data 1"), &actor()).await.unwrap();
    let training = Cause { state: CauseState::Training, ..first.clone() };
    let second = home.causes.change_cause(&training, &actor()).await.unwrap();
    assert_eq!(second, Cause { revision: 2, ..training });
    let skipped = Cause { state: CauseState::Skipped, ..first };
    let fault = home.causes.change_cause(&skipped, &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    let fault = home.causes.change_cause(&cause(9, "data 9"), &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::NotFound);
    assert_eq!(home.causes.causes("flights").await.unwrap(), [second]);
}

async fn causes_are_audited(home: Home) {
    let (first, _) = home.causes.add_cause(&cause(1, "data 1"), &actor()).await.unwrap();
    home.causes.change_cause(&Cause { state: CauseState::Done, ..first }, &actor()).await.unwrap();
    let entries = home.audit.entries().await.unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry.event.as_str(), entry.subject.as_str())).collect();
    assert_eq!(told, [("trigger.caused", "flights/drift"), ("trigger.changed", "flights/drift")]);
    assert_eq!(entries[1].details["before"][0], "pending");
    assert_eq!(entries[1].details["after"]["state"], "done");
}

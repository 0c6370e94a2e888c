//! The promises of `Target`.

use std::time::Duration;

use modelyard_core::Digest;
use modelyard_deploy::target::{Act, Condition, ReplicaStatus, Target};

use crate::rig::{Rig, ask, environment, pid, pids, until};

fn running(rig: &Rig, replica: u32, settings: &str) -> ReplicaStatus {
    ReplicaStatus {
        replica,
        settings: Digest::of(settings.as_bytes()),
        listen: rig.address,
        condition: Condition::Running { pid: 1 },
    }
}

#[test]
fn a_plan_does_nothing() {
    let rig = Rig::new();
    let target = rig.target();
    let plan = |replicas, status: &[ReplicaStatus]| target.plan(&rig.wanted(replicas, "b"), status).0;
    assert_eq!(plan(2, &[]), [Act::Start(0), Act::Start(1)]);
    assert_eq!(plan(1, &[running(&rig, 0, "b")]), []);
    assert_eq!(plan(0, &[]), []);
    assert_eq!(
        plan(2, &[running(&rig, 0, "a"), running(&rig, 1, "b"), running(&rig, 2, "b")]),
        [Act::Replace(0), Act::Stop(2)]
    );
    assert_eq!(plan(0, &[running(&rig, 0, "b")]), [Act::Stop(0)]);
    let elsewhere = ReplicaStatus { listen: "127.0.0.1:1".parse().unwrap(), ..running(&rig, 0, "b") };
    assert_eq!(plan(1, &[elsewhere]), [Act::Replace(0)]);
    assert_eq!(rig.processes(), [] as [u32; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn applied_twice_is_applied_once() {
    let rig = Rig::new();
    let target = rig.target();
    let wanted = rig.wanted(2, "a");
    target.apply(&wanted).await.unwrap();
    let first = pids(&target).await;
    assert_eq!(first.len(), 2);
    target.apply(&wanted).await.unwrap();
    assert_eq!(pids(&target).await, first);
    let status = target.status(&environment()).await.unwrap();
    assert_eq!(target.plan(&wanted, &status).0, []);
    assert!(ask(rig.address, "/").unwrap().ends_with("well"));
    assert_eq!(rig.processes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_and_fewer_replicas_leave_the_others_alone() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    let first = pids(&target).await;
    target.apply(&rig.wanted(3, "a")).await.unwrap();
    let three = pids(&target).await;
    assert_eq!((three.len(), three[0]), (3, first[0]));
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    assert_eq!(pids(&target).await, first);
    assert_eq!(rig.processes(), first);
    target.apply(&rig.wanted(0, "a")).await.unwrap();
    assert_eq!(target.status(&environment()).await.unwrap(), []);
    assert!(ask(rig.address, "/").is_err(), "the port is given back");
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn other_settings_replace_the_process() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    until("both answer", async || ask(rig.address, "/").is_ok_and(|said| said.starts_with('1'))).await;
    until("both answer", async || ask(rig.address, "/").is_ok_and(|said| said.starts_with('0'))).await;
    let before = pids(&target).await;
    rig.mode("other");
    target.apply(&rig.wanted(2, "b")).await.unwrap();
    let after = pids(&target).await;
    assert!(after.len() == 2 && after.iter().all(|pid| !before.contains(pid)));
    assert!(ask(rig.address, "/").unwrap().ends_with("other"));
    assert_eq!(rig.processes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_are_what_the_replica_printed_last() {
    let rig = Rig::new();
    let target = rig.target();
    assert_eq!(target.logs(&environment(), 0, 10).await.unwrap(), "");
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
    assert_eq!(
        target.logs(&environment(), 0, 10).await.unwrap(),
        "replica 0 of flights/staging begins, well\n"
    );
    target.apply(&rig.wanted(0, "a")).await.unwrap();
    assert_eq!(target.logs(&environment(), 0, 1).await.unwrap(), "ends\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_is_started_again() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    let before = pids(&target).await;
    for _ in 0..2 {
        let _ = ask(rig.address, "/die");
    }
    for pid in &before {
        crate::rig::signal(*pid, "KILL");
    }
    until("both run again", async || {
        let status = target.status(&environment()).await.unwrap();
        status
            .iter()
            .all(|replica| matches!(replica.condition, Condition::Running { pid } if !before.contains(&pid)))
    })
    .await;
    ask(rig.address, "/").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_ends_at_once_waits_longer_each_time() {
    let rig = Rig::new();
    rig.mode("fails");
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    until("the pause is long", async || {
        matches!(
            &target.status(&environment()).await.unwrap()[0].condition,
            Condition::Waiting { ended, again_in_ms: 500..=30_000 } if ended == "exit code 9: no model fits"
        )
    })
    .await;
    let starts = target.logs(&environment(), 0, 100).await.unwrap().matches("begins").count();
    assert!((3..=8).contains(&starts), "{starts} starts");
    // A new state of mind: it comes up within its pause.
    rig.mode("well");
    until("it runs", async || {
        matches!(target.status(&environment()).await.unwrap()[0].condition, Condition::Running { .. })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_does_not_end_is_killed() {
    let rig = Rig::new();
    rig.mode("stubborn");
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
    let begin = std::time::Instant::now();
    target.remove(&environment()).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(2), "it was asked first");
    assert_eq!(rig.processes(), [] as [u32; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn removed_is_gone_and_removed_twice_is_removed_once() {
    let rig = Rig::new();
    let target = rig.target();
    target.remove(&environment()).await.unwrap();
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    target.remove(&environment()).await.unwrap();
    target.remove(&environment()).await.unwrap();
    assert_eq!(target.status(&environment()).await.unwrap(), []);
    assert_eq!(rig.processes(), [] as [u32; 0]);
    assert!(ask(rig.address, "/").is_err());
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    let status = target.status(&environment()).await.unwrap();
    assert_eq!(rig.processes(), [pid(&status[0])]);
}

//! What holds although this program ends at any moment, and of the socket.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Duration;

use modelyard_core::Kind;
use modelyard_deploy::target::process::ProcessTarget;
use modelyard_deploy::target::{Condition, Target};

use crate::rig::{Clients, Rig, ask, environment, free, pids, settings, signal, until};

#[tokio::test(flavor = "multi_thread")]
async fn replicas_and_programs_come_and_go_and_no_client_is_refused() {
    let rig = Rig::new();
    let mut target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
    let clients = Clients::of(rig.address);
    for round in 0..11 {
        let replicas = 1 + round % 2;
        target.apply(&rig.wanted(replicas, &format!("settings {}", round / 2))).await.unwrap();
        // As a program that is killed, and the next.
        drop(target);
        target = rig.target();
        let found = pids(&target).await;
        target.apply(&rig.wanted(replicas, &format!("settings {}", round / 2))).await.unwrap();
        assert_eq!(pids(&target).await, found);
        // Ended by somebody: nobody answers until it is started again.
        signal(found[0], "TERM");
        until("it runs again", async || {
            let status = target.status(&environment()).await.unwrap();
            matches!(status[0].condition, Condition::Running { pid } if pid != found[0])
        })
        .await;
    }
    let (answered, failures) = clients.end();
    assert_eq!(failures, [] as [String; 0]);
    assert!(answered > 500, "{answered} answers");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_not_ready_does_not_take_over() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
    let before = pids(&target).await;
    for (mode, found) in [
        ("fails", "exit code 9"),
        ("never-ready", "it was not ready within 3 s"),
        ("stuck", "it can't load what it is to serve"),
    ] {
        rig.mode(mode);
        let fault = target.apply(&rig.wanted(1, mode)).await.unwrap_err();
        assert_eq!(
            (fault.kind(), fault.message()),
            (
                Kind::Release,
                format!("replica 0 of flights/staging did not take over with its new settings: {found}")
                    .as_str()
            )
        );
        assert_eq!(rig.processes(), before);
        assert!(ask(rig.address, "/").unwrap().ends_with("well"));
        // Not at once again.
        target.apply(&rig.wanted(1, mode)).await.unwrap_err();
    }
    rig.mode("better");
    target.apply(&rig.wanted(1, "better")).await.unwrap();
    assert!(ask(rig.address, "/").unwrap().ends_with("better"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_address_is_taken_over_like_other_settings() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    let mut moved = rig.wanted(1, "a");
    moved.listen = free();
    target.apply(&moved).await.unwrap();
    ask(moved.listen, "/").unwrap();
    assert!(ask(rig.address, "/").is_err());
    assert_eq!(rig.processes().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_takes_longer_than_an_end_may_is_given_before_it() {
    let rig = Rig::new();
    let target = rig.target();
    let mut wanted = rig.wanted(1, "a");
    wanted.longest_answer = Duration::from_secs(10);
    target.apply(&wanted).await.unwrap();
    let address = rig.address;
    let asking = std::thread::spawn(move || ask(address, "/slow"));
    until("it was taken", async || {
        target.logs(&environment(), 0, 10).await.unwrap().contains("takes its time")
    })
    .await;
    target.apply(&rig.wanted(1, "b")).await.unwrap();
    assert!(asking.join().unwrap().unwrap().ends_with("well"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_told_and_nothing_is_started() {
    let rig = Rig::new();
    let target = rig.target();
    let taken = TcpListener::bind(rig.address).unwrap();
    let fault = target.apply(&rig.wanted(2, "a")).await.unwrap_err();
    assert_eq!(
        (fault.kind(), fault.message().to_owned(), fault.hint_text()),
        (
            Kind::Conflict,
            format!("cannot listen on {}", rig.address),
            Some("another program listens there; choose another `listen`")
        )
    );
    assert_eq!(rig.processes(), [] as [u32; 0]);
    drop(taken);
    target.apply(&rig.wanted(2, "a")).await.unwrap();
}

/// Ends the replicas there are, and waits until others run.
async fn end_and_await(target: &ProcessTarget) {
    let before = pids(target).await;
    for pid in &before {
        signal(*pid, "KILL");
    }
    until("they run again", async || {
        let status = target.status(&environment()).await.unwrap();
        status
            .iter()
            .all(|replica| matches!(replica.condition, Condition::Running { pid } if !before.contains(&pid)))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn those_before_are_started_again_while_the_new_address_cannot_be_had() {
    let rig = Rig::new();
    let mut target = rig.target();
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    let mut moved = rig.wanted(2, "a");
    moved.listen = free();
    let taken = TcpListener::bind(moved.listen).unwrap();
    for _ in 0..2 {
        ask(rig.address, "/").unwrap();
        assert_eq!(target.apply(&moved).await.unwrap_err().kind(), Kind::Conflict);
        end_and_await(&target).await;
        ask(rig.address, "/").unwrap();
        // As a program that is killed, and the next.
        drop(target);
        target = rig.target();
    }
    drop(taken);
    target.apply(&moved).await.unwrap();
    ask(moved.listen, "/").unwrap();
    assert!(ask(rig.address, "/").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn others_are_started_again_while_one_is_replaced() {
    let rig = Rig::new();
    let mut settings = settings(rig.folder.path());
    settings.ready_within = Duration::from_secs(60);
    let target = std::sync::Arc::new(ProcessTarget::new(settings));
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    let before = pids(&*target).await;
    rig.mode("never-ready");
    let (replacing, wanted) = (target.clone(), rig.wanted(2, "b"));
    let replacing = tokio::spawn(async move { replacing.apply(&wanted).await });
    until("the new one is there", async || rig.processes().len() == 3).await;
    signal(before[1], "KILL");
    until("the other one runs again", async || {
        let status = target.status(&environment()).await.unwrap();
        matches!(status[1].condition, Condition::Running { pid } if pid != before[1])
    })
    .await;
    assert!(!replacing.is_finished());
    replacing.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_is_not_there_is_told() {
    let rig = Rig::new();
    let mut settings = settings(rig.folder.path());
    settings.program = "/nowhere/modelyard".into();
    let target = ProcessTarget::new(settings);
    let fault = target.apply(&rig.wanted(1, "a")).await.unwrap_err();
    assert_eq!(fault.message(), "cannot start `/nowhere/modelyard`");
    target.remove(&environment()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_keeps_the_socket_to_itself_makes_way() {
    let rig = Rig::new();
    rig.mode("mute");
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
    drop(target);
    rig.mode("well");
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    assert!(ask(rig.address, "/").unwrap().ends_with("well"));
    assert_eq!(rig.processes().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_them_gone_with_the_program_is_begun_anew() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    drop(target);
    rig.kill_all();
    let target = rig.target();
    target.apply(&rig.wanted(2, "a")).await.unwrap();
    until("both run", async || {
        let status = target.status(&environment()).await.unwrap();
        status.iter().all(|replica| matches!(replica.condition, Condition::Running { .. }))
    })
    .await;
    ask(rig.address, "/").unwrap();
    assert_eq!(rig.processes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_start_of_the_machine_control_sockets_have_their_folder_again() {
    let rig = Rig::new();
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    ask(rig.address, "/").unwrap();
    drop(target);
    rig.kill_all();
    // What `/run` and `/tmp` hold is gone.
    std::fs::remove_dir_all(rig.folder.path().join("modelyard")).unwrap();
    let target = rig.target();
    target.apply(&rig.wanted(1, "a")).await.unwrap();
    until("it runs", async || {
        let status = target.status(&environment()).await.unwrap();
        matches!(status[0].condition, Condition::Running { .. })
    })
    .await;
    ask(rig.address, "/").unwrap();
}

/// Killed after 0, 3, 6, … milliseconds, so at any point of an apply and between fork and program.
#[tokio::test(flavor = "multi_thread")]
async fn an_apply_that_is_killed_midway_is_taken_up_or_removed() {
    let rig = Rig::new();
    for round in 0..40_u64 {
        let settings = if round % 3 == 0 { "a" } else { "b" };
        let mut applier = applier(&rig, 1 + (round % 3) as u32, settings);
        tokio::time::sleep(Duration::from_millis(15 + round * 3)).await;
        applier.kill().unwrap();
        applier.wait().unwrap();
        let target = rig.target();
        if round % 4 == 3 {
            target.remove(&environment()).await.unwrap();
            assert_eq!(rig.processes(), [] as [u32; 0], "round {round}");
        } else {
            target.apply(&rig.wanted(2, "b")).await.unwrap();
            // One that ended with nobody looking has its pause first.
            until("both run", async || {
                let status = target.status(&environment()).await.unwrap();
                status.len() == 2
                    && status.iter().all(|replica| matches!(replica.condition, Condition::Running { .. }))
            })
            .await;
            assert_eq!(rig.processes().len(), 2, "round {round}");
            ask(rig.address, "/").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_runner_that_ends_what_its_job_started_does_not_know_the_replicas() {
    let rig = Rig::new();
    let mut job = applier(&rig, 1, "a");
    until("it answers", async || ask(rig.address, "/").is_ok()).await;
    job.kill().unwrap();
    job.wait().unwrap();
    let said = rig.target().logs(&environment(), 0, 10).await.unwrap();
    assert_eq!(said, "replica 0 of flights/staging begins, well\n");
}

/// A process that applies: this test's own program with `applies`.
fn applier(rig: &Rig, replicas: u32, settings: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::applies", "--ignored", "--nocapture"])
        .env("RUNNER_TRACKING_ID", "github_1")
        .env("MODELYARD_TEST_APPLY", rig.folder.path())
        .env("MODELYARD_TEST_APPLY_WANTED", format!("{replicas} {settings} {}", rig.address))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
#[ignore = "it is what other tests start and kill"]
async fn applies() {
    let (Some(folder), Ok(wanted)) =
        (std::env::var_os("MODELYARD_TEST_APPLY"), std::env::var("MODELYARD_TEST_APPLY_WANTED"))
    else {
        return;
    };
    let words: Vec<&str> = wanted.split(' ').collect();
    let wanted = modelyard_deploy::target::Wanted {
        environment: environment(),
        listen: words[2].parse().unwrap(),
        replicas: words[0].parse().unwrap(),
        settings: modelyard_core::Digest::of(words[1].as_bytes()),
        longest_answer: Duration::ZERO,
        longest_start: Duration::ZERO,
    };
    let target = ProcessTarget::new(settings(folder.as_ref()));
    let _ = target.apply(&wanted).await;
    std::future::pending::<()>().await;
}

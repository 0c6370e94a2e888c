//! How a data plane begins and ends, and what is known of it afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use modelyard_core::deploy::environment::Limits;
use modelyard_process::control::Says;
use serde_json::json;

use crate::common::Example;
use crate::common::server::signal;
use crate::common::truth::Truth;
use crate::stage::Stage;

#[test]
fn an_environment_without_a_version_says_so_until_one_is_deployed() {
    let mut stage = Stage::new(Example::Wine, Limits::default(), &[]);
    let server = stage.start(&[]);
    let mut client = server.client();
    for path in ["/health", "/v2/health/ready"] {
        assert_eq!(client.get(path).status, 503, "{path}");
    }
    assert_eq!(client.get("/v2/health/live").status, 200);
    let truth = Truth::of(&stage.project);
    let answer = client.post("/predict/wine-cultivar", &json!(truth.rows[0]));
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")));
    stage.serve(1, &[]);
    stage.is_followed();
    assert_eq!(client.get("/health").status, 200);
    let answer = client.post("/predict/wine-cultivar", &json!(truth.rows[0])).ok();
    truth.python[0].check(&answer);
    assert_eq!(answer["version"], json!(1));
    let metrics = client.get("/metrics").text();
    let line = "modelyard_requests_total{model=\"wine-cultivar\",version=\"1\",code=\"ok\"} 1";
    assert!(metrics.lines().any(|found| found == line), "{metrics}");
    stage.project.fails(
        &["serve", "--environment", "wine/nowhere", "--listen", "127.0.0.1:0"],
        13,
        "project `wine` has no environment `nowhere`",
    );
}

#[test]
fn what_a_killed_data_plane_reported_stays_and_the_next_one_counts_on() {
    let mut stage = Stage::new(Example::Topics, Limits::default(), &[]);
    stage.serve(1, &[]);
    let truth = Truth::of(&stage.project);
    let mut server = stage.start(&[]);
    stage.is_followed();
    let ask = |server: &crate::common::server::Server, times: usize| {
        let mut client = server.client();
        for row in truth.rows.iter().cycle().take(times) {
            client.post("/predict/topics", &json!(row)).ok();
        }
    };
    ask(&server, 30);
    let package = stage.packages[0];
    let first = stage.report("30 answers", |report| {
        report.counts.get(&package).is_some_and(|counts| counts.answered == 30)
    });
    assert!(first.startup_secs[&package] > 0.0);
    let workers = server.workers();
    assert!(!workers.is_empty());
    signal("KILL", server.id());
    server.wait();
    // No worker outlives it.
    for worker in workers {
        let began = std::time::Instant::now();
        while std::path::Path::new(&format!("/proc/{worker}")).exists() {
            assert!(began.elapsed() < std::time::Duration::from_secs(10), "worker {worker} lives on");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    let mut server = stage.start(&[]);
    stage.is_followed();
    ask(&server, 12);
    server.end();
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
    let reports = stage.reports();
    assert_eq!(reports.len(), 2);
    assert_ne!(reports[0].boot, reports[1].boot);
    assert_eq!((reports[0].ending, reports[0].counts[&package].answered), (false, 30));
    assert_eq!((reports[1].ending, reports[1].counts[&package].answered), (true, 12));
    assert!(reports[1].ready.is_empty());
}

/// Says what the replica at `control` says of itself, once it does.
fn says(control: &Path) -> Says {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let began = Instant::now();
        loop {
            match modelyard_process::control::ask(control).await.map(|answer| answer.says) {
                Ok(says) if says != Says::NotYet => return says,
                answer => assert!(began.elapsed() < Duration::from_secs(60), "{answer:?}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
}

#[test]
fn one_that_cannot_load_what_serves_leaves_requests_to_those_that_can() {
    let mut stage = Stage::new(Example::Wine, Limits::default(), &[]);
    stage.serve(1, &[]);
    let folder = tempfile::Builder::new().prefix("my-").tempdir_in("/tmp").unwrap();
    let (well, stuck) = (folder.path().join("well"), folder.path().join("stuck"));
    let mut answering = stage.start(&["--control", well.to_str().unwrap()]);
    stage.is_followed();
    assert_eq!(says(&well), Says::Ready);
    let more = ["--replica", "1", "--control", stuck.to_str().unwrap(), "--start-limit", "1ms"];
    let beside = stage.start(&more);
    let package = stage.packages[0];
    stage.report("the failure", |report| report.failed.contains_key(&package));
    assert_eq!(says(&stuck), Says::Stuck);
    assert!(beside.log().contains("error: the version was not ready after"), "{}", beside.log());
    // Taken by nobody: it waits in the kernel's queue, which the one that answers would share.
    let mut client = beside.client();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| client.get("/health"));
        for _ in 0..20 {
            assert_eq!(answering.client().get("/health").status, 200);
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(!asking.is_finished(), "it answered");
        // Once nobody answers, clients are told.
        answering.end();
        answering.wait();
        assert_eq!(asking.join().unwrap().status, 503);
    });
}

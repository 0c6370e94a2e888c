//! Versions that can't be served, and versions that misbehave: none takes the others with it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use modelyard_core::Digest;
use modelyard_core::deploy::environment::Limits;
use modelyard_core::deploy::{Phase, Role};
use serde_json::json;

use crate::common::truth::Truth;
use crate::common::{Example, python};
use crate::stage::Stage;

/// A version as it may go wrong is reported with its reason and gets no request; the incumbent answers.
fn refused(stage: &mut Stage, more: &[&str], package: Digest, reason: &str) {
    let truth = Truth::of(&stage.project);
    stage.serve(1, &[]);
    let mut server = stage.start(more);
    stage.is_followed();
    let number = stage.packages.iter().position(|known| *known == package).unwrap() as u32 + 1;
    for phase in [Phase::Load, Phase::Serve] {
        let placed = vec![
            stage.placed(1, Role::Stable, Phase::Serve, 0.0),
            stage.placed(number, Role::Candidate, phase, 1.0),
        ];
        let state = stage.next(placed);
        stage.want(state);
        let report = stage.report(reason, |report| report.failed.contains_key(&package));
        assert!(report.failed[&package].contains(reason), "{}", report.failed[&package]);
        assert!(!report.ready.contains(&package));
        let generation = stage.environment.state.generation;
        stage.report("the generation", |report| report.generation == generation);
        let path = format!("/predict/{}", stage.project.example.model());
        let mut client = server.client();
        for row in truth.rows.iter().take(20) {
            assert_eq!(client.post(&path, &json!(row)).ok()["version"], json!(1));
        }
    }
    // Whatever was left behind holds nothing up.
    server.end();
    assert!(server.wait().success(), "{}", server.log());
}

#[test]
fn a_version_with_a_changed_byte_is_not_taken_in() {
    let mut stage = Stage::new(Example::Wine, Limits::default(), &[]);
    let package = stage.further(|_| {});
    let folder = stage.project.beside("package-2");
    let own = fs::read(folder.join("golden.json")).unwrap();
    let stored = all_files(&stage.project.home().join("blobs"));
    let mut same = stored.into_iter().filter(|file| fs::read(file).is_ok_and(|bytes| bytes == own));
    let blob = same.next().expect("golden.json, as it is, among the home's blobs");
    let mut permissions = fs::metadata(&blob).unwrap().permissions();
    permissions.set_mode(0o644);
    fs::set_permissions(&blob, permissions).unwrap();
    let mut bytes = own;
    let place = bytes.len() / 2;
    bytes[place] ^= 1;
    fs::write(&blob, bytes).unwrap();
    // Nothing else is there to answer.
    stage.serve(2, &[]);
    let server = stage.start(&[]);
    let report = stage.report("the damage", |report| report.failed.contains_key(&package));
    assert!(report.ready.is_empty());
    assert!(report.failed[&package].contains("damaged"), "{}", report.failed[&package]);
    let answer = server.client().get("/health");
    assert_eq!((answer.status, &answer.json()["code"]), (503, &json!("not_ready")));
}

fn all_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found
}

#[test]
fn a_version_that_answers_its_golden_rows_otherwise_is_not_taken_in() {
    let mut stage = Stage::new(Example::Topics, Limits::default(), &[]);
    let package = stage.further(|folder| {
        let path = folder.join("model/predict.py");
        let script = fs::read_to_string(&path).unwrap();
        fs::write(
            &path,
            format!(
                "{script}\n\nas_it_was = predict\n\n\ndef predict(state, table):\n    \
            return [dict(zip(answer, list(answer.values())[::-1])) for answer in as_it_was(state, table)]\n"
            ),
        )
        .unwrap();
    });
    refused(&mut stage, &[], package, "answers golden row 0 otherwise than when it was packaged");
}

#[test]
fn a_version_that_hangs_at_its_start_is_given_up() {
    let limits = Limits { start_secs: 20.0, ..Limits::default() };
    let mut stage = Stage::new(Example::Topics, limits, &[]);
    let package = stage.further(|folder| {
        let path = folder.join("model/predict.py");
        let script = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("import time\n{script}\n\n\ndef load(folder):\n    time.sleep(1e6)\n"))
            .unwrap();
    });
    refused(&mut stage, &[], package, "20 s");
}

/// Dies, hangs or leaks on rows that say so, after the golden rows.
const HABITS: &str = "
import os, time
as_it_was = predict


def predict(state, table):
    for text in table:
        if text == \"die\":
            os._exit(3)
        if text == \"hang\":
            time.sleep(1e6)
        if text == \"leak\":
            globals()[\"leak\"] = b\"x\" * 1_000_000_000
            time.sleep(5)
    return as_it_was(state, table)
";

#[test]
fn a_candidate_that_dies_hangs_or_leaks_is_replaced_and_the_incumbent_answers_on() {
    let limits =
        Limits { memory_bytes: Some(700_000_000), requests: 1_000, timeout_secs: 3.0, ..Limits::default() };
    let mut stage = Stage::new(Example::Topics, limits, &[]);
    let truth = Truth::of(&stage.project);
    let package = stage.further(|folder| {
        let path = folder.join("model/predict.py");
        let script = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{script}\n{HABITS}")).unwrap();
    });
    let placed = vec![
        stage.placed(1, Role::Stable, Phase::Serve, 0.5),
        stage.placed(2, Role::Candidate, Phase::Serve, 0.5),
    ];
    let state = stage.next(placed);
    let release = state.release.unwrap();
    stage.want(state);
    let server = stage.start(&[]);
    stage.is_followed();
    // A key of each version's.
    let keys: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    let is_candidates = |key: &&String| modelyard_core::deploy::state::position(release, key) < 0.5;
    let (to_candidate, to_stable) =
        (keys.iter().find(is_candidates).unwrap(), keys.iter().find(|key| !is_candidates(key)).unwrap());
    let ask = |client: &mut crate::common::http::Client, key: &str, body: serde_json::Value| {
        let headers = format!("x-modelyard-key: {key}\r\n");
        client.ask("POST", "/predict/topics", &headers, body.to_string().as_bytes()).unwrap()
    };
    for word in ["die", "leak", "hang"] {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut row = truth.rows[0].clone();
                row.insert("text".to_owned(), word.into());
                let answer = ask(&mut server.client(), to_candidate, json!(row));
                assert!([500, 503, 504].contains(&answer.status), "{word}: {}", answer.text());
            });
            // The incumbent answers meanwhile.
            let began = Instant::now();
            let mut client = server.client();
            while began.elapsed() < Duration::from_secs(4) {
                for (row, wanted) in truth.rows.iter().zip(&truth.python).take(10) {
                    let answer = ask(&mut client, to_stable, json!(row)).ok();
                    assert_eq!(answer["version"], json!(1));
                    wanted.check(&answer);
                }
            }
        });
        // And the candidate again, as soon as its worker is back.
        let began = Instant::now();
        loop {
            let answer = ask(&mut server.client(), to_candidate, json!(truth.rows[0]));
            if answer.status == 200 {
                assert_eq!(answer.json()["version"], json!(2));
                break;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "{word}: {}", answer.text());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let report = stage.report("the restarts", |report| report.counts[&package].restarts >= 3);
    assert!(report.counts[&package].failed >= 3);
    assert_eq!(report.counts[&stage.packages[0]].failed, 0);
    assert_eq!(report.counts[&stage.packages[0]].restarts, 0);
}

/// Makes the graph's session fold a constant for hours while it is made.
const HANG: &str = "
import sys, onnx
from onnx import TensorProto, helper
model = onnx.load(sys.argv[1])
model.graph.initializer.append(helper.make_tensor('shape', TensorProto.INT64, [4], [1, 1, 3000, 3000]))
model.graph.node.extend([
    helper.make_node('ConstantOfShape', ['shape'], ['zeros']),
    helper.make_node('AveragePool', ['zeros'], ['average'], kernel_shape=[1500, 1500]),
])
model.graph.output.append(helper.make_tensor_value_info('average', TensorProto.FLOAT, None))
onnx.save(model, sys.argv[1])
";

#[test]
fn a_graph_that_hangs_while_it_is_loaded_is_given_up() {
    let mut stage = Stage::new(Example::Wine, Limits::default(), &[]);
    let package = stage.further(|folder| {
        let mut files = all_files(folder).into_iter();
        let graph = files.find(|file| file.extension().is_some_and(|extension| extension == "onnx")).unwrap();
        python(&["-c", HANG, graph.to_str().unwrap()]);
    });
    refused(&mut stage, &["--start-limit", "20s"], package, "the version was not ready after 20 s");
}

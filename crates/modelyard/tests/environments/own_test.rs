//! `tests.command`: the project's own test of what is deployed.

use std::net::{TcpListener, TcpStream};

use serde_json::Value;

use super::stage::Stage;

/// Asks the deployed version; what else it does is said by its last word.
const CHECK: &str = r#"import json, socket, sys, time, urllib.request

url, model, version, what = sys.argv[1:]
asked = urllib.request.Request(f"{url}/predict/{model}", b'{"x": 3}', {"content-type": "application/json"})
answer = json.load(urllib.request.urlopen(asked, timeout=60))
print("asked", url, answer["prediction"])
assert answer["version"] == int(version), answer
if what == "fails":
    print("six is not what I wanted")
    sys.exit(3)
if what == "hangs":
    time.sleep(3600)
if what.isdigit():
    socket.create_connection(("127.0.0.1", int(what)), timeout=60)
"#;

/// Deploys with the test told `what`; how that ended, and the check's result in the report.
fn deployed(stage: &Stage, what: &str) -> (i32, Value) {
    stage.declare(&[(
        "staging",
        &format!(
            "tests = {{ command = \"python3 check.py {{url}} {{model}} {{version}} {what}\", code = [\"check.py\"], \
             timeout = \"5s\", load = {{ rate = 5, seconds = 1, errors = 1 }} }}"
        ),
    )]);
    let ended = stage.project.modelyard(&["deploy", "staging", "small@1", "--wait"]);
    let report = stage.project.document(&["report", "--environment", "staging"]);
    let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{report:#}\n{}", ended.text()));
    let found = checks.iter().find(|check| check["name"] == "command");
    (ended.code, found.unwrap_or_else(|| panic!("{report:#}")).clone())
}

#[test]
fn it_passes_fails_and_is_ended_and_reaches_its_version_alone() {
    let stage = Stage::new(&[("staging", "")]);
    stage.project.write("check.py", CHECK);
    let url = format!("http://{}", stage.addresses["staging"]);

    let (code, check) = deployed(&stage, "passes");
    assert_eq!((code, check["outcome"].as_str()), (0, Some("passed")), "{check:#}");
    assert_eq!(check["output"], format!("asked {url} 6.0"), "{check:#}");

    let (code, check) = deployed(&stage, "fails");
    assert_eq!((code, check["outcome"].as_str()), (16, Some("failed")), "{check:#}");
    assert!(check["sentence"].as_str().unwrap().ends_with("fails` ended with exit code 3"), "{check:#}");
    assert!(check["output"].as_str().unwrap().ends_with("six is not what I wanted"), "{check:#}");

    let (code, check) = deployed(&stage, "hangs");
    assert_eq!((code, check["outcome"].as_str()), (16, Some("failed")), "{check:#}");
    assert!(
        check["sentence"].as_str().unwrap().ends_with("hangs` took longer than 5 s and was ended"),
        "{check:#}"
    );

    // Any other port is out of its reach, though whoever stands outside of its sandbox gets there.
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    TcpStream::connect(other.local_addr().unwrap()).unwrap();
    let port = other.local_addr().unwrap().port();
    let (code, check) = deployed(&stage, &port.to_string());
    assert_eq!((code, check["outcome"].as_str()), (16, Some("failed")), "{check:#}");
    assert!(check["output"].as_str().unwrap().contains("PermissionError"), "{check:#}");
}

//! From `apply` to production, held, promoted, taken back and withdrawn, by routes alone, while events tell of
//! all of it.

use serde_json::{Value, json};

use crate::rig::Rig;

const STAGING: &str = "projects/wine/environments/staging";
const PRODUCTION: &str = "projects/wine/environments/production";

#[test]
fn a_release_is_driven_to_production_by_routes_alone() {
    let rig = Rig::new("tests = {}", "requires = \"staging\"\nstrategy = \"canary\"");
    let post = |path: String, body: Value| rig.does("POST", &path, &body);
    let mut events = rig.events();

    // What `apply` would change, and doing it.
    rig.project.edit("modelyard.toml", "strategy = \"canary\"", "strategy = \"canary\"\nweights = [10, 100]");
    for applied in [false, true] {
        let plan = match applied {
            false => rig.get("projects/wine/plan"),
            true => post("projects/wine/apply".to_owned(), Value::Null),
        };
        let change = &plan["changes"][0];
        assert_eq!((&plan["applied"], &change["name"]), (&json!(applied), &json!("production")), "{plan}");
        assert_eq!(
            (&change["key"], &change["after"]),
            (&json!("strategy.weights"), &json!([0.1, 1.0])),
            "{plan}"
        );
    }
    assert_eq!(rig.get("projects/wine/plan")["changes"], json!([]));
    let weights = rig.get(PRODUCTION)["settings"]["strategy"]["weights"].clone();
    assert_eq!(weights, json!([0.1, 1.0]));

    // Tested, then in production.
    let (status, refused) = rig.ask("POST", &format!("{PRODUCTION}/releases"), &json!({}));
    assert!((400..500).contains(&status), "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("it was not tested in `staging`"), "{refused}");
    let deployed = post(format!("{STAGING}/deploy"), json!({"model": "wine-cultivar@1"}))["release"].clone();
    let heard = events.until_release_is(&deployed["id"], "done");
    let kinds = |kind: &str| heard.iter().filter(|(of, _)| of == kind).count();
    assert!(kinds("audit") >= 3 && kinds("release") >= 3 && kinds("tests") >= 1, "{heard:?}");
    let tested = rig.get(&format!("{STAGING}/report"));
    assert_eq!((&tested["number"], &tested["release"]), (&json!(1), &deployed["id"]));
    assert_eq!(rig.get(&format!("{STAGING}/report?model=wine-cultivar@1")), tested);
    assert_eq!(rig.ask("GET", &format!("{STAGING}/report?model=wine-cultivar@9"), &Value::Null).0, 404);
    let report = rig.get("models/wine-cultivar/versions/1/report");
    assert_eq!(report, rig.project.document(&["report", "wine-cultivar@1"]));
    assert_eq!(rig.get(&format!("runs/{}/report", report["model"]["run"].as_str().unwrap())), report);
    assert_eq!(rig.get(&format!("{PRODUCTION}/release")), Value::Null);
    let first = post(format!("{PRODUCTION}/releases"), json!({"cause": "the first"}))["release"].clone();
    let heard = events.until_release_is(&first["id"], "done");
    let last = &heard.last().unwrap().1;
    assert_eq!((&last["cause"], &last["strategy"]["kind"]), (&json!("the first"), &json!("canary")));
    assert_eq!(followed(&rig), 1);
    let again = post(format!("{PRODUCTION}/releases"), json!({"model": "wine-cultivar@1"}));
    assert_eq!((&again["release"], &again["already"]["number"]), (&json!(null), &json!(1)), "{again}");

    // A second version: paused, resumed, promoted.
    rig.further();
    let deployed = post(format!("{STAGING}/deploy"), json!({"model": "wine-cultivar@2"}))["release"].clone();
    events.until_release_is(&deployed["id"], "done");
    let second = post(format!("{PRODUCTION}/releases"), json!({}))["release"].clone();
    events.until_release_is(&second["id"], "rolling");
    // On what it is judged, as the command tells it.
    let look = rig.get(&format!("{PRODUCTION}/release"));
    assert_eq!((&look["release"]["id"], &look["incumbent"]), (&second["id"], &json!(1)), "{look}");
    assert_eq!((&look["share"], &look["missing"]), (&json!(0.1), &Value::Null), "{look}");
    assert_eq!(look["comparison"]["errors"]["verdict"], "undecided", "{look}");
    let told = rig.project.document(&["release", "status", "production"]);
    assert_eq!(told["comparison"]["latency"]["margin"], look["comparison"]["latency"]["margin"], "{told}");
    let (status, refused) = rig.ask("POST", &format!("{PRODUCTION}/rollback/drill"), &Value::Null);
    assert_eq!(status, 409, "{refused}");
    for (verb, status) in [("pause", "paused"), ("resume", "rolling"), ("promote", "done")] {
        post(format!("{PRODUCTION}/release/{verb}"), Value::Null);
        events.until_release_is(&second["id"], status);
    }
    let shown = rig.get(&format!("releases/{}", second["id"].as_str().unwrap()));
    assert_eq!((&shown["status"], &shown["number"]), (&json!("done"), &json!(2)));
    assert_eq!(rig.get("models/wine-cultivar")["aliases"]["champion"], 2);

    assert_eq!(followed(&rig), 2);
    let drill = post(format!("{PRODUCTION}/rollback/drill"), Value::Null);
    assert_eq!(
        (&drill["back_to"], &drill["forth_to"]),
        (&json!("wine-cultivar@1"), &json!("wine-cultivar@2"))
    );
    assert!(drill["back_ms"].is_u64() && drill["forth_ms"].is_u64(), "{drill}");
    assert_eq!(followed(&rig), 2);

    // Back; then nothing may begin; then one that is withdrawn.
    let back = post(format!("{PRODUCTION}/rollback"), json!({"cause": "too dear"}));
    assert_eq!((&back["status"], &back["number"]), (&json!("done"), &json!(1)));
    let newest = rig.get(&format!("{PRODUCTION}/history?limit=1&serving=true"));
    let state = &newest["states"][0];
    assert_eq!((newest["states"].as_array().unwrap().len(), &state["versions"][0]["number"]), (1, &json!(1)));
    assert!(state["cause"].as_str().unwrap().ends_with("back to wine-cultivar@1: too dear"), "{state}");
    assert_eq!(followed(&rig), 1);
    let frozen = rig.does("PUT", &format!("{PRODUCTION}/freeze"), &json!({"comment": "stocktaking"}));
    assert_eq!(frozen["frozen"]["comment"], "stocktaking");
    let (status, refused) = rig.ask("POST", &format!("{PRODUCTION}/releases"), &json!({}));
    assert_eq!(status, 409, "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("froze it"), "{refused}");
    assert_eq!(post(format!("{PRODUCTION}/unfreeze"), Value::Null)["frozen"], json!(null));
    let third = post(format!("{PRODUCTION}/releases"), json!({}))["release"].clone();
    events.until_release_is(&third["id"], "rolling");
    post(format!("{PRODUCTION}/release/abort"), Value::Null);
    events.until_release_is(&third["id"], "aborted");
    assert_eq!(followed(&rig), 1);
    assert_eq!(rig.get("audit/verdict")["intact"], json!(true));
    let about = rig.get("audit?subject=production&limit=3");
    assert_eq!(about.as_array().unwrap().len(), 3);
    assert!(about.as_array().unwrap().iter().all(|entry| entry["subject"] == "wine/production"), "{about}");
}

/// Which version answers in production once its replica follows what is wanted.
fn followed(rig: &Rig) -> Value {
    rig.until(PRODUCTION, |shown| {
        let generation = &shown["generation"];
        let replicas = shown["instances"].as_array().unwrap();
        replicas.iter().all(|replica| replica["generation"] == *generation)
    });
    rig.version()
}

//! Requests that stop coming: an alert opens, people are told and see to it, and the next request ends it.

use serde_json::{Value, json};

use crate::rig::Rig;

#[test]
fn requests_that_stop_coming_open_an_alert_that_the_next_one_ends() {
    let monitor = "[monitor]\nsilence = \"2s\"\n\n[monitor.sinks.book]\nfile = \"alerts.jsonl\"\n\n\
                   [monitor.sinks.pager]\ncommand = [\"false\"]";
    let rig = Rig::new("", &format!("\n{monitor}"));
    let mut events = rig.events();
    let deploy = "projects/wine/environments/production/deploy";
    rig.does("POST", deploy, &json!({"model": "wine-cultivar@1"}));
    let opened = events.until("alert", |alert| alert["state"] == "opened");
    assert_eq!((&opened["rule"], &opened["severity"]), (&json!("silence"), &json!("critical")), "{opened}");
    assert_eq!(opened["message"], "no request for 2 s: none ever came");
    let id = opened["id"].as_str().unwrap();
    assert_eq!(rig.project.document(&["alerts", "list"])[0]["id"], id);

    rig.project.succeeds(&["alerts", "acknowledge", id]);
    let seen = events.until("alert", |alert| alert["state"] == "acknowledged");
    assert_eq!(seen["id"], id);
    rig.does("POST", &format!("alerts/{id}/silence"), &json!({"until": "2100-01-01T00:00:00Z"}));
    rig.does("POST", &format!("alerts/{id}/silence"), &json!({}));
    let told = |what: &str, sink: &str, is_so: &dyn Fn(&Value) -> bool| {
        let of = |shown: &Value| {
            let deliveries = shown["deliveries"].as_array().unwrap().clone();
            deliveries.into_iter().find(|delivery| delivery["sink"] == sink && delivery["what"] == what)
        };
        rig.until(&format!("alerts/{id}"), |shown| of(shown).is_some_and(|delivery| is_so(&delivery)))
    };
    told("opened", "book", &|delivery| delivery["delivered_at"].is_string());
    told("opened", "pager", &|delivery| delivery["last_error"] == "`false` ended with 1");

    rig.version();
    let ended = events.until("alert", |alert| alert["state"] == "resolved");
    assert_eq!((&ended["id"], &ended["acknowledged"]), (&json!(id), &seen["acknowledged"]));
    told("resolved", "book", &|delivery| delivery["delivered_at"].is_string());
    let book = rig.project.read("alerts.jsonl");
    let whats: Vec<Value> =
        book.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["what"].clone()).collect();
    assert_eq!(whats[..2], ["opened", "resolved"]);

    let (status, refused) = rig.ask("POST", &format!("alerts/{id}/acknowledge"), &Value::Null);
    assert_eq!(status, 409, "{refused}");
    let trials = rig.does("POST", "projects/wine/alerts/test", &json!({}));
    assert_eq!(
        trials.as_array().unwrap().iter().map(|trial| trial["taken"].clone()).collect::<Vec<_>>(),
        [true, false]
    );

    let page = rig.project.beside("monitor.html");
    rig.project.succeeds(&["monitor", "report", "wine-cultivar", "--output", page.to_str().unwrap()]);
    let page = std::fs::read_to_string(&page).unwrap();
    assert!(
        page.contains("No window has been judged") && page.contains("no request for 2 s: none ever came")
    );
}

//! What was asked and answered stands in the log, of every version, within seconds.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::shop::{Shop, row, visit};

#[test]
fn every_answer_and_every_failure_is_logged_with_its_columns_and_nothing_private() {
    let shop = Shop::open("");
    let mut client = shop.client();
    let answer = client
        .ask(
            "POST",
            "/predict/buyers",
            "content-type: application/json\r\nx-modelyard-id: one\r\nx-modelyard-key: ada\r\n",
            visit(3).to_string().as_bytes(),
        )
        .unwrap()
        .ok();
    let answered = Instant::now();
    let found = shop.query_until("select * from predictions", |found| found[0].is_object());
    assert!(answered.elapsed() < Duration::from_secs(5), "it took {:?}", answered.elapsed());
    let found = found[0].as_object().unwrap();
    let names: Vec<&String> = found.keys().collect();
    // The log has a `status` of its own.
    let mut wanted = vec![
        "prediction_id",
        "at",
        "environment",
        "version",
        "key",
        "latency_ms",
        "status",
        "prediction",
        "probability",
        "price",
        "pages",
        "input_status",
        "visit",
        "happened",
    ];
    wanted.sort_unstable();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, wanted);
    let of = |name: &str| found[name].clone();
    assert_eq!([of("prediction_id"), of("key"), of("version")], [json!("one"), json!("ada"), json!(1)]);
    assert_eq!([of("environment"), of("status")], [json!("shop/production"), json!("ok")]);
    assert_eq!(
        [of("prediction"), of("probability")],
        [answer["prediction"].clone(), answer["probabilities"]["yes"].clone()]
    );
    assert_eq!([of("price"), of("pages"), of("input_status")], [json!(1.11), json!(39), json!("known")]);
    assert_eq!([of("visit"), of("happened")], [json!(3), json!("2026-03-04T10:00:00Z")]);
    assert!(of("latency_ms").as_f64().unwrap() > 0.0);

    // A list has an id a row; what failed is there too, with what could be read.
    let headers = "content-type: application/json\r\nx-modelyard-id: many\r\n";
    let list = json!([row(0), row(1)]).to_string();
    client.ask("POST", "/predict/buyers", headers, list.as_bytes()).unwrap().ok();
    let mut unlucky = row(5);
    unlucky["status"] = json!("!");
    assert_eq!(client.post("/predict/buyers", &unlucky).status, 500);
    assert_eq!(client.post("/predict/buyers", &json!({"price": "dear"})).status, 422);
    assert_eq!(shop.logged(5), 5);
    let rows = shop.query(
        "select prediction_id, status, prediction, price from predictions where prediction_id <> 'one' order by at, prediction_id",
    );
    let rows = rows.as_array().unwrap();
    assert_eq!([&rows[0]["prediction_id"], &rows[1]["prediction_id"]], [&json!("many/0"), &json!("many/1")]);
    let of = |row: usize| [&rows[row]["status"], &rows[row]["prediction"], &rows[row]["price"]];
    assert_eq!(of(2), [&json!("inference"), &Value::Null, &json!(1.85)]);
    assert_eq!(of(3), [&json!("bad_value"), &Value::Null, &Value::Null]);

    // Another version, whose answers stand beside.
    shop.configure("", "0.5");
    shop.project.succeeds(&["run"]);
    shop.project.succeeds(&["release", "buyers@2", "--to", "production"]);
    shop.client().post("/predict/buyers", &row(7)).ok();
    shop.logged(6);
    let versions =
        shop.query("select version, count(*) as n from predictions group by version order by version");
    assert_eq!(versions, json!([{"version": 1, "n": 5}, {"version": 2, "n": 1}]));
    let refused = shop.project.modelyard(&["predictions", "query", "select email from predictions"]);
    assert!(refused.stderr.contains("names column `email`"), "{}", refused.stderr);
}

#[test]
fn a_killed_data_plane_loses_its_last_second_at_most() {
    let shop = Shop::open("");
    let mut client = shop.client();
    let mut ask =
        |times: u32| (0..times).for_each(|number| drop(client.post("/predict/buyers", &row(number)).ok()));
    ask(200);
    std::thread::sleep(Duration::from_millis(1500));
    ask(20);
    for plane in shop.planes() {
        let killed = std::process::Command::new("kill").args(["-KILL", &plane]).status();
        assert!(killed.unwrap().success());
    }
    let logged = shop.logged(200);
    assert!((200..=220).contains(&logged), "{logged}");
    let ids = shop.query("select count(distinct prediction_id) as n from predictions");
    assert_eq!(ids[0]["n"], json!(logged));
}

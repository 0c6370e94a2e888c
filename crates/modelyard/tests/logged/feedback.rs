//! Labels and figures: what is acknowledged is in the home, and what is wrong is refused whole. Files are answered and
//! labelled as requests are.

use serde_json::{Value, json};

use crate::shop::{Shop, visit};

#[test]
fn labels_are_kept_counted_or_refused_and_join_their_predictions() {
    let shop = Shop::open("");
    let mut client = shop.client();
    for id in ["a", "b"] {
        let headers = format!("content-type: application/json\r\nx-modelyard-id: {id}\r\n");
        client.ask("POST", "/predict/buyers", &headers, visit(3).to_string().as_bytes()).unwrap().ok();
    }
    let kept = |new: u64, repeated: u64, changed: u64, unknown: u64, figures: u64| json!({"new": new, "repeated": repeated, "changed": changed, "unknown": unknown, "figures": figures});
    let mut give = |body: Value| client.post("/feedback", &body);
    // At once after the answer.
    assert_eq!(give(json!({"id": "a", "label": "yes"})).ok(), kept(1, 0, 0, 0, 0));
    let several = json!([
        {"id": "a", "label": "yes"}, {"id": "b", "label": "yes"}, {"id": "b", "label": "no"},
        {"id": "nobody", "label": "no"}, {"name": "revenue", "value": 12.5, "id": "a"},
    ]);
    assert_eq!(give(several).ok(), kept(2, 1, 1, 1, 1));
    for (wrong, field, message) in [
        (
            json!({"id": "b", "label": 1}),
            "label",
            "a label of this model is one of its classes, `no`, `yes`, not the number 1",
        ),
        (
            json!([{"id": "b", "label": "yes"}, {"id": "b"}]),
            "",
            "item 1: it has neither a `label` nor a `value`",
        ),
        (json!({"label": "yes"}), "id", "field `id` is missing"),
        (json!({"id": "b", "label": "yes", "colour": "red"}), "colour", "nobody knows the field `colour`"),
        (
            json!({"name": "revenue", "value": 1, "at": "2999-01-01T00:00:00Z"}),
            "at",
            "2999-01-01T00:00:00Z lies in the future, and nobody knows by now what will be",
        ),
    ] {
        let answer = give(wrong);
        let told = answer.json();
        assert_eq!((answer.status, told["message"].as_str().unwrap()), (422, message));
        assert_eq!(told["field"].as_str().unwrap_or_default(), field);
    }
    assert_eq!(client.post_text("/feedback", "{").status, 400);
    shop.logged(2);
    let joined = shop.query(
        "select p.prediction_id as id, l.label from predictions p join labels l on l.prediction_id = p.prediction_id order by id",
    );
    assert_eq!(joined, json!([{"id": "a", "label": "yes"}, {"id": "b", "label": "no"}]));
    let figures = shop.query("select name, value, prediction_id from figures");
    assert_eq!(figures, json!([{"name": "revenue", "value": 12.5, "prediction_id": "a"}]));
}

#[test]
fn a_file_is_answered_by_what_serves_and_labelled_by_its_own_columns() {
    let shop = Shop::open("[monitor.log]\nsample = 0.0\n");
    let mut client = shop.client();
    client.post("/predict/buyers", &visit(1)).ok();
    // A data plane follows what is applied.
    shop.configure("", "0.0");
    shop.project.succeeds(&["apply", "--yes"]);
    let mut text = "visit,happened,email,price,pages,status\n".to_owned();
    let mut labels = "visit,happened,bought\n".to_owned();
    for number in 0..50 {
        let row = visit(number);
        let status = row["status"].as_str().unwrap();
        let day = number % 28 + 1;
        text.push_str(&format!(
            "{number},2026-03-{day:02} 10:00:00,x,{},{},{status}\n",
            row["price"], row["pages"]
        ));
        labels.push_str(&format!("{number},2026-03-{day:02} 10:00:00,yes\n"));
    }
    labels.push_str("777,2026-03-01 10:00:00,yes\n");
    shop.project.write("visits.csv", &text);
    shop.project.write("labels.csv", &labels);
    shop.project.succeeds(&["predict", "--environment", "production", "visits.csv", "answered.csv"]);
    assert_eq!(shop.logged(50), 50);
    let columns =
        shop.query("select count(distinct visit) as visits, count(happened) as times from predictions");
    assert_eq!(columns, json!([{"visits": 50, "times": 50}]));
    let told = shop.project.document(&["feedback", "import", "labels.csv"]);
    let wanted = json!({"rows": 51, "new": 50, "repeated": 0, "changed": 0, "unknown": 0, "without": 1});
    assert_eq!(told, wanted);
    let joined = "select count(*) as n from predictions p join labels l on l.prediction_id = p.prediction_id";
    assert_eq!(shop.query(joined), json!([{"n": 50}]));
    // By the ids that the answers brought.
    let told = shop.project.document(&["feedback", "import", "answered.csv", "--label", "prediction"]);
    assert_eq!((&told["rows"], &told["unknown"]), (&json!(50), &json!(0)));
    shop.project.write("labels.csv", "prediction_id,label\nx,perhaps\n");
    let refused = shop.project.modelyard(&["feedback", "import", "labels.csv"]);
    assert!(refused.stderr.contains("row 1, column `label`: a label of this model"), "{}", refused.stderr);
    // The request before the change was of a log that took nothing.
    client.post("/predict/buyers", &visit(1)).ok();
    assert_eq!(shop.logged(51), 51);
}

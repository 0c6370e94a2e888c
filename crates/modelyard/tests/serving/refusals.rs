//! What is refused: 400 or 422 with the field's name, never a 5xx, and the server goes on.

use serde_json::{Value, json};

use crate::common::http::{Answer, Client};
use crate::common::server::Server;
use crate::common::truth::Truth;
use crate::common::{Example, Project};

/// A row of `truth` with some fields otherwise; `null` in `removed` takes one away.
fn with(row: &serde_json::Map<String, Value>, field: &str, value: Value) -> Value {
    let mut row = row.clone();
    row.insert(field.to_owned(), value);
    json!(row)
}

fn without(row: &serde_json::Map<String, Value>, field: &str) -> Value {
    let mut row = row.clone();
    row.remove(field).unwrap();
    json!(row)
}

/// Whether `answer` refuses with this status, code and field, in the shape that errors have.
#[track_caller]
fn refuses(answer: &Answer, status: u16, code: &str, field: Value) -> Value {
    let error = answer.json();
    let keys: Vec<_> = error.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["code", "field", "hint", "message"], "{error}");
    assert_eq!((answer.status, &error["code"], &error["field"]), (status, &json!(code), &field), "{error}");
    error
}

#[test]
fn bodies_that_are_no_rows() {
    let project = Project::built(Example::Wine);
    let server = Server::start(&project, "wine-cultivar");
    let mut client = server.client();
    let path = "/predict/wine-cultivar";
    let deep =
        |open: &str, close: &str| format!("{{\"alcohol\": {}{}}}", open.repeat(200), close.repeat(200));
    for (body, code) in [
        ("", "not_json"),
        ("alcohol=13", "not_json"),
        ("{\"alcohol\": 13", "not_json"),
        ("{\"alcohol\": NaN}", "not_json"),
        ("{\"alcohol\": Infinity}", "not_json"),
        ("{\"alcohol\": 1e999}", "not_json"),
        ("{\"alcohol\": 13} {}", "not_json"),
        ("3", "not_json"),
        ("\"row\"", "not_json"),
        ("null", "not_json"),
        ("[3]", "not_json"),
        ("[[13.0]]", "not_json"),
        (&deep("[", "]"), "too_deep"),
        (&deep("{\"a\":", "}"), "too_deep"),
    ] {
        refuses(&client.post_text(path, body), 400, code, Value::Null);
    }
    // Not UTF-8.
    let answer = client.ask("POST", path, "", b"{\"alcohol\": \"\xff\"}").unwrap();
    refuses(&answer, 400, "not_json", Value::Null);
    assert_eq!(client.get("/v2/health/ready").status, 200);
}

#[test]
fn bodies_that_are_too_large() {
    let project = Project::built(Example::Wine);
    let truth = Truth::of(&project);
    let server = Server::of(
        project.command(&["serve", "wine-cultivar", "--max-body", "3000000"]),
        project.beside("server.log"),
    );
    let path = "/predict/wine-cultivar";
    // Many rows of a body that is still allowed, and above what frameworks allow by themselves.
    let rows: Vec<_> = truth.rows.iter().cycle().take(9_000).collect();
    let body = json!(rows).to_string();
    assert!((2_200_000..3_000_000).contains(&body.len()), "{}", body.len());
    let answer = server.client().post_text(path, &body);
    assert_eq!(answer.ok()["predictions"].as_array().unwrap().len(), 9_000);

    // A new connection each: what was not read of the body is not the next request.
    let large = " ".repeat(3_000_001);
    let error = refuses(&server.client().post_text(path, &large), 400, "too_large", Value::Null);
    assert_eq!(error["message"], json!("the body is larger than 3000000 bytes"));
    let mut client = server.client();
    client
        .send(b"POST /predict/wine-cultivar HTTP/1.1\r\nhost: test\r\ntransfer-encoding: chunked\r\n\r\n")
        .unwrap();
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    // It may hang up before it has read all.
    let _ = client.send(chunk.as_bytes());
    refuses(&client.receive().unwrap(), 400, "too_large", Value::Null);
    assert_eq!(server.client().get("/v2/health/ready").status, 200);
}

#[test]
fn too_many_rows() {
    let project = Project::built(Example::Topics);
    let server = Server::start(&project, "topics");
    let rows: Vec<_> = (0..50_001).map(|_| json!({"text": "a"})).collect();
    let error =
        refuses(&server.client().post("/predict/topics", &json!(rows)), 400, "too_large", Value::Null);
    assert_eq!(error["message"], json!("the request has 50001 rows, more than 50000"));
}

/// A model that answers a row however little is known of it.
#[test]
fn what_a_model_of_trees_answers_and_refuses() {
    let project = Project::built(Example::Flights);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "late-flights");
    let mut client = server.client();
    let path = "/predict/late-flights";
    let row = &truth.rows[0];
    let mut same = |body: Value| truth.python[0].check(&client.post(path, &body).ok());
    // Columns of the data set that are no features, and 1.0 for an integer.
    assert!(row.contains_key("time_hour"));
    same(json!(row));
    same(without(row, "time_hour"));
    same(with(row, "late", json!(1)));
    same(with(row, "hour", json!(row["hour"].as_i64().unwrap() as f64)));
    // What it has never seen, values far beyond, nothing at all.
    let mut answered = |body: Value| client.post(path, &body).ok();
    answered(with(row, "dest", json!("an airport that is not there")));
    answered(with(row, "dest", json!("")));
    answered(with(row, "temp", json!(1e300)));
    answered(with(row, "distance", json!(i64::MAX)));
    let null = answered(with(row, "seats", json!(null)));
    let missing = answered(without(row, "seats"));
    assert_eq!(null["probabilities"], missing["probabilities"]);
    answered(json!({}));

    for (body, code, field) in [
        (with(row, "carrier", json!(3)), "bad_value", "carrier"),
        (with(row, "carrier", json!(["UA"])), "bad_value", "carrier"),
        (with(row, "hour", json!("17")), "bad_value", "hour"),
        (with(row, "hour", json!(17.5)), "bad_value", "hour"),
        (with(row, "hour", json!(true)), "bad_value", "hour"),
        (with(row, "hour", json!(1e20)), "bad_value", "hour"),
        (with(row, "temp", json!("warm")), "bad_value", "temp"),
        (with(row, "temp", json!({"f": 68})), "bad_value", "temp"),
        (with(row, "dep_delay", json!(3)), "unknown_field", "dep_delay"),
        (with(row, "Hour", json!(3)), "unknown_field", "Hour"),
    ] {
        refuses(&client.post(path, &body), 422, code, json!(field));
        // In a list, the row is named.
        let error = refuses(&client.post(path, &json!([row, body])), 422, code, json!(field));
        assert!(error["message"].as_str().unwrap().starts_with("row 1: "), "{error}");
    }
    let error = client.post(path, &with(row, "Hour", json!(3))).json();
    assert_eq!(error["hint"], json!("did you mean `hour`?"));
}

/// A linear model on scaled columns answers nothing without each of them.
#[test]
fn what_a_linear_model_answers_and_refuses() {
    let project = Project::built(Example::Wine);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "wine-cultivar");
    let mut client = server.client();
    let path = "/predict/wine-cultivar";
    let row = &truth.rows[0];
    client.post(path, &with(row, "alcohol", json!(1e6))).ok();
    client.post(path, &with(row, "alcohol", json!(13))).ok();
    refuses(&client.post(path, &with(row, "alcohol", json!(null))), 422, "bad_value", json!("alcohol"));
    refuses(&client.post(path, &without(row, "alcohol")), 422, "missing_field", json!("alcohol"));
    refuses(&client.post(path, &json!({})), 422, "missing_field", json!("alcohol"));
}

/// Beyond what floats can carry: no answer is better than one that is not a number.
#[test]
fn an_answer_that_is_no_number_is_the_requests_fault() {
    let project = Project::built(Example::Diabetes);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "diabetes-progression");
    let mut client = server.client();
    let path = "/predict/diabetes-progression";
    let bad = with(&truth.rows[0], "bmi", json!(1.7e308));
    let error = refuses(&client.post(path, &bad), 422, "bad_value", Value::Null);
    assert_eq!(error["message"], json!("the model answered inf"));
    refuses(&client.post(path, &json!([truth.rows[0], bad])), 422, "bad_value", Value::Null);
    truth.python[0].check(&client.post(path, &json!(truth.rows[0])).ok());
}

/// An encoder that knows its categories: which ones, the refusal says.
#[test]
fn an_unseen_category_is_refused_where_the_model_refuses_it() {
    let project = Project::built(Example::Diabetes);
    project.edit(
        "train.py",
        "make_pipeline(StandardScaler(),",
        "make_pipeline(make_column_transformer((OneHotEncoder(), [\"sex\"]), remainder=StandardScaler()),",
    );
    project.edit("train.py", "from sklearn.preprocessing import StandardScaler", "from sklearn.compose import make_column_transformer\nfrom sklearn.preprocessing import OneHotEncoder, StandardScaler");
    project.edit("modelyard.toml", ", champion = \"not-worse\"", "");
    let run = project.document(&["run", "--set", "params.alpha=1.0"]);
    assert_eq!((&run["model"], &run["runtime"]), (&json!("diabetes-progression@2"), &json!("onnx")));
    let truth = Truth::of(&project);
    let server = Server::start(&project, "diabetes-progression@2");
    let mut client = server.client();
    let path = "/predict/diabetes-progression";
    for sex in [json!(1), json!(2), json!(2.0)] {
        client.post(path, &with(&truth.rows[0], "sex", sex)).ok();
    }
    let error =
        refuses(&client.post(path, &with(&truth.rows[0], "sex", json!(3))), 422, "bad_value", json!("sex"));
    assert_eq!(error["message"], json!("field `sex`: the model has never seen the number 3"));
    assert_eq!(error["hint"], json!("it knows \"1\", \"2\""));
}

/// The model's own error is the request's: other requests, waiting with it, are answered.
#[test]
fn what_the_models_own_code_says() {
    let project = Project::built(Example::Topics);
    project.edit("predict.py", "    scores = state", "    if any(\"bad luck\" in text for text in texts):\n        raise ValueError(\"this brings bad luck\")\n    scores = state");
    assert_eq!(project.document(&["run"])["model"], json!("topics@2"));
    let server = Server::start(&project, "topics@2");
    let bad = json!({"text": "a text of bad luck"});
    std::thread::scope(|scope| {
        for number in 0..16 {
            let (server, bad) = (&server, &bad);
            scope.spawn(move || {
                let mut client = server.client();
                for _ in 0..20 {
                    if number % 4 == 0 {
                        let answer = client.post("/predict/topics", bad);
                        assert!(
                            answer.json()["message"].as_str().unwrap().contains("this brings bad luck"),
                            "{}",
                            answer.text()
                        );
                        assert_eq!(answer.json()["code"], json!("inference"));
                    } else {
                        client.post("/predict/topics", &json!({"text": "a text"})).ok();
                    }
                }
            });
        }
    });
    let mut client = server.client();
    refuses(&client.post("/predict/topics", &json!({"text": null})), 422, "bad_value", json!("text"));
    refuses(&client.post("/predict/topics", &json!({"text": 3})), 422, "bad_value", json!("text"));
    refuses(&client.post("/predict/topics", &json!({})), 422, "missing_field", json!("text"));
    refuses(&client.post("/predict/topics", &json!({"topic": "trees"})), 422, "missing_field", json!("text"));
}

#[test]
fn routes_that_are_not_there() {
    let project = Project::built(Example::Wine);
    let server = Server::start(&project, "wine-cultivar");
    let mut client = server.client();
    let row = json!({});
    refuses(&client.post("/predict/wine", &row), 404, "model_missing", Value::Null);
    refuses(&client.get("/"), 404, "model_missing", Value::Null);
    let answer = client.get("/predict/wine-cultivar");
    assert_eq!((answer.status, answer.headers["allow"].as_str()), (405, "POST"));
    refuses(&answer, 405, "bad_value", Value::Null);
    assert_eq!(client.post("/v2/models/wine/infer", &row).status, 404);
    raw_refusal(&server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    raw_refusal(&server, b"GET / HTTP/9.9\r\n\r\n");
    assert_eq!(server.client().get("/v2/health/ready").status, 200);
}

/// What is no HTTP is answered with a 400 or hung up on.
fn raw_refusal(server: &Server, bytes: &[u8]) {
    let mut client: Client = server.client();
    client.send(bytes).unwrap();
    if let Ok(answer) = client.receive() {
        assert_eq!(answer.status, 400);
    }
}

//! The Open Inference Protocol v2: tensors as JSON and as raw bytes, and what the model says of itself.
//! The bytes are those that `tritonclient` 2.73 was seen to send.

use serde_json::{Map, Value, json};

use crate::common::http::{Answer, Client};
use crate::common::server::Server;
use crate::common::truth::{Truth, assert_close};
use crate::common::{Example, Project, text};

/// A tensor for each column of the signature.
fn tensors(server: &Server, model: &str, rows: &[Map<String, Value>]) -> Vec<Value> {
    let metadata = server.client().get(&format!("/v2/models/{model}")).ok();
    let inputs = metadata["inputs"].as_array().unwrap();
    inputs
        .iter()
        .map(|input| {
            let values: Vec<_> = rows.iter().map(|row| row[input["name"].as_str().unwrap()].clone()).collect();
            json!({"name": input["name"], "shape": [rows.len()], "datatype": input["datatype"], "data": values})
        })
        .collect()
}

/// The same with the data taken out: the JSON part, and the bytes behind it.
fn raw(tensors: &[Value]) -> (Vec<Value>, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut heads = Vec::new();
    for tensor in tensors {
        let mut head = tensor.clone();
        let before = bytes.len();
        for value in head["data"].take().as_array().unwrap() {
            match tensor["datatype"].as_str().unwrap() {
                "FP64" => bytes.extend(value.as_f64().unwrap_or(f64::NAN).to_le_bytes()),
                "INT64" => bytes.extend(value.as_i64().unwrap().to_le_bytes()),
                "BYTES" => {
                    let text = value.as_str().unwrap();
                    bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
                    bytes.extend(text.as_bytes());
                }
                other => panic!("no test for {other}"),
            }
        }
        head.as_object_mut().unwrap().remove("data");
        head["parameters"] = json!({"binary_data_size": bytes.len() - before});
        heads.push(head);
    }
    (heads, bytes)
}

fn infer_raw(client: &mut Client, model: &str, head: &Value, bytes: &[u8]) -> Answer {
    let head = head.to_string();
    let headers = format!("inference-header-content-length: {}\r\n", head.len());
    let body = [head.as_bytes(), bytes].concat();
    client.ask("POST", &format!("/v2/models/{model}/infer"), &headers, &body).unwrap()
}

/// The outputs of an answer by name, whose raw values are read; and what its JSON part says.
fn outputs(answer: &Answer) -> (Map<String, Value>, Value) {
    let length = answer.headers.get("inference-header-content-length");
    let cut = length.map_or(answer.body.len(), |length| length.parse().unwrap());
    let (head, mut rest) = answer.body.split_at(cut);
    let head: Value = serde_json::from_slice(head).unwrap();
    assert_eq!(answer.status, 200, "{head}");
    let mut outputs = Map::new();
    for output in head["outputs"].as_array().unwrap() {
        let values = match output["parameters"]["binary_data_size"].as_u64() {
            None => output["data"].clone(),
            Some(size) => {
                let (mut mine, others) = rest.split_at(usize::try_from(size).unwrap());
                rest = others;
                let mut values = Vec::new();
                while !mine.is_empty() {
                    if output["datatype"] == "FP64" {
                        let (number, others) = mine.split_first_chunk::<8>().unwrap();
                        values.push(json!(f64::from_le_bytes(*number)));
                        mine = others;
                    } else {
                        let (length, others) = mine.split_first_chunk::<4>().unwrap();
                        let (text, others) = others.split_at(u32::from_le_bytes(*length) as usize);
                        values.push(json!(std::str::from_utf8(text).unwrap()));
                        mine = others;
                    }
                }
                json!(values)
            }
        };
        outputs.insert(text(&output["name"]), values);
    }
    assert!(rest.is_empty(), "{} bytes too many", rest.len());
    (outputs, head)
}

/// Whether the outputs are Python's answers.
fn check_outputs(outputs: &Map<String, Value>, truth: &Truth, classes: &[String]) {
    let predictions = outputs["prediction"].as_array().unwrap();
    assert_eq!(predictions.len(), truth.rows.len());
    for (row, (prediction, wanted)) in predictions.iter().zip(&truth.python).enumerate() {
        assert_close(prediction, &wanted.prediction);
        for (place, class) in classes.iter().enumerate() {
            assert_close(
                &outputs["probabilities"][row * classes.len() + place],
                &wanted.probabilities[class],
            );
        }
    }
}

fn check(example: Example) {
    let project = Project::built(example);
    let truth = Truth::of(&project);
    let model = example.model();
    let server = Server::start(&project, model);
    let mut client = server.client();
    let metadata = client.get(&format!("/v2/models/{model}")).ok();
    let classes: Vec<String> = match metadata["outputs"][1]["parameters"]["classes"].as_str() {
        Some(classes) => classes.split(',').map(str::to_owned).collect(),
        None => Vec::new(),
    };
    assert_eq!(classes.len(), truth.python[0].probabilities.len());
    let inputs = tensors(&server, model, &truth.rows);

    let body = json!({"id": "42", "inputs": inputs});
    for path in [format!("/v2/models/{model}/infer"), format!("/v2/models/{model}/versions/1/infer")] {
        let (outputs, head) = outputs(&client.post(&path, &body));
        check_outputs(&outputs, &truth, &classes);
        assert_eq!(head["id"], json!("42"));
        assert_eq!((&head["model_name"], &head["model_version"]), (&json!(model), &json!("1")));
        assert_eq!(head["outputs"][0]["shape"], json!([truth.rows.len()]));
        if !classes.is_empty() {
            assert_eq!(head["outputs"][1]["shape"], json!([truth.rows.len(), classes.len()]));
        }
    }

    // As a client that names no outputs asks: all of them raw.
    let (heads, bytes) = raw(&inputs);
    let head = json!({"inputs": heads, "parameters": {"binary_data_output": true}});
    let answer = infer_raw(&mut client, model, &head, &bytes);
    assert!(answer.headers.contains_key("inference-header-content-length"));
    check_outputs(&outputs(&answer).0, &truth, &classes);

    // One by name, raw in, JSON out.
    let wanted = json!([{"name": "prediction", "parameters": {"binary_data": false}}]);
    let answer = infer_raw(&mut client, model, &json!({"inputs": heads, "outputs": wanted}), &bytes);
    let (outputs, _) = outputs(&answer);
    assert_eq!(outputs.keys().collect::<Vec<_>>(), ["prediction"]);
    check_outputs(&outputs, &truth, &[]);
}

#[test]
fn diabetes_in_tensors() {
    check(Example::Diabetes);
}

#[test]
fn topics_in_tensors() {
    check(Example::Topics);
}

/// Numbers of every width, and columns of shape `[rows, 1]`.
#[test]
fn tensors_of_every_width() {
    let project = Project::built(Example::Diabetes);
    let truth = Truth::of(&project);
    let server = Server::start(&project, "diabetes-progression");
    let mut client = server.client();
    let path = "/v2/models/diabetes-progression/infer";
    let mut inputs = tensors(&server, "diabetes-progression", &truth.rows);
    for input in &mut inputs {
        input["shape"] = json!([truth.rows.len(), 1]);
    }
    let age = inputs.iter().position(|input| input["name"] == "age").unwrap();
    for datatype in ["INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "FP32", "FP64"]
    {
        let (mut heads, mut bytes) = (inputs.clone(), Vec::new());
        let ages: Vec<u8> =
            truth.rows.iter().map(|row| u8::try_from(row["age"].as_i64().unwrap()).unwrap()).collect();
        for age in &ages {
            match datatype {
                "FP32" => bytes.extend(f32::from(*age).to_le_bytes()),
                "FP64" => bytes.extend(f64::from(*age).to_le_bytes()),
                // Ages below 128 are the same with and without sign, little end first.
                other => {
                    let bits: usize = other.trim_start_matches(['U', 'I', 'N', 'T']).parse().unwrap();
                    bytes.extend(&u64::from(*age).to_le_bytes()[..bits / 8]);
                }
            }
        }
        heads[age] = json!({"name": "age", "shape": [ages.len()], "datatype": datatype, "parameters": {"binary_data_size": bytes.len()}});
        let (answers, _) =
            outputs(&infer_raw(&mut client, "diabetes-progression", &json!({"inputs": heads}), &bytes));
        check_outputs(&answers, &truth, &[]);
    }
    // In another order.
    inputs.reverse();
    let (answers, _) = outputs(&client.post(path, &json!({"inputs": inputs})));
    check_outputs(&answers, &truth, &[]);
}

#[test]
fn the_model_describes_itself() {
    let project = Project::built(Example::Flights);
    let server = Server::start(&project, "late-flights");
    let mut client = server.client();
    let described = client.get("/v2/models/late-flights").ok();
    assert_eq!(described, client.get("/v2/models/late-flights/versions/1").ok());
    assert_eq!((&described["name"], &described["versions"]), (&json!("late-flights"), &json!(["1"])));
    assert_eq!(described["platform"], json!("modelyard_onnx"));
    let inputs = described["inputs"].as_array().unwrap();
    let words = |input: &Value| format!("{} {}", text(&input["name"]), text(&input["datatype"]));
    assert_eq!(
        inputs.iter().map(words).collect::<Vec<_>>().join(", "),
        "carrier BYTES, origin BYTES, dest BYTES, hour INT64, distance INT64, temp FP64, wind_speed FP64, \
         visib FP64, precip FP64, pressure FP64, seats INT64, recent_delay FP64"
    );
    assert_eq!(
        described["outputs"],
        json!([
            {"name": "prediction", "datatype": "BYTES", "shape": [-1]},
            {"name": "probabilities", "datatype": "FP64", "shape": [-1, 2], "parameters": {"classes": "0,1"}},
        ])
    );
    assert_eq!(client.get("/v2").ok()["name"], json!("modelyard"));
    assert_eq!(client.get("/v2/models/late-flights/ready").ok()["ready"], json!(true));
    assert_eq!(client.get("/v2/models/late-flights/versions/1/ready").status, 200);
    for path in [
        "/v2/models/flights",
        "/v2/models/flights/ready",
        "/v2/models/late-flights/versions/2",
        "/v2/models/late-flights/versions/x/ready",
    ] {
        let answer = client.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["error"].as_str().unwrap().starts_with("no model `"), "{}", answer.text());
    }
}

#[test]
fn refusals_have_the_protocols_shape() {
    let project = Project::built(Example::Wine);
    let server = Server::start(&project, "wine-cultivar");
    let mut client = server.client();
    let path = "/v2/models/wine-cultivar/infer";
    let tensor = |shape: Value, datatype: &str, data: Value| json!({"inputs": [{"name": "alcohol", "shape": shape, "datatype": datatype, "data": data}]});
    for (status, body, message) in [
        (400, json!({}), "missing field `inputs`"),
        (400, json!({"inputs": "all"}), "another shape"),
        (400, json!({"inputs": [{"name": "alcohol"}]}), "missing field `shape`"),
        (400, tensor(json!([-1]), "FP64", json!([13.0])), "another shape"),
        (422, tensor(json!([2]), "FP64", json!([13.0])), "has 1 values, its shape says 2"),
        // What a request claims is not what is allocated.
        (
            422,
            tensor(json!([99_999_999_999_u64]), "FP64", json!([13.0])),
            "has 1 values, its shape says 99999999999",
        ),
        (422, tensor(json!([u64::MAX]), "FP64", json!([13.0])), "has 1 values"),
        (422, tensor(json!([1, 2]), "FP64", json!([13.0, 1.0])), "has shape [1, 2]"),
        (422, tensor(json!([]), "FP64", json!([])), "has shape []"),
        (422, tensor(json!([1]), "FP16", json!([13.0])), "the datatype `FP16` is none of"),
        (422, tensor(json!([1]), "BYTES", json!(["much"])), "`alcohol` takes a number"),
        (422, tensor(json!([1]), "FP64", json!([null])), "`alcohol` is null"),
        (422, tensor(json!([1]), "FP64", json!([13.0])), "`malic_acid` is missing"),
        (
            422,
            json!({"inputs": [{"name": "alcool", "shape": [1], "datatype": "FP64", "data": [1.0]}]}),
            "did you mean `alcohol`?",
        ),
    ] {
        let answer = client.post(path, &body);
        assert_eq!(answer.status, status, "{}", answer.text());
        let error = text(&answer.json()["error"]);
        assert!(error.contains(message), "wanted: {message}\n{error}");
    }
    let head = |size: u64, datatype: &str| json!({"inputs": [{"name": "alcohol", "shape": [1], "datatype": datatype, "parameters": {"binary_data_size": size}}]});
    for (status, head, bytes, message) in [
        (422, head(8, "FP64"), &[0; 4][..], "is said to have 8 bytes, 4 are left"),
        (422, head(u64::MAX, "FP64"), &[0; 4], "4 are left"),
        (422, head(3, "FP64"), &[0; 3], "3 bytes are no whole number of values of 8 bytes"),
        (422, head(4, "BYTES"), &[9, 0, 0, 0], "a text is cut short"),
        (422, head(5, "BYTES"), &[1, 0, 0, 0, 0xff], "a text is no UTF-8"),
        (422, head(4, "BYTES"), &[0xff; 4], "a text is cut short"),
        (422, head(8, "UINT64"), &[0xff; 8], "beyond 64 bits with sign"),
        (422, head(8, "FP64"), &[0, 0, 0, 0, 0, 0, 0xf0, 0x7f], "`alcohol`"),
    ] {
        let answer = infer_raw(&mut client, "wine-cultivar", &head, bytes);
        assert_eq!(answer.status, status, "{}", answer.text());
        let error = text(&answer.json()["error"]);
        assert!(error.contains(message), "wanted: {message}\n{error}");
    }
    let answer = client.ask("POST", path, "inference-header-content-length: 9999\r\n", b"{}").unwrap();
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(client.get("/v2/health/ready").status, 200);
}

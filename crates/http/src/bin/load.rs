//! An open-loop load by itself, for `bench/load.py`:
//! `cargo run -p modelyard-http --bin load -- ADDRESS PATH RATE SECONDS < BODIES`, a body a line; prints
//! one JSON document.

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::error::Error;
use std::io::BufRead;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use modelyard_http::client::load;
use modelyard_lifecycle::deploy::application_test::endpoint::LoadPlan;
use serde_json::{Map, Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, path, rate, seconds] = arguments.as_slice() else {
        return Err("ADDRESS PATH RATE SECONDS are wanted".into());
    };
    let bodies = std::io::stdin().lock().lines().map(|line| line.map(String::into_bytes));
    let plan = LoadPlan {
        rate: rate.parse()?,
        duration: Duration::from_secs_f64(seconds.parse()?),
        bodies: bodies.collect::<Result<_, _>>()?,
        patience: Duration::from_secs(10),
    };
    let never = AtomicBool::new(false);
    let measured = load::run(address.parse()?, path, &plan, &never).map_err(|fault| fault.report())?;
    let mut document = Map::new();
    for (name, mut values) in [("late_us", measured.late_us), ("latency_us", measured.latencies_us)] {
        values.sort_unstable();
        let quantile =
            |q: f64| values.get(((q * values.len() as f64) as usize).min(values.len().saturating_sub(1)));
        document.insert(
            name.to_owned(),
            json!({"p50": quantile(0.5), "p95": quantile(0.95), "p99": quantile(0.99), "p999": quantile(0.999), "max": values.last()}),
        );
    }
    let counts = json!({
        "sent": measured.sent, "answered": measured.answered, "refused": measured.refused,
        "failed": measured.failed, "timed_out": measured.timed_out, "connections": measured.connections,
        "took_secs": measured.took.as_secs_f64(), "own_cpu_secs": measured.own_cpu.as_secs_f64(),
        "first_failure": measured.first_failure,
    });
    document.extend(counts.as_object().cloned().unwrap_or_default());
    println!("{}", Value::Object(document));
    Ok(())
}

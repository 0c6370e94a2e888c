//! Writes the page of a stored report of application tests, to look at it while working on it:
//! `cargo run -p modelyard-evaluate --example application_page -- REPORT.json PAGE.html`.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [report, page] = arguments.as_slice() else { return Err("REPORT.json PAGE.html are wanted".into()) };
    let report = modelyard_evaluate::ApplicationReport::from_json(&std::fs::read(report)?)
        .map_err(|fault| fault.report())?;
    std::fs::write(page, modelyard_evaluate::application_html(&report))?;
    Ok(())
}

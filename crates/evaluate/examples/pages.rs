//! Writes the pages and reports of the tests' models into a folder, to look at them while working on them:
//! `cargo run -p modelyard-evaluate --example pages -- FOLDER [SCRIPT]`, where SCRIPT prints cases
//! as `tests/models.py` does.

use std::path::{Path, PathBuf};

#[path = "../tests/support/mod.rs"]
mod support;

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| ".".to_owned());
    let script = arguments
        .next()
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/models.py"), PathBuf::from);
    std::fs::create_dir_all(&folder)?;
    for case in support::cases(&script) {
        let report = case.report();
        let file = |ending: &str| Path::new(&folder).join(format!("{}.{ending}", case.name));
        std::fs::write(file("html"), modelyard_evaluate::html(&report))?;
        std::fs::write(file("json"), serde_json::to_string(&report)?)?;
    }
    Ok(())
}

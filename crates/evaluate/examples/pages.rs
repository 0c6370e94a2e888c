//! Writes the pages of the tests' models into a folder, to look at them while working on them:
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
        let page = modelyard_evaluate::html(&case.report());
        std::fs::write(Path::new(&folder).join(format!("{}.html", case.name)), page)?;
    }
    Ok(())
}

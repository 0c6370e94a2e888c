//! Batch prediction's reading and writing take the same memory for a short and a long file. A
//! program of its own, since the peak is the process's.
#![cfg(target_os = "linux")]

use std::io::Write;
use std::path::Path;

use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_data::{Append, TextFormat};

fn peak_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

fn append(input: &Path, output: &Path) -> u64 {
    let field = |name: &str, data_type| Field { name: name.to_owned(), data_type, nullable: true };
    let expected = [field("a", DataType::Float), field("s", DataType::String)];
    let added = [field("prediction", DataType::Float)];
    let mut append =
        Append::open(input, output, &expected, &added, &TextFormat::default(), 5000).expect("opened");
    let mut rows = 0;
    while let Some(table) = append.read().expect("read") {
        rows += table.rows() as u64;
        let mut added = Table::new();
        added.push("prediction", Column::Float(vec![Some(0.25); table.rows()]));
        append.write(&added).expect("written");
    }
    append.finish().expect("finished");
    rows
}

#[test]
fn thirty_times_the_rows_take_the_same_memory() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, rows: u64| {
        let mut file = std::io::BufWriter::new(std::fs::File::create(path(name)).expect("a file"));
        writeln!(file, "a,s,other").expect("written");
        for row in 0..rows {
            writeln!(file, "{row}.5,word{},{row}", row % 100).expect("written");
        }
        file.flush().expect("written");
    };
    write("short.csv", 20_000);
    write("long.csv", 600_000);
    assert_eq!(append(&path("short.csv"), &path("out.csv")), 20_000);
    let short = peak_kilobytes();
    assert_eq!(append(&path("long.csv"), &path("out.csv")), 600_000);
    let long = peak_kilobytes();
    assert!(long * 10 <= short * 12, "{short} kB for the short file, {long} kB for the long one");
}

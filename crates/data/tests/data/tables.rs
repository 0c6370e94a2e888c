//! Table files: written and read back, in pieces, with columns added.

use crate::common::Project;
use modelyard_core::table::{Column, DataType, Field, Table};
use modelyard_data::{Append, TableReader, TextFormat, logical_digest, read_table, write_table};

fn field(name: &str, data_type: DataType) -> Field {
    Field { name: name.to_owned(), data_type, nullable: true }
}

/// Every type, with values that are easily lost.
fn odd() -> Table {
    let mut table = Table::new();
    table.push("b", Column::Bool(vec![Some(true), None, Some(false)]));
    table.push("i", Column::Int(vec![Some(i64::MIN), None, Some(i64::MAX)]));
    table.push("f", Column::Float(vec![Some(1e300), None, Some(0.1)]));
    table.push("s", Column::String(vec![Some("a,\"b\"\nc".into()), None, Some(" ü ".into())]));
    table.push("t", Column::Timestamp(vec![Some(-1), None, Some(1_700_000_000_123_456)]));
    table.push("d", Column::Date(vec![Some(-1), None, Some(20_000)]));
    table
}

#[test]
fn a_table_survives_its_file() {
    let project = Project::new();
    let digest = logical_digest(&odd());
    for name in ["x.parquet", "x.csv", "x.csv.gz", "x.tsv"] {
        write_table(&project.path(name), &odd()).expect("written");
        let table = read_table(&project.path(name), None).expect("read");
        assert_eq!(table, odd(), "{name}");
        assert_eq!(logical_digest(&table), digest, "{name}");
    }
    let two = read_table(&project.path("x.csv"), Some(&["d".to_owned(), "b".to_owned()])).expect("read");
    assert_eq!(two.names(), ["d", "b"]);
    assert_eq!(std::fs::read_dir(project.root()).expect("a folder").count(), 4);
}

#[test]
fn missing_values_in_a_single_column_are_rows() {
    let project = Project::new();
    let mut table = Table::new();
    table.push("x", Column::Int(vec![Some(1), None, Some(2)]));
    write_table(&project.path("x.csv"), &table).expect("written");
    assert_eq!(read_table(&project.path("x.csv"), None).expect("read"), table);
}

#[test]
fn a_reader_gives_the_expected_types_in_pieces() {
    let project = Project::new();
    project.write("x.csv", "extra,n,when,code\na,1,2024-01-01,007\nb,2.0,2024-01-02 10:00,8\nc,,,\n");
    let expected =
        [field("code", DataType::String), field("n", DataType::Int), field("when", DataType::Timestamp)];
    let mut reader =
        TableReader::open(&project.path("x.csv"), &expected, &TextFormat::default(), 2).expect("opened");
    let first = reader.read().expect("read").expect("rows");
    assert_eq!(first.names(), ["code", "n", "when"]);
    assert_eq!(first.column("n"), Some(&Column::Int(vec![Some(1), Some(2)])));
    assert_eq!(first.column("code"), Some(&Column::String(vec![Some("007".into()), Some("8".into())])));
    assert_eq!(reader.read().expect("read").map(|table| table.rows()), Some(1));
    assert_eq!(reader.read().expect("read"), None);

    write_table(&project.path("x.parquet"), &odd()).expect("written");
    let expected = [field("f", DataType::Float), field("i", DataType::Float)];
    let mut reader =
        TableReader::open(&project.path("x.parquet"), &expected, &TextFormat::default(), 2).expect("opened");
    let first = reader.read().expect("read").expect("rows");
    assert_eq!(first.column("i"), Some(&Column::Float(vec![Some(i64::MIN as f64), None])));
}

#[test]
fn a_reader_names_what_is_missing_or_wrong() {
    let project = Project::new();
    project.write("x.csv", "temp,hour\n1,2\nhot,3\n");
    write_table(&project.path("x.parquet"), &odd()).expect("written");
    let open = |name: &str, column: &str| {
        let path = project.path(name);
        TableReader::open(&path, &[field(column, DataType::Float)], &TextFormat::default(), 10)
            .and_then(|mut reader| reader.read())
            .expect_err("a fault")
            .report()
            .replace(&format!("{}/", project.root().display()), "")
    };
    assert_eq!(open("x.csv", "tmp"), "`x.csv` has no column `tmp`\n  hint: did you mean `temp`?");
    assert_eq!(
        open("x.csv", "temp"),
        "cannot read `x.csv`: column `temp` in line 3 is `hot`, which is no float\n  hint: if it stands for a missing \
         value, list it in `nulls`"
    );
    assert_eq!(open("x.parquet", "q"), "`x.parquet` has no column `q`\n  hint: did you mean `b`?");
    assert_eq!(open("x.parquet", "s"), "column `s` of `x.parquet` is string, not float");
}

#[test]
fn columns_are_added_and_the_others_pass_as_they_are() {
    let project = Project::new();
    project.write("in.csv", "id,x,note\n007,1.50,\"a,b\"\n008,,\n009,2,c\n");
    write_table(&project.path("in.parquet"), &read_table(&project.path("in.csv"), None).expect("read"))
        .expect("written");
    for (input, output) in [
        ("in.csv", "out.csv"),
        ("in.csv", "out.csv.gz"),
        ("in.csv", "out.parquet"),
        ("in.parquet", "out2.csv"),
        ("in.parquet", "out2.parquet"),
    ] {
        let output = project.path(output);
        let mut append = Append::open(
            &project.path(input),
            &output,
            &[field("x", DataType::Float)],
            &[field("prediction", DataType::Float), field("label", DataType::String)],
            &TextFormat::default(),
            2,
        )
        .expect("opened");
        while let Some(table) = append.read().expect("read") {
            assert_eq!(table.names(), ["x"]);
            let Some(Column::Float(values)) = table.column("x") else { panic!("floats") };
            let mut added = Table::new();
            added.push("prediction", Column::Float(values.iter().map(|x| x.map(|x| x * 2.0)).collect()));
            added.push("label", Column::String(values.iter().map(|x| Some(format!("{x:?}"))).collect()));
            append.write(&added).expect("written");
        }
        append.finish().expect("finished");
        let table = read_table(&output, None).expect("read");
        assert_eq!(table.names(), ["id", "x", "note", "prediction", "label"], "{output:?}");
        assert_eq!(table.column("prediction"), Some(&Column::Float(vec![Some(3.0), None, Some(4.0)])));
        assert_eq!(
            table.column("note"),
            Some(&Column::String(vec![Some("a,b".into()), None, Some("c".into())]))
        );
        assert_eq!(table.column("id").and_then(|column| column.text(0)).as_deref(), Some("007"));
    }
    let text = std::fs::read_to_string(project.path("out.csv")).expect("read");
    assert_eq!(
        text,
        "id,x,note,prediction,label\n007,1.50,\"a,b\",3.0,Some(1.5)\n008,,,,None\n009,2,c,4.0,Some(2.0)\n"
    );
}

#[test]
fn an_output_that_fails_leaves_nothing() {
    let project = Project::new();
    project.write("in.csv", "x\n1\nbad\n");
    let open = |added: &str| {
        Append::open(
            &project.path("in.csv"),
            &project.path("out.csv"),
            &[field("x", DataType::Int)],
            &[field(added, DataType::Float)],
            &TextFormat::default(),
            10,
        )
    };
    let complaint = open("x").err().expect("taken").report();
    assert!(complaint.contains("has a column `x`, as the one to be added is called"), "{complaint}");
    let mut append = open("y").expect("opened");
    append.read().expect_err("a bad value");
    drop(append);
    let names: Vec<_> = std::fs::read_dir(project.root())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["in.csv"]);
}

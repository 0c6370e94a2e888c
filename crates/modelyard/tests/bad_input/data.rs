//! Tables, queries, checks and splits.

use super::hostile::{Project, rows};

#[test]
fn a_source_that_is_missing_empty_or_ragged() {
    let project = Project::new("");
    project.write("data/rows.csv", &(rows(8) + "train,plain\n"));
    project.fails(&["run"], 4, "cannot read `data/rows.csv`: line 10 has 2 fields, the first line 4 fields");
    project.write("data/rows.csv", "");
    project.fails(&["run"], 4, "`data/rows.csv` is empty");
    std::fs::remove_file(project.root().join("data/rows.csv")).unwrap();
    project.fails(&["run"], 4, "there is no file `data/rows.csv`");
    // Put right, it goes on.
    project.write("data/rows.csv", &rows(8));
    project.succeeds(&["run"]);
}

#[test]
fn a_query_is_shown_with_a_caret() {
    let project = Project::new("");
    let with_sql = |sql: &str| {
        project.configure("");
        let file = project.root().join("modelyard.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("format = \"csv\"", &format!("format = \"csv\"\nsql = {sql:?}"));
        std::fs::write(&file, text).unwrap();
    };
    with_sql("select part, y, now() as at from rows");
    let ended = project.fails(&["run"], 3, "the SQL uses `now`, whose value changes by itself");
    assert!(
        ended.stderr.contains("select part, y, now() as at from rows\n      |                 ^^^\n"),
        "{}",
        ended.text()
    );
    with_sql("select part, y, z from rows");
    let ended = project.fails(&["run"], 3, "the SQL names column `z`, which no source in reach has");
    assert!(ended.stderr.contains("hint: did you mean `x`?"), "{}", ended.text());
}

#[test]
fn a_failed_check_names_column_rule_count_and_rows() {
    let project = Project::new(
        "[data.rows.checks]\nrows.min = 100\ncolumns.x = { max = 57 }\ncolumns.note = { values = [\"plain\"] }\n",
    );
    let ended = project.fails(&["run"], 5, "data set `rows` breaks 3 checks");
    for line in [
        "rows: at least 100 wanted, 60 found",
        "x: at most 57 wanted, 2 rows break it",
        "x 58",
        "x 59",
        "note: one of `plain` wanted, 15 rows break it",
    ] {
        assert!(ended.stderr.contains(line), "{line}\n{}", ended.text());
    }
}

#[test]
fn a_split_that_leaves_a_part_empty() {
    let project = Project::line("");
    project.write("data/rows.csv", &rows(60).replace("\ntest,", "\ntrain,"));
    let ended = project.fails(&["run"], 4, "the split leaves `test` without rows, of 60 rows");
    assert!(ended.stderr.contains("`part` says `test` in no row"), "{}", ended.text());
}

//! Every bad input has a message of its own: what was found, where, what to do.

use std::collections::BTreeMap;

use crate::common::{Project, as_is, by_sql, source};
use modelyard_core::config::{ColumnChecks, DataSet, Limit, Split};
use modelyard_core::data::Roles;
use modelyard_core::table::DataType;

/// Ingests data set `d` and compares what is said.
#[track_caller]
fn check(project: &Project, dataset: &DataSet, expected: &str) {
    assert_eq!(project.complaint(dataset), expected);
}

const TRIPS: &str =
    "id,at,km,city\n1,2024-01-01 08:00,1.5,Rome\n2,2024-01-02 08:00,2.5,Oslo\n3,2024-01-03 08:00,,Rome\n";

fn trips() -> Project {
    let project = Project::new();
    project.write("trips.csv", TRIPS);
    project
}

fn sql(text: &str) -> DataSet {
    by_sql(&[("trips", "trips.csv")], text)
}

#[test]
fn a_missing_file() {
    check(
        &trips(),
        &as_is("trip.csv"),
        "there is no file `trip.csv`\n  source: s\n  hint: did you mean `trips.csv`?",
    );
    check(
        &trips(),
        &as_is("data/*.csv"),
        "no file matches `data/*.csv`\n  source: s\n  hint: paths are relative to the folder of `modelyard.toml`",
    );
}

#[test]
fn a_folder_an_unknown_kind_and_two_kinds() {
    let project = Project::new();
    project.write("a/x.csv", "x\n1\n").write("a/y.parquet", "").write("a/z.xlsx", "");
    check(
        &project,
        &as_is("a"),
        "source `a` is a folder\n  source: s\n  hint: name the files in it: `a/*.csv`",
    );
    check(
        &project,
        &as_is("a/z.xlsx"),
        "cannot tell from its name what `a/z.xlsx` holds\n  hint: a source ends in .csv, .csv.gz, .tsv, .tsv.gz, \
         .txt, .txt.gz, .parquet, .pq",
    );
    check(
        &project,
        &as_is("a/[xy].*"),
        "`a/x.csv` and `a/y.parquet` are of different kinds\n  hint: the files of one source are all of one kind; \
         narrow the glob",
    );
}

#[test]
fn an_empty_file_and_one_without_rows() {
    let project = Project::new();
    project.write("empty.csv", "").write("head.csv", "a,b\n");
    check(
        &project,
        &as_is("empty.csv"),
        "`empty.csv` is empty\n  hint: a file without rows has at least the line that names its columns",
    );
    check(&project, &as_is("head.csv"), "source `s` has columns but no rows\n  files: `head.csv`");
}

#[test]
fn ragged_text_with_file_and_line() {
    let project = Project::new();
    project.write("a.csv", "a,b\n1,2\n\"x\ny\",3\n4,5,6\n");
    check(
        &project,
        &as_is("a.csv"),
        "cannot read `a.csv`: line 5 has 3 fields, the first line 2 fields\n  hint: a text that holds the delimiter \
         or a line break has to stand in quotes",
    );
    project.write("a.csv", "a,a\n1,2\n");
    check(&project, &as_is("a.csv"), "cannot read `a.csv`: two columns are called `a`");
    project.write("a.csv", ",a\n1,2\n");
    check(
        &project,
        &as_is("a.csv"),
        "cannot read `a.csv`: column 1 has no name\n  hint: name it in the first line, leave it out (pandas: \
         `to_csv(…, index=False)`), or set `header = false`",
    );
}

#[test]
fn text_that_is_not_utf8_and_a_damaged_archive() {
    let project = Project::new();
    std::fs::write(project.path("latin.csv"), b"name\nJos\xe9\n").expect("written");
    check(
        &project,
        &as_is("latin.csv"),
        "cannot read `latin.csv`: column `name` in line 2 is not UTF-8: `Jos\u{fffd}`\n  hint: save the file as UTF-8",
    );
    std::fs::write(project.path("a.csv.gz"), "not packed").expect("written");
    check(&project, &as_is("a.csv.gz"), "cannot read `a.csv.gz`\n  cause: invalid gzip header");
    std::fs::write(project.path("a.parquet"), "no parquet at all").expect("written");
    let complaint = project.complaint(&as_is("a.parquet"));
    assert!(complaint.starts_with("cannot read `a.parquet` as Parquet\n  cause: "), "{complaint}");
}

#[test]
fn columns_that_differ_between_files() {
    let project = Project::new();
    project.write("m/01.csv", "a,b\n1,2\n").write("m/02.csv", "b,a\n3,4\n").write("m/03.csv", "a,c\n5,6\n");
    check(
        &project,
        &as_is("m/*.csv"),
        "`m/03.csv` has other columns than `m/01.csv`\n  missing: `b`\n  besides: `c`\n  hint: all files of a source \
         have the same columns; make two sources of them, or narrow the glob",
    );
}

#[test]
fn declared_types_that_do_not_hold() {
    let mut dataset = as_is("trips.csv");
    let typed = |name: &str, data_type| {
        let mut source = source("trips.csv");
        source.types = BTreeMap::from([(name.to_owned(), data_type)]);
        BTreeMap::from([("s".to_owned(), source)])
    };
    dataset.sources = typed("city", DataType::Int);
    check(
        &trips(),
        &dataset,
        "cannot read `trips.csv`: column `city` in line 2 is `Rome`, which is no int\n  hint: if it stands for a \
         missing value, list it in `nulls`",
    );
    dataset.sources = typed("citty", DataType::Int);
    check(
        &trips(),
        &dataset,
        "a type is declared for column `citty`, which source `s` does not have\n  hint: did you mean `city`?",
    );
}

#[test]
fn functions_that_change_by_themselves() {
    check(
        &trips(),
        &sql("select id,\n       now() as today\nfrom trips"),
        "the SQL uses `now`, whose value changes by itself: the same sources have to give the same rows\n  \
         at: line 2, column 8 of the SQL\n    2 |        now() as today\n      |        ^^^\n  \
         hint: write the date or time down, or take it from the data, such as `(select max(time) from …)`",
    );
    for (text, name) in [
        ("select * from trips where random() < 0.5", "random"),
        ("select id, uuid() as u from trips", "uuid"),
        ("select id from trips where at < current_timestamp", "current_timestamp"),
        ("select id from trips where at < CURRENT_DATE", "current_date"),
        ("select id from trips where exists (select 1 from trips order by Random())", "random"),
        ("with x as (select current_time as t from trips) select t from x", "current_time"),
        ("select id, version() as v from trips", "version"),
    ] {
        let complaint = trips().complaint(&sql(text));
        assert!(complaint.starts_with(&format!("the SQL uses `{name}`, whose value")), "{text}: {complaint}");
        assert!(complaint.contains("^^^"), "{text}: {complaint}");
    }
}

#[test]
fn sql_that_does_not_parse() {
    check(
        &trips(),
        &sql("select id\nfrom trips\nwhere km >"),
        "cannot understand the SQL: expected: an expression, found: its end\n  at: line 3, column 11 of the SQL\n    \
         3 | where km >\n      |           ^",
    );
    check(
        &trips(),
        &sql("select id\nfrom trips wher km > 1"),
        "cannot understand the SQL: expected: end of statement, found: km\n  at: line 2, column 17 of the SQL\n    \
         2 | from trips wher km > 1\n      |                 ^^",
    );
    check(&trips(), &sql("  -- nothing\n"), "the SQL is empty");
}

#[test]
fn names_that_are_not_there() {
    check(
        &trips(),
        &sql("select id, t.kms as km\nfrom trips t"),
        "the SQL names column `kms` of `t`, which has no such column\n  at: line 1, column 12 of the SQL\n    \
         1 | select id, t.kms as km\n      |            ^^^^^\n  hint: did you mean `km`?",
    );
    check(
        &trips(),
        &sql("select ID from trips"),
        "the SQL names column `ID`, which no source in reach has\n  at: line 1, column 8 of the SQL\n    \
         1 | select ID from trips\n      |        ^^\n  hint: did you mean `id`?",
    );
    check(
        &trips(),
        &sql("select id\nfrom trip"),
        "the SQL names `trip`, which is no source\n  at: line 2, column 6 of the SQL\n    2 | from trip\n      |      \
         ^^^^\n  hint: did you mean `trips`?",
    );
}

#[test]
fn anything_but_one_query() {
    check(
        &trips(),
        &sql("select id from trips;\nselect km from trips"),
        "the SQL holds more than one statement\n  at: line 2, column 1 of the SQL\n    2 | select km from trips\n      \
         | ^^^^^^^^^^^^^^^^^^^^\n  hint: the SQL of a data set is one query; put the first steps into `with NAME as (…)`",
    );
    for text in [
        "create table x as select * from trips",
        "insert into trips values (1)",
        "copy trips to 'x.csv'",
        "drop table trips",
        "set x = 1",
        "explain select * from trips",
        "update trips set km = 1",
        "delete from trips",
    ] {
        let complaint = trips().complaint(&sql(text));
        let word = text.split(' ').next().expect("a word");
        assert!(
            complaint.starts_with(&format!("the SQL is no query: it begins with `{word}`")),
            "{text}: {complaint}"
        );
    }
    for text in
        ["select * into x from trips", "select * from 'trips.csv'", "select * from read_csv('trips.csv')"]
    {
        let complaint = trips().complaint(&sql(text));
        assert!(!complaint.starts_with("no complaint"), "{text}: {complaint}");
    }
}

#[test]
fn columns_without_a_name_or_with_the_same() {
    check(
        &trips(),
        &sql("select id, km * 2 from trips"),
        "a column of the SQL has no name: `km * 2`\n  at: line 1, column 12 of the SQL\n    1 | select id, km * 2 from \
         trips\n      |            ^^^^^^\n  hint: give it one: `… as name`",
    );
    for text in ["select id, km as id from trips", "select * from trips a join trips b on a.id = b.id"] {
        check(
            &trips(),
            &sql(text),
            "the SQL yields two columns called `id`\n  hint: give each a name of its own (`… as name`), or leave one out",
        );
    }
    check(
        &trips(),
        &sql("select id from trips a join trips b on a.id = b.id"),
        "column `id` in the SQL could be of several tables\n  at: line 1, column 8 of the SQL\n    1 | select id from \
         trips a join trips b on a.id = b.id\n      |        ^^\n  hint: write the table's name before it",
    );
}

#[test]
fn columns_of_a_type_that_no_table_has() {
    check(
        &trips(),
        &sql("select id, [km, km] as both from trips"),
        "column `both` of the SQL has the type list\n  hint: a column holds bools, numbers, strings, dates or \
         times: `cast(both as …)`",
    );
    check(
        &trips(),
        &sql("select cast(18446744073709551615 as bigint unsigned) as big from trips"),
        "cannot read column `big` as int\n  cause: Cast error: Can't cast value 18446744073709551615 to type Int64",
    );
    check(
        &trips(),
        &sql("select sum(distinct km) as a, sum(distinct id) as b from trips"),
        "the SQL uses `sum(distinct …)`, which takes the values in an arbitrary order\n  hint: make the values distinct \
         first: `from (select distinct … ) as d`",
    );
}

#[test]
fn a_query_that_fails_while_it_runs() {
    check(
        &trips(),
        &sql("select cast(city as int) as c from trips"),
        "the SQL failed\n  cause: Cast error: Cannot cast string 'Rome' to value of Int32 type",
    );
    check(
        &trips(),
        &sql("select a.id from trips a join trips b on a.id = b.id + 10"),
        "data set `d` has no rows\n  inner join: trips b on a.id = (b.id + 10): none of 3 rows left\n  hint: `modelyard \
         data preview` runs the SQL on a sample",
    );
}

#[test]
fn every_broken_check_with_rows() {
    let mut dataset = as_is("trips.csv");
    dataset.roles = Roles { id: Some("id".to_owned()), private: vec!["city".to_owned()], ..Roles::default() };
    dataset.checks.min_rows = Some(10_000);
    dataset.checks.columns = BTreeMap::from([
        (
            "km".to_owned(),
            ColumnChecks {
                min: Some(Limit::Number(2.0)),
                max: Some(Limit::Number(2.2)),
                nulls: Some(0.05),
                ..ColumnChecks::default()
            },
        ),
        (
            "city".to_owned(),
            ColumnChecks { unique: true, values: Some(vec!["Rome".to_owned()]), ..ColumnChecks::default() },
        ),
        ("id".to_owned(), ColumnChecks { data_type: Some(DataType::String), ..ColumnChecks::default() }),
    ]);
    check(
        &trips(),
        &dataset,
        "data set `d` breaks 7 checks\n  \
         rows: at least 10,000 wanted, 3 found\n  \
         city: one of `Rome` wanted, 1 row breaks it\n    id 2\n  \
         city: each value once wanted, 2 rows break it\n    id 1\n    id 3\n  \
         id: type string wanted, int found\n  \
         km: at least 2 wanted, 1 row breaks it\n    km 1.5, id 1\n  \
         km: at most 2.2 wanted, 1 row breaks it\n    km 2.5, id 2\n  \
         km: at most 5 % missing wanted, 33.3 % found (1 row)\n    km missing, id 3",
    );
    dataset.checks.columns = BTreeMap::from([("kms".to_owned(), ColumnChecks::default())]);
    check(
        &trips(),
        &dataset,
        "a check of data set `d` names column `kms`, which it does not have\n  hint: did you mean `km`?",
    );
    dataset.checks.columns = BTreeMap::from([(
        "city".to_owned(),
        ColumnChecks { min: Some(Limit::Number(0.0)), ..ColumnChecks::default() },
    )]);
    check(
        &trips(),
        &dataset,
        "a check of data set `d` bounds column `city` by 0, which is string\n  hint: `min` and `max` are for numbers, dates and timestamps",
    );
}

#[test]
fn times_have_bounds_too_and_a_day_counts_as_a_whole() {
    let bounded = |min: &str, max: &str| {
        let mut dataset = as_is("trips.csv");
        dataset.roles = Roles { time: Some("at".to_owned()), ..Roles::default() };
        let bound = |text: &str| Some(Limit::Time(text.to_owned()));
        let checks = ColumnChecks { min: bound(min), max: bound(max), ..ColumnChecks::default() };
        dataset.checks.columns = BTreeMap::from([("at".to_owned(), checks)]);
        dataset
    };
    check(
        &trips(),
        &bounded("2024-01-01T08:00:01Z", "2024-01-02"),
        "data set `d` breaks 2 checks\n  \
         at: at least 2024-01-01T08:00:01Z wanted, 1 row breaks it\n    at 2024-01-01T08:00:00\n  \
         at: at most 2024-01-02 wanted, 1 row breaks it\n    at 2024-01-03T08:00:00",
    );
    let mut wrong = bounded("2024-01-01", "2024-01-03");
    wrong.checks.columns = BTreeMap::from([(
        "at".to_owned(),
        ColumnChecks { max: Some(Limit::Number(3.0)), ..ColumnChecks::default() },
    )]);
    check(
        &trips(),
        &wrong,
        "a check of data set `d` bounds column `at` by 3, which is timestamp\n  hint: `min` and `max` of a time are a \
         date or a time in quotes: \"2013-01-31\"",
    );
}

#[test]
fn splits_that_cannot_be() {
    let split = |split| DataSet { split, ..as_is("trips.csv") };
    let time =
        |column: &str, test, validation| split(Split::Time { column: column.to_owned(), test, validation });
    let two = Project::new();
    two.write("trips.csv", "at\n2024-01-01\n2024-01-02\n");
    check(
        &two,
        &time("at", 0.4, 0.4),
        "the split leaves `train` without rows, of 2 rows\n  hint: all rows of one instant of `at` go together: more \
         instants, or other shares",
    );
    check(
        &trips(),
        &time("km", 0.3, 0.0),
        "cannot split by time: column `km` is float\n  hint: a time is a timestamp, a date or an int; `cast` or \
         `to_timestamp` it in `sql`, or declare its type",
    );
    check(
        &trips(),
        &time("att", 0.3, 0.0),
        "the split of data set `d` names column `att`, which it does not have\n  hint: did you mean `at`?",
    );
    check(
        &trips(),
        &time("at", 0.5, 0.5),
        "a split of 0.5 for test and 0.5 for validation leaves nothing to train on\n  hint: both are shares of all \
         rows, from 0 up, together below 1",
    );
    check(
        &trips(),
        &split(Split::Random { seed: 1, key: Vec::new(), test: 1e-9, validation: 0.0 }),
        "the split leaves `test` without rows, of 3 rows\n  hint: more rows, or a larger share",
    );
    check(
        &trips(),
        &split(Split::Column { column: "city".to_owned() }),
        "cannot split by column `city`: it says `Rome` in 2 rows\n  hint: each row says `train`, `validation` or `test`",
    );
    let project = Project::new();
    project.write("trips.csv", "at,side\n2024-01-01,train\n,train\n");
    check(
        &project,
        &time("at", 0.3, 0.0),
        "cannot split by time: column `at` is missing in 1 row\n  hint: leave them out in `sql`: `where at is not null`",
    );
    check(
        &project,
        &split(Split::Column { column: "side".to_owned() }),
        "the split leaves `test` without rows, of 2 rows\n  hint: `side` says `test` in no row",
    );
}

#[test]
fn roles_and_a_target_that_are_not_there() {
    let mut dataset = as_is("trips.csv");
    dataset.roles.private = vec!["citi".to_owned()];
    check(
        &trips(),
        &dataset,
        "the role `private` of data set `d` names column `citi`, which it does not have\n  hint: did you mean `city`?",
    );
    let project = trips();
    let dataset = as_is("trips.csv");
    let request = modelyard_data::Ingest { target: Some("price"), ..project.request(&dataset, None) };
    let fault = modelyard_data::ingest(&request, project.root()).expect_err("no such target");
    assert_eq!(
        fault.report(),
        "the target of data set `d` names column `price`, which it does not have\n  hint: there are: `id`, `at`, `km`, \
         `city`"
    );
}

#[test]
fn several_sources_and_no_query() {
    let mut dataset = as_is("trips.csv");
    dataset.sources.insert("t".to_owned(), source("trips.csv"));
    check(
        &trips(),
        &dataset,
        "data set `d` has 2 sources and no `sql`\n  hint: name one source, or say in `sql` how one table comes from them",
    );
}

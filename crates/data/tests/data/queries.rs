//! Queries of many kinds: they run, answer what SQL says, and count what they lose.

use modelyard_core::table::{Column, Table};

use crate::common::{Project, by_sql};

fn project() -> Project {
    let project = Project::new();
    project
        .write("a.csv", "\u{feff}id,g,x\n1,p,0.1\n2,p,0.2\n3,q,0.3\n4,,0.4\n")
        .write("b.csv", "id,y\n1,10\n3,30\n3,31\n9,90\n");
    project
}

/// The answer's rows as text, in canonical order, and what was lost.
fn ask(sql: &str) -> (Vec<String>, Vec<String>) {
    let project = project();
    let done = match project.ingest(&by_sql(&[("a", "a.csv"), ("b", "b.csv")], sql)) {
        Ok(done) => done,
        Err(fault) => panic!("{sql}: {}", fault.report()),
    };
    let part = &done.parts[&modelyard_core::data::Part::Train];
    let table: Table = modelyard_data::read_table(&part.parquet, None).expect("read");
    let text = |column: &Column, row| column.text(row).unwrap_or_else(|| "-".to_owned());
    let rows = (0..table.rows())
        .map(|row| table.columns().map(|(_, column)| text(column, row)).collect::<Vec<_>>().join(" "))
        .collect();
    let losses = done
        .losses
        .iter()
        .map(|loss| format!("{} {} → {}", loss.operation, loss.rows_in, loss.rows_out))
        .collect();
    (rows, losses)
}

#[track_caller]
fn check(sql: &str, rows: &[&str], losses: &[&str]) {
    let (found, lost) = ask(sql);
    assert_eq!(found, rows, "{sql}");
    assert_eq!(lost, losses, "{sql}");
}

#[test]
fn joins_say_what_they_lost_and_multiplied() {
    check("select a.id, y from a join b on a.id = b.id", &["1 10", "3 30", "3 31"], &["inner join 4 → 3"]);
    check(
        "select a.id, y from a left join b on a.id = b.id",
        &["1 10", "2 -", "3 30", "3 31", "4 -"],
        &["left join 4 → 5"],
    );
    check(
        "select b.id, x from a right join b on a.id = b.id",
        &["1 0.1", "3 0.3", "3 0.3", "9 -"],
        &["right join 4 → 4"],
    );
    check(
        "select a.id from a full join b on a.id = b.id where a.id = 9 or b.id = 9",
        &["-"],
        &["full join 4 → 6", "filter 6 → 1"],
    );
    check(
        "select a.id from a, b where a.id = b.id and y > 10",
        &["3", "3"],
        &["filter 4 → 3", "inner join 4 → 2"],
    );
    check("select id from a where id in (select id from b)", &["1", "3"], &["semi join 4 → 2"]);
    check(
        "select id from a where not exists (select 1 from b where b.id = a.id)",
        &["2", "4"],
        &["anti join 4 → 2"],
    );
    check("select count(*) as n from a cross join b", &["16"], &["cross join 4 → 16"]);
}

#[test]
fn other_kinds_of_queries() {
    check(
        "select g, avg(x) as m from a group by g having count(*) > 1",
        &["p 0.15000000000000002"],
        &["filter 3 → 1"],
    );
    check("select id from a union select id from b", &["1", "2", "3", "4", "9"], &[]);
    check("select id from a except select id from b", &["2", "4"], &["anti join 4 → 2"]);
    check(
        "select id, row_number() over (partition by g order by x desc) as r from a",
        &["1 2", "2 1", "3 1", "4 1"],
        &[],
    );
    check("select id from a order by x desc limit 2", &["3", "4"], &[]);
    check("select id, (select max(y) from b) as top from a where id < 2", &["1 90"], &["filter 4 → 1"]);
    check("select distinct g from a where g is not null", &["p", "q"], &["filter 4 → 3"]);
    check("select * from (values (1, 'x'), (2, 'y')) as v(n, s)", &["1 x", "2 y"], &[]);
    check(
        "with recursive n as (select 1 as i union all select i + 1 from n where i < 3) select i from n",
        &["1", "2", "3"],
        &["filter 3 → 2"],
    );
    check("select unnest([id, id * 10]) as v from a where id = 1", &["1", "10"], &["filter 4 → 1"]);
    check("SELECT COUNT(*) AS n, Sum(x) AS s FROM a", &["4 1.0"], &[]);
    check("select sum(distinct x) as s from a", &["1.0"], &[]);
}

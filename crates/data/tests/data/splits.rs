//! Splits: a row keeps its part whatever rows come and go, shares are about as declared, an
//! instant is on one side.

use std::collections::{BTreeMap, BTreeSet};

use crate::common::{Project, as_is};
use modelyard_core::config::{DataSet, Split, TableFormat};
use modelyard_core::data::{Part, Roles};
use modelyard_core::table::{Column, Table};
use modelyard_data::{Ingested, row_hashes};
use proptest::prelude::*;

fn ints(done: &Ingested, part: Part, column: &str) -> Vec<i64> {
    let Some(file) = done.parts.get(&part) else { return Vec::new() };
    let table = modelyard_data::read_table(&file.parquet, None).expect("read");
    match table.column(column) {
        Some(Column::Int(values)) => values.iter().flatten().copied().collect(),
        other => panic!("{column} is {other:?}"),
    }
}

fn csv(rows: impl IntoIterator<Item = (i64, i64)>) -> String {
    let lines: String = rows.into_iter().map(|(k, v)| format!("{k},{v}\n")).collect();
    format!("k,v\n{lines}")
}

fn random(key: &[&str]) -> DataSet {
    let key = key.iter().map(|name| (*name).to_owned()).collect();
    DataSet { split: Split::Random { seed: 7, key, test: 0.2, validation: 0.1 }, ..as_is("x.csv") }
}

/// What was ingested, with the folder it lies in.
struct Done {
    done: Ingested,
    _project: Project,
}

impl std::ops::Deref for Done {
    type Target = Ingested;

    fn deref(&self) -> &Ingested {
        &self.done
    }
}

fn ingest(text: &str, dataset: &DataSet) -> Done {
    let project = Project::new();
    project.write("x.csv", text);
    Done { done: project.ingest(dataset).expect("ingested"), _project: project }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn added_rows_move_no_other(first in 0..5000_i64, count in 300..600_i64, added in 1..300_i64) {
        let rows = |count: i64| (first..first + count).map(|k| (k, k % 7));
        let (before, after) = (ingest(&csv(rows(count)), &random(&[])), ingest(&csv(rows(count + added)), &random(&[])));
        for part in Part::ALL {
            let kept: BTreeSet<i64> = ints(&after, part, "k").into_iter().filter(|k| *k < first + count).collect();
            let was: BTreeSet<i64> = ints(&before, part, "k").into_iter().collect();
            prop_assert_eq!(kept, was);
        }
    }

    #[test]
    fn rows_of_one_key_stay_together_and_other_values_do_not_matter(groups in 60..120_i64, size in 1..5_i64) {
        let rows = |shift: i64| (0..groups * size).map(move |row| (row % groups, row + shift));
        let (one, other) = (ingest(&csv(rows(0)), &random(&["k"])), ingest(&csv(rows(1000)), &random(&["k"])));
        let mut seen = BTreeSet::new();
        for part in Part::ALL {
            let keys: BTreeSet<i64> = ints(&one, part, "k").into_iter().collect();
            prop_assert!(keys.iter().all(|key| seen.insert(*key)));
            prop_assert_eq!(&keys, &ints(&other, part, "k").into_iter().collect::<BTreeSet<i64>>());
        }
    }

    #[test]
    fn an_instant_is_on_one_side(instants in 4..40_i64, rows in 100..300_i64) {
        let text = csv((0..rows).map(|row| (row % instants, row)));
        let split = Split::Time { column: "k".to_owned(), test: 0.2, validation: 0.2 };
        let done = ingest(&text, &DataSet { split, ..as_is("x.csv") });
        let (train, validation, test) =
            (ints(&done, Part::Train, "k"), ints(&done, Part::Validation, "k"), ints(&done, Part::Test, "k"));
        prop_assert!(train.iter().max() < validation.iter().min());
        prop_assert!(validation.iter().max() < test.iter().min());
        prop_assert_eq!((train.len() + validation.len() + test.len()) as i64, rows);
    }
}

#[test]
fn random_shares_are_about_as_declared() {
    let rows = 20_000;
    let done = ingest(&csv((0..rows).map(|k| (k, 0))), &random(&[]));
    for (part, share) in [(Part::Train, 0.7), (Part::Validation, 0.1), (Part::Test, 0.2)] {
        let found = done.parts[&part].rows as f64 / rows as f64;
        // Five standard deviations of a binomial share.
        assert!(
            (found - share).abs() < 5.0 * (share * (1.0 - share) / rows as f64).sqrt(),
            "{part:?} {found}"
        );
    }
}

#[test]
fn equal_rows_are_spread_like_others() {
    let done = ingest(&csv((0..3000).map(|_| (1, 1))), &random(&[]));
    let test = done.parts[&Part::Test].rows;
    assert!((450..750).contains(&test), "{test}");
}

#[test]
fn the_id_is_the_key_unless_another_is_declared() {
    let text = csv((0..400).map(|k| (k, k)));
    let changed = csv((0..400).map(|k| (k, -k)));
    let dataset = DataSet { roles: Roles { id: Some("k".to_owned()), ..Roles::default() }, ..random(&[]) };
    for part in Part::ALL {
        assert_eq!(ints(&ingest(&text, &dataset), part, "k"), ints(&ingest(&changed, &dataset), part, "k"));
    }
}

#[test]
fn another_seed_is_another_split() {
    let text = csv((0..400).map(|k| (k, k)));
    let mut other = random(&[]);
    other.split = Split::Random { seed: 8, key: Vec::new(), test: 0.2, validation: 0.1 };
    let (one, other) = (ingest(&text, &random(&[])), ingest(&text, &other));
    assert_ne!(one.digest, other.digest);
}

#[test]
fn a_column_says_the_part_and_is_dropped() {
    let project = Project::new();
    project.write("x.csv", "k,part\n1,train\n2,test\n3,validation\n4,train\n");
    let split = Split::Column { column: "part".to_owned() };
    let dataset = DataSet { split, format: TableFormat::Csv, ..as_is("x.csv") };
    let done = project.ingest(&dataset).expect("ingested");
    assert_eq!(ints(&done, Part::Train, "k"), [1, 4]);
    assert_eq!(done.schema.len(), 1);
    let csv = done.parts[&Part::Test].csv.as_ref().expect("a csv");
    assert_eq!(std::fs::read_to_string(csv).expect("read"), "k\n2\n");
    assert_eq!(done.rows, 4);
}

#[test]
fn rows_in_any_order_are_one_version_and_one_file() {
    let rows: Vec<(i64, i64)> = (0..200).map(|k| (k % 13, k)).collect();
    let mut turned = rows.clone();
    turned.reverse();
    let (one, other) = (ingest(&csv(rows), &random(&[])), ingest(&csv(turned), &random(&[])));
    assert_eq!(one.digest, other.digest);
    let bytes = |done: &Ingested| std::fs::read(&done.parts[&Part::Train].parquet).expect("read");
    assert_eq!(bytes(&one), bytes(&other));
}

#[test]
fn parts_share_no_row_and_put_together_are_all_rows() {
    let project = Project::new();
    project.write("x.csv", &csv((0..500).map(|k| (k, k % 3))));
    let done = project.ingest(&random(&[])).expect("ingested");
    let columns = ["k".to_owned(), "v".to_owned()];
    let hashes: BTreeMap<Part, BTreeSet<u128>> = done
        .parts
        .iter()
        .map(|(part, file)| {
            (*part, row_hashes(&file.parquet, &columns).expect("hashed").into_iter().collect())
        })
        .collect();
    assert!(hashes[&Part::Train].is_disjoint(&hashes[&Part::Test]));
    let paths = [done.parts[&Part::Validation].parquet.clone(), done.parts[&Part::Train].parquet.clone()];
    let out = project.path("refit.parquet");
    let written = modelyard_data::concat(&paths, &out, None).expect("written");
    let table: Table = modelyard_data::read_table(&out, None).expect("read");
    assert_eq!(written.digest, modelyard_data::logical_digest(&table));
    assert_eq!(written.rows, done.parts[&Part::Train].rows + done.parts[&Part::Validation].rows);
    assert!(ints(&done, Part::Train, "k").is_sorted());
}

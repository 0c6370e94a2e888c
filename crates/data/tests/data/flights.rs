//! The example's query over a small set of made-up flights: one digest, whatever happens.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::common::{Project, by_sql};
use modelyard_core::config::{DataSet, Split};
use modelyard_core::data::{Part, Roles};
use modelyard_core::table::{Column, DataType};

const SQL: &str = "
with known as (
  select origin, time_hour + interval '2 hours' as time_hour, least(coalesce(dep_delay, 120), 120) as delay from flights
  union all
  select origin, time_hour + interval '3 hours', least(coalesce(dep_delay, 180), 180) from flights
), recent as (select origin, time_hour, avg(delay) as recent_delay from known group by origin, time_hour)
select f.time_hour, f.carrier, f.origin, f.dest, f.hour, f.distance, w.temp, w.visib,
       p.seats, r.recent_delay, cast(f.arr_delay > 15 as int) as late
from flights f left join weather w on w.origin = f.origin and w.time_hour = f.time_hour
               left join planes p on p.tailnum = f.tailnum
               left join recent r on r.origin = f.origin and r.time_hour = f.time_hour
where f.arr_delay is not null
";

/// Numbers that look random and are the same everywhere.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

const ORIGINS: [&str; 3] = ["EWR", "JFK", "LGA"];

fn flights(month: u32, rows: u64) -> String {
    let mut numbers = Numbers(u64::from(month));
    let mut text = "time_hour,carrier,tailnum,origin,dest,hour,distance,dep_delay,arr_delay\n".to_owned();
    for _ in 0..rows {
        let (day, hour) = (numbers.below(28) + 1, numbers.below(18) + 5);
        let tailnum = numbers.below(40);
        let origin = ORIGINS[numbers.below(3) as usize];
        let delay = numbers.below(90) as f64 * 0.7 - 13.1;
        let arrival = if numbers.below(20) == 0 { String::new() } else { format!("{:.1}", delay * 1.1) };
        let distance = 200 + numbers.below(2000);
        writeln!(
            text,
            "2013-{month:02}-{day:02} {hour:02}:00:00,UA,N{tailnum},{origin},SFO,{hour},{distance},{delay:.1},{arrival}"
        )
        .expect("written");
    }
    text
}

fn project() -> Project {
    let project = Project::new();
    for month in 1..=3 {
        project.write(&format!("data/flights/2013-{month:02}.csv.gz"), &flights(month, 1500));
    }
    let mut weather = "origin,time_hour,temp,visib\n".to_owned();
    let mut planes = "tailnum,seats\n".to_owned();
    let mut numbers = Numbers(9);
    for month in 1..=3 {
        for day in 1..=28 {
            for hour in 5..23 {
                for origin in ORIGINS {
                    let temp = 300 + numbers.below(500);
                    let (whole, tenth) = (temp / 10, temp % 10);
                    writeln!(
                        weather,
                        "{origin},2013-{month:02}-{day:02}T{hour:02}:00:00Z,{whole}.{tenth},10"
                    )
                    .expect("written");
                }
            }
        }
    }
    for plane in 0..36 {
        writeln!(planes, "N{plane},{}", 100 + plane).expect("written");
    }
    project.write("data/weather.csv.gz", &weather).write("data/planes.csv.gz", &planes);
    project
}

fn dataset() -> DataSet {
    let sources = [
        ("flights", "data/flights/*.csv.gz"),
        ("weather", "data/weather.csv.gz"),
        ("planes", "data/planes.csv.gz"),
    ];
    DataSet {
        split: Split::Time { column: "time_hour".to_owned(), test: 0.1, validation: 0.1 },
        roles: Roles { time: Some("time_hour".to_owned()), ..Roles::default() },
        ..by_sql(&sources, SQL)
    }
}

#[test]
fn the_same_sources_are_the_same_version_twenty_times_and_in_two_threads() {
    let project = project();
    let first = project.ingest(&dataset()).expect("ingested");
    let digests: BTreeSet<_> = std::thread::scope(|scope| {
        let ingest = |thread: usize| {
            let out = project.path(&format!("out{thread}"));
            std::fs::create_dir_all(&out).expect("a folder");
            let dataset = dataset();
            let request = project.request(&dataset, None);
            (0..10)
                .map(|_| {
                    let done = modelyard_data::ingest(&request, &out).expect("ingested");
                    assert_eq!(done.losses, first.losses);
                    (done.digest, done.parts.values().map(|part| part.digest).collect::<Vec<_>>())
                })
                .collect::<Vec<_>>()
        };
        let other = scope.spawn(move || ingest(1));
        let mut all = ingest(2);
        all.extend(other.join().expect("no panic"));
        all.into_iter().collect()
    });
    assert_eq!(digests.len(), 1);
    assert_eq!(digests.first().map(|(digest, _)| *digest), Some(first.digest));
}

#[test]
fn another_month_is_another_version_and_without_it_the_first_comes_back() {
    let project = project();
    let first = project.ingest(&dataset()).expect("ingested");
    project.write("data/flights/2013-04.csv.gz", &flights(4, 300));
    let second = project.ingest_after(&dataset(), Some(&first.sources)).expect("ingested");
    assert_ne!(second.digest, first.digest);
    assert_eq!(second.sources[0].files.len(), 4);
    std::fs::remove_file(project.path("data/flights/2013-04.csv.gz")).expect("removed");
    let third = project.ingest_after(&dataset(), Some(&first.sources)).expect("ingested");
    assert_eq!(third.digest, first.digest);
}

#[test]
fn the_rows_that_joins_and_filters_lost_are_counted() {
    let done = project().ingest(&dataset()).expect("ingested");
    let losses: Vec<String> = done
        .losses
        .iter()
        .map(|loss| format!("{} {}: {} → {}", loss.operation, loss.on, loss.rows_in, loss.rows_out))
        .collect();
    let kept = done.rows;
    assert!(kept > 4200 && kept < 4400, "{kept}");
    assert_eq!(
        losses,
        [
            format!("filter flights.arr_delay IS NOT NULL: 4500 → {kept}"),
            format!(
                "left join weather w on f.origin = w.origin and f.time_hour = w.time_hour: {kept} → {kept}"
            ),
            format!("left join planes p on f.tailnum = p.tailnum: {kept} → {kept}"),
            format!(
                "left join recent r on f.origin = r.origin and f.time_hour = r.time_hour: {kept} → {kept}"
            ),
        ]
    );
}

#[test]
fn a_split_by_time_tests_the_last_instants_and_parts_are_in_order() {
    let project = project();
    let done = project.ingest(&dataset()).expect("ingested");
    let times = |part: Part| {
        let table = modelyard_data::read_table(&done.parts[&part].parquet, None).expect("read");
        let Some(Column::Timestamp(times)) = table.column("time_hour").cloned() else { panic!("a time") };
        times.into_iter().flatten().collect::<Vec<i64>>()
    };
    let (train, validation, test) = (times(Part::Train), times(Part::Validation), times(Part::Test));
    assert!(train.is_sorted() && validation.is_sorted() && test.is_sorted());
    assert!(train.last() < validation.first() && validation.last() < test.first());
    for part in [&validation, &test] {
        let share = part.len() as f64 / done.rows as f64;
        assert!((share - 0.1).abs() < 0.005, "{share}");
    }
    assert_eq!((train.len() + validation.len() + test.len()) as u64, done.rows);
    let types: Vec<_> = done.schema.iter().map(|field| (field.name.as_str(), field.data_type)).collect();
    assert_eq!(types[0], ("time_hour", DataType::Timestamp));
    assert_eq!(types[9..], [("recent_delay", DataType::Float), ("late", DataType::Int)]);
}

use modelyard_core::Timestamp;
use modelyard_core::data::NumberedVersion;
use modelyard_core::ports::Home;

use crate::support::{data_version, digest};

promises![
    new_digests_get_the_next_number,
    a_known_digest_keeps_number_and_time,
    numbers_belong_to_project_and_data_set,
    a_version_comes_back_as_it_was,
    the_newest_is_the_default,
    lists_are_by_name_and_newest_first,
    recording_at_once_leaves_no_gap,
    different_packages_are_counted,
];

async fn record(home: &Home, project: &str, name: &str, content: &str) -> NumberedVersion {
    let at = Timestamp::from_micros(1_000);
    home.data.record(project, &data_version(name, content), at).await.unwrap()
}

async fn new_digests_get_the_next_number(home: Home) {
    for (content, number) in [("a", 1), ("b", 2), ("c", 3)] {
        assert_eq!(record(&home, "p", "flights", content).await.number, number);
    }
}

async fn a_known_digest_keeps_number_and_time(home: Home) {
    let first = record(&home, "p", "flights", "a").await;
    record(&home, "p", "flights", "b").await;
    let later = Timestamp::from_micros(2_000);
    let again = home.data.record("p", &data_version("flights", "a"), later).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(home.data.list("p", None).await.unwrap().len(), 2);
}

async fn numbers_belong_to_project_and_data_set(home: Home) {
    for (project, name) in [("p", "flights"), ("p", "weather"), ("q", "flights")] {
        assert_eq!(record(&home, project, name, "a").await.number, 1);
    }
}

async fn a_version_comes_back_as_it_was(home: Home) {
    let recorded = record(&home, "p", "flights", "a").await;
    assert_eq!(recorded.data, data_version("flights", "a"));
    assert_eq!(home.data.get("p", "flights", Some(1)).await.unwrap(), Some(recorded));
    assert_eq!(home.data.get("p", "flights", Some(2)).await.unwrap(), None);
    assert_eq!(home.data.get("q", "flights", None).await.unwrap(), None);
    assert_eq!(home.data.get("p", "weather", None).await.unwrap(), None);
}

async fn the_newest_is_the_default(home: Home) {
    record(&home, "p", "flights", "a").await;
    let newest = record(&home, "p", "flights", "b").await;
    assert_eq!(home.data.get("p", "flights", None).await.unwrap(), Some(newest));
}

async fn lists_are_by_name_and_newest_first(home: Home) {
    for (name, content) in [("weather", "a"), ("flights", "a"), ("flights", "b")] {
        record(&home, "p", name, content).await;
    }
    record(&home, "q", "flights", "a").await;
    let names = |list: Vec<NumberedVersion>| -> Vec<String> {
        list.into_iter().map(|version| format!("{}@{}", version.data.name, version.number)).collect()
    };
    assert_eq!(names(home.data.list("p", None).await.unwrap()), ["flights@2", "flights@1", "weather@1"]);
    assert_eq!(names(home.data.list("p", Some("flights")).await.unwrap()), ["flights@2", "flights@1"]);
    assert!(home.data.list("p", Some("none")).await.unwrap().is_empty());
}

async fn recording_at_once_leaves_no_gap(home: Home) {
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            let home = home.clone();
            tokio::spawn(async move { record(&home, "p", "flights", &i.to_string()).await.number })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}

async fn different_packages_are_counted(home: Home) {
    let (split, other) = (digest("test rows"), digest("other rows"));
    for (split, package, count) in [(split, "a", 1), (split, "a", 1), (split, "b", 2), (other, "a", 1)] {
        assert_eq!(home.data.count_test_use(split, digest(package)).await.unwrap(), count);
    }
}

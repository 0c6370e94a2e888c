use std::fs;

use modelyard_core::Kind;
use modelyard_core::ports::Home;
use tempfile::tempdir;

use crate::deployed::id;
use crate::watched::segment;

promises![
    a_segment_is_kept_with_its_bytes,
    segments_after_one_are_told_by_their_numbers,
    segments_are_of_their_environment,
    a_compacted_segment_takes_the_place_of_others,
    a_removed_segment_is_gone_and_its_number_is_not_given_again,
    a_file_that_cannot_be_read_adds_nothing,
];

/// Adds a segment of `text`.
async fn add(home: &Home, environment: &str, text: &str, replaced: &[u64]) -> u64 {
    let folder = tempdir().unwrap();
    let path = folder.path().join("segment");
    fs::write(&path, text).unwrap();
    home.log.add(&segment(environment, 3), &path, replaced).await.unwrap().number
}

async fn numbers(home: &Home, after: u64) -> Vec<u64> {
    let segments = home.log.segments(&id("production"), after).await.unwrap();
    segments.iter().map(|segment| segment.number).collect()
}

async fn a_segment_is_kept_with_its_bytes(home: Home) {
    add(&home, "production", "rows", &[]).await;
    let segments = home.log.segments(&id("production"), 0).await.unwrap();
    assert_eq!(segments[0].content, segment("production", 3));
    assert_eq!(segments[0].size_bytes, 4);
    assert_eq!(fs::read(home.log.file(&segments[0]).await.unwrap()).unwrap(), b"rows");
}

async fn segments_after_one_are_told_by_their_numbers(home: Home) {
    for text in ["a", "b", "c"] {
        add(&home, "production", text, &[]).await;
    }
    assert_eq!(numbers(&home, 0).await, [1, 2, 3]);
    assert_eq!(numbers(&home, 2).await, [3]);
}

async fn segments_are_of_their_environment(home: Home) {
    add(&home, "staging", "a", &[]).await;
    assert_eq!(numbers(&home, 0).await, [] as [u64; 0]);
}

async fn a_compacted_segment_takes_the_place_of_others(home: Home) {
    add(&home, "production", "a", &[]).await;
    add(&home, "production", "b", &[]).await;
    let old = home.log.segments(&id("production"), 0).await.unwrap();
    add(&home, "production", "ab", &[1, 2]).await;
    assert_eq!(numbers(&home, 0).await, [3]);
    // The very same bytes again.
    add(&home, "production", "ab", &[3]).await;
    let new = home.log.segments(&id("production"), 0).await.unwrap();
    assert_eq!(fs::read(home.log.file(&new[0]).await.unwrap()).unwrap(), b"ab");
    drop(old);
}

async fn a_removed_segment_is_gone_and_its_number_is_not_given_again(home: Home) {
    add(&home, "production", "a", &[]).await;
    home.log.remove(&[1, 7]).await.unwrap();
    assert_eq!(numbers(&home, 0).await, [] as [u64; 0]);
    assert_eq!(add(&home, "production", "a", &[]).await, 2);
}

async fn a_file_that_cannot_be_read_adds_nothing(home: Home) {
    let folder = tempdir().unwrap();
    let fault = home.log.add(&segment("production", 1), &folder.path().join("none"), &[]).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::NotFound);
    assert_eq!(numbers(&home, 0).await, [] as [u64; 0]);
}

//! Windows of the flights example's year, judged: from rows in the log to alarms and causes of training.

mod stage;

use modelyard_core::monitor::{CauseState, NewLabel};
use modelyard_core::table::Column;
use modelyard_lifecycle::monitor::view;
use serde_json::json;

use stage::{Stage, day};

/// Weeks of 2013, from Monday, 31 December 2012.
fn weeks(from: usize, to: usize) -> std::ops::Range<usize> {
    from..to
}

#[tokio::test(flavor = "multi_thread")]
async fn training_weeks_raise_nothing_and_from_may_on_temp_and_dest_have_moved() {
    let stage = Stage::new().await;
    for week in weeks(0, 18) {
        stage.log(week).await;
        stage.look().await;
        assert_eq!(stage.open_alerts().await, Vec::<String>::new(), "week {week}");
    }
    assert_eq!(stage.home.causes.causes("flights").await.unwrap(), []);
    // A week is closed when a row of the next one came.
    let windows = stage.windows().await;
    assert_eq!(windows.len(), 17);
    assert!(windows.iter().all(|window| window.columns.len() == 10 && window.rows > 1_000), "{windows:?}");

    for week in weeks(18, 26) {
        stage.log(week).await;
        stage.look().await;
    }
    let windows = stage.windows().await;
    let moved: Vec<String> = windows
        .iter()
        .filter(|window| window.columns["temp"].moved)
        .map(|window| stage::date(window.start))
        .collect();
    assert_eq!(moved, ["2013-05-27", "2013-06-03", "2013-06-10", "2013-06-17"]);
    let temp = &windows.last().unwrap().columns["temp"];
    assert_eq!((temp.since, temp.test.as_str()), (Some(day("2013-05-20")), "wasserstein"));
    let alerts = stage.open_alerts().await;
    assert!(alerts.contains(&"drift temp: `temp` has moved since 2013-05-20".to_owned()), "{alerts:?}");
    assert!(alerts.iter().any(|alert| alert.starts_with("drift dest:")), "{alerts:?}");

    let applied = view::find(&stage.home, "late").await.unwrap();
    let status = view::status(&stage.home, &applied).await.unwrap();
    assert_eq!(status.model.as_deref(), Some("late@1"));
    let first = &status.columns[0];
    assert!(first.moved && status.columns.last().is_some_and(|last| !last.moved), "{status:?}");
    assert!(status.columns.iter().any(|column| column.name == "temp" && column.windows >= 5), "{status:?}");
    assert!(
        status.verdict.contains("temp") && status.verdict.contains("have moved since"),
        "{}",
        status.verdict
    );

    // Each window of drift is a cause, once, however often it is looked at.
    stage.look().await;
    let causes = stage.home.causes.causes("flights").await.unwrap();
    let mut keys: Vec<&str> = causes.iter().map(|cause| cause.key.as_str()).collect();
    keys.sort_unstable();
    assert!(keys.contains(&"window 2013-05-27T00:00:00Z") && keys.len() >= 4, "{keys:?}");
    assert!(causes.iter().all(|cause| cause.state == CauseState::Pending && cause.trigger == "drift"));
    assert!(causes.iter().any(|cause| cause.reason.contains("`temp`")), "{causes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_and_labels_that_are_late_open_a_window_again_as_long_as_its_grace_lasts() {
    let stage = Stage::new().await;
    stage.log_part(4, 0, 900).await;
    stage.log(5).await;
    stage.look().await;
    let windows = stage.windows().await;
    assert_eq!((windows.len(), windows[0].rows, windows[0].late), (1, 900, 0));

    stage.log_part(4, 900, 1_000).await;
    stage.look().await;
    let windows = stage.windows().await;
    assert_eq!((windows.len(), windows[0].rows, windows[0].late, windows[0].labelled), (1, 1_000, 100, 0));

    // Labels are judged as soon as no more of them come.
    let label = |row: usize| NewLabel {
        id: stage::prediction_id(4, row),
        label: json!(u8::from(row.is_multiple_of(4))),
    };
    let labels: Vec<NewLabel> = (0..500).map(label).collect();
    stage.home.labels.add_labels(&stage.id, &labels, stage.now()).await.unwrap();
    stage.look().await;
    assert_eq!(stage.windows().await[0].labelled, 0, "more labels may come");
    stage.look().await;
    let window = stage.windows().await.remove(0);
    assert_eq!(window.labelled, 500);
    let found = window.metrics["accuracy"];
    assert!(found.low < found.value && found.value < found.high && found.rows == 500, "{found:?}");

    // Two windows later nothing is taken any more; the week in which nothing came is a record too.
    stage.log(8).await;
    stage.log_part(4, 1_000, 1_200).await;
    stage.look().await;
    let windows = stage.windows().await;
    let rows: Vec<u64> = windows.iter().map(|window| window.rows).collect();
    assert_eq!(rows[0], 1_000);
    assert_eq!((rows.len(), rows[2], rows[3]), (4, 0, 0), "{rows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_from_the_future_closes_nothing_and_a_damaged_segment_is_told() {
    let stage = Stage::new().await;
    stage.log(4).await;
    let mut rows = stage.rows(4, 0, 1);
    let Some(Column::Timestamp(times)) = rows.take("time_hour") else { panic!("it has times") };
    rows.push("time_hour", Column::Timestamp(times.iter().map(|_| Some(stage::FUTURE_MICROS)).collect()));
    stage.add(&rows).await;
    stage.look().await;
    assert_eq!(stage.windows().await, []);

    stage.add_damaged(5).await;
    stage.log_part(5, 10, 400).await;
    stage.log(6).await;
    stage.look().await;
    let windows = stage.windows().await;
    assert_eq!(windows.len(), 2);
    assert_eq!(windows[1].rows, 390, "{windows:?}");
    assert!(windows[1].remarks.iter().any(|remark| remark.starts_with("rows were lost")), "{windows:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_changes_its_type_or_vanishes_is_told() {
    let stage = Stage::new().await;
    let mut rows = stage.rows(4, 0, 800);
    rows.take("visib");
    let Some(Column::Float(hours)) = rows.take("hour") else { panic!("hours are numbers") };
    rows.push(
        "hour",
        Column::String(hours.iter().map(|hour| hour.map(|hour| format!("{hour} h"))).collect()),
    );
    stage.add(&rows).await;
    stage.log(5).await;
    stage.look().await;
    let mut alerts = stage.open_alerts().await;
    alerts.sort();
    assert_eq!(
        alerts,
        [
            "schema hour: `hour` was of type float and is of type string now",
            "schema visib: `visib` is not sent any more",
        ]
    );
    stage.log(6).await;
    stage.look().await;
    assert_eq!(
        stage.open_alerts().await,
        Vec::<String>::new(),
        "they end with the window that is as it should be"
    );
}

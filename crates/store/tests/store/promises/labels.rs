use modelyard_core::monitor::{Added, Figure};
use modelyard_core::ports::Home;
use serde_json::json;

use crate::deployed::{at, id};
use crate::watched::label;

promises![
    of_several_labels_the_last_counts,
    what_became_of_labels_is_counted,
    labels_are_told_in_the_order_in_which_they_came,
    thousands_are_kept_at_once,
    figures_are_told_by_their_time,
];

async fn of_several_labels_the_last_counts(home: Home) {
    let production = id("production");
    for text in ["yes", "no", "maybe"] {
        home.labels.add_labels(&production, &[label("a", text)], at(0)).await.unwrap();
    }
    let twice = [label("b", 1), label("b", 2.5)];
    home.labels.add_labels(&production, &twice, at(1)).await.unwrap();
    let asked = ["a", "b", "c"].map(str::to_owned);
    let found = home.labels.labels_of(&production, &asked).await.unwrap();
    assert_eq!(found.len(), 2);
    assert_eq!(found["a"].label.label, json!("maybe"));
    assert_eq!((&found["b"].label.label, found["b"].at), (&json!(2.5), at(1)));
    assert!(home.labels.labels_of(&id("staging"), &asked).await.unwrap().is_empty());
}

async fn what_became_of_labels_is_counted(home: Home) {
    let production = id("production");
    let first = [label("a", 1), label("b", true), label("a", 1), label("a", 2)];
    let added: Added =
        home.labels.add_labels(&production, &first, at(0)).await.unwrap().into_iter().collect();
    assert_eq!(added, Added { new: 2, repeated: 1, changed: 1 });
    let again = [label("a", 2), label("b", false)];
    let added: Added =
        home.labels.add_labels(&production, &again, at(0)).await.unwrap().into_iter().collect();
    assert_eq!(added, Added { new: 0, repeated: 1, changed: 1 });
    let kept = home.labels.labels(&production, 0, 100).await.unwrap();
    assert_eq!(kept.len(), 4, "what says nothing new is not kept again");
}

async fn labels_are_told_in_the_order_in_which_they_came(home: Home) {
    let production = id("production");
    let labels: Vec<_> = (0..5).map(|n| label(&format!("p{n}"), n)).collect();
    home.labels.add_labels(&production, &labels, at(3)).await.unwrap();
    home.labels.add_labels(&id("staging"), &labels, at(3)).await.unwrap();
    let told = home.labels.labels(&production, 2, 2).await.unwrap();
    let ids: Vec<_> = told.iter().map(|label| (label.number, label.label.id.as_str())).collect();
    assert_eq!(ids, [(3, "p2"), (4, "p3")]);
}

async fn thousands_are_kept_at_once(home: Home) {
    let production = id("production");
    let labels: Vec<_> = (0..9_001).map(|n| label(&format!("p{n}"), n)).collect();
    let added: Added =
        home.labels.add_labels(&production, &labels, at(0)).await.unwrap().into_iter().collect();
    assert_eq!(added.new, 9_001);
    let asked: Vec<_> = labels.iter().map(|label| label.id.clone()).collect();
    assert_eq!(home.labels.labels_of(&production, &asked).await.unwrap().len(), 9_001);
}

async fn figures_are_told_by_their_time(home: Home) {
    let figure =
        |name: &str, seconds| Figure { name: name.to_owned(), value: 0.1, id: None, at: at(seconds) };
    let figures = [figure("revenue", 9), figure("refund", 3), figure("revenue", 10)];
    home.labels.add_figures(&id("production"), &figures).await.unwrap();
    let told = home.labels.figures(&id("production"), at(3), at(10)).await.unwrap();
    assert_eq!(told, [figures[1].clone(), figures[0].clone()]);
}

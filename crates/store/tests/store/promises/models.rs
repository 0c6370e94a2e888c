use std::collections::BTreeMap;

use modelyard_core::Kind;
use modelyard_core::audit::verify;
use modelyard_core::ports::Home;

use crate::support::{actor, digest, new_version};

promises![
    versions_are_numbered_from_one,
    numbers_belong_to_the_name,
    a_version_holds_what_was_registered,
    registering_again_changes_nothing,
    an_alias_comes_with_the_version,
    an_alias_moves,
    an_alias_of_no_version_is_refused,
    the_default_is_the_champion_else_the_newest,
    lists_are_sorted,
    registering_at_once_leaves_no_gap,
    one_package_at_once_is_one_version,
    every_change_has_its_entry,
    a_metric_must_be_a_number,
];

/// Registers `package` under `late`; `late@2 new` or `late@1`.
async fn register(home: &Home, package: &str, alias: Option<&str>) -> String {
    let (version, new) = home.models.register(&new_version("late", package, alias), &actor()).await.unwrap();
    format!("{}@{}{}", version.name, version.number, if new { " new" } else { "" })
}

/// What `model` stands for: `3`, or `none`.
async fn resolved(home: &Home, model: &str) -> String {
    let version = home.models.resolve(&model.parse().unwrap()).await.unwrap();
    version.map_or("none".to_owned(), |version| version.number.to_string())
}

async fn versions_are_numbered_from_one(home: Home) {
    assert_eq!(register(&home, "a", None).await, "late@1 new");
    assert_eq!(register(&home, "b", None).await, "late@2 new");
    let numbers: Vec<_> =
        home.models.versions("late").await.unwrap().iter().map(|version| version.number).collect();
    assert_eq!(numbers, [2, 1]);
    assert!(home.models.versions("other").await.unwrap().is_empty());
}

async fn numbers_belong_to_the_name(home: Home) {
    register(&home, "a", None).await;
    let (version, new) = home.models.register(&new_version("other", "a", None), &actor()).await.unwrap();
    assert_eq!((version.number, new), (1, true));
}

async fn a_version_holds_what_was_registered(home: Home) {
    let new = new_version("late", "a", None);
    let (version, _) = home.models.register(&new, &actor()).await.unwrap();
    assert_eq!(version.package, new.package);
    assert_eq!(version.metric, new.metric);
    assert_eq!((version.created_at, version.created_by.as_str()), (actor().at, "ada"));
    assert_eq!(home.models.resolve(&"late@1".parse().unwrap()).await.unwrap(), Some(version));
}

async fn registering_again_changes_nothing(home: Home) {
    register(&home, "a", Some("champion")).await;
    register(&home, "b", Some("challenger")).await;
    let before = home.audit.entries().await.unwrap();
    assert_eq!(register(&home, "a", Some("challenger")).await, "late@1");
    assert_eq!(home.audit.entries().await.unwrap(), before);
    assert_eq!(resolved(&home, "late@challenger").await, "2");
}

async fn an_alias_comes_with_the_version(home: Home) {
    register(&home, "a", Some("champion")).await;
    let model = home.models.model("late").await.unwrap().unwrap();
    assert_eq!((model.latest_version, model.created_at), (1, actor().at));
    assert_eq!(model.aliases, BTreeMap::from([("champion".to_owned(), 1)]));
}

async fn an_alias_moves(home: Home) {
    register(&home, "a", Some("champion")).await;
    register(&home, "b", None).await;
    home.models.set_alias("late", 2, "champion", &actor()).await.unwrap();
    assert_eq!(resolved(&home, "late@champion").await, "2");
    let entries = home.audit.entries().await.unwrap();
    let last = entries.last().unwrap();
    assert_eq!((last.event.as_str(), last.subject.as_str()), ("model.alias.set", "late@2"));
    assert_eq!(last.details, serde_json::json!({"alias": "champion", "before": 1}));
    // Where it already points there is nothing to do, and nothing to note.
    home.models.set_alias("late", 2, "champion", &actor()).await.unwrap();
    assert_eq!(home.audit.entries().await.unwrap(), entries);
}

async fn an_alias_of_no_version_is_refused(home: Home) {
    register(&home, "a", None).await;
    for (name, number) in [("late", 2), ("late", 0), ("other", 1)] {
        let fault = home.models.set_alias(name, number, "champion", &actor()).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::NotFound);
        assert!(fault.message().contains(&format!("`{name}@{number}`")), "{fault}");
    }
    assert_eq!(home.audit.entries().await.unwrap().len(), 1);
}

async fn the_default_is_the_champion_else_the_newest(home: Home) {
    assert_eq!(resolved(&home, "late").await, "none");
    register(&home, "a", None).await;
    register(&home, "b", None).await;
    assert_eq!(resolved(&home, "late").await, "2");
    home.models.set_alias("late", 1, "champion", &actor()).await.unwrap();
    register(&home, "c", Some("challenger")).await;
    for (model, number) in [
        ("late", "1"),
        ("late@champion", "1"),
        ("late@challenger", "3"),
        ("late@2", "2"),
        ("late@latest", "3"),
    ] {
        assert_eq!(resolved(&home, model).await, number, "{model}");
    }
    for model in ["late@4", "late@shadow", "other", "other@1"] {
        assert_eq!(resolved(&home, model).await, "none", "{model}");
    }
}

async fn lists_are_sorted(home: Home) {
    for (name, package, alias) in
        [("z", "a", None), ("a", "a", Some("x")), ("a", "b", Some("y")), ("m", "a", None)]
    {
        home.models.register(&new_version(name, package, alias), &actor()).await.unwrap();
    }
    let models = home.models.models().await.unwrap();
    let shown: Vec<_> =
        models.iter().map(|model| (model.name.as_str(), model.latest_version, model.aliases.len())).collect();
    assert_eq!(shown, [("a", 2, 2), ("m", 1, 0), ("z", 1, 0)]);
    assert_eq!(home.models.model("a").await.unwrap().as_ref(), models.first());
    assert_eq!(home.models.model("b").await.unwrap(), None);
}

async fn registering_at_once_leaves_no_gap(home: Home) {
    let tasks: Vec<_> = (0..8)
        .map(|i| {
            let home = home.clone();
            tokio::spawn(async move {
                let new = new_version("late", &i.to_string(), Some("champion"));
                home.models.register(&new, &actor()).await.unwrap().0.number
            })
        })
        .collect();
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
    assert_eq!(resolved(&home, "late").await, "8");
    assert_chain(&home, 16).await;
}

async fn one_package_at_once_is_one_version(home: Home) {
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let home = home.clone();
            tokio::spawn(async move { register(&home, "a", None).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers.sort_unstable();
    assert_eq!(answers[6..], ["late@1", "late@1 new"]);
    assert_chain(&home, 1).await;
}

async fn every_change_has_its_entry(home: Home) {
    register(&home, "a", Some("champion")).await;
    let entries = home.audit.entries().await.unwrap();
    let shown: Vec<_> = entries
        .iter()
        .map(|entry| (entry.event.as_str(), entry.subject.as_str(), entry.actor.as_str()))
        .collect();
    assert_eq!(shown, [("model.version.registered", "late@1", "ada"), ("model.alias.set", "late@1", "ada")]);
    assert_eq!(entries[0].details["package"], digest("a").to_string());
    assert_chain(&home, 2).await;
}

async fn a_metric_must_be_a_number(home: Home) {
    let mut new = new_version("late", "a", None);
    new.metric = Some(("roc_auc".to_owned(), f64::NAN));
    let fault = home.models.register(&new, &actor()).await.unwrap_err();
    assert_eq!(fault.message(), "cannot register `late`: its metric `roc_auc` is NaN");
    assert!(home.models.models().await.unwrap().is_empty());
    assert!(home.audit.entries().await.unwrap().is_empty());
}

async fn assert_chain(home: &Home, length: usize) {
    let entries = home.audit.entries().await.unwrap();
    assert_eq!(entries.len(), length);
    assert_eq!(verify(&entries, home.audit.head().await.unwrap()), Ok(()));
}

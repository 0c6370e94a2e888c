use modelyard_core::Kind;
use modelyard_core::audit::verify;
use modelyard_core::deploy::{Environment, Freeze, ReleaseStatus, Verdict};
use modelyard_core::ports::{Change, Home};
use serde_json::json;

use crate::deployed::{applied, approval, at, by, change, id, production, release, serving, spec};
use crate::support::{TestClock, actor, new_version};

promises![
    nothing_is_there_before_it_was_applied,
    what_was_applied_comes_back,
    applying_again_changes_what_differs,
    an_application_is_whole_or_not_at_all,
    environments_are_sorted,
    a_change_answers_the_next_revision,
    a_change_of_what_was_changed_is_refused,
    an_environment_can_come_by_a_change,
    history_keeps_every_state,
    a_state_without_its_generation_is_refused,
    a_release_is_kept_as_it_is_to_be,
    releases_are_newest_first,
    a_release_stays_in_its_environment,
    aliases_change_with_the_environment,
    an_alias_of_no_version_undoes_the_change,
    the_audit_log_says_before_and_after,
    changes_at_once_lose_none,
    two_releases_at_once_are_one_and_a_conflict,
    approvals_keep_their_order,
    approvals_at_once_are_all_kept,
    an_approval_needs_its_version,
];

async fn stored(home: &Home) -> Environment {
    home.environments.environment(&id("production")).await.unwrap().expect("an environment")
}

async fn assert_chain(home: &Home) {
    let entries = home.audit.entries().await.unwrap();
    assert_eq!(verify(&entries, home.audit.head().await.unwrap()), Ok(()));
}

/// Entries as `event subject`.
async fn events(home: &Home) -> Vec<String> {
    let entries = home.audit.entries().await.unwrap();
    entries.iter().map(|entry| format!("{} {}", entry.event, entry.subject)).collect()
}

async fn nothing_is_there_before_it_was_applied(home: Home) {
    let environments = &home.environments;
    assert_eq!(environments.applied("flights").await.unwrap(), None);
    assert!(environments.projects().await.unwrap().is_empty());
    assert_eq!(environments.environment(&id("production")).await.unwrap(), None);
    assert!(environments.environments(None).await.unwrap().is_empty());
    assert!(environments.releases(&id("production")).await.unwrap().is_empty());
    assert!(environments.states(&id("production")).await.unwrap().is_empty());
    let release = release(&Environment::new(id("production"), spec()), 1);
    assert_eq!(environments.release(release.id).await.unwrap(), None);
    assert!(environments.approvals("late", 1).await.unwrap().is_empty());
}

async fn what_was_applied_comes_back(home: Home) {
    let environment = Environment::new(id("production"), spec());
    let applied = applied(&[&environment]);
    home.environments.apply(&applied, std::slice::from_ref(&environment), &actor()).await.unwrap();
    assert_eq!(home.environments.applied("flights").await.unwrap(), Some(applied));
    assert_eq!(home.environments.projects().await.unwrap(), ["flights"]);
    assert_eq!(stored(&home).await, Environment { revision: 1, ..environment });
    assert_eq!(events(&home).await, ["project.applied flights", "environment.applied flights/production"]);
    assert_chain(&home).await;
}

async fn applying_again_changes_what_differs(home: Home) {
    let first = production(&home).await;
    home.environments.apply(&applied(&[&first]), std::slice::from_ref(&first), &actor()).await.unwrap();
    assert_eq!(stored(&home).await.revision, 1, "nothing about it differs");
    let mut other = first.clone();
    other.spec.replicas = 5;
    home.environments.apply(&applied(&[&other]), &[other.clone()], &by("bob", 9)).await.unwrap();
    assert_eq!(stored(&home).await, Environment { revision: 2, ..other });
    let entries = home.audit.entries().await.unwrap();
    let last = entries.last().unwrap();
    assert_eq!((last.event.as_str(), last.actor.as_str()), ("environment.applied", "bob"));
    assert_eq!(last.details["before"]["spec"]["replicas"], 2);
    assert_eq!(last.details["after"]["spec"]["replicas"], 5);
    assert!(last.details["after"].get("state").is_none(), "only what differs");
}

async fn an_application_is_whole_or_not_at_all(home: Home) {
    let first = production(&home).await;
    let before = home.audit.entries().await.unwrap();
    let mut stale = first.clone();
    stale.revision = 0;
    let new = Environment::new(id("staging"), spec());
    let mut next = applied(&[&new, &stale]);
    next.model = "other".to_owned();
    let fault = home.environments.apply(&next, &[new, stale], &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    assert_eq!(home.environments.applied("flights").await.unwrap().unwrap().model, "late");
    assert_eq!(home.environments.environment(&id("staging")).await.unwrap(), None);
    assert_eq!(home.audit.entries().await.unwrap(), before);
}

async fn environments_are_sorted(home: Home) {
    let new = |name| Environment::new(id(name), spec());
    let all = [new("staging"), new("production"), new("a")];
    home.environments.apply(&applied(&[]), &all, &actor()).await.unwrap();
    let mut other = new("production");
    other.id.project = "cabs".to_owned();
    home.environments.change(&change(other), &actor()).await.unwrap();
    let names = async |project: Option<&str>| -> Vec<String> {
        let found = home.environments.environments(project).await.unwrap();
        found.iter().map(|environment| environment.id.to_string()).collect()
    };
    assert_eq!(names(None).await, ["cabs/production", "flights/a", "flights/production", "flights/staging"]);
    assert_eq!(names(Some("cabs")).await, ["cabs/production"]);
    assert!(names(Some("none")).await.is_empty());
}

async fn a_change_answers_the_next_revision(home: Home) {
    let mut environment = production(&home).await;
    environment.running = false;
    environment.frozen = Some(Freeze { until: Some(at(9)), by: "ada".to_owned(), comment: None });
    let answer = home.environments.change(&change(environment.clone()), &actor()).await.unwrap();
    assert_eq!(answer, Environment { revision: 2, ..environment });
    assert_eq!(stored(&home).await, answer);
    assert!(home.environments.states(&answer.id).await.unwrap().is_empty(), "its state is the same");
}

async fn a_change_of_what_was_changed_is_refused(home: Home) {
    let environment = production(&home).await;
    let first = home.environments.change(&change(serving(&environment, 1)), &actor()).await.unwrap();
    let before = home.audit.entries().await.unwrap();
    let fault = home.environments.change(&change(serving(&environment, 2)), &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
    assert_eq!(
        fault.report(),
        "cannot change environment `flights/production`: somebody else changed it at the same time\n  \
         revision: 2 in the home, this change was made from 1\n  \
         hint: look at it with `modelyard environments show production` and repeat the command"
    );
    assert_eq!(stored(&home).await, first);
    assert_eq!(home.audit.entries().await.unwrap(), before);
    let mut unknown = Environment::new(id("staging"), spec());
    unknown.revision = 3;
    let fault = home.environments.change(&change(unknown), &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::Conflict);
}

async fn an_environment_can_come_by_a_change(home: Home) {
    let environment = Environment::new(id("production"), spec());
    let answer = home.environments.change(&change(serving(&environment, 1)), &actor()).await.unwrap();
    assert_eq!((answer.revision, answer.state.generation), (1, 1));
    assert_eq!(home.environments.states(&answer.id).await.unwrap().len(), 1);
}

async fn history_keeps_every_state(home: Home) {
    let mut environment = production(&home).await;
    for number in 1..=3 {
        let change = Change { cause: format!("release {number}"), ..change(serving(&environment, number)) };
        environment = home.environments.change(&change, &by("ada", number.into())).await.unwrap();
    }
    let states = home.environments.states(&environment.id).await.unwrap();
    let shown: Vec<_> = states
        .iter()
        .map(|record| {
            (record.state.generation, record.cause.as_str(), record.actor.as_str(), record.wanted_from)
        })
        .collect();
    assert_eq!(
        shown,
        [(1, "release 1", "ada", at(1)), (2, "release 2", "ada", at(2)), (3, "release 3", "ada", at(3))]
    );
    assert_eq!(states[2].state, environment.state);
}

async fn a_state_without_its_generation_is_refused(home: Home) {
    let environment = production(&home).await;
    let environment = home.environments.change(&change(serving(&environment, 1)), &actor()).await.unwrap();
    let mut same = environment.clone();
    same.state.placed.clear();
    let mut lower = environment.clone();
    lower.state.generation = 0;
    for wrong in [same, lower] {
        let fault = home.environments.change(&change(wrong), &actor()).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Internal);
    }
    assert_eq!(stored(&home).await, environment);
}

async fn a_release_is_kept_as_it_is_to_be(home: Home) {
    let mut environment = production(&home).await;
    let mut release = release(&environment, 1);
    environment.release = Some(release.id);
    let began = Change { release: Some(release.clone()), ..change(environment) };
    let mut environment = home.environments.change(&began, &actor()).await.unwrap();
    assert_eq!(home.environments.release(release.id).await.unwrap().as_ref(), Some(&release));
    release.status = ReleaseStatus::Done;
    release.ended_at = Some(at(60));
    environment.release = None;
    let done = Change { release: Some(release.clone()), ..change(environment) };
    home.environments.change(&done, &actor()).await.unwrap();
    assert_eq!(home.environments.releases(&release.environment).await.unwrap(), [release]);
}

async fn releases_are_newest_first(home: Home) {
    let mut environment = production(&home).await;
    let clock = TestClock::new();
    let mut ids = Vec::new();
    for number in 1..=3 {
        let mut release = release(&environment, number);
        release.id = modelyard_core::id::ReleaseId::new(&*clock);
        ids.push(release.id);
        let change = Change { release: Some(release), ..change(environment) };
        environment = home.environments.change(&change, &actor()).await.unwrap();
    }
    ids.sort_unstable();
    ids.reverse();
    let found = home.environments.releases(&environment.id).await.unwrap();
    assert_eq!(found.iter().map(|release| release.id).collect::<Vec<_>>(), ids);
    assert!(home.environments.releases(&id("staging")).await.unwrap().is_empty());
}

async fn a_release_stays_in_its_environment(home: Home) {
    let environment = production(&home).await;
    let release = release(&environment, 1);
    let staging = Environment::new(id("staging"), spec());
    let fault = home
        .environments
        .change(&Change { release: Some(release.clone()), ..change(staging.clone()) }, &actor())
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Internal);
    home.environments
        .change(&Change { release: Some(release.clone()), ..change(environment) }, &actor())
        .await
        .unwrap();
    let mut moved = release.clone();
    moved.environment = id("staging");
    let fault = home
        .environments
        .change(&Change { release: Some(moved), ..change(staging) }, &actor())
        .await
        .unwrap_err();
    assert_eq!(fault.kind(), Kind::Internal);
    assert_eq!(home.environments.release(release.id).await.unwrap(), Some(release));
}

async fn aliases_change_with_the_environment(home: Home) {
    home.models.register(&new_version("late", "a", Some("challenger")), &actor()).await.unwrap();
    let environment = production(&home).await;
    let change = Change {
        aliases: vec![("late".to_owned(), 1, "champion".to_owned())],
        ..change(serving(&environment, 1))
    };
    home.environments.change(&change, &actor()).await.unwrap();
    assert_eq!(home.models.model("late").await.unwrap().unwrap().aliases["champion"], 1);
    assert_eq!(
        events(&home).await[4..],
        ["environment.changed flights/production", "model.alias.set late@1"]
    );
    assert_chain(&home).await;
}

async fn an_alias_of_no_version_undoes_the_change(home: Home) {
    home.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    let environment = production(&home).await;
    let before = home.audit.entries().await.unwrap();
    let release = release(&environment, 1);
    let change = Change {
        release: Some(release.clone()),
        aliases: vec![("late".to_owned(), 1, "champion".to_owned()), ("late".to_owned(), 2, "x".to_owned())],
        ..change(serving(&environment, 1))
    };
    let fault = home.environments.change(&change, &actor()).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::NotFound);
    assert_eq!(fault.message(), "cannot give `late@2` the alias `x`: there is no such version");
    assert_eq!(stored(&home).await, environment);
    assert_eq!(home.environments.release(release.id).await.unwrap(), None);
    assert!(home.environments.states(&environment.id).await.unwrap().is_empty());
    assert!(home.models.model("late").await.unwrap().unwrap().aliases.is_empty());
    assert_eq!(home.audit.entries().await.unwrap(), before);
}

async fn the_audit_log_says_before_and_after(home: Home) {
    let mut environment = production(&home).await;
    let mut release = release(&environment, 1);
    environment.release = Some(release.id);
    let began = Change {
        release: Some(release.clone()),
        event: "release.began",
        cause: "asked for".to_owned(),
        details: json!({"waits_for": ["bob"], "cause": "is not replaced"}),
        ..change(environment)
    };
    let environment = home.environments.change(&began, &by("bob", 3)).await.unwrap();
    let entry = home.audit.entries().await.unwrap().pop().unwrap();
    assert_eq!((entry.event.as_str(), entry.subject.as_str()), ("release.began", "flights/production"));
    assert_eq!((entry.actor.as_str(), entry.at), ("bob", at(3)));
    let details = &entry.details;
    assert_eq!(details["cause"], "asked for");
    assert_eq!(details["revision"], 2);
    assert_eq!(details["waits_for"], json!(["bob"]));
    assert_eq!(details["before"], json!({"release": null}));
    assert_eq!(details["after"], json!({"release": release.id}));
    assert_eq!(details["release"]["subject"], "late@1");
    assert_eq!(details["release"]["before"], json!(null));
    assert_eq!(details["release"]["after"]["status"], "loading");
    assert!(details["release"]["after"].get("step_counts").is_none());

    release.status = ReleaseStatus::Rolling;
    let moved = Change { release: Some(release), ..change(serving(&environment, 1)) };
    home.environments.change(&moved, &actor()).await.unwrap();
    let details = home.audit.entries().await.unwrap().pop().unwrap().details;
    assert_eq!(details["release"]["before"], json!({"status": "loading"}));
    assert_eq!(details["release"]["after"], json!({"status": "rolling"}));
    assert_eq!(details["before"]["state"]["generation"], 0);
    assert_eq!(details["after"]["state"]["placed"][0]["number"], 1);
    assert_chain(&home).await;
}

async fn changes_at_once_lose_none(home: Home) {
    production(&home).await;
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let home = home.clone();
            tokio::spawn(async move {
                loop {
                    let environment = stored(&home).await;
                    match home.environments.change(&change(serving(&environment, number)), &actor()).await {
                        Ok(_) => return,
                        Err(fault) => assert_eq!(fault.kind(), Kind::Conflict),
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let states = home.environments.states(&id("production")).await.unwrap();
    let mut numbers: Vec<_> = states.iter().map(|record| record.state.placed[0].number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    assert_eq!(stored(&home).await.revision, 7);
    assert_chain(&home).await;
}

async fn two_releases_at_once_are_one_and_a_conflict(home: Home) {
    let environment = production(&home).await;
    let tasks: Vec<_> = (0..2)
        .map(|number| {
            let (home, mut environment) = (home.clone(), environment.clone());
            let mut release = release(&environment, number);
            // Which of them it is must show.
            release.id = format!("01J0000000000000000000000{number}").parse().unwrap();
            environment.release = Some(release.id);
            let change = Change { release: Some(release), ..change(environment) };
            tokio::spawn(async move { home.environments.change(&change, &actor()).await })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    let refused: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0].kind(), Kind::Conflict);
    let releases = home.environments.releases(&id("production")).await.unwrap();
    assert_eq!(releases.len(), 1, "of the refused one nothing is kept");
    assert_eq!(stored(&home).await.release, Some(releases[0].id));
}

async fn approvals_keep_their_order(home: Home) {
    home.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    let given = [
        approval(1, Verdict::Approved, "zoe"),
        approval(1, Verdict::Approved, "bob"),
        approval(1, Verdict::Rejected, "zoe"),
    ];
    for approval in &given {
        home.environments.approve(approval).await.unwrap();
    }
    assert_eq!(home.environments.approvals("late", 1).await.unwrap(), given);
    assert_eq!(
        events(&home).await[1..],
        ["model.version.approved late@1", "model.version.approved late@1", "model.version.rejected late@1"]
    );
    let last = home.audit.entries().await.unwrap().pop().unwrap();
    assert_eq!((last.actor.as_str(), last.at), ("zoe", at(0)));
    assert_eq!((&last.details["before"], &last.details["after"]), (&json!("approved"), &json!("rejected")));
    assert_chain(&home).await;
}

async fn approvals_at_once_are_all_kept(home: Home) {
    home.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|person| {
            let home = home.clone();
            tokio::spawn(async move {
                let approval = approval(1, Verdict::Approved, &format!("person {person}"));
                home.environments.approve(&approval).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let approvals = home.environments.approvals("late", 1).await.unwrap();
    let mut people: Vec<_> = approvals.iter().map(|approval| approval.by.as_str()).collect();
    people.sort_unstable();
    assert_eq!(people, ["person 0", "person 1", "person 2", "person 3", "person 4", "person 5"]);
    assert_chain(&home).await;
}

async fn an_approval_needs_its_version(home: Home) {
    home.models.register(&new_version("late", "a", None), &actor()).await.unwrap();
    let fault = home.environments.approve(&approval(2, Verdict::Rejected, "bob")).await.unwrap_err();
    assert_eq!(fault.kind(), Kind::NotFound);
    assert_eq!(fault.message(), "cannot reject `late@2`: there is no such version");
    assert!(home.environments.approvals("late", 2).await.unwrap().is_empty());
    assert_eq!(home.audit.entries().await.unwrap().len(), 1);
}

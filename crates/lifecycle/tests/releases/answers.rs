//! Answers that have moved: compared over the incumbent's bins, whatever each version's own are.

use modelyard_core::Digest;
use modelyard_core::deploy::{Counts, Release, StrategyKind};
use modelyard_evaluate::sequential::{Loss, Verdict};
use modelyard_lifecycle::deploy::View;
use modelyard_lifecycle::deploy::judge::{self, Comparison};
use modelyard_lifecycle::deploy::labelled::Labels;

/// Bins of the incumbent's profile, and one for what fits nowhere.
const BINS: usize = 20;

/// Answers by bin of a version whose answers spread evenly over `width` bins, `away` from the first of the
/// incumbent's.
fn spread(requests: u64, away: usize, width: usize) -> Vec<u64> {
    let mut bins = vec![0; BINS + 1];
    for request in 0..requests as usize {
        bins[(away + request % width).min(BINS)] += 1;
    }
    bins
}

/// A regression's candidate, answers of which lie `away` bins of the incumbent's higher. In the bins of its own
/// profile it answers as the incumbent does in its: its validation rows lay as far away.
fn seen(away: usize) -> (Release, View) {
    let release = super::moves::release(StrategyKind::Canary);
    let incumbent = release.before.stable().unwrap().package;
    let counts = |requests: u64| Counts {
        answered: requests,
        rows: requests,
        outputs: spread(requests, 0, 10),
        ..Counts::default()
    };
    let mut view = View::default();
    view.counts.insert(incumbent, counts(19_000));
    let mut ours = counts(1_000);
    ours.outputs_beside.insert(incumbent, spread(1_000, away, 10));
    // Of another release, against another version.
    ours.outputs_beside.insert(Digest::of(b"another"), spread(5_000, 0, 1));
    view.counts.insert(release.package, ours);
    (release, view)
}

fn compared(away: usize) -> Comparison {
    let (release, view) = seen(away);
    Comparison::of(&release, &view).unwrap()
}

#[test]
fn a_shift_of_the_whole_beyond_the_declared_distance_is_absurd() {
    for away in [7, 10, 15] {
        let outputs = compared(away).outputs;
        assert_eq!(
            outputs.absurd.as_deref(),
            Some("its answers have moved further than `max_shift`"),
            "{away}"
        );
    }
}

#[test]
fn a_smaller_one_is_shown_as_different_alone() {
    for (away, different) in [(0, false), (1, false), (2, true), (4, true)] {
        let outputs = compared(away).outputs;
        assert_eq!((outputs.absurd, outputs.different), (None, different), "{away}");
        assert!((outputs.distance.unwrap() - away as f64 / 10.0).abs() < 1e-9, "{:?}", outputs.distance);
    }
}

#[test]
fn what_was_answered_before_the_step_does_not_count() {
    let (mut release, mut view) = seen(15);
    release.step_counts = view.counts.clone();
    let incumbent = release.before.stable().unwrap().package;
    for counts in view.counts.values_mut() {
        let more = Counts { answered: 500, rows: 500, outputs: spread(500, 0, 10), ..Counts::default() };
        counts.add(&more);
    }
    let ours = view.counts.get_mut(&release.package).unwrap();
    ours.add(&Counts { outputs_beside: [(incumbent, spread(500, 1, 10))].into(), ..Counts::default() });
    let outputs = Comparison::of(&release, &view).unwrap().outputs;
    assert!((outputs.distance.unwrap() - 0.1).abs() < 1e-9, "{:?}", outputs.distance);
    assert_eq!(outputs.absurd, None);
}

#[test]
fn a_constant_and_answers_that_are_no_numbers_are_absurd() {
    let (release, mut view) = seen(0);
    let incumbent = release.before.stable().unwrap().package;
    let ours = view.counts.get_mut(&release.package).unwrap();
    ours.outputs_beside.insert(incumbent, spread(1_000, 3, 1));
    let outputs = Comparison::of(&release, &view).unwrap().outputs;
    assert_eq!(outputs.absurd.as_deref(), Some("it answers one thing alone"));

    let (release, mut view) = seen(0);
    let ours = view.counts.get_mut(&release.package).unwrap();
    (ours.not_finite, ours.failed) = (20, 20);
    let outputs = Comparison::of(&release, &view).unwrap().outputs;
    assert_eq!(outputs.absurd.as_deref(), Some("answers are no numbers"));
}

/// What labels say where the candidate's loss is `ours`, the incumbent's 0.24, each known up to `deviation`.
fn labelled(ours: f64, deviation: f64) -> (Option<Verdict>, Option<String>) {
    let (release, mut view) = seen(0);
    let incumbent = release.before.stable().unwrap().package;
    let loss = |value: f64| Loss { value, variance: deviation * deviation };
    let losses = [(release.package, loss(ours)), (incumbent, loss(0.24))].into();
    view.labels = Some(Labels { metric: "roc_auc".to_owned(), losses, rows: 9_000 });
    let compared = judge::compared(&release, incumbent, &view);
    let findings = judge::judge(&compared, &release.strategy.judge, &judge::alphas(&release));
    let shown = Comparison::of(&release, &view).unwrap().labels.unwrap();
    assert_eq!((shown.metric.as_str(), shown.rows, shown.bounds.candidate), ("roc_auc", 9_000, Some(ours)));
    assert_eq!(shown.bounds.verdict, findings.labels);
    (findings.labels, findings.worse())
}

#[test]
fn labels_can_end_a_release_and_are_not_waited_for() {
    let worse = "its answers are worse, by their labels".to_owned();
    assert_eq!(labelled(0.29, 0.006), (Some(Verdict::Worse), Some(worse)));
    assert_eq!(labelled(0.29, 0.06), (Some(Verdict::Undecided), None));
    assert_eq!(labelled(0.20, 0.006), (Some(Verdict::NotWorse), None));

    let (release, mut view) = seen(0);
    view.labels = Some(Labels::default());
    assert!(Comparison::of(&release, &view).unwrap().labels.is_none(), "too few are shown as none");
}

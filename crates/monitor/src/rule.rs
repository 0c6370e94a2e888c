//! The own rule for "this column has moved": a large enough effect, larger than the reference's own noise,
//! in enough of the last windows.
//!
//! Each of the three keeps another false alarm away. With many rows every difference is significant, so a
//! p-value alone cries wolf over differences that don't matter: the effect must reach 0.1. Weeks differ from
//! each other even where nothing changes, in some columns by more than that: chunks of the reference, of the
//! size of a window, say how much. And one odd window is not a world that has changed.

use modelyard_core::Timestamp;
use modelyard_evaluate::{Undefined, numeric};
use serde::{Deserialize, Serialize};

use crate::drift::DriftTest;
use crate::{Pair, Sample};

/// When a column counts as moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rule {
    /// The distance that a window must reach. See [`crate::drift::effect`].
    pub effect: f64,
    /// How many standard deviations above the mean of the reference's chunks the noise ends.
    pub deviations: f64,
    /// Rows with a value below which a window is not judged.
    pub min_rows: u64,
    /// Windows that must be above …
    pub windows: usize,
    /// … among this many, the last that were judged.
    pub of: usize,
}

impl Default for Rule {
    fn default() -> Self {
        Self { effect: 0.1, deviations: 3.0, min_rows: 200, windows: 2, of: 3 }
    }
}

/// How far chunks of the reference are from it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseFloor {
    pub mean: f64,
    /// Of the chunks' distances (n − 1).
    pub standard_deviation: f64,
    pub chunks: usize,
}

impl NoiseFloor {
    /// Compares each chunk with the reference, which is best prepared. Chunks in which the column has no values are
    /// left out.
    ///
    /// A chunk is part of what it is compared with, so its distance comes out smaller than a window's would, by a
    /// share of one in the number of chunks.
    ///
    /// # Errors
    /// If fewer than [`crate::chunks::MIN_CHUNKS`] are left.
    pub fn of(test: &dyn DriftTest, reference: &Sample, chunks: &[Sample]) -> Result<Self, Undefined> {
        let distances: Vec<f64> =
            chunks.iter().filter_map(|chunk| test.score(&Pair::new(reference, chunk).ok()?).ok()).collect();
        Self::of_distances(&distances)
    }

    /// Of distances of chunks from the reference, however those are measured.
    ///
    /// # Errors
    /// If there are fewer than [`crate::chunks::MIN_CHUNKS`].
    pub fn of_distances(distances: &[f64]) -> Result<Self, Undefined> {
        if distances.len() < crate::chunks::MIN_CHUNKS {
            let wanted = crate::chunks::MIN_CHUNKS;
            return Err(Undefined::new(format!("fewer than {wanted} chunks of the reference have values")));
        }
        Ok(Self {
            mean: numeric::mean(distances),
            standard_deviation: numeric::variance(distances).sqrt(),
            chunks: distances.len(),
        })
    }

    /// The distance up to which a window is noise.
    pub fn level(&self, deviations: f64) -> f64 {
        self.mean + deviations * self.standard_deviation
    }
}

/// What is remembered of a column between windows: the last ones that were judged, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    recent: Vec<Judged>,
    /// Begin of the first of the windows by which the column has moved; none while it has not.
    since: Option<Timestamp>,
}

impl State {
    /// Since when the column has moved, if it has: what still holds in a window that can't be compared.
    pub fn since(&self) -> Option<Timestamp> {
        self.since
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Judged {
    start: Timestamp,
    above: bool,
}

/// A column in a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation {
    /// Begin of the window; its name among the others.
    pub start: Timestamp,
    /// Rows with a value.
    pub rows: u64,
    pub distance: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    pub distance: f64,
    /// What the distance had to reach and to exceed: the larger of effect and noise.
    pub threshold: f64,
    /// Of this window; `None` where it has too few rows.
    pub above: Option<bool>,
    /// Of the column, after this window.
    pub moved: bool,
    pub since: Option<Timestamp>,
}

impl Rule {
    /// Judges a window, given what the windows before it left; answers with what it leaves.
    ///
    /// A window that is judged again (late rows came) replaces its first judgement; one older than all that
    /// are remembered changes nothing; one with too few rows neither, so that a quiet night does not end an
    /// alarm.
    pub fn judge(&self, floor: &NoiseFloor, window: &Observation, state: &State) -> (Judgement, State) {
        let noise = floor.level(self.deviations);
        let above = window.distance >= self.effect && window.distance > noise;
        let is_judged = window.rows >= self.min_rows;
        let mut next = state.clone();
        if is_judged {
            next.recent.retain(|judged| judged.start != window.start);
            next.recent.push(Judged { start: window.start, above });
            next.recent.sort_by_key(|judged| judged.start);
            let surplus = next.recent.len().saturating_sub(self.of);
            next.recent.drain(..surplus);
        }
        let first = next.recent.iter().find(|judged| judged.above).map(|judged| judged.start);
        let moved = next.recent.iter().filter(|judged| judged.above).count() >= self.windows;
        next.since = if moved { state.since.or(first) } else { None };
        let judgement = Judgement {
            distance: window.distance,
            threshold: self.effect.max(noise),
            above: is_judged.then_some(above),
            moved,
            since: next.since,
        };
        (judgement, next)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FLOOR: NoiseFloor = NoiseFloor { mean: 0.05, standard_deviation: 0.03, chunks: 12 };

    fn window(number: i64, rows: u64, distance: f64) -> Observation {
        Observation { start: Timestamp::from_micros(number), rows, distance }
    }

    /// Whether the column has moved after each window; `-` is one with too few rows.
    #[track_caller]
    fn check(windows: &[(i64, u64, f64)], wanted: &str) {
        let mut state = State::default();
        let mut found = String::new();
        for (number, rows, distance) in windows {
            let (judgement, next) = Rule::default().judge(&FLOOR, &window(*number, *rows, *distance), &state);
            found.push(match (judgement.above, judgement.moved) {
                (None, moved) => {
                    if moved {
                        '+'
                    } else {
                        '-'
                    }
                }
                (Some(above), moved) => match (above, moved) {
                    (false, false) => '.',
                    (true, false) => 'a',
                    (false, true) => 'm',
                    (true, true) => 'M',
                },
            });
            state = next;
        }
        assert_eq!(found, wanted);
    }

    #[test]
    fn two_of_three_windows_move_a_column() {
        check(&[(1, 500, 0.3)], "a");
        check(&[(1, 500, 0.3), (2, 500, 0.3)], "aM");
        check(&[(1, 500, 0.3), (2, 500, 0.0), (3, 500, 0.3), (4, 500, 0.0), (5, 500, 0.0)], "a.M..");
    }

    #[test]
    fn an_effect_within_the_noise_is_none() {
        check(&[(1, 500, 0.13), (2, 500, 0.139), (3, 500, 0.1401), (4, 500, 0.1401)], "..aM");
    }

    #[test]
    fn a_window_with_few_rows_changes_nothing() {
        check(&[(1, 500, 0.3), (2, 199, 9.0), (3, 200, 0.3), (4, 10, 0.0), (5, 500, 0.3)], "a-M+M");
    }

    #[test]
    fn a_window_judged_again_counts_once() {
        check(&[(1, 500, 0.3), (1, 500, 0.3), (2, 500, 0.0), (1, 500, 0.0), (3, 500, 0.3)], "aa..a");
    }

    #[test]
    fn it_says_since_when() {
        let mut state = State::default();
        for (number, distance) in [(1, 0.0), (2, 0.3), (3, 0.0), (4, 0.3), (5, 0.3), (6, 0.3), (7, 0.3)] {
            let (judgement, next) = Rule::default().judge(&FLOOR, &window(number, 500, distance), &state);
            let since = (number >= 4).then(|| Timestamp::from_micros(2));
            assert_eq!(judgement.since, since, "after window {number}");
            state = next;
        }
    }

    proptest! {
        #[test]
        fn it_has_moved_if_and_only_if_two_of_the_last_three_are_above(
            windows in prop::collection::vec((0u64..400, 0.0..0.3f64), 1..40)
        ) {
            let rule = Rule::default();
            let mut state = State::default();
            let mut judged = Vec::new();
            for (number, (rows, distance)) in (0..).zip(&windows) {
                let (judgement, next) = rule.judge(&FLOOR, &window(number, *rows, *distance), &state);
                if *rows >= 200 {
                    judged.push(*distance > 0.05 + 3.0 * 0.03);
                }
                let last = judged.iter().rev().take(3).filter(|above| **above).count();
                prop_assert_eq!(judgement.moved, last >= 2);
                prop_assert_eq!(judgement.moved, judgement.since.is_some());
                // Judging the same window again changes nothing.
                let (again, same) = rule.judge(&FLOOR, &window(number, *rows, *distance), &next);
                prop_assert_eq!(&again, &judgement);
                prop_assert_eq!(&same, &next);
                state = next;
            }
        }

        #[test]
        fn the_state_survives_being_stored(distances in prop::collection::vec(0.0..0.3f64, 0..10)) {
            let mut state = State::default();
            for (number, distance) in (0..).zip(&distances) {
                state = Rule::default().judge(&FLOOR, &window(number, 500, *distance), &state).1;
            }
            let stored = serde_json::to_string(&state).unwrap();
            prop_assert_eq!(serde_json::from_str::<State>(&stored).unwrap(), state);
        }
    }
}

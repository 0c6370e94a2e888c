//! Samplers: which parameters to try next.
//!
//! To add one: a file here, a variant of [`SearchMethod`], an arm in [`sampler`], its name in
//! [`conformance`](self::tests).

mod grid;
mod random;

use std::collections::BTreeMap;

use modelyard_core::Result;
use modelyard_core::config::{Search, SearchMethod};
use serde_json::Value;

/// The parameters of one trial.
pub type Point = BTreeMap<String, Value>;

/// Proposes the trials of a search.
pub trait Sampler: Send + Sync {
    /// As the user writes it after `method`.
    fn name(&self) -> &'static str;

    /// How many trials the search has.
    ///
    /// # Errors
    /// If the space can't be searched this way.
    fn trials(&self, search: &Search) -> Result<u32>;

    /// The parameters of trial `index`, from 0. The same answer whenever asked.
    fn point(&self, search: &Search, index: u32) -> Point;
}

/// The sampler that `method` names.
pub fn sampler(method: SearchMethod) -> &'static dyn Sampler {
    match method {
        SearchMethod::Grid => &grid::Grid,
        SearchMethod::Random => &random::Random,
    }
}

/// Whole steps of size `step` from `min` to at most `max`; a last step that misses `max` by rounding
/// counts.
fn lattice_steps(min: f64, max: f64, step: f64) -> u64 {
    ((max - min) / step * (1.0 + 1e-12)).floor().max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelyard_core::config::{Goal, Space};
    use proptest::prelude::*;
    use serde_json::json;

    pub(crate) fn search(method: SearchMethod, seed: u64) -> Search {
        let space = [
            ("depth".to_owned(), Space::Int { min: 1, max: 9, log: false, step: Some(4) }),
            ("kind".to_owned(), Space::Choices(vec![json!("a"), json!(null)])),
            ("rate".to_owned(), Space::Float { min: 0.25, max: 1.0, log: false, step: Some(0.25) }),
        ];
        let trials = (method == SearchMethod::Random).then_some(40);
        Search { method, metric: "m".into(), goal: Goal::Maximize, space: space.into(), trials, seed }
    }

    #[test]
    fn a_grid_visits_every_point_once_the_last_name_fastest() {
        let search = search(SearchMethod::Grid, 0);
        let grid = sampler(SearchMethod::Grid);
        let count = grid.trials(&search).expect("a finite grid");
        let points: Vec<_> = (0..count).map(|index| grid.point(&search, index)).collect();
        assert_eq!(count, 3 * 2 * 4);
        assert_eq!(
            points
                .iter()
                .map(|point| json!(point).to_string())
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            24
        );
        assert_eq!(json!(points[1]), json!({"depth": 1, "kind": "a", "rate": 0.5}));
        assert_eq!(json!(points[23]), json!({"depth": 9, "kind": null, "rate": 1.0}));
    }

    #[test]
    fn a_grid_needs_a_finite_space() {
        let mut search = search(SearchMethod::Grid, 0);
        search.space.insert("free".into(), Space::Float { min: 0.0, max: 1.0, log: false, step: None });
        let fault = sampler(SearchMethod::Grid).trials(&search).expect_err("infinite");
        assert_eq!(
            fault.report(),
            "a grid needs finitely many values, but `free` may take any between 0 and 1\n  \
             hint: list its values, give it a `step`, or search with method = \"random\""
        );
    }

    proptest! {
        /// Every sampler, for every seed: repeatable, inside the space, all names given.
        #[test]
        fn conformance(seed: u64, index in 0_u32..24) {
            for method in [SearchMethod::Grid, SearchMethod::Random] {
                let search = search(method, seed);
                let point = sampler(method).point(&search, index);
                prop_assert_eq!(&point, &sampler(method).point(&search, index));
                prop_assert_eq!(point.keys().collect::<Vec<_>>(), search.space.keys().collect::<Vec<_>>());
                prop_assert!([1, 5, 9].map(Value::from).contains(&point["depth"]));
                prop_assert!([0.25, 0.5, 0.75, 1.0].map(Value::from).contains(&point["rate"]));
                prop_assert!([json!("a"), json!(null)].contains(&point["kind"]));
            }
        }

        #[test]
        fn a_logarithmic_range_is_drawn_within_its_ends(seed: u64, index in 0_u32..100) {
            let mut search = search(SearchMethod::Random, seed);
            search.space.insert("rate".into(), Space::Float { min: 1e-4, max: 1.0, log: true, step: None });
            search.space.insert("depth".into(), Space::Int { min: 1, max: 1000, log: true, step: None });
            let point = sampler(SearchMethod::Random).point(&search, index);
            prop_assert!((1e-4..=1.0).contains(&point["rate"].as_f64().unwrap_or(0.0)));
            prop_assert!((1..=1000).contains(&point["depth"].as_i64().unwrap_or(0)));
        }
    }
}

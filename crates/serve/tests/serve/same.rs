//! Equal answers.

use modelyard_core::package::{Answer, Predictions, difference};
use modelyard_serve::Model;

pub(crate) fn same(model: &Model, predictions: &Predictions, wanted: &[Answer]) {
    let manifest = model.manifest();
    assert_eq!(predictions.rows(), wanted.len());
    for (place, wanted) in wanted.iter().enumerate() {
        let got = predictions.answer(place, &manifest.classes);
        match (got.prediction.as_f64(), wanted.prediction.as_f64()) {
            (Some(a), Some(b)) => assert!(difference(a, b) <= manifest.tolerance, "row {place}: {a} {b}"),
            _ => assert_eq!(got.prediction, wanted.prediction, "row {place}"),
        }
        let (Some(a), Some(b)) = (&got.probabilities, &wanted.probabilities) else {
            assert_eq!(got.probabilities, wanted.probabilities);
            continue;
        };
        assert_eq!(a.len(), b.len());
        for (a, b) in a.iter().zip(b) {
            assert!(difference(*a, *b) <= manifest.tolerance, "row {place}: {a} {b}");
        }
    }
}

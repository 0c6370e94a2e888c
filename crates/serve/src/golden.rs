//! The proof that a model answers here as it did when it was packaged.

use modelyard_core::package::{Answer, Golden, Manifest, Package, Predictions};
use modelyard_core::table::Table;
use modelyard_core::{Fault, Kind, Result};

use crate::{ErrorCode, Model, PredictError, request};

/// The golden rows of a package, for a runtime that must prove itself again after it was lost.
pub(crate) struct Proof {
    manifest: Manifest,
    answers: Vec<Answer>,
    table: Table,
}

impl Proof {
    /// # Errors
    /// If the package's own rules refuse its golden rows.
    pub(crate) fn new(package: &Package) -> Result<Self> {
        let table = request::table(&package.manifest.signature, &package.golden.rows)
            .map_err(|error| refused(0, error))?;
        Ok(Self { manifest: package.manifest.clone(), answers: package.golden.answers.clone(), table })
    }

    /// What to ask; `None` without golden rows.
    pub(crate) fn table(&self) -> Option<&Table> {
        (!self.answers.is_empty()).then_some(&self.table)
    }

    /// # Errors
    /// If an answer is another one than at packaging.
    pub(crate) fn check(&self, predictions: &Predictions) -> Result<()> {
        if predictions.rows() != self.answers.len() {
            return Err(Fault::new(Kind::Model, "the model gave another number of answers than golden rows"));
        }
        compare(&self.manifest, predictions, &self.answers, 0, "after it was started again")?;
        Ok(())
    }
}

/// Answers every row of `golden` by itself, then all of them at once.
pub(crate) async fn prove(model: &Model, golden: &Golden) -> Result<f64> {
    let signature = &model.manifest().signature;
    let refused = |place: usize| move |error: PredictError| refused(place, error);
    let mut worst: f64 = 0.0;
    for (place, row) in golden.rows.iter().enumerate() {
        let table = request::table(signature, std::slice::from_ref(row)).map_err(refused(place))?;
        let predictions = model.predict(table).await.map_err(refused(place))?;
        let alone = std::slice::from_ref(&golden.answers[place]);
        worst = worst.max(compare(model.manifest(), &predictions, alone, place, "by itself")?);
    }
    let table = request::table(signature, &golden.rows).map_err(|error| refused(0)(error))?;
    let predictions = model.predict(table).await.map_err(|error| refused(0)(error))?;
    Ok(worst.max(compare(model.manifest(), &predictions, &golden.answers, 0, "in a batch")?))
}

/// The largest difference between `predictions` and `wanted`, whose first row is golden row `first`.
fn compare(
    manifest: &Manifest,
    predictions: &Predictions,
    wanted: &[Answer],
    first: usize,
    how: &str,
) -> Result<f64> {
    let mut worst: f64 = 0.0;
    for (place, wanted) in wanted.iter().enumerate() {
        let got = predictions.answer(place, &manifest.classes);
        let found = got.distance(wanted, &manifest.classes, manifest.tolerance);
        if found <= manifest.tolerance {
            worst = worst.max(found);
            continue;
        }
        let row = first + place;
        return Err(Fault::new(Kind::Model, format!("the model answers golden row {row} otherwise than when it was packaged"))
            .detail("wanted", shown(wanted))
            .detail("got", format!("{}, asked {how}", shown(&got)))
            .hint("serve it with the runtime its manifest names, or package it again; a model that is not repeatable needs `[package] tolerance`"));
    }
    Ok(worst)
}

fn shown(answer: &Answer) -> String {
    serde_json::to_string(answer).unwrap_or_default()
}

fn refused(place: usize, error: PredictError) -> Fault {
    let kind = if error.code == ErrorCode::Timeout { Kind::Timeout } else { Kind::Model };
    let fault = Fault::new(kind, format!("the model does not answer golden row {place}"));
    match error.hint.clone() {
        Some(hint) => fault.because(error).hint(hint),
        None => fault.because(error),
    }
}

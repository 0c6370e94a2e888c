//! Persisted shapes are promises: an example of each released version is read and written back
//! unchanged, and what digests are taken over stays what it was.

use std::fmt::Debug;

use modelyard_core::action::{Action, ActionResult};
use modelyard_core::audit::AuditEntry;
use modelyard_core::data::NumberedVersion;
use modelyard_core::deploy::{Applied, Approval, Environment, Release, ReplicaReport, StateRecord};
use modelyard_core::model::ModelVersion;
use modelyard_core::monitor::{Alert, Cause, Delivery, Segment, WindowRecord};
use modelyard_core::outcome::Outcome;
use modelyard_core::package::{Golden, Manifest, TrainingProfile};
use modelyard_core::run::Run;
use modelyard_core::tree::Tree;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads `name`, writes it back, and answers it.
fn check<T: Serialize + DeserializeOwned + Debug>(name: &str) -> T {
    let path = format!("{}/tests/formats/{name}.v1.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("an example of the format");
    let document: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let expected: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(serde_json::to_value(&document).expect("JSON"), expected, "{name} is written as it was read");
    document
}

#[test]
fn every_document_of_version_1_is_read_and_written_back() {
    check::<ActionResult>("result");
    check::<NumberedVersion>("data_version");
    check::<Run>("run");
    check::<Outcome>("outcome");
    check::<Golden>("golden");
    check::<TrainingProfile>("training_profile");
    check::<ModelVersion>("model_version");
    check::<Environment>("environment");
    check::<Release>("release");
    check::<ReplicaReport>("replica_report");
    let applied = check::<Applied>("applied");
    assert!(
        applied.monitor.is_some() && applied.triggers.len() == 2,
        "one that is not understood is left out"
    );
    check::<Segment>("segment");
    check::<WindowRecord>("window");
    check::<Alert>("alert");
    check::<Delivery>("delivery");
    check::<Cause>("cause");
    check::<Approval>("approval");
    check::<StateRecord>("state_record");
    let manifest = check::<Manifest>("manifest");
    let bytes = serde_json::to_vec(&manifest).expect("JSON");
    assert_eq!(Manifest::from_json(&bytes).expect("version 1"), manifest);
}

#[test]
fn a_manifest_of_a_later_version_is_refused_by_name() {
    let fault = Manifest::from_json(br#"{"version": 2, "stages": "other"}"#).expect_err("version 2");
    assert_eq!(
        fault.report(),
        "the package's manifest has version 2, this program knows version 1\n  hint: use a newer modelyard"
    );
}

#[test]
fn digests_are_what_they_were() {
    assert_eq!(
        check::<Action>("action").key().to_string(),
        "639e8939cc5cda774553fbebc169c90e1498d09bf944f01836b3f5b2f03b83f7"
    );
    assert_eq!(
        check::<Tree>("tree").digest().to_string(),
        "8b50bf526bf928192d2ef8367f9f39d36cfd829ab596dd6569650630ddf18ea4"
    );
    assert_eq!(
        check::<AuditEntry>("audit_entry").digest().to_string(),
        "48396bf6d17cc65b387b4e7772fbbf2dfe46c16d3e1bf2334acadc3edbe67ad9"
    );
}

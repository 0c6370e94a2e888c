//! Deploy: application testing and production release.
//!
//! Commands and rules only write desired state into the home; the reconciler compares it with what
//! targets and replicas report, and closes the difference, again and again. A crash at any moment
//! resumes.

pub mod application_test;
pub mod apply;
pub mod approval;
pub mod environments;
pub mod history;
pub mod judge;
pub mod labelled;
pub mod moves;
pub mod plane;
pub mod reconcile;
pub mod release;
mod strategy;
pub mod tested;
mod view;
mod writing;

use async_trait::async_trait;
use modelyard_core::deploy::{Environment, Facts, Release};
use modelyard_core::{Digest, Result};

pub use view::View;

/// Tests a version that is deployed in a test environment, over HTTP.
#[async_trait]
pub trait Tester: Send + Sync {
    /// Runs all application tests of `environment` against its one version, `release`'s.
    ///
    /// # Errors
    /// If the tests could not be run; a test that fails is an outcome.
    async fn test(&self, environment: &Environment, release: &Release) -> Result<Tested>;
}

/// What application testing came to.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Blob of the report.
    pub report: Digest,
    pub passed: bool,
    /// What failed, a line each.
    pub failures: Vec<String>,
    /// What must be equal in production.
    pub facts: Facts,
}

//! Wires the application tests that a server, or a command that waits, runs.

use std::sync::Arc;

use modelyard_core::Digest;
use modelyard_core::ports::Home;
use modelyard_evaluate::application::CheckResult;
use modelyard_lifecycle::Settings;
use modelyard_lifecycle::deploy::Tester;
use modelyard_lifecycle::deploy::application_test::{ApplicationTests, TestProgress};

use super::report::word;
use super::{Context, print};

/// Tests over HTTP, told to `progress`; `program` and `onnx_library` are those of this machine.
pub(crate) fn tester(
    ctx: &Context,
    home: &Home,
    settings: Settings,
    program: Digest,
    onnx_library: Option<Digest>,
    progress: Arc<dyn TestProgress>,
) -> Arc<dyn Tester> {
    Arc::new(ApplicationTests {
        home: home.clone(),
        clock: ctx.clock.clone(),
        connect: Arc::new(modelyard_http::client::HttpConnect),
        settings,
        program,
        onnx_library,
        progress,
    })
}

/// A line on stderr for each check that has ended: `parity     passed   all 3,518 rows …`.
pub(crate) struct TestLines;

impl TestProgress for TestLines {
    fn finished(&self, result: &CheckResult) {
        print::remark(format!("  {:<11} {:<9} {}", result.name, word(result.outcome), result.sentence));
    }
}

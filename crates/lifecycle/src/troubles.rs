//! What goes wrong again and again is told once.

use modelyard_core::Fault;

/// Tells of each fault once as long as it stays the same.
pub(crate) struct Troubles<'a, F> {
    tell: &'a F,
    last: String,
}

impl<'a, F: Fn(&Fault)> Troubles<'a, F> {
    pub(crate) fn new(tell: &'a F) -> Self {
        Self { tell, last: String::new() }
    }

    pub(crate) fn tell(&mut self, fault: &Fault) {
        let report = fault.report();
        if report != self.last {
            (self.tell)(fault);
            self.last = report;
        }
    }

    pub(crate) fn none(&mut self) {
        self.last.clear();
    }
}

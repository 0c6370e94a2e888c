//! What a release's next move is made on, besides its record and the time.

use std::collections::BTreeMap;

use modelyard_core::deploy::{Counts, EnvironmentState, ReplicaReport};
use modelyard_core::{Digest, Timestamp};

use super::Tested;
use super::labelled::Labels;

/// What is seen of an environment.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The last reports of replicas that answer.
    pub live: Vec<ReplicaReport>,
    /// Cumulative counts by package, over all replicas and their boots.
    pub counts: BTreeMap<Digest, Counts>,
    /// What people have yet to say before the release may go on.
    pub missing: Option<String>,
    /// Who has rejected the version since.
    pub rejected: Option<String>,
    /// Whether application tests of the release are under way.
    pub testing: bool,
    /// What application testing of the release came to, once it has.
    pub tested: Option<Result<Tested, String>>,
    /// Why the target can't bring about what is wanted.
    pub trouble: Option<String>,
    /// By replica, when its processes that ended without a word and were replaced were last heard of.
    pub died: BTreeMap<u32, Vec<Timestamp>>,
    /// Whether replicas are being started or replaced: those that answer may be of another program.
    pub replacing: bool,
    /// What labels say of the versions in this step, where the environment logs.
    pub labels: Option<Labels>,
}

impl View {
    /// What `reports` say at `now`.
    pub fn of(reports: Vec<ReplicaReport>, now: Timestamp) -> Self {
        let mut view = Self::default();
        for report in &reports {
            for (package, counts) in &report.counts {
                view.counts.entry(*package).or_default().add(counts);
            }
        }
        let newest = newest(&reports);
        for report in &reports {
            // The newest may merely be late.
            let is_replaced = newest.iter().all(|newest| newest.boot != report.boot);
            if is_replaced && !report.ending {
                view.died.entry(report.replica).or_default().push(report.at);
            }
        }
        view.live = newest.into_iter().filter(|report| report.is_live(now)).cloned().collect();
        view
    }

    /// Whether every replica that answers has `package` loaded and proven, and follows `generation`.
    pub fn is_ready(&self, package: Digest, generation: u64) -> bool {
        !self.live.is_empty()
            && self
                .live
                .iter()
                .all(|report| report.generation >= generation && report.ready.contains(&package))
    }

    /// Whether replicas are as they are to be: no version is tested or takes over on others.
    pub fn is_settled(&self) -> bool {
        !self.replacing && self.trouble.is_none()
    }

    /// Why a replica that follows `state` can't load or prove `package`. One that can't load the incumbent
    /// follows nothing, and tells all the same.
    pub fn failure(&self, package: Digest, state: &EnvironmentState) -> Option<&str> {
        let stable = state.stable().map(|stable| stable.package);
        let tells = |report: &&ReplicaReport| {
            report.generation >= state.generation
                || stable.is_some_and(|stable| report.failed.contains_key(&stable))
        };
        self.live.iter().filter(tells).find_map(|report| report.failed.get(&package)).map(String::as_str)
    }

    /// Whether some replica that answers has it loaded.
    pub fn has(&self, package: Digest) -> bool {
        self.live.iter().any(|report| report.ready.contains(&package))
    }

    pub fn counted(&self, package: Digest) -> Counts {
        self.counts.get(&package).cloned().unwrap_or_default()
    }
}

/// The last report of each replica, of its youngest process: `reports` come in the order of their starts. One
/// that has said that it ends may have failed to take the place of an older one, which goes on.
pub(super) fn newest(reports: &[ReplicaReport]) -> Vec<&ReplicaReport> {
    let mut newest: BTreeMap<u32, &ReplicaReport> = BTreeMap::new();
    for report in reports {
        let known = newest.entry(report.replica).or_insert(report);
        if known.ending || !report.ending {
            *known = report;
        }
    }
    newest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use modelyard_core::deploy::EnvironmentId;

    use super::*;

    fn report(boot: &str, ending: bool) -> ReplicaReport {
        ReplicaReport {
            version: 1,
            environment: EnvironmentId { project: "flights".to_owned(), name: "production".to_owned() },
            replica: 0,
            boot: boot.to_owned(),
            sequence: 1,
            at: Timestamp::from_micros(0),
            pid: 1,
            program: None,
            listen: String::new(),
            generation: 1,
            ready: Vec::new(),
            startup_secs: BTreeMap::new(),
            failed: BTreeMap::new(),
            counts: BTreeMap::new(),
            served: Vec::new(),
            cpu_secs: 0.0,
            memory_bytes: 0,
            ending,
        }
    }

    #[test]
    fn one_that_ended_without_taking_over_hides_nobody() {
        for (old, new, shown) in
            [(false, true, "old"), (false, false, "new"), (true, false, "new"), (true, true, "new")]
        {
            let reports = [report("old", old), report("new", new)];
            let boots: Vec<_> = newest(&reports).iter().map(|report| report.boot.as_str()).collect();
            assert_eq!(boots, [shown]);
        }
    }
}

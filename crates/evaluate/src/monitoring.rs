//! What the page of a watched environment shows: the facts, gathered by others.

use modelyard_core::Timestamp;
use modelyard_core::config::Goal;
use modelyard_core::monitor::{Alert, Cause, WindowRecord};

/// A watched environment.
#[derive(Clone, Debug)]
pub struct MonitorReport {
    pub project: String,
    pub environment: String,
    /// The column by which windows go; `None`: by arrival.
    pub time: Option<String>,
    /// The first of the project's metrics.
    pub metric: Option<(String, Goal)>,
    /// By begin, then version.
    pub windows: Vec<WindowRecord>,
    /// Columns as they were and as they are, those that have moved first.
    pub compared: Vec<Compared>,
    /// The newest first.
    pub alerts: Vec<Alert>,
    /// The newest first.
    pub causes: Vec<Cause>,
    pub made_at: Timestamp,
}

/// A column's distribution where the model learnt, and in the last window.
#[derive(Clone, Debug)]
pub struct Compared {
    pub column: String,
    /// Names of bins or values, with the share of rows of the reference and of the window in each.
    pub bins: Vec<(String, f64, f64)>,
}

impl MonitorReport {
    /// Windows of the last begin there is.
    pub fn last(&self) -> impl Iterator<Item = &WindowRecord> {
        let start = self.windows.last().map(|window| window.start);
        self.windows.iter().filter(move |window| Some(window.start) == start)
    }

    /// The window of the version that answered most in the last one.
    pub fn newest(&self) -> Option<&WindowRecord> {
        self.last().max_by_key(|window| window.rows)
    }

    /// Columns that have moved as of the last window, with their begin; the first to move first.
    pub fn moved(&self) -> Vec<(&str, Timestamp)> {
        let newest = self.newest().into_iter().flat_map(|window| &window.columns);
        let mut moved: Vec<_> = newest
            .filter(|(_, found)| found.moved)
            .filter_map(|(name, found)| Some((name.as_str(), found.since?)))
            .collect();
        moved.sort_by_key(|(_, since)| *since);
        moved
    }

    /// What has happened, in a sentence or two.
    pub fn sentence(&self) -> String {
        let Some(newest) = self.newest() else {
            return "No window has been judged: requests have to come first.".to_owned();
        };
        let moved = self.moved();
        let names: Vec<&str> = moved.iter().map(|(name, _)| *name).collect();
        let mut text = match (&names[..], moved.first()) {
            ([one], Some((_, since))) => format!("{one} has moved since {}", day(*since)),
            ([first @ .., last], Some((_, since))) => {
                format!("{} and {last} have moved since {}", first.join(", "), day(*since))
            }
            _ => "no column has moved".to_owned(),
        };
        text.push_str(match newest.decay.as_ref().map(|decay| decay.moved) {
            Some(true) => "; answers have got worse.",
            Some(false) => "; answers are not found worse.",
            None => "; too few labels to tell whether answers got worse.",
        });
        match self.alerts.iter().filter(|alert| alert.is_open()).count() {
            0 => {}
            1 => text.push_str(" 1 alert is open."),
            open => text.push_str(&format!(" {open} alerts are open.")),
        }
        text
    }
}

/// `14 May`.
pub(crate) fn day(at: Timestamp) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "June", "July", "Aug", "Sept", "Oct", "Nov", "Dec"];
    let text = at.to_string();
    let month: usize = text.get(5..7).and_then(|month| month.parse().ok()).unwrap_or(1);
    let day = text.get(8..10).unwrap_or_default().trim_start_matches('0');
    format!("{day} {}", MONTHS[month.clamp(1, 12) - 1])
}

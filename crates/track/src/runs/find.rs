//! Naming a run: its id, or the beginning of it.

use modelyard_core::ports::Home;
use modelyard_core::run::{Run, RunFilter, RunKind};
use modelyard_core::{Fault, Kind, Result};

use crate::nearest::nearest;

/// A shorter text is taken for something else.
const SHORTEST_PREFIX: usize = 4;
/// A ULID's characters.
const ID_LENGTH: usize = 26;
/// So many runs that a text could mean are named.
const MOST_CANDIDATES: usize = 8;

/// The run whose id is `text` or begins with it, in any case; at least four characters. `None`
/// where `text` can't be an id, or none begins so. Of several, a run that has the others as its
/// parts is meant: a pipeline run's id begins like those of the steps it began at once.
///
/// # Errors
/// [`Kind::Usage`] if several runs begin so, naming them.
pub async fn lookup(home: &Home, text: &str) -> Result<Option<Run>> {
    let Some(prefix) = prefix(text) else { return Ok(None) };
    let mut found = home.runs.list(&RunFilter { id_prefix: Some(prefix), ..RunFilter::default() }).await?;
    if found.len() > 1
        && let Some(whole) = whole(&found)
    {
        return Ok(Some(found.swap_remove(whole)));
    }
    match found.len() {
        0 | 1 => Ok(found.pop()),
        _ => Err(ambiguous(text, &found)),
    }
}

/// As [`lookup`], where nothing else may be meant.
///
/// # Errors
/// [`Kind::NotFound`] where there is no such run, with the id that is nearest; else as [`lookup`].
pub async fn find(home: &Home, text: &str) -> Result<Run> {
    if let Some(run) = lookup(home, text).await? {
        return Ok(run);
    }
    let fault = Fault::new(Kind::NotFound, format!("there is no run `{text}`"));
    let recent = home.runs.list(&RunFilter { limit: Some(1000), ..RunFilter::default() }).await?;
    let ids: Vec<String> = recent.iter().map(|run| run.id.to_string()).collect();
    let shown = |id: &str| id.get(..text.len()).unwrap_or(id).to_owned();
    // Ids of one hour look alike, so only what differs in a few characters is near.
    let near = nearest(text, ids.iter().map(String::as_str))
        .filter(|id| strsim::levenshtein(&text.to_uppercase(), &shown(id)) <= 2);
    Err(match (near, recent.iter().find(|run| run.kind == RunKind::Pipeline)) {
        (Some(near), _) => fault.hint(format!("did you mean `{near}`?")),
        (None, Some(run)) => {
            fault.hint(format!("the newest is `{}`; `modelyard runs list` shows the others", run.id))
        }
        (None, None) => fault.hint("nothing has run yet: `modelyard run`"),
    })
}

/// `text` as ids are written, if it may be the beginning of one: Crockford's base 32, the first
/// digit at most 7.
fn prefix(text: &str) -> Option<String> {
    let upper = text.to_ascii_uppercase();
    let digit =
        |c: char| c.is_ascii_digit() || (c.is_ascii_uppercase() && !matches!(c, 'I' | 'L' | 'O' | 'U'));
    let may_be = (SHORTEST_PREFIX..=ID_LENGTH).contains(&upper.len())
        && upper.starts_with(|first: char| matches!(first, '0'..='7'))
        && upper.chars().all(digit);
    may_be.then_some(upper)
}

/// The place of the only one among `found` that none of the others has as a part.
fn whole(found: &[Run]) -> Option<usize> {
    let is_part = |run: &Run| run.parent.is_some_and(|parent| found.iter().any(|other| other.id == parent));
    let mut wholes = (0..found.len()).filter(|place| !is_part(&found[*place]));
    match (wholes.next(), wholes.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

fn ambiguous(text: &str, found: &[Run]) -> Fault {
    let mut candidates: Vec<String> = found
        .iter()
        .take(MOST_CANDIDATES)
        .map(|run| format!("{}  {} of {}, {}", run.id, run.name, run.project, run.started_at))
        .collect();
    if found.len() > MOST_CANDIDATES {
        candidates.push(format!("and {} more", found.len() - MOST_CANDIDATES));
    }
    Fault::new(Kind::Usage, format!("`{text}` could be any of {} runs", found.len()))
        .detail("runs", candidates.join("\n"))
        .hint("write more of the id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    async fn home(numbers: &[u32]) -> Home {
        let home = modelyard_store::memory();
        for number in numbers {
            home.runs.save(&testing::run(*number)).await.unwrap();
        }
        home
    }

    #[tokio::test]
    async fn a_run_is_named_by_its_id_or_its_beginning_in_any_case() {
        let home = home(&[1]).await;
        let run = testing::run(1);
        let id = run.id.to_string();
        for text in [id.as_str(), &id[..4], &id[..12], &id.to_lowercase()] {
            assert_eq!(lookup(&home, text).await.unwrap().as_ref(), Some(&run), "{text}");
        }
    }

    #[tokio::test]
    async fn what_can_be_no_id_is_no_run_and_no_error() {
        let home = home(&[1, 2]).await;
        for text in
            ["", "01J", "train", "late-flights@3", "9ZZZ", "01JLOU", "01ZZZZ", &"0".repeat(27), "ßßßß"]
        {
            assert_eq!(lookup(&home, text).await.unwrap(), None, "{text}");
        }
    }

    #[tokio::test]
    async fn several_are_listed() {
        let home = home(&[1, 2]).await;
        let id = testing::run(1).id.to_string();
        let fault = lookup(&home, &id[..8]).await.unwrap_err();
        assert_eq!(fault.kind(), Kind::Usage);
        let report = fault.report();
        assert!(report.starts_with(&format!("`{}` could be any of 2 runs\n  runs: ", &id[..8])), "{report}");
        assert!(report.contains(&testing::run(1).id.to_string()), "{report}");
        assert!(report.contains(&testing::run(2).id.to_string()), "{report}");
    }

    #[tokio::test]
    async fn a_pipeline_run_goes_before_its_own_parts() {
        let home = home(&[1]).await;
        let (whole, part) = (testing::run(1), testing::run(2));
        home.runs.save(&Run { kind: RunKind::Step, parent: Some(whole.id), ..part }).await.unwrap();
        let found = lookup(&home, &whole.id.to_string()[..10]).await.unwrap();
        assert_eq!(found, Some(whole));
    }

    #[tokio::test]
    async fn a_run_that_is_not_there_is_answered_with_the_nearest() {
        let id = testing::run(1).id.to_string();
        let mistyped = format!("{}Z", &id[..25]);
        let fault = find(&home(&[1]).await, &mistyped).await.unwrap_err();
        assert_eq!(fault.report(), format!("there is no run `{mistyped}`\n  hint: did you mean `{id}`?"));
        let fault = find(&home(&[1]).await, "yesterday").await.unwrap_err();
        assert_eq!(
            fault.hint_text(),
            Some(format!("the newest is `{id}`; `modelyard runs list` shows the others").as_str())
        );
        let fault = find(&home(&[]).await, "01J9").await.unwrap_err();
        assert_eq!(fault.hint_text(), Some("nothing has run yet: `modelyard run`"));
    }
}

//! What people say of a version, and whether that is enough for an environment.
//!
//! Everything that anybody ever said is kept; the last word of each person counts. A rejection holds a
//! version off until the same person approves it.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::environment::Approvals;
use modelyard_core::deploy::{Approval, Verdict};
use modelyard_core::model::{ModelRef, Which};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Kind, Result};
use modelyard_track::registry;
use serde::Serialize;

/// A longer comment belongs into a document of its own.
const LONGEST_COMMENT: usize = 2_000;

/// What a version's approval or rejection came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Given {
    pub model: String,
    pub number: u32,
    /// The one that was given now.
    pub approval: Approval,
    /// What the same person had said before.
    pub before: Option<Verdict>,
    /// The last word of each person, the oldest first.
    pub approvals: Vec<Approval>,
}

/// Keeps what `actor` says of the version that `model` names.
///
/// # Errors
/// [`Kind::Usage`] where `model` names no certain version, or a comment is too long; [`Kind::NotFound`] if there is no such version.
pub async fn give(
    home: &Home,
    model: &ModelRef,
    verdict: Verdict,
    comment: Option<&str>,
    actor: &Actor,
) -> Result<Given> {
    if model.which == Which::Default {
        return Err(Fault::new(Kind::Usage, format!("`{model}` does not say which version is meant"))
            .hint(format!("write {model}@NUMBER; what is approved is one version")));
    }
    let comment = comment.map(str::trim).filter(|comment| !comment.is_empty());
    if comment.is_some_and(|comment| comment.chars().count() > LONGEST_COMMENT) {
        return Err(Fault::new(
            Kind::Usage,
            format!("the comment is longer than {LONGEST_COMMENT} characters"),
        )
        .hint("say it shorter, or write where it stands"));
    }
    let version = registry::find(home, model).await?;
    let approval = Approval {
        version: 1,
        model: version.name.clone(),
        number: version.number,
        verdict,
        by: actor.name.clone(),
        at: actor.at,
        comment: comment.map(str::to_owned),
    };
    let earlier = home.environments.approvals(&version.name, version.number).await?;
    let before = counting(&earlier).into_iter().find(|earlier| earlier.by == actor.name);
    let before = before.map(|before| before.verdict);
    home.environments.approve(&approval).await?;
    let given = home.environments.approvals(&version.name, version.number).await?;
    let approvals = counting(&given).into_iter().cloned().collect();
    Ok(Given { model: version.name, number: version.number, approval, before, approvals })
}

/// The last word of each person, in the order in which they were said. `given` are all, the oldest first.
pub fn counting(given: &[Approval]) -> Vec<&Approval> {
    let is_last =
        |place: usize, approval: &Approval| given[place + 1..].iter().all(|later| later.by != approval.by);
    given.iter().enumerate().filter(|(place, approval)| is_last(*place, approval)).map(|(_, it)| it).collect()
}

/// Why a version that `registered_by` registered may not be released where `wanted` holds; `None` where
/// nothing is missing. A rejection blocks wherever it is asked, also where no approvals are wanted.
pub fn missing(wanted: &Approvals, given: &[Approval], registered_by: &str) -> Option<String> {
    if let Some(no) = rejection(given) {
        return Some(no);
    }
    if wanted.count == 0 {
        return None;
    }
    let approved = counting(given).into_iter().filter(|approval| approval.verdict == Verdict::Approved);
    let people: Vec<&str> = approved.map(|approval| approval.by.as_str()).collect();
    let lacking = (wanted.count as usize).saturating_sub(people.len());
    if lacking > 0 {
        let so_far = match people.is_empty() {
            true => String::new(),
            false => format!("; approved by {}", people.join(", ")),
        };
        let (approvals, are) = if wanted.count == 1 { ("approval", "is") } else { ("approvals", "are") };
        return Some(format!("{lacking} of {} {approvals} {are} missing{so_far}", wanted.count));
    }
    let somebody_else = people.iter().any(|person| *person != registered_by);
    if wanted.independent && !somebody_else {
        return Some(format!("somebody else than {registered_by}, who registered it, has to approve it"));
    }
    None
}

/// Who rejected the version, and why. `given` are all, the oldest first.
pub fn rejection(given: &[Approval]) -> Option<String> {
    let no = counting(given).into_iter().find(|approval| approval.verdict == Verdict::Rejected)?;
    let comment = no.comment.as_ref().map(|comment| format!(": {comment}"));
    Some(format!("{} rejected it{}", no.by, comment.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use modelyard_core::model::NewVersion;
    use modelyard_core::{Digest, Timestamp};

    use super::*;

    fn said(words: &[&str]) -> Vec<Approval> {
        words
            .iter()
            .map(|word| {
                let (verdict, by) = match word.strip_prefix('-') {
                    Some(by) => (Verdict::Rejected, by),
                    None => (Verdict::Approved, *word),
                };
                Approval {
                    version: 1,
                    model: "late".to_owned(),
                    number: 1,
                    verdict,
                    by: by.to_owned(),
                    at: Timestamp::from_micros(0),
                    comment: (verdict == Verdict::Rejected).then(|| "too slow".to_owned()),
                }
            })
            .collect()
    }

    #[test]
    fn the_last_word_of_each_person_counts() {
        for (count, independent, words, wanted) in [
            (0, false, &[][..], None),
            (0, true, &[], None),
            (0, false, &["-bob"], Some("bob rejected it: too slow")),
            (1, false, &[], Some("1 of 1 approval is missing")),
            (1, false, &["ada"], None),
            (1, true, &["ada"], Some("somebody else than ada, who registered it, has to approve it")),
            (1, true, &["ada", "bob"], None),
            (2, false, &["bob", "bob"], Some("1 of 2 approvals are missing; approved by bob")),
            (2, false, &["bob", "ada"], None),
            (2, false, &["bob", "ada", "-bob"], Some("bob rejected it: too slow")),
            (1, false, &["-bob", "bob"], None),
            (1, false, &["ada", "-bob"], Some("bob rejected it: too slow")),
            (3, true, &["ada"], Some("2 of 3 approvals are missing; approved by ada")),
        ] {
            let found = missing(&Approvals { count, independent }, &said(words), "ada");
            assert_eq!(found.as_deref(), wanted, "{count} {independent} {words:?}");
        }
    }

    #[tokio::test]
    async fn what_was_said_is_kept_with_who_and_when() {
        let home = modelyard_store::memory();
        let actor = |name: &str| Actor { name: name.to_owned(), at: Timestamp::from_micros(7) };
        let new = NewVersion {
            name: "late".to_owned(),
            package: Digest::of(b"package"),
            runtime: "onnx".to_owned(),
            project: None,
            run: None,
            report: None,
            metric: None,
            alias: Some("challenger".to_owned()),
        };
        home.models.register(&new, &actor("ada")).await.unwrap();
        let model: ModelRef = "late@challenger".parse().unwrap();
        let given = give(&home, &model, Verdict::Rejected, Some("  slow "), &actor("bob")).await.unwrap();
        assert_eq!((given.number, given.before), (1, None));
        assert_eq!(given.approval.comment.as_deref(), Some("slow"));
        let given = give(&home, &model, Verdict::Approved, Some(""), &actor("bob")).await.unwrap();
        assert_eq!(given.before, Some(Verdict::Rejected));
        assert_eq!((given.approvals.len(), &given.approvals[0].comment), (1, &None));
        assert_eq!(home.environments.approvals("late", 1).await.unwrap().len(), 2);

        for (model, comment, kind) in [
            ("late", "x", Kind::Usage),
            ("late@9", "x", Kind::NotFound),
            ("late@1", &*"x".repeat(2_001), Kind::Usage),
        ] {
            let model = model.parse().unwrap();
            let fault =
                give(&home, &model, Verdict::Approved, Some(comment), &actor("bob")).await.unwrap_err();
            assert_eq!(fault.kind(), kind, "{model}");
        }
    }
}

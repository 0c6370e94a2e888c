//! Answers against the history: each was by a version of which the home says that it was serving then.

use std::collections::BTreeSet;

use modelyard_core::Timestamp;
use serde_json::Value;

use crate::shop::Shop;
use crate::traffic::{Asked, Came};

/// A version that answered, by what the home keeps.
struct Span {
    number: u64,
    /// While a state was wanted that gives it a share of the traffic; `None` for the newest.
    wanted: (i64, Option<i64>),
    /// Its first and last answers under that state, as replicas reported them.
    served: Option<(i64, i64)>,
}

/// How long after a change a replica may go on as before: it looks ten times a second, on machines that are
/// busy with other things.
const FOLLOWS_WITHIN: i64 = 5_000_000;

fn spans(shop: &Shop) -> Vec<Span> {
    let history = shop.project.document(&["history", "production", "--limit", "1000000"]);
    let mut spans = Vec::new();
    for state in history.as_array().unwrap() {
        for version in state["versions"].as_array().unwrap() {
            if is_serving(version) {
                spans.push(Span {
                    number: version["number"].as_u64().unwrap(),
                    wanted: (micros(&state["wanted_from"]).unwrap(), micros(&state["wanted_until"])),
                    served: micros(&version["first_served"]).zip(micros(&version["last_served"])),
                });
            }
        }
    }
    spans
}

fn is_serving(version: &Value) -> bool {
    version["phase"] == "serve" && version["role"] != "shadow" && version["weight"].as_f64().unwrap() > 0.0
}

fn micros(time: &Value) -> Option<i64> {
    time.as_str().map(|text| Timestamp::parse(text).unwrap().micros())
}

/// Every answer of `asked` lies within what its version answered by the home's record; those that were given
/// shortly before a data plane was killed, at one of `killed`, within what was wanted.
#[track_caller]
pub(crate) fn explains(shop: &Shop, asked: &[Asked], killed: &[i64]) {
    let spans = spans(shop);
    let mut answers = 0;
    for one in asked {
        let Came::Answer(number) = one.came else { continue };
        answers += 1;
        let its = || spans.iter().filter(move |span| span.number == number);
        let is_kept =
            its().any(|span| span.served.is_some_and(|(first, last)| first <= one.ended && one.sent <= last));
        // A replica reports once a second: what it did since the last time dies with it.
        let is_lost = killed.iter().any(|at| (one.sent..one.sent + FOLLOWS_WITHIN).contains(at));
        let is_wanted = || {
            its().any(|span| {
                let (from, until) = span.wanted;
                from <= one.ended && until.is_none_or(|until| one.sent <= until + FOLLOWS_WITHIN)
            })
        };
        assert!(is_kept || is_lost && is_wanted(), "no history of {one:?}, killed at {killed:?}");
    }
    assert!(answers > 0, "nothing was answered");
}

/// `history --at` names the version of each of some answers: the first and the last of each version, and
/// others among them.
#[track_caller]
pub(crate) fn explains_at(shop: &Shop, asked: &[Asked]) {
    let mut picked = BTreeSet::<usize>::new();
    for number in 1..=2 {
        let is_its = |place: &usize| asked[*place].came == Came::Answer(number);
        let places: Vec<usize> = (0..asked.len()).filter(is_its).collect();
        picked.extend(places.first().into_iter().chain(places.last()));
        picked.extend(places.iter().step_by(places.len() / 5 + 1));
    }
    assert!(picked.len() > 4, "{picked:?}");
    for place in picked {
        let one = &asked[place];
        let Came::Answer(number) = one.came else { unreachable!() };
        // Whichever instant it was answered at, one of its ends lies in the same state.
        let named = [one.sent, one.ended].into_iter().any(|at| named_at(shop, at).contains(&number));
        assert!(named, "`history --at` does not name the version of {one:?}");
    }
}

/// Versions that were serving at an instant.
fn named_at(shop: &Shop, at: i64) -> BTreeSet<u64> {
    let at = Timestamp::from_micros(at).to_string();
    let moment = shop.project.document(&["history", "production", "--at", &at]);
    let versions = moment["state"]["versions"].as_array().unwrap();
    let number = |version: &Value| version["number"].as_u64().unwrap();
    let mut named: BTreeSet<u64> = versions.iter().filter(|one| is_serving(one)).map(number).collect();
    // One that a replica still answered with, which is told by its package.
    for also in moment["also_answered"].as_array().unwrap() {
        let known = versions.iter().find(|version| version["package"] == also["package"]);
        named.extend(known.map(number));
    }
    named
}

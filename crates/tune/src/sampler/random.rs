//! Independent draws. Trial `i` depends on the seed and `i` alone, so more trials later keep the
//! earlier ones, and so does another parameter's change of range.

use modelyard_core::config::{Search, Space};
use modelyard_core::{Digest, Fault, Kind, Result};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::{Point, Sampler};

pub(super) struct Random;

impl Sampler for Random {
    fn name(&self) -> &'static str {
        "random"
    }

    fn trials(&self, search: &Search) -> Result<u32> {
        search.trials.filter(|trials| *trials > 0).ok_or_else(|| {
            Fault::new(Kind::Config, "a random search needs to know how many trials to make")
                .hint("set `trials = 20` in [train.search]")
        })
    }

    fn point(&self, search: &Search, index: u32) -> Point {
        let draw = |(name, space): (&String, &Space)| {
            let identity = format!("{} {index} {name}", search.seed);
            let seed = Digest::derived("modelyard random search v1", identity.as_bytes());
            (name.clone(), draw(space, &mut ChaCha8Rng::from_seed(*seed.as_bytes())))
        };
        search.space.iter().map(draw).collect()
    }
}

fn draw(space: &Space, random: &mut ChaCha8Rng) -> Value {
    match space {
        Space::Choices(values) => values[random.random_range(0..values.len().max(1))].clone(),
        Space::Float { min, max, step: Some(step), .. } => {
            let place = random.random_range(0..=super::lattice_steps(*min, *max, *step));
            (min + place as f64 * step).into()
        }
        Space::Float { min, max, log: true, .. } => {
            let logarithm = random.random_range(min.ln()..=max.ln());
            logarithm.exp().clamp(*min, *max).into()
        }
        Space::Float { min, max, .. } => random.random_range(*min..=*max).into(),
        Space::Int { min, max, log: true, .. } => {
            // Half a step beyond both ends, so that the ends are as likely as their neighbours.
            let (low, high) = ((*min as f64 - 0.5).ln(), (*max as f64 + 0.5).ln());
            let number = random.random_range(low..=high).exp().round() as i64;
            number.clamp(*min, *max).into()
        }
        Space::Int { min, max, step, .. } => {
            let step = step.unwrap_or(1).max(1);
            let place = random.random_range(0..=(max - min) / step);
            (min + place * step).into()
        }
    }
}

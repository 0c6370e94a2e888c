//! The distribution of the Kolmogorov–Smirnov distance, for two samples and for one.
//!
//! Source for one sample, and for which method is right where: Simard and L'Ecuyer, Computing the Two-Sided
//! Kolmogorov–Smirnov Distribution, Journal of Statistical Software 39 (2011). SciPy 1.17.1 follows it too.

use std::f64::consts::PI;

use modelyard_evaluate::numeric::Sum;

/// Up to this many values a sample, paths are counted.
const MAX_EXACT: u64 = 10_000;
/// Up to this many, the recursion for one sample is exact enough everywhere.
const SMALL: u64 = 140;

/// Probability that the distance of two samples of `rows` and `others` values (each at least 1) is at least
/// `difference` / (`rows` · `others`), if both come from one continuous distribution.
pub(crate) fn p_value(rows: u64, others: u64, difference: u128) -> f64 {
    if difference == 0 {
        return 1.0;
    }
    if rows.max(others) <= MAX_EXACT {
        return exact(rows.max(others), rows.min(others), difference as u64);
    }
    let (rows, others) = (rows as f64, others as f64);
    // Half-way cases go to the even number, as NumPy rounds.
    let harmonic = (rows * others / (rows + others)).round_ties_even();
    one_sample_above(harmonic as u64, difference as f64 / (rows * others))
}

/// Share of the orders of `m` and `n` values (`m` ≥ `n`) in which the distance reaches `difference` / (m·n).
///
/// An order is a path from (0, 0) to (m, n); the last step of a random one to (i, j) comes from the left with
/// probability i / (i + j). Source: Hodges, The Significance Probability of the Smirnov Two-Sample Test
/// (1958), with shares in place of counts, which would overflow, and of paths that leave the band rather than
/// stay in it, so that small p-values keep their digits.
fn exact(m: u64, n: u64, difference: u64) -> f64 {
    let outside = |i: u64, j: u64| (i * n).abs_diff(j * m) >= difference;
    let mut left = vec![1.0; n as usize + 1];
    for i in 0..=m {
        // Below and above the band every path is outside, whichever cell it came from.
        let first = (i * n).saturating_sub(difference - 1).div_ceil(m);
        let last = ((i * n + difference - 1) / m).min(n);
        let mut below = 1.0;
        if first > 0 {
            left[first as usize - 1] = 1.0;
        }
        for j in first..=last {
            debug_assert!(!outside(i, j));
            let steps = (i + j) as f64;
            let from_left = if i > 0 && !outside(i - 1, j) { left[j as usize] } else { 1.0 };
            below = match (i, j) {
                (0, 0) => 0.0,
                (_, 0) => from_left,
                (0, _) => below,
                _ => (from_left * i as f64 + below * j as f64) / steps,
            };
            left[j as usize] = below;
        }
        if first > last {
            return 1.0;
        }
    }
    if outside(m, n) { 1.0 } else { left[n as usize] }
}

/// Probability that the empirical distribution of `n` values is `x` or more away from the true one.
fn one_sample_above(n: u64, x: f64) -> f64 {
    let rows = n as f64;
    let (t, energy) = (rows * x, rows * x * x);
    if t <= 0.5 {
        return 1.0;
    }
    if x >= 1.0 {
        return 0.0;
    }
    if t <= 1.0 {
        // n! (2x − 1/n)ⁿ, by Ruben and Gambino.
        return 1.0 - (libm::lgamma(rows + 1.0) + rows * ((2.0 * t - 1.0).ln() - rows.ln())).exp();
    }
    if t >= rows - 1.0 {
        return 2.0 * (1.0 - x).powf(rows);
    }
    if energy >= 370.0 && n > SMALL {
        return 0.0;
    }
    if x >= 0.5 || energy > if n <= SMALL { 4.0 } else { 2.2 } {
        // Both sides at once have become too improbable to matter.
        return (2.0 * one_sided_above(n, x)).min(1.0);
    }
    let below = if n <= SMALL || (n <= 100_000 && rows * x.powf(1.5) <= 1.4) {
        durbin_below(n, x)
    } else {
        pelz_good_below(rows, x)
    };
    (1.0 - below).clamp(0.0, 1.0)
}

/// Probability that the empirical distribution lies `x` or more above the true one somewhere, `x` in (0, 1).
///
/// Source: Birnbaum and Tingey (1951): x Σ C(n, j) (x + j/n)^(j − 1) (1 − x − j/n)^(n − j).
fn one_sided_above(n: u64, x: f64) -> f64 {
    let rows = n as f64;
    let mut choose = Sum::default();
    let mut total = 0.0;
    for step in 0..=n {
        let j = step as f64;
        let rest = 1.0 - x - j / rows;
        if rest <= 0.0 {
            break;
        }
        let place = x + j / rows;
        total += (choose.value() + (j - 1.0) * place.ln() + (rows - j) * rest.ln()).exp();
        choose.add(((rows - j) / (j + 1.0)).ln());
    }
    x * total
}

/// 2¹²⁸.
const HUGE: f64 = (1u128 << 127) as f64 * 2.0;

/// Durbin's matrix, raised as Marsaglia, Tsang and Wang (2003) do it.
fn durbin_below(n: u64, x: f64) -> f64 {
    let t = n as f64 * x;
    let k = t.ceil() as usize;
    let h = k as f64 - t;
    let size = 2 * k - 1;
    let mut base = vec![0.0; size * size];
    for row in 0..size {
        for column in 0..size {
            if row + 1 >= column {
                base[row * size + column] = 1.0;
            }
        }
    }
    for row in 0..size {
        base[row * size] -= h.powi(row as i32 + 1);
        base[(size - 1) * size + row] -= h.powi((size - row) as i32);
    }
    base[(size - 1) * size] += (2.0 * h - 1.0).max(0.0).powi(size as i32);
    for row in 0..size {
        for column in 0..size {
            for divisor in 1..=(row + 1).saturating_sub(column) {
                base[row * size + column] /= divisor as f64;
            }
        }
    }
    // The matrix's power, and the powers of 2¹²⁸ taken out of it.
    let mut power = vec![0.0; size * size];
    for place in 0..size {
        power[place * size + place] = 1.0;
    }
    let (mut scale, mut base_scale, mut left) = (0i32, 0i32, n);
    let middle = (k - 1) * size + k - 1;
    while left > 0 {
        if left % 2 == 1 {
            power = product(&power, &base, size);
            scale += base_scale;
        }
        base = product(&base, &base, size);
        base_scale *= 2;
        if base[middle] > HUGE {
            base.iter_mut().for_each(|value| *value /= HUGE);
            base_scale += 1;
        }
        left /= 2;
    }
    let mut below = power[middle];
    for factor in 1..=n {
        below *= factor as f64 / n as f64;
        if below < 1.0 / HUGE {
            below *= HUGE;
            scale -= 1;
        }
    }
    below * HUGE.powi(scale)
}

fn product(a: &[f64], b: &[f64], size: usize) -> Vec<f64> {
    let mut found = vec![0.0; size * size];
    for row in 0..size {
        for inner in 0..size {
            let factor = a[row * size + inner];
            for column in 0..size {
                found[row * size + column] += factor * b[inner * size + column];
            }
        }
    }
    found
}

/// The asymptotic series with three corrections. Source: Pelz and Good (1976), equations (9) to (12) of
/// Simard and L'Ecuyer.
fn pelz_good_below(rows: f64, x: f64) -> f64 {
    let z = rows.sqrt() * x;
    let z2 = z * z;
    let pi2 = PI * PI;
    let mut terms = [0.0; 4];
    let (mut second, mut third) = (0.0, 0.0);
    for k in 1..=(16.0 * z / PI).ceil() as u32 {
        let odd = f64::from(2 * k - 1);
        let m2 = odd * odd;
        let weight = (-m2 * pi2 / (8.0 * z2)).exp();
        let q = pi2 * m2 / 4.0;
        terms[0] += weight;
        terms[1] += weight * (q - z2);
        terms[2] += weight
            * (6.0 * z2.powi(3)
                + 2.0 * z2.powi(2)
                + (2.0 * z2.powi(2) - 5.0 * z2) * q
                + (1.0 - 2.0 * z2) * q * q);
        terms[3] += weight
            * (-30.0 * z2.powi(3) - 90.0 * z2.powi(4)
                + (135.0 * z2.powi(2) - 96.0 * z2.powi(3)) * q
                + (212.0 * z2.powi(2) - 60.0 * z2) * q * q
                + (5.0 - 30.0 * z2) * q.powi(3));
        let k2 = f64::from(k * k);
        let even = (-k2 * pi2 / (2.0 * z2)).exp() * k2;
        second += even;
        third += even * (3.0 * z2 - pi2 * k2);
    }
    let root = (2.0 * PI).sqrt();
    let corrections = [
        terms[0] * root / z,
        terms[1] * root / (6.0 * z2.powi(2)),
        terms[2] * root / (72.0 * z.powi(7)) - second * root * pi2 / (36.0 * z.powi(3)),
        terms[3] * root / (6480.0 * z.powi(10)) + third * root * pi2 / (216.0 * z2.powi(3)),
    ];
    corrections.iter().rev().fold(0.0, |sum, term| sum / rows.sqrt() + term)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-10 * wanted.abs(), "found {found:e}, wanted {wanted:e}");
    }

    #[test]
    fn one_sample_is_that_of_scipy() {
        for (n, x, wanted) in REFERENCE {
            close(one_sample_above(*n, *x), *wanted);
        }
    }

    #[test]
    fn two_samples_of_two_and_one() {
        // Of the three orders of two and one value, those with the one at an end reach a distance of 1.
        close(exact(2, 1, 2), 2.0 / 3.0);
        assert_eq!(exact(2, 1, 1), 1.0);
        assert_eq!(p_value(3, 3, 0), 1.0);
    }

    /// `scipy.stats.kstwo.sf(x, n)`, SciPy 1.17.1: one case a method and a side of its border.
    const REFERENCE: &[(u64, f64, f64)] = &[
        (1, 0.4, 1.0),
        (1, 0.7, 0.6000000000000001),
        (5, 0.15, 0.9988),
        (5, 0.19, 0.977325184),
        (200, 0.004, 1.0),
        (5, 0.3, 0.664),
        (5, 0.55, 0.059696249999999965),
        (5, 0.85, 0.0001518750000000001),
        (50, 0.08, 0.880839701941023),
        (50, 0.15, 0.19026366518248072),
        (50, 0.27, 0.00103876659196811),
        (50, 0.29, 0.0003222158104813692),
        (50, 0.4, 9.86356336441006e-08),
        (140, 0.05, 0.8576480297656114),
        (140, 0.12, 0.03252638258561632),
        (141, 0.12, 0.03160060527758468),
        (141, 0.13, 0.015449346308454497),
        (5000, 0.002, 1.0),
        (5000, 0.015, 0.20846142096186204),
        (5000, 0.022, 0.015579069942332465),
        (100000, 0.0003, 1.0),
        (200000, 0.001, 0.9881500208855729),
        (200000, 0.003, 0.0545369786611305),
        (500000, 0.0025, 0.0038544560212235442),
        (500000, 0.01, 7.374635645083527e-44),
    ];
}

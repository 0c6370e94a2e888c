//! Sums over long columns, and the distribution functions that p-values are read from.

use modelyard_evaluate::numeric::Sum;

/// How many values are added plainly before the result goes into a compensated sum.
const BLOCK: usize = 512;
/// Independent partial sums within a block, so that the processor need not wait for each addition.
const LANES: usize = 8;

/// The sum of `term` over `values`, with an error that does not grow with their number.
pub(crate) fn sum(values: &[f64], term: impl Fn(f64) -> f64) -> f64 {
    let mut total = Sum::default();
    for block in values.chunks(BLOCK) {
        let mut lanes = [0.0; LANES];
        let chunks = block.chunks_exact(LANES);
        let rest: f64 = chunks.remainder().iter().map(|value| term(*value)).sum();
        for chunk in chunks {
            for (lane, value) in lanes.iter_mut().zip(chunk) {
                *lane += term(*value);
            }
        }
        total.add(lanes.iter().sum::<f64>() + rest);
    }
    total.value()
}

/// Probability that a standard normal number lies further from 0 than `z`.
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    libm::erfc(z.abs() / std::f64::consts::SQRT_2)
}

/// Probability that a chi-square number of `freedom` ≥ 1 degrees exceeds `x` ≥ 0.
pub(crate) fn chi_square_above(x: f64, freedom: f64) -> f64 {
    1.0_f64.min(gamma_above(freedom / 2.0, x / 2.0))
}

/// Probability that a Poisson number of `mean` > 0 is at least `count`.
pub(crate) fn poisson_at_least(count: u64, mean: f64) -> f64 {
    if count == 0 { 1.0 } else { 1.0 - gamma_above(count as f64, mean) }
}

/// The upper regularised incomplete gamma function Q(a, x), `a` > 0, `x` ≥ 0.
///
/// Source: Press et al., Numerical Recipes (3rd edition, 2007), 6.2: the series below a + 1,
/// Lentz's continued fraction above.
fn gamma_above(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = (a * x.ln() - x - libm::lgamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut total, mut denominator) = (1.0 / a, 1.0 / a, a);
        while term.abs() > total.abs() * f64::EPSILON {
            denominator += 1.0;
            term *= x / denominator;
            total += term;
        }
        return 1.0 - total * front;
    }
    let tiny = f64::MIN_POSITIVE / f64::EPSILON;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / tiny;
    let mut d = 1.0 / b;
    let mut fraction = d;
    // The fraction converges within a few times √a steps; the bound is for what rounding keeps from settling.
    for step in 1..100_000 {
        let numerator = -f64::from(step) * (f64::from(step) - a);
        b += 2.0;
        let nonzero = |value: f64| if value.abs() < tiny { tiny } else { value };
        d = 1.0 / nonzero(numerator * d + b);
        c = nonzero(b + numerator / c);
        let factor = d * c;
        fraction *= factor;
        if (factor - 1.0).abs() <= f64::EPSILON {
            break;
        }
    }
    fraction * front
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, wanted: f64) {
        assert!((found - wanted).abs() <= 1e-12 * wanted.abs(), "found {found:e}, wanted {wanted:e}");
    }

    #[test]
    fn tails_are_those_of_scipy() {
        // `scipy.stats.chi2.sf`, `scipy.stats.poisson.sf(k - 1, mean)`, SciPy 1.17.1.
        close(chi_square_above(3.841458820694124, 1.0), 0.05);
        close(chi_square_above(10.0, 4.0), 0.04042768199451279);
        close(chi_square_above(300.0, 200.0), 5.924540335483916e-06);
        close(poisson_at_least(3, 1.5), 0.191_153_169_461_941_83);
        assert_eq!(poisson_at_least(0, 1.5), 1.0);
        assert_eq!(chi_square_above(0.0, 3.0), 1.0);
        assert_eq!(chi_square_above(f64::INFINITY, 3.0), 0.0);
    }

    #[test]
    fn sums_keep_what_plain_addition_loses() {
        let values = vec![0.1; 1_000_000];
        assert!((sum(&values, |value| value) - 100_000.0).abs() < 1e-9);
        assert_eq!(sum(&[1.0, 2.0, 3.0], |value| value * value), 14.0);
        assert_eq!(sum(&[], |value| value), 0.0);
    }
}

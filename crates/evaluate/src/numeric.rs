//! Sums, quantiles and the normal distribution's constants.

/// 97.5 % quantile of the standard normal distribution.
pub(crate) const Z_95: f64 = 1.959_963_984_540_054;

/// A sum whose rounding error does not grow with the number of terms (Neumaier, 1974), so that
/// row order and NumPy's pairwise summation agree with it to the last digits.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    total: f64,
    lost: f64,
}

impl Sum {
    pub fn add(&mut self, term: f64) {
        let total = self.total + term;
        self.lost += if self.total.abs() >= term.abs() {
            (self.total - total) + term
        } else {
            (term - total) + self.total
        };
        self.total = total;
    }

    pub fn value(self) -> f64 {
        self.total + self.lost
    }
}

impl FromIterator<f64> for Sum {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Self {
        let mut sum = Self::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

/// NaN for no values.
pub fn mean(values: &[f64]) -> f64 {
    values.iter().copied().collect::<Sum>().value() / values.len() as f64
}

/// Sample variance (n − 1); NaN below two values.
pub fn variance(values: &[f64]) -> f64 {
    covariance(values, values)
}

/// Sample covariance (n − 1) of slices of one length; NaN below two values.
pub(crate) fn covariance(a: &[f64], b: &[f64]) -> f64 {
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum: Sum = a.iter().zip(b).map(|(x, y)| (x - mean_a) * (y - mean_b)).collect();
    sum.value() / (a.len() as f64 - 1.0)
}

/// The `share` quantile of `sorted`, linearly interpolated (NumPy's default); `sorted` is not empty.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (low, high) = (place.floor() as usize, place.ceil() as usize);
    sorted[low] + (sorted[high] - sorted[low]) * (place - low as f64)
}

pub(crate) fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The median as NumPy gives it (the mean of the middle two); `values` is not empty.
pub(crate) fn median(values: Vec<f64>) -> f64 {
    let sorted = sorted(values);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// 97.5 % quantile of Student's t with `freedom` ≥ 1 degrees, within 0.5 % from 3 degrees on.
///
/// Source: Abramowitz and Stegun (1964), 26.7.5.
pub(crate) fn t_95(freedom: f64) -> f64 {
    let z = Z_95;
    let terms = [
        (z.powi(3) + z) / 4.0,
        (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / 96.0,
        (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / 384.0,
        (79.0 * z.powi(9) + 776.0 * z.powi(7) + 1482.0 * z.powi(5) - 1920.0 * z.powi(3) - 945.0 * z)
            / 92160.0,
    ];
    terms.iter().zip(1..).fold(z, |sum, (term, power)| sum + term / freedom.powi(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_what_naive_addition_loses() {
        assert_eq!([1.0, 1e100, 1.0, -1e100].into_iter().collect::<Sum>().value(), 2.0);
    }

    #[test]
    fn quantiles_are_interpolated() {
        assert_eq!(quantile(&[1.0, 2.0, 3.0, 4.0], 0.25), 1.75);
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), 2.5);
    }

    #[test]
    fn students_t_is_that_of_scipy() {
        // `scipy.stats.t.ppf(0.975, [3, 5, 10, 100])`, SciPy 1.17.1.
        for (freedom, wanted) in [(3.0, 3.1824463), (5.0, 2.5705818), (10.0, 2.2281389), (100.0, 1.9839715)] {
            assert!((t_95(freedom) - wanted).abs() < 0.005 * wanted, "{freedom}: {}", t_95(freedom));
        }
    }
}

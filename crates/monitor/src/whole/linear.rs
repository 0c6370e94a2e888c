//! Small dense systems of equations.

/// Solves `matrix` · x = `right` for a symmetric positive definite matrix, row by row, of which only the lower
/// triangle is looked at; it is destroyed. `None` where it is not positive definite. (Cholesky.)
pub(super) fn solve(matrix: &mut [f64], right: &[f64]) -> Option<Vec<f64>> {
    let size = right.len();
    for row in 0..size {
        for column in 0..=row {
            let (left, upper) =
                (&matrix[row * size..row * size + column], &matrix[column * size..][..column]);
            let rest = matrix[row * size + column] - dot(left, upper);
            if row > column {
                matrix[row * size + column] = rest / matrix[column * size + column];
            } else if rest > 0.0 {
                matrix[row * size + row] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut found = right.to_vec();
    for row in 0..size {
        let known = dot(&matrix[row * size..row * size + row], &found[..row]);
        found[row] = (found[row] - known) / matrix[row * size + row];
    }
    for row in (0..size).rev() {
        let known: f64 = (row + 1..size).map(|below| matrix[below * size + row] * found[below]).sum();
        found[row] = (found[row] - known) / matrix[row * size + row];
    }
    Some(found)
}

pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Eigenvalues of a symmetric matrix, largest first, each with its vector of length 1. (Jacobi's rotations.)
pub(super) fn eigen(mut matrix: Vec<f64>, size: usize) -> Vec<(f64, Vec<f64>)> {
    const MAX_SWEEPS: usize = 60;
    let mut vectors = vec![0.0; size * size];
    for place in 0..size {
        vectors[place * size + place] = 1.0;
    }
    let scale: f64 = matrix.iter().map(|value| value * value).sum();
    for _ in 0..MAX_SWEEPS {
        let mut rest = 0.0;
        for p in 0..size {
            for q in p + 1..size {
                let off = matrix[p * size + q];
                rest += off * off;
                if off != 0.0 {
                    rotate(&mut matrix, &mut vectors, size, (p, q));
                }
            }
        }
        if rest <= scale * 1e-30 {
            break;
        }
    }
    let mut found: Vec<(f64, Vec<f64>)> = (0..size)
        .map(|place| (matrix[place * size + place], vectors[place * size..(place + 1) * size].to_vec()))
        .collect();
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    found
}

/// Turns axes `p` and `q` so that the matrix has 0 between them; `vectors` holds the turned axes, one a row.
fn rotate(matrix: &mut [f64], vectors: &mut [f64], size: usize, (p, q): (usize, usize)) {
    let slope = (matrix[q * size + q] - matrix[p * size + p]) / (2.0 * matrix[p * size + q]);
    let tangent = slope.signum() / (slope.abs() + (slope * slope + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turn = |values: &mut [f64], a: usize, b: usize| {
        let (x, y) = (values[a], values[b]);
        values[a] = cosine * x - sine * y;
        values[b] = sine * x + cosine * y;
    };
    for place in 0..size {
        turn(matrix, place * size + p, place * size + q);
    }
    for place in 0..size {
        turn(matrix, p * size + place, q * size + place);
        turn(vectors, p * size + place, q * size + place);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_is_solved() {
        let found = solve(&mut [4.0, 0.0, 2.0, 3.0], &[8.0, 7.0]).unwrap();
        assert!((found[0] - 1.25).abs() < 1e-15 && (found[1] - 1.5).abs() < 1e-15, "{found:?}");
        assert_eq!(solve(&mut [1.0, 0.0, 2.0, 1.0], &[1.0, 1.0]), None);
    }

    #[test]
    fn axes_of_a_symmetric_matrix() {
        let found = eigen(vec![2.0, 1.0, 1.0, 2.0], 2);
        assert!((found[0].0 - 3.0).abs() < 1e-12 && (found[1].0 - 1.0).abs() < 1e-12, "{found:?}");
        assert!((found[0].1[0] - found[0].1[1]).abs() < 1e-12, "{found:?}");
    }
}

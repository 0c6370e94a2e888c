//! Counts and sums of a column's values in many narrow cells: what spares most values a sort.
//!
//! Cells have one width between quantiles of the sample that the grid is laid over; the first and the
//! last take all that lies outside. A value's cell never decreases with the value, rounding included, so
//! everything before a cell's values lies in cells before it.

use crate::Numbers;

/// Below this many values a sort costs less than a grid.
const MIN_VALUES: usize = 4096;
/// Values a cell on average, as long as there are not more than `MAX_CELLS`.
const VALUES_A_CELL: usize = 16;
/// Their tallies fit the second-level cache of today's processors.
const MAX_CELLS: usize = 1 << 15;
/// How many values are looked at to lay the grid.
const PROBES: usize = 1024;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Grid {
    low: f64,
    width: f64,
    cells_a_unit: f64,
    cells: usize,
}

/// What lies in a cell.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    /// Of the values less the grid's low end.
    offsets: f64,
    first: f64,
    pub(crate) count: u32,
    has_others: bool,
}

impl Tally {
    /// The value that all of the cell's have, if they have one.
    pub(crate) fn only(&self) -> Option<f64> {
        (self.count > 0 && !self.has_others).then_some(self.first)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Tallied {
    pub(crate) grid: Grid,
    pub(crate) tallies: Vec<Tally>,
}

impl Grid {
    /// `None` for few values, for more than a tally counts, and where nearly all values are one.
    pub(crate) fn over(numbers: &Numbers) -> Option<Self> {
        let values = numbers.values();
        if values.len() < MIN_VALUES || i32::try_from(values.len()).is_err() {
            return None;
        }
        // Evenly spread probes: a column may be in any order, in order of time more often than not.
        let mut probes: Vec<f64> =
            (0..PROBES).map(|probe| values[(probe * values.len() + values.len() / 2) / PROBES]).collect();
        probes.sort_unstable_by(f64::total_cmp);
        let edge = PROBES / 200;
        let (low, high) = (probes[edge], probes[PROBES - 1 - edge]);
        let cells = (values.len() / VALUES_A_CELL).next_power_of_two().min(MAX_CELLS);
        let width = (high - low) / cells as f64;
        let cells_a_unit = 1.0 / width;
        let usable = width > 0.0 && width.is_finite() && cells_a_unit.is_finite();
        usable.then_some(Self { low, width, cells_a_unit, cells })
    }

    pub(crate) fn cells(&self) -> usize {
        self.cells
    }

    /// The cell of a value: the cast saturates, so what lies outside falls into the first or last.
    pub(crate) fn cell(&self, value: f64) -> usize {
        let place = ((value - self.low) * self.cells_a_unit) as i32;
        place.clamp(0, self.cells as i32 - 1) as usize
    }

    /// Where a cell begins; the first begins where the values do.
    pub(crate) fn edge(&self, cell: usize) -> f64 {
        self.low + cell as f64 * self.width
    }

    pub(crate) fn tally(&self, values: &[f64]) -> Vec<Tally> {
        let mut tallies = vec![Tally::default(); self.cells];
        for value in values {
            let tally = &mut tallies[self.cell(*value)];
            if tally.count == 0 {
                tally.first = *value;
            }
            tally.has_others |= *value != tally.first;
            tally.offsets += value - self.low;
            tally.count += 1;
        }
        tallies
    }

    /// The sum of a cell's values less `from`.
    pub(crate) fn sum_above(&self, tally: Tally, from: f64) -> f64 {
        tally.offsets - f64::from(tally.count) * (from - self.low)
    }

    /// The values that lie in cells marked in `wanted`, ascending.
    pub(crate) fn pick(&self, values: &[f64], wanted: &[bool]) -> Vec<f64> {
        let mut picked: Vec<f64> = values.iter().copied().filter(|value| wanted[self.cell(*value)]).collect();
        picked.sort_unstable_by(f64::total_cmp);
        picked
    }
}

impl Tallied {
    pub(crate) fn new(grid: Grid, values: &[f64]) -> Self {
        Self { grid, tallies: grid.tally(values) }
    }

    /// As [`Grid::pick`], of the tallied values, which are `sorted`: each cell's are one piece.
    pub(crate) fn pick_sorted(&self, sorted: &[f64], wanted: &[bool]) -> Vec<f64> {
        let mut picked = Vec::new();
        let mut rest = sorted;
        for (tally, wanted) in self.tallies.iter().zip(wanted) {
            let (cell, others) = rest.split_at(tally.count as usize);
            if *wanted {
                picked.extend_from_slice(cell);
            }
            rest = others;
        }
        picked
    }
}

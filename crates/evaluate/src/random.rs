//! Pseudo-random numbers from a seed, the same in every version of this program: reports are
//! stored results, so a library that changes its stream would change them.

/// xoshiro256++ 1.0 (Blackman and Vigna, 2019), seeded through SplitMix64.
#[derive(Clone, Debug)]
pub struct Random([u64; 4]);

impl Random {
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        Self(std::array::from_fn(|_| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.0;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }

    /// Uniform in `0..n`, with a bias below n / 2⁶⁴.
    pub fn below(&mut self, n: usize) -> usize {
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// `count` different numbers of `0..n`, ascending.
    pub fn choose(&mut self, count: usize, n: usize) -> Vec<usize> {
        // Selection sampling (Knuth, volume 2, algorithm S): one pass, already sorted.
        let mut chosen = Vec::with_capacity(count);
        for candidate in 0..n {
            if self.below(n - candidate) < count - chosen.len() {
                chosen.push(candidate);
            }
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_is_fixed() {
        let mut random = Random::new(42);
        let first = [random.bits(), random.bits()];
        assert_eq!(first, [0xd076_4d4f_4476_689f, 0x519e_4174_576f_3791]);
    }

    #[test]
    fn choosing_gives_different_sorted_numbers() {
        let chosen = Random::new(1).choose(100, 1000);
        assert_eq!(chosen.len(), 100);
        assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(Random::new(1).choose(5, 5), [0, 1, 2, 3, 4]);
    }
}

//! Chance that can be repeated: a small generator with a seed.

/// Numbers that look random (SplitMix64). Equal seeds give equal numbers.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Dice of a seed.
    pub fn of(seed: u64) -> Dice {
        Dice(seed)
    }

    /// Dice of the seed in `$BACKSTAY_SEED`, or of a new one. It is printed, so that a failure tells it.
    pub fn thrown() -> Dice {
        let now = || std::time::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = std::env::var("BACKSTAY_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(now);
        println!("BACKSTAY_SEED={seed}");
        Dice(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below a limit that is not 0.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit as u64) as usize
    }
}

/// How often a test does what it does: a number in the environment, or what is quick enough for every day.
pub fn rounds(variable: &str, usual: u32) -> u32 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

//! Helpers of random tests.

use rand::SeedableRng;
use rand::rngs::SmallRng;

/// A generator of VSET_SEED, which `make test` sets so that a commit gives the same result each time, or of a new seed. Either
/// is printed.
pub fn rng() -> SmallRng {
    let given = std::env::var("VSET_SEED")
        .ok()
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().expect("VSET_SEED is a number"));
    let seed = given.unwrap_or_else(rand::random);
    println!("seed {seed}");
    SmallRng::seed_from_u64(seed)
}

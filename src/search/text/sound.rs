//! Phonetic matching: Double Metaphone.

use std::cell::RefCell;

use rphonetic::DoubleMetaphone;

thread_local! {
    static METAPHONE: RefCell<DoubleMetaphone> = RefCell::new(DoubleMetaphone::default());
}

/// The primary code of a lower-case word of at least three letters, a to z.
pub fn sound(word: &[u8]) -> Option<Vec<u8>> {
    if !(3..=64).contains(&word.len()) || !word.iter().all(u8::is_ascii_lowercase) {
        return None;
    }
    let word = std::str::from_utf8(word).ok()?;
    let code = METAPHONE.with_borrow(|metaphone| metaphone.double_metaphone(word).primary());
    (!code.is_empty()).then(|| code.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn words_that_sound_alike_have_one_code() {
        assert_eq!(sound(b"jon"), sound(b"john"));
        assert_eq!(sound(b"felix"), sound(b"phelix"));
        assert_ne!(sound(b"felix"), sound(b"marta"));
        assert_eq!(sound(b"ab"), None);
        assert_eq!(sound("café".as_bytes()), None);
    }

    #[test]
    fn no_word_breaks_it() {
        let mut random = SmallRng::seed_from_u64(7);
        for _ in 0..50_000 {
            let word: Vec<u8> = (0..random.random_range(0..12)).map(|_| random.random_range(b'a'..=b'z')).collect();
            sound(&word);
        }
    }
}

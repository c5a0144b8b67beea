//! Languages and their stemmers.

use snowball_stemmers_rs::{Algorithm, Stemmer};

/// Bytes of a stemmed word at most. Longer ones are no words of a language.
const MAX_WORD: usize = 64;

/// A language that texts may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Language(u8);

/// Names and algorithms; malay and tagalog use those of other languages, chinese has no stems.
const LANGUAGES: [(&str, Option<Algorithm>); 31] = [
    ("arabic", Some(Algorithm::Arabic)),
    ("armenian", Some(Algorithm::Armenian)),
    ("basque", Some(Algorithm::Basque)),
    ("catalan", Some(Algorithm::Catalan)),
    ("chinese", None),
    ("danish", Some(Algorithm::Danish)),
    ("dutch", Some(Algorithm::Dutch)),
    ("english", Some(Algorithm::English)),
    ("finnish", Some(Algorithm::Finnish)),
    ("french", Some(Algorithm::French)),
    ("german", Some(Algorithm::German)),
    ("greek", Some(Algorithm::Greek)),
    ("hindi", Some(Algorithm::Hindi)),
    ("hungarian", Some(Algorithm::Hungarian)),
    ("indonesian", Some(Algorithm::Indonesian)),
    ("irish", Some(Algorithm::Irish)),
    ("italian", Some(Algorithm::Italian)),
    ("lithuanian", Some(Algorithm::Lithuanian)),
    ("malay", Some(Algorithm::Indonesian)),
    ("nepali", Some(Algorithm::Nepali)),
    ("norwegian", Some(Algorithm::Norwegian)),
    ("portuguese", Some(Algorithm::Portuguese)),
    ("romanian", Some(Algorithm::Romanian)),
    ("russian", Some(Algorithm::Russian)),
    ("serbian", Some(Algorithm::Serbian)),
    ("spanish", Some(Algorithm::Spanish)),
    ("swedish", Some(Algorithm::Swedish)),
    ("tagalog", None),
    ("tamil", Some(Algorithm::Tamil)),
    ("turkish", Some(Algorithm::Turkish)),
    ("yiddish", Some(Algorithm::Yiddish)),
];

const ENGLISH: Language = Language(7);

impl Default for Language {
    fn default() -> Language {
        ENGLISH
    }
}

impl Language {
    /// The language of that name, in any case.
    pub fn named(name: &[u8]) -> Option<Language> {
        let at = LANGUAGES.iter().position(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name))?;
        Some(Language(at as u8))
    }

    /// A number that stands for it while the process runs.
    pub fn number(self) -> u8 {
        self.0
    }

    /// The language of a number.
    pub fn numbered(number: u8) -> Option<Language> {
        (usize::from(number) < LANGUAGES.len()).then_some(Language(number))
    }

    pub fn name(self) -> &'static str {
        LANGUAGES[self.0 as usize].0
    }

    /// The stem of a lower-case word; None if it is the word itself, or the language does not apply to it.
    pub fn stem(self, word: &[u8]) -> Option<Vec<u8>> {
        let algorithm = LANGUAGES[self.0 as usize].1?;
        let word = std::str::from_utf8(word).ok().filter(|word| word.len() <= MAX_WORD)?;
        let stem = Stemmer::create(algorithm).stem(word);
        (stem != word && !stem.is_empty()).then(|| stem.as_bytes().to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn stems_are_those_of_snowball() {
        let stem = |language: &str, word: &str| {
            let language = Language::named(language.as_bytes()).unwrap();
            String::from_utf8(language.stem(word.as_bytes()).unwrap_or(word.into())).unwrap()
        };
        for (word, expected) in [
            ("city", "citi"),
            ("cities", "citi"),
            ("running", "run"),
            ("connected", "connect"),
            ("happiness", "happi"),
            ("goodbye", "goodby"),
            ("very", "veri"),
            ("fried", "fri"),
            ("run", "run"),
        ] {
            assert_eq!(stem("english", word), expected);
        }
        assert_eq!(stem("ITALIAN", "arance"), stem("italian", "arancia"));
        assert_eq!(Language::named(b"klingon"), None);
        assert_eq!(Language::default().name(), "english");
    }

    #[test]
    fn no_word_breaks_a_stemmer() {
        let mut random = SmallRng::seed_from_u64(7);
        let letters: Vec<char> =
            "abcdefghijklmnopqrstuvwxyz'éöüßñçãøåæþłабвгдежзийклмнопاأإآبتةثجحخदिरकाநி中😀\u{307}ΐάήı"
                .chars()
                .collect();
        for language in (0..LANGUAGES.len()).map(|at| Language(at as u8)) {
            for _ in 0..3000 {
                let from = if random.random_bool(0.5) { 0 } else { 26 };
                let mut letter = || letters[random.random_range(from..letters.len())];
                let word: String = (0..8).map(|_| letter()).collect();
                let word = word.chars().take(random.random_range(0..=8)).collect::<String>();
                language.stem(word.as_bytes());
            }
        }
    }
}

//! Tests of the library as a whole, through its public face.

mod attributes;
mod attributes_oracle;
mod filter_cases;
mod filter_language;
mod filtered;
mod fuzz_corpora;
mod index;
mod json_cases;
mod json_model;
mod kept_graphs;
mod layering;
mod model;
mod recall;
#[path = "../../src/testing.rs"]
mod testing;
mod words;

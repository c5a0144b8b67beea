//! Text analysis.
//!
//! | part | holds |
//! | --- | --- |
//! | [`fold`](mod@fold) | case folding |
//! | [`token`] | the tokenizer: words and their positions |
//! | [`stop`] | stop words |
//! | [`stem`] | languages and their stemmers |
//! | [`sound`](mod@sound) | phonetic codes |
//! | [`highlight`](mod@highlight) | highlighting and fragments |

mod fold;
mod highlight;
mod sound;
mod stem;
mod stop;
mod token;

pub use fold::*;
pub use highlight::*;
pub use sound::*;
pub use stem::*;
pub use stop::*;
pub use token::*;

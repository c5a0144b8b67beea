//! Words of texts.
//!
//! | part | holds |
//! | --- | --- |
//! | [`fold`](mod@fold) | lower case |
//! | [`token`] | a text's words and their positions |
//! | [`stop`] | the words that are not indexed |
//! | [`stem`] | languages and their stems |
//! | [`sound`](mod@sound) | what words sound like |
//! | [`highlight`](mod@highlight) | hits between tags, and fragments around them |

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

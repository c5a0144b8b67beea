//! Commands of a few words.

/// `FT.SPELLCHECK index query …`.
#[derive(Clone, Debug, PartialEq)]
pub struct SpellcheckRequest {
    pub index: Vec<u8>,
    pub query: Vec<u8>,
    /// 1 to 4.
    pub distance: u8,
    pub include: Vec<Vec<u8>>,
    pub exclude: Vec<Vec<u8>>,
    pub dialect: u8,
    pub full_score_info: bool,
}

/// `FT.SUGADD key string score [INCR] [PAYLOAD p]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SugaddRequest {
    pub key: Vec<u8>,
    pub string: Vec<u8>,
    pub score: f64,
    pub increment: bool,
    pub payload: Option<Vec<u8>>,
}

/// `FT.SUGGET key prefix [FUZZY] [WITHSCORES] [WITHPAYLOADS] [MAX n]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggetRequest {
    pub key: Vec<u8>,
    pub prefix: Vec<u8>,
    pub fuzzy: bool,
    pub with_scores: bool,
    pub with_payloads: bool,
    pub max: usize,
}

//! The table of commands.

use super::{
    aggregate, cluster, config, definitions, deletion, ft_search, hybrid, inspect, profile, rewrite, suggest, words,
};
use crate::server::commands::{Call, Command, KeyUse, Keys, Outcome};
use crate::server::docs::Docs;

const READ: &str = "readonly";
const WRITE: &str = "write";
const GROW: &str = "write deny-oom";

const fn row(
    name: &'static str,
    handler: fn(&Call) -> Outcome,
    flags: &'static str,
    categories: &'static str,
    arity: i32,
    summary: &'static str,
) -> Command {
    let docs = Docs { summary, complexity: "O(N) of the matching documents at worst", since: c"1.0.0", arguments: &[] };
    Command { name, handler, flags, categories, keys: Keys::None, arity, docs }
}

const fn keyed(command: Command, usage: KeyUse) -> Command {
    Command { keys: Keys::one(usage), ..command }
}

/// All commands.
pub static TABLE: &[Command] = &[
    row("FT.CREATE", cluster::ft_create, GROW, "slow", -5, "Creates an index over hashes or JSON documents."),
    row("FT.ALTER", cluster::ft_alter, GROW, "slow", -6, "Adds fields to an index."),
    row(
        "FT.DROPINDEX",
        cluster::ft_dropindex,
        WRITE,
        "write slow dangerous",
        -2,
        "Drops an index, with DD its documents too.",
    ),
    row("FT._LIST", definitions::ft_list, READ, "admin slow", -1, "Returns the names of all indexes of the database."),
    row("FT.ALIASADD", cluster::ft_aliasadd, GROW, "slow", 3, "Gives an index another name."),
    row(
        "FT.ALIASUPDATE",
        cluster::ft_aliasupdate,
        GROW,
        "slow",
        3,
        "Gives an index another name, taking it from another index if it has it.",
    ),
    row("FT.ALIASDEL", cluster::ft_aliasdel, WRITE, "slow", 2, "Takes a name from an index."),
    row("FT.ALIASLIST", definitions::ft_aliaslist, READ, "slow", 2, "Returns the other names of an index."),
    row("FT.INFO", inspect::ft_info, READ, "slow", 2, "Returns definition, size and state of an index."),
    row(
        "FT.TAGVALS",
        inspect::ft_tagvals,
        READ,
        "read slow dangerous",
        3,
        "Returns the distinct values of a TAG field.",
    ),
    Command {
        keys: Keys::Range { first: 2, last: -1, step: 1, usage: KeyUse::Read },
        ..row("FT.MGET", inspect::ft_mget, READ, "read slow", -3, "Returns documents of an index by their keys.")
    },
    Command {
        keys: Keys::Range { first: 2, last: 2, step: 1, usage: KeyUse::Delete },
        ..row("FT.DEL", deletion::ft_del, WRITE, "write slow", -3, "Deletes a document of an index.")
    },
    row("FT.SEARCH", ft_search::ft_search, READ, "read slow", -3, "Searches an index."),
    row(
        "FT.AGGREGATE",
        aggregate::ft_aggregate,
        READ,
        "read slow",
        -3,
        "Searches an index and groups, computes and sorts what it finds.",
    ),
    row("FT.CURSOR", aggregate::ft_cursor, READ, "read slow", -4, "Reads on or gives up a cursor."),
    row(
        "FT.HYBRID",
        hybrid::ft_hybrid,
        READ,
        "read slow",
        -7,
        "Searches by text and by vector and makes one list of both.",
    ),
    row("FT.EXPLAIN", inspect::ft_explain, READ, "slow", -3, "Returns how a query is understood."),
    row("FT.EXPLAINCLI", inspect::ft_explaincli, READ, "slow", -3, "Returns how a query is understood, line by line."),
    row("FT.PROFILE", profile::ft_profile, READ, "read slow", -5, "Runs a query and returns what it cost."),
    row("FT.REPLAY", rewrite::ft_replay, GROW, "write slow", 2, "Internal: an index in an append-only file."),
    row("FT.CHECK", inspect::ft_check, READ, "read slow dangerous", 2, "Compares an index with its documents."),
    row(
        "FT.CONFIG",
        config::ft_config,
        "readonly admin",
        "admin slow dangerous",
        -3,
        "Reads and changes settings of search.",
    ),
    row("FT.SYNUPDATE", cluster::ft_synupdate, GROW, "slow", -4, "Adds words to a group of synonyms."),
    row("FT.SYNDUMP", words::ft_syndump, READ, "slow", 2, "Returns all synonyms of an index."),
    row("FT.DICTADD", cluster::ft_dictadd, GROW, "slow", -3, "Adds words to a dictionary."),
    row("FT.DICTDEL", cluster::ft_dictdel, WRITE, "slow", -3, "Removes words from a dictionary."),
    row("FT.DICTDUMP", words::ft_dictdump, READ, "slow", 2, "Returns all words of a dictionary."),
    row("FT.SPELLCHECK", words::ft_spellcheck, READ, "slow", -3, "Returns words that a misspelt query may mean."),
    keyed(row("FT.SUGADD", suggest::ft_sugadd, GROW, "write slow", -4, "Adds a suggestion."), KeyUse::Insert),
    keyed(row("FT.SUGGET", suggest::ft_sugget, READ, "read slow", -3, "Returns suggestions for a text."), KeyUse::Read),
    keyed(row("FT.SUGDEL", suggest::ft_sugdel, WRITE, "write slow", 3, "Removes a suggestion."), KeyUse::Delete),
    keyed(
        row("FT.SUGLEN", suggest::ft_suglen, READ, "read fast", 2, "Returns the number of suggestions."),
        KeyUse::Read,
    ),
];

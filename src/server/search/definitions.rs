//! FT.CREATE, FT.ALTER, FT.DROPINDEX, FT._LIST and the aliases.

use super::access::{self, target};
use super::deletion::{self, Doomed};
use super::registry::{self, Entry};
use super::{Missing, cluster, json, ok, refuse, refuse_missing, scan};
use crate::reply::Reply;
use crate::search::command::create::{self, AlterRequest};
use crate::search::error::{Error, INDEX_EXISTS};
use crate::search::index::SearchIndex;
use crate::search::schema::Source;
use crate::server::api::Context;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.CREATE
pub fn ft_create(call: &Call) -> Outcome {
    create(call.ctx, call.args)?;
    ok()
}

/// Creates an index from the arguments of FT.CREATE, here and on replicas.
fn create(ctx: &Context, words: &[&[u8]]) -> Result<(), Failure> {
    let database = ctx.database();
    if registry::with(|registry| registry.is_taken(database, words[0])) {
        return Err(Failure::Text(b"Index already exists".to_vec()));
    }
    let definition = create::create(words).map_err(refuse)?;
    if definition.source == Source::Json && !json::is_there(ctx) {
        return Err(Failure::Text(b"ON JSON needs JSON documents, which this server does not have".to_vec()));
    }
    let skip = definition.skip_initial_scan;
    let id = registry::with(|registry| registry.add(database, Entry::new(SearchIndex::new(definition))));
    if !skip {
        // What is loaded was filled when the command came first.
        let begin = if ctx.is_loading() { scan::refill } else { scan::start };
        begin(ctx, id);
    }
    super::housekeeping::start(ctx);
    ctx.replicate(crate::server::commands::registered_name("FT.CREATE"), words);
    Ok(())
}

/// Creates an index that a command needs, here and wherever FT.CREATE would.
pub fn create_everywhere(ctx: &Context, words: &[&[u8]]) -> Result<(), Failure> {
    create(ctx, words)?;
    cluster::note(ctx, false);
    Ok(())
}

/// FT.ALTER
pub fn ft_alter(call: &Call) -> Outcome {
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let request = AlterRequest::parse(call.args, &target.definition).map_err(refuse)?;
    let skip = request.skip_initial_scan;
    registry::with(|registry| {
        if let Some((_, entry)) = registry.by_id(target.id) {
            entry.index.add_fields(request.fields);
            entry.redefined();
        }
    });
    if !skip {
        scan::start(call.ctx, target.id);
    }
    call.ctx.replicate_verbatim();
    ok()
}

/// FT.DROPINDEX
pub fn ft_dropindex(call: &Call) -> Outcome {
    if call.args.len() > 2 {
        return Err(Failure::Arity);
    }
    let target = target(call.ctx, call.args[0], Missing::Dropped)?;
    let with_documents = match call.args.get(1) {
        None => false,
        Some(word) if word.eq_ignore_ascii_case(b"DD") => true,
        Some(_) => return Err(Failure::Text(b"Unknown argument".to_vec())),
    };
    // A replica gets the deletions one by one.
    let with_documents = with_documents && !call.ctx.is_repetition();
    let name = &target.definition.name;
    let entry = registry::with(|registry| registry.remove(target.database, name));
    call.ctx.replicate(crate::server::commands::registered_name("FT.DROPINDEX"), &[name]);
    match entry {
        Some(entry) if with_documents => deletion::delete(call.ctx, target.database, Doomed::new(entry)),
        gone => {
            super::free_behind(gone);
            ok()
        }
    }
}

/// FT._LIST
pub fn ft_list(call: &Call) -> Outcome {
    let database = call.ctx.database();
    let names = registry::with(|registry| registry.names(database));
    Ok(Some(Reply::Set(names.into_iter().map(Reply::Bulk).collect())))
}

/// FT.ALIASADD
pub fn ft_aliasadd(call: &Call) -> Outcome {
    add_alias(call, false)
}

/// FT.ALIASUPDATE
pub fn ft_aliasupdate(call: &Call) -> Outcome {
    add_alias(call, true)
}

fn add_alias(call: &Call, replaces: bool) -> Outcome {
    let &[alias, index] = call.args else { return Err(Failure::Arity) };
    let database = call.ctx.database();
    let definition = registry::with(|registry| {
        let entry = registry.find_named(database, index)?;
        entry.touch();
        Some(entry.definition.clone())
    });
    let definition = definition.ok_or_else(|| refuse_missing(index, Missing::Definition))?;
    access::check(call.ctx, &definition)?;
    registry::with(|registry| {
        if registry.find_named(database, alias).is_some() {
            return Err(refuse(Error::new("SEARCH_ALIAS_CONFLICT", "Alias conflicts with an existing index name")));
        }
        if !replaces && registry.alias(database, alias).is_some() {
            return Err(refuse(Error::new(INDEX_EXISTS, "Alias already exists")));
        }
        registry.set_alias(database, alias, index);
        Ok(())
    })?;
    call.ctx.replicate_verbatim();
    ok()
}

/// FT.ALIASDEL
pub fn ft_aliasdel(call: &Call) -> Outcome {
    let database = call.ctx.database();
    let definition = registry::with(|registry| {
        registry.alias(database, call.args[0])?;
        registry.find(database, call.args[0]).map(|entry| entry.definition.clone())
    });
    let definition = definition.ok_or_else(|| Failure::Text(b"Alias does not exist".to_vec()))?;
    access::check(call.ctx, &definition)?;
    registry::with(|registry| registry.remove_alias(database, call.args[0]));
    call.ctx.replicate_verbatim();
    ok()
}

/// FT.ALIASLIST
pub fn ft_aliaslist(call: &Call) -> Outcome {
    let database = call.ctx.database();
    if registry::with(|registry| registry.find_named(database, call.args[0]).is_none()) {
        return Err(refuse_missing(call.args[0], Missing::Definition));
    }
    let target = target(call.ctx, call.args[0], Missing::Definition)?;
    let aliases = registry::with(|registry| registry.aliases(database, &target.definition.name));
    Ok(Some(Reply::Set(aliases.into_iter().map(Reply::Bulk).collect())))
}

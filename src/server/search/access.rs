//! ACL: a user may use an index if the user may read all of its keys.

use super::registry;
use super::{Missing, refuse_missing};
use crate::search::schema::Definition;
use crate::server::api::{Context, Text};
use crate::server::commands::Failure;
use std::sync::Arc;

/// An index that a command names.
#[derive(Clone)]
pub struct Target {
    pub id: u64,
    pub database: i32,
    pub definition: Arc<Definition>,
    /// Whether queries have to wait until its documents have been read.
    pub is_filling: bool,
}

impl Target {
    /// Which of these keys are documents of the index.
    pub fn documents(&self, keys: &[&[u8]]) -> Vec<bool> {
        registry::with(|registry| {
            let index = registry.by_id(self.id).map(|(_, entry)| &entry.index);
            keys.iter().map(|key| index.is_some_and(|index| index.contains(key))).collect()
        })
    }
}

/// The index of that name or alias in the selected database, if the user may use it.
pub fn target(ctx: &Context, name: &[u8], missing: Missing) -> Result<Target, Failure> {
    let target = find(ctx, name).ok_or_else(|| refuse_missing(name, missing))?;
    check(ctx, &target.definition)?;
    if missing == Missing::Query && target.is_filling {
        return Err(Failure::Text(b"LOADING the index does not have all of its documents yet".to_vec()));
    }
    Ok(target)
}

/// The index of that name or alias in the selected database, without checking the user.
pub fn find(ctx: &Context, name: &[u8]) -> Option<Target> {
    find_in(ctx.database(), name)
}

/// The index of that name or alias in a database, without checking the user: another node may have done so.
pub fn find_in(database: i32, name: &[u8]) -> Option<Target> {
    registry::with(|registry| {
        let entry = registry.find(database, name)?;
        entry.touch();
        Some(Target { id: entry.id, database, definition: entry.definition.clone(), is_filling: entry.is_filling })
    })
}

/// Whether the user may read all keys of the index.
pub fn check(ctx: &Context, definition: &Definition) -> Result<(), Failure> {
    check_keys(ctx, &definition.prefixes)
}

/// Whether the user may read all keys that begin with any of these prefixes. Servers check only keys; a key whose end
/// was unknowable then stands for all.
pub fn check_keys(ctx: &Context, prefixes: &[impl AsRef<[u8]>]) -> Result<(), Failure> {
    if ctx.is_repetition() || super::cluster::is_applying() {
        return Ok(());
    }
    let Some(user) = ctx.user() else { return Ok(()) };
    for prefix in prefixes {
        for length in [7, 24] {
            let end = &rand::random::<[u8; 24]>()[..length];
            if !user.may_read(&Text::new(&[prefix.as_ref(), end].concat())) {
                return Err(Failure::Text(
                    b"NOPERM User does not have the required permissions to query the index".to_vec(),
                ));
            }
        }
    }
    Ok(())
}

//! The registry of all indexes, by database and name, and other global state of search.
//!
//! Used by the main thread only. The registry is never borrowed during a call of the server: a key that is
//! opened may turn out to be expired, and that event accesses the registry again.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::cluster;
use super::expiry::Expiry;
use super::follow;
use super::scan::Scan;
use crate::search::cluster::slots::slot_of;
use crate::search::command::settings::Settings;
use crate::search::expression::Expression;
use crate::search::index::{SearchIndex, WordSet};
use crate::search::prefixes::Prefixes;
use crate::search::schema::Definition;
use crate::server::api;

/// Everything.
#[derive(Default)]
pub struct Registry {
    databases: HashMap<i32, Database>,
    pub dictionaries: BTreeMap<Vec<u8>, WordSet>,
    pub settings: Settings,
}

#[derive(Default)]
struct Database {
    indexes: BTreeMap<Vec<u8>, Entry>,
    /// Aliases and the names of their indexes.
    aliases: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// An index and what the server's side keeps of it.
pub struct Entry {
    /// Unlike names never given to another index.
    pub id: u64,
    pub index: SearchIndex,
    /// As the index has it, shared with queries that run.
    pub definition: Arc<Definition>,
    /// Which parts of a document it looks at.
    pub wanted: Arc<super::documents::Wanted>,
    pub scan: Option<Scan>,
    /// Queries rely on documents that have not all been read: it was loaded without them.
    pub is_filling: bool,
    /// When its documents expire.
    pub expiry: Expiry,
    /// Commands that named it.
    pub uses: u64,
    /// When the last of them came.
    pub used: Instant,
    pub indexing: Duration,
    /// Whether queries of dialects 1 to 4 were read.
    pub dialects: [bool; 4],
    /// What a document has to fulfil.
    pub filter: Option<Expression>,
    prefixes: Prefixes,
    /// Some document has, or had, many fields or values: to read all of them takes long.
    pub is_wide: bool,
    /// The slot of which alone it holds documents.
    slot: Option<u16>,
    /// In a cluster: the slots that hold all of its documents, as far as that is known.
    pub settled: Arc<AtomicU64>,
}

static REGISTRY: Mutex<Option<Registry>> = Mutex::new(None);
/// Whether there is any index: without one, events of keys cost nothing.
static ANY: AtomicBool = AtomicBool::new(false);
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

/// Calls `body` with the registry. `body` must not ask the server for anything.
pub fn with<R>(body: impl FnOnce(&mut Registry) -> R) -> R {
    let mut registry = REGISTRY.lock().unwrap_or_else(|e| e.into_inner());
    let registry = registry.get_or_insert_with(Registry::default);
    let result = body(registry);
    ANY.store(registry.databases.values().any(|database| !database.indexes.is_empty()), Ordering::Relaxed);
    result
}

/// Whether there is any index.
pub fn is_any() -> bool {
    ANY.load(Ordering::Relaxed)
}

impl Entry {
    /// An index without documents.
    pub fn new(index: SearchIndex) -> Entry {
        let definition = Arc::new(index.definition().clone());
        let slot = cluster::only_slot(&definition.name);
        Entry {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            wanted: Arc::new(super::documents::Wanted::of(&definition)),
            filter: definition.filter.as_ref().and_then(|text| Expression::parse(text).ok()),
            prefixes: Prefixes::new(&definition.prefixes),
            definition,
            index,
            scan: None,
            is_filling: false,
            expiry: Expiry::default(),
            uses: 0,
            used: Instant::now(),
            indexing: Duration::ZERO,
            dialects: [false; 4],
            is_wide: false,
            slot,
            settled: Arc::default(),
        }
    }

    /// Whether keys of this name belong to it.
    pub fn covers(&self, key: &[u8]) -> bool {
        self.prefixes.begin(key) && self.slot.is_none_or(|slot| slot == slot_of(key))
    }

    /// Takes over the definition after the index has changed its own.
    pub fn redefined(&mut self) {
        self.definition = Arc::new(self.index.definition().clone());
        self.wanted = Arc::new(super::documents::Wanted::of(&self.definition));
    }

    /// Queries wait for the end of the walk over the keys, if there is one.
    pub fn fill(&mut self) {
        self.is_filling = self.scan.is_some();
    }

    /// All documents have been read.
    pub fn filled(&mut self) {
        self.is_filling = false;
        self.index.end_waiting();
    }

    /// Notes that a command named the index.
    pub fn touch(&mut self) {
        self.uses += 1;
        self.used = Instant::now();
    }
}

impl Registry {
    fn database(&mut self, database: i32) -> &mut Database {
        self.databases.entry(database).or_default()
    }

    /// The index of that name or alias.
    pub fn find(&mut self, database: i32, name: &[u8]) -> Option<&mut Entry> {
        let database = self.databases.get_mut(&database)?;
        let name = database.aliases.get(name).map_or(name, |index| &index[..]);
        database.indexes.get_mut(name)
    }

    /// The index of exactly that name.
    pub fn find_named(&mut self, database: i32, name: &[u8]) -> Option<&mut Entry> {
        self.databases.get_mut(&database)?.indexes.get_mut(name)
    }

    /// The index of that id and the number of its database.
    pub fn by_id(&mut self, id: u64) -> Option<(i32, &mut Entry)> {
        self.databases.iter_mut().find_map(|(&number, database)| {
            database.indexes.values_mut().find(|entry| entry.id == id).map(|entry| (number, entry))
        })
    }

    /// Whether an index or alias of that name exists.
    pub fn is_taken(&self, database: i32, name: &[u8]) -> bool {
        let database = self.databases.get(&database);
        database.is_some_and(|database| database.indexes.contains_key(name) || database.aliases.contains_key(name))
    }

    /// Adds an index; its name must be free.
    pub fn add(&mut self, database: i32, entry: Entry) -> u64 {
        api::subscribe_to_keys(follow::CLASSES, follow::on_key);
        let id = entry.id;
        self.database(database).indexes.insert(entry.definition.name.clone(), entry);
        id
    }

    /// Takes an index out, with its aliases.
    pub fn remove(&mut self, database: i32, name: &[u8]) -> Option<Entry> {
        let database = self.databases.get_mut(&database)?;
        let entry = database.indexes.remove(name)?;
        database.aliases.retain(|_, index| index != name);
        Some(entry)
    }

    /// Names of all indexes of a database.
    pub fn names(&self, database: i32) -> Vec<Vec<u8>> {
        self.databases.get(&database).into_iter().flat_map(|database| database.indexes.keys().cloned()).collect()
    }

    /// All indexes, by database.
    pub fn entries(&mut self) -> impl Iterator<Item = (i32, &mut Entry)> {
        (self.databases.iter_mut())
            .flat_map(|(&number, database)| database.indexes.values_mut().map(move |entry| (number, entry)))
    }

    /// The indexes of a database that a key belongs to by its name.
    pub fn covering<'a>(&'a mut self, database: i32, key: &'a [u8]) -> impl Iterator<Item = &'a mut Entry> {
        let indexes = self.databases.get_mut(&database).into_iter().flat_map(|database| database.indexes.values_mut());
        indexes.filter(move |entry| entry.covers(key))
    }

    /// The index that an alias stands for.
    pub fn alias(&self, database: i32, alias: &[u8]) -> Option<&Vec<u8>> {
        self.databases.get(&database)?.aliases.get(alias)
    }

    /// Gives an index another name, or a name to another index.
    pub fn set_alias(&mut self, database: i32, alias: &[u8], index: &[u8]) {
        self.database(database).aliases.insert(alias.to_vec(), index.to_vec());
    }

    /// Takes an alias away; whether it was there.
    pub fn remove_alias(&mut self, database: i32, alias: &[u8]) -> bool {
        self.databases.get_mut(&database).is_some_and(|database| database.aliases.remove(alias).is_some())
    }

    /// Aliases of an index.
    pub fn aliases(&self, database: i32, index: &[u8]) -> Vec<Vec<u8>> {
        let aliases = self.databases.get(&database).into_iter().flat_map(|database| &database.aliases);
        aliases.filter(|(_, of)| of[..] == *index).map(|(alias, _)| alias.clone()).collect()
    }

    /// Forgets the indexes of a database, or everything.
    pub fn flush(&mut self, database: Option<i32>) {
        let gone = match database {
            Some(number) => self.databases.remove(&number).into_iter().collect::<Vec<_>>(),
            None => self.databases.drain().map(|(_, database)| database).collect(),
        };
        let ids = gone.iter().flat_map(|database| database.indexes.values()).map(|entry| entry.id);
        super::cursors::forget(&ids.collect::<Vec<_>>());
        // Dictionaries belong to no database.
        super::free_behind((gone, std::mem::take(&mut self.dictionaries)));
    }

    /// Indexes follow their documents to the other number.
    pub fn swap(&mut self, a: i32, b: i32) {
        let (first, second) = (self.databases.remove(&a), self.databases.remove(&b));
        self.databases.extend(first.map(|database| (b, database)));
        self.databases.extend(second.map(|database| (a, database)));
    }
}

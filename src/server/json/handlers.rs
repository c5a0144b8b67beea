//! Executes a command: opens the documents of its keys, runs it, replicates, notifies.

use std::collections::HashSet;

use super::datatype;
use crate::json::command::{Call as JsonCall, Keys, TABLE};
use crate::json::{Error, Value};
use crate::server::api::{Key, Opened, Text};
use crate::server::commands::{Call, Failure, Outcome};
use crate::server::documents;

/// Runs a command of the library's table, one that writes or one that only reads.
pub fn run(name: &str, writes: bool, call: &Call) -> Outcome {
    let command = TABLE.iter().find(|command| command.name == name);
    let Some(command) = command else { return Err(Failure::Text(b"ERR unknown command".to_vec())) };
    let mut keys = Opener { call, writes, open: None, events: Vec::new() };
    let json_call = JsonCall { args: call.args, resp3: call.ctx.has_resp3(), repeats: call.ctx.is_repetition() };
    let reply = command.run(&json_call, &mut keys);
    keys.finish();
    match reply {
        Ok(reply) => Ok(Some(reply)),
        Err(Error::Arity) => Err(Failure::Arity),
        Err(error) => Err(Failure::Text(error.to_string().into_bytes())),
    }
}

/// The keys of a command that runs, one of them open at a time.
struct Opener<'a> {
    call: &'a Call<'a>,
    writes: bool,
    open: Option<(usize, Key)>,
    /// The keyspace event of each argument, and whether its key was deleted; sent when all is done.
    events: Vec<(usize, &'static str, bool)>,
}

impl Opener<'_> {
    fn key(&mut self, at: usize) -> &mut Key {
        if self.open.as_ref().is_none_or(|(open, _)| *open != at) {
            self.open = None;
            let name = Text::new(self.call.args[at]);
            let key = match self.writes {
                true => self.call.ctx.open_to_write(name.ptr()),
                false => self.call.ctx.open_to_read(name.ptr()),
            };
            self.open = Some((at, key));
        }
        match &mut self.open {
            Some((_, key)) => key,
            None => unreachable!("opened above"),
        }
    }

    /// Replicates the command and sends its keyspace events.
    fn finish(mut self) {
        self.open = None;
        if !self.events.is_empty() {
            self.call.ctx.replicate_verbatim();
        }
        let mut told = HashSet::new();
        for (at, event, is_gone) in self.events {
            // Several changes of one key cause one event, so that an index reads the document once.
            if !told.insert((self.call.args[at], event)) {
                continue;
            }
            let name = Text::new(self.call.args[at]);
            let event = std::ffi::CString::new(event).unwrap_or_default();
            self.call.ctx.signal(name.ptr());
            self.call.ctx.notify_module(name.ptr(), &event);
            if is_gone {
                self.call.ctx.notify(name.ptr(), c"del");
            }
        }
    }
}

impl Keys for Opener<'_> {
    fn document(&mut self, key: usize) -> Result<Option<&mut Value>, Error> {
        match self.key(key).value(documents::json_type()) {
            Opened::Absent => Ok(None),
            Opened::Holds(value) => Ok(Some(value)),
            Opened::WrongType => Err(Error::WrongType),
        }
    }

    fn create(&mut self, key: usize, value: Value) {
        self.key(key).set(documents::json_type(), Box::new(value));
    }

    fn delete(&mut self, key: usize) {
        self.key(key).delete();
    }

    fn changed(&mut self, key: usize, event: &'static str) {
        let is_gone = matches!(self.document(key), Ok(None));
        self.events.push((key, event, is_gone));
    }

    fn discard(&mut self, values: Vec<Value>) {
        datatype::discard(values);
    }
}

//! Opens the set in a key.

use super::datatype;
use crate::command::{CommandError, Reply};
use crate::server::api::{Key, Opened};
use crate::server::commands::{Call, Failure, Outcome};
use crate::set::{AddError, VectorSet};

/// The set in a key, if there is one.
pub fn open(key: &mut Key) -> Result<Option<&mut VectorSet>, CommandError> {
    match key.value(datatype::pointer()) {
        Opened::Absent => Ok(None),
        Opened::Holds(set) => Ok(Some(set)),
        Opened::WrongType => Err(CommandError::WrongType),
    }
}

/// Runs `body` on the set in the command's key; a missing key answers `absent`.
pub fn read(call: &Call, absent: Reply, body: impl FnOnce(&mut VectorSet) -> Result<Reply, CommandError>) -> Outcome {
    let mut key = call.ctx.open_to_read(call.key);
    match open(&mut key)? {
        Some(set) => Ok(Some(body(set)?)),
        None => Ok(Some(absent)),
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Failure {
        match error {
            CommandError::Arity => Failure::Arity,
            error => Failure::Text(error.text()),
        }
    }
}

impl From<AddError> for CommandError {
    fn from(error: AddError) -> CommandError {
        match error {
            AddError::Full => CommandError::SetFull,
            AddError::NotFinite => CommandError::InvalidVector,
            AddError::TooLarge => CommandError::TooLarge,
        }
    }
}

impl From<AddError> for Failure {
    fn from(error: AddError) -> Failure {
        CommandError::from(error).into()
    }
}

//! FT.CONFIG.

use super::{ok, protocol, refuse, registry};
use crate::search::error::{Error, PARSE_ARGS};
use crate::search::reply;
use crate::server::commands::{Call, Failure, Outcome};

/// The other name of MAXPREFIXEXPANSIONS.
const ALIAS: &str = "MAXEXPANSIONS";

/// FT.CONFIG
pub fn ft_config(call: &Call) -> Outcome {
    let protocol = protocol(call.ctx);
    match (&call.args[0].to_ascii_uppercase()[..], call.args) {
        (b"GET", &[_, name]) => {
            let mut found = registry::with(|registry| registry.settings.get(name));
            // A setting is shown under the requested name.
            if name.eq_ignore_ascii_case(ALIAS.as_bytes()) {
                found.iter_mut().for_each(|(name, _)| *name = ALIAS);
            }
            Ok(Some(reply::settings(found, protocol)))
        }
        (b"HELP", &[_, name]) => {
            let found = registry::with(|registry| registry.settings.get(name));
            Ok(Some(reply::settings_help(found, protocol)))
        }
        (b"SET", &[_, name, value]) => {
            registry::with(|registry| registry.settings.set(name, value)).map_err(refuse)?;
            ok()
        }
        (b"SET", &[_, _]) => Err(refuse(Error::new(PARSE_ARGS, "Expected an argument, but none provided"))),
        (b"GET" | b"HELP" | b"SET", _) => Err(Failure::Arity),
        (_, [word, ..]) => Err(Failure::Text([b"No such configuration action: ", *word].concat())),
        _ => Err(Failure::Arity),
    }
}

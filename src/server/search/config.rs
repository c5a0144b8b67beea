//! FT.CONFIG.

use super::{ok, protocol, refuse, registry};
use crate::search::reply;
use crate::server::commands::{Call, Failure, Outcome};

/// FT.CONFIG
pub fn ft_config(call: &Call) -> Outcome {
    let protocol = protocol(call.ctx);
    match (&call.args[0].to_ascii_uppercase()[..], call.args) {
        (b"GET", &[_, name]) => {
            let found = registry::with(|registry| registry.settings.get(name));
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
        (b"GET" | b"HELP" | b"SET", _) => Err(Failure::Arity),
        (_, [word, ..]) => Err(Failure::Text([b"No such configuration action: ", *word].concat())),
        _ => Err(Failure::Arity),
    }
}

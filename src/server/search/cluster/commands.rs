//! Commands that define something: executed here, then on all other nodes.

use super::super::{definitions, words};
use super::spread::carry_out;
use crate::server::commands::{Call, Outcome};

macro_rules! spread {
    ($($module:ident::$name:ident, $command:literal;)*) => { $(
        #[doc = $command]
        pub fn $name(call: &Call) -> Outcome {
            carry_out(call, $module::$name)
        }
    )* };
}

spread! {
    definitions::ft_create, "FT.CREATE";
    definitions::ft_alter, "FT.ALTER";
    definitions::ft_dropindex, "FT.DROPINDEX";
    definitions::ft_aliasadd, "FT.ALIASADD";
    definitions::ft_aliasupdate, "FT.ALIASUPDATE";
    definitions::ft_aliasdel, "FT.ALIASDEL";
    words::ft_synupdate, "FT.SYNUPDATE";
    words::ft_dictadd, "FT.DICTADD";
    words::ft_dictdel, "FT.DICTDEL";
}

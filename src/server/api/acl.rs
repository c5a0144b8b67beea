//! ACL checks. Servers before 7.0 offer none to modules: there everything is allowed that the server let through.

use std::os::raw::c_int;

use crate::server::raw;

use super::{Context, Text, api};

/// A user, as its rights are at this moment.
pub struct User(*mut raw::RedisModuleUser);

impl Drop for User {
    fn drop(&mut self) {
        api!(RedisModule_FreeModuleUser(self.0));
    }
}

impl Context<'_> {
    /// The client's user name; none if the server does not report it.
    pub fn user_name(&self) -> Option<Text> {
        Text::owned(api!(RedisModule_GetCurrentUserName(self.ptr))?)
    }

    /// The client's user; none if the server does not report it.
    pub fn user(&self) -> Option<User> {
        let name = self.user_name()?;
        let user = api!(RedisModule_GetModuleUserFromUserName(name.ptr()))?;
        (!user.is_null()).then_some(User(user))
    }
}

impl User {
    /// Whether the user may read the key.
    pub fn may_read(&self, key: &Text) -> bool {
        let flags = raw::REDISMODULE_CMD_KEY_ACCESS as c_int;
        let status = api!(RedisModule_ACLCheckKeyPermissions(self.0, key.ptr(), flags));
        status.is_none_or(|status| status == raw::REDISMODULE_OK as c_int)
    }
}

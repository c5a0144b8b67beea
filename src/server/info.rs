//! The sections of INFO. `docs/telemetry.md` says what each field means.

use std::ffi::{CStr, CString};
use std::sync::OnceLock;

use crate::server::raw;

use super::api::{Context, api};
use super::face::Face;
use super::pools;
use crate::metrics::Durations;
use crate::vector::kernel;
use crate::workers::Pool;

/// The loaded faces.
static FACES: OnceLock<Vec<&'static dyn Face>> = OnceLock::new();

/// Adds the sections of these faces to INFO.
pub fn register(ctx: &Context, faces: &[&'static dyn Face]) {
    let _ = FACES.set(faces.to_vec());
    api!(RedisModule_RegisterInfoFunc(ctx.ptr, Some(show)));
}

/// Adds the sections of one face to INFO under another module's name.
pub fn register_alias(ctx: &Context) {
    api!(RedisModule_RegisterInfoFunc(ctx.ptr, Some(show_alias)));
}

unsafe extern "C" fn show(ctx: *mut raw::RedisModuleInfoCtx, for_crash_report: std::os::raw::c_int) {
    // A lock may be held by the thread that crashed.
    if for_crash_report == 0 {
        let section = Section(ctx);
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for face in FACES.get().into_iter().flatten() {
                face.show(&section);
            }
        }));
        drop(shown);
    }
}

unsafe extern "C" fn show_alias(ctx: *mut raw::RedisModuleInfoCtx, for_crash_report: std::os::raw::c_int) {
    if for_crash_report == 0 {
        let section = Section(ctx);
        let shown = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for face in FACES.get().into_iter().flatten().filter(|face| face.shown().is_some_and(|shown| shown.section))
            {
                face.show(&section);
            }
        }));
        drop(shown);
    }
}

/// The output of a face's fields.
pub struct Section(*mut raw::RedisModuleInfoCtx);

impl Section {
    /// Begins a section; an empty name is the module's own.
    pub fn begin(&self, name: &CStr) {
        api!(RedisModule_InfoAddSection(self.0, name.as_ptr().cast_mut()));
    }

    /// The threads and the kernel, which all faces share.
    pub fn threads(&self) {
        self.pool("pool", pools::queries());
        self.pool("linker", pools::linkers());
        self.text("kernel", kernel::kernel_name());
    }

    pub fn durations(&self, count: &str, each: &str, durations: &Durations) {
        self.number(count, durations.count());
        self.number(&format!("{each}_microseconds"), durations.microseconds());
        self.number(&format!("{each}_p50_microseconds"), durations.quantile(0.5));
        self.number(&format!("{each}_p99_microseconds"), durations.quantile(0.99));
    }

    fn pool(&self, name: &str, pool: &Pool) {
        self.number(&format!("{name}_threads"), pool.size() as u64);
        self.number(&format!("{name}_busy"), pool.busy() as u64);
        self.number(&format!("{name}_queue"), pool.queued() as u64);
    }

    pub fn number(&self, name: &str, value: u64) {
        let name = CString::new(name).unwrap_or_default();
        api!(RedisModule_InfoAddFieldULongLong(self.0, name.as_ptr().cast_mut(), value));
    }

    pub fn text(&self, name: &str, value: &str) {
        let [name, value] = [name, value].map(|text| CString::new(text).unwrap_or_default());
        api!(RedisModule_InfoAddFieldCString(self.0, name.as_ptr().cast_mut(), value.as_ptr()));
    }
}

#![no_main]

#[path = "../json.rs"]
mod json;

libfuzzer_sys::fuzz_target!(|data: &[u8]| json::json_commands(data));

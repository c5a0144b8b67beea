//! Replays the corpora of the fuzz targets, crashes found earlier among them.

#[path = "../../fuzz/checks.rs"]
pub mod checks;

#[path = "../../fuzz/json.rs"]
pub mod json;

fn replay(target: &str, check: fn(&[u8])) {
    let corpus = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut inputs = 0;
    for input in std::fs::read_dir(corpus).unwrap() {
        check(&std::fs::read(input.unwrap().path()).unwrap());
        inputs += 1;
    }
    assert!(inputs > 30, "{inputs} inputs for {target}");
}

#[test]
fn filter_language() {
    replay("filter_language", checks::filter_language);
}

#[test]
fn attribute_record() {
    replay("attribute_record", checks::attribute_record);
}

#[test]
fn saved_form() {
    replay("saved_form", checks::saved_form);
}

#[test]
fn command_arguments() {
    replay("command_arguments", checks::command_arguments);
}

#[test]
fn set_operations() {
    replay("set_operations", checks::set_operations);
}

#[test]
fn search_query() {
    replay("search_query", checks::search_query);
}

#[test]
fn search_expression() {
    replay("search_expression", checks::search_expression);
}

#[test]
fn search_arguments() {
    replay("search_arguments", checks::search_arguments);
}

#[test]
fn cluster_message() {
    replay("cluster_message", |bytes| {
        checks::cluster_message(bytes);
        checks::cluster_pieces(bytes);
    });
}

#[test]
fn json_text() {
    replay("json_text", json::json_text);
}

#[test]
fn json_path() {
    replay("json_path", json::json_path);
}

#[test]
fn json_payload() {
    replay("json_payload", json::json_payload);
}

#[test]
fn json_commands() {
    replay("json_commands", json::json_commands);
}

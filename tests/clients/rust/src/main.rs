//! redis-rs's vector set methods against the server at a port, in protocol 2 or 3: PORT PROTOCOL

use std::collections::HashMap;

use redis::vector_sets::{
    EmbeddingInput, VAddOptions, VEmbOptions, VSimOptions, VectorAddInput, VectorQuantization, VectorSimilaritySearchInput,
};
use redis::{RedisResult, TypedCommands, Value};
use serde_json::json;

fn vector(numbers: &[f64]) -> VectorAddInput<'_> {
    VectorAddInput::Values(EmbeddingInput::Float64(numbers))
}

fn main() -> RedisResult<()> {
    let args: Vec<String> = std::env::args().collect();
    let client = redis::Client::open(format!("redis://127.0.0.1:{}/?protocol=resp{}", args[1], args[2]))?;
    let mut c = client.get_connection()?;
    c.del(&["k", "q", "r"][..])?;

    assert!(c.vadd("k", vector(&[1.0, 0.0, 0.0]), "a")?);
    let bytes: Vec<f32> = vec![0.0, 1.0, 0.0];
    let options = VAddOptions::default()
        .set_check_and_set_style(true)
        .set_build_exploration_factor(50)
        .set_attributes(json!({"x": 1}));
    assert!(c.vadd_options("k", VectorAddInput::Fp32(&bytes), "b", &options)?);
    assert!(!c.vadd("k", vector(&[1.0, 0.0, 0.0]), "a")?);
    let options = VAddOptions::default().set_quantization(VectorQuantization::NoQuant).set_max_number_of_links(8);
    assert!(c.vadd_options("q", vector(&[3.0, 4.0]), "p", &options)?);
    assert!(c.vadd_options("r", vector(&[1.0, 2.0, 3.0, 4.0]), "p", &VAddOptions::default().set_reduction_dimension(2))?);

    assert_eq!(c.vcard("k")?, 2);
    assert_eq!(c.vdim("r")?, 2);
    let numbers: Vec<f64> = redis::from_redis_value(c.vemb("q", "p")?)?;
    assert_eq!(numbers, [3.0, 4.0]);
    let raw = c.vemb_options("q", "p", &VEmbOptions::default().set_raw_representation(true))?;
    let (kind, blob, norm): (String, Vec<u8>, f64) = redis::from_redis_value(raw)?;
    assert_eq!((kind.as_str(), blob.len(), norm), ("f32", 8, 5.0));

    let near = c.vsim("k", VectorSimilaritySearchInput::Element("b"))?;
    assert_eq!(redis::from_redis_value::<Vec<String>>(near)?, ["b", "a"]);
    let options = VSimOptions::default()
        .set_with_scores(true)
        .set_count(10)
        .set_search_exploration_factor(100)
        .set_filter_expression(".x == 1")
        .set_max_filtering_effort(50)
        .set_truth(true)
        .set_no_thread(true);
    let scores = c.vsim_options("k", VectorSimilaritySearchInput::Fp32(&bytes), &options)?;
    assert_eq!(redis::from_redis_value::<HashMap<String, f64>>(scores)?, HashMap::from([("b".into(), 1.0)]));

    assert!(c.vsetattr("k", "a", &json!({"y": 2}))?);
    assert_eq!(c.vgetattr("k", "a")?, Some(r#"{"y":2}"#.into()));
    assert!(c.vdelattr("k", "a")?);
    assert_eq!(c.vgetattr("k", "a")?, None);

    let info = c.vinfo("k")?.expect("it is there");
    assert_eq!(info["size"], Value::Int(2));
    assert_eq!(c.vinfo("missing")?, None);
    let links: Vec<Vec<String>> = redis::from_redis_value(c.vlinks("k", "a")?)?;
    assert_eq!(links.last(), Some(&vec!["b".to_string()]));
    let links: Vec<HashMap<String, f64>> = redis::from_redis_value(c.vlinks_with_scores("k", "a")?)?;
    assert_eq!(links.last(), Some(&HashMap::from([("b".to_string(), 0.5)])));

    assert!(c.vrandmember("k")?.is_some());
    assert_eq!(c.vrandmember("missing")?, None);
    assert_eq!(c.vrandmember_multiple("k", 5)?.len(), 2);
    assert!(c.vrem("k", "a")?);
    assert!(!c.vrem("k", "a")?);
    assert!(c.vdim("missing").unwrap_err().to_string().contains("key does not exist"));
    println!("all good");
    Ok(())
}

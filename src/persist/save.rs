//! Writes a set.

use super::{EXTENDED, HAS_ATTRIBUTES, HAS_MATRIX, HAS_TIMES, Sink};
use crate::set::Settled;
use crate::vector::{Encoding, Metric};

/// Writes a set that has no pending work.
pub fn save(set: &Settled, sink: &mut dyn Sink) {
    let (params, info) = (set.params(), set.info());
    let flags = if set.projection().is_some() { HAS_MATRIX } else { 0 }
        | if info.attributes_count > 0 { HAS_ATTRIBUTES } else { 0 }
        | if info.expiring > 0 { HAS_TIMES } else { 0 };
    let is_extended = params.metric != Metric::Cosine || params.encoding == Encoding::F16 || info.expiring > 0;
    sink.unsigned(params.dim as u64);
    sink.unsigned(set.len() as u64);
    let extended = if is_extended { EXTENDED } else { 0 };
    sink.unsigned(params.encoding.id() as u64 | extended | (params.m as u64) << 8);
    sink.unsigned(flags);
    if let Some(projection) = set.projection() {
        sink.unsigned(projection.input() as u64);
        sink.bytes(&projection.to_wire());
    }
    if is_extended {
        sink.unsigned(params.metric.id().into());
    }
    set.for_each_saved(&mut |element, levels| {
        sink.bytes(element.name);
        if flags & HAS_ATTRIBUTES != 0 {
            sink.bytes(element.attributes);
        }
        if flags & HAS_TIMES != 0 {
            sink.unsigned(element.time.map_or(0, |time| time as u64));
        }
        sink.bytes(element.code);
        sink.unsigned(levels.iter().map(|l| 2 + l.targets.len() as u64).sum::<u64>() + 3);
        sink.unsigned(element.wire_id);
        // Node format 0, without the worst links: readers find them, and the distances of all links
        // would take longer than everything else here.
        sink.unsigned(element.level as u64);
        for level in levels {
            sink.unsigned(level.targets.len() as u64);
            sink.unsigned(level.capacity as u64);
            for &target in &level.targets {
                sink.unsigned(target);
            }
        }
        sink.unsigned(element.l2.to_bits() as u64 | (element.range.to_bits() as u64) << 32);
    });
}

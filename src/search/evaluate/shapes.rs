//! Documents whose shapes have a given relation to the shape of a query. The shapes of a document count as one.

use super::plan::{Plan, PlanKind, Planner};
use crate::search::index::{Finder, Outline, gather};
use crate::search::shape::{Late, Predicate, Shape, Watch};

/// Candidates collected between looks at the clock.
const STRIDE: usize = 1 << 14;

impl Planner<'_> {
    pub(super) fn shapes(&mut self, field: usize, predicate: Predicate, shape: &Shape) -> Plan {
        let Finder::Shapes(shapes) = &self.state.fields[field].finder else { return Plan::nothing() };
        let (limits, bounds) = (self.limits, shape.bounds());
        let mut candidates = Vec::new();
        for document in shapes.near(&bounds) {
            candidates.push(document);
            if candidates.len() % STRIDE == 0 && self.is_late() {
                return Plan::nothing();
            }
        }
        candidates.sort_unstable();
        candidates.dedup();
        let is_late = || limits.reached();
        let mut watch = Watch::new(&is_late);
        let mut found = Vec::new();
        for document in candidates {
            let Some(outline) = shapes.get(document) else { continue };
            match lies(outline, predicate, shape, &mut watch) {
                Ok(true) => found.push(document),
                Ok(false) => {}
                Err(Late) => {
                    self.warnings.timed_out = true;
                    // What was found to intersect is not all that does.
                    if predicate == Predicate::Disjoint {
                        return Plan::nothing();
                    }
                    break;
                }
            }
        }
        let found = Plan::set(gather(found));
        match predicate {
            Predicate::Disjoint => {
                let others = Plan::new(PlanKind::Not(Box::new(found)), false, usize::MAX);
                Plan::among(others, shapes.documents.clone())
            }
            _ => found,
        }
    }
}

/// Whether the shapes of a document lie as is asked; for `Disjoint`, whether they do not.
fn lies(outline: &Outline, predicate: Predicate, shape: &Shape, watch: &mut Watch) -> Result<bool, Late> {
    let bounds = shape.bounds();
    let any = |test: &mut dyn FnMut(&Shape) -> Result<bool, Late>| {
        for own in outline.iter() {
            if test(own)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    match predicate {
        Predicate::Within => {
            // Most have a corner outside, which takes no look at the shapes.
            if !outline.iter().all(|own| bounds.covers(&own.bounds())) {
                return Ok(false);
            }
            any(&mut |own| own.within(shape, watch).map(|is_within| !is_within)).map(|is_outside| !is_outside)
        }
        Predicate::Contains => any(&mut |own| Ok(own.bounds().covers(&bounds) && shape.within(own, watch)?)),
        Predicate::Intersects | Predicate::Disjoint => {
            any(&mut |own| Ok(own.bounds().meets(&bounds) && own.intersects(shape, watch)?))
        }
    }
}

//! Hash slots: the slot of a key, and sets of slots.

use super::wire::{Malformed, Reader, Writer};

/// Slots of a cluster.
pub const SLOTS: u16 = 16384;

/// CRC-16/XMODEM by bytes, as the cluster specification has it.
const CRC: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u16) << 8;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// The hash tag: what is between the first `{` and the next `}`, unless empty.
pub fn hash_tag(name: &[u8]) -> Option<&[u8]> {
    let open = memchr::memchr(b'{', name)?;
    let tag = &name[open + 1..];
    let len = memchr::memchr(b'}', tag)?;
    (len > 0).then(|| &tag[..len])
}

/// The slot of a key.
pub fn slot_of(key: &[u8]) -> u16 {
    let hashed = hash_tag(key).unwrap_or(key);
    let crc = hashed.iter().fold(0u16, |crc, byte| crc << 8 ^ CRC[usize::from((crc >> 8) as u8 ^ byte)]);
    crc % SLOTS
}

/// A set of slots.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Slots(Box<[u64; SLOTS as usize / 64]>);

impl Default for Slots {
    fn default() -> Slots {
        Slots(Box::new([0; SLOTS as usize / 64]))
    }
}

impl std::fmt::Debug for Slots {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_list().entries(self.ranges()).finish()
    }
}

impl Slots {
    pub fn insert(&mut self, slot: u16) {
        if slot < SLOTS {
            self.0[usize::from(slot) / 64] |= 1 << (slot % 64);
        }
    }

    pub fn contains(&self, slot: u16) -> bool {
        slot < SLOTS && self.0[usize::from(slot) / 64] >> (slot % 64) & 1 == 1
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Adds another set.
    pub fn extend(&mut self, other: &Slots) {
        self.0.iter_mut().zip(&other.0[..]).for_each(|(word, other)| *word |= other);
    }

    /// Intersects with another set.
    pub fn retain(&mut self, other: &Slots) {
        self.0.iter_mut().zip(&other.0[..]).for_each(|(word, other)| *word &= other);
    }

    /// Whether the sets share a slot.
    pub fn meets(&self, other: &Slots) -> bool {
        self.0.iter().zip(&other.0[..]).any(|(word, other)| word & other != 0)
    }

    /// Whether all of another set are in this.
    pub fn covers(&self, other: &Slots) -> bool {
        self.0.iter().zip(&other.0[..]).all(|(word, other)| other & !word == 0)
    }

    /// A hash of the set, by which different sets almost always differ: neither 0 nor the greatest number.
    pub fn mark(&self) -> u32 {
        let mixed = self.0.iter().fold(0xcbf2_9ce4_8422_2325u64, |hash, word| {
            ((hash ^ word) ^ (hash ^ word) >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        });
        ((mixed >> 32) as u32).clamp(1, u32::MAX - 1)
    }

    /// First and last slots of runs, in order.
    pub fn ranges(&self) -> Vec<(u16, u16)> {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        let mut from = 0;
        while let Some(first) = self.next(from, 0) {
            let end = self.next(first, u64::MAX).unwrap_or(SLOTS);
            ranges.push((first, end - 1));
            from = end;
        }
        ranges
    }

    /// The first slot.
    pub fn first(&self) -> Option<u16> {
        self.next(0, 0)
    }

    /// The first slot from one on that is in the set, or with all bits turned, that is not.
    fn next(&self, from: u16, turned: u64) -> Option<u16> {
        let mut word = usize::from(from) / 64;
        let mut bits = (self.0.get(word)? ^ turned) & u64::MAX << (from % 64);
        while bits == 0 {
            word += 1;
            bits = self.0.get(word)? ^ turned;
        }
        Some(word as u16 * 64 + bits.trailing_zeros() as u16)
    }

    /// Adds all from the first to the last, which are slots and in order.
    pub fn insert_range(&mut self, first: u16, last: u16) {
        let (start, end) = (usize::from(first) / 64, usize::from(last) / 64);
        for word in start..=end {
            let low = if word == start { u64::MAX << (first % 64) } else { u64::MAX };
            let high = if word == end { u64::MAX >> (63 - last % 64) } else { u64::MAX };
            self.0[word] |= low & high;
        }
    }

    pub fn write(&self, to: &mut Writer) {
        to.list(&self.ranges(), |to, (first, last)| {
            to.short(*first);
            to.short(*last);
        });
    }

    pub fn read(from: &mut Reader) -> Result<Slots, Malformed> {
        let mut slots = Slots::default();
        for (first, last) in from.list(|from| Ok((from.short()?, from.short()?)))? {
            if last >= SLOTS || first > last {
                return Err(Malformed);
            }
            slots.insert_range(first, last);
        }
        Ok(slots)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slots_that_the_specification_gives() {
        assert_eq!(slot_of(b"123456789"), 0x31C3);
        assert_eq!(slot_of(b"foo"), 12182);
        assert_eq!(slot_of(b"{user1000}.following"), slot_of(b"user1000"));
        assert_eq!(slot_of(b"foo{}{bar}"), plain_slot(b"foo{}{bar}"));
        assert_eq!(slot_of(b"foo{{bar}}zap"), plain_slot(b"{bar"));
        assert_eq!(slot_of(b"foo{bar}{zap}"), plain_slot(b"bar"));
        assert_eq!(hash_tag(b"no{tag"), None);
    }

    /// The slot of the bytes themselves.
    fn plain_slot(bytes: &[u8]) -> u16 {
        let mut crc = 0u16;
        for byte in bytes {
            crc ^= u16::from(*byte) << 8;
            for _ in 0..8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 };
            }
        }
        crc % SLOTS
    }

    #[test]
    fn sets_come_back_from_their_bytes() {
        let mut slots = Slots::default();
        (0..SLOTS).filter(|slot| slot % 7 < 3 || *slot > 16000).for_each(|slot| slots.insert(slot));
        let mut writer = Writer::default();
        slots.write(&mut writer);
        assert_eq!(Slots::read(&mut Reader::new(&writer.0)), Ok(slots.clone()));
        let mut one = Slots::default();
        one.insert(3);
        assert!(!slots.meets(&one) && !slots.covers(&one));
        slots.extend(&one);
        assert!(slots.meets(&one) && slots.covers(&one));
    }
}

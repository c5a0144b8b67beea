//! Rows with the same columns, stored contiguously.

use crate::search::value::Value;

/// Rows of a number of columns, in an order. Leaving a row out or moving it touches only the order.
#[derive(Clone, Debug, Default)]
pub struct Table {
    width: usize,
    cells: Vec<Option<Value>>,
    /// Rows ever added.
    added: u32,
    /// The rows that are left, in their order.
    order: Vec<u32>,
    /// Bytes of the values that were set.
    computed: usize,
}

impl Table {
    /// A table of this many columns and no rows.
    pub fn new(width: usize) -> Table {
        Table { width, ..Table::default() }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Adds a row at the end; what it lacks of the width is absent.
    pub fn push(&mut self, row: impl IntoIterator<Item = Option<Value>>) {
        let start = self.cells.len();
        self.cells.extend(row.into_iter().take(self.width));
        self.cells.resize(start + self.width, None);
        self.order.push(self.added);
        self.added += 1;
    }

    /// The cells of the row at a position.
    pub fn row(&self, position: usize) -> &[Option<Value>] {
        self.stored(self.order[position])
    }

    /// Sets a cell of the row at a position.
    pub fn set(&mut self, position: usize, column: usize, value: Option<Value>) {
        let start = self.order[position] as usize * self.width;
        let bytes = |cell: &Option<Value>| cell.as_ref().map_or(0, Value::bytes);
        let cell = &mut self.cells[start + column];
        self.computed = self.computed.saturating_sub(bytes(cell)) + bytes(&value);
        *cell = value;
    }

    /// About the bytes of the values that were set in rows that are there, and in rows that were left out.
    pub fn computed(&self) -> usize {
        self.computed
    }

    /// All rows in their order.
    pub fn rows(&self) -> impl Iterator<Item = &[Option<Value>]> {
        self.order.iter().map(|&row| self.stored(row))
    }

    /// The same rows with more columns, which are empty.
    pub fn widened(self, width: usize) -> Table {
        if width <= self.width {
            return self;
        }
        let mut wide = Table::new(width);
        self.rows().for_each(|row| wide.push(row.iter().cloned()));
        wide
    }

    /// The rows' numbers in their order, which [`Table::arrange`] takes back changed.
    pub(super) fn numbers(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.order)
    }

    /// Keeps these rows in this order.
    pub(super) fn arrange(&mut self, order: Vec<u32>) {
        self.order = order;
    }

    /// Keeps the first rows.
    pub fn truncate(&mut self, len: usize) {
        self.order.truncate(len);
    }

    /// The cells of a row by its number.
    pub(super) fn stored(&self, row: u32) -> &[Option<Value>] {
        let start = row as usize * self.width;
        &self.cells[start..start + self.width]
    }
}

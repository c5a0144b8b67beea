//! The evaluation stack.

/// A stack as deep as the parser has counted: pushing never overflows it.
pub(super) struct Stack<T, const DEPTH: usize> {
    values: [T; DEPTH],
    top: usize,
}

impl<T: Copy + Default, const DEPTH: usize> Stack<T, DEPTH> {
    pub fn new() -> Stack<T, DEPTH> {
        Stack { values: [T::default(); DEPTH], top: 0 }
    }

    #[inline]
    pub fn push(&mut self, value: T) {
        self.values[self.top] = value;
        self.top += 1;
    }

    #[inline]
    pub fn pop(&mut self) -> T {
        self.top -= 1;
        self.values[self.top]
    }
}

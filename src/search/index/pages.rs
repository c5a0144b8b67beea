//! A persistent array indexed by document: copies share unchanged pages.

use std::sync::Arc;

/// Items of a page.
const PAGE: usize = 64;
/// Pages of a book.
const BOOK: usize = 256;

type Page<T> = Arc<Vec<T>>;
type Book<T> = Arc<Vec<Page<T>>>;

/// Items by number; those never set have the default.
#[derive(Clone)]
pub struct Pages<T> {
    books: Arc<Vec<Book<T>>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Pages<T> {
        Pages { books: Arc::new(Vec::new()) }
    }
}

impl<T: Clone + Default> Pages<T> {
    /// The item, if its page is there.
    pub fn get(&self, at: u32) -> Option<&T> {
        let at = at as usize;
        self.books.get(at / PAGE / BOOK)?.get(at / PAGE % BOOK)?.get(at % PAGE)
    }

    /// The item, mutable. Copies the page if it is shared.
    pub fn get_mut(&mut self, at: u32) -> &mut T {
        let at = at as usize;
        let books = Arc::make_mut(&mut self.books);
        while books.len() <= at / PAGE / BOOK {
            books.push(Arc::default());
        }
        let book = Arc::make_mut(&mut books[at / PAGE / BOOK]);
        while book.len() <= at / PAGE % BOOK {
            book.push(Arc::default());
        }
        let page = Arc::make_mut(&mut book[at / PAGE % BOOK]);
        if page.len() <= at % PAGE {
            page.reserve_exact(PAGE - page.len());
            page.resize(PAGE, T::default());
        }
        &mut page[at % PAGE]
    }

    /// Bytes of the pages, without what items point to.
    pub fn bytes(&self) -> usize {
        self.books.iter().map(|book| 48 + book.len() * (48 + PAGE * size_of::<T>())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_keep_their_moment() {
        let mut pages = Pages::default();
        for at in (0..100_000).step_by(7) {
            *pages.get_mut(at) = at;
        }
        let copy = pages.clone();
        for at in (0..100_000).step_by(3) {
            *pages.get_mut(at) = 1;
        }
        for at in 0..100_000 {
            let before = if at % 7 == 0 { at } else { 0 };
            assert_eq!(copy.get(at), Some(&before).filter(|_| at < 99_998 / 64 * 64 + 64));
            assert_eq!(*pages.get(at).unwrap(), if at % 3 == 0 { 1 } else { before });
        }
        assert_eq!(pages.get(1 << 30), None);
    }
}

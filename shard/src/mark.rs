//! Marks on branches that are rarely taken: `mark!("why")` counts that it was, in tests alone, so that a test
//! can assert that it reaches them.

/// Notes, in tests, that this place was reached.
macro_rules! mark {
    ($name:literal) => {
        #[cfg(test)]
        $crate::mark::reach($name);
    };
}

#[cfg(test)]
pub use counting::*;

#[cfg(test)]
mod counting {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    /// How often each mark was reached.
    pub type Marks = BTreeMap<&'static str, u64>;

    thread_local! {
        static REACHED: RefCell<Marks> = const { RefCell::new(BTreeMap::new()) };
    }

    pub fn reach(name: &'static str) {
        REACHED.with_borrow_mut(|marks| *marks.entry(name).or_default() += 1);
    }

    /// What this thread reached since it last asked.
    pub fn take() -> Marks {
        REACHED.take()
    }
}

//! The tasks of a node, each with a way to reach it.
//!
//! A task that ends says so and is taken from the list later, with others: so that it need not wait for the list's lock.

use std::sync::Arc;
use std::task::Waker;

use crate::name::TaskName;

/// A task, as its node sees it: what the two share is the task's [`Place`](crate::place::Place).
pub(crate) trait Sitter: Send + Sync {
    fn name(&self) -> &TaskName;

    fn has_begun(&self) -> bool;

    /// It has ended, and no code of the user's is left in it.
    fn has_left(&self) -> bool;

    /// Whom to wake for the task, if it waits.
    fn waker(&self) -> Option<Waker>;
}

#[derive(Default)]
pub(crate) struct Roll {
    /// In place: a list of one task at a time needs no memory of its own.
    first: Option<Arc<dyn Sitter>>,
    rest: Vec<Arc<dyn Sitter>>,
}

/// A list that has room for no more than this is not looked through for tasks that have left.
pub(crate) const SMALL: usize = 64;

impl Roll {
    pub(crate) fn add(&mut self, task: Arc<dyn Sitter>) {
        if self.first.as_ref().is_none_or(|first| first.has_left()) {
            self.first = Some(task);
            return;
        }
        let room = self.rest.capacity();
        if self.rest.len() == room && room >= SMALL {
            self.sweep();
            // Else the next look would come too soon.
            if self.rest.len() > room / 2 {
                self.rest.reserve(room);
            }
        }
        self.rest.push(task);
    }

    /// Takes out those that have left, and gives memory back if that leaves much of it empty.
    fn sweep(&mut self) {
        self.rest.retain(|task| !task.has_left());
        if self.rest.capacity() / 4 > self.rest.len().max(SMALL) {
            self.rest.shrink_to(self.rest.len() * 2);
        }
    }

    /// Takes out those that have left if they are more than those that have not, of which there are at most `alive`.
    pub(crate) fn thin_out(&mut self, alive: usize) {
        if self.rest.len() > alive.max(SMALL) * 2 {
            self.sweep();
        }
    }

    /// Those that have not left.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Sitter>> {
        self.first.iter().chain(&self.rest).filter(|task| !task.has_left())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    struct Seat(TaskName, AtomicBool);

    impl Sitter for Seat {
        fn name(&self) -> &TaskName {
            &self.0
        }

        fn has_begun(&self) -> bool {
            true
        }

        fn has_left(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }

        fn waker(&self) -> Option<Waker> {
            None
        }
    }

    fn seats(count: usize) -> Vec<Arc<Seat>> {
        (0..count).map(|_| Arc::new(Seat(TaskName::from("seat"), AtomicBool::new(false)))).collect()
    }

    fn leave(seats: &[Arc<Seat>]) {
        seats.iter().for_each(|seat| seat.1.store(true, Ordering::Relaxed));
    }

    #[test]
    fn tasks_one_after_the_other_take_no_memory() {
        let mut roll = Roll::default();
        for seat in seats(1_000) {
            let task: Arc<dyn Sitter> = Arc::<Seat>::clone(&seat);
            roll.add(task);
            assert_eq!(roll.iter().count(), 1);
            leave(&[seat]);
        }
        assert_eq!((roll.iter().count(), roll.rest.capacity()), (0, 0));
    }

    #[test]
    fn those_that_have_left_take_no_more_room_than_the_others() {
        let mut roll = Roll::default();
        for _ in 0..100 {
            let some = seats(100);
            for seat in &some {
                let task: Arc<dyn Sitter> = Arc::<Seat>::clone(seat);
                roll.add(task);
            }
            assert_eq!(roll.iter().count(), 100);
            leave(&some);
        }
        assert!(roll.rest.capacity() <= 512, "room for {}", roll.rest.capacity());
    }

    #[test]
    fn after_many_tasks_the_memory_is_given_back() {
        let mut roll = Roll::default();
        let all = seats(10_000);
        for seat in &all {
            let task: Arc<dyn Sitter> = Arc::<Seat>::clone(seat);
            roll.add(task);
        }
        leave(&all[..9_900]);
        roll.thin_out(100);
        assert_eq!((roll.iter().count(), roll.rest.len()), (100, 100));
        assert!(roll.rest.capacity() < 1_000, "room for {}", roll.rest.capacity());
        leave(&all);
        roll.thin_out(100);
        assert_eq!((roll.iter().count(), roll.rest.len()), (0, 100), "not worth a look");
    }
}

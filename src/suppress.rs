//! Which findings stay.

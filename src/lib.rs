//! Finds what makes async programs hang, leak and lose cancellation, in Python and Rust source, through every call.
//!
//! The program on one page; data flows one way, and the modules stand in that order:
//!
//! 1. [`source`]: bytes become text with a line table.
//! 2. [`model`]: the language-neutral vocabulary both front ends speak.
//! 3. [`knowledge`]: what library functions do, compiled in from `rules/apis`.
//! 4. `python`, `rust`: the front ends; each lowers one file to the model, looking at that file alone.
//! 5. [`project`]: all models together: names, types, call graph, effects with their evidence.
//! 6. [`finding`], [`rules`]: the judgements.
//! 7. [`config`], [`discover`]: which files are read, and which settings govern each; [`packages`]: what is around them.
//! 8. [`suppress`], [`fix`], [`report`]: which findings stay, what mends them, how they are shown. [`session`]: a tree that stays
//!    analysed while its files change.
//! 9. [`cli`]: the only part that prints.

pub mod analysis;
pub mod cli;
pub mod config;
pub mod discover;
pub mod finding;
pub mod fix;
pub mod knowledge;
pub mod model;
pub mod packages;
pub mod project;
pub mod python;
pub mod report;
pub mod rules;
pub mod rust;
pub mod session;
pub mod source;
pub mod suppress;

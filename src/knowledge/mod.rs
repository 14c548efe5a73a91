//! What library functions do, compiled in from `rules/apis`.

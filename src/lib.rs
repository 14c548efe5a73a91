//! asynclint

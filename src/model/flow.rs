//! Questions about the control flow of a [`Block`](crate::model::Block).

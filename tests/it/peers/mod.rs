//! Foreign programs against ours.

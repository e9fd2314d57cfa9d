//! What the console promises: to whom it shows what, and what its forms do.

mod pages;
mod world;

//! The one integration binary: flows, protocols, storage, rights and the rules of the house.

mod generated;
mod tidy;

//! The one integration binary: flows, protocols, storage, rights and the rules of the house.

#[cfg(test)]
mod admin_api;
#[cfg(test)]
mod flows;
#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod generated;
#[cfg(test)]
mod laptop;
#[cfg(test)]
mod oauth;
#[cfg(test)]
mod osquery;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod people;
#[cfg(test)]
mod protocols;
#[cfg(test)]
mod requirements;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod rotations;
#[cfg(test)]
mod statements;
mod tidy;
#[cfg(test)]
mod torture;
#[cfg(test)]
mod walker;

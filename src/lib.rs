//! ackchat: chat for people and programs over UDP that never says more about a message than it
//! knows.

pub mod client;
pub mod driver;
pub mod link;
pub mod memory;
pub mod model;
pub mod script;
pub mod secure;
pub mod server;
pub mod shell;
pub mod sim;
pub mod store;
pub mod wire;

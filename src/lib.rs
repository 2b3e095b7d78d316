//! ackchat: chat for people and programs over UDP that never says more about a message than it knows.

pub mod model;

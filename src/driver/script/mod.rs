//! `.chat` files in the world: they are read, carried out over sockets, recorded, merged.

pub mod merge;
pub mod player;
pub mod recording;
pub mod run;
pub mod stage;

//! Two real Chroma servers, the unchanged Python client, and the binary between them, made of a few variables alone.

mod house;

mod load;
mod outages;
mod scripts;

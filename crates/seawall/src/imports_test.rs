//! Laws of importing.

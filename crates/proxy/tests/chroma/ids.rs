//! Collections have one id for clients, whatever ids the servers give them.

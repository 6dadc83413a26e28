//! Test-only: corpus makers, real peers, the command driver.

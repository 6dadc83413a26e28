//! Finds the route that a method and a path mean.

use std::borrow::Cow;

use hyper::Method;

use super::{Route, routes};

/// What became of looking for a route.
pub(in crate::daemon::face) enum Found<'a> {
    /// It, and what stands for the braces in its path.
    Route(&'static Route, Vec<Cow<'a, str>>),
    /// The path is known, with other methods.
    Methods(Vec<&'static Method>),
    /// The path is not known.
    Nothing,
}

/// Looks for a route.
pub(in crate::daemon::face) fn find<'a>(method: &Method, path: &'a str) -> Found<'a> {
    // What may be got may also be asked for its head.
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let mut methods = Vec::new();
    for route in routes() {
        if let Some(names) = matches(route.path, path) {
            if route.method == *method {
                return Found::Route(route, names);
            }
            methods.push(&route.method);
        }
    }
    if methods.is_empty() { Found::Nothing } else { Found::Methods(methods) }
}

/// What stands for the braces of a pattern, decoded, if a path matches it.
fn matches<'a>(pattern: &str, path: &'a str) -> Option<Vec<Cow<'a, str>>> {
    let mut names = Vec::new();
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            names.push(decoded(segment).filter(|name| !name.is_empty())?);
        } else if wanted != segment {
            return None;
        }
    }
    segments.next().is_none().then_some(names)
}

/// Text without its percent signs; nothing if it is no UTF-8 then.
pub(in crate::daemon::face) fn decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
            bytes.push(digit(rest.next()?)? * 16 + digit(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

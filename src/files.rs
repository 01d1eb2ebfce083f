//! Reads the files that a command was given; what is wrong with them is said.

use std::io;
use std::path::PathBuf;

use crate::input::{self, Objects, Request};
use crate::report::Report;

/// What is in them; None if they cannot be read, which is said. The namespace is that of objects that name none.
pub fn read(paths: &[PathBuf], recursive: bool, namespace: Option<&str>) -> Option<Objects> {
    let request = Request {
        paths: paths.to_vec(),
        recursive,
        namespace: namespace.unwrap_or(input::NAMESPACE).to_owned(),
    };
    match input::read(&request, &mut io::stdin().lock()) {
        Ok(objects) => {
            Report::ignored(&objects.ignored);
            Some(objects)
        }
        Err(errors) => {
            for error in &errors {
                Report::error(error);
            }
            None
        }
    }
}

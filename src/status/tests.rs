//! What is shown of a status, whatever stands in it.

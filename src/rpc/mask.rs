//! Update masks (AIP-134): which fields of a resource a client wants to change.

use prost_types::FieldMask;

use crate::domain::{Error, Result};

/// The fields to change.
pub enum Mask {
    /// No mask was sent: the fields that have a value.
    Populated,
    /// `*`: every field that can be changed.
    All,
    /// These.
    Paths(Vec<String>),
}

impl Mask {
    /// Reads the mask of a resource. Fields that only the server sets may be named and are ignored (AIP-203), so that a
    /// resource can be sent back whole.
    ///
    /// # Errors
    /// `InvalidFields` naming a path that the resource does not have.
    pub fn parse(mask: Option<FieldMask>, mutable: &[&str], output_only: &[&str]) -> Result<Self> {
        let Some(FieldMask { paths }) = mask.filter(|mask| !mask.paths.is_empty()) else {
            return Ok(Self::Populated);
        };
        if paths.iter().any(|path| path == "*") {
            return Ok(Self::All);
        }
        let top = |path: &str| path.split('.').next().unwrap_or_default().to_owned();
        for path in &paths {
            if !mutable.contains(&path.as_str()) && !output_only.contains(&top(path).as_str()) {
                let allowed =
                    format!("must not name `{path}`; the fields are {}", mutable.join(", "));
                return Err(Error::invalid_field("update_mask", allowed));
            }
        }
        Ok(Self::Paths(paths))
    }

    /// The value, if the field at this path is to be changed.
    pub fn take<T: Default + PartialEq>(&self, path: &str, value: T) -> Option<T> {
        let wanted = match self {
            Self::Populated => value != T::default(),
            Self::All => true,
            Self::Paths(paths) => paths.iter().any(|wanted| wanted == path),
        };
        wanted.then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> Result<Mask> {
        let paths = paths.iter().map(|path| (*path).to_owned()).collect();
        Mask::parse(Some(FieldMask { paths }), &["name", "description"], &["id", "meta"])
    }

    #[test]
    fn without_a_mask_the_fields_that_have_a_value_change() {
        let mask = Mask::parse(None, &["name"], &[]).unwrap();
        assert_eq!(mask.take("name", "a".to_owned()), Some("a".to_owned()));
        assert_eq!(mask.take("name", String::new()), None);
    }

    #[test]
    fn a_star_changes_every_field_to_what_was_sent_or_nothing() {
        assert_eq!(mask(&["*"]).unwrap().take("name", String::new()), Some(String::new()));
    }

    #[test]
    fn a_named_field_changes_and_no_other_does() {
        let mask = mask(&["description", "id", "meta.etag"]).unwrap();
        assert_eq!(mask.take("description", String::new()), Some(String::new()));
        assert_eq!(mask.take("name", "a".to_owned()), None);
    }

    #[test]
    fn a_path_that_does_not_exist_is_refused_by_name() {
        let Err(Error::InvalidFields(violations)) = mask(&["owner"]) else { panic!("accepted") };
        assert_eq!(violations[0].field, "update_mask");
        assert!(violations[0].description.contains("`owner`"));
    }
}

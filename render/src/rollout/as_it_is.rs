//! What NICO owns of a configuration, as it is: the ground for a change of one field alone. What a
//! server-side apply leaves out it would take away.

use nico_crds::NixosConfiguration;
use serde_json::json;

use super::Planner;
use crate::fields;
use crate::inventory::name;

impl Planner<'_> {
    pub(super) fn as_it_is(&self, live: &NixosConfiguration) -> Option<NixosConfiguration> {
        let own = self.observed.ownership(live).and_then(|ownership| ownership.own.as_ref());
        let mut object = match own {
            Some(own) => fields::project(&serde_json::to_value(live).ok()?, own),
            None => json!({}),
        };
        let root = object.as_object_mut()?;
        let metadata = root.entry("metadata").or_insert_with(|| json!({})).as_object_mut()?;
        metadata.insert("name".to_owned(), name(&live.metadata).into());
        metadata.insert("namespace".to_owned(), live.metadata.namespace.clone().into());
        root.entry("spec").or_insert_with(|| json!({}));
        serde_json::from_value(object).ok()
    }
}

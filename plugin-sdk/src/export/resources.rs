//! The export `resources`: what is listed of each, which of them a URI belongs
//! to, and the way of a read.

use super::{marked, report_panics};
use crate::bindings::host::fusebox::plugin::types::{
    Annotations, CacheHint, CallContext, Failure, Resource as ResourceEntry, ResourceContents,
    ResourceOutcome, ResourceTemplate, Role,
};
use crate::context::Context;
use crate::error::HandlerError;
use crate::resource::Requested;
use crate::template::{self, Part};

/// A function with `#[resource]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no resource",
    label = "`resources: [...]` takes functions with `#[resource]`"
)]
pub trait Resource {
    /// All that is known about it.
    const DEFINITION: ResourceDefinition;
}

/// What `#[resource]` finds out about a function.
pub struct ResourceDefinition {
    /// where it is
    pub address: Address,
    /// its name
    pub name: &'static str,
    /// a name for people
    pub title: Option<&'static str>,
    /// what it holds
    pub description: Option<&'static str>,
    /// MCP icons, a JSON array
    pub icons: Option<&'static str>,
    /// MCP `_meta`, a JSON object
    pub meta: Option<&'static str>,
    /// its media type
    pub mime_type: Option<&'static str>,
    /// its size in bytes
    pub size: Option<u64>,
    /// hints for the client
    pub hints: Hints,
    /// for how long its contents may be kept
    pub cache: Option<CacheHint>,
    /// decodes the variables of the URI, calls the function, encodes the result
    pub read: Read,
}

/// How a resource is read: what was asked for, the variables of the URI, the
/// context.
type Read = fn(&Requested<'_>, &[String], &Context) -> Result<Vec<ResourceContents>, HandlerError>;

impl ResourceDefinition {
    /// That of a function which the macro refuses, so that its error is the only one.
    pub const fn refused(name: &'static str) -> Self {
        Self {
            address: Address::Uri(name),
            name,
            title: None,
            description: None,
            icons: None,
            meta: None,
            mime_type: None,
            size: None,
            hints: Hints {
                audience: &[],
                priority: None,
                last_modified: None,
            },
            cache: None,
            read: |_, _, _| Ok(Vec::new()),
        }
    }

    /// What no other resource of the plugin may have.
    pub const fn identity(&self) -> [&'static str; 2] {
        match self.address {
            Address::Uri(uri) => [uri, ""],
            Address::Template(template, _) => [template, ""],
        }
    }
}

/// Where a resource is.
pub enum Address {
    /// at this URI
    Uri(&'static str),
    /// wherever this template fits; and its pieces
    Template(&'static str, &'static [Part]),
}

/// Hints for the client.
pub struct Hints {
    /// whom it is meant for
    pub audience: &'static [Role],
    /// from 0.0 to 1.0
    pub priority: Option<f64>,
    /// ISO 8601
    pub last_modified: Option<&'static str>,
}

impl Hints {
    fn to_annotations(&self) -> Option<Annotations> {
        let is_set =
            !self.audience.is_empty() || self.priority.is_some() || self.last_modified.is_some();
        is_set.then(|| Annotations {
            audience: self.audience.to_vec(),
            priority: self.priority,
            last_modified: self.last_modified.map(Into::into),
        })
    }
}

/// Answers `list-resources`.
///
/// # Errors
/// None.
pub fn list_resources(
    resources: &[ResourceDefinition],
    lists: Option<CacheHint>,
) -> Result<Vec<ResourceEntry>, Failure> {
    report_panics();
    let entry = |resource: &ResourceDefinition| {
        let Address::Uri(uri) = resource.address else {
            return None;
        };
        Some(ResourceEntry {
            uri: uri.into(),
            name: resource.name.into(),
            title: resource.title.map(Into::into),
            description: resource.description.map(Into::into),
            mime_type: resource.mime_type.map(Into::into),
            size: resource.size,
            annotations: resource.hints.to_annotations(),
            icons: resource.icons.map(Into::into),
            meta: marked(resource.meta, lists),
        })
    };
    Ok(resources.iter().filter_map(entry).collect())
}

/// Answers `list-resource-templates`.
///
/// # Errors
/// None.
pub fn list_resource_templates(
    resources: &[ResourceDefinition],
    lists: Option<CacheHint>,
) -> Result<Vec<ResourceTemplate>, Failure> {
    report_panics();
    let entry = |resource: &ResourceDefinition| {
        let Address::Template(template, _) = resource.address else {
            return None;
        };
        Some(ResourceTemplate {
            uri_template: template.into(),
            name: resource.name.into(),
            title: resource.title.map(Into::into),
            description: resource.description.map(Into::into),
            mime_type: resource.mime_type.map(Into::into),
            annotations: resource.hints.to_annotations(),
            icons: resource.icons.map(Into::into),
            meta: marked(resource.meta, lists),
        })
    };
    Ok(resources.iter().filter_map(entry).collect())
}

/// Answers `read-resource`. An exact address comes before every family, and
/// families come in the order of the plugin.
///
/// # Errors
/// If nothing is there, or the variables don't fit.
pub fn read_resource(
    resources: &[ResourceDefinition],
    uri: &str,
    context: CallContext,
) -> Result<ResourceOutcome, Failure> {
    report_panics();
    let exact = resources
        .iter()
        .find(|resource| matches!(resource.address, Address::Uri(known) if known == uri));
    let found = exact.map(|resource| (resource, Vec::new())).or_else(|| {
        resources
            .iter()
            .find_map(|resource| match resource.address {
                Address::Template(_, parts) => Some((resource, template::variables(parts, uri)?)),
                Address::Uri(_) => None,
            })
    });
    let Some((resource, variables)) = found else {
        return Err(Failure::NotFound(format!("no resource is at `{uri}`")));
    };
    let requested = Requested {
        uri,
        mime_type: resource.mime_type,
    };
    match (resource.read)(&requested, &variables, &Context::new(context)) {
        Ok(contents) => Ok(ResourceOutcome::Complete((contents, resource.cache))),
        Err(error) => error.into_questions().map(ResourceOutcome::InputRequired),
    }
}

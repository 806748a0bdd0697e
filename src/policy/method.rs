//! The method table: who may call what, read from the descriptors. A method that is not in it cannot be called.

use std::collections::HashMap;

use prost_reflect::{DescriptorPool, DynamicMessage, ExtensionDescriptor, MethodDescriptor};

use crate::{
    domain::{
        Error, Result,
        caller::{Credential, Principal},
        permission::Permission,
    },
    port::access::Authenticated,
};

/// The option that carries the policy of a method.
const POLICY: &str = "veza.policy.v1.policy";

/// One method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Method {
    /// Its place in the table, and in the metrics.
    pub index: usize,
    /// Its name, as `veza.user.v1.UserService/GetUser`.
    pub name: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The kind of budget that calls are counted against.
    pub rate: Rate,
    /// What calls of it cost.
    pub load: Load,
    /// Whether the caller must have proved lately who they are.
    pub needs_fresh_proof: bool,
    /// What an API key must hold, one of these; none where no API key may call it.
    pub api_key: Option<KeyAccess>,
    /// What it is called in the audit log: its action, or its name where it changes nothing.
    pub action: &'static str,
}

/// The kind of budget that calls of a method are counted against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rate {
    /// That of whoever calls.
    Default,
    /// That of signing in.
    SignIn,
    /// That of asking about tokens, for those who may.
    Validation,
}

/// What calls of a method cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// A place among the calls in progress, until the answer is out.
    Call,
    /// A place among the streams, for as long as the client listens.
    Stream,
    /// Nothing that is worth counting: whether the server is alive must be answered under any load.
    Probe,
}

/// A method of another service that anyone may call.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    /// Its name, as `grpc.health.v1.Health/Check`.
    pub name: &'static str,
    /// What calls of it cost.
    pub load: Load,
}

/// Who may call a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone.
    Public,
    /// Anyone who is signed in. What they may do with what they do not own is for the service to decide.
    Authenticated,
    /// Holders of this permission.
    Permission(Permission),
}

/// What an API key must hold for a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyAccess {
    /// The permission that lets it call.
    pub permission: Permission,
    /// The one that lets it do so to anybody's, where the method is about what somebody owns.
    pub any: Option<Permission>,
}

/// Every method that can be called.
pub struct Methods {
    by_path: HashMap<&'static str, Method>,
}

impl Methods {
    /// The methods of a contract, and `open` ones of other services.
    ///
    /// # Errors
    /// A sentence that names the first method whose policy is missing or cannot be honoured.
    pub fn read(pool: &DescriptorPool, open: &[Open]) -> std::result::Result<Self, String> {
        let extension = pool.get_extension_by_name(POLICY).ok_or("the contract has no policies")?;
        let mut table = Self { by_path: HashMap::new() };
        for method in pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()) {
            let name = format!("{}/{}", method.parent_service().full_name(), method.name());
            let terms = terms(&extension, &method)
                .ok_or_else(|| format!("{name} has no policy that can be honoured"))?;
            let load = if method.is_server_streaming() { Load::Stream } else { Load::Call };
            table.add(&name, terms, load);
        }
        for method in open {
            table.add(method.name, Terms::default(), method.load);
        }
        Ok(table)
    }

    fn add(&mut self, name: &str, terms: Terms, load: Load) {
        // Names live as long as the process: they label metrics and log lines.
        let path: &'static str = Box::leak(format!("/{name}").into_boxed_str());
        let (index, name) = (self.by_path.len(), &path[1..]);
        let action: &'static str = Box::leak(terms.action.into_boxed_str());
        let action = if action.is_empty() { name } else { action };
        let Terms { access, rate, needs_fresh_proof, api_key, .. } = terms;
        let method = Method { index, name, access, rate, load, needs_fresh_proof, api_key, action };
        self.by_path.insert(path, method);
    }

    /// The method at a gRPC path.
    #[must_use]
    pub fn resolve(&self, path: &str) -> Option<&Method> {
        self.by_path.get(path)
    }

    /// The names of all methods, in the order of their places.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        let mut methods: Vec<_> = self.by_path.values().collect();
        methods.sort_by_key(|method| method.index);
        methods.into_iter().map(|method| method.name).collect()
    }
}

impl Method {
    /// Whether anyone may call it.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.access == Access::Public
    }

    /// Lets the caller pass, or says why not.
    ///
    /// # Errors
    /// `MissingToken`, `ApiKeyNotAllowed`, `PermissionDenied` or `ReauthenticationRequired`.
    pub fn authorize(&self, found: Option<&Authenticated>) -> Result<()> {
        let principal = found.map(|found| &*found.principal);
        if let Some(principal) = principal.filter(|_| !self.is_public()) {
            self.permit_key(principal)?;
        }
        self.permit(principal)?;
        if self.needs_fresh_proof && found.is_some_and(|found| !found.principal.is_fresh(found.now))
        {
            return Err(Error::ReauthenticationRequired);
        }
        Ok(())
    }

    /// A key does only what it was made for, which it must hold also where its owner could do without.
    fn permit_key(&self, principal: &Principal) -> Result<()> {
        let Credential::ApiKey { .. } = principal.credential else { return Ok(()) };
        let KeyAccess { permission, any } = self.api_key.ok_or(Error::ApiKeyNotAllowed)?;
        let held = principal.permissions;
        if held.has(permission) || any.is_some_and(|any| held.has(any)) {
            return Ok(());
        }
        Err(Error::PermissionDenied { permission: permission.name() })
    }

    /// Lets those pass who may ever call, fresh or not.
    pub(super) fn permit(&self, principal: Option<&Principal>) -> Result<()> {
        match (self.access, principal) {
            (Access::Public, _) | (Access::Authenticated, Some(_)) => Ok(()),
            (_, None) => Err(Error::MissingToken),
            (Access::Permission(permission), Some(principal)) => {
                if principal.permissions.has(permission) {
                    return Ok(());
                }
                Err(Error::PermissionDenied { permission: permission.name() })
            }
        }
    }
}

/// What the policy option of a method says.
struct Terms {
    access: Access,
    rate: Rate,
    needs_fresh_proof: bool,
    api_key: Option<KeyAccess>,
    action: String,
}

impl Default for Terms {
    /// Of a method that anyone may call and that changes nothing.
    fn default() -> Self {
        Self {
            access: Access::Public,
            rate: Rate::Default,
            needs_fresh_proof: false,
            api_key: None,
            action: String::new(),
        }
    }
}

fn terms(extension: &ExtensionDescriptor, method: &MethodDescriptor) -> Option<Terms> {
    let options = method.options();
    let policy = options.get_extension(extension);
    let policy = policy.as_message()?;
    let permission = policy.get_field_by_name("permission")?;
    let permission = || Permission::from_name(permission.as_str()?);
    let access = value_name(policy, "access")?;
    let any = if access == "ACCESS_OWNER" { permission() } else { None };
    let access = match access.as_str() {
        "ACCESS_PUBLIC" => Access::Public,
        "ACCESS_AUTHENTICATED" => Access::Authenticated,
        "ACCESS_PERMISSION" => Access::Permission(permission()?),
        // The service lets owners pass without it; a name that means nothing is still a mistake.
        "ACCESS_OWNER" => permission().map(|_| Access::Authenticated)?,
        _ => return None,
    };
    let rate = match value_name(policy, "rate_class")?.as_str() {
        "RATE_CLASS_UNSPECIFIED" | "RATE_CLASS_DEFAULT" => Rate::Default,
        "RATE_CLASS_SIGN_IN" => Rate::SignIn,
        "RATE_CLASS_VALIDATION" => Rate::Validation,
        _ => return None,
    };
    let needs_fresh_proof = policy.get_field_by_name("fresh")?.as_bool()?;
    let api_key = match policy.get_field_by_name("api_key_permission")?.as_str()? {
        "" => None,
        name => Some(KeyAccess { permission: Permission::from_name(name)?, any }),
    };
    let action = policy.get_field_by_name("audit_action")?.as_str()?.to_owned();
    Some(Terms { access, rate, needs_fresh_proof, api_key, action })
}

/// The name of an enum field's value.
fn value_name(message: &DynamicMessage, field: &str) -> Option<String> {
    let value = message.get_field_by_name(field)?.as_enum_number()?;
    let field = prost_reflect::ReflectMessage::descriptor(message).get_field_by_name(field)?;
    let kind = field.kind();
    kind.as_enum()?.get_value(value).map(|value| value.name().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    #[test]
    fn authz_01_every_method_of_the_contract_has_a_policy() {
        let open = [Open { name: "grpc.health.v1.Health/Check", load: Load::Probe }];
        let methods = Methods::read(&contract::POOL, &open).unwrap();
        let in_contract: usize = contract::POOL.services().map(|s| s.methods().count()).sum();
        assert_eq!(methods.names().len(), in_contract + 1);
        assert!(methods.resolve("/veza.user.v1.UserService/GetUser").is_some());
        assert!(methods.resolve("/veza.user.v1.UserService/getuser").is_none());
        assert!(methods.resolve("veza.user.v1.UserService/GetUser").is_none());
    }
}

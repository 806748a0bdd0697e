//! Compiles the contract: proto files to descriptors and services, and refuses a method that is not fit to be served.

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use gateway::check::Check;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, ReflectMessage};
use protox::Compiler;

/// The option that every method must carry.
const POLICY: &str = "veza.policy.v1.policy";

#[expect(clippy::disallowed_methods, reason = "cargo says in the environment where to write")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let files = proto_files(Path::new("proto/veza"))?;
    let mut compiler = Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(files)?;
    refuse_unfit(&compiler.descriptor_pool())?;

    // Encoded by the compiler, because prost's own types would drop the options.
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;

    let mut config = prost_build::Config::new();
    config.enable_type_names();
    // Options are read from the descriptors: no code is made of the messages that declare them.
    for options in [".google.api", ".buf.validate", ".veza.policy"] {
        config.extern_path(options, "::options");
    }
    tonic_prost_build::configure()
        .build_client(false)
        .codec_path("crate::rpc::codec::Codec")
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}

/// Fails with every reason why the contract cannot be served.
fn refuse_unfit(pool: &DescriptorPool) -> Result<(), String> {
    let check = Check::new(pool).grpc_only(|method| is_grpc_only(pool, method));
    let rules = check.run().err().unwrap_or_default();
    let methods = pool.services().flat_map(|service| service.methods().collect::<Vec<_>>());
    let policies = methods.filter_map(|method| {
        let problem = policy_problem(pool, &method)?;
        Some(format!("{}: {problem}", method.full_name()))
    });
    let problems: Vec<_> = rules.iter().map(ToString::to_string).chain(policies).collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(format!("the contract in proto/ is not fit:\n  {}", problems.join("\n  ")))
}

/// What is wrong with the policy of a method. A policy that cannot be read is wrong, too.
fn policy_problem(pool: &DescriptorPool, method: &MethodDescriptor) -> Option<&'static str> {
    let Some(extension) = pool.get_extension_by_name(POLICY) else {
        return Some("no file declares the option (veza.policy.v1.policy)");
    };
    let options = method.options();
    if !options.has_extension(&extension) {
        return Some("it has no policy; say who may call it with option (veza.policy.v1.policy)");
    }
    let value = options.get_extension(&extension);
    let Some((access, permission)) = value.as_message().and_then(access_and_permission) else {
        return Some("its policy cannot be read");
    };
    if let Some(problem) = value.as_message().and_then(|policy| key_problem(policy, &access)) {
        return Some(problem);
    }
    let permission_needed = matches!(access.as_str(), "ACCESS_PERMISSION" | "ACCESS_OWNER");
    match (access.as_str(), permission_needed, permission.is_empty()) {
        ("ACCESS_UNSPECIFIED", ..) => Some("its policy does not say who has access"),
        (_, true, true) => Some("its policy names no permission"),
        (_, false, false) => Some("its policy names a permission that its access does not use"),
        _ => None,
    }
}

/// What is wrong with what the policy of a method says about API keys.
fn key_problem(policy: &DynamicMessage, access: &str) -> Option<&'static str> {
    let text = |name: &str| Some(policy.get_field_by_name(name)?.as_str()?.to_owned());
    let key = text("api_key_permission").filter(|permission| !permission.is_empty())?;
    let fresh = policy.get_field_by_name("fresh")?.as_bool()?;
    match access {
        _ if fresh => Some("its policy asks for a fresh proof, which no API key can give"),
        "ACCESS_PUBLIC" => Some("its policy asks a permission of API keys, but lets anyone call"),
        "ACCESS_PERMISSION" if text("permission")? != key => {
            Some("its policy asks another permission of API keys than of everybody else")
        }
        _ => None,
    }
}

/// Whether the policy of a method says that it has no HTTP rule on purpose.
fn is_grpc_only(pool: &DescriptorPool, method: &MethodDescriptor) -> bool {
    let Some(extension) = pool.get_extension_by_name(POLICY) else { return false };
    let options = method.options();
    let policy = options.get_extension(&extension);
    let said = policy.as_message().and_then(|policy| policy.get_field_by_name("grpc_only"));
    said.is_some_and(|said| said.as_bool() == Some(true))
}

fn access_and_permission(policy: &DynamicMessage) -> Option<(String, String)> {
    let number = policy.get_field_by_name("access")?.as_enum_number()?;
    let kind = policy.descriptor().get_field_by_name("access")?.kind();
    let access = kind.as_enum()?.get_value(number)?.name().to_owned();
    Some((access, policy.get_field_by_name("permission")?.as_str()?.to_owned()))
}

/// Every proto file below a folder, sorted so that builds repeat.
fn proto_files(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(proto_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            files.push(path.strip_prefix("proto")?.to_owned());
        }
    }
    files.sort();
    Ok(files)
}

//! `veza.meta.v1.MetaService`.

use std::collections::BTreeMap;

use tonic::{Request, Response, Status};

use super::{
    proto::meta::v1::{self as proto, meta_service_server},
    status,
};
use crate::domain::reason::Reason;

/// The service.
pub struct Meta {
    /// What there is to know of this server.
    pub info: proto::ServerInfo,
}

#[tonic::async_trait]
impl meta_service_server::MetaService for Meta {
    async fn list_error_reasons(
        &self,
        _: Request<proto::ListErrorReasonsRequest>,
    ) -> Result<Response<proto::ListErrorReasonsResponse>, Status> {
        Ok(Response::new(proto::ListErrorReasonsResponse { error_reasons: error_reasons() }))
    }

    async fn get_server_info(
        &self,
        _: Request<proto::GetServerInfoRequest>,
    ) -> Result<Response<proto::GetServerInfoResponse>, Status> {
        Ok(Response::new(proto::GetServerInfoResponse { info: Some(self.info.clone()) }))
    }
}

/// Those of the services, and those of the gateway, which knows the status of HTTP better where it has the same one.
fn error_reasons() -> Vec<proto::ErrorReason> {
    let own = Reason::ALL.into_iter().map(|reason| {
        let code = status::code(reason);
        (
            reason.name(),
            i32::from(code),
            gateway::http_status(code.into()),
            reason.meaning(),
            reason.remedy(),
        )
    });
    let gateways = gateway::Reason::ALL.iter().map(|reason| {
        (reason.name(), reason.code(), reason.http_status(), reason.meaning(), reason.remedy())
    });
    let mut shown = BTreeMap::new();
    for (reason, code, http_status, meaning, remedy) in own.chain(gateways) {
        let shown = shown.entry(reason).or_insert_with(|| proto::ErrorReason {
            reason: reason.to_owned(),
            code: gateway::code_name(code).to_owned(),
            meaning: meaning.to_owned(),
            remedy: remedy.to_owned(),
            ..proto::ErrorReason::default()
        });
        shown.http_status = http_status.as_u16().into();
    }
    shown.into_values().collect()
}

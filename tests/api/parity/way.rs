//! The ways in which a call can come in: a transport, a version of HTTP, and one of the method's HTTP rules.

use http::Version;

use crate::support::{
    client::{Call, Client, Transport},
    contract::{self, bindings},
    grpc,
    reply::Reply,
    rest,
};

/// A way in which a call can come in.
#[derive(Debug, Clone, Copy)]
pub struct Way {
    /// The transport.
    pub transport: Transport,
    /// Which of a method's HTTP rules is used by REST, where it has so many.
    pub rule: usize,
    version: Version,
}

/// Every way there is.
pub const WAYS: [Way; 8] = [
    way(Transport::Grpc, Version::HTTP_2, 0),
    way(Transport::GrpcWeb, Version::HTTP_11, 0),
    way(Transport::GrpcWeb, Version::HTTP_2, 0),
    way(Transport::GrpcWebText, Version::HTTP_11, 0),
    way(Transport::GrpcWebText, Version::HTTP_2, 0),
    way(Transport::Rest, Version::HTTP_11, 0),
    way(Transport::Rest, Version::HTTP_11, 1),
    way(Transport::Rest, Version::HTTP_2, 0),
];

const fn way(transport: Transport, version: Version, rule: usize) -> Way {
    Way { transport, rule, version }
}

impl Way {
    /// Makes a call. A call that names a verb uses the rule with that verb, whatever the way; what REST does not have is
    /// called by gRPC.
    pub async fn send(&self, client: &Client, call: &Call) -> Reply {
        let mut call = call.clone();
        let rules = bindings(&call.method);
        if self.transport == Transport::Rest && rules.is_empty() {
            return client.send(Transport::Grpc, &call).await;
        }
        let rule = rules.get(self.rule).or(rules.first());
        call.verb = call.verb.or(rule.map(|rule| rule.verb.clone()));
        match (self.transport, self.version) {
            (Transport::Rest, Version::HTTP_2) => {
                rest::reply(&call, client.http2(rest::request(&call)).await)
            }
            (transport @ (Transport::GrpcWeb | Transport::GrpcWebText), Version::HTTP_2) => {
                let answer = client.http2(grpc::request(transport, &call)).await;
                grpc::reply(transport, Some(&call.method), answer)
            }
            (transport, _) => client.send(transport, &call).await,
        }
    }

    /// What the audit log calls the transport of a call.
    pub fn name(&self, method: &str) -> &'static str {
        match self.transport {
            Transport::Rest if bindings(&contract::method(method)).is_empty() => "grpc",
            Transport::Grpc => "grpc",
            Transport::GrpcWeb | Transport::GrpcWebText => "grpc_web",
            Transport::Rest => "rest",
        }
    }
}

//! The directory as a gRPC service, written as tonic's generator writes one.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use prost::Message;
use prost_reflect::DescriptorPool;
use tonic::Status;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use super::messages::{GetUserRequest, ListUsersRequest, User, UserList};
use crate::fixture;

pub const GET: &str = "/bench.directory.v1.Directory/GetUser";
pub const LIST: &str = "/bench.directory.v1.Directory/ListUsers";
pub const CREATE: &str = "/bench.directory.v1.Directory/CreateUser";

/// Answers every question with the same people.
#[derive(Clone)]
pub struct Directory {
    user: Arc<User>,
    list: Arc<UserList>,
}

impl Directory {
    /// The user of the fixture, and a list of 50.
    pub fn new(pool: &DescriptorPool) -> Result<Self, Box<dyn Error>> {
        let user = fixture::wire(pool, "bench.directory.v1.User", fixture::USER)?;
        let list = fixture::wire(pool, "bench.directory.v1.UserList", &fixture::list(50))?;
        let (user, list) = (User::decode(user.as_slice())?, UserList::decode(list.as_slice())?);
        Ok(Self { user: Arc::new(user), list: Arc::new(list) })
    }

    pub fn user(&self) -> &User {
        &self.user
    }
}

impl<B> Service<Request<B>> for Directory
where
    B: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Self { user, list } = self.clone();
        match request.uri().path() {
            GET => Box::pin(async move {
                let get = service_fn(|_: tonic::Request<GetUserRequest>| {
                    let user = User::clone(&user);
                    async move { Ok::<_, Status>(tonic::Response::new(user)) }
                });
                Ok(Grpc::new(ProstCodec::<User, _>::default()).unary(get, request).await)
            }),
            LIST => Box::pin(async move {
                let page = service_fn(|_: tonic::Request<ListUsersRequest>| {
                    let list = UserList::clone(&list);
                    async move { Ok::<_, Status>(tonic::Response::new(list)) }
                });
                Ok(Grpc::new(ProstCodec::<UserList, _>::default()).unary(page, request).await)
            }),
            CREATE => Box::pin(async move {
                let create = service_fn(|request: tonic::Request<User>| async move {
                    Ok::<_, Status>(tonic::Response::new(request.into_inner()))
                });
                Ok(Grpc::new(ProstCodec::<User, _>::default()).unary(create, request).await)
            }),
            _ => Box::pin(async { Ok(Status::unimplemented("").into_http()) }),
        }
    }
}

//! The directory as a service of tonic, which all but the bare handler stand before.

use std::error::Error;
use std::sync::Arc;

use pbjson_types::Empty;
use prost::Message;
use prost_reflect::DescriptorPool;
use tonic::{Request, Response, Status};

use crate::bench::directory::v1::directory_server::Directory;
use crate::bench::directory::v1::{Annotation, GetUserRequest, ListUsersRequest, User, UserList};
use crate::{DESCRIPTOR_SET, fixture};

/// Answers every question with the same people.
#[derive(Clone)]
pub struct People {
    user: Arc<User>,
    list: Arc<UserList>,
}

impl People {
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let pool = DescriptorPool::decode(DESCRIPTOR_SET)?;
        let user = fixture::wire(&pool, "bench.directory.v1.User", fixture::USER)?;
        let list = fixture::wire(&pool, "bench.directory.v1.UserList", &fixture::list(50))?;
        let (user, list) = (User::decode(user.as_slice())?, UserList::decode(list.as_slice())?);
        Ok(Self { user: Arc::new(user), list: Arc::new(list) })
    }
}

#[tonic::async_trait]
impl Directory for People {
    async fn get_user(&self, _: Request<GetUserRequest>) -> Result<Response<User>, Status> {
        Ok(Response::new(User::clone(&self.user)))
    }

    async fn list_users(&self, _: Request<ListUsersRequest>) -> Result<Response<UserList>, Status> {
        Ok(Response::new(UserList::clone(&self.list)))
    }

    async fn create_user(&self, request: Request<User>) -> Result<Response<User>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn create_users(&self, request: Request<UserList>) -> Result<Response<UserList>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn ping(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn annotate(&self, _: Request<Annotation>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }
}

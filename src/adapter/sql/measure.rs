//! A connection on which one query is made, and measured under its name.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures::{Stream, future::BoxFuture, stream::BoxStream};
use sqlx::{Database, Either, Execute, Executor, SqlStr};

use super::{super::Db, Connection, Row};
use crate::adapter::sql::{
    metrics::{Metrics, Timer},
    query::Query,
};

/// What runs a query.
pub struct Measured<'c> {
    connection: &'c mut Connection,
    metrics: &'c Metrics,
    query: Query,
}

impl<'c> Measured<'c> {
    pub fn new(connection: &'c mut Connection, metrics: &'c Metrics, query: Query) -> Self {
        Self { connection, metrics, query }
    }
}

type Done = <Db as Database>::QueryResult;

impl<'c> Executor<'c> for Measured<'c> {
    type Database = Db;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<Done, Row>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Db>,
    {
        let timer = self.metrics.time(self.query);
        Box::pin(Timed { rows: self.connection.fetch_many(query), _timer: timer })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<Row>>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Db>,
    {
        let timer = self.metrics.time(self.query);
        let row = self.connection.fetch_optional(query);
        Box::pin(async move {
            let _timer = timer;
            row.await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [<Db as Database>::TypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<<Db as Database>::Statement>>
    where
        'c: 'e,
    {
        self.connection.prepare_with(sql, parameters)
    }
}

impl fmt::Debug for Measured<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Measured").field(&self.query).finish()
    }
}

/// Rows that are timed until they are all there.
struct Timed<'e, 'c> {
    rows: BoxStream<'e, sqlx::Result<Either<Done, Row>>>,
    _timer: Timer<'c>,
}

impl Stream for Timed<'_, '_> {
    type Item = sqlx::Result<Either<Done, Row>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.rows.as_mut().poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

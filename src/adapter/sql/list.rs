//! Builds the query of one page of a list: only static fragments and bound values can get into it.

use sqlx::{Encode, QueryBuilder, Type};

use super::{super::Db, Measured, Row};
use crate::domain::{
    Result,
    page::{Cursor, OrderKey, Page, PageQuery},
    text::fold,
};

pub struct List(QueryBuilder<Db>);

impl List {
    /// A list of everything that the query finds; it ends in a condition.
    pub fn of(select: &'static str) -> Self {
        Self(QueryBuilder::new(select))
    }

    /// Only what has this value, if one is given; the fragment ends in what the value is compared with, as `state =`.
    pub fn only<'v, T>(&mut self, condition: &'static str, value: Option<T>) -> &mut Self
    where
        T: Encode<'v, Db> + Type<Db>,
    {
        if let Some(value) = value {
            self.0.push(" AND ").push(condition).push(" ").push_bind(value);
        }
        self
    }

    /// Only what has this text in a folded column, if one is given.
    pub fn containing(&mut self, column: &'static str, text: Option<&str>) -> &mut Self {
        if let Some(text) = text {
            self.0.push(" AND ").push(column).push(" LIKE ").push_bind(pattern(text));
            self.0.push(r" ESCAPE '\'");
        }
        self
    }

    /// Only what everybody may see and, if a value is given, what fits it; `others` is what stands before and after the
    /// value.
    pub fn visible<'v, T>(
        &mut self,
        public: &'static str,
        others: (&'static str, &'static str),
        value: Option<T>,
    ) -> &mut Self
    where
        T: Encode<'v, Db> + Type<Db>,
    {
        self.0.push(" AND (").push(public);
        if let Some(value) = value {
            self.0.push(" OR ").push(others.0).push_bind(value).push(others.1);
        }
        self.0.push(")");
        self
    }

    /// The page; `name` is the folded column that [`OrderKey::Name`] stands for, and `position` where an item is.
    pub async fn page<T: Send + Unpin>(
        &mut self,
        name: &'static str,
        query: &PageQuery,
        on: Measured<'_>,
        map: fn(&Row) -> sqlx::Result<T>,
        position: fn(&T) -> Cursor,
    ) -> Result<Page<T>> {
        self.push_order(name, query);
        // One more than asked for tells whether there is another page.
        self.0.push(" LIMIT ").push_bind(query.limit.saturating_add(1));
        let mut items = self.0.build().try_map(|row| map(&row)).fetch_all(on).await?;
        let limit = usize::try_from(query.limit).unwrap_or(0);
        let has_more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| has_more).map(position).map(|mut cursor| {
            if query.order.key == OrderKey::CreateTime {
                cursor.name.clear();
            }
            cursor
        });
        Ok(Page { items, next })
    }

    fn push_order(&mut self, name: &'static str, query: &PageQuery) {
        let by_name = query.order.key == OrderKey::Name;
        if let Some(after) = &query.after {
            let beyond = if query.order.descending { " < " } else { " > " };
            if by_name {
                self.0.push(" AND (").push(name).push(", id)").push(beyond).push("(");
                self.0.push_bind(after.name.clone()).push(", ").push_bind(after.id).push(")");
            } else {
                self.0.push(" AND id").push(beyond).push_bind(after.id);
            }
        }
        let direction = if query.order.descending { " DESC" } else { "" };
        self.0.push(" ORDER BY ");
        if by_name {
            self.0.push(name).push(direction).push(", ");
        }
        self.0.push("id").push(direction);
    }
}

/// The LIKE pattern that finds a text anywhere.
fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for character in fold(text).chars() {
        if matches!(character, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('%');
    pattern
}

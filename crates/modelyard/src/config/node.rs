//! Typed reading of a table that was checked against its section.
//!
//! What has the wrong type was reported by that check and reads as absent here. Asking for a key
//! that the table of keys does not have is a mistake of the program.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::problem::Span;
use super::shape::{Others, Section, Shape};
use super::value;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) span: Span,
}

/// A table of the file with its dotted name.
#[derive(Clone)]
pub(crate) struct Node<'a> {
    pub(crate) section: &'static Section,
    table: &'a DeTable<'a>,
    /// Of the table: where something missing is reported.
    pub(crate) span: Span,
    pub(crate) path: String,
}

/// An entry of the user's naming.
pub(crate) struct Entry<'a> {
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) value: &'a Spanned<DeValue<'a>>,
    /// Where the value is a table, and may be one.
    pub(crate) node: Option<Node<'a>>,
}

impl<'a> Node<'a> {
    pub(crate) fn root(section: &'static Section, table: &'a DeTable<'a>) -> Self {
        Self { section, table, span: 0..0, path: String::new() }
    }

    pub(crate) fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        debug_assert!(self.section.key(key).is_some(), "`{key}` is not in the table of keys");
        self.table.get(key)
    }

    /// Where the key itself stands, else the table.
    pub(crate) fn key_span(&self, key: &str) -> Span {
        self.table.get_key_value(key).map_or_else(|| self.span.clone(), |(key, _)| key.span())
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Whether the key is absent by intent: neither there nor misspelt.
    pub(crate) fn lacks(&self, key: &str) -> bool {
        !self.has(key) && !self.section.misspells(self.table, key)
    }

    pub(crate) fn node(&self, key: &str) -> Option<Self> {
        let section = self.section.key(key)?.shape.section()?;
        let value = self.get(key)?;
        let table = value.get_ref().as_table()?;
        Some(Self { section, table, span: value.span(), path: self.below(key) })
    }

    /// The tables of a list; other items were reported.
    pub(crate) fn nodes(&self, key: &str) -> Vec<Self> {
        let Some(Shape::List(Shape::Table(section))) = self.section.key(key).map(|key| &key.shape) else {
            return Vec::new();
        };
        let items = self.get(key).and_then(|value| value.get_ref().as_array());
        let table = |item: &'a Spanned<DeValue<'a>>| {
            let table = item.get_ref().as_table()?;
            Some(Self { section, table, span: item.span(), path: self.below(key) })
        };
        items.into_iter().flat_map(|items| items.iter()).filter_map(table).collect()
    }

    /// The entries that are not among the section's keys.
    pub(crate) fn entries(&self) -> Vec<Entry<'a>> {
        let Others::Named(_, shape) = &self.section.others else { return Vec::new() };
        let own = self.table.iter().filter(|(key, _)| self.section.key(key.get_ref()).is_none());
        let mut entries: Vec<Entry<'a>> = own
            .map(|(key, value)| {
                let name = key.get_ref().to_string();
                let path = self.below(&name);
                let node = shape.section().zip(value.get_ref().as_table());
                let node = node.map(|(section, table)| Self { section, table, span: value.span(), path });
                Entry { name, name_span: key.span(), value, node }
            })
            .collect();
        entries.sort_by_key(|entry| entry.name_span.start);
        entries
    }

    pub(crate) fn text(&self, key: &str) -> Option<At<String>> {
        text(self.get(key)?)
    }

    pub(crate) fn flag(&self, key: &str) -> Option<At<bool>> {
        let value = self.get(key)?;
        Some(At { value: value.get_ref().as_bool()?, span: value.span() })
    }

    pub(crate) fn whole(&self, key: &str) -> Option<i64> {
        value::whole(self.get(key)?.get_ref())
    }

    /// A whole number that is not negative.
    pub(crate) fn count(&self, key: &str) -> Option<u64> {
        self.whole(key).and_then(|number| u64::try_from(number).ok())
    }

    pub(crate) fn number(&self, key: &str) -> Option<f64> {
        value::number(self.get(key)?.get_ref())
    }

    /// Numbers of a list; other items were reported.
    pub(crate) fn numbers(&self, key: &str) -> Option<Vec<f64>> {
        let items = self.get(key)?.get_ref().as_array()?;
        Some(items.iter().filter_map(|item| value::number(item.get_ref())).collect())
    }

    /// Texts of a list; other items were reported.
    pub(crate) fn texts(&self, key: &str) -> Option<Vec<At<String>>> {
        Some(self.get(key)?.get_ref().as_array()?.iter().filter_map(text).collect())
    }

    /// Scalars of a list, as text.
    pub(crate) fn scalars(&self, key: &str) -> Option<Vec<At<String>>> {
        let items = self.get(key)?.get_ref().as_array()?;
        let scalar = |item: &Spanned<DeValue<'_>>| {
            Some(At { value: value::scalar_text(item.get_ref())?, span: item.span() })
        };
        Some(items.iter().filter_map(scalar).collect())
    }

    fn below(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

fn text(value: &Spanned<DeValue<'_>>) -> Option<At<String>> {
    Some(At { value: value.get_ref().as_str()?.to_owned(), span: value.span() })
}

/// The values without their places.
pub(crate) fn plain<T>(items: Vec<At<T>>) -> Vec<T> {
    items.into_iter().map(|item| item.value).collect()
}

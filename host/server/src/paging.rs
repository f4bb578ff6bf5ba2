//! Pages of a list, and the cursors between them.
//!
//! It owns what a cursor says: the last item of the page before, so that it
//! stays good when plugins come and go. It never renders an item.

use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::plugin_entry::Handler;

/// A page: which items, and where the next begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) items: Range<usize>,
    pub(crate) next: Option<String>,
}

/// A cursor that this host didn't give out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadCursor;

/// The page that begins after `cursor`, or the first. `size` is at least 1.
///
/// # Errors
/// [`BadCursor`] if the cursor is none of ours.
pub(crate) fn page(
    handlers: &[&Handler],
    cursor: Option<&str>,
    size: usize,
) -> Result<Page, BadCursor> {
    let key = |handler: &&Handler| (handler.core.name.clone(), handler.name.clone());
    page_of(handlers, key, cursor, size)
}

fn page_of<T>(
    items: &[T],
    key: impl Fn(&T) -> (String, String),
    cursor: Option<&str>,
    size: usize,
) -> Result<Page, BadCursor> {
    let start = match cursor {
        None => 0,
        Some(cursor) => after(items, &key, &decode(cursor)?),
    };
    let end = items.len().min(start.saturating_add(size));
    let next = (end < items.len()).then(|| encode(&key(&items[end - 1])));
    Ok(Page {
        items: start..end,
        next,
    })
}

/// Where to go on. If the last item has gone meanwhile, its plugin is told
/// again: an item twice is better than an item lost.
fn after<T>(items: &[T], key: &impl Fn(&T) -> (String, String), last: &(String, String)) -> usize {
    match items.iter().position(|item| key(item) == *last) {
        Some(position) => position + 1,
        None => items
            .iter()
            .position(|item| key(item).0 >= last.0)
            .unwrap_or(items.len()),
    }
}

fn encode((plugin, name): &(String, String)) -> String {
    URL_SAFE_NO_PAD.encode(format!("1\n{plugin}\n{name}"))
}

fn decode(cursor: &str) -> Result<(String, String), BadCursor> {
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| BadCursor)?;
    let text = String::from_utf8(bytes).map_err(|_| BadCursor)?;
    let mut parts = text.splitn(3, '\n');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("1"), Some(plugin), Some(name)) => Ok((plugin.to_owned(), name.to_owned())),
        _ => Err(BadCursor),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Item = (&'static str, &'static str);

    fn pages(items: &[Item], later: &[Item], size: usize) -> Vec<Item> {
        let key = |item: &Item| (item.0.to_owned(), item.1.to_owned());
        let first = page_of(items, key, None, size).unwrap();
        let mut seen = items[first.items].to_vec();
        let mut next = first.next;
        while let Some(cursor) = next {
            let page = page_of(later, key, Some(&cursor), size).unwrap();
            seen.extend_from_slice(&later[page.items]);
            next = page.next;
        }
        seen
    }

    const ALL: [Item; 5] = [("a", "1"), ("a", "2"), ("b", "1"), ("b", "2"), ("c", "1")];

    #[test]
    fn pages_put_together_are_the_list() {
        for size in 1..7 {
            assert_eq!(pages(&ALL, &ALL, size), ALL, "{size}");
        }
        assert_eq!(pages(&[], &[], 3), []);
    }

    #[test]
    fn a_cursor_survives_a_reload() {
        let without_a2 = [("a", "1"), ("b", "1"), ("b", "2"), ("c", "1")];
        assert_eq!(
            pages(&ALL, &without_a2, 2),
            [
                ("a", "1"),
                ("a", "2"),
                ("a", "1"),
                ("b", "1"),
                ("b", "2"),
                ("c", "1")
            ]
        );
        let without_a = [("b", "1"), ("b", "2"), ("c", "1")];
        assert_eq!(pages(&ALL, &without_a, 2), ALL);
    }

    #[test]
    fn foreign_cursors_are_refused() {
        let key = |item: &Item| (item.0.to_owned(), item.1.to_owned());
        for bad in ["", "x", "!!", "Mgph", "MQph"] {
            assert_eq!(page_of(&ALL, key, Some(bad), 2), Err(BadCursor), "{bad}");
        }
    }
}

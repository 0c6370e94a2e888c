//! Graphs whose texts are normalised in a locale that this machine does not have.
//!
//! `StringNormalizer`, which exports of a TF-IDF begin with, names a locale, by default `en_US.UTF-8`; where
//! the system has none of that name the graph is not even loaded. Lower and upper case are the same in
//! `C.UTF-8`, which every Linux has, so a graph that can't be loaded as it is, is loaded with that. It is
//! changed in memory alone: the file, and so the package, stay what they are.

/// Field numbers of onnx.proto, and the type `STRING` of an attribute.
const MODEL_GRAPH: u64 = 7;
const GRAPH_NODE: u64 = 1;
const NODE_OP_TYPE: u64 = 4;
const NODE_ATTRIBUTE: u64 = 5;
const ATTRIBUTE_NAME: u64 = 1;
const ATTRIBUTE_TEXT: u64 = 4;
const ATTRIBUTE_GRAPH: u64 = 6;
const ATTRIBUTE_TYPE: u64 = 20;
const TYPE_STRING: u64 = 3;

/// As deep as graphs may lie in each other; ONNX Runtime loads none as deep.
const MOST_DEPTH: usize = 16;

/// `model` with every `StringNormalizer` in the locale `C.UTF-8`; `None` if it has none, or is no model.
pub(super) fn portable(model: &[u8]) -> Option<Vec<u8>> {
    let mut found = false;
    let changed = mapped(model, |number, field| match number {
        MODEL_GRAPH => graph(field, 0, &mut found).map(Some),
        _ => Some(None),
    })?;
    found.then_some(changed)
}

fn graph(message: &[u8], depth: usize, found: &mut bool) -> Option<Vec<u8>> {
    if depth > MOST_DEPTH {
        return None;
    }
    mapped(message, |number, field| match number {
        GRAPH_NODE => node(field, depth, found).map(Some),
        _ => Some(None),
    })
}

fn node(message: &[u8], depth: usize, found: &mut bool) -> Option<Vec<u8>> {
    if text(message, NODE_OP_TYPE)? != Some(b"StringNormalizer") {
        // Branches and loops have graphs of their own.
        return mapped(message, |number, field| match number {
            NODE_ATTRIBUTE => attribute(field, depth, found).map(Some),
            _ => Some(None),
        });
    }
    *found = true;
    let mut changed = mapped(message, |number, field| {
        let is_locale = number == NODE_ATTRIBUTE && text(field, ATTRIBUTE_NAME)? == Some(b"locale");
        Some(is_locale.then(Vec::new))
    })?;
    let mut locale = Vec::new();
    put(&mut locale, ATTRIBUTE_NAME, b"locale");
    put(&mut locale, ATTRIBUTE_TEXT, b"C.UTF-8");
    varint(&mut locale, ATTRIBUTE_TYPE << 3);
    varint(&mut locale, TYPE_STRING);
    put(&mut changed, NODE_ATTRIBUTE, &locale);
    Some(changed)
}

fn attribute(message: &[u8], depth: usize, found: &mut bool) -> Option<Vec<u8>> {
    mapped(message, |number, field| match number {
        ATTRIBUTE_GRAPH => graph(field, depth + 1, found).map(Some),
        _ => Some(None),
    })
}

/// `message` with its length-delimited fields changed by `change`: `Some(None)` keeps one, an empty text drops
/// it, `None` gives up. `None` as well if it is no message.
fn mapped(message: &[u8], mut change: impl FnMut(u64, &[u8]) -> Option<Option<Vec<u8>>>) -> Option<Vec<u8>> {
    let mut changed = Vec::with_capacity(message.len() + 64);
    let mut rest = message;
    while !rest.is_empty() {
        let whole = rest;
        let (number, content) = field(&mut rest)?;
        let kept = &whole[..whole.len() - rest.len()];
        match content.map(|content| change(number, content)) {
            Some(Some(Some(content))) if content.is_empty() => {}
            Some(Some(Some(content))) => put(&mut changed, number, &content),
            Some(None) => return None,
            Some(Some(None)) | None => changed.extend_from_slice(kept),
        }
    }
    Some(changed)
}

/// The last field `number` of `message`; `None` if it is no message.
fn text(message: &[u8], number: u64) -> Option<Option<&[u8]>> {
    let mut found = None;
    let mut rest = message;
    while !rest.is_empty() {
        match field(&mut rest)? {
            (of, Some(content)) if of == number => found = Some(content),
            _ => {}
        }
    }
    Some(found)
}

/// Takes a field off `rest`: its number, and its content where it has a length.
fn field<'a>(rest: &mut &'a [u8]) -> Option<(u64, Option<&'a [u8]>)> {
    let tag = take_varint(rest)?;
    let length = match tag & 7 {
        0 => {
            take_varint(rest)?;
            0
        }
        1 => 8,
        2 => usize::try_from(take_varint(rest)?).ok()?,
        5 => 4,
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some((tag >> 3, (tag & 7 == 2).then_some(content)))
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put(message: &mut Vec<u8>, number: u64, content: &[u8]) {
    varint(message, number << 3 | 2);
    varint(message, content.len() as u64);
    message.extend_from_slice(content);
}

fn varint(message: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u64, &[u8])]) -> Vec<u8> {
        let mut message = Vec::new();
        for (number, content) in fields {
            put(&mut message, *number, content);
        }
        message
    }

    #[test]
    fn the_locale_alone_is_changed_in_graphs_within_graphs_too() {
        let old = message(&[(ATTRIBUTE_NAME, b"locale"), (ATTRIBUTE_TEXT, b"en_US.UTF-8")]);
        let other = message(&[(ATTRIBUTE_NAME, b"case_change_action"), (ATTRIBUTE_TEXT, b"LOWER")]);
        let normalizer = |attributes: &[&[u8]]| {
            let fields = attributes.iter().map(|attribute| (NODE_ATTRIBUTE, *attribute));
            message(&[(NODE_OP_TYPE, &b"StringNormalizer"[..])].into_iter().chain(fields).collect::<Vec<_>>())
        };
        let model = |normalizer: &[u8]| {
            let branch = message(&[
                (ATTRIBUTE_NAME, b"then_branch"),
                (ATTRIBUTE_GRAPH, &message(&[(GRAPH_NODE, normalizer)])),
            ]);
            let branches = message(&[(NODE_OP_TYPE, b"If"), (NODE_ATTRIBUTE, &branch)]);
            message(&[
                (1, b"other"),
                (MODEL_GRAPH, &message(&[(GRAPH_NODE, normalizer), (GRAPH_NODE, &branches)])),
            ])
        };
        let mut new = message(&[(ATTRIBUTE_NAME, b"locale"), (ATTRIBUTE_TEXT, b"C.UTF-8")]);
        varint(&mut new, ATTRIBUTE_TYPE << 3);
        varint(&mut new, TYPE_STRING);
        let wanted = model(&normalizer(&[&other, &new]));
        assert_eq!(portable(&model(&normalizer(&[&old, &other]))), Some(wanted.clone()));
        assert_eq!(portable(&model(&normalizer(&[&other]))), Some(wanted));
    }

    #[test]
    fn what_needs_no_change_or_is_no_model_is_left_alone() {
        let graph = message(&[(GRAPH_NODE, &message(&[(NODE_OP_TYPE, b"Add")]))]);
        assert_eq!(portable(&message(&[(MODEL_GRAPH, &graph)])), None);
        for broken in [&b""[..], b"no graph at all", &[0xff; 20], &[MODEL_GRAPH as u8 * 8 + 2, 200, 1]] {
            assert_eq!(portable(broken), None);
        }
    }
}

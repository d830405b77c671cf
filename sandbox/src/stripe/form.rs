//! Stripe's bodies and queries: forms whose names have brackets, `line_items[0][price_data][currency]=usd`, `expand[]=charge`.
//!
//! Read into a JSON tree whose leaves are text: `[name]` is a member of an object, also when it is a number, and `[]` adds to a
//! list.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use serde_json::{Map, Value};

use super::refusal::Refusal;

const DEPTH_MAX: usize = 8;

/// A body as a tree.
pub(super) fn body(body: Result<Bytes, BytesRejection>) -> Result<Value, Refusal> {
    let body = body.map_err(|refused| Refusal::new(refused.status(), "The request body is too large."))?;
    tree(&body)
}

/// A query, without its question mark, as a tree.
pub(super) fn query(query: Option<&str>) -> Result<Value, Refusal> {
    tree(query.unwrap_or_default().as_bytes())
}

fn tree(form: &[u8]) -> Result<Value, Refusal> {
    let mut root = Value::Object(Map::new());
    for (name, value) in form_urlencoded::parse(form) {
        let invalid = || Refusal::param(name.clone(), format!("Invalid parameter name: {name}"));
        let path = path(&name).ok_or_else(invalid)?;
        insert(&mut root, &path, &value).ok_or_else(invalid)?;
    }
    Ok(root)
}

/// `a[b][]` is `a`, `b` and nothing.
fn path(name: &str) -> Option<Vec<&str>> {
    let (first, mut rest) = name.split_at(name.find('[').unwrap_or(name.len()));
    let mut path = vec![first];
    while !rest.is_empty() {
        let (part, after) = rest.strip_prefix('[')?.split_once(']')?;
        path.push(part);
        rest = after;
    }
    let named = !first.is_empty() && path.len() <= DEPTH_MAX;
    let last_only = path.iter().rev().skip(1).all(|part| !part.is_empty());
    (named && last_only).then_some(path)
}

fn insert(node: &mut Value, path: &[&str], text: &str) -> Option<()> {
    let leaf = || Value::String(text.to_owned());
    let Some((first, rest)) = path.split_first() else {
        *node = leaf();
        return Some(());
    };
    if first.is_empty() {
        if node.is_null() {
            *node = Value::Array(Vec::new());
        }
        node.as_array_mut()?.push(leaf());
        return Some(());
    }
    if node.is_null() {
        *node = Value::Object(Map::new());
    }
    insert(node.as_object_mut()?.entry(*first).or_insert(Value::Null), rest, text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn brackets_make_a_tree() {
        let form = "mode=payment&line_items[0][price_data][currency]=usd&line_items%5B0%5D%5Bquantity%5D=1&expand[]=a&expand[]=b.c&metadata[a+b]=%C3%A9";
        assert_eq!(
            query(Some(form)).unwrap(),
            json!({
                "mode": "payment",
                "line_items": {"0": {"price_data": {"currency": "usd"}, "quantity": "1"}},
                "expand": ["a", "b.c"],
                "metadata": {"a b": "é"},
            })
        );
        assert_eq!(query(None).unwrap(), json!({}));
    }

    #[test]
    fn names_that_make_no_sense_are_refused() {
        for bad in ["a[=1", "a[b=1", "[a]=1", "a]b[=1", "a[][b]=1", "a=1&a[b]=2", "a[b]=1&a[]=2", "a[b]c=1"] {
            assert!(query(Some(bad)).is_err(), "{bad}");
        }
        let deep = format!("a{}=1", "[b]".repeat(100));
        assert!(query(Some(&deep)).is_err());
    }
}

//! `expand[]`: whole objects in the place of their ids, along a path of names (docs.stripe.com/api/expanding_objects).

use serde_json::{Value, json};

use super::objects::by_id;
use super::refusal::Refusal;
use crate::payments::Payment;

const DEPTH_MAX: usize = 4;

/// `object`, about `payment`, with everything expanded that `asked` names.
pub(super) fn expanded(mut object: Value, payment: &Payment, asked: &Value) -> Result<Value, Refusal> {
    for path in asked["expand"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let names: Vec<&str> = path.split('.').collect();
        if names.len() > DEPTH_MAX {
            return Err(Refusal::param("expand", "You cannot expand more than 4 levels of a property"));
        }
        expand(&mut object, &names, payment)
            .ok_or_else(|| Refusal::param("expand", format!("This property cannot be expanded ({path}).")))?;
    }
    Ok(object)
}

/// What `asked` wants expanded in each object of a list: there the paths begin with `data`.
pub(super) fn in_lists(asked: &Value) -> Result<Value, Refusal> {
    let paths = asked["expand"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let inner = paths.map(|path| {
        let refuse = || Refusal::param("expand", format!("This property cannot be expanded ({path})."));
        path.strip_prefix("data.").ok_or_else(refuse)
    });
    Ok(json!({"expand": inner.collect::<Result<Vec<&str>, Refusal>>()?}))
}

/// `None`: a name is no property, or no id of anything.
fn expand(node: &mut Value, names: &[&str], payment: &Payment) -> Option<()> {
    let Some((first, rest)) = names.split_first() else { return Some(()) };
    let property = node.as_object_mut()?.get_mut(*first)?;
    if property.is_null() {
        return Some(());
    }
    if let Some(id) = property.as_str() {
        *property = by_id(payment, id)?;
    }
    expand(property, rest, payment)
}

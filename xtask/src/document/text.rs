//! Reads JSON and YAML. It detects the format from the text and not from the file name.

use serde_json::{Map, Number, Value};
use serde_yaml_ng::Value as Yaml;
use std::fmt;

/// The reason why a text is not a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The text ends in the middle of a JSON value.
    CutOff,
    /// The text begins like JSON but is not valid JSON.
    NotJson(String),
    /// The text is neither JSON nor YAML.
    Neither(String),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CutOff => f.write_str("is incomplete: its JSON ends too early"),
            Self::NotJson(error) => write!(f, "is not JSON: {error}"),
            Self::Neither(error) => write!(f, "is neither JSON nor YAML: {error}"),
        }
    }
}

/// Reads a JSON or YAML text. If the text is neither but begins with a brace or a bracket, the error is about JSON.
pub fn read(text: &str) -> Result<Value, Unreadable> {
    let json = match serde_json::from_str::<Value>(text) {
        Ok(value) => {
            // `whole_numbers` must not change the version.
            let version = value.get("openapi").cloned();
            let mut value = whole_numbers(value);
            if let (Some(openapi), Some(version)) = (value.get_mut("openapi"), version) {
                *openapi = version;
            }
            return Ok(value);
        }
        Err(error) => error,
    };
    yaml(text).map_err(|yaml| match text.trim_start().starts_with(['{', '[']) {
        true if json.is_eof() => Unreadable::CutOff,
        true => Unreadable::NotJson(json.to_string()),
        false => Unreadable::Neither(yaml),
    })
}

/// The maximum nesting depth of brackets in YAML. The time to parse them grows with the square of the depth.
const DEEPEST: usize = 2_000;

fn yaml(text: &str) -> Result<Value, String> {
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEEPEST {
            return Err(format!("it has more than {DEEPEST} open brackets"));
        }
    }
    let mut value: Yaml = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    // `<<: *base` is no longer part of YAML 1.2, but many documents use it.
    value.apply_merge().map_err(|error| error.to_string())?;
    let mut value = json(value, "")?;
    // Without quotes, YAML reads a version such as `3.1` as a number.
    for pointer in ["/openapi", "/swagger", "/info/version"] {
        if let Some(version @ Value::Number(_)) = value.pointer_mut(pointer) {
            *version = Value::String(version.to_string());
        }
    }
    match value {
        Value::Object(_) | Value::Array(_) => Ok(whole_numbers(value)),
        _ => Err("it is a single value, not an object or a list".to_owned()),
    }
}

fn json(value: Yaml, at: &str) -> Result<Value, String> {
    Ok(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(flag) => Value::Bool(flag),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => Value::Number(json_number(&number, at)?),
        Yaml::Sequence(list) => {
            let items = list.into_iter().enumerate();
            let items = items.map(|(index, item)| json(item, &format!("{at}/{index}")));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(map) => {
            let mut object = Map::new();
            for (key, value) in map {
                let key = json_key(key, at)?;
                let value = json(value, &format!("{at}/{}", super::escape(&key)))?;
                if object.insert(key.clone(), value).is_some() {
                    return Err(format!("{at}: has the key {key:?} twice"));
                }
            }
            Value::Object(object)
        }
        Yaml::Tagged(tagged) => json(tagged.value, at)?,
    })
}

fn json_number(number: &serde_yaml_ng::Number, at: &str) -> Result<Number, String> {
    let whole = number.as_i64().map(Number::from);
    let whole = whole.or_else(|| number.as_u64().map(Number::from));
    let any = whole.or_else(|| number.as_f64().and_then(Number::from_f64));
    any.ok_or_else(|| format!("{at}: {number} is a number that JSON does not have"))
}

/// Converts a YAML key to text, because statuses are often written without quotes: `200:`.
fn json_key(key: Yaml, at: &str) -> Result<String, String> {
    match key {
        Yaml::String(text) => Ok(text),
        Yaml::Number(number) => Ok(number.to_string()),
        Yaml::Bool(flag) => Ok(flag.to_string()),
        Yaml::Tagged(tagged) => json_key(tagged.value, at),
        Yaml::Null | Yaml::Sequence(_) | Yaml::Mapping(_) => {
            Err(format!("{at}: has a key that is not text"))
        }
    }
}

/// Converts `1.0` to `1`, because both are the same number in JSON, and some tools replace one by the other.
fn whole_numbers(value: Value) -> Value {
    // Above this, a 64-bit float does not hold every integer.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match value {
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) if float.fract() == 0.0 && float.abs() < EXACT => Value::from(float as i64),
            _ => Value::Number(number),
        },
        Value::Array(list) => list.into_iter().map(whole_numbers).collect(),
        Value::Object(map) => Value::Object(
            map.into_iter()
                .map(|(key, value)| (key, whole_numbers(value)))
                .collect(),
        ),
        other => other,
    }
}

//! Reads three kinds of recordings: files with one JSON body each, HTTP archives (HAR), and cassettes (YAML or JSON) of VCR and
//! similar tools.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::Value;

/// A recorded response, and the request that it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The name of the file. If the file contains several recordings, `#` and the number of this recording follow.
    pub source: String,
    pub asked: Asked,
    /// `None` if the recording has no status.
    pub status: Option<u16>,
    pub body: Vec<u8>,
}

/// The request that a response belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The id of the operation.
    Operation(String),
    /// The method and the URL.
    Request(String, String),
}

/// The maximum size of a body after decompression.
const MAX_BODY: u64 = 64 << 20;

/// Reads all recordings in a file, or in all files of a folder and its subfolders.
///
/// # Errors
///
/// Fails if a file cannot be read, or is not one of the three kinds.
pub fn read(path: &Path) -> Result<Vec<Recording>> {
    let mut files = Vec::new();
    collect(path, &mut files)?;
    if files.is_empty() {
        bail!("{} has no .json, .har, .yml or .yaml file", path.display());
    }
    files.sort();
    let mut recordings = Vec::new();
    for file in files {
        let name = file.strip_prefix(path).unwrap_or(&file);
        let name = if name.as_os_str().is_empty() {
            file.as_path()
        } else {
            name
        };
        let cannot = || format!("cannot read {}", file.display());
        // Reading a pipe may never end.
        if !fs::metadata(&file).with_context(cannot)?.is_file() {
            bail!("{} is not a file", file.display());
        }
        let bytes = fs::read(&file).with_context(cannot)?;
        let found = parse(&file, &name.display().to_string(), &bytes)
            .with_context(|| format!("cannot use {}", file.display()))?;
        recordings.extend(found);
    }
    Ok(recordings)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    for entry in entries {
        let entry = entry?;
        // A link could lead back to this folder.
        if entry.file_type()?.is_symlink() && entry.path().is_dir() {
            continue;
        }
        let entry = entry.path();
        let extension = entry.extension().and_then(|extension| extension.to_str());
        if entry.is_dir() || matches!(extension, Some("json" | "har" | "yml" | "yaml")) {
            collect(&entry, files)?;
        }
    }
    Ok(())
}

/// Returns the recordings of one file. A file that is neither an archive nor a cassette contains one body. Either the file or its
/// folder is then named after the operation (`listPipelines.json`, `listPipelines.2.json` or `listPipelines/2.json`).
fn parse(file: &Path, source: &str, bytes: &[u8]) -> Result<Vec<Recording>> {
    let yaml = matches!(
        file.extension().and_then(|extension| extension.to_str()),
        Some("yml" | "yaml")
    );
    let tree: Option<Value> = if yaml {
        Some(plain(
            serde_yaml_ng::from_slice(bytes).context("it is not YAML")?,
        ))
    } else {
        serde_json::from_slice(bytes).ok()
    };
    if let Some(entries) = tree.as_ref().and_then(|tree| tree.pointer("/log/entries")) {
        return several(source, entries, har);
    }
    for key in ["http_interactions", "interactions"] {
        if let Some(entries) = tree.as_ref().and_then(|tree| tree.get(key)) {
            return several(source, entries, interaction);
        }
    }
    if yaml {
        bail!("it has no `interactions`");
    }
    if let Some(tree) = &tree
        && let (Some(operation), Some(body)) = (tree["operation"].as_str(), tree.get("body"))
    {
        return Ok(vec![Recording {
            source: source.to_owned(),
            asked: Asked::Operation(operation.to_owned()),
            status: status(&tree["status"]),
            body: body.to_string().into_bytes(),
        }]);
    }
    Ok(vec![Recording {
        source: source.to_owned(),
        asked: Asked::Operation(named(file)),
        status: None,
        body: bytes.to_vec(),
    }])
}

/// Returns the operation that a file is named after. If the name does not begin with a letter (`2.json`), its folder names the
/// operation.
fn named(file: &Path) -> String {
    let stem = file.file_name().and_then(|name| name.to_str());
    let word = |name: &str| {
        let end = name.find(|c: char| !c.is_ascii_alphanumeric());
        name[..end.unwrap_or(name.len())].to_owned()
    };
    let own = word(stem.unwrap_or_default());
    if own.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return own;
    }
    let folder = file.parent().and_then(Path::file_name);
    word(folder.and_then(|name| name.to_str()).unwrap_or_default())
}

/// The request, the status and the body of a recorded exchange.
type Exchange = (Asked, Option<u16>, Vec<u8>);

fn several(
    source: &str,
    entries: &Value,
    one: fn(&Value) -> Result<Option<Exchange>>,
) -> Result<Vec<Recording>> {
    let entries = entries.as_array().context("its entries are not a list")?;
    let mut recordings = Vec::new();
    for (index, entry) in entries.iter().enumerate() {
        let read = one(entry).with_context(|| format!("entry {}", index + 1))?;
        recordings.extend(read.map(|(asked, status, body)| Recording {
            source: format!("{source}#{}", index + 1),
            asked,
            status,
            body,
        }));
    }
    Ok(recordings)
}

fn har(entry: &Value) -> Result<Option<Exchange>> {
    let (request, response) = (&entry["request"], &entry["response"]);
    let content = &response["content"];
    let body = match content["text"].as_str() {
        None => return Ok(None),
        Some(text) if content["encoding"] == "base64" => {
            STANDARD.decode(text).context("its content is not base64")?
        }
        Some(text) => text.as_bytes().to_vec(),
    };
    let asked = request_of(&request["method"], &request["url"])?;
    Ok(Some((asked, status(&response["status"]), unpacked(body)?)))
}

/// Reads one entry of a cassette. VCR and VCR.py write `uri`, `status.code`, and `body.string` or `body.base64_string`. go-vcr
/// writes `url`, `code` or `status_code`, and the body as plain text.
fn interaction(entry: &Value) -> Result<Option<Exchange>> {
    let (request, response) = (&entry["request"], &entry["response"]);
    let address = ["uri", "url"].iter().find_map(|key| request.get(*key));
    let asked = request_of(&request["method"], address.unwrap_or(&Value::Null))?;
    let code = [
        response.pointer("/status/code"),
        response.get("code"),
        response.get("status_code"),
        response.get("status"),
    ];
    let code = code.into_iter().flatten().find_map(status);
    let body = &response["body"];
    let body = if let Some(text) = body["base64_string"].as_str() {
        let text: String = text.split_whitespace().collect();
        STANDARD.decode(text).context("its body is not base64")?
    } else if let Some(text) = body.as_str().or_else(|| body["string"].as_str()) {
        text.as_bytes().to_vec()
    } else if let Some(Value::Array(bytes)) = body.get("string") {
        let byte = |byte: &Value| byte.as_u64().and_then(|byte| u8::try_from(byte).ok());
        bytes
            .iter()
            .map(byte)
            .collect::<Option<_>>()
            .context("its body is neither text nor bytes")?
    } else {
        return Ok(None);
    };
    Ok(Some((asked, code, unpacked(body)?)))
}

fn request_of(method: &Value, url: &Value) -> Result<Asked> {
    let method = method.as_str().context("a request without method")?;
    let url = url.as_str().context("a request without URL")?;
    Ok(Asked::Request(method.to_ascii_uppercase(), url.to_owned()))
}

/// Reads a status from a number, or from a text that begins with a number (`200 OK`).
fn status(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|code| u16::try_from(code).ok()),
        Value::String(text) => text.split_whitespace().next()?.parse().ok(),
        _ => None,
    }
}

fn unpacked(body: Vec<u8>) -> Result<Vec<u8>> {
    if !body.starts_with(&[0x1f, 0x8b]) {
        return Ok(body);
    }
    let mut plain = Vec::new();
    GzDecoder::new(body.as_slice())
        .take(MAX_BODY)
        .read_to_end(&mut plain)
        .context("its body is not gzip")?;
    Ok(plain)
}

/// Converts YAML to JSON and drops the tags. A `!!binary` value is base64, and becomes a list of bytes.
fn plain(yaml: serde_yaml_ng::Value) -> Value {
    use serde_yaml_ng::Value as Yaml;
    match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => value.into(),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), ..) => number.into(),
            (_, Some(number), _) => number.into(),
            (.., number) => number.into(),
        },
        Yaml::String(text) => text.into(),
        Yaml::Sequence(items) => items.into_iter().map(plain).collect(),
        Yaml::Mapping(fields) => {
            let key = |key: Yaml| match key {
                Yaml::String(key) => key,
                other => plain(other).to_string(),
            };
            let fields = fields.into_iter();
            Value::Object(
                fields
                    .map(|(name, value)| (key(name), plain(value)))
                    .collect(),
            )
        }
        Yaml::Tagged(tagged) => match (tagged.tag == "!binary", plain(tagged.value)) {
            (true, Value::String(text)) => {
                let bare: String = text.split_whitespace().collect();
                match STANDARD.decode(bare) {
                    Ok(bytes) => bytes.into_iter().map(Value::from).collect(),
                    Err(_) => text.into(),
                }
            }
            (_, value) => value,
        },
    }
}

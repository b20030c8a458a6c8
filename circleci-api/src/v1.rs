//! The steps of a job and their output. Requires the feature `v1`.
//!
//! **CircleCI's document of API v2 does not contain the calls of this module.** Version 2 offers no logs, so these calls
//! use version 1.1. CircleCI still runs version 1.1 but no longer documents it, so these calls are less reliable than all
//! other calls of this crate.
//!
//! ```
//! # use circleci_api::serde_json::json;
//! # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::path};
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
//! # let server = MockServer::start().await;
//! # let output = format!("{}/output", server.uri());
//! # let action = json!({ "name": "Test", "status": "failed", "output_url": output });
//! # let job = json!({ "steps": [{ "actions": [action] }] });
//! # let answer = |body| ResponseTemplate::new(200).set_body_json(body);
//! # Mock::given(path("/api/v1.1/project/gh/acme/web/1843")).respond_with(answer(job)).mount(&server).await;
//! # let parts = json!([{ "message": "1 failed\r\n", "type": "out" }]);
//! # Mock::given(path("/output")).respond_with(answer(parts)).mount(&server).await;
//! # let circleci = circleci_api::Client::builder().host(server.uri()).token("abc").build()?;
//! # let mut printed = String::new();
//! let job = circleci.get_job_steps("gh/acme/web", 1843).send().await?;
//! for action in job.steps.iter().flat_map(|step| &step.actions) {
//!     println!("== {} ({:?})", action.name.as_deref().unwrap_or("?"), action.status);
//!     let mut output = circleci.step_output(action)?;
//!     while let Some(part) = output.try_next().await? {
//!         print!("{}", part.message);
//! #         printed.push_str(&part.message);
//!     }
//! }
//! # assert_eq!(printed, "1 failed\r\n");
//! # Ok(()) }
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::io;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Method;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::client::Client;
use crate::download::flow::{Flow, Next, stream};
use crate::download::gunzip::{self, Gunzip};
use crate::download::transfer::Transfer;
use crate::error::{Error, ErrorKind};
use crate::json::object::object;
use crate::json::read;
use crate::operation::{Operation, Replay};
use crate::request::{Request, operation};
use crate::values::argument::PathValue;

/// The maximum size of an output before decompression: 256 MiB.
const MAX_BYTES: u64 = 256 << 20;
/// The maximum size of one part of an output after decompression: 64 MiB. CircleCI itself shortens a part to a few
/// megabytes.
const MAX_PART: usize = 64 << 20;
/// The number of bytes that are decompressed in one step. Even this few compressed bytes may contain a hundred thousand
/// empty parts.
const BLOCK: usize = 256;

/// The operation in the errors of the download. CircleCI's API document does not contain this operation.
static OUTPUT: Operation = Operation::new("getStepOutput", Method::GET, "", &[], Replay::Safe);

impl Client {
    /// Returns a job with its steps and their actions. Each step has one action for each parallel run. Requires the
    /// feature `v1`. [`v1`](crate::v1) has an example.
    ///
    /// Sends `GET /api/v1.1/project/{vcs}/{org}/{repo}/{build_num}`, which is not part of API v2.
    ///
    /// # Arguments
    /// - `project_slug`: The slug of the project, such as `gh/acme/web` or `circleci/<org id>/<project id>`.
    /// - `job_number`: The number of the job.
    pub fn get_job_steps(
        &self,
        project_slug: impl Into<PathValue>,
        job_number: impl Into<PathValue>,
    ) -> Request<GetJobSteps> {
        Request::new(self)
            .with_project(project_slug)
            .with_path(job_number)
    }

    /// Returns the output of an action from [`get_job_steps`](Self::get_job_steps) as a stream. Nothing is sent before
    /// the stream is polled. If the action has no output, the stream is empty. Requires the feature `v1`.
    /// [`v1`](crate::v1) has an example.
    ///
    /// The output is downloaded from a signed URL, to which the client never sends the token. The URL expires after some
    /// minutes. To get a new URL, request the steps of the job again.
    ///
    /// # Errors
    ///
    /// Returns [`ErrorKind::InvalidArgument`] if the output's URL is invalid, or is not `https`.
    pub fn step_output(&self, action: &StepAction) -> Result<StepOutput, Error> {
        let transfer = match &action.output_url {
            Some(url) => Some(Transfer::new(self, &OUTPUT, url.expose(), None, MAX_BYTES)?),
            None => None,
        };
        let source = Output {
            transfer,
            piece: Bytes::new(),
            gunzip: Gunzip::default(),
            scan: Scan::default(),
            parts: VecDeque::new(),
            failure: None,
        };
        Ok(StepOutput {
            flow: Flow::Idle(source),
        })
    }
}

operation! {
    /// The operation of [`Client::get_job_steps`]. It returns a job with its steps, from version 1.1 of the API.
    ///
    /// ```
    /// use circleci_api::v1::GetJobSteps;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let circleci = circleci_api::Client::builder().token("abc").build()?;
    /// let error = circleci.get_job_steps("no slug", 1843).send().await.unwrap_err();
    /// # assert_eq!(error.kind(), circleci_api::ErrorKind::InvalidArgument);
    /// assert_eq!(error.operation(), Some(GetJobSteps::OPERATION.id));
    /// # Ok(()) }
    /// ```
    GetJobSteps -> JobSteps;
    "getJobSteps" GET "/project/{vcs}/{org}/{repo}/{build_num}" ("vcs": Text, "org": Text, "repo": Text, "build_num": Integer) Safe below "/api/v1.1"
}

object! {
    /// A job in version 1.1 of the API, with its steps. [`v1`](crate::v1) has an example.
    JobSteps {
        /// The number of the job.
        build_num: Option<i64> = optional "build_num",
        /// The URL of the job's web page.
        build_url: Option<String> = optional "build_url",
        /// The status of the job in version 1.1 of the API, such as `success` or `failed`.
        status: Option<String> = optional "status",
        /// The number of parallel runs.
        parallel: Option<i64> = optional "parallel",
        /// The steps, in order.
        steps: Vec<JobStep> = list "steps",
    }
}

object! {
    /// A step of a job. [`v1`](crate::v1) has an example.
    JobStep {
        /// The name of the step, such as `Checkout code`.
        name: Option<String> = optional "name",
        /// The actions of the step, one for each parallel run.
        actions: Vec<StepAction> = list "actions",
    }
}

object! {
    /// An action, which is a step in one of the parallel runs. [`v1`](crate::v1) has an example.
    StepAction {
        /// The index of the parallel run, counted from 0.
        index: Option<i64> = optional "index",
        /// The position of the step in the job.
        step: Option<i64> = optional "step",
        /// The name of the action.
        name: Option<String> = optional "name",
        /// The kind of step, such as `test` or `infrastructure`.
        type_: Option<String> = optional "type",
        /// The status of the action in version 1.1 of the API, such as `success`, `failed`, `canceled`, `running` or
        /// `timedout`.
        status: Option<String> = optional "status",
        /// The exit code of the action's command.
        exit_code: Option<i64> = optional "exit_code",
        /// The command that the action runs.
        bash_command: Option<String> = optional "bash_command",
        /// When the action began.
        start_time: Option<DateTime<Utc>> = optional "start_time",
        /// When the action ended.
        end_time: Option<DateTime<Utc>> = optional "end_time",
        /// The duration, in milliseconds.
        run_time_millis: Option<i64> = optional "run_time_millis",
        /// Whether the action runs in the background.
        background: Option<bool> = optional "background",
        /// Whether the action has output.
        has_output: Option<bool> = optional "has_output",
        /// Whether CircleCI has shortened the output of the action.
        truncated: Option<bool> = optional "truncated",
        /// Whether the action failed.
        failed: Option<bool> = optional "failed",
        /// Whether the action was stopped at its time limit.
        timedout: Option<bool> = optional "timedout",
        /// The URL of the action's output.
        output_url: Option<SignedUrl> = optional "output_url",
    }
}

/// A URL that gives access to its target for some minutes, without a token. Neither `Debug` nor serialization shows it.
///
/// ```
/// use circleci_api::v1::SignedUrl;
/// # use circleci_api::serde_json;
///
/// let url: SignedUrl = serde_json::from_str(r#""https://storage.example.com/1?signature=abc""#)?;
/// assert_eq!(format!("{url:?}"), "***");
/// assert_eq!(url.expose(), "https://storage.example.com/1?signature=abc");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SignedUrl(String);

impl SignedUrl {
    /// Returns the URL in plain text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl Serialize for SignedUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for SignedUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

const HIDDEN: &str = "***";

object! {
    /// A part of an action's output. Often there is only one part. [`v1`](crate::v1) has an example.
    OutputPart {
        /// The text. It may contain terminal control sequences.
        message: String = list "message",
        /// The kind of output: `out` or `err`.
        type_: Option<String> = optional "type",
        /// When the text was written.
        time: Option<DateTime<Utc>> = optional "time",
        /// Whether CircleCI has shortened the text.
        truncated: Option<bool> = optional "truncated",
    }
}

stream! {
    /// A stream of the parts of an action's output. [`Client::step_output`] creates it. If the output is not one complete
    /// JSON array of parts, the stream returns the valid parts and then an [error](ErrorKind::Decode). The output is [too
    /// large](ErrorKind::TooLarge) if the server sends more than 256 MiB, or if one part has more than 64 MiB.
    ///
    /// ```
    /// # use circleci_api::{serde_json::{self, json}, v1::StepAction};
    /// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = MockServer::start().await;
    /// # let parts = json!([{ "message": "one\n" }, { "message": "two\n" }, { "message": "three\n" }]);
    /// # Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_json(parts)).mount(&server).await;
    /// # let circleci = circleci_api::Client::builder().host(server.uri()).token("abc").build()?;
    /// # let action: StepAction = serde_json::from_value(json!({ "output_url": server.uri() })).unwrap();
    /// let mut output = circleci.step_output(&action)?;
    /// if let Some(part) = output.try_next().await? {
    ///     assert_eq!(part.message, "one\n");
    /// }
    /// assert_eq!(output.text().await?, "two\nthree\n"); // the rest
    /// # Ok(()) }
    /// ```
    StepOutput of Output => OutputPart
}

impl StepOutput {
    /// Reads the whole output as one text. To keep the text that was read before an error, use [`read_to`](Self::read_to).
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`read_to`](Self::read_to).
    pub async fn text(mut self) -> Result<String, Error> {
        let mut text = String::new();
        self.read_to(&mut text).await?;
        Ok(text)
    }

    /// Appends the whole output to `text`. After an error, `text` contains everything that was read before it.
    ///
    /// ```
    /// # use circleci_api::{serde_json::{self, json}, v1::StepAction};
    /// # use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = MockServer::start().await;
    /// # let cut_off = r#"[{ "message": "one\n" }, { "mess"#;
    /// # Mock::given(any()).respond_with(ResponseTemplate::new(200).set_body_string(cut_off)).mount(&server).await;
    /// # let circleci = circleci_api::Client::builder().host(server.uri()).token("abc").build()?;
    /// # let action: StepAction = serde_json::from_value(json!({ "output_url": server.uri() })).unwrap();
    /// let mut text = String::new();
    /// if let Err(error) = circleci.step_output(&action)?.read_to(&mut text).await {
    ///     text.push_str(&format!("[the rest is missing: {error}]"));
    /// }
    /// assert!(text.starts_with("one\n[the rest is missing: getStepOutput: "));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the output cannot be fetched, or if it is not one complete JSON array of parts. For example,
    /// the output may be empty or incomplete, or other data may follow the array.
    pub async fn read_to(&mut self, text: &mut String) -> Result<(), Error> {
        while let Some(part) = self.try_next().await? {
            text.push_str(&part.message);
        }
        Ok(())
    }
}

/// A JSON array of parts that is read while it arrives.
pub(crate) struct Output {
    transfer: Option<Transfer>,
    /// Bytes that have arrived but are not decompressed yet.
    piece: Bytes,
    gunzip: Gunzip,
    scan: Scan,
    parts: VecDeque<OutputPart>,
    /// The error that ended the reading. It is returned after the parts that were read before it.
    failure: Option<Error>,
}

impl Output {
    /// Reads the next bytes, unless everything was read.
    async fn advance(&mut self) -> Result<(), Error> {
        let Some(transfer) = &mut self.transfer else {
            return Ok(());
        };
        while self.piece.is_empty()
            && let Some(piece) = transfer.next().await?
        {
            self.piece = piece;
        }
        let mut take = |bytes: &[u8]| self.scan.push(bytes, &mut self.parts);
        let unpacked = match gunzip::block(&mut self.piece, BLOCK) {
            Some(block) => self.gunzip.push(&block, &mut take),
            None => {
                self.transfer = None;
                self.gunzip.finish(&mut take).and_then(|()| self.scan.end())
            }
        };
        unpacked.map_err(|error| {
            let kind = if self.scan.overflow {
                ErrorKind::TooLarge
            } else {
                ErrorKind::Decode
            };
            Error::new(kind)
                .with_operation(&OUTPUT)
                .with_message(error.to_string())
        })
    }
}

impl Next for Output {
    type Item = OutputPart;

    async fn next(&mut self) -> Result<Option<OutputPart>, Error> {
        loop {
            if let Some(part) = self.parts.pop_front() {
                return Ok(Some(part));
            }
            if let Some(failure) = self.failure.take() {
                return Err(failure);
            }
            if self.transfer.is_none() {
                return Ok(None);
            }
            self.failure = self.advance().await.err();
        }
    }
}

/// Separates the objects of one JSON array, which may arrive in pieces of any size.
#[derive(Default)]
struct Scan {
    place: Place,
    /// The beginning of the current object, from earlier pieces.
    object: Vec<u8>,
    depth: usize,
    in_text: bool,
    escaped: bool,
    overflow: bool,
}

/// The position of the next byte in the array.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Before the array. The number is how many bytes of a byte order mark were read. After white space, it is the length
    /// of a whole mark, because no mark may follow.
    Before(usize),
    Begun,
    InObject,
    BehindObject,
    BehindComma,
    /// After the array.
    After,
}

impl Default for Place {
    fn default() -> Self {
        Self::Before(0)
    }
}

const MARK: [u8; 3] = *b"\xef\xbb\xbf";

impl Scan {
    fn push(&mut self, bytes: &[u8], parts: &mut VecDeque<OutputPart>) -> io::Result<()> {
        // The position in `bytes` where the current object continues.
        let mut from = 0;
        for (at, byte) in bytes.iter().enumerate() {
            if self.place != Place::InObject {
                self.place = self.place.next(*byte)?;
                from = at;
                self.depth = usize::from(self.place == Place::InObject);
            } else if self.ends_object(*byte) {
                self.object.extend_from_slice(&bytes[from..=at]);
                self.place = Place::BehindObject;
                let part = read::from_slice(&self.object).map_err(|fault| fault.error);
                self.object.clear();
                parts.push_back(part?);
            }
        }
        if self.place == Place::InObject {
            self.object.extend_from_slice(&bytes[from..]);
            if self.object.len() > MAX_PART {
                self.overflow = true;
                return Err(io::Error::other(format!(
                    "a part of the output has more than {MAX_PART} bytes"
                )));
            }
        }
        Ok(())
    }

    fn ends_object(&mut self, byte: u8) -> bool {
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_text => self.escaped = true,
            b'"' => self.in_text = !self.in_text,
            _ if self.in_text => {}
            b'{' => self.depth += 1,
            b'}' => self.depth -= 1,
            _ => {}
        }
        self.depth == 0
    }

    fn end(&self) -> io::Result<()> {
        match self.place {
            Place::After => Ok(()),
            Place::Before(_) => Err(io::Error::other("the output is empty")),
            _ => Err(io::Error::other("the output is cut off")),
        }
    }
}

impl Place {
    /// Returns the position after a byte that is not part of an object.
    fn next(self, byte: u8) -> io::Result<Self> {
        Ok(match (self, byte) {
            (Self::Before(mark), _) if MARK.get(mark) == Some(&byte) => Self::Before(mark + 1),
            (Self::Before(1 | 2), _) => return Err(not_an_array()),
            (Self::Before(_), b' ' | b'\t' | b'\r' | b'\n') => Self::Before(MARK.len()),
            (_, b' ' | b'\t' | b'\r' | b'\n') => self,
            (Self::Before(_), b'[') => Self::Begun,
            (Self::Begun | Self::BehindComma, b'{') => Self::InObject,
            (Self::BehindObject, b',') => Self::BehindComma,
            (Self::Begun | Self::BehindObject, b']') => Self::After,
            (Self::After, _) => {
                return Err(io::Error::other("there is data after the output"));
            }
            _ => return Err(not_an_array()),
        })
    }
}

fn not_an_array() -> io::Error {
    io::Error::other("the output is not a JSON array of objects")
}

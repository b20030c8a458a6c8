//! The parameters of a pipeline, within CircleCI's limits.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::values::parameters::ParameterValue;

/// Validated parameters of a pipeline. Requires the feature `wait`.
///
/// There are at most [100](Self::ENTRIES) parameters. The values are booleans, integers and strings. A name has at most
/// [128](Self::NAME) characters, and a value at most [512](Self::VALUE).
///
/// Every request that has parameters accepts a `PipelineParameters`:
///
/// ```
/// use circleci_api::{params, types::TriggerPipelineRunRequest};
///
/// let parameters = params! { "deploy" => true, "retries" => 2, "environment" => "staging" }?;
/// let request = TriggerPipelineRunRequest::new().parameters(parameters);
/// # assert_eq!(request.parameters.map(|them| them.len()), Some(3));
/// # Ok::<(), circleci_api::ParameterError>(())
/// ```
///
/// This example adds the parameters one by one:
///
/// ```
/// use circleci_api::{ParameterError, PipelineParameters};
///
/// # let given = [("environment", "staging"), ("notes", "first release")];
/// let mut parameters = PipelineParameters::new();
/// for (name, value) in given {
///     parameters = parameters.with(name, value)?;
/// }
/// assert_eq!((parameters.len(), parameters.is_empty()), (2, false));
/// assert_eq!(parameters.get("notes"), Some(&"first release".into()));
/// assert!(parameters.iter().all(|(name, _)| name.len() <= PipelineParameters::NAME));
///
/// let too_long = "x".repeat(PipelineParameters::VALUE + 1);
/// assert_eq!(parameters.with("notes", too_long), Err(ParameterError::Value("notes".to_owned())));
/// # let all = (0..PipelineParameters::ENTRIES).try_fold(PipelineParameters::new(), |them, n| them.with(n.to_string(), true))?;
/// # assert_eq!(all.with("more", true), Err(ParameterError::TooMany("more".to_owned())));
/// # Ok::<(), ParameterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineParameters(BTreeMap<String, ParameterValue>);

/// The reason why a pipeline parameter is invalid. It contains the name of the parameter, but not the value.
/// [`PipelineParameters`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// The parameter with this name would exceed the maximum number of parameters.
    TooMany(String),
    /// This parameter name is empty or too long.
    Name(String),
    /// The value of the parameter with this name is too long.
    Value(String),
    /// The value of the parameter with this name is not a boolean, an integer or a string.
    Kind(String),
}

impl PipelineParameters {
    /// The maximum number of parameters.
    pub const ENTRIES: usize = 100;
    /// The maximum number of characters in a name.
    pub const NAME: usize = 128;
    /// The maximum number of characters in a value.
    pub const VALUE: usize = 512;

    /// Creates an empty set of parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter, or replaces the parameter with the same name.
    ///
    /// # Errors
    ///
    /// Returns an error if the name or the value is invalid, or if there are too many parameters.
    pub fn with(
        mut self,
        name: impl Into<String>,
        value: impl Into<ParameterValue>,
    ) -> Result<Self, ParameterError> {
        let (name, value) = (name.into(), value.into());
        if name.is_empty() || name.chars().count() > Self::NAME {
            return Err(ParameterError::Name(name));
        }
        match &value {
            ParameterValue::Other(_) => return Err(ParameterError::Kind(name)),
            ParameterValue::String(text) if text.chars().count() > Self::VALUE => {
                return Err(ParameterError::Value(name));
            }
            _ => {}
        }
        if self.0.len() >= Self::ENTRIES && !self.0.contains_key(&name) {
            return Err(ParameterError::TooMany(name));
        }
        self.0.insert(name, value);
        Ok(self)
    }

    /// Returns the value of a parameter.
    pub fn get(&self, name: &str) -> Option<&ParameterValue> {
        self.0.get(name)
    }

    /// Returns all parameters, ordered by name.
    pub fn iter(&self) -> btree_map::Iter<'_, String, ParameterValue> {
        self.0.iter()
    }

    /// Returns the number of parameters.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns true if there are no parameters.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl IntoIterator for PipelineParameters {
    type Item = (String, ParameterValue);
    type IntoIter = btree_map::IntoIter<String, ParameterValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a PipelineParameters {
    type Item = (&'a String, &'a ParameterValue);
    type IntoIter = btree_map::Iter<'a, String, ParameterValue>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for ParameterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany(name) => {
                write!(f, "parameter {name:?} exceeds the limit of 100 parameters")
            }
            Self::Name(name) if name.is_empty() => f.write_str("a parameter has no name"),
            Self::Name(name) => write!(
                f,
                "the parameter name has more than 128 characters: {name:?}"
            ),
            Self::Value(name) => write!(
                f,
                "the value of parameter {name:?} has more than 512 characters"
            ),
            Self::Kind(name) => {
                write!(
                    f,
                    "the value of parameter {name:?} must be a boolean, an integer or a string"
                )
            }
        }
    }
}

impl std::error::Error for ParameterError {}

/// Converts the error to an [`Error`] of the kind [`ErrorKind::InvalidArgument`].
impl From<ParameterError> for Error {
    fn from(error: ParameterError) -> Self {
        Self::new(ErrorKind::InvalidArgument)
            .with_message(error.to_string())
            .with_source(error)
    }
}

/// Creates [`PipelineParameters`] from `name => value` pairs. If a pair is invalid, returns the first [`ParameterError`].
/// Requires the feature `wait`.
///
/// ```
/// let parameters = circleci_api::params! { "deploy" => true, "environment" => "staging" }?;
/// assert_eq!(parameters.len(), 2);
/// # Ok::<(), circleci_api::ParameterError>(())
/// ```
#[macro_export]
macro_rules! params {
    ($($name:expr => $value:expr),* $(,)?) => {
        ::core::result::Result::Ok::<_, $crate::ParameterError>($crate::PipelineParameters::new())
            $(.and_then(|parameters| parameters.with($name, $value)))*
    };
}

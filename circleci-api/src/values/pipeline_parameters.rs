//! The parameters of a pipeline, within CircleCI's limits.

use std::collections::{BTreeMap, btree_map};
use std::fmt;

use crate::error::{Error, ErrorKind};
use crate::values::parameters::ParameterValue;

/// Parameters for a pipeline, checked when they are put together: booleans, integers and strings, at most
/// [100](Self::ENTRIES) of them, with names of at most [128](Self::NAME) and values of at most [512](Self::VALUE)
/// characters. With the feature `wait`.
///
/// Every request that takes parameters takes them:
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
/// Those that a program is given one by one:
///
/// ```
/// use circleci_api::{ParameterError, PipelineParameters};
///
/// # let given = [("environment", "staging"), ("notes", "all is new")];
/// let mut parameters = PipelineParameters::new();
/// for (name, value) in given {
///     parameters = parameters.with(name, value)?;
/// }
/// assert_eq!((parameters.len(), parameters.is_empty()), (2, false));
/// assert_eq!(parameters.get("notes"), Some(&"all is new".into()));
/// assert!(parameters.iter().all(|(name, _)| name.len() <= PipelineParameters::NAME));
///
/// let novel = "x".repeat(PipelineParameters::VALUE + 1);
/// assert_eq!(parameters.with("notes", novel), Err(ParameterError::Value("notes".to_owned())));
/// # let all = (0..PipelineParameters::ENTRIES).try_fold(PipelineParameters::new(), |them, n| them.with(n.to_string(), true))?;
/// # assert_eq!(all.with("more", true), Err(ParameterError::TooMany("more".to_owned())));
/// # Ok::<(), ParameterError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineParameters(BTreeMap<String, ParameterValue>);

/// Why something is no parameter of a pipeline. Values are not shown. See the example of [`PipelineParameters`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParameterError {
    /// There are too many, with this one.
    TooMany(String),
    /// This name is empty or too long.
    Name(String),
    /// The value of this one is too long.
    Value(String),
    /// The value of this one is neither a boolean nor an integer nor a string.
    Kind(String),
}

impl PipelineParameters {
    /// How many there may be.
    pub const ENTRIES: usize = 100;
    /// How many characters a name may have.
    pub const NAME: usize = 128;
    /// How many characters a value may have.
    pub const VALUE: usize = 512;

    /// No parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a parameter, in place of one of the same name.
    ///
    /// # Errors
    ///
    /// CircleCI would not take it.
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

    /// By name.
    pub fn get(&self, name: &str) -> Option<&ParameterValue> {
        self.0.get(name)
    }

    /// All, in the order of their names.
    pub fn iter(&self) -> btree_map::Iter<'_, String, ParameterValue> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
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
                write!(f, "parameter {name:?} is one too many: 100 may be given")
            }
            Self::Name(name) if name.is_empty() => f.write_str("a parameter has no name"),
            Self::Name(name) => write!(f, "a name has more than 128 characters: {name:?}"),
            Self::Value(name) => write!(f, "parameter {name:?} has more than 512 characters"),
            Self::Kind(name) => {
                write!(
                    f,
                    "parameter {name:?} is neither boolean nor integer nor string"
                )
            }
        }
    }
}

impl std::error::Error for ParameterError {}

/// An [`ErrorKind::InvalidArgument`].
impl From<ParameterError> for Error {
    fn from(error: ParameterError) -> Self {
        Self::new(ErrorKind::InvalidArgument)
            .with_message(error.to_string())
            .with_source(error)
    }
}

/// [`PipelineParameters`], or the first [`ParameterError`]. With the feature `wait`.
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

//! Constructors for the source of a pipeline's configuration.

use crate::generated::types::if_type;

// The API documents before 2026 have no such source.
if_type! { PipelineRunConfig =>
    use crate::generated::types::{GitRef, PipelineRunConfig};

    impl From<GitRef> for PipelineRunConfig {
        /// The configuration at a branch or tag.
        fn from(at: GitRef) -> Self {
            let mut config = Self::new();
            config.branch = at.branch;
            config.tag = at.tag;
            config
        }
    }
}

//! Converts a branch or a tag to a `PipelineRunConfig`, which is the source of a pipeline's configuration.

use crate::generated::types::if_type;

// CircleCI's API documents before 2026 do not have the type `PipelineRunConfig`.
if_type! { PipelineRunConfig =>
    use crate::generated::types::{GitRef, PipelineRunConfig};

    impl From<GitRef> for PipelineRunConfig {
        /// Selects the configuration at a branch or tag.
        fn from(at: GitRef) -> Self {
            let mut config = Self::new();
            config.branch = at.branch;
            config.tag = at.tag;
            config
        }
    }
}

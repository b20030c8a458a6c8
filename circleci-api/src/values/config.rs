//! What the configuration of a pipeline is made of.

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

//! What CircleCI's words for a state mean: over or not, good or bad.

use crate::generated::types::{
    JobDetails, JobStatus, Workflow, WorkflowJob, WorkflowStatus, if_type,
};

/// Judgements. A word that this version of the crate does not know is none of the three.
impl WorkflowStatus {
    /// Nothing will happen any more, unless somebody reruns it.
    ///
    /// ```
    /// use circleci_api::types::WorkflowStatus;
    ///
    /// assert!(WorkflowStatus::Success.is_success() && WorkflowStatus::Success.is_finished());
    /// assert!(WorkflowStatus::Canceled.is_finished());
    /// // A job has failed and others are still running.
    /// assert!(!WorkflowStatus::Failing.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        self.is_success() || self.is_failure() || *self == Self::NotRun
    }

    /// All went well.
    pub fn is_success(&self) -> bool {
        *self == Self::Success
    }

    /// It is over, and not for good: failed, in error, canceled, unauthorized.
    ///
    /// ```
    /// use circleci_api::types::WorkflowStatus;
    ///
    /// assert!(WorkflowStatus::Unauthorized.is_failure());
    /// assert!(!WorkflowStatus::Unknown("exploded".to_owned()).is_failure());
    /// ```
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Failed | Self::Error | Self::Canceled | Self::Unauthorized
        )
    }
}

/// Judgements. A word that this version of the crate does not know is none of the three, but for
/// `skipped`, which CircleCI says of a job that did not have to run, and which is finished.
impl JobStatus {
    /// Nothing will happen any more.
    ///
    /// ```
    /// use circleci_api::types::JobStatus;
    ///
    /// assert!(JobStatus::Success.is_success() && JobStatus::Success.is_finished());
    /// assert!(JobStatus::Timedout.is_finished());
    /// assert!(!JobStatus::OnHold.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        self.is_success()
            || self.is_failure()
            || matches!(self, Self::NotRun | Self::Retried)
            || self.as_str() == "skipped"
    }

    /// All went well.
    pub fn is_success(&self) -> bool {
        *self == Self::Success
    }

    /// It is over, and not for good: failed, timed out, canceled, unauthorized, or the infrastructure's fault.
    ///
    /// ```
    /// use circleci_api::types::JobStatus;
    ///
    /// assert!(JobStatus::InfrastructureFail.is_failure());
    /// assert!(!JobStatus::NotRun.is_failure());
    /// ```
    pub fn is_failure(&self) -> bool {
        matches!(
            self,
            Self::Failed
                | Self::InfrastructureFail
                | Self::Timedout
                | Self::TerminatedUnknown
                | Self::Canceled
                | Self::Unauthorized
        )
    }
}

// The documents of 2023 have no usage exports.
if_type! { UsageExportJobState =>
    /// Judgements. A word that this version of the crate does not know is none of the three.
    impl crate::generated::types::UsageExportJobState {
        /// Nothing will happen any more.
        ///
        /// ```
        /// use circleci_api::types::UsageExportJobState;
        ///
        /// assert!(UsageExportJobState::Completed.is_finished() && UsageExportJobState::Completed.is_success());
        /// assert!(UsageExportJobState::Failed.is_finished() && UsageExportJobState::Failed.is_failure());
        /// assert!(!UsageExportJobState::Processing.is_finished());
        /// ```
        pub fn is_finished(&self) -> bool {
            self.is_success() || self.is_failure()
        }

        /// There is something to download, or nothing to export.
        pub fn is_success(&self) -> bool {
            *self == Self::Completed
        }

        /// There will be nothing to download.
        pub fn is_failure(&self) -> bool {
            *self == Self::Failed
        }
    }
}

macro_rules! judged_by_status {
    ($($name:ident),*) => {
        $(
            /// Judgements by its `status`. Without one it is none of the three.
            ///
            /// ```
            /// # use circleci_api::serde_json::{self, json};
            #[doc = concat!(" use circleci_api::types::", stringify!($name), ";")]
            ///
            #[doc = concat!(" # let it = |status: &str| serde_json::from_value::<", stringify!($name), ">(json!({")]
            /// #     "id": "fda08377-fe7e-46b1-8992-3a7aaecac9c3", "name": "build", "number": 1, "status": status
            /// # }));
            /// # let (it, still) = (it("failed")?, it("running")?);
            #[doc = concat!(" fn verdict(it: &", stringify!($name), ") -> &'static str {")]
            ///     match it {
            ///         it if it.is_success() => "well done",
            ///         it if it.is_failure() => "look into it",
            ///         it if it.is_finished() => "it did not run",
            ///         _ => "wait",
            ///     }
            /// }
            /// # assert_eq!((verdict(&it), verdict(&still)), ("look into it", "wait"));
            /// # Ok::<(), serde_json::Error>(())
            /// ```
            impl $name {
                /// Nothing will happen any more, unless somebody reruns it.
                pub fn is_finished(&self) -> bool {
                    self.status.as_ref().is_some_and(|status| status.is_finished())
                }

                /// All went well.
                pub fn is_success(&self) -> bool {
                    self.status.as_ref().is_some_and(|status| status.is_success())
                }

                /// It is over, and not for good.
                pub fn is_failure(&self) -> bool {
                    self.status.as_ref().is_some_and(|status| status.is_failure())
                }
            }
        )*
    };
}

judged_by_status!(Workflow, WorkflowJob, JobDetails);

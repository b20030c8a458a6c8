//! Methods that tell whether a status of CircleCI means finished, success or failure.

use crate::generated::types::{
    JobDetails, JobStatus, Workflow, WorkflowJob, WorkflowStatus, if_type,
};

/// Methods that classify the status. All three return `false` for a status that this version of the crate does not know.
impl WorkflowStatus {
    /// Checks whether the workflow has ended. A rerun is a separate workflow.
    ///
    /// ```
    /// use circleci_api::types::WorkflowStatus;
    ///
    /// assert!(WorkflowStatus::Success.is_success() && WorkflowStatus::Success.is_finished());
    /// assert!(WorkflowStatus::Canceled.is_finished());
    /// // A job has failed, and other jobs are still running.
    /// assert!(!WorkflowStatus::Failing.is_finished());
    /// ```
    pub fn is_finished(&self) -> bool {
        self.is_success() || self.is_failure() || *self == Self::NotRun
    }

    /// Checks whether the workflow ended with success.
    pub fn is_success(&self) -> bool {
        *self == Self::Success
    }

    /// Checks whether the workflow ended without success. Its status is then failed, error, canceled or unauthorized.
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

/// Methods that classify the status. All three return `false` for a status that this version of the crate does not know.
/// The exception is `skipped`, which counts as finished. CircleCI sends it for a job that did not need to run.
impl JobStatus {
    /// Checks whether the job has ended.
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

    /// Checks whether the job ended with success.
    pub fn is_success(&self) -> bool {
        *self == Self::Success
    }

    /// Checks whether the job ended without success. For example, it failed, timed out, was canceled, was unauthorized,
    /// or had an infrastructure failure.
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

// CircleCI's API documents of 2023 have no usage exports.
if_type! { UsageExportJobState =>
    /// Methods that classify the state. All three return `false` for a state that this version of the crate does not
    /// know.
    impl crate::generated::types::UsageExportJobState {
        /// Checks whether the export has ended.
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

        /// Checks whether the export succeeded. A successful export has files to download, unless there was nothing to
        /// export.
        pub fn is_success(&self) -> bool {
            *self == Self::Completed
        }

        /// Checks whether the export failed.
        pub fn is_failure(&self) -> bool {
            *self == Self::Failed
        }
    }
}

macro_rules! judged_by_status {
    ($($name:ident),*) => {
        $(
            /// Methods that classify the `status`. All three return `false` if the `status` is missing.
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
            ///         it if it.is_success() => "success",
            ///         it if it.is_failure() => "failure",
            ///         it if it.is_finished() => "it did not run",
            ///         _ => "not finished",
            ///     }
            /// }
            /// # assert_eq!((verdict(&it), verdict(&still)), ("failure", "not finished"));
            /// # Ok::<(), serde_json::Error>(())
            /// ```
            impl $name {
                /// Checks whether the run has ended. A rerun is a separate run.
                pub fn is_finished(&self) -> bool {
                    self.status.as_ref().is_some_and(|status| status.is_finished())
                }

                /// Checks whether the run ended with success.
                pub fn is_success(&self) -> bool {
                    self.status.as_ref().is_some_and(|status| status.is_success())
                }

                /// Checks whether the run ended without success.
                pub fn is_failure(&self) -> bool {
                    self.status.as_ref().is_some_and(|status| status.is_failure())
                }
            }
        )*
    };
}

judged_by_status!(Workflow, WorkflowJob, JobDetails);

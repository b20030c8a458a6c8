//! Waits for a usage export.

use super::Wait;
use super::change::Change;
use super::changes::sealed::Watch;
use super::changes::{Next, View};
use super::policy::CountAs;
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::{UsageExportJobState, UsageExportJobStatus};
use crate::values::argument::PathValue;

/// A wait for a usage export. [`Client::wait_for_usage_export`] has an example.
pub struct ExportWait {
    organization: PathValue,
    id: PathValue,
    unknown: CountAs,
    state: Option<UsageExportJobState>,
}

impl Client {
    /// Waits until a usage export is completed or has failed. The `state` of the result tells which of the two happened.
    /// If a completed export has no `download_urls`, there was nothing to export. Requires the feature `wait`.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetUsageExport, serde_json::json, types::UsageExportJobState};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # let state = |state| json!({ "state": state });
    /// # server.on::<GetUsageExport>().reply_json(state("processing")).reply_json(state("completed"));
    /// # let circleci = server.client();
    /// # let (org, id) = ("b9291e0d-a11e-41fb-8517-c545388b5953", "4fb7a8a0-f4d1-4b5a-8c9f-1f4a3e0f8a11");
    /// let export = circleci.wait_for_usage_export(org, id).finish().await?;
    /// assert_eq!(export.state, Some(UsageExportJobState::Completed));
    /// println!("{} parts", export.download_urls.len());
    /// # Ok(()) }
    /// ```
    pub fn wait_for_usage_export(
        &self,
        org_id: impl Into<PathValue>,
        usage_export_job_id: impl Into<PathValue>,
    ) -> Wait<ExportWait> {
        let watch = ExportWait {
            organization: org_id.into(),
            id: usage_export_job_id.into(),
            unknown: CountAs::Unfinished,
            state: None,
        };
        Wait::new(self, watch)
    }
}

impl Wait<ExportWait> {
    /// Sets how to count an export with a state that this version of the crate does not know. Default:
    /// [`CountAs::Unfinished`].
    pub fn unknown(mut self, count: CountAs) -> Self {
        self.watch.unknown = count;
        self
    }
}

impl Watch for ExportWait {
    type Outcome = UsageExportJobStatus;

    async fn look(&mut self, view: &mut View) -> Result<Next<UsageExportJobStatus>, Error> {
        let request = view
            .client
            .get_usage_export(self.organization.clone(), self.id.clone());
        let export = request.options(view.options()).send().await?;
        if let Some(state) = &export.state
            && self.state.as_ref() != Some(state)
        {
            view.news.push(Change::UsageExport(state.clone()));
            self.state = Some(state.clone());
        }
        let over = match &export.state {
            Some(UsageExportJobState::Unknown(_)) | None => self.unknown != CountAs::Unfinished,
            Some(state) => state.is_finished(),
        };
        Ok(if over {
            Next::Over(export)
        } else {
            Next::Again
        })
    }

    fn seen(&self) -> String {
        let state = self.state.as_ref();
        state
            .map_or("no answer yet", UsageExportJobState::as_str)
            .to_owned()
    }
}

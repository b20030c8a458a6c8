//! Waits for one workflow.

use super::Wait;
use super::board::{self, Board, HasWorkflows};
use super::changes::sealed::Watch;
use super::changes::{Next, View};
use super::outcome::Outcome;
use crate::client::Client;
use crate::error::Error;
use crate::generated::types::Workflow;
use crate::values::argument::PathValue;

/// A wait for a workflow. [`Client::wait_for_workflow`] has an example.
pub struct WorkflowWait {
    id: PathValue,
    board: Board,
    workflow: Option<Workflow>,
}

impl Client {
    /// Waits for one workflow. The wait does not follow reruns, because a rerun is a separate workflow. To follow them,
    /// wait for the [pipeline](Self::wait_for_pipeline). Requires the feature `wait`.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::{mock::Mock, operations::GetWorkflowById, serde_json::json};
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let server = Mock::start().await;
    /// # server.on::<GetWorkflowById>()
    /// #     .reply_json(json!({ "status": "running", "stopped_at": null }))
    /// #     .reply_json(json!({ "status": "success" }));
    /// # let circleci = server.client();
    /// # let id = "fda08377-fe7e-46b1-8992-3a7aaecac9c3";
    /// let outcome = circleci.wait_for_workflow(id).finish().await?;
    /// assert!(outcome.is_success());
    /// assert_eq!(outcome.workflows.len(), 1);
    /// # Ok(()) }
    /// ```
    pub fn wait_for_workflow(&self, id: impl Into<PathValue>) -> Wait<WorkflowWait> {
        let watch = WorkflowWait {
            id: id.into(),
            board: Board::default(),
            workflow: None,
        };
        Wait::new(self, watch)
    }
}

impl HasWorkflows for WorkflowWait {
    fn board(&mut self) -> &mut Board {
        &mut self.board
    }
}

impl Watch for WorkflowWait {
    type Outcome = Outcome;

    async fn look(&mut self, view: &mut View) -> Result<Next<Outcome>, Error> {
        let request = view.client.get_workflow_by_id(self.id.clone());
        let workflow = request.options(view.options()).send().await?;
        let workflow = self.workflow.insert(workflow);
        let held = self
            .board
            .take(std::slice::from_ref(workflow), view)
            .await?;
        if self.board.is_open(workflow) {
            return Ok(Next::Again);
        }
        let workflows = vec![workflow.clone()];
        let outcome = self
            .board
            .outcome(workflows, Vec::new(), held, Vec::new(), view);
        Ok(Next::Over(outcome.await))
    }

    fn seen(&self) -> String {
        match &self.workflow {
            Some(workflow) => board::line(std::slice::from_ref(workflow)),
            None => "no answer yet".to_owned(),
        }
    }
}

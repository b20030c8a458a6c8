//! Pipelines with their workflows and jobs.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;

use super::gate::Gate;
use crate::client::Client;
use crate::error::Error;
use crate::generated::operations::{
    GetPipelineById, ListPipelinesForProject, ListWorkflowsByPipelineId,
};
use crate::generated::types::{Pipeline, PipelineList, Workflow, WorkflowJob};
use crate::lists::many::{AT_ONCE, Many};
use crate::lists::pages::Pages;
use crate::request::Request;
use crate::values::argument::{PathValue, QueryValue};

/// # Overviews
///
/// See [`overview`](crate::overview).
impl Client {
    /// Creates a request for a pipeline with its workflows and their jobs. Requires the feature `overview`.
    ///
    /// The pipeline and its workflows are requested at the same time. After that, the jobs of all workflows are requested.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::mock::Mock;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// let overview = circleci.pipeline_overview("5034460f-c7c4-4c43-9457-de07e2029e7b").send().await?;
    /// for (workflow, job) in overview.jobs().filter(|(_, job)| job.is_failure()) {
    ///     println!("{} / {}: {:?}", workflow.name, job.name, job.web_url(&circleci));
    /// }
    /// for error in overview.errors() {
    ///     eprintln!("incomplete: {error}");
    /// }
    /// # assert_eq!((overview.jobs().count(), overview.errors().count()), (1, 0));
    /// # Ok(()) }
    /// ```
    pub fn pipeline_overview(&self, id: impl Into<PathValue>) -> GetPipelineOverview {
        let id = id.into();
        GetPipelineOverview {
            client: self.clone(),
            pipeline: self.get_pipeline_by_id(id.clone()),
            workflows: self.list_workflows_by_pipeline_id(id),
            at_once: AT_ONCE,
        }
    }

    /// Creates a request for the newest pipelines of a project, each with its workflows and their jobs. `pipelines` is the
    /// maximum number of pipelines to read. Requires the feature `overview`.
    ///
    /// [`overview`](crate::overview) has an example.
    pub fn project_overview(
        &self,
        project_slug: impl Into<PathValue>,
        pipelines: usize,
    ) -> GetProjectOverview {
        GetProjectOverview {
            client: self.clone(),
            list: self.list_pipelines_for_project(project_slug),
            pipelines,
            at_once: AT_ONCE,
        }
    }
}

/// A request for a pipeline with its workflows and their jobs. Created by [`Client::pipeline_overview`].
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// let pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";
/// let overview = circleci.pipeline_overview(pipeline).at_once(4).send().await?;
/// print!("{overview}"); // a line for the pipeline, each workflow and each job
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` is called and awaited"]
pub struct GetPipelineOverview {
    client: Client,
    pipeline: Request<GetPipelineById>,
    workflows: Request<ListWorkflowsByPipelineId>,
    at_once: usize,
}

/// A request for the newest pipelines of a project, each with its workflows and jobs. Created by [`Client::project_overview`].
///
#[doc = mock_example!()]
/// # use circleci_api::mock::Mock;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let circleci = server.client();
/// let newest = circleci.project_overview("gh/acme/web", 10).branch("main").send().await?;
/// println!("{} pipelines", newest.len());
///
/// let mut overviews = circleci.project_overview("gh/acme/web", 1000).at_once(16).stream();
/// while let Some(overview) = overviews.try_next().await? {
///     println!("#{} {:?}", overview.pipeline.number, overview.pipeline.web_url(&circleci));
/// }
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is sent until `send` is awaited or `stream` is polled"]
pub struct GetProjectOverview {
    client: Client,
    list: Request<ListPipelinesForProject>,
    pipelines: usize,
    at_once: usize,
}

/// A pipeline with its workflows and their jobs. Its `Display` output has one line for each part.
///
#[doc = mock_example!()]
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = circleci_api::mock::Mock::start().await;
/// # let circleci = server.client();
/// let pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";
/// let overview = circleci.pipeline_overview(pipeline).send().await?;
/// match &overview.workflows {
///     Ok(workflows) => println!("{} workflows, {} jobs", workflows.len(), overview.jobs().count()),
///     Err(error) => eprintln!("no workflows: {error}"),
/// }
/// println!("{} branches of the tree are missing", overview.errors().count());
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct PipelineOverview {
    /// The pipeline.
    pub pipeline: Pipeline,
    /// The pipeline's workflows in CircleCI's order, or the error if they could not be read.
    pub workflows: Result<Vec<WorkflowOverview>, Error>,
    /// The server's time when the pipeline was read, or this machine's time if the server's is unknown.
    #[cfg(feature = "wait")]
    as_of: std::time::SystemTime,
}

/// A workflow with its jobs. [`overview`](crate::overview) has an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct WorkflowOverview {
    /// The workflow.
    pub workflow: Workflow,
    /// The workflow's jobs in CircleCI's order, or the error if they could not be read. Empty if the workflow has no id.
    pub jobs: Result<Vec<WorkflowJob>, Error>,
}

impl PipelineOverview {
    /// Returns each job that was read, together with its workflow.
    pub fn jobs(&self) -> impl Iterator<Item = (&Workflow, &WorkflowJob)> {
        let workflows = self.workflows.iter().flatten();
        workflows.flat_map(|it| it.jobs.iter().flatten().map(|job| (&it.workflow, job)))
    }

    /// Returns one error for each part of the tree that could not be read.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        let workflows = self.workflows.iter().flatten();
        let jobs = workflows.filter_map(|workflow| workflow.jobs.as_ref().err());
        self.workflows.as_ref().err().into_iter().chain(jobs)
    }

    /// Returns the pipeline's outcome, which is computed from this tree. In contrast to [`Client::pipeline_outcome`], this method
    /// sends no request. It is the outcome at the time when the tree was read. Returns `None` if the workflows could not be read. Requires the feature `wait`.
    ///
    #[doc = mock_example!()]
    /// # use circleci_api::mock::Mock;
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
    /// # let server = Mock::start().await;
    /// # let circleci = server.client();
    /// for overview in circleci.project_overview("gh/acme/web", 10).send().await? {
    ///     let verdict = overview.outcome(&circleci).map(|outcome| outcome.verdict.to_string());
    ///     println!("#{} {}", overview.pipeline.number, verdict.as_deref().unwrap_or("unknown"));
    /// }
    /// # Ok(()) }
    /// ```
    #[cfg(feature = "wait")]
    pub fn outcome(&self, client: &Client) -> Option<crate::wait::Outcome> {
        let overviews = self.workflows.as_ref().ok()?;
        let workflows = overviews.iter().map(|it| it.workflow.clone()).collect();
        let jobs = overviews.iter().filter_map(|it| {
            let jobs = it.jobs.as_ref().ok()?;
            Some((it.workflow.id?, jobs.clone()))
        });
        let outcome = crate::wait::Outcome::of_tree(
            client,
            self.as_of,
            &self.pipeline,
            workflows,
            jobs.collect(),
        );
        Some(outcome)
    }
}

impl GetPipelineOverview {
    /// Sets how many calls run at the same time. 0 counts as 1. The default is 8.
    pub fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls.max(1);
        self
    }

    /// Requests the pipeline, its workflows and their jobs.
    ///
    /// # Errors
    ///
    /// Returns an error if the pipeline could not be read. If its workflows or their jobs could not be read, the tree contains
    /// the error in their place.
    pub async fn send(self) -> Result<PipelineOverview, Error> {
        let gate = Gate::new(self.at_once);
        // Request the state before the workflows. Otherwise, a workflow that is created between the two requests would be missed,
        // and the outcome would be wrong.
        let pipeline = gate.pass(self.pipeline.send_for_response()).await?;
        Ok(PipelineOverview {
            #[cfg(feature = "wait")]
            as_of: self.client.inner.server_time(pipeline.headers()),
            pipeline: pipeline.into_body(),
            workflows: with_jobs(&self.client, &gate, self.workflows, self.at_once).await,
        })
    }
}

impl GetProjectOverview {
    /// Selects only the pipelines of a branch.
    pub fn branch(mut self, branch: impl Into<QueryValue>) -> Self {
        self.list = self.list.branch(branch);
        self
    }

    /// Sets how many calls run at the same time. 0 counts as 1. The default is 8.
    pub fn at_once(mut self, calls: usize) -> Self {
        self.at_once = calls.max(1);
        self
    }

    /// Requests the pipelines with their workflows and jobs. The newest pipeline comes first.
    ///
    /// # Errors
    ///
    /// Returns an error if the pipelines could not be listed. If workflows or jobs of a pipeline could not be read, its tree
    /// contains the error in their place.
    pub async fn send(self) -> Result<Vec<PipelineOverview>, Error> {
        self.stream().try_into_vec().await
    }

    /// Returns the trees one by one. The tree of the newest pipeline comes first. With [`unordered`](Many::unordered), each tree
    /// comes as soon as it is complete. Memory use does not grow with the number of pipelines.
    ///
    /// If the pipelines cannot be listed, the error is the last item of the stream. If workflows or jobs of a pipeline cannot be
    /// read, its tree contains the error in their place. To limit the number of simultaneous calls, use
    /// [`at_once`](Self::at_once) of this type. In contrast, the method `at_once` of [`Many`] limits how many pipelines are read
    /// at the same time.
    pub fn stream(self) -> Many<'static, Result<PipelineOverview, Error>> {
        let (client, gate, at_once) = (self.client, Gate::new(self.at_once), self.at_once);
        let pipelines = Listing {
            pages: Some(Box::new(self.list.pages())),
            fetch: None,
            page: VecDeque::new(),
            left: self.pipelines,
            gate: gate.clone(),
        };
        let overviews = Many::of(pipelines, move |pipeline| {
            let (client, gate) = (client.clone(), gate.clone());
            async move {
                let pipeline = pipeline?;
                #[cfg(feature = "wait")]
                let as_of = client.inner.clock.utc();
                let list = client.list_workflows_by_pipeline_id(pipeline.id);
                let workflows = with_jobs(&client, &gate, list, at_once).await;
                Ok(PipelineOverview {
                    #[cfg(feature = "wait")]
                    as_of,
                    pipeline,
                    workflows,
                })
            }
        });
        // The gate limits the calls to `at_once`. Twice as many pipelines are read at the same time, so that the gate stays busy
        // while the last calls of a pipeline run.
        overviews.at_once(at_once.saturating_mul(2))
    }
}

/// Lists the workflows of a pipeline, each with its jobs.
async fn with_jobs(
    client: &Client,
    gate: &Gate,
    list: Request<ListWorkflowsByPipelineId>,
    at_once: usize,
) -> Result<Vec<WorkflowOverview>, Error> {
    let workflows = gate.pass(list.items().into_vec()).await?;
    let overviews = workflows.into_iter().map(|workflow| async move {
        let jobs = match workflow.id {
            Some(id) => {
                gate.pass(client.list_workflow_jobs(id).items().into_vec())
                    .await
            }
            None => Ok(Vec::new()),
        };
        WorkflowOverview { workflow, jobs }
    });
    Ok(Many::new(overviews).at_once(at_once).into_vec().await)
}

/// The pipelines of a project, page by page. Each page request passes through the gate.
struct Listing {
    /// `None` while a page is being read.
    pages: Option<Box<Pages<PipelineList>>>,
    fetch: Option<Fetch>,
    page: VecDeque<Pipeline>,
    left: usize,
    gate: Gate,
}

type Fetch = Pin<Box<dyn Future<Output = Fetched> + Send>>;
type Fetched = (
    Box<Pages<PipelineList>>,
    Result<Option<PipelineList>, Error>,
);

impl Stream for Listing {
    type Item = Result<Pipeline, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            if let Some(pipeline) = self.page.pop_front() {
                self.left -= 1;
                return Poll::Ready(Some(Ok(pipeline)));
            }
            if let Some(mut pages) = self.pages.take() {
                let gate = self.gate.clone();
                self.fetch = Some(Box::pin(async move {
                    let page = gate.pass(pages.try_next()).await;
                    (pages, page)
                }));
            }
            let Some(fetch) = &mut self.fetch else {
                return Poll::Ready(None);
            };
            let (pages, page) = ready!(fetch.as_mut().poll(cx));
            self.fetch = None;
            match page {
                Ok(Some(page)) => {
                    self.page = page.items.into();
                    self.pages = Some(pages);
                }
                Ok(None) => self.left = 0,
                Err(error) => {
                    self.left = 0;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl fmt::Display for PipelineOverview {
    /// Writes one line for the pipeline, one for each workflow, one for each job and one for each error.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |status: Option<&str>| status.unwrap_or("-").to_owned();
        let state = self.pipeline.state.as_ref().map(|state| state.as_str());
        writeln!(f, "#{} {}", self.pipeline.number, word(state))?;
        for it in self.workflows.iter().flatten() {
            let status = it.workflow.status.as_ref().map(|status| status.as_str());
            writeln!(f, "  {} {}", it.workflow.name, word(status))?;
            for job in it.jobs.iter().flatten() {
                let status = job.status.as_ref().map(|status| status.as_str());
                writeln!(f, "    {} {}", job.name, word(status))?;
            }
        }
        for error in self.errors() {
            writeln!(f, "  incomplete: {error}")?;
        }
        Ok(())
    }
}

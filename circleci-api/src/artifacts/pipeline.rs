//! Downloads all artifacts of a pipeline.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::TokenHosts;
use super::batch::{Batch, Piece, paths, setters};
use super::download::Downloaded;
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use crate::generated::operations::{GetJobArtifacts, ListWorkflowsByPipelineId};
use crate::generated::types::{Artifact, Workflow, WorkflowJob};
use crate::lists::many::Many;
use crate::request::Request;
use crate::values::argument::PathValue;

impl Client {
    /// Downloads all artifacts of a pipeline, several at a time. The artifacts of each job go into the folder
    /// `<workflow>/<job>-<job number>`, so that the files of a job and of its rerun are separate. Requires the feature
    /// `artifacts`.
    ///
    /// ```no_run
    /// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
    /// let artifacts = circleci
    ///     .download_pipeline_artifacts("5034460f-c7c4-4c43-9457-de07e2029e7b")
    ///     .filter(|job, artifact| job.name == "test" && artifact.path.ends_with(".xml"))
    ///     .on_progress(|all| println!("{} of {} files, {} bytes", all.finished, all.count, all.received))
    ///     .into_folder("out")
    ///     .await?;
    /// for failure in &artifacts.failed {
    ///     eprintln!("{failure}"); // build / test (1843): "junit/a.xml": downloadArtifact: 404 Not Found
    /// }
    /// println!("{} bytes in {} files", artifacts.bytes(), artifacts.files.len());
    /// # Ok(()) }
    /// ```
    pub fn download_pipeline_artifacts(
        &self,
        pipeline_id: impl Into<PathValue>,
    ) -> DownloadPipelineArtifacts {
        DownloadPipelineArtifacts {
            batch: Batch::new(self),
            workflows: self.list_workflows_by_pipeline_id(pipeline_id),
            filter: None,
            progress: None,
        }
    }
}

type Filter = Box<dyn Fn(&WorkflowJob, &Artifact) -> bool + Send + Sync>;
type OnProgress = Box<dyn Fn(&PipelineProgress<'_>) + Send + Sync>;

/// A request from [`Client::download_pipeline_artifacts`] to download all artifacts of a pipeline.
///
/// ```no_run
/// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
/// use circleci_api::artifacts::TokenHosts;
///
/// let artifacts = circleci
///     .download_pipeline_artifacts("5034460f-c7c4-4c43-9457-de07e2029e7b")
///     .filter(|job, _| job.name == "build")
///     .token_hosts(TokenHosts::none()) // they are public
///     .max_bytes(10 << 20)
///     .at_once(4)
///     .on_progress(|all| println!("{} / {}: {} bytes", all.workflow, all.job.name, all.received))
///     .into_folder("out")
///     .await?;
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until `into_folder` is called and awaited"]
pub struct DownloadPipelineArtifacts {
    batch: Batch,
    workflows: Request<ListWorkflowsByPipelineId>,
    filter: Option<Filter>,
    progress: Option<OnProgress>,
}

/// The progress of all downloads of a pipeline. [`Client::download_pipeline_artifacts`] has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PipelineProgress<'a> {
    /// The name of the workflow to which the job belongs.
    pub workflow: &'a str,
    /// The job to which the artifact belongs.
    pub job: &'a WorkflowJob,
    /// The artifact that is being downloaded.
    pub artifact: &'a Artifact,
    /// The number of files that are complete.
    pub finished: usize,
    /// The total number of artifacts in the download.
    pub count: usize,
    /// The number of bytes that were received so far, summed over all files.
    pub received: u64,
}

/// The result of downloading all artifacts of a pipeline.
///
/// ```no_run
/// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
/// let pipeline = "5034460f-c7c4-4c43-9457-de07e2029e7b";
/// let artifacts = circleci.download_pipeline_artifacts(pipeline).into_folder("out").await?;
/// for file in &artifacts.files {
///     println!("{} / {}: {}", file.workflow, file.job.name, file.file.path.display());
/// }
/// println!("{} bytes, {} failures", artifacts.bytes(), artifacts.failed.len());
/// # Ok(()) }
/// ```
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "some of the artifacts may be missing"]
pub struct PipelineArtifacts {
    /// The files that were written, in CircleCI's order of workflows, jobs and artifacts.
    pub files: Vec<PipelineFile>,
    /// The failures: what could not be listed or downloaded, and why.
    pub failed: Vec<PipelineArtifactFailure>,
}

impl PipelineArtifacts {
    /// Returns the total size of the written files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.file.bytes).sum()
    }
}

/// A file that was written. [`Client::download_pipeline_artifacts`] has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PipelineFile {
    /// The name of the workflow to which the job belongs.
    pub workflow: String,
    /// The job to which the artifact belongs.
    pub job: WorkflowJob,
    /// The path and the size of the file.
    pub file: Downloaded,
}

/// A failure in the download of a pipeline's artifacts: a list of jobs, a list of artifacts or an artifact could not be read.
/// `Display` prints the failure as one line. [`Client::download_pipeline_artifacts`] has an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct PipelineArtifactFailure {
    /// The name of the workflow in which the failure occurred.
    pub workflow: String,
    /// The job. It is `None` if the jobs of the workflow could not be listed.
    pub job: Option<WorkflowJob>,
    /// The artifact. It is `None` if the artifacts of the job could not be listed.
    pub artifact: Option<Artifact>,
    /// The reason for the failure.
    pub error: Error,
}

impl fmt::Display for PipelineArtifactFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.workflow)?;
        if let Some(job) = &self.job {
            write!(f, " / {}", job.name)?;
            if let Some(number) = job.job_number {
                write!(f, " ({number})")?;
            }
        }
        if let Some(artifact) = &self.artifact {
            write!(f, ": {:?}", artifact.path)?;
        }
        write!(f, ": {}", self.error)
    }
}

impl std::error::Error for PipelineArtifactFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// A job and those of its artifacts that will be downloaded.
struct Listed {
    workflow: String,
    job: WorkflowJob,
    artifacts: Vec<Artifact>,
}

/// The job of an artifact, and the number of the artifact's bytes that were received.
struct Place<'a> {
    of: &'a Listed,
    received: AtomicU64,
}

setters!(DownloadPipelineArtifacts);

impl DownloadPipelineArtifacts {
    /// Downloads only the artifacts for which `wanted` returns `true`.
    pub fn filter(
        mut self,
        wanted: impl Fn(&WorkflowJob, &Artifact) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.filter = Some(Box::new(wanted));
        self
    }

    /// Sets a function that is called each time a piece of an artifact is received. The function should not block.
    pub fn on_progress(
        mut self,
        progress: impl Fn(&PipelineProgress<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Box::new(progress));
        self
    }

    /// Lists the workflows, their jobs and the artifacts of each job. Then writes each artifact to its own path in the folder
    /// of its job, as [`DownloadArtifacts::into_folder`](super::DownloadArtifacts::into_folder) does. If a rerun reuses a job,
    /// the artifacts of this job are downloaded only once.
    ///
    /// Folders are named after workflows and jobs. In these names, letters, digits, spaces, `-`, `_` and `.` are kept, and every
    /// other character becomes `_`.
    ///
    /// Dropping the future cancels all downloads.
    ///
    /// # Errors
    ///
    /// The call fails if the workflows cannot be listed. Every other failure is in [`failed`](PipelineArtifacts::failed), and
    /// the other downloads continue.
    pub async fn into_folder(self, folder: impl AsRef<Path>) -> Result<PipelineArtifacts, Error> {
        let workflows = self.workflows.clone().items().into_vec().await?;
        let mut failed = Vec::new();
        let listed = self.list(workflows, &mut failed).await;

        let mut taken = BTreeSet::new();
        let (mut places, mut artifacts, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        for of in &listed {
            targets.extend(paths(
                &self.batch.client,
                &of.artifacts,
                &folder_of(of),
                &mut taken,
            ));
            artifacts.extend(of.artifacts.iter().cloned());
            places.extend(of.artifacts.iter().map(|_| Place {
                of,
                received: AtomicU64::new(0),
            }));
        }
        let results = self
            .fetch(folder.as_ref(), &places, &artifacts, targets)
            .await;

        let mut files = Vec::new();
        for ((result, place), artifact) in results.into_iter().zip(&places).zip(artifacts) {
            let (workflow, job) = (place.of.workflow.clone(), place.of.job.clone());
            match result {
                Ok(file) => files.push(PipelineFile {
                    workflow,
                    job,
                    file,
                }),
                Err(error) => failed.push(PipelineArtifactFailure {
                    workflow,
                    job: Some(job),
                    artifact: Some(artifact),
                    error,
                }),
            }
        }
        Ok(PipelineArtifacts { files, failed })
    }

    async fn fetch(
        &self,
        folder: &Path,
        places: &[Place<'_>],
        artifacts: &[Artifact],
        targets: Vec<Result<PathBuf, Error>>,
    ) -> Vec<Result<Downloaded, Error>> {
        let (all, finished) = (AtomicU64::new(0), AtomicUsize::new(0));
        let tell = |piece: &Piece<'_>| {
            let (Some(progress), Some(place)) = (&self.progress, places.get(piece.index)) else {
                return;
            };
            // A download that starts again counts its bytes from 0, so the difference can be negative. Wrapping arithmetic makes
            // the sum right even then.
            let before = place.received.swap(piece.received, Ordering::Relaxed);
            let more = piece.received.wrapping_sub(before);
            let received = all.fetch_add(more, Ordering::Relaxed).wrapping_add(more);
            if piece.finished {
                finished.fetch_add(1, Ordering::Relaxed);
            }
            progress(&PipelineProgress {
                workflow: &place.of.workflow,
                job: &place.of.job,
                artifact: piece.artifact,
                finished: finished.load(Ordering::Relaxed),
                count: places.len(),
                received,
            });
        };
        self.batch.fetch(folder, artifacts, targets, tell).await
    }

    /// Lists each job that has run, with the artifacts that the filter selects.
    async fn list(
        &self,
        workflows: Vec<Workflow>,
        failed: &mut Vec<PipelineArtifactFailure>,
    ) -> Vec<Listed> {
        let calls = workflows.into_iter().map(|workflow| async move {
            let jobs = self.batch.client.list_workflow_jobs(workflow.id).items();
            (jobs.into_vec().await, workflow)
        });
        let (mut jobs, mut known) = (Vec::new(), BTreeSet::new());
        for (of, workflow) in Many::new(calls)
            .at_once(self.batch.at_once)
            .into_vec()
            .await
        {
            match of {
                // Skip known jobs: a rerun also lists the jobs that it reuses.
                Ok(of) => jobs.extend(
                    of.into_iter()
                        .filter(super::has_run)
                        .filter_map(|job| Some((job.job_number?, job)))
                        .filter(|(number, _)| known.insert((workflow.name.clone(), *number)))
                        .map(|(number, job)| (workflow.clone(), job, number)),
                ),
                Err(error) => failed.push(PipelineArtifactFailure {
                    workflow: workflow.name,
                    job: None,
                    artifact: None,
                    error,
                }),
            }
        }
        let calls = jobs.into_iter().map(|(workflow, job, number)| async move {
            let artifacts = self.artifacts(&workflow, &job, number).await;
            (workflow.name, job, artifacts)
        });
        let mut listed = Vec::new();
        for (workflow, job, artifacts) in Many::new(calls)
            .at_once(self.batch.at_once)
            .into_vec()
            .await
        {
            match artifacts {
                Ok(artifacts) => listed.push(Listed {
                    workflow,
                    job,
                    artifacts,
                }),
                Err(error) => failed.push(PipelineArtifactFailure {
                    workflow,
                    job: Some(job),
                    artifact: None,
                    error,
                }),
            }
        }
        listed
    }

    async fn artifacts(
        &self,
        workflow: &Workflow,
        job: &WorkflowJob,
        number: i64,
    ) -> Result<Vec<Artifact>, Error> {
        let slug = job.project_slug.as_ref().or(workflow.project_slug.as_ref());
        let slug = slug.ok_or_else(|| {
            Error::new(ErrorKind::Decode)
                .with_operation(GetJobArtifacts::OPERATION)
                .with_message("neither the job nor its workflow has a project slug")
        })?;
        let mut list = self.batch.client.get_job_artifacts(slug, number).items();
        let mut artifacts = Vec::new();
        while let Some(artifact) = list.try_next().await? {
            if self
                .filter
                .as_ref()
                .is_none_or(|wanted| wanted(job, &artifact))
            {
                artifacts.push(artifact);
            }
        }
        Ok(artifacts)
    }
}

/// Returns the folder of a job, such as `build/test-1843`.
fn folder_of(listed: &Listed) -> PathBuf {
    let number = listed.job.job_number.unwrap_or_default();
    let job = format!("{}-{number}", folder_name(&listed.job.name));
    Path::new(&folder_name(&listed.workflow)).join(job)
}

/// Turns a name into the name of a single, visible folder that is valid on every system.
fn folder_name(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ' ');
    let name: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    // Windows removes dots and spaces at the end, and reserves some names.
    let name = name.trim_matches(|c| matches!(c, ' ' | '.'));
    let stem = name.split('.').next().unwrap_or_default().trim_end();
    let stem = stem.to_ascii_lowercase();
    let reserved = matches!(&*stem, "con" | "prn" | "aux" | "nul")
        || (stem.len() == 4
            && (stem.starts_with("com") || stem.starts_with("lpt"))
            && stem.ends_with(|c: char| c.is_ascii_digit()));
    match name {
        "" => "_".to_owned(),
        name if reserved => format!("_{name}"),
        name => name.to_owned(),
    }
}

impl fmt::Debug for DownloadPipelineArtifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadPipelineArtifacts")
            .field("workflows", &self.workflows)
            .field("max_bytes", &self.batch.max_bytes)
            .field("at_once", &self.batch.at_once)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::folder_name;

    #[test]
    fn a_name_becomes_one_folder() {
        for (name, folder) in [
            ("build", "build"),
            ("Build & test/linux", "Build _ test_linux"),
            ("..", "_"),
            ("", "_"),
            ("../../etc", "_.._etc"),
            ("a\\b:c\u{0}", "a_b_c_"),
            ("ends. ", "ends"),
            ("NUL", "_NUL"),
            ("com1.txt", "_com1.txt"),
            ("bäume", "bäume"),
        ] {
            assert_eq!(folder_name(name), folder, "{name:?}");
        }
    }
}

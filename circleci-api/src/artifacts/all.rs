//! Downloads all artifacts of a job.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::TokenHosts;
use super::batch::{Batch, Piece, paths, setters};
use super::download::Downloaded;
use crate::client::Client;
use crate::error::Error;
use crate::generated::operations::GetJobArtifacts;
use crate::generated::types::Artifact;
use crate::request::Request;
use crate::values::argument::PathValue;

impl Client {
    /// Downloads all artifacts of a job, several at a time. Requires the feature `artifacts`.
    ///
    /// ```no_run
    /// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
    /// let artifacts = circleci
    ///     .download_artifacts("gh/acme/web", 1843)
    ///     .filter(|artifact| artifact.path.ends_with(".xml"))
    ///     .on_progress(|progress| println!("{}: {} of {:?} bytes", progress.artifact.path, progress.received, progress.length))
    ///     .into_folder("out")
    ///     .await?;
    /// println!("{} bytes", artifacts.bytes());
    /// # Ok(()) }
    /// ```
    pub fn download_artifacts(
        &self,
        project_slug: impl Into<PathValue>,
        job_number: impl Into<PathValue>,
    ) -> DownloadArtifacts {
        DownloadArtifacts {
            batch: Batch::new(self),
            list: self.get_job_artifacts(project_slug, job_number),
            filter: None,
            progress: None,
        }
    }
}

type Filter = Box<dyn Fn(&Artifact) -> bool + Send + Sync>;
type OnProgress = Arc<dyn Fn(&Progress<'_>) + Send + Sync>;

/// A request from [`Client::download_artifacts`] to download all artifacts of a job.
///
#[doc = mock_example!()]
/// # use circleci_api::{artifacts::TokenHosts, mock::Mock, operations::GetJobArtifacts, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let url = server.file("file", "hello");
/// # let files = json!([{ "path": "junit/a.xml", "url": url }, { "path": "log.txt", "url": url }]);
/// # server.on::<GetJobArtifacts>().reply_json(json!({ "items": files }));
/// # let out = std::env::temp_dir().join(format!("circleci-api-doc-all-{}", std::process::id()));
/// # let circleci = server.client();
/// let found = circleci
///     .download_artifacts("gh/acme/web", 1843)
///     .filter(|artifact| artifact.path.ends_with(".xml"))
///     .token_hosts(TokenHosts::none()) // they are public
///     .max_bytes(10 << 20)
///     .at_once(8)
///     .on_progress(|progress| println!("{}: {} of {:?} bytes", progress.artifact.path, progress.received, progress.length))
///     .into_folder(&out)
///     .await?;
///
/// assert_eq!((found.files().count(), found.bytes()), (1, 5));
/// assert!(out.join("junit/a.xml").is_file());
/// # std::fs::remove_dir_all(out).unwrap();
/// # Ok(()) }
/// ```
#[must_use = "nothing is sent until `into_folder` is called and awaited"]
pub struct DownloadArtifacts {
    batch: Batch,
    list: Request<GetJobArtifacts>,
    filter: Option<Filter>,
    progress: Option<OnProgress>,
}

/// The progress of one artifact in a download of several artifacts. [`DownloadArtifacts`] has an example.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Progress<'a> {
    /// The artifact that is being downloaded.
    pub artifact: &'a Artifact,
    /// The index of this artifact among all artifacts in the download, starting at 0.
    pub index: usize,
    /// The total number of artifacts in the download.
    pub count: usize,
    /// The number of bytes of this artifact that were received so far.
    pub received: u64,
    /// The size of this artifact in bytes, if the server sent it.
    pub length: Option<u64>,
    /// True if the file is complete and has its final name.
    pub finished: bool,
}

/// An artifact that could not be downloaded. [`DownloadedArtifacts`] has an example.
#[derive(Debug)]
#[non_exhaustive]
pub struct ArtifactFailure {
    /// The artifact that could not be downloaded.
    pub artifact: Artifact,
    /// The reason why the artifact could not be downloaded.
    pub error: Error,
}

impl fmt::Display for ArtifactFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.artifact.path, self.error)
    }
}

impl std::error::Error for ArtifactFailure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

/// The results of a download: one result for each artifact of a job, in CircleCI's order.
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::Mock, operations::GetJobArtifacts, serde_json::json};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let storage = wiremock::MockServer::start().await;
/// # let file = wiremock::ResponseTemplate::new(200).set_body_string("hello");
/// # wiremock::Mock::given(wiremock::matchers::path("/a.xml")).respond_with(file).mount(&storage).await;
/// # let server = Mock::start().await;
/// # let file = |name| json!({ "path": name, "url": format!("{}/{name}", storage.uri()) });
/// # server.on::<GetJobArtifacts>().reply_json(json!({ "items": [file("gone.xml"), file("a.xml")] }));
/// # let out = std::env::temp_dir().join(format!("circleci-api-doc-some-{}", std::process::id()));
/// # let circleci = server.client();
/// let found = circleci.download_artifacts("gh/acme/web", 1843).into_folder(&out).await?;
///
/// println!("{} bytes", found.bytes());
/// for file in found.files() {
///     println!("{} has {} bytes", file.path.display(), file.bytes);
/// }
/// for failure in found.failed() {
///     println!("{}: {}", failure.artifact.path, failure.error); // 404 Not Found
/// }
/// let results = found.into_results();
/// assert!(results[0].is_err() && results[1].is_ok());
/// # std::fs::remove_dir_all(out).unwrap();
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct DownloadedArtifacts(Vec<Result<Downloaded, ArtifactFailure>>);

impl DownloadedArtifacts {
    /// Returns the files that were written.
    pub fn files(&self) -> impl Iterator<Item = &Downloaded> {
        self.0.iter().flatten()
    }

    /// Returns the artifacts that could not be downloaded.
    pub fn failed(&self) -> impl Iterator<Item = &ArtifactFailure> {
        self.0.iter().filter_map(|result| result.as_ref().err())
    }

    /// Returns the total size of the written files, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files().map(|file| file.bytes).sum()
    }

    /// Returns one result for each artifact.
    pub fn into_results(self) -> Vec<Result<Downloaded, ArtifactFailure>> {
        self.0
    }
}

setters!(DownloadArtifacts);

impl DownloadArtifacts {
    /// Downloads only the artifacts for which `wanted` returns `true`.
    pub fn filter(mut self, wanted: impl Fn(&Artifact) -> bool + Send + Sync + 'static) -> Self {
        self.filter = Some(Box::new(wanted));
        self
    }

    /// Sets a function that is called each time a piece of an artifact is received. The function should not block.
    pub fn on_progress(mut self, progress: impl Fn(&Progress<'_>) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(progress));
        self
    }

    /// Lists the artifacts, and writes each artifact to its own path below `folder`, as
    /// [`DownloadArtifact::into_folder`](super::DownloadArtifact::into_folder) does. If the artifacts come from several
    /// parallel runs of the job, the files of run 1 are in the folder `1`, and so on. Dropping the future cancels all downloads.
    ///
    /// # Errors
    ///
    /// The call fails if the artifacts cannot be listed. If one artifact cannot be downloaded, its error is in the result, and
    /// the other downloads continue.
    pub async fn into_folder(self, folder: impl AsRef<Path>) -> Result<DownloadedArtifacts, Error> {
        let mut artifacts = self.list.clone().items().into_vec().await?;
        if let Some(wanted) = &self.filter {
            artifacts.retain(|artifact| wanted(artifact));
        }
        let count = artifacts.len();
        let paths = paths(
            &self.batch.client,
            &artifacts,
            Path::new(""),
            &mut BTreeSet::new(),
        );
        let progress = self.progress;
        let tell = |piece: &Piece<'_>| {
            if let Some(progress) = &progress {
                progress(&Progress {
                    artifact: piece.artifact,
                    index: piece.index,
                    count,
                    received: piece.received,
                    length: piece.length,
                    finished: piece.finished,
                });
            }
        };
        let results = self
            .batch
            .fetch(folder.as_ref(), &artifacts, paths, tell)
            .await;
        let results = artifacts
            .into_iter()
            .zip(results)
            .map(|(artifact, result)| result.map_err(|error| ArtifactFailure { artifact, error }));
        Ok(DownloadedArtifacts(results.collect()))
    }
}

impl fmt::Debug for DownloadArtifacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadArtifacts")
            .field("list", &self.list)
            .field("max_bytes", &self.batch.max_bytes)
            .field("at_once", &self.batch.at_once)
            .finish_non_exhaustive()
    }
}

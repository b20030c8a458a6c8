//! Downloads one artifact, as a stream or to a file.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::Method;

use super::{MAX_BYTES, TokenHosts};
use crate::client::Client;
use crate::download::draft::{self, Draft};
use crate::download::flow::{Flow, Next, stream};
use crate::download::safe_path;
use crate::download::transfer::Transfer;
use crate::error::Error;
use crate::generated::types::Artifact;
use crate::operation::{Operation, Replay};

/// The operation that is named in the errors of a download. It is not in CircleCI's document.
static DOWNLOAD: Operation = Operation::new("downloadArtifact", Method::GET, "", &[], Replay::Safe);

impl Client {
    /// Downloads an artifact that [`get_job_artifacts`](Client::get_job_artifacts) lists. Requires the feature `artifacts`.
    ///
    /// ```no_run
    /// # async fn run(circleci: circleci_api::Client) -> Result<(), circleci_api::Error> {
    /// let mut artifacts = circleci.get_job_artifacts("gh/acme/web", 1843).items();
    /// while let Some(artifact) = artifacts.try_next().await? {
    ///     let file = circleci.download_artifact(&artifact).max_bytes(10 << 20).into_folder("out").await?;
    ///     println!("{} bytes in {}", file.bytes, file.path.display());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn download_artifact(&self, artifact: &Artifact) -> DownloadArtifact {
        DownloadArtifact {
            client: self.clone(),
            artifact: artifact.clone(),
            hosts: Arc::default(),
            max_bytes: MAX_BYTES,
        }
    }
}

/// A request from [`Client::download_artifact`] to download an artifact.
///
/// A failed attempt is retried. The client's [`RetryPolicy`](crate::RetryPolicy) limits the attempts for the whole file. An
/// interrupted download continues where it stopped if the server supports ranges and sends the same strong `ETag` with each
/// range. Otherwise, the file is read again from its start and compared with the bytes that were already received. If they
/// differ, the download fails. The total time has no limit, but the time without data has one
/// ([`read_timeout`](crate::ClientBuilder::read_timeout)).
///
/// The content is kept byte for byte. A file that is stored compressed (`content-encoding: gzip`) stays compressed, with or
/// without the feature `gzip`.
///
#[doc = mock_example!()]
/// # use circleci_api::{artifacts::TokenHosts, mock::{self, Mock}, operations::GetJobArtifacts};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let url = server.file("file", "hello");
/// # let artifact = mock::item::<GetJobArtifacts>(|it| (it.path, it.url) = ("junit/a.xml".into(), url));
/// # let out = std::env::temp_dir().join(format!("circleci-api-doc-one-{}", std::process::id()));
/// # let circleci = server.client();
/// let hosts = TokenHosts::new().allow("artifacts.ci.example.com")?;
/// let download = circleci.download_artifact(&artifact).token_hosts(hosts).max_bytes(10 << 20);
///
/// let file = download.clone().into_folder(&out).await?;
/// assert_eq!((file.path, file.bytes), (out.join("junit/a.xml"), 5));
///
/// let file = download.to_file(out.join("report.xml")).await?;
/// assert_eq!(file.path, out.join("report.xml"));
/// # std::fs::remove_dir_all(out).unwrap();
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "nothing is sent until `stream`, `to_file` or `into_folder` is called and awaited"]
pub struct DownloadArtifact {
    client: Client,
    artifact: Artifact,
    hosts: Arc<TokenHosts>,
    max_bytes: u64,
}

/// A file that was written. [`DownloadArtifact`] has an example.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Downloaded {
    /// The path of the file.
    pub path: PathBuf,
    /// The size of the file in bytes.
    pub bytes: u64,
}

impl DownloadArtifact {
    /// Sets the hosts that receive the token. See [`TokenHosts`].
    pub fn token_hosts(mut self, hosts: TokenHosts) -> Self {
        self.hosts = Arc::new(hosts);
        self
    }

    pub(super) fn shared_token_hosts(mut self, hosts: Arc<TokenHosts>) -> Self {
        self.hosts = hosts;
        self
    }

    /// Sets the maximum size of an artifact, in bytes. The download of a larger artifact fails. Default: 1 GiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Returns a stream of the artifact's content, in pieces. The request is sent when the future is awaited.
    /// [`ArtifactStream`] has an example.
    ///
    /// # Errors
    ///
    /// The call fails if the artifact cannot be read, or if the server says that it is [larger](crate::ErrorKind::TooLarge) than
    /// the limit.
    pub async fn stream(self) -> Result<ArtifactStream, Error> {
        let mut transfer = self.transfer()?;
        transfer.opened().await?;
        Ok(ArtifactStream {
            length: transfer.length(),
            flow: Flow::Idle(transfer),
        })
    }

    /// Writes the artifact to `path`, and replaces an existing file. The folder of `path` must exist. The content first goes
    /// into a temporary file in this folder, and the file appears under its own name only when it is complete. It does not
    /// appear after an error, or if the future is dropped. On Unix, a file that replaces another file gets the mode of the old
    /// file.
    ///
    /// # Errors
    ///
    /// The call fails if the artifact cannot be read, is [larger](crate::ErrorKind::TooLarge) than the limit, or
    /// [cannot be written](crate::ErrorKind::File).
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<Downloaded, Error> {
        self.write(path.as_ref().to_owned(), |_, _| ()).await
    }

    /// Writes the artifact as [`to_file`](Self::to_file) does, but to the artifact's own path below `folder`. Creates missing
    /// folders.
    ///
    /// # Errors
    ///
    /// The call fails in the same cases as `to_file`. The artifact's path comes from a server, so an unsafe path is
    /// [rejected](crate::ErrorKind::File) before anything is sent or created. A path is unsafe
    ///
    /// - if it is absolute or leads out of the folder;
    /// - if it contains a backslash, a drive letter or a control character;
    /// - on Windows, if it contains a reserved name.
    ///
    /// The path is also rejected if a folder between `folder` and the file is a symbolic link.
    pub async fn into_folder(self, folder: impl AsRef<Path>) -> Result<Downloaded, Error> {
        let below = self.path()?;
        let path = draft::place(folder.as_ref(), &below)
            .await
            .map_err(called)?;
        self.write(path, |_, _| ()).await
    }

    /// Returns the artifact's path, or an error if the path is not safe below a folder.
    pub(super) fn path(&self) -> Result<PathBuf, Error> {
        let path = &self.artifact.path;
        safe_path::below(path, cfg!(windows))
            .map_err(|why| called(draft::failed(Path::new(path), why)))
    }

    fn transfer(&self) -> Result<Transfer, Error> {
        Transfer::new(
            &self.client,
            &DOWNLOAD,
            &self.artifact.url,
            Some(Arc::clone(&self.hosts)),
            self.max_bytes,
        )
    }

    async fn write(
        self,
        path: PathBuf,
        tell: impl Fn(u64, Option<u64>) + Send,
    ) -> Result<Downloaded, Error> {
        self.receive(path, tell).await?.keep().await
    }

    /// Receives the artifact into a temporary file. Calls `tell` for every piece, with the number of bytes received so far and
    /// (if it is known) the total number of bytes.
    pub(super) async fn receive(
        self,
        path: PathBuf,
        tell: impl Fn(u64, Option<u64>) + Send,
    ) -> Result<Received, Error> {
        draft::check(&path).map_err(called)?;
        let mut transfer = self.transfer()?;
        transfer.opened().await?;
        tell(0, transfer.length());
        let mut draft = Draft::begin(&path).map_err(called)?;
        while let Some(piece) = transfer.next().await? {
            draft.write(&piece).await.map_err(called)?;
            tell(transfer.received(), transfer.length());
        }
        let bytes = transfer.received();
        Ok(Received {
            draft,
            file: Downloaded { path, bytes },
        })
    }
}

/// A file that was received, but is not at its final path yet.
pub(super) struct Received {
    draft: Draft,
    file: Downloaded,
}

impl Received {
    /// Waits until the file is on the disk, and moves it to its final path.
    pub(super) async fn keep(self) -> Result<Downloaded, Error> {
        self.draft.keep().await.map_err(called)?;
        Ok(self.file)
    }
}

pub(super) fn called(error: Error) -> Error {
    error.with_operation(&DOWNLOAD)
}

// The output does not contain the URL of the artifact, because a signed URL is a secret.
impl fmt::Debug for DownloadArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadArtifact")
            .field("path", &self.artifact.path)
            .field("node_index", &self.artifact.node_index)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// The content of an artifact, from [`DownloadArtifact::stream`].
///
/// This type implements [`Stream`](futures_core::Stream). The stream ends after an error.
///
#[doc = mock_example!()]
/// # use circleci_api::{mock::{self, Mock}, operations::GetJobArtifacts};
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), circleci_api::Error> {
/// # let server = Mock::start().await;
/// # let url = server.file("file", "hello");
/// # let artifact = mock::item::<GetJobArtifacts>(|it| (it.path, it.url) = ("junit/a.xml".into(), url));
/// # let circleci = server.client();
/// let mut content = circleci.download_artifact(&artifact).stream().await?;
/// let mut read = 0;
/// while let Some(piece) = content.try_next().await? {
///     read += piece.len() as u64;
/// }
/// assert_eq!(content.length(), Some(read));
/// # Ok(()) }
/// ```
#[must_use = "nothing is read until the stream is polled"]
pub struct ArtifactStream {
    length: Option<u64>,
    flow: Flow<Transfer>,
}

impl ArtifactStream {
    /// Returns the size of the artifact in bytes, if the server sent it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

stream! { ArtifactStream => Bytes }

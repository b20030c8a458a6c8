//! One artifact, as a stream or a file.

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

/// The operation's name in errors of a download. It is not in the document.
static DOWNLOAD: Operation = Operation::new("downloadArtifact", Method::GET, "", &[], Replay::Safe);

impl Client {
    /// Downloads an artifact of [`get_job_artifacts`](Client::get_job_artifacts). Requires the feature `artifacts`.
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

/// A download from [`Client::download_artifact`].
///
/// A failed attempt is retried, within the client's [`RetryPolicy`](crate::RetryPolicy) for the whole file. An interrupted
/// download continues at the same place if the server supports ranges and sends the same strong `ETag` with each of them.
/// Otherwise the file is read again from its start and compared with what was already received; if it has changed, the
/// download fails. There is no limit on the total time, only on the time without data
/// ([`read_timeout`](crate::ClientBuilder::read_timeout)).
///
/// The content is kept byte for byte: a file that is stored compressed (`content-encoding: gzip`) stays compressed, with or
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
    /// Its size in bytes.
    pub bytes: u64,
}

impl DownloadArtifact {
    /// The hosts that receive the token; see [`TokenHosts`].
    pub fn token_hosts(mut self, hosts: TokenHosts) -> Self {
        self.hosts = Arc::new(hosts);
        self
    }

    pub(super) fn shared_token_hosts(mut self, hosts: Arc<TokenHosts>) -> Self {
        self.hosts = hosts;
        self
    }

    /// The largest file that is read, in bytes. Default: 1 GiB.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// The artifact's content, in pieces. The request is sent when the future is awaited.
    /// [`ArtifactStream`] has an example.
    ///
    /// # Errors
    ///
    /// The artifact cannot be read, or the server says that it is [larger](crate::ErrorKind::TooLarge) than the limit.
    pub async fn stream(self) -> Result<ArtifactStream, Error> {
        let mut transfer = self.transfer()?;
        transfer.opened().await?;
        Ok(ArtifactStream {
            length: transfer.length(),
            flow: Flow::Idle(transfer),
        })
    }

    /// Writes the artifact to `path`, and replaces an existing file. The file appears when it is complete, and does not
    /// appear after an error or if the future is dropped: until then, it is a temporary file in the same folder, which must
    /// exist. On Unix, a file that replaces another one gets the mode of the old file.
    ///
    /// # Errors
    ///
    /// The artifact cannot be read, is [larger](crate::ErrorKind::TooLarge) than the limit, or
    /// [cannot be written](crate::ErrorKind::File).
    pub async fn to_file(self, path: impl AsRef<Path>) -> Result<Downloaded, Error> {
        self.write(path.as_ref().to_owned(), |_, _| ()).await
    }

    /// Like [`to_file`](Self::to_file), but writes to the artifact's own path below `folder`. Missing folders are created.
    ///
    /// # Errors
    ///
    /// The errors of `to_file`. The path comes from a server, so it is [rejected](crate::ErrorKind::File) before anything
    /// is sent or created if it is absolute, leads out of the folder, or contains a backslash, a drive, a control
    /// character, or on Windows a reserved name. It is also rejected if a folder on the way is a link.
    pub async fn into_folder(self, folder: impl AsRef<Path>) -> Result<Downloaded, Error> {
        let below = self.path()?;
        let path = draft::place(folder.as_ref(), &below)
            .await
            .map_err(called)?;
        self.write(path, |_, _| ()).await
    }

    /// The artifact's path, if it is safe below a folder.
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

    /// Calls `tell` for every piece, with the number of bytes so far and the total number if it is known.
    pub(super) async fn receive(
        self,
        path: PathBuf,
        tell: impl Fn(u64, Option<u64>) + Send,
    ) -> Result<Received, Error> {
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

/// A file that was received, and is not in its place yet.
pub(super) struct Received {
    draft: Draft,
    file: Downloaded,
}

impl Received {
    /// Waits until the disk has the file, and moves it to its place.
    pub(super) async fn keep(self) -> Result<Downloaded, Error> {
        self.draft.keep().await.map_err(called)?;
        Ok(self.file)
    }
}

pub(super) fn called(error: Error) -> Error {
    error.with_operation(&DOWNLOAD)
}

// The URL of an artifact may be signed.
impl fmt::Debug for DownloadArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadArtifact")
            .field("path", &self.artifact.path)
            .field("node_index", &self.artifact.node_index)
            .field("max_bytes", &self.max_bytes)
            .finish_non_exhaustive()
    }
}

/// The content of an artifact: [`DownloadArtifact::stream`].
///
/// It implements [`Stream`](futures_core::Stream). After an error it is finished.
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
#[must_use = "nothing is read until it is polled"]
pub struct ArtifactStream {
    length: Option<u64>,
    flow: Flow<Transfer>,
}

impl ArtifactStream {
    /// The size of the artifact in bytes, if the server sent it.
    pub fn length(&self) -> Option<u64> {
        self.length
    }
}

stream! { ArtifactStream => Bytes }

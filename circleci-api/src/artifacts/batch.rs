//! Downloads several artifacts into a folder at the same time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::download::{Downloaded, called};
use tokio::sync::Semaphore;

use super::{MAX_BYTES, TokenHosts};
use crate::client::Client;
use crate::download::draft;
use crate::error::Error;
use crate::generated::types::Artifact;
use crate::lists::many::{AT_ONCE, Many};

/// The settings that all downloads of a batch share.
pub(super) struct Batch {
    pub(super) client: Client,
    pub(super) hosts: Arc<TokenHosts>,
    pub(super) max_bytes: u64,
    pub(super) at_once: usize,
}

/// Defines the setters of a type that has a field `batch`.
macro_rules! setters {
    ($name:ident) => {
        impl $name {
            /// Sets the hosts that receive the token. See [`TokenHosts`].
            pub fn token_hosts(mut self, hosts: TokenHosts) -> Self {
                self.batch.hosts = Arc::new(hosts);
                self
            }

            /// Sets the maximum size of an artifact, in bytes. The download of a larger artifact fails. Default: 1 GiB.
            pub fn max_bytes(mut self, bytes: u64) -> Self {
                self.batch.max_bytes = bytes;
                self
            }

            /// Sets how many calls or downloads run at the same time. Default: 8. 0 counts as 1.
            pub fn at_once(mut self, downloads: usize) -> Self {
                self.batch.at_once = downloads.max(1);
                self
            }
        }
    };
}

pub(super) use setters;

/// The progress of one of the downloads.
pub(super) struct Piece<'a> {
    pub(super) artifact: &'a Artifact,
    pub(super) index: usize,
    pub(super) received: u64,
    pub(super) length: Option<u64>,
    pub(super) finished: bool,
}

impl Batch {
    pub(super) fn new(client: &Client) -> Self {
        Self {
            client: client.clone(),
            hosts: Arc::default(),
            max_bytes: MAX_BYTES,
            at_once: AT_ONCE,
        }
    }

    /// Downloads each artifact to its path in `paths`, which is below `folder`. Returns one result for each artifact, in the
    /// order of `artifacts`.
    pub(super) async fn fetch(
        &self,
        folder: &Path,
        artifacts: &[Artifact],
        paths: Vec<Result<PathBuf, Error>>,
        tell: impl Fn(&Piece<'_>) + Send + Sync,
    ) -> Vec<Result<Downloaded, Error>> {
        let tell = &tell;
        // The semaphore limits only the transfers, so that the next file is received while the disk writes the previous one.
        let open = &Semaphore::new(self.at_once.min(Semaphore::MAX_PERMITS));
        let each = artifacts.iter().zip(paths).enumerate();
        let downloads = each.map(|(index, (artifact, path))| async move {
            let tell = |received, length, finished| {
                tell(&Piece {
                    artifact,
                    index,
                    received,
                    length,
                    finished,
                });
            };
            let path = draft::place(folder, &path?).await.map_err(called)?;
            let download = self.client.download_artifact(artifact);
            let download = download.shared_token_hosts(Arc::clone(&self.hosts));
            let download = download.max_bytes(self.max_bytes);
            let received = {
                // `acquire` cannot fail, because the semaphore is never closed.
                let _permit = open.acquire().await;
                let tell = |received, length| tell(received, length, false);
                download.receive(path, tell).await?
            };
            let file = received.keep().await?;
            tell(file.bytes, Some(file.bytes), true);
            Ok(file)
        });
        let at_once = self.at_once.saturating_mul(2);
        Many::new(downloads).at_once(at_once).into_vec().await
    }
}

/// Returns the path below `folder` for each artifact of a job. If the artifacts come from several parallel runs, each run has
/// its own folder. A path that is already in `taken` is an error, because one artifact would overwrite the other.
pub(super) fn paths(
    client: &Client,
    artifacts: &[Artifact],
    folder: &Path,
    taken: &mut BTreeSet<PathBuf>,
) -> Vec<Result<PathBuf, Error>> {
    let runs: BTreeSet<_> = artifacts.iter().map(|it| it.node_index).collect();
    let path = |artifact: &Artifact| {
        let path = client.download_artifact(artifact).path()?;
        let path = match artifact.node_index {
            Some(run) if runs.len() > 1 => folder.join(run.to_string()).join(path),
            _ => folder.join(path),
        };
        match taken.insert(path.clone()) {
            true => Ok(path),
            false => Err(called(draft::failed(
                &path,
                "another artifact has the same path",
            ))),
        }
    };
    artifacts.iter().map(path).collect()
}

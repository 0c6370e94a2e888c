//! One file a port, one function a promise, each run over both kinds of home.

/// Makes two tests of each promise, an `async fn(Home)`.
macro_rules! promises {
    ($($promise:ident),+ $(,)?) => {
        mod in_a_folder {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    let folder = tempfile::tempdir().expect("a folder");
                    super::$promise(crate::support::open(&folder.path().join("home")).await).await;
                }
            )+
        }
        mod in_memory {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $promise() {
                    super::$promise(modelyard_store::memory()).await;
                }
            )+
        }
    };
}

mod alerts;
mod audit;
mod blobs;
mod causes;
mod data;
mod environments;
mod labels;
mod locks;
mod log;
mod models;
mod monitoring;
mod observations;
mod results;
mod runs;
mod stamps;

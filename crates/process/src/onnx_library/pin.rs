//! The release that is fetched, and how.

use std::path::Path;

use modelyard_core::fault::Attempt;
use modelyard_core::{Digest, Kind, Result};

use crate::python::Python;
use crate::temporary::PrivateTmp;

/// The release. To raise it: the wheels' SHA-256 as `pip download` and `sha256sum` give them for
/// the platforms below, the libraries' BLAKE3 as `b3sum` gives them.
pub(super) const VERSION: &str = "1.32.0";

/// Wheels for this Python are taken whatever Python there is: their library is the same, byte for
/// byte, in those for 3.11 to 3.14, and nothing but the library is used.
const PYTHON: &str = "3.11";

/// What is pinned of one architecture.
pub(super) struct Pin {
    architecture: &'static str,
    wheel_sha256: &'static str,
    pub(super) library: Digest,
}

/// A digest written in hexadecimal.
const fn hex(text: &str) -> Digest {
    const fn digit(byte: u8) -> u8 {
        match byte {
            b'0'..=b'9' => byte - b'0',
            _ => byte - b'a' + 10,
        }
    }
    let text = text.as_bytes();
    let mut bytes = [0; 32];
    let mut place = 0;
    while place < 32 {
        bytes[place] = digit(text[2 * place]) << 4 | digit(text[2 * place + 1]);
        place += 1;
    }
    Digest::from_bytes(bytes)
}

const PINS: [Pin; 2] = [
    Pin {
        architecture: "x86_64",
        wheel_sha256: "5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d",
        library: hex("b9ca235169118134f48a14c831d0cb389470e1d98b78942aea77c99d90cf8d98"),
    },
    Pin {
        architecture: "aarch64",
        wheel_sha256: "2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c",
        library: hex("1bf4443e7de44e70b87889e91348de9052d2a0c4459c750b5134914df8fc1fff"),
    },
];

pub(super) fn of_this_machine() -> Option<Pin> {
    PINS.into_iter().find(|pin| pin.architecture == std::env::consts::ARCH)
}

/// As the wheel names it.
pub(super) fn library_name() -> String {
    format!("libonnxruntime.so.{VERSION}")
}

impl Python {
    /// Unpacks the pinned wheel below `folder`, checked against its hash.
    pub(super) async fn unpack(&self, pin: &Pin, folder: &Path) -> Result<()> {
        let interpreter = self.find(None).await?;
        let temporary = PrivateTmp::new()?;
        let lock = temporary.path().join("requirements.lock");
        let line = format!("onnxruntime=={VERSION} --hash=sha256:{}\n", pin.wheel_sha256);
        std::fs::write(&lock, line)
            .attempt(Kind::Environment, || format!("cannot write `{}`", lock.display()))?;
        let with_uv = ["--python-platform".to_owned(), format!("{}-manylinux_2_28", pin.architecture)];
        let with_pip = [
            ["--platform".to_owned(), format!("manylinux_2_28_{}", pin.architecture)],
            ["--implementation".to_owned(), "cp".to_owned()],
            ["--abi".to_owned(), format!("cp{}", PYTHON.replace('.', ""))],
        ];
        self.unpack_wheels(&interpreter, &lock, folder, PYTHON, &with_uv, with_pip.as_flattened())
            .await
            .map_err(|fault| {
                fault.with_message(format!("cannot fetch ONNX Runtime {VERSION}")).hint(
                    "fetching needs the package registry once; or name a library by `ORT_DYLIB_PATH`, \
                     or put it beside the program",
                )
            })
    }
}

//! Defines the clients that are compared, and writes a small project for each.

use super::{
    Part,
    tools::{self, run},
};
use crate::document::fetch;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const GENERATOR: &str = "7.26.0";
const TO_RUST: &str = "0.23.0";

pub struct Client {
    pub name: &'static str,
    /// The source code of the `client.rs` in the client's project.
    code: &'static str,
    /// The dependencies of the project in addition to tokio and libc.
    dependencies: &'static str,
    /// The package that the part `check` measures. For a client that is written by hand, this is the package of its own project.
    pub package: &'static str,
    /// The parts that measure this client. An empty list means all parts.
    parts: &'static [Part],
    made: Made,
}

/// Where the code of the client comes from.
#[derive(Clone, Copy)]
enum Made {
    Here,
    Generator,
    ToRust,
}

/// The clients. `circleci-api` comes first, because the ratios compare the other clients with it.
pub const CLIENTS: [Client; 7] = [
    Client {
        name: "circleci-api",
        code: include_str!("../../peers/circleci-api.rs"),
        dependencies: "circleci-api = { path = \"../../../circleci-api\", default-features = false, features = [\"ring\"] }\n",
        package: "circleci-api",
        parts: &[],
        made: Made::Here,
    },
    Client {
        name: "circleci-api with all features",
        code: include_str!("../../peers/circleci-api.rs"),
        dependencies: "circleci-api = { path = \"../../../circleci-api\", features = [\"artifacts\", \"contexts\", \"gzip\", \"http2\", \
            \"insights\", \"mock\", \"native-tls\", \"overview\", \"pacing\", \"ring\", \"rustls\", \"tracing\", \"usage\", \"v1\", \
            \"wait\", \"webhooks\"] }\n",
        package: "circleci-api",
        parts: &[Part::Check],
        made: Made::Here,
    },
    Client {
        name: "by hand with ring",
        code: include_str!("../../peers/by-hand.rs"),
        dependencies: "chrono = { version = \"0.4\", default-features = false, features = [\"serde\", \"std\"] }\n\
            reqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"rustls-no-provider\"] }\n\
            rustls = { version = \"0.23\", default-features = false, features = [\"ring\"] }\n\
            serde = { version = \"1\", features = [\"derive\"] }\n\
            serde_json = \"1\"\n\
            uuid = { version = \"1\", features = [\"serde\"] }\n\
            [features]\ndefault = [\"ring\"]\nring = []\n",
        package: "peer-by-hand-with-ring",
        parts: &[Part::Build, Part::Size],
        made: Made::Here,
    },
    Client {
        name: "by hand",
        code: include_str!("../../peers/by-hand.rs"),
        dependencies: "chrono = { version = \"0.4\", default-features = false, features = [\"serde\", \"std\"] }\n\
            reqwest = { version = \"0.13\", default-features = false, features = [\"json\", \"rustls\"] }\n\
            serde = { version = \"1\", features = [\"derive\"] }\n\
            serde_json = \"1\"\n\
            uuid = { version = \"1\", features = [\"serde\"] }\n\
            [features]\nring = []\n",
        package: "peer-by-hand",
        parts: &[],
        made: Made::Here,
    },
    Client {
        name: "openapi-generator",
        code: include_str!("../../peers/openapi-generator.rs"),
        // This selects the TLS library that the other clients use.
        dependencies: "openapi = { path = \"generated\", default-features = false, features = [\"rustls\"] }\n",
        package: "openapi",
        parts: &[],
        made: Made::Generator,
    },
    Client {
        name: "openapi-to-rust",
        code: include_str!("../../peers/openapi-to-rust.rs"),
        dependencies: "openapi-to-rust-client = { path = \"generated\" }\n",
        package: "openapi-to-rust-client",
        parts: &[],
        made: Made::ToRust,
    },
    Client {
        name: "circulo",
        code: include_str!("../../peers/circulo.rs"),
        // This leaves out the command-line program of the package.
        dependencies: "circulo = { version = \"=0.1.0\", default-features = false }\n",
        package: "circulo",
        parts: &[],
        made: Made::Here,
    },
];

/// The parts that need the compiled programs of a project.
const PROGRAMMED: [Part; 3] = [Part::Calls, Part::Instructions, Part::Size];
const PROGRAMS: [&str; 3] = ["count", "load", "one"];

/// The files that every project has in addition to its `client.rs`.
const SHARED: [(&str, &str); 4] = [
    ("src/lib.rs", include_str!("../../peers/lib.rs")),
    ("src/bin/load.rs", include_str!("../../peers/load.rs")),
    ("src/bin/count.rs", include_str!("../../peers/count.rs")),
    ("src/bin/one.rs", include_str!("../../peers/one.rs")),
];

impl Client {
    /// Returns whether a part measures this client.
    pub fn is_in(&self, part: Part) -> bool {
        self.parts.is_empty() || self.parts.contains(&part)
    }

    /// Returns the name of the client in files and packages.
    fn slug(&self) -> String {
        self.name.replace(' ', "-")
    }

    pub fn project(&self, peers: &Path) -> PathBuf {
        peers.join(self.slug())
    }

    /// Writes the project, and builds its programs if a part needs them. An error is a single line.
    pub fn prepare(&self, root: &Path, peers: &Path) -> Result<(), String> {
        let project = self.project(peers);
        let slug = self.slug();
        let mut manifest = format!(
            "[package]\nname = \"peer-{slug}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[lib]\nname = \"peer\"\n\n\
             [dependencies]\nlibc = \"0.2\"\ntokio = {{ version = \"1\", features = [\"net\", \"rt\", \"time\"] }}\n{}",
            self.dependencies
        );
        for program in PROGRAMS {
            manifest.push_str(&format!(
                "\n[[bin]]\nname = \"{slug}-{program}\"\npath = \"src/bin/{program}.rs\"\n"
            ));
        }
        write(&project.join("Cargo.toml"), &manifest)?;
        write(&project.join("src/client.rs"), self.code)?;
        for (path, text) in SHARED {
            write(&project.join(path), text)?;
        }
        match self.made {
            Made::Here => {}
            Made::Generator => {
                generated(root, &project, GENERATOR, |out| generator(root, peers, out))?
            }
            Made::ToRust => generated(root, &project, TO_RUST, |out| {
                to_rust(root, peers, &project, out)
            })?,
        }
        // The project starts with a copy of this repository's lock file, so that the client uses the same versions if it
        // accepts them.
        let lock = project.join("Cargo.lock");
        if !lock.exists() {
            fs::copy(root.join("Cargo.lock"), &lock).map_err(|error| error.to_string())?;
        }
        if !PROGRAMMED.iter().any(|part| self.is_in(*part)) {
            return Ok(());
        }
        run(&mut tools::cargo(
            &project,
            &target(peers, "release"),
            &["build", "--release", "--quiet"],
        ))
        .map_err(|error| format!("the program does not build: {error}"))?;
        Ok(())
    }

    /// Returns the cargo name of one of the client's programs.
    pub fn bin(&self, program: &str) -> String {
        format!("{}-{program}", self.slug())
    }

    /// Returns the path of the built program.
    pub fn program(&self, peers: &Path, program: &str) -> PathBuf {
        target(peers, "release")
            .join("release")
            .join(self.bin(program))
    }

    /// Returns the version of a package that this client was built with.
    pub fn version_of(&self, peers: &Path, package: &str) -> Option<String> {
        let lock = fs::read_to_string(self.project(peers).join("Cargo.lock")).ok()?;
        locked(&lock, package)
    }
}

/// Returns the target folder for one kind of build. All clients share it, because they have dependencies in common.
pub fn target(peers: &Path, what: &str) -> PathBuf {
    peers.join("build").join(what)
}

/// Returns the version of a package in a `Cargo.lock`.
fn locked(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines.nth(1)?.strip_prefix("version = \"")?;
    Some(version.trim_end_matches('"').to_owned())
}

/// Generates a client, unless the same version of the generator has already generated it from the same document.
fn generated(
    root: &Path,
    project: &Path,
    version: &str,
    make: impl FnOnce(&Path) -> Result<(), String>,
) -> Result<(), String> {
    let (_, record) = fetch::vendored(&root.join("openapi")).map_err(|error| error.to_string())?;
    let made_by = format!("{version} {}\n", record.sha256);
    let (out, stamp) = (project.join("generated"), project.join("generated-by"));
    if out.exists() && fs::read_to_string(&stamp).is_ok_and(|old| old == made_by) {
        return Ok(());
    }
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|error| format!("cannot remove the old one: {error}"))?;
    }
    make(&out)?;
    write(&stamp, &made_by)
}

fn generator(root: &Path, peers: &Path, out: &Path) -> Result<(), String> {
    let venv = peers.join(format!("openapi-generator-{GENERATOR}"));
    let program = venv.join("bin/openapi-generator-cli");
    if !program.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run(Command::new(venv.join("bin/pip"))
            .args(["install", "--quiet"])
            .arg(format!("openapi-generator-cli=={GENERATOR}")))?;
    }
    run(Command::new("java").arg("-version"))?;
    run(Command::new(program)
        .args(["generate", "--skip-validate-spec", "-g", "rust", "-i"])
        .arg(root.join("openapi/openapi.json"))
        .arg("-o")
        .arg(out))
}

fn to_rust(root: &Path, peers: &Path, project: &Path, out: &Path) -> Result<(), String> {
    let place = peers.join(format!("openapi-to-rust-{TO_RUST}"));
    let program = place.join("bin/openapi-to-rust");
    if !program.exists() {
        // This command runs outside this repository, because the repository's cargo settings must not apply.
        run(tools::cargo(
            project,
            &target(peers, "tools"),
            &["install", "--locked", "--quiet", "--debug"],
        )
        .arg("--root")
        .arg(place)
        .arg(format!("openapi-to-rust@{TO_RUST}")))?;
    }
    // This configuration follows the first example in the generator's README, but uses CircleCI's header.
    let settings = project.join("openapi-to-rust.toml");
    let document = root.join("openapi/openapi.json");
    let document = toml_string(&document.to_string_lossy());
    write(
        &settings,
        &format!(
            "[generator]\nspec_path = {document}\noutput_dir = \"generated/src\"\nmodule_name = \"api\"\n\n\
             [features]\nenable_async_client = true\n\n[http_client]\nbase_url = \"https://circleci.com/api/v2\"\n\n\
             [http_client.auth]\ntype = \"ApiKey\"\nheader_name = \"Circle-Token\"\n"
        ),
    )?;
    run(Command::new(program)
        .args(["generate", "--config"])
        .arg(settings))?;
    let wanted = fs::read_to_string(out.join("src/REQUIRED_DEPS.toml"))
        .map_err(|error| format!("it does not list its dependencies: {error}"))?;
    let manifest = format!(
        "[package]\nname = \"openapi-to-rust-client\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [lib]\npath = \"src/mod.rs\"\n\n{wanted}"
    );
    write(&out.join("Cargo.toml"), &manifest)
}

fn toml_string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Writes a file only if its content changes, because cargo checks its modification time.
fn write(path: &Path, text: &str) -> Result<(), String> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(path, text).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_found_in_a_lock_file() {
        let lock = "[[package]]\nname = \"reqwest-middleware\"\nversion = \"0.5.2\"\n\n\
                    [[package]]\nname = \"reqwest\"\nversion = \"0.13.5\"\nsource = \"registry\"\n";
        assert_eq!(locked(lock, "reqwest").as_deref(), Some("0.13.5"));
        assert_eq!(locked(lock, "req"), None);
    }
}

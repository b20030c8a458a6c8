//! Takes the measurements. Each round measures every client once.

use super::{
    Part,
    clients::{self, CLIENTS, Client},
    server,
    table::{Better, Figure, Row, median},
    tools::{cargo, field, instructions, output, run, timed, timed_cargo},
};
use anyhow::{Context, Result};
use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A call, with two numbers of repetitions: one for measuring time, and one for counting instructions or allocations.
struct Call {
    /// The argument that selects this call in the programs.
    word: &'static str,
    name: &'static str,
    times: u64,
    times_counted: u64,
}

const CALLS: [Call; 3] = [
    Call {
        word: "project",
        name: "a project",
        times: 10_000,
        times_counted: 400,
    },
    Call {
        word: "trigger",
        name: "a trigger",
        times: 10_000,
        times_counted: 400,
    },
    Call {
        word: "workflows",
        name: "1,000 workflows",
        times: 300,
        times_counted: 10,
    },
];

/// The figures of one client, with one entry for each round, or the reason why the client cannot be measured.
type Rounds<const N: usize> = Result<Vec<[f64; N]>, String>;

/// The CPU cores for the client and for the server, as `taskset` takes them.
const CLIENT_CORE: &str = "0";
const SERVER_CORE: &str = "1";

pub struct Bench<'a> {
    pub peers: &'a Path,
    /// One entry for each client: `Ok`, or the reason why the client cannot be measured.
    pub ready: Vec<Result<(), String>>,
    pub rounds: usize,
    /// The part that is measured now.
    pub part: Part,
    pub progress: &'a mut dyn Write,
}

impl Bench<'_> {
    pub fn measure(&mut self) -> Result<(&'static str, Vec<Row>)> {
        Ok(match self.part {
            Part::Calls => ("A call", self.calls()?),
            Part::Instructions => ("Instructions of a call", self.instructions()?),
            Part::Check => ("`cargo check` of the client alone", self.check()?),
            Part::Build => (
                "A program that makes one call, built from scratch",
                self.build()?,
            ),
            Part::Size => ("The size of that program", self.size()?),
        })
    }

    fn calls(&mut self) -> Result<Vec<Row>> {
        let peers = self.peers;
        let server = Server::start()?;
        let mut rows = Vec::new();
        for call in &CALLS {
            let name = call.name;
            let [total] = self.in_turn(name, self.rounds, |client| {
                let program = client.program(peers, "load");
                let line = server.call(&pinned(CLIENT_CORE), &program, call.word, call.times)?;
                let [user, system] = per_call(&line, ["user_us", "system_us"])?;
                // The kernel estimates the split into user and system time, but the sum is exact.
                Ok([user + system])
            })?;
            let [allocations, bytes] = self.in_turn(name, 1, |client| {
                let program = client.program(peers, "count");
                let line = server.call(&[], &program, call.word, call.times_counted)?;
                per_call(&line, ["allocations", "bytes"])
            })?;
            let per_second = |times: f64| {
                let figures = total.iter().cloned();
                figures
                    .map(|total| total.map(|micros| times * 1e6 / micros))
                    .collect()
            };
            let row = |what, decimals, better, figures| Row {
                name: format!("{name}: {what}"),
                better,
                decimals,
                figures,
            };
            rows.push(row(
                "calls per second of a core",
                0,
                Better::More,
                per_second(1.0),
            ));
            if call.word == "workflows" {
                let megabytes = server::workflows_length() as f64 / 1e6;
                rows.push(row(
                    "MB of body per second of a core",
                    1,
                    Better::More,
                    per_second(megabytes),
                ));
            }
            rows.push(row("CPU, µs", 1, Better::Less, total));
            rows.push(row("allocations", 1, Better::Less, allocations));
            rows.push(row("bytes allocated", 0, Better::Less, bytes));
        }
        Ok(rows)
    }

    /// Calculates the number of instructions per call: runs the program with N and with 2N calls, and divides the difference by N.
    /// The start of the program and its first calls therefore do not count.
    fn instructions(&mut self) -> Result<Vec<Row>> {
        const CALLGRIND: [&str; 3] = [
            "valgrind",
            "--tool=callgrind",
            "--callgrind-out-file=/dev/null",
        ];
        let peers = self.peers;
        let server = Server::start()?;
        let mut rows = Vec::new();
        for call in &CALLS {
            let [figures] = self.in_turn(call.name, 1, |client| {
                let program = client.program(peers, "load");
                let count = |times| {
                    let mut command = server.program(&CALLGRIND, &program, call.word, times);
                    let (_, said) = output(&mut command)?;
                    instructions(&said).ok_or_else(|| "callgrind gave no figure".to_owned())
                };
                let once = count(call.times_counted)?;
                let twice = count(2 * call.times_counted)?;
                Ok([(twice - once) / call.times_counted as f64])
            })?;
            rows.push(Row {
                name: format!("{}: instructions", call.name),
                better: Better::Less,
                decimals: 0,
                figures,
            });
        }
        Ok(rows)
    }

    fn check(&mut self) -> Result<Vec<Row>> {
        let peers = self.peers;
        let target = clients::target(peers, "check");
        let check = |client: &Client| cargo(&client.project(peers), &target, &["check", "--lib"]);
        let part = self.part;
        let clients = CLIENTS.iter().zip(&mut self.ready);
        for (client, ready) in clients.filter(|(client, _)| client.is_in(part)) {
            writeln!(
                self.progress,
                "checking the dependencies of {} …",
                client.name
            )?;
            if ready.is_ok() {
                *ready = run(&mut check(client));
            }
        }
        let figures = self.in_turn("cargo check", self.rounds, |client| {
            let project = client.project(peers);
            run(&mut cargo(
                &project,
                &target,
                &["clean", "--package", client.package],
            ))?;
            let arguments = ["check", "--lib", "--package", client.package];
            let (_, said) = output(&mut timed_cargo(&project, &target, &arguments))?;
            let checked = said.contains(&format!("Checking {} v", client.package));
            match timed(&said).filter(|_| checked) {
                Some((user, system, kilobytes)) => Ok([user + system, kilobytes / 1e3]),
                None => Err("cargo did not check this client".to_owned()),
            }
        })?;
        Ok(rows(figures, [("CPU, s", 2), ("peak memory, MB", 1)]))
    }

    fn build(&mut self) -> Result<Vec<Row>> {
        let peers = self.peers;
        let target = clients::target(peers, "nothing");
        let figures = self.in_turn("cargo build", self.rounds, |client| {
            let empty = || match fs::remove_dir_all(&target) {
                Err(error) if target.exists() => {
                    Err(format!("cannot remove the old build: {error}"))
                }
                _ => Ok(()),
            };
            empty()?;
            let bin = client.bin("one");
            let arguments = ["build", "--release", "--bin", &bin];
            let built = output(&mut timed_cargo(
                &client.project(peers),
                &target,
                &arguments,
            ));
            empty()?;
            match timed(&built?.1) {
                Some((user, system, _)) => Ok([user + system]),
                None => Err("no figure from /usr/bin/time".to_owned()),
            }
        })?;
        Ok(rows(figures, [("CPU of cargo and all compilers, s", 1)]))
    }

    fn size(&mut self) -> Result<Vec<Row>> {
        let peers = self.peers;
        let figures = self.in_turn("sizes", 1, |client| {
            let program = client.program(peers, "one");
            let stripped = program.with_extension("stripped");
            run(Command::new("strip").arg("-o").arg(&stripped).arg(&program))?;
            let size = |path: &Path| match fs::metadata(path) {
                Ok(known) => Ok(known.len() as f64 / 1e3),
                Err(error) => Err(format!("cannot read its size: {error}")),
            };
            Ok([size(&program)?, size(&stripped)?])
        })?;
        Ok(rows(figures, [("as built, kB", 0), ("stripped, kB", 0)]))
    }

    /// Measures every client once in each round, so that a slow phase of the machine affects all clients equally. For each
    /// figure, returns the median of each client.
    fn in_turn<const N: usize>(
        &mut self,
        what: &str,
        rounds: usize,
        measure: impl Fn(&Client) -> Result<[f64; N], String>,
    ) -> Result<[Vec<Figure>; N]> {
        let clients = CLIENTS.iter().zip(&self.ready);
        let clients = clients.filter(|(client, _)| client.is_in(self.part));
        let (clients, mut measured): (Vec<&Client>, Vec<Rounds<N>>) = clients
            .map(|(client, ready)| (client, ready.clone().map(|()| Vec::new())))
            .unzip();
        for round in 1..=rounds {
            writeln!(self.progress, "{what}, round {round} of {rounds} …")?;
            for (client, measured) in clients.iter().zip(&mut measured) {
                if let Ok(figures) = measured {
                    match measure(client) {
                        Ok(figure) => figures.push(figure),
                        Err(reason) => *measured = Err(reason),
                    }
                }
            }
        }
        Ok(std::array::from_fn(|index| {
            let figures = measured.iter().map(|rounds| {
                let rounds = rounds.as_ref().map_err(String::clone)?;
                let figures = rounds.iter().filter_map(|round| round.get(index)).copied();
                median(figures.collect()).ok_or_else(|| "no rounds".to_owned())
            });
            figures.collect()
        }))
    }
}

/// Returns the figures as rows. In all rows, a lower figure is better.
fn rows<const N: usize>(figures: [Vec<Figure>; N], names: [(&str, usize); N]) -> Vec<Row> {
    let named = figures.into_iter().zip(names);
    let row = |(figures, (name, decimals)): (_, (&str, _))| Row {
        name: name.to_owned(),
        better: Better::Less,
        decimals,
        figures,
    };
    named.map(row).collect()
}

/// Reads the figures from the line that a program prints, and divides them by the number of calls.
fn per_call<const N: usize>(line: &str, names: [&str; N]) -> Result<[f64; N], String> {
    let calls = field(line, "calls").filter(|calls| *calls > 0.0);
    let mut figures = [0.0; N];
    for (figure, name) in figures.iter_mut().zip(names) {
        let (total, calls) = field(line, name)
            .zip(calls)
            .ok_or_else(|| format!("the program printed no {name}"))?;
        *figure = total / calls;
    }
    Ok(figures)
}

/// Returns the `taskset` command that pins a program to a core, or an empty list if `taskset` does not work.
fn pinned(core: &'static str) -> Vec<&'static str> {
    let words = ["taskset", "--cpu-list", core];
    let possible = run(Command::new("taskset").args(["--cpu-list", core, "true"]));
    possible.map_or_else(|_| Vec::new(), |()| words.to_vec())
}

/// The server, which is this program in another process.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start() -> Result<Self> {
        let this = std::env::current_exe().context("cannot find this program")?;
        let mut command = below(&pinned(SERVER_CORE), this.as_os_str());
        let mut process = command
            .args(["bench-peers", "--serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the server")?;
        let mut address = String::new();
        if let Some(out) = process.stdout.take() {
            BufReader::new(out)
                .read_line(&mut address)
                .context("the server did not start")?;
        }
        let address = address.trim().to_owned();
        anyhow::ensure!(!address.is_empty(), "the server did not start");
        Ok(Self { process, address })
    }

    /// Returns the command that runs a client's program under another program, such as `taskset`.
    fn program(&self, below_this: &[&str], program: &Path, call: &str, times: u64) -> Command {
        let mut command = below(below_this, program.as_os_str());
        command
            .args([call, &times.to_string(), &self.address])
            // The environment is cleared, so that no proxy or token of the user applies. circulo reads the two variables
            // that follow `PATH`.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env(
                "CIRCLECI_API_URL",
                format!("http://{}/api/v2", self.address),
            )
            .env(
                "CIRCLECI_API_TOKEN",
                "0123456789abcdef0123456789abcdef01234567",
            );
        command
    }

    fn call(
        &self,
        below: &[&str],
        program: &Path,
        call: &str,
        times: u64,
    ) -> Result<String, String> {
        output(&mut self.program(below, program, call, times)).map(|(line, _)| line)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server ends when its stdin ends.
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

fn below(words: &[&str], program: &OsStr) -> Command {
    match words.split_first() {
        Some((first, rest)) => {
            let mut command = Command::new(first);
            command.args(rest).arg(program);
            command
        }
        None => Command::new(program),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_divided_by_the_calls() {
        let line = "calls=4 user_us=10 system_us=2 allocations=0 bytes=0";
        assert_eq!(per_call(line, ["user_us", "system_us"]), Ok([2.5, 0.5]));
        assert!(per_call("calls=0 user_us=10", ["user_us"]).is_err());
        assert!(per_call("", ["user_us"]).is_err());
    }

    #[test]
    fn a_program_runs_below_another_one() {
        let command = below(&["taskset", "--cpu-list", "1"], OsStr::new("load"));
        assert_eq!(command.get_program(), "taskset");
        let arguments: Vec<_> = command.get_args().collect();
        assert_eq!(arguments, ["--cpu-list", "1", "load"]);
        assert_eq!(below(&[], OsStr::new("load")).get_program(), "load");
    }
}

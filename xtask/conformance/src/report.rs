//! Writes the table of results, and decides whether the run succeeded.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::case::{Case, Given, OVERLAID, is_overlaid};
use crate::judge::{Fault, Finding};
use crate::relay::Mode;

/// The maximum number of findings that the report prints in full.
const TOLD: usize = 40;
/// The maximum number of characters that the report prints of a body.
const SHOWN: usize = 1500;

pub struct Report {
    modes: Vec<Mode>,
    operations: BTreeSet<String>,
    calls: BTreeMap<(Kind, Given), Row>,
    findings: Vec<(Case, Mode, Finding)>,
    amiss: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Static,
    Dynamic,
}

#[derive(Default)]
struct Row {
    calls: usize,
    operations: BTreeSet<&'static str>,
    failed: BTreeSet<&'static str>,
    faults: BTreeMap<Fault, usize>,
}

impl Report {
    pub fn new(modes: &[Mode]) -> Self {
        Self {
            modes: modes.to_vec(),
            operations: BTreeSet::new(),
            calls: BTreeMap::new(),
            findings: Vec::new(),
            amiss: Vec::new(),
        }
    }

    /// Adds an operation that the run must call.
    pub fn expect(&mut self, id: &str) {
        self.operations.insert(id.to_owned());
    }

    /// Adds an error that is not about a single call.
    pub fn amiss(&mut self, what: String) {
        self.amiss.push(what);
    }

    pub fn add(&mut self, case: Case, mode: Mode, finding: Option<Finding>) {
        let kind = if mode == Mode::Static {
            Kind::Static
        } else {
            Kind::Dynamic
        };
        let row = self.calls.entry((kind, case.given)).or_default();
        row.calls += 1;
        row.operations.insert(case.id);
        if let Some(finding) = finding {
            row.failed.insert(case.id);
            *row.faults.entry(finding.fault).or_default() += 1;
            self.findings.push((case, mode, finding));
        }
    }

    pub fn is_good(&self) -> bool {
        self.findings.is_empty() && self.amiss.is_empty()
    }

    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let seeds = self
            .modes
            .iter()
            .filter(|mode| **mode != Mode::Static)
            .count();
        writeln!(
            out,
            "{:<26} {:>6} {:>12} {:>20} {:>22} {:>20}",
            "",
            "calls",
            "operations",
            "request violations",
            "undecodable responses",
            "unexpected statuses"
        )?;
        for ((kind, given), row) in &self.calls {
            let name = match kind {
                Kind::Static => format!("static, {given}"),
                Kind::Dynamic => format!("{seeds} seeds, {given}"),
            };
            let count = |fault| row.faults.get(&fault).copied().unwrap_or_default();
            // The total is the number of all operations, except for `Given::Branch`: only a few operations have such a call.
            let all = if *given == Given::Branch {
                row.operations.len()
            } else {
                self.operations.len()
            };
            let good = format!("{}/{all}", row.operations.len() - row.failed.len());
            writeln!(
                out,
                "{name:<26} {:>6} {good:>12} {:>20} {:>22} {:>20}",
                row.calls,
                count(Fault::Request),
                count(Fault::Response),
                count(Fault::Status)
            )?;
        }
        for (id, reason) in OVERLAID
            .iter()
            .filter(|(id, _)| self.calls.values().any(|row| row.operations.contains(id)))
        {
            writeln!(out, "on the document with our overlay: {id}: {reason}")?;
        }
        self.write_findings(out)?;
        for what in &self.amiss {
            writeln!(out, "{what}")?;
        }
        writeln!(
            out,
            "{}",
            if self.is_good() {
                "everything conforms"
            } else {
                "some calls do not conform"
            }
        )
    }

    /// Writes each finding only once, even if several seeds cause it.
    fn write_findings(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut kinds = BTreeMap::new();
        for (case, mode, finding) in &self.findings {
            let key = (case.id, case.given, finding.fault, &finding.what);
            // Keeps the first finding of each key, and counts all of them.
            let (_, _, count) = kinds.entry(key).or_insert((mode, finding, 0_usize));
            *count += 1;
        }
        for ((id, given, fault, what), (mode, finding, count)) in kinds.iter().take(TOLD) {
            let fault = match fault {
                Fault::Request => "request violation",
                Fault::Response => "undecodable response",
                Fault::Status => "unexpected status",
            };
            let where_ = if is_overlaid(id) {
                ", overlaid document"
            } else {
                ""
            };
            writeln!(
                out,
                "\n{id} ({given}, {mode}{where_}; {count} in all): {fault}: {what}"
            )?;
            if let Some(exchange) = &finding.exchange {
                writeln!(out, "  {} {}", exchange.request, shown(&exchange.sent))?;
                writeln!(out, "  {} {}", exchange.status, shown(&exchange.received))?;
            }
        }
        if kinds.len() > TOLD {
            writeln!(out, "\nand {} more", kinds.len() - TOLD)?;
        }
        Ok(())
    }
}

fn shown(body: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(body).chars().take(SHOWN).collect();
    text.replace(char::is_control, " ")
}

//! Prints the results of the calls. Most fields are `Option`s, because CircleCI omits more fields than its document says.

use std::fmt::{Debug, Display};
use std::io::{self, Write};

use circleci_api::types::{
    FlakyTest, Pipeline, PipelineList, Test, User, Workflow, WorkflowInsights, WorkflowJob,
};
use circleci_api::{Error, OpenEnum, Operation, Response};

pub struct Screen<'a>(pub &'a mut dyn Write);

impl Screen<'_> {
    pub fn line(&mut self, text: impl Display) -> io::Result<()> {
        writeln!(self.0, "{text}")
    }

    pub fn chapter(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.0, "\n{title}")
    }

    /// Prints an operation and its id in CircleCI's document.
    pub fn called(&mut self, operation: &Operation) -> io::Result<()> {
        let Operation {
            id, method, path, ..
        } = operation;
        writeln!(self.0, "{method} {path} ({id})")
    }

    pub fn answer(&mut self, answer: &Response<User>) -> io::Result<()> {
        let (status, attempts) = (answer.status(), answer.attempts());
        let login = or_dash(answer.body().login.as_ref());
        let left = or_dash(answer.rate_limit().remaining);
        writeln!(
            self.0,
            "  {login}; {status} at attempt {attempts}, {left} requests left"
        )
    }

    pub fn page(&mut self, number: u32, page: &PipelineList) -> io::Result<()> {
        let next = match page.next_page_token {
            Some(_) => "more pages follow",
            None => "the last page",
        };
        writeln!(
            self.0,
            "  page {number}: {} pipelines, {next}",
            page.items.len()
        )?;
        page.items
            .iter()
            .take(5)
            .try_for_each(|pipeline| self.pipeline(pipeline))
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> io::Result<()> {
        let number = pipeline.number;
        let trigger = pipeline
            .trigger
            .as_ref()
            .and_then(|trigger| trigger.type_.as_ref());
        let vcs = pipeline.vcs.as_ref();
        let revision = or_dash(vcs.and_then(|vcs| vcs.branch.as_ref().or(vcs.tag.as_ref())));
        let subject = or_dash(vcs.and_then(|vcs| vcs.commit.as_ref()?.subject.as_ref()));
        let trigger_word = or_dash(trigger);
        writeln!(
            self.0,
            "    #{number:<6} {trigger_word:<10} {revision:<10} {subject}"
        )?;
        self.unknown(trigger)
    }

    pub fn job(&mut self, job: &WorkflowJob) -> io::Result<()> {
        let number = or_dash(job.job_number.map(|number| format!("#{number}")));
        let status = or_dash(job.status.as_ref());
        writeln!(self.0, "  {:<16} {number:<8} {status}", job.name)?;
        self.unknown(job.status.as_ref())
    }

    /// Prints an enum value that the crate does not know. The client keeps it unchanged, and decodes the rest of the page.
    fn unknown<E: OpenEnum + Debug>(&mut self, word: Option<&E>) -> io::Result<()> {
        match word {
            Some(word) if word.is_unknown() => {
                writeln!(self.0, "            not in the document: {word:?}")
            }
            _ => Ok(()),
        }
    }

    pub fn failures(&mut self, tests: &[Test]) -> io::Result<()> {
        let failed = |test: &&Test| test.result.as_deref() == Some("failure");
        let failures: Vec<_> = tests.iter().filter(failed).collect();
        writeln!(self.0, "  {} of {} failed", failures.len(), tests.len())?;
        for test in failures {
            let seconds = or_dash(test.run_time);
            let reason = test
                .message
                .as_ref()
                .and_then(|message| message.lines().next());
            writeln!(self.0, "  {}, {seconds} s: {}", test.name, or_dash(reason))?;
        }
        Ok(())
    }

    pub fn metrics(&mut self, workflow: &WorkflowInsights) -> io::Result<()> {
        let metrics = workflow.metrics.as_ref();
        let runs = or_dash(metrics.and_then(|metrics| metrics.total_runs));
        let rate = metrics.and_then(|metrics| metrics.success_rate);
        let rate = or_dash(rate.map(|rate| format!("{:.1} %", 100.0 * rate)));
        let median = or_dash(metrics.and_then(|metrics| metrics.duration_metrics.as_ref()?.median));
        writeln!(
            self.0,
            "  {:<16} {runs:>5} runs {rate:>8} succeed {median:>6} s median",
            workflow.name
        )
    }

    pub fn flaky_test(&mut self, test: &FlakyTest) -> io::Result<()> {
        let [name, job] = [&test.test_name, &test.job_name].map(|name| or_dash(name.as_ref()));
        writeln!(
            self.0,
            "  {name} in job {job}: {} times",
            or_dash(test.times_flaked)
        )
    }

    pub fn error(&mut self, error: &Error) -> io::Result<()> {
        writeln!(self.0, "  {error}")?;
        let (kind, status, attempts) = (error.kind(), or_dash(error.status()), error.attempts());
        writeln!(
            self.0,
            "    kind: {kind:?}, status: {status}, requests sent: {attempts}"
        )?;
        let (missing, transient) = (error.is_not_found(), error.is_transient());
        writeln!(
            self.0,
            "    is_not_found: {missing}, is_transient: {transient}"
        )
    }
}

/// Returns the name and the status of each workflow, such as `setup success, deploy on_hold`.
pub fn summary(workflows: &[Workflow]) -> String {
    if workflows.is_empty() {
        return "no workflows".to_owned();
    }
    let word =
        |workflow: &Workflow| format!("{} {}", workflow.name, or_dash(workflow.status.as_ref()));
    workflows.iter().map(word).collect::<Vec<_>>().join(", ")
}

pub fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

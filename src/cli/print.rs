//! The one writer: what was asked for to standard output, everything about it to standard error.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use super::args::Output;
use super::error::Error;
use super::table::{Fields, Table};

/// Where a command prints.
pub(super) struct Printer {
    out: Box<dyn Write + Send>,
    notes: Box<dyn Write + Send>,
    /// Characters a line; nothing where lines have no end.
    width: Option<usize>,
    json: bool,
}

impl Printer {
    /// To this process's outputs.
    pub(super) fn of_process() -> Self {
        let out = io::stdout();
        let width = out
            .is_terminal()
            .then(|| rustix::termios::tcgetwinsize(&out).ok().map(|size| usize::from(size.ws_col)))
            .flatten()
            .filter(|columns| *columns > 0);
        Self { out: Box::new(out), notes: Box::new(io::stderr()), width, json: false }
    }

    /// To these.
    pub(super) fn to(
        out: Box<dyn Write + Send>,
        notes: Box<dyn Write + Send>,
        width: Option<usize>,
    ) -> Self {
        Self { out, notes, width, json: false }
    }

    /// Tables or JSON.
    pub(super) fn set_format(&mut self, output: Output) {
        self.json = output == Output::Json;
    }

    /// True if documents are asked for.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// A line of what was asked for.
    pub(super) fn line(&mut self, text: &str) -> Result<(), Error> {
        writeln!(self.out, "{text}")?;
        Ok(self.out.flush()?)
    }

    /// Bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes)?;
        Ok(self.out.flush()?)
    }

    /// A line about it. Whoever asked for documents reads none.
    pub(super) fn note(&mut self, text: &str) -> Result<(), Error> {
        if self.json {
            return Ok(());
        }
        writeln!(self.notes, "{text}")?;
        Ok(self.notes.flush()?)
    }

    /// A question, or a warning that must be seen in any form.
    pub(super) fn warn(&mut self, text: &str) -> Result<(), Error> {
        write!(self.notes, "{text}")?;
        Ok(self.notes.flush()?)
    }

    /// A document.
    pub(super) fn json<T: Serialize + ?Sized>(&mut self, document: &T) -> Result<(), Error> {
        let text = serde_json::to_string_pretty(document)
            .map_err(|error| Error::local(format!("the answer is no document: {error}")))?;
        self.line(&text)
    }

    /// Several documents as JSON, or as a table; `empty` is what to say if there are none.
    pub(super) fn list<T: Serialize>(
        &mut self,
        items: &[T],
        table: impl FnOnce(&[T]) -> Table,
        empty: &str,
    ) -> Result<(), Error> {
        if self.json {
            return self.json(items);
        }
        if items.is_empty() {
            return self.note(empty);
        }
        let text = table(items).render(self.width);
        self.raw(text.as_bytes())
    }

    /// One document as JSON, or as a list of its fields.
    pub(super) fn show<T: Serialize>(
        &mut self,
        item: &T,
        fields: impl FnOnce(&T) -> Fields,
    ) -> Result<(), Error> {
        if self.json {
            return self.json(item);
        }
        let text = fields(item).render();
        self.raw(text.as_bytes())
    }

    /// What clap has to say: help and version are answers, the rest are mistakes.
    pub(super) fn clap(&mut self, error: &clap::Error) -> Result<ExitCode, Error> {
        let text = error.render();
        if error.use_stderr() {
            self.warn(&text.to_string())?;
        } else {
            self.raw(text.to_string().as_bytes())?;
        }
        Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(super::error::EXIT_USAGE)))
    }

    /// Says what went wrong, and gives the exit code.
    pub(super) fn fail(&mut self, error: &Error) -> ExitCode {
        let code = error.exit_code();
        if code != 0 {
            // Where even standard error is closed, the code alone has to do.
            let _ = self.warn(&format!("{error}\n"));
        }
        ExitCode::from(code)
    }
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").field("json", &self.json).finish_non_exhaustive()
    }
}

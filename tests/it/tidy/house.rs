//! The repository as text: what the rules read, from the disk or from a fixture.

use std::io;
use std::path::Path;

/// Folders that are read; the files beside `Cargo.toml` are read too.
const FOLDERS: &[&str] = &[
    ".ci",
    ".cargo",
    "benches",
    "config",
    "deploy",
    "docs",
    "examples",
    "fuzz",
    "migrations",
    "proto",
    "scripts",
    "src",
    "assets",
    "templates",
    "tests",
    "translations",
];

/// Stands in a fixture inside a word that must not stand in the repository, and is dropped here.
const BREAK: char = '¦';

/// Every text file of a tree; of a fixture, also how many breaches it says it holds.
pub(super) struct House {
    pub(super) pages: Vec<Page>,
    pub(super) announced: usize,
}

/// One file. Of a Rust file `code` is the text with comments and literals blanked, same lines, up
/// to an inline test module; `literals` are the string literals before it, with their lines.
pub(super) struct Page {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) code: String,
    pub(super) literals: Vec<(usize, String)>,
}

impl Page {
    fn new(path: String, text: String) -> Self {
        let rust = Path::new(&path).extension().is_some_and(|end| end == "rs");
        let (mut code, mut literals) = if rust { split(&text) } else { Default::default() };
        if let Some(end) = inline_tests(&code) {
            code.truncate(end);
            let last = code.lines().count();
            literals.retain(|(line, _)| *line <= last);
        }
        Self { path, text, code, literals }
    }

    /// A Rust file of the product.
    pub(super) fn is_source(&self) -> bool {
        self.path.starts_with("src/") && self.is_rust()
    }

    pub(super) fn is_rust(&self) -> bool {
        Path::new(&self.path).extension().is_some_and(|end| end == "rs")
    }

    /// A slice's specification: may place any neighbour beside it and look through any wall.
    pub(super) fn is_test(&self) -> bool {
        let file = self.path.rsplit('/').next().unwrap_or_default();
        file.ends_with("tests.rs") || file.starts_with("tests_") || self.path.contains("/tests/")
    }

    /// The path below `src/`.
    pub(super) fn place(&self) -> &str {
        self.path.strip_prefix("src/").unwrap_or(&self.path)
    }

    /// The top-level module, or nothing for `lib.rs` and `main.rs`.
    pub(super) fn module(&self) -> Option<&str> {
        let first = self.place().split('/').next()?;
        let name = first.strip_suffix(".rs").unwrap_or(first);
        (name != "lib" && name != "main").then_some(name)
    }

    /// A finding of this page.
    pub(super) fn at(&self, line: usize, what: impl Into<String>) -> super::Finding {
        (self.path.clone(), line, what.into())
    }
}

impl House {
    /// Reads the repository. Files that are not text are left out.
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let mut pages = Vec::new();
        for folder in FOLDERS {
            walk(root, Path::new(folder), &mut pages)?;
        }
        for entry in std::fs::read_dir(root)? {
            let entry = entry?;
            // In a linked worktree `.git` is a file.
            if entry.file_type()?.is_file() && entry.file_name() != ".git" {
                read(root, &entry.file_name().to_string_lossy(), &mut pages);
            }
        }
        Ok(Self { pages, announced: 0 })
    }

    /// Reads a fixture: files in one text, each after a line `=== path`; before the first stands
    /// how many breaches there are, and what is wrong. A map of the house is added where there is none.
    pub(super) fn fixture(path: &Path) -> io::Result<Self> {
        let text = std::fs::read_to_string(path)?.replace(BREAK, "");
        let announced = text.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
        let mut pages = Vec::new();
        for part in text.split("\n=== ").skip(1) {
            let (name, body) = part.split_once('\n').unwrap_or((part, ""));
            pages.push(Page::new(name.trim().to_owned(), body.to_owned()));
        }
        if !pages.iter().any(|page| page.path == "ARCHITECTURE.md") {
            let names: Vec<&str> = super::floors::modules().collect();
            pages.push(Page::new("ARCHITECTURE.md".to_owned(), names.join("/\n") + "/"));
        }
        Ok(Self { pages, announced })
    }

    /// The Rust files of the product.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Page> {
        self.pages.iter().filter(|page| page.is_source())
    }

    /// The page of that path.
    pub(super) fn page(&self, path: &str) -> Option<&Page> {
        self.pages.iter().find(|page| page.path == path)
    }
}

fn walk(root: &Path, folder: &Path, pages: &mut Vec<Page>) -> io::Result<()> {
    let Ok(entries) = std::fs::read_dir(root.join(folder)) else { return Ok(()) };
    for entry in entries {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            walk(root, &path, pages)?;
        } else if !(folder == Path::new("tests/it/tidy")
            && path.extension().is_some_and(|e| e == "txt"))
        {
            read(root, &path.to_string_lossy(), pages);
        }
    }
    Ok(())
}

fn read(root: &Path, path: &str, pages: &mut Vec<Page>) {
    if let Ok(text) = std::fs::read_to_string(root.join(path)) {
        pages.push(Page::new(path.to_owned(), text));
    }
}

/// Where an inline test module begins: tests come last in a file, so the rest belongs to it.
fn inline_tests(code: &str) -> Option<usize> {
    code.match_indices("#[cfg(test)]").map(|(at, _)| at).find(|at| {
        let after = code.get(at + "#[cfg(test)]".len()..).unwrap_or_default();
        let head = after.split(['{', ';']).next().unwrap_or_default();
        head.trim_start().starts_with("mod ")
            && after.get(head.len()..).is_some_and(|t| t.starts_with('{'))
    })
}

enum Kind {
    Code,
    Comment,
    Literal,
}

/// Code without comments and literals, and the string literals with the line they begin on.
fn split(text: &str) -> (String, Vec<(usize, String)>) {
    let (mut code, mut literals) = (String::with_capacity(text.len()), Vec::new());
    let (mut rest, mut line) = (text, 1);
    while !rest.is_empty() {
        let after_word = code.ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let (kind, length) = token(rest, after_word);
        let Some((taken, left)) = rest.split_at_checked(length.clamp(1, rest.len())) else { break };
        match kind {
            Kind::Code => code.push_str(taken),
            Kind::Comment => code.extend(taken.chars().map(blank)),
            Kind::Literal => {
                literals.push((line, taken.to_owned()));
                code.extend(taken.chars().map(blank));
            }
        }
        line += taken.matches('\n').count();
        rest = left;
    }
    (code, literals)
}

fn blank(c: char) -> char {
    if c == '\n' { '\n' } else { ' ' }
}

/// The next token of Rust text, as coarse as the rules need it, and its length in bytes.
fn token(rest: &str, after_word: bool) -> (Kind, usize) {
    let one = rest.chars().next().map_or(1, char::len_utf8);
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    if let (false, Some(length)) = (after_word, raw_string(rest)) {
        return (Kind::Literal, length);
    }
    match one_of(rest) {
        Some('"') => (Kind::Literal, until_unescaped(rest, '"')),
        Some('\'') if is_character(rest) => (Kind::Comment, until_unescaped(rest, '\'')),
        _ => (Kind::Code, one),
    }
}

fn one_of(rest: &str) -> Option<char> {
    rest.chars().next()
}

/// `'x'` and `'\n'` are characters; `'a` is a lifetime.
fn is_character(rest: &str) -> bool {
    let mut chars = rest.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn until_unescaped(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(here) = rest.get(at..) {
        let Some(next) = one_of(here) else { break };
        depth += usize::from(here.starts_with("/*"));
        if here.starts_with("*/") {
            depth -= 1;
        }
        let pair = here.starts_with("/*") || here.starts_with("*/");
        at += if pair { 2 } else { next.len_utf8() };
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// The length of a raw string literal, with its prefix, if one begins here.
fn raw_string(rest: &str) -> Option<usize> {
    let raw = rest.strip_prefix("br").or_else(|| rest.strip_prefix("cr"));
    let raw = raw.or_else(|| rest.strip_prefix('r'))?;
    let body = raw.trim_start_matches('#');
    let close = format!("\"{}", "#".repeat(raw.len() - body.len()));
    let end = body.strip_prefix('"')?.find(&close)?;
    Some(rest.len() - body.len() + 1 + end + close.len())
}

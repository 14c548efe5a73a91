//! What the tool says: a finding at a place, with its evidence and its fix. Plain data with byte ranges.

use crate::rules::Rule;
use crate::source::{Source, Span};
use serde::{Deserialize, Serialize};

/// A file of the analysis: its number among all of the run.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct FileId(pub u32);

impl FileId {
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Gives the texts that places are in.
pub trait Sources: Sync {
    fn source(&self, file: FileId) -> &Source;
}

/// How bad it is; `warning` and above make the run fail.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    Note,
    Warning,
    Error,
}

impl Severity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure the analysis is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Confidence {
    Likely,
    Certain,
}

impl Confidence {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Likely => "likely",
            Self::Certain => "certain",
        }
    }
}

/// A stretch of one file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Place {
    pub file: FileId,
    pub span: Span,
}

/// What a rule says about one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static Rule,
    pub severity: Severity,
    pub confidence: Confidence,
    /// Where the user acts. Short: a call's name, an `await`, never a whole function.
    pub place: Place,
    /// Present tense, lower case, code in backticks, no final stop.
    pub message: String,
    /// The remedy, where there is one to name.
    pub help: Option<String>,
    /// The function it is in, dotted with its module: `app.handlers.reads`.
    pub function: String,
    /// The evidence: from the first callee to where the effect is. Empty when the place speaks for itself.
    pub trace: Vec<Step>,
    /// How many branches the way there hangs on.
    pub branches: u32,
    /// Other places worth seeing: where the guard is taken, where the scope opens.
    pub related: Vec<Related>,
    /// In the same file: what makes the object that this is done with, `open(path)` of `file.read()`. Who has accepted that
    /// has accepted this.
    pub made_at: Option<Span>,
    pub fix: Option<Fix>,
}

impl Finding {
    /// Every place it names.
    pub fn places(&self) -> impl Iterator<Item = Place> {
        let steps = self.trace.iter().map(|step| step.place);
        std::iter::once(self.place).chain(steps).chain(self.related.iter().map(|related| related.place))
    }
}

/// One link of the evidence: in `function`, at `place`, this happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub function: String,
    pub message: String,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    pub message: String,
    pub place: Place,
}

/// How far a fix may be trusted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Applicability {
    /// Shown, never applied.
    Suggestion,
    /// Probably what is meant.
    Unsafe,
    /// Same meaning, minus the bug.
    Safe,
}

impl Applicability {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Suggestion => "suggestion",
            Self::Unsafe => "unsafe",
            Self::Safe => "safe",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    pub applicability: Applicability,
    /// What it does, as a sentence fragment: "await the call".
    pub message: String,
    /// Edits of the finding's own file that do not overlap, in order of place.
    pub edits: Vec<Edit>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    pub span: Span,
    pub content: String,
}

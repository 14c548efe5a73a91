//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::builder::Styles;
use clap::builder::styling::AnsiColor;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::finding::Confidence;
use crate::report::Format;
use crate::rules::Profile;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

/// Finds what makes async Python and Rust programs hang, leak and lose cancellation, through every call.
#[derive(Debug, Parser)]
#[command(name = "asynclint", version, styles = STYLES, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub command: Command,
    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check files and folders
    Check(Box<Check>),
    /// Show a rule's page
    Explain(Explain),
    /// List all rules
    Rules(Rules),
    /// Show what functions do to their callers, and why: the evidence, as the analysis sees it
    Effects(Effects),
    /// Write a starting configuration, never overwriting one
    Init(Init),
    /// Print the JSON schema of the configuration
    Schema,
    /// Print a completion script
    Completions(Completions),
    /// Show or clear what earlier runs have found
    Cache(CacheCommand),
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// Files and folders; `-` reads standard input. Files given by name are always checked
    #[arg(
        default_value_if("stdin_filename", clap::builder::ArgPredicate::IsPresent, "-"),
        default_value = ".",
        value_name = "PATH"
    )]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub output: Output,
    #[command(flatten)]
    pub selection: Selection,
    #[command(flatten)]
    pub fixing: Fixing,
    #[command(flatten)]
    pub baseline: KnownFindings,
    #[command(flatten)]
    pub revision: Revision,
    #[command(flatten)]
    pub configuration: Configuration,
    #[command(flatten)]
    pub files: Files,
    #[command(flatten)]
    pub cache: Caching,

    /// Check again whenever a file changes, until it is interrupted
    #[arg(long, conflicts_with_all = ["fix", "diff", "write_baseline"], help_heading = "Run")]
    pub watch: bool,
    /// Exit with 0 whatever is found
    #[arg(long, help_heading = "Run")]
    pub exit_zero: bool,
    /// Exit with 1 when a file cannot be read or parsed
    #[arg(long, help_heading = "Run")]
    pub strict_errors: bool,
    /// How many threads to use; as many as there are cores if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "Run")]
    pub threads: Option<u16>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct Output {
    /// The form of the report
    #[arg(long, value_name = "FORMAT", default_value = "full", value_parser = formats())]
    pub output_format: Format,
    /// Write the report to a file, which is replaced as a whole
    #[arg(long, value_name = "FILE")]
    pub output_file: Option<PathBuf>,
    /// Add how many findings each rule has
    #[arg(long)]
    pub statistics: bool,
    /// List suppressed findings too, where the format has a place for them (SARIF)
    #[arg(long)]
    pub show_suppressed: bool,
    /// Only the findings: no warnings, no summary on stderr
    #[arg(long, short)]
    pub quiet: bool,
    /// Say on stderr which configuration is read and what the time goes to
    #[arg(long, short, conflicts_with = "quiet")]
    pub verbose: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Cache")]
pub(crate) struct Caching {
    /// Neither use what earlier runs have found nor keep what this one finds
    #[arg(long)]
    pub no_cache: bool,
    /// Where findings are kept from run to run
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CacheCommand {
    #[command(subcommand)]
    pub what: CacheAction,
    /// Another folder than the usual one
    #[arg(long, value_name = "DIR", global = true)]
    pub cache_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum CacheAction {
    /// Take out all that is kept
    Clear,
    /// Print the folder that findings are kept in
    Path,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Rules")]
pub(crate) struct Selection {
    /// Which rules are on
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<ProfileName>,
    /// Only these: rules, categories, or other linters' codes (ASYNC251, ASYNC2, RUF006)
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub select: Vec<String>,
    /// These too
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub extend_select: Vec<String>,
    /// Not these
    #[arg(long, value_name = "RULE", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Only findings the analysis is at least this sure of
    #[arg(long, value_name = "CONFIDENCE")]
    pub min_confidence: Option<ConfidenceName>,
    /// The oldest Python that the code supports: 3.9 to 3.14
    #[arg(long, value_name = "VERSION")]
    pub target_python: Option<crate::rules::TargetPython>,
    /// Report what comments and attributes keep quiet
    #[arg(long)]
    pub ignore_suppressions: bool,
    /// Honour `noqa` comments
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    pub respect_noqa: Option<bool>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Fixes", group = clap::ArgGroup::new("mending").args(["fix", "diff"]).multiple(true))]
pub(crate) struct Fixing {
    /// Apply safe fixes, then report what is left
    #[arg(long)]
    pub fix: bool,
    /// With `--fix` or `--diff`: fixes that may change the meaning, too
    #[arg(long, requires = "mending")]
    pub unsafe_fixes: bool,
    /// Show as a diff what would be fixed, and change nothing
    #[arg(long)]
    pub diff: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Baseline")]
pub(crate) struct KnownFindings {
    /// Known findings, which stay quiet
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// Write down all findings as known, and take out those that no longer occur
    #[arg(long, conflicts_with_all = ["fix", "diff"])]
    pub write_baseline: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Baseline")]
pub(crate) struct Revision {
    /// Only findings on lines changed since a git revision, or with such a line in their evidence
    #[arg(long, value_name = "REV", conflicts_with_all = ["fix", "diff", "write_baseline"])]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Configuration {
    /// Use this file instead of the nearest asynclint.toml, pyproject.toml or Cargo.toml
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Read no configuration file
    #[arg(long, conflicts_with = "config")]
    pub isolated: bool,
    /// The environment whose packages are followed, by its folder or interpreter; only read, never run.
    /// Without it $VIRTUAL_ENV, else the nearest .venv or venv beside or above each file
    #[arg(long, value_name = "PATH")]
    pub python: Option<PathBuf>,
    /// Do not follow calls into installed packages and crates
    #[arg(long)]
    pub no_deps: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub(crate) struct Files {
    /// Leave out what matches, as a line of a .gitignore would
    #[arg(long, value_name = "GLOB")]
    pub exclude: Vec<String>,
    /// Exclude files given by name too
    #[arg(long)]
    pub force_exclude: bool,
    /// Check what .gitignore and .ignore leave out
    #[arg(long)]
    pub no_ignore: bool,
    /// The name under which standard input is checked
    #[arg(long, value_name = "PATH")]
    pub stdin_filename: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A rule's name, or another linter's code for it
    pub rule: String,
    /// The form of the page
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Rules {
    /// The form of the list
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output_format: PageFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Effects {
    /// A file or folder, and if need be a function in it, by the end of its name: `app/db.py::Store.load`
    #[arg(value_name = "PATH[::FUNCTION]")]
    pub target: String,
    /// The form of the answer
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub output_format: PageFormat,
    #[command(flatten)]
    pub configuration: Configuration,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The project's folder
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell to complete in
    pub shell: clap_complete::Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProfileName {
    /// Bugs, hardly ever wrong
    Recommended,
    /// Structured concurrency throughout
    Strict,
    /// Every rule
    All,
}

impl From<ProfileName> for Profile {
    fn from(name: ProfileName) -> Self {
        match name {
            ProfileName::Recommended => Self::Recommended,
            ProfileName::Strict => Self::Strict,
            ProfileName::All => Self::All,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ConfidenceName {
    Likely,
    Certain,
}

impl From<ConfidenceName> for Confidence {
    fn from(name: ConfidenceName) -> Self {
        match name {
            ConfidenceName::Likely => Self::Likely,
            ConfidenceName::Certain => Self::Certain,
        }
    }
}

/// The names stand in `report`, so that help, completions and errors follow what can be written.
fn formats() -> impl clap::builder::TypedValueParser<Value = Format> {
    use clap::builder::{PossibleValuesParser, TypedValueParser as _};
    PossibleValuesParser::new(Format::ALL.map(Format::name)).try_map(|name| name.parse::<Format>())
}

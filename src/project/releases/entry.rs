//! What is kept of one release, as it stands in the store.

use serde::{Deserialize, Serialize};

use super::cone::Written;
use crate::finding::FileId;
use crate::knowledge::Effect;
use crate::model::{CallId, Condition, NameId, ValueId};
use crate::project::Project;
use crate::project::effects::{Attribute, Known, Runs, Site, Wanted};
use crate::project::guards::{Guard, Guards};
use crate::project::subjects::Subject;
use crate::project::types::FnRef;
use crate::source::Span;

/// One release is met beside different ones, in different environments: of so many of these what is found is kept.
const MOST: usize = 8;

/// What is kept of one release, the latest first.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Entries(pub(super) Vec<Entry>);

#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) cone: Written,
    /// By the number of the file in the cone, and the function's number there, in order.
    pub(super) functions: Vec<(u32, u32, StoredKnown)>,
}

impl Entries {
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        postcard::to_stdvec(self).ok()
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }

    /// Adds an entry, in the place of one that had what is in it, and less.
    pub(super) fn add(&mut self, entry: Entry, instead: Option<&Written>) {
        self.0.retain(|it| Some(&it.cone) != instead && it.cone != entry.cone);
        self.0.insert(0, entry);
        self.0.truncate(MOST);
    }
}

/// A [`Known`], its files by their numbers in the cone.
#[derive(Serialize, Deserialize)]
pub(super) struct StoredKnown {
    sites: Vec<(StoredSite, StoredRuns)>,
    asks: Vec<Subject>,
    hands: Vec<(usize, ValueId)>,
}

#[derive(Serialize, Deserialize)]
struct StoredSite {
    span: Span,
    call: Option<CallId>,
    asks: Option<(ValueId, StoredWanted)>,
    given: Vec<Condition>,
    attributes: Vec<Attribute>,
    guards: Vec<Guard>,
    branches: u32,
    once: bool,
    shared: bool,
    held: bool,
}

#[derive(Serialize, Deserialize)]
enum StoredWanted {
    Named(NameId),
    Special(String),
    Elements,
}

#[derive(Serialize, Deserialize)]
enum StoredRuns {
    Own(FnRef),
    Asked(Option<FnRef>),
    Library(String, Effect),
}

impl StoredKnown {
    /// `None` if it names a file that has no number.
    pub(super) fn of(
        project: &Project,
        function: FnRef,
        known: &Known,
        number: &dyn Fn(FileId) -> Option<u32>,
    ) -> Option<Self> {
        let number = |file: FileId| number(file).map(FileId);
        let sites = known.sites.iter().map(|(site, runs)| {
            let site = StoredSite {
                span: site.span,
                call: site.call,
                asks: match site.asks {
                    Some((value, wanted)) => Some((value, StoredWanted::of(wanted)?)),
                    None => None,
                },
                given: site.given.clone(),
                attributes: site.attributes.clone(),
                guards: site.guards.iter().map(|it| it.in_files(&number)).collect::<Option<_>>()?,
                branches: site.branches,
                once: site.once,
                shared: site.shared,
                held: site.held,
            };
            Some((site, StoredRuns::of(project, function, *runs, &number)?))
        });
        Some(Self { sites: sites.collect::<Option<_>>()?, asks: known.asks.to_vec(), hands: known.hands.to_vec() })
    }

    /// `files`: by their numbers. `None` where what it speaks of is not there any more.
    pub(super) fn known(&self, project: &Project, function: FnRef, files: &[FileId]) -> Option<Known> {
        let file = |number: FileId| files.get(number.index()).copied();
        let sites = self.sites.iter().map(|(stored, runs)| {
            let guards = stored.guards.iter().map(|it| it.in_files(&file)).collect::<Option<Vec<_>>>()?;
            let site = Site {
                span: stored.span,
                call: stored.call,
                asks: match &stored.asks {
                    Some((value, wanted)) => Some((*value, wanted.wanted()?)),
                    None => None,
                },
                given: stored.given.clone(),
                attributes: stored.attributes.clone(),
                guards: Guards::sorted(guards),
                branches: stored.branches,
                once: stored.once,
                shared: stored.shared,
                held: stored.held,
            };
            Some((site, runs.runs(project, function, &file)?))
        });
        let sites = sites.collect::<Option<_>>()?;
        Some(Known { sites, asks: self.asks.clone().into(), hands: self.hands.clone().into() })
    }
}

impl StoredWanted {
    fn of(wanted: Wanted) -> Option<Self> {
        Some(match wanted {
            Wanted::Named(name) => Self::Named(name),
            Wanted::Special(name) => Wanted::special(name).map(|_| Self::Special(name.to_owned()))?,
            Wanted::Elements => Self::Elements,
        })
    }

    fn wanted(&self) -> Option<Wanted> {
        Some(match self {
            Self::Named(name) => Wanted::Named(*name),
            Self::Special(name) => Wanted::special(name)?,
            Self::Elements => Wanted::Elements,
        })
    }
}

impl StoredRuns {
    fn of(project: &Project, function: FnRef, runs: Runs, number: &dyn Fn(FileId) -> Option<FileId>) -> Option<Self> {
        let numbered = |it: FnRef| Some(FnRef { file: number(it.file)?, ..it });
        Some(match runs {
            Runs::Own(it) => Self::Own(numbered(it)?),
            Runs::Asked(None) => Self::Asked(None),
            Runs::Asked(Some(it)) => Self::Asked(Some(numbered(it)?)),
            Runs::Library(api, effect) => {
                let found = project.knowledge.api(project.language(function.file), api.path)?;
                std::ptr::eq(found, api).then(|| Self::Library(api.path.to_owned(), effect))?
            }
        })
    }

    fn runs(&self, project: &Project, function: FnRef, file: &dyn Fn(FileId) -> Option<FileId>) -> Option<Runs> {
        let found = |it: &FnRef| Some(FnRef { file: file(it.file)?, ..*it });
        Some(match self {
            Self::Own(it) => Runs::Own(found(it)?),
            Self::Asked(None) => Runs::Asked(None),
            Self::Asked(Some(it)) => Runs::Asked(Some(found(it)?)),
            Self::Library(path, effect) => {
                Runs::Library(project.knowledge.api(project.language(function.file), path)?, *effect)
            }
        })
    }
}

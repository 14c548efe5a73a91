//! Where Python packages are installed: an environment's `site-packages`, found by looking, and what its `.pth` files add.

use std::path::{Path, PathBuf};
use std::sync::{OnceLock, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHashSet};

use super::added::{Added, added, lists};
use super::distributions::{Distributions, distribution};
use super::standard::is_standard;
use crate::discover::{manifest_text, plain_path};

/// Folders that installed packages stand in, in the order in which they are looked through.
#[derive(Debug, Default)]
pub struct SitePackages {
    roots: Vec<Root>,
    /// Whether there is anything under the first names that have been asked for.
    asked: RwLock<FxHashMap<String, bool>>,
}

#[derive(Debug, Default)]
struct Root {
    /// Without links.
    folder: PathBuf,
    /// What can be imported from it, by first name.
    names: OnceLock<FxHashSet<String>>,
    distributions: OnceLock<Distributions>,
    /// A `.pth` file names it: the folder of a package under development.
    added: bool,
    /// The only name that counts of what is in it.
    only: Option<String>,
}

/// The file of an installed module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    pub path: PathBuf,
    /// It is an `__init__.py`.
    pub is_package: bool,
    root: usize,
}

impl SitePackages {
    /// What is installed in an environment: its folder, one above, the interpreter in it, or the `site-packages` itself.
    pub fn of(path: &Path) -> Option<Self> {
        let is_file = path.is_file();
        // `bin/python` is a link to the interpreter it was made with: what counts is where it stands.
        let start = if is_file { path.parent()? } else { path };
        let inside = matches!(start.file_name().and_then(|it| it.to_str()), Some("bin" | "Scripts"));
        let environment = if inside { start.parent()? } else { start };
        let mut folders = site_folders(environment);
        if folders.is_empty() && !is_file && holds_distributions(environment) {
            folders.push(environment.to_owned());
        }
        if folders.is_empty() {
            return None;
        }
        let mut all = Self::default();
        for folder in folders {
            all.add(&folder, false);
        }
        let own = all.roots.len();
        for index in 0..own {
            let folder = all.roots[index].folder.clone();
            for added in added(&folder) {
                match added {
                    Added::Folder(folder) => all.add(&folder, true),
                    Added::Package { name, place } => all.add_one(&name, &place),
                }
            }
        }
        Some(all)
    }

    /// `.venv` or `venv` in the folder or above it, and where it stands.
    pub fn near(folder: &Path) -> Option<(&Path, Self)> {
        let home = std::env::home_dir();
        let mut above = folder.ancestors().take_while(|it| home.as_deref() != Some(*it));
        above.find_map(|it| Some((it, Self::of(&it.join(".venv")).or_else(|| Self::of(&it.join("venv")))?)))
    }

    /// The first folder, for people.
    pub fn folder(&self) -> &Path {
        self.roots.first().map_or(Path::new(""), |it| &it.folder)
    }

    /// Where packages are installed. Which, and in which versions, is told by what is [asked](Self::asked).
    pub(super) fn say(&self, say: &mut impl FnMut(&str)) {
        for root in &self.roots {
            say(&format!("{} {} {:?}", root.folder.display(), root.added, root.only));
        }
    }

    /// The folders that packages stand in.
    pub(super) fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|it| it.folder.as_path())
    }

    /// The lists in the folders that add others.
    pub(super) fn lists(&self) -> impl Iterator<Item = PathBuf> + use<'_> {
        self.roots.iter().filter(|it| !it.added).flat_map(|root| lists(&root.folder))
    }

    /// The first names of which it was asked whether they can be imported.
    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
    }

    /// What stands under a first name, and what it is a part of.
    pub(crate) fn answer(&self, first: &str) -> String {
        let mut answer = String::new();
        for (index, root) in self.roots.iter().enumerate().filter(|(_, root)| root.has(first)) {
            let folder = root.folder.join(first);
            let kinds = [folder.is_dir(), folder.join("__init__.py").is_file(), folder.with_extension("py").is_file()];
            let label = (!root.added).then(|| root.distributions().of(first));
            answer.push_str(&format!("{index} {kinds:?} {label:?};"));
        }
        answer
    }

    /// The seal of the released package that an installed file is of.
    pub fn seal(&self, file: &Path) -> Option<PathBuf> {
        let root = self.roots.iter().filter(|it| !it.added).find(|it| file.starts_with(&it.folder))?;
        let inside = file.strip_prefix(&root.folder).ok()?.to_str()?.replace('\\', "/");
        root.distributions().seal(&inside)
    }

    fn add(&mut self, folder: &Path, added: bool) {
        let Ok(folder) = folder.canonicalize().map(plain_path) else { return };
        if folder.is_dir() && !self.roots.iter().any(|it| it.folder == folder) {
            self.roots.push(Root { folder, added, ..Root::default() });
        }
    }

    /// A package that lies at a place under its own name, without what is beside it.
    fn add_one(&mut self, name: &str, place: &Path) {
        let inside: PathBuf = name.split('.').collect();
        let folder = place.ancestors().nth(inside.components().count()).filter(|it| it.join(&inside) == place);
        let Some(folder) = folder.and_then(|it| it.canonicalize().ok()).map(plain_path) else { return };
        let first = name.split('.').next().unwrap_or(name).to_owned();
        let names = OnceLock::from(FxHashSet::from_iter([first.clone()]));
        self.roots.push(Root { folder, names, added: true, only: Some(first), ..Root::default() });
    }

    /// The source of the module of that whole name. Compiled modules and stubs have none.
    pub fn module(&self, name: &str) -> Option<Installed> {
        let first = name.split('.').next()?;
        if is_standard(first) {
            return None;
        }
        let inside = name.replace('.', "/");
        for (index, root) in self.roots.iter().enumerate().filter(|(_, root)| root.has(first)) {
            let stem = root.folder.join(&inside);
            for (path, is_package) in [(stem.join("__init__.py"), true), (stem.with_extension("py"), false)] {
                if path.is_file() && is_inside(&path, &root.folder) {
                    return Some(Installed { path, is_package, root: index });
                }
            }
            // The rest of a package is where its beginning is, unless that says otherwise.
            let beginning = root.folder.join(first).join("__init__.py");
            if beginning.is_file() && !is_spread(&beginning) {
                return None;
            }
        }
        None
    }

    /// Where the modules of a package are looked for: its folders, or what there is of the way there.
    pub fn folders_of(&self, package: &str) -> impl Iterator<Item = PathBuf> + use<'_> {
        let first = package.split('.').next().unwrap_or_default().to_owned();
        let inside = package.replace('.', "/");
        let roots = self.roots.iter().filter(move |root| !first.is_empty() && root.has(&first));
        roots.filter_map(move |root| {
            let folder = root.folder.join(&inside);
            folder.ancestors().take_while(|it| *it != root.folder).find(|it| it.is_dir()).map(Path::to_owned)
        })
    }

    /// Something can be imported under this name, be it a folder without modules of its own.
    pub fn has(&self, first: &str) -> bool {
        if is_standard(first) {
            return false;
        }
        if let Some(known) = self.asked.read().unwrap_or_else(PoisonError::into_inner).get(first) {
            return *known;
        }
        let has = self.roots.iter().any(|root| root.has(first));
        self.asked.write().unwrap_or_else(PoisonError::into_inner).insert(first.to_owned(), has);
        has
    }

    /// The file as reports show it, wherever the environment lies: `httpx-0.28.1/httpx/_client.py`. What is under development lies at a
    /// place of its own, where people can open it.
    pub fn shown(&self, module: &str, installed: &Installed) -> String {
        let root = &self.roots[installed.root];
        if root.added {
            return installed.path.to_string_lossy().replace('\\', "/");
        }
        let inside = installed.path.strip_prefix(&root.folder).unwrap_or(&installed.path);
        let inside = inside.to_string_lossy().replace('\\', "/");
        let first = module.split('.').next().unwrap_or(module);
        // Several have modules under a name that is nobody's own: `google.cloud`.
        let is_shared = !root.folder.join(first).join("__init__.py").is_file() && first != module;
        let distribution =
            if is_shared { root.distributions().of_file(&inside) } else { root.distributions().of(first) };
        format!("{}/{inside}", distribution.unwrap_or("site-packages"))
    }
}

impl Root {
    fn has(&self, first: &str) -> bool {
        let names = self.names.get_or_init(|| {
            let entries = std::fs::read_dir(&self.folder).into_iter().flatten().flatten();
            let name = |entry: std::fs::DirEntry| {
                let name = entry.file_name().into_string().ok()?;
                match name.split_once('.') {
                    None => Some(name),
                    Some((module, "py")) => Some(module.to_owned()),
                    Some(_) => None,
                }
            };
            entries.filter_map(name).collect()
        });
        names.contains(first)
    }

    fn distributions(&self) -> &Distributions {
        self.distributions.get_or_init(|| Distributions::in_folder(&self.folder))
    }
}

fn holds_distributions(folder: &Path) -> bool {
    matches!(folder.file_name().and_then(|it| it.to_str()), Some("site-packages" | "dist-packages")) && folder.is_dir()
        || std::fs::read_dir(folder).into_iter().flatten().flatten().any(|it| distribution(&it.path()).is_some())
}

/// The file, links followed, lies in the folder.
pub(super) fn is_inside(file: &Path, folder: &Path) -> bool {
    file.canonicalize().is_ok_and(|real| plain_path(real).starts_with(folder))
}

/// The `site-packages` folders of an environment, its own first.
fn site_folders(environment: &Path) -> Vec<PathBuf> {
    let settings = manifest_text(environment.join("pyvenv.cfg")).unwrap_or_default();
    let setting = |key: &str| {
        settings.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    };
    let version = setting("version").or_else(|| setting("version_info"));
    let mut found = below(environment, version.as_deref());
    if setting("include-system-site-packages").is_some_and(|it| it.eq_ignore_ascii_case("true"))
        && let Some(home) = setting("home")
        && let Some(system) = Path::new(&home).parent()
    {
        found.extend(below(system, version.as_deref()));
    }
    found
}

/// `lib/python3.12/site-packages`, `Lib/site-packages`. Of several versions the one asked for, else the newest.
fn below(environment: &Path, version: Option<&str>) -> Vec<PathBuf> {
    let windows = environment.join("Lib").join("site-packages");
    if windows.is_dir() {
        return vec![windows];
    }
    let wanted = version.map(|it| it.split('.').take(2).collect::<Vec<_>>().join("."));
    let mut found = Vec::new();
    for lib in ["lib", "lib64"] {
        for entry in std::fs::read_dir(environment.join(lib)).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap_or_default();
            let Some(number) = name.strip_prefix("python").or_else(|| name.strip_prefix("pypy")) else { continue };
            for site in ["site-packages", "dist-packages"] {
                let folder = entry.path().join(site);
                if folder.is_dir() {
                    let minor = number.rsplit('.').next().and_then(|it| it.parse::<u32>().ok());
                    let is_wanted = wanted.as_deref() == Some(number.trim_end_matches('t'));
                    found.push(((is_wanted, minor), folder));
                }
            }
        }
    }
    let Some(best) = found.iter().map(|(rank, _)| *rank).max() else { return Vec::new() };
    let mut found: Vec<PathBuf> = found.into_iter().filter(|(rank, _)| *rank == best).map(|(_, it)| it).collect();
    found.sort();
    found
}

/// The package says that its parts lie in several folders: `__path__ = pkgutil.extend_path(__path__, __name__)`.
fn is_spread(beginning: &Path) -> bool {
    let text = manifest_text(beginning).unwrap_or_default();
    text.contains("extend_path") || text.contains("declare_namespace")
}

#[cfg(test)]
mod tests {
    use super::super::write;
    use super::*;

    #[test]
    fn an_environment_is_found_by_any_of_its_names() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        write(&at("env/pyvenv.cfg"), "home = /nowhere/bin\nversion = 3.12.4\n")?;
        write(&at("env/bin/python"), "")?;
        write(&at("env/lib/python3.11/site-packages/old.py"), "")?;
        write(&at("env/lib/python3.12/site-packages/kit/__init__.py"), "")?;
        write(&at("env/lib/python3.12/site-packages/kit/deep.py"), "")?;
        write(&at("env/lib/python3.12/site-packages/kit/fast.so"), "")?;
        write(&at("env/lib/python3.12/site-packages/json.py"), "")?;
        write(&at("env/lib/python3.12/site-packages/the_kit-2.0.dist-info/RECORD"), "kit/__init__.py,,\n")?;
        for name in ["env", "env/bin", "env/bin/python", "env/lib/python3.12/site-packages"] {
            let site = SitePackages::of(&at(name)).expect(name);
            let deep = site.module("kit.deep").expect("it is installed");
            assert_eq!(site.shown("kit.deep", &deep), "the_kit-2.0/kit/deep.py");
            assert!(site.module("kit").is_some_and(|it| it.is_package));
            assert_eq!(site.module("kit.fast"), None);
            assert_eq!(site.module("old"), None);
            assert_eq!(site.module("json"), None, "the standard library comes first");
        }
        assert!(SitePackages::of(&at("nowhere")).is_none() && SitePackages::of(folder.path()).is_none());
        assert!(SitePackages::near(&at("env/lib")).is_none());
        std::fs::rename(at("env"), at(".venv"))?;
        std::fs::create_dir_all(at("app/deep"))?;
        assert_eq!(SitePackages::near(&at("app/deep")).map(|it| it.0.to_owned()), Some(folder.path().to_owned()));
        Ok(())
    }

    #[test]
    fn plain_paths_in_lists_count_and_code_does_not() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        let site = "env/Lib/site-packages";
        write(&at("ours/src/mine.py"), "")?;
        write(
            &at(&format!("{site}/a.pth")),
            "# a comment\nimport sys; sys.path.append('../../../evil')\n../../../ours/src\n",
        )?;
        write(&at("evil/wrong.py"), "")?;
        let found = SitePackages::of(&at("env")).expect("an environment");
        let mine = found.module("mine").expect("named by a list");
        let place = |path: &str| at(path).canonicalize().map(|it| plain_path(it).to_string_lossy().replace('\\', "/"));
        assert_eq!(found.shown("mine", &mine), place("ours/src/mine.py")?);
        assert_eq!(found.module("wrong"), None);
        Ok(())
    }

    #[test]
    fn what_is_developed_is_found_through_its_finder() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        let site = "env/Lib/site-packages";
        write(&at("ours/kit/__init__.py"), "")?;
        write(&at("ours/kit/deep.py"), "")?;
        write(&at("ours/beside.py"), "")?;
        write(&at("space/one/two/three.py"), "")?;
        write(
            &at(&format!("{site}/__editable__.kit-0.1.pth")),
            "import __editable___kit_0_1_finder; __editable___kit_0_1_finder.install()",
        )?;
        let mapping = [("kit", at("ours/kit")), ("one.two", at("space/one/two")), ("other", at("ours/kit"))];
        let mapping = mapping.map(|(name, place)| format!("{name:?}: {:?}", place.display().to_string())).join(", ");
        let finder = format!("import sys\nMAPPING: dict[str, str] = {{{mapping}}}\nNAMESPACES = {{}}\n");
        write(&at(&format!("{site}/__editable___kit_0_1_finder.py")), &finder)?;
        let found = SitePackages::of(&at("env")).expect("an environment");
        let deep = found.module("kit.deep").expect("the finder knows it");
        assert!(found.shown("kit.deep", &deep).ends_with("/ours/kit/deep.py"));
        assert!(found.module("one.two.three").is_some());
        assert!(found.module("beside").is_none() && found.module("other").is_none());
        Ok(())
    }

    #[test]
    fn packages_may_say_that_they_are_spread() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        let spread = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n";
        let site = "env/Lib/site-packages";
        for (place, text) in [
            (format!("{site}/zope"), spread),
            ("more/zope".to_owned(), spread),
            (format!("{site}/kit"), ""),
            ("more/kit".to_owned(), ""),
        ] {
            write(&at(&format!("{place}/__init__.py")), text)?;
        }
        write(&at("more/zope/far.py"), "")?;
        write(&at("more/kit/far.py"), "")?;
        write(&at(&format!("{site}/more.pth")), "../../../more\n")?;
        let found = SitePackages::of(&at("env")).expect("an environment");
        assert!(found.module("zope.far").is_some() && found.module("kit.far").is_none());
        Ok(())
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        write(&at("secret/__init__.py"), "")?;
        write(&at("env/lib/python3.12/site-packages/fine.py"), "")?;
        std::os::unix::fs::symlink(at("secret"), at("env/lib/python3.12/site-packages/kit"))?;
        let site = SitePackages::of(&at("env")).expect("an environment");
        assert!(site.module("fine").is_some());
        assert_eq!(site.module("kit"), None);
        Ok(())
    }
}

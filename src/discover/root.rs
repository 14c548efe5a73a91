//! The project that a file or folder belongs to.

use std::path::{Path, PathBuf};

use super::read::manifest_text;

/// A folder that holds one of these is a project.
const MARKS: [&str; 5] = ["asynclint.toml", "pyproject.toml", "setup.py", "setup.cfg", "Cargo.toml"];

/// The folder of the project around a path (absolute): the nearest with a project's files, or the workspace around that;
/// without any, the repository, or else the Python package. `None` if the path belongs to nothing: no code but what is given is
/// read then.
pub fn project_root(path: &Path) -> Option<PathBuf> {
    let nearest = path.ancestors().find(|folder| MARKS.iter().any(|mark| folder.join(mark).is_file()));
    let Some(nearest) = nearest else {
        let repository = path.ancestors().find(|folder| folder.join(".git").exists() && !is_home(folder));
        return repository.map(Path::to_owned).or_else(|| package(path));
    };
    let around = nearest.ancestors().skip(1).take_while(|folder| !is_home(folder));
    Some(around.filter(|folder| is_workspace(folder)).last().unwrap_or(nearest).to_owned())
}

/// The outermost Python package that a path lies in.
fn package(path: &Path) -> Option<PathBuf> {
    let around = path.ancestors().skip_while(|it| it.is_file());
    around.take_while(|folder| folder.join("__init__.py").is_file()).last().map(Path::to_owned)
}

/// A Cargo or uv workspace: its members call each other.
fn is_workspace(folder: &Path) -> bool {
    let says = |name: &str, table: &str| {
        manifest_text(folder.join(name)).is_ok_and(|text| text.lines().any(|line| line.trim() == table))
    };
    says("Cargo.toml", "[workspace]") || says("pyproject.toml", "[tool.uv.workspace]")
}

/// A home folder may be a repository of settings; what lies in it is not one project.
fn is_home(folder: &Path) -> bool {
    std::env::home_dir().is_some_and(|home| home == folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_project_or_its_workspace_is_the_root() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let at = |path: &str| folder.path().join(path);
        std::fs::create_dir_all(at("repository/.git"))?;
        std::fs::create_dir_all(at("repository/services/a/src"))?;
        std::fs::create_dir_all(at("repository/crates/b/src"))?;
        std::fs::create_dir_all(at("repository/scripts"))?;
        std::fs::create_dir_all(at("plain/package/inner"))?;
        std::fs::write(at("plain/package/__init__.py"), "")?;
        std::fs::write(at("plain/package/inner/__init__.py"), "")?;
        std::fs::write(at("plain/package/inner/x.py"), "")?;
        std::fs::write(at("repository/services/a/pyproject.toml"), "")?;
        std::fs::write(at("repository/crates/Cargo.toml"), "[workspace]\nmembers = [\"b\"]\n")?;
        std::fs::write(at("repository/crates/b/Cargo.toml"), "[package]\n")?;
        assert_eq!(project_root(&at("repository/services/a/src/x.py")), Some(at("repository/services/a")));
        assert_eq!(project_root(&at("repository/crates/b/src/lib.rs")), Some(at("repository/crates")));
        assert_eq!(project_root(&at("repository/scripts/x.py")), Some(at("repository")));
        assert_eq!(project_root(&at("plain/package/inner/x.py")), Some(at("plain/package")));
        assert_eq!(project_root(&at("plain/x.py")), None);
        Ok(())
    }
}

//! Paths as URIs: relative ones where the file lies below the working directory, `file:` ones elsewhere.

use super::log::ArtifactLocation;

/// What relative URIs are relative to: the directory the tool was run in.
pub(super) const ROOT: &str = "%SRCROOT%";

/// What files of dependencies are relative to: wherever these are installed.
pub(super) const DEPENDENCIES: &str = "DEPENDENCIES";

/// The place of a file of a dependency, which has a name and no fixed place: `httpx-0.28.1/httpx/_client.py`. One that is under
/// development has a place.
pub(super) fn installed(path: &str, working_directory: &str) -> ArtifactLocation {
    if is_absolute(path) {
        return artifact(path, working_directory);
    }
    ArtifactLocation { uri: encoded(path), uri_base_id: Some(DEPENDENCIES) }
}

/// The place of a file, whose path is relative to the working directory or absolute.
pub(super) fn artifact(path: &str, working_directory: &str) -> ArtifactLocation {
    // Only Windows separates folders with it; elsewhere it is part of a name.
    let slashed = |it: &str| if working_directory.starts_with('/') { it.to_owned() } else { it.replace('\\', "/") };
    let (path, root) = (slashed(path), slashed(working_directory));
    let root = root.trim_end_matches('/');
    let below = path.strip_prefix(root).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&path);
    let parts = normal(below);
    if is_absolute(below) {
        return ArtifactLocation { uri: file(&parts.join("/")), uri_base_id: None };
    }
    let ups = parts.iter().take_while(|part| **part == "..").count();
    if ups > 0 {
        // Readers do not look above the root, so a file there is named in full.
        let mut full: Vec<&str> = root.split('/').collect();
        full.truncate(full.len().saturating_sub(ups));
        full.extend(&parts[ups..]);
        return ArtifactLocation { uri: file(&full.join("/")), uri_base_id: None };
    }
    ArtifactLocation { uri: encoded(&parts.join("/")), uri_base_id: Some(ROOT) }
}

/// A folder's URI, with the slash at its end that makes others relative to it.
pub(super) fn folder(path: &str) -> String {
    let path = path.replace('\\', "/");
    format!("{}/", file(path.trim_end_matches('/')))
}

fn is_absolute(path: &str) -> bool {
    let drive = path.as_bytes();
    path.starts_with('/') || (drive.len() > 2 && drive[0].is_ascii_alphabetic() && drive[1] == b':' && drive[2] == b'/')
}

/// The components, without `.` and with `..` taken back where that is possible.
fn normal(path: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." if parts.last().is_some_and(|it| !it.is_empty() && *it != "..") => {
                parts.pop();
            }
            // The first is empty in an absolute path.
            "" if !parts.is_empty() && parts != [""] => {}
            _ => parts.push(part),
        }
    }
    parts
}

/// `file:///usr/lib`, `file:///C:/work`, `file://server/share`.
fn file(path: &str) -> String {
    if let Some(share) = path.strip_prefix("//") {
        return format!("file://{}", encoded(share));
    }
    let (drive, rest) = match path.as_bytes() {
        [letter, b':', ..] if letter.is_ascii_alphabetic() => path.split_at(2),
        _ => ("", path),
    };
    let slash = if drive.is_empty() { "" } else { "/" };
    format!("file://{slash}{drive}{}", encoded(rest))
}

/// Everything but RFC 3986's unreserved characters and `/` in percent form, as UTF-8. A colon too: before the first slash
/// it would end a scheme.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(byte as char);
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(path: &str) -> (String, bool) {
        let location = artifact(path, "/home/user/my project/");
        (location.uri, location.uri_base_id.is_some())
    }

    #[test]
    fn files_below_the_root_are_relative() {
        assert_eq!(uri("app/b\u{e4}d [1].py"), ("app/b%C3%A4d%20%5B1%5D.py".to_owned(), true));
        assert_eq!(uri("./a/../b.py"), ("b.py".to_owned(), true));
        assert_eq!(uri("a\\b:c.py"), ("a%5Cb%3Ac.py".to_owned(), true));
        assert_eq!(uri("/home/user/my project/x.py"), ("x.py".to_owned(), true));
    }

    #[test]
    fn files_elsewhere_are_named_in_full() {
        assert_eq!(uri("/usr/lib/python3/x.py"), ("file:///usr/lib/python3/x.py".to_owned(), false));
        assert_eq!(uri("../other/x.py"), ("file:///home/user/other/x.py".to_owned(), false));
        assert_eq!(uri("/home/user/my project 2/x.py"), ("file:///home/user/my%20project%202/x.py".to_owned(), false));
        assert_eq!(folder("/home/user/my project"), "file:///home/user/my%20project/");
        assert_eq!(folder("C:\\src\\"), "file:///C:/src/");
        assert_eq!(artifact("C:/lib/x.py", "C:\\work").uri, "file:///C:/lib/x.py");
        assert_eq!(artifact("C:\\work\\x.py", "C:\\work").uri, "x.py");
        assert_eq!(installed("/projects/kit/x.py", "/projects").uri, "kit/x.py");
        assert_eq!(installed("kit-1.0/x.py", "/projects").uri_base_id, Some(DEPENDENCIES));
        assert_eq!(folder("\\\\server\\share"), "file://server/share/");
    }
}

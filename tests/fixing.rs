//! `--fix` and `--diff` in whole runs.

mod support;

use support::{Folder, ran};

const FORGOTTEN: &str = "async def g():\n    pass\n\n\nasync def f():\n    g()\n    g()\n";
const AWAITED: &str = "async def g():\n    pass\n\n\nasync def f():\n    await g()\n    await g()\n";
const FIX: [&str; 3] = ["check", "--fix", "--unsafe-fixes"];

#[test]
fn fixes_are_applied_as_far_as_they_are_trusted() {
    let folder = Folder::new(&[("a.py", FORGOTTEN), ("b.py", "x = 1\n")]);
    assert_eq!(folder.run(&["check", "--unsafe-fixes"]).status, Some(2), "nothing to do with it");
    assert_eq!(folder.run(&["check", "--fix"]).status, Some(1));
    assert_eq!(folder.read("a.py"), FORGOTTEN, "not without being asked to");
    let ran = folder.run(&FIX);
    assert_eq!((ran.status, &*ran.err), (Some(0), "fixed 2 findings in 1 file\n"));
    assert_eq!(folder.read("a.py"), AWAITED);
    assert_eq!(folder.run(&FIX).err, "fixed 0 findings in 0 files\n");
}

#[test]
fn a_diff_shows_and_changes_nothing() {
    let folder = Folder::new(&[("src/a.py", FORGOTTEN)]);
    let ran = folder.run(&["check", "--diff", "--unsafe-fixes"]);
    assert_eq!((ran.status, &*ran.err), (Some(1), "would fix 2 findings in 1 file\n"));
    let expected = "--- a/src/a.py\n+++ b/src/a.py\n@@ -3,5 +3,5 @@\n \n \n async def f():\n-    g()\n-    g()\n\
                    +    await g()\n+    await g()\n";
    assert_eq!(ran.out, expected);
    assert_eq!(folder.read("src/a.py"), FORGOTTEN);
    let both = folder.run(&["check", "--fix", "--diff", "--unsafe-fixes"]);
    assert_eq!((both.status, both.out), (Some(1), ran.out));
    assert_eq!(folder.read("src/a.py"), FORGOTTEN);
}

#[test]
fn line_ends_marks_and_encodings_stay() {
    let folder = Folder::new(&[]);
    let windows = |text: &str| text.replace('\n', "\r\n");
    folder.write("a.py", format!("\u{feff}{}", windows(FORGOTTEN)));
    let latin = [b"# coding: latin-1\n# \xe9\n", FORGOTTEN.as_bytes()].concat();
    folder.write("b.py", &latin);
    let ran = folder.run(&FIX);
    assert_eq!(ran.status, Some(1));
    assert_eq!(folder.read("a.py"), format!("\u{feff}{}", windows(AWAITED)));
    assert!(ran.err.contains("warning: b.py: is not fixed: it is not in UTF-8; convert it first"), "{}", ran.err);
    assert_eq!(std::fs::read(folder.at("b.py")).expect("there"), latin);
}

#[test]
fn notebooks_are_mended_in_their_cells() {
    let cell = |lines: &str| {
        let lines: Vec<String> = lines.split_inclusive('\n').map(|it| format!("    {it:?}")).collect();
        format!("  {{\n   \"cell_type\": \"code\",\n   \"source\": [\n{}\n   ]\n  }}", lines.join(",\n"))
    };
    let notebook = |body: &str| {
        let cells = [cell("%matplotlib inline\n!ls"), cell(body)].join(",\n");
        format!("{{\n \"cells\": [\n{cells}\n ],\n \"metadata\": {{}},\n \"nbformat\": 4\n}}\n")
    };
    let folder = Folder::new(&[]);
    folder.write("a.ipynb", notebook(FORGOTTEN.trim_end()));
    let ran = folder.run(&FIX);
    assert_eq!((ran.status, &*ran.err), (Some(0), "fixed 2 findings in 1 file\n"));
    assert_eq!(folder.read("a.ipynb"), notebook(AWAITED.trim_end()));
}

#[test]
fn standard_input_comes_back_mended() {
    let folder = Folder::new(&[]);
    for (source, mended) in [(FORGOTTEN, AWAITED), ("x = 1\n", "x = 1\n")] {
        let mut command = folder.command(&[&FIX[..], &["-", "--stdin-filename", "a.py"]].concat());
        command.write_stdin(source);
        let ran = ran(command);
        assert_eq!((ran.status, &*ran.out), (Some(0), mended));
    }
}

#[test]
fn standard_input_comes_back_as_it_came_where_it_is_not_mended() {
    let folder = Folder::new(&[]);
    let latin = b"# coding: latin-1\nx = '\xe9'\nasync def g(): ...\nasync def f():\n    g()\n";
    let marked = format!("\u{feff}{FORGOTTEN}");
    let mended = format!("\u{feff}{AWAITED}");
    let notebook = |cell: &str| {
        format!(
            "{{\n \"cells\": [\n  {{\n   \"cell_type\": \"code\",\n   \"source\": {cell:?}\n  }}\n ],\n \"nbformat\": 4\n}}\n"
        )
    };
    let (forgotten, awaited) = (notebook(FORGOTTEN), notebook(AWAITED));
    let cases: [(&str, &[u8], &[u8]); 6] = [
        ("a.py", marked.as_bytes(), mended.as_bytes()),
        ("a.py", latin, latin),
        ("a.py", b"x = '\xff'\n", b"x = '\xff'\n"),
        ("a.py", b"x = 1\0\n", b"x = 1\0\n"),
        ("a.ipynb", forgotten.as_bytes(), awaited.as_bytes()),
        ("a.ipynb", b"{ \"cells\": 1", b"{ \"cells\": 1"),
    ];
    for (name, source, expected) in cases {
        let mut command = folder.command(&[&FIX[..], &["-", "--stdin-filename", name]].concat());
        command.write_stdin(source);
        let output = command.output().expect("it runs");
        assert_eq!(output.stdout, expected, "{}", String::from_utf8_lossy(&output.stdout));
    }
}

#[test]
fn code_around_a_fix_stays_what_it_is() {
    let folder = Folder::new(&[
        (
            "a.rs",
            "fn f() {\n    let/* asynclint: ignore[blocking-sleep] */x = &/* asynclint: ignore[blocking-sleep] */&1;\n}\n",
        ),
        ("b.py", "import trio\nasync def f():\n    await trio.sleep(x := 0)\n    return x\n"),
    ]);
    folder.run(&["check", "--fix", "--select", "unused-suppression,blocking-sleep,zero-sleep"]);
    assert_eq!(folder.read("a.rs"), "fn f() {\n    let x = & &1;\n}\n");
    assert!(folder.read("b.py").contains("x := 0"));
}

#[test]
fn what_is_not_mended_is_told_where_nothing_else_is() {
    let folder = Folder::new(&[]);
    let latin = [b"# coding: latin-1\n# \xe9\n", FORGOTTEN.as_bytes()].concat();
    folder.write("b.py", &latin);
    let ran = folder.run(&FIX);
    assert_eq!(ran.status, Some(1));
    assert!(ran.err.contains("warning: b.py: is not fixed: it is not in UTF-8; convert it first"), "{}", ran.err);
    assert!(!ran.out.contains("mends"), "what has been refused is not offered: {}", ran.out);
}

#[cfg(unix)]
#[test]
fn links_lead_fixes_no_further_than_the_folders_that_are_checked() {
    let outside = Folder::new(&[("a.py", FORGOTTEN)]);
    let folder = Folder::new(&[("b.py", FORGOTTEN)]);
    std::os::unix::fs::symlink(outside.at("a.py"), folder.at("link.py")).expect("ours");
    let ran = folder.run(&FIX);
    assert!(ran.err.contains("warning: link.py: is not fixed: the link leads out of "), "{}", ran.err);
    assert_eq!((outside.read("a.py"), folder.read("b.py")), (FORGOTTEN.to_owned(), AWAITED.to_owned()));
    folder.run(&[&FIX[..], &["link.py"]].concat());
    assert_eq!(outside.read("a.py"), AWAITED);
}

#[cfg(unix)]
#[test]
fn a_file_that_cannot_be_replaced_is_told_and_stays() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new(&[("locked/a.py", FORGOTTEN), ("b.py", FORGOTTEN)]);
    let mode = |mode: u32| {
        std::fs::set_permissions(folder.at("locked"), std::fs::Permissions::from_mode(mode)).expect("ours");
    };
    mode(0o555);
    // Root may write anywhere.
    let is_root = std::fs::write(folder.at("locked/probe"), "").is_ok();
    let ran = folder.run(&FIX);
    mode(0o755);
    if !is_root {
        assert_eq!(ran.status, Some(2));
        assert!(ran.err.contains("error: locked/a.py: cannot be written: "), "{}", ran.err);
        assert!(ran.err.contains("fixed 2 findings in 1 file"), "{}", ran.err);
        assert!(ran.out.contains("locked/a.py:6"), "{}", ran.out);
        assert_eq!(folder.read("locked/a.py"), FORGOTTEN);
    }
    assert_eq!(folder.read("b.py"), AWAITED);
}

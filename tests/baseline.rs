//! Known findings: they stay quiet, new ones do not, and those that are gone are told.

mod support;

use support::{Folder, SLEEPS};

const SLEEP: &str = "a.py:5 blocking-sleep";
const NONE: [&str; 0] = [];
const WITH: [&str; 2] = ["--baseline", "known.json"];

fn write(folder: &Folder, more: &[&str]) -> String {
    let ran = folder.run(&[&["check", "--write-baseline"], &WITH[..], more].concat());
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    assert!(ran.err.ends_with(" in known.json\n") && ran.err.lines().count() == 1, "{}", ran.err);
    folder.read("known.json")
}

#[test]
fn known_findings_stay_quiet_where_they_move_and_new_ones_do_not() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    let missing = folder.run(&[&["check"], &WITH[..]].concat());
    assert_eq!(
        (missing.status, &*missing.err),
        (Some(2), "error: `known.json` does not exist; `--write-baseline` writes it\n")
    );
    write(&folder, &[]);
    assert_eq!(folder.found(&WITH), NONE);
    assert_eq!(folder.found(&[]), [SLEEP]);
    let shown = folder.run(&[&["check", "--output-format", "sarif", "--show-suppressed"], &WITH[..]].concat());
    let log: serde_json::Value = serde_json::from_str(&shown.out).expect("JSON");
    let suppression = &log["runs"][0]["results"][0]["suppressions"][0];
    assert_eq!((&suppression["kind"], &suppression["justification"]), (&"external".into(), &"known.json".into()));
    folder.write(
        "a.py",
        format!("# moved\n\n{SLEEPS}").replace("time.sleep", "  time.sleep").replace("    time", "  time"),
    );
    assert_eq!(folder.found(&WITH), NONE);
    // As many as before, and yet a new one.
    folder.write("a.py", SLEEPS.replace("sleep(1)", "sleep(2)"));
    assert_eq!(folder.found(&WITH), [SLEEP]);
    folder.write("a.py", format!("{SLEEPS}    time.sleep(1)\n"));
    assert_eq!(folder.found(&WITH), ["a.py:6 blocking-sleep"]);
}

#[test]
fn entries_that_no_longer_occur_are_told_and_taken_out() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b.py", SLEEPS), ("c.py", SLEEPS)]);
    let first = write(&folder, &[]);
    assert_eq!(first.lines().count(), 8, "{first}");
    assert_eq!(write(&folder, &[]), first);
    folder.write("a.py", "x = 1\n");
    let ran = folder.run(&[&["check"], &WITH[..]].concat());
    assert_eq!(ran.status, Some(0));
    let told = "warning: known.json: the entry for `blocking-sleep` in a.py no longer occurs; `--write-baseline` takes it out\n";
    assert_eq!(ran.err, told);
    // What is not looked at is not judged, and stays.
    assert_eq!(folder.run(&[&["check", "b.py"], &WITH[..]].concat()).err, "");
    assert_eq!(folder.run(&[&["check", "--select", "leaked-task"], &WITH[..]].concat()).err, "");
    assert_eq!(write(&folder, &["b.py"]), first);
    assert_eq!(write(&folder, &["--select", "leaked-task"]), first);
    std::fs::remove_file(folder.at("c.py")).expect("it is there");
    let last = write(&folder, &[]);
    assert!(last.contains("b.py") && !last.contains("a.py") && !last.contains("c.py"), "{last}");
}

#[test]
fn the_configuration_names_a_baseline_beside_it() {
    let folder = Folder::new(&[("project/a.py", SLEEPS), ("b.py", SLEEPS)]);
    folder.write("project/asynclint.toml", "baseline = 'known.json'\n");
    let ran = folder.run(&["check", "--write-baseline"]);
    // The file outside has nowhere to be known.
    assert_eq!((ran.status, &*ran.err), (Some(1), "1 known finding is in project/known.json\n"));
    assert_eq!(folder.found(&[]), ["b.py:5 blocking-sleep"]);
    assert!(folder.read("project/known.json").contains("\"path\":\"a.py\""));
    let mut inside = folder.command(&["check"]);
    inside.current_dir(folder.at("project"));
    assert_eq!(support::ran(inside).status, Some(0));
    assert_eq!(folder.run(&["check", "b.py", "--write-baseline"]).status, Some(2));
}

#[test]
fn spacing_and_remarks_bring_no_finding_back() {
    let folder = Folder::new(&[("a.py", SLEEPS)]);
    write(&folder, &[]);
    for line in ["time.sleep(1)  # a remark", "time.sleep( 1 )", "time . sleep(\t1)#"] {
        folder.write("a.py", SLEEPS.replace("time.sleep(1)", line));
        assert_eq!(folder.found(&WITH), NONE, "{line}");
    }
    // An entry may have been written with either.
    folder.write("known.json", folder.read("known.json").replace("time.sleep(1)", "time.sleep( 1 ) # why"));
    assert_eq!(folder.found(&WITH), NONE);
    folder.write("a.py", SLEEPS.replace("time.sleep(1)", "time.sleep(11)"));
    assert_eq!(folder.found(&WITH), [SLEEP]);
}

#[test]
fn entries_are_the_same_from_wherever_the_run_starts() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("b/c.py", SLEEPS), ("asynclint.toml", "baseline = 'known.json'\n")]);
    folder.run(&["check", "--write-baseline"]);
    let first = folder.read("known.json");
    let within = |arguments: &[&str]| {
        let mut command = folder.command(&[&["check", "--output-format", "concise"], arguments].concat());
        command.current_dir(folder.at("b"));
        support::ran(command)
    };
    for paths in [&[][..], &["."], &["./c.py"], &["../b/c.py"], &[".."]] {
        let ran = within(paths);
        assert_eq!((ran.status, &*ran.out, &*ran.err), (Some(0), "", ""), "{paths:?}");
        within(&[paths, &["--write-baseline"]].concat());
        assert_eq!(folder.read("known.json"), first, "{paths:?}");
    }
    assert_eq!(within(&["--baseline", "../other.json", "--write-baseline", ".."]).status, Some(0));
    assert_eq!(folder.read("other.json"), first);
    // What lies beside the baseline's folder is named from there.
    assert_eq!(within(&["--baseline", "here.json", "--write-baseline", "../a.py"]).status, Some(0));
    assert!(folder.read("b/here.json").contains("\"path\":\"../a.py\""));
}

#[test]
fn of_files_that_are_not_read_whole_no_entry_is_gone() {
    let more = format!("{SLEEPS}\n\nasync def g():\n    time.sleep(2)\n");
    let folder = Folder::new(&[("a.py", &more), ("b.py", SLEEPS), ("c.py", SLEEPS)]);
    let first = write(&folder, &[]);
    folder.write("a.py", more.replace("time.sleep(2)", "x = ("));
    folder.write("b.py", b"x = '\xe9'\n");
    folder.write("c.py", format!("{SLEEPS}\n{}", "#".repeat(9 << 20)));
    let ran = folder.run(&[&["check"], &WITH[..]].concat());
    assert!(ran.status == Some(0) && !ran.err.contains("no longer occur"), "{}{}", ran.out, ran.err);
    folder.run(&[&["check", "--write-baseline"], &WITH[..]].concat());
    assert_eq!(folder.read("known.json"), first);
}

#[test]
fn a_missing_baseline_is_told_with_who_names_it() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("asynclint.toml", "\nbaseline = 'nope.json'\n")]);
    let ran = folder.run(&["check"]);
    let told = "error: asynclint.toml:2: `nope.json` does not exist; `--write-baseline` writes it\n";
    assert_eq!((ran.status, &*ran.err), (Some(2), told));
}

#[test]
fn a_broken_baseline_is_wrong_usage() {
    let folder = Folder::new(&[("a.py", SLEEPS), ("known.json", "{}")]);
    let ran = folder.run(&[&["check"], &WITH[..]].concat());
    assert_eq!(ran.status, Some(2));
    assert!(ran.err.starts_with("error: `known.json` is not a baseline: missing field `version`"), "{}", ran.err);
}

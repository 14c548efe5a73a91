//! Random trees, changed at random.

use proptest::prelude::*;

use super::pieces::{Does, MODULES, Piece, does, piece, python, rust, trees};
use super::{Pair, session};

#[derive(Debug, Clone)]
enum Step {
    /// Another text altogether.
    Rewrite(usize, Vec<Piece>),
    /// One piece of it.
    Replace(usize, usize, Piece),
    /// One line of one function.
    Edit(usize, usize, Does),
    /// A piece more, or one less.
    Insert(usize, usize, Piece),
    TakeOut(usize, usize),
    Remove(usize),
    Add(usize, Vec<Piece>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let file = 0..MODULES.len();
    let pieces = || prop::collection::vec(piece(), 1..6);
    let step = prop_oneof![
        1 => (file.clone(), pieces()).prop_map(|(file, pieces)| Step::Rewrite(file, pieces)),
        3 => (file.clone(), 0..6_usize, piece()).prop_map(|(file, at, piece)| Step::Replace(file, at, piece)),
        6 => (file.clone(), 0..6_usize, does()).prop_map(|(file, at, does)| Step::Edit(file, at, does)),
        3 => (file.clone(), 0..6_usize, piece()).prop_map(|(file, at, piece)| Step::Insert(file, at, piece)),
        2 => (file.clone(), 0..6_usize).prop_map(|(file, at)| Step::TakeOut(file, at)),
        1 => file.clone().prop_map(Step::Remove),
        1 => (file, pieces()).prop_map(|(file, pieces)| Step::Add(file, pieces)),
    ];
    prop::collection::vec(step, 1..10)
}

fn run(trees: Vec<Vec<Piece>>, steps: Vec<Step>, ending: &str, write: fn(&[Piece]) -> String) {
    let mut pieces: Vec<Option<Vec<Piece>>> = trees.into_iter().map(Some).collect();
    let path = |file: usize| format!("src/{}.{ending}", MODULES[file]);
    let lib = MODULES.map(|it| format!("pub mod {it};\n")).concat();
    let mut files: Vec<(String, String)> =
        pieces.iter().enumerate().filter_map(|(file, pieces)| Some((path(file), write(pieces.as_ref()?)))).collect();
    if ending == "rs" {
        files.push(("src/lib.rs".to_owned(), lib));
    }
    files.sort();
    let mut pair = Pair { session: session(&files), files };
    for step in steps {
        match step {
            Step::Remove(file) => {
                if pieces[file].take().is_some() {
                    pair.remove(&path(file));
                }
                continue;
            }
            Step::Add(file, new) => {
                pair.add(&path(file), &write(&new));
                pieces[file] = Some(new);
                continue;
            }
            Step::Rewrite(file, new) if pieces[file].is_some() => {
                pair.change(&path(file), &write(&new));
                pieces[file] = Some(new);
            }
            Step::Replace(file, at, new) => {
                let Some(known) = pieces[file].as_mut().filter(|it| !it.is_empty()) else { continue };
                let at = at % known.len();
                known[at] = new;
                pair.change(&path(file), &write(known));
            }
            Step::Edit(file, at, new) => {
                let Some(known) = pieces[file].as_mut().filter(|it| !it.is_empty()) else { continue };
                let at = at % known.len();
                match &mut known[at] {
                    Piece::Function { body, .. } => body[0] = new,
                    Piece::Class { methods, .. } => methods[0].2.push(new),
                    other => *other = Piece::Comment,
                }
                pair.change(&path(file), &write(known));
            }
            Step::Insert(file, at, new) => {
                let Some(known) = pieces[file].as_mut() else { continue };
                known.insert(at.min(known.len()), new);
                pair.change(&path(file), &write(known));
            }
            Step::TakeOut(file, at) => {
                let Some(known) = pieces[file].as_mut().filter(|it| at < it.len()) else { continue };
                known.remove(at);
                pair.change(&path(file), &write(known));
            }
            Step::Rewrite(..) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn python_is_the_same_after_any_changes(trees in trees(), steps in steps()) {
        run(trees, steps, "py", python);
    }

    #[test]
    fn rust_is_the_same_after_any_changes(trees in trees(), steps in steps()) {
        run(trees, steps, "rs", |pieces| rust(pieces, "crate::"));
    }
}

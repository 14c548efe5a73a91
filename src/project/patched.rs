//! What a test has put in the place of something for as long as it runs: `@patch("app.service.requests.get")`,
//! `monkeypatch.setattr(Client, "send", send)`.

use crate::model::{Call, Value, ValueId};
use crate::source::Language;

use super::Project;
use super::evidence::Evidence;
use super::types::{FnRef, Ty};

/// Names without which nothing is patched: that of the function, and what pytest gives parameters of these names.
const PATCHING: [&str; 3] = ["patch", "monkeypatch", "mocker"];

impl Project {
    /// Something else stands in the place of a function on that way while `function` runs, or of what it belongs to.
    pub(super) fn is_patched(&self, function: FnRef, way: &Evidence) -> bool {
        let model = self.model(function.file);
        if model.language != Language::Python || PATCHING.iter().all(|it| model.names.find(it).is_none()) {
            return false;
        }
        let decorators = &self.declared(function).decorators;
        let calls = model.calls_in(function.function).iter().map(|it| it.1);
        let calls = calls.filter(|it| it.function == function.function);
        let around = decorators.iter().filter_map(|it| Some(model.call(it.call?)));
        let mut patched = around.chain(calls).filter_map(|call| self.name_patched(function, call));
        patched.any(|name| {
            let stands_in = |path: &str| path.split('.').any(|it| it == name);
            stands_in(way.api.path) || way.steps.iter().any(|step| stands_in(&step.function))
        })
    }

    /// The name of what a call puts another in the place of.
    fn name_patched(&self, function: FnRef, call: &Call) -> Option<&str> {
        let model = self.model(function.file);
        let text = |position: usize| match model.value(call.args.get(position)?.value) {
            Value::Str(text) => model.name(*text).rsplit('.').next(),
            _ => None,
        };
        let (holder, method) = match model.value(call.callee) {
            Value::Attr(holder, method) => (Some(*holder), model.name(*method)),
            _ => (None, ""),
        };
        match method {
            "setattr" if self.is_fixture(function, holder?, "monkeypatch") => text(0).or_else(|| text(1)),
            "patch" if self.is_fixture(function, holder?, "mocker") => text(0),
            "object" if matches!(model.value(holder?), Value::Attr(of, _) if self.is_fixture(function, *of, "mocker")) => {
                text(1)
            }
            _ => match self.evaluate(function.file, call.callee) {
                Ty::External(path) if &*path == "unittest.mock.patch" => text(0),
                Ty::External(path) if &*path == "unittest.mock.patch.object" => text(1),
                _ => None,
            },
        }
    }

    /// A parameter of that name, which pytest fills.
    fn is_fixture(&self, function: FnRef, value: ValueId, name: &str) -> bool {
        let model = self.model(function.file);
        self.declared(function).params.iter().any(|it| it.value == value && model.name(it.name) == name)
    }
}

//! What a rule may look at while it judges one file, and where it puts what it finds.

use std::cell::OnceCell;
use std::rc::Rc;

use super::{Profile, Rule, TargetPython};
use crate::finding::{Confidence, FileId, Finding, Place};
use crate::model::{Call, CallId, FileModel, FunctionId, ImplicitKind, Node, TOP_LEVEL, Use, Value, ValueId, flow};
use crate::project::Project;
use crate::project::types::{FnRef, Ty};
use crate::source::{Language, Span};

pub struct Context<'a> {
    pub project: &'a Project,
    pub file: FileId,
    /// The file whose findings are asked for; another one may be looked into.
    judged: FileId,
    /// The rule that is judging.
    pub(super) rule: Option<&'static Rule>,
    /// The file is there in tests alone.
    in_tests: OnceCell<bool>,
    /// Every rule about blocking asks for them.
    on_loop: OnceCell<Rc<[FnRef]>>,
    findings: Vec<Finding>,
}

impl<'a> Context<'a> {
    pub(super) fn new(project: &'a Project, file: FileId) -> Self {
        Self {
            project,
            file,
            judged: file,
            rule: None,
            in_tests: OnceCell::new(),
            on_loop: OnceCell::new(),
            findings: Vec::new(),
        }
    }

    /// For looks into another file, which may be a dependency's, for the sake of this one.
    pub(super) fn looking_into(&self, file: FileId) -> Self {
        Self { file, in_tests: OnceCell::new(), on_loop: OnceCell::new(), findings: Vec::new(), ..*self }
    }

    /// All findings, but for those in functions that could not be parsed whole.
    pub(super) fn finish(self) -> Vec<Finding> {
        let model = self.model();
        if model.errors.is_empty() {
            return self.findings;
        }
        let mut findings = self.findings;
        findings.retain(|finding| {
            let function = self.project.function_at(self.file, finding.place.span.start);
            let span = model.function(function).span;
            function == TOP_LEVEL
                || !model.errors.iter().any(|error| span.start <= error.span.start && error.span.start < span.end)
        });
        findings
    }

    pub fn model(&self) -> &'a FileModel {
        self.project.model(self.file)
    }

    /// The function is there in tests alone, or one itself.
    pub fn is_test(&self, function: FunctionId) -> bool {
        self.model().declaration(function).test
            || *self.in_tests.get_or_init(|| self.project.stands_in_tests(self.file))
    }

    pub fn language(&self) -> Language {
        self.model().language
    }

    pub fn function(&self, function: FunctionId) -> FnRef {
        FnRef { file: self.file, function }
    }

    /// Functions of the file whose body is driven by an event loop.
    pub fn functions_on_loop(&self) -> Rc<[FnRef]> {
        let effects = self.project.effects();
        let find = || {
            let all = self.model().function_ids().map(|function| self.function(function));
            all.filter(|function| effects.on_loop(self.project, *function)).collect()
        };
        Rc::clone(self.on_loop.get_or_init(find))
    }

    /// Functions that are async by themselves: coroutines, async closures and blocks.
    pub fn async_functions(&self) -> Vec<FnRef> {
        let model = self.model();
        let ids = model.function_ids().filter(|id| model.function(*id).kind.is_async());
        ids.map(|function| self.function(function)).collect()
    }

    pub fn evaluate(&self, value: ValueId) -> Ty {
        self.project.evaluate(self.file, value)
    }

    /// One of these names stands in the file, be it in an import alone.
    pub fn mentions(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.model().names.find(name).is_some())
    }

    /// A method of such a name is called or handed on in a stretch of the file, whatever it is a method of.
    pub fn uses_method(&self, span: Span, is: impl Fn(&str) -> bool) -> bool {
        let model = self.model();
        let called = |call: &Call| {
            let is_named = matches!(model.value(call.callee), Value::Attr(_, name) if is(model.name(*name)));
            is_named && span.contains(call.span)
        };
        let handed_on = |node: &Node| match node {
            Node::Implicit(it) => {
                matches!(it.kind, ImplicitKind::Attribute(name) if is(model.name(name))) && span.contains(it.span)
            }
            _ => false,
        };
        let mut around = model.all_functions().filter(|it| it.span.start < span.end && span.start < it.span.end);
        model.all_calls().any(|(_, call)| called(call))
            || around.any(|it| flow::find(&it.body, &mut |node| handed_on(node)).is_some())
    }

    /// The call gives this argument by name, and not as false.
    pub fn asks_for(&self, call: &Call, name: &str) -> bool {
        let model = self.model();
        call.args.iter().any(|arg| {
            arg.name.is_some_and(|it| model.name(it) == name) && *model.value(arg.value) != Value::Bool(false)
        })
    }

    /// What becomes of the result of a call, awaited or not.
    pub fn use_of(&self, id: CallId) -> Use {
        let call = self.model().call(id);
        if !call.awaited {
            return call.result;
        }
        let mut result = call.result;
        flow::visit(&self.model().function(call.function).body, &mut |node| match node {
            Node::Await(it) if *self.model().value(it.value) == Value::Result(id) => {
                result = it.result;
                flow::Step::Stop
            }
            _ => flow::Step::Into,
        });
        result
    }

    /// Nobody gets what is put to this use in a function.
    pub fn is_unread(&self, function: FunctionId, result: Use) -> bool {
        match result {
            Use::Dropped | Use::Discarded => true,
            Use::Bound(local) => {
                let local = self.model().function(function).local(local);
                local.reads == 0 && !local.shared
            }
            _ => false,
        }
    }

    /// The text of a stretch of the file.
    pub fn text(&self, span: Span) -> &'a str {
        self.project.source(self.file).slice(span)
    }

    pub fn place(&self, span: Span) -> Place {
        Place { file: self.file, span }
    }

    /// A finding with the rule's own severity (or the configured one), to be filled in and kept.
    pub fn finding(&self, rule: &'static Rule, function: FnRef, span: Span, message: String) -> Finding {
        Finding {
            rule,
            severity: self.project.rules(self.judged).level(rule).unwrap_or(rule.severity),
            confidence: Confidence::Certain,
            place: self.place(span),
            message,
            help: None,
            function: self.project.function_name(function),
            trace: Vec::new(),
            branches: 0,
            related: Vec::new(),
            made_at: None,
            fix: None,
        }
    }

    pub fn keep(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Findings of this profile are wanted, in a rule that starts at a lower one.
    pub fn wants(&self, profile: Profile) -> bool {
        let rules = self.project.rules(self.judged);
        profile <= rules.profile || self.rule.is_some_and(|rule| rules.is_whole(rule))
    }

    /// The oldest Python that the file's code supports has `asyncio.timeout` and `asyncio.TaskGroup`.
    pub fn has_asyncio_scopes(&self) -> bool {
        self.project.rules(self.judged).target_python >= TargetPython(3, 11)
    }

    /// The async library a file is written for.
    pub fn async_library(&self, file: FileId) -> &'static str {
        self.project.async_library(file)
    }
}

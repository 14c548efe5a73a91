//! Comprehensions: loops inside expressions, with targets of their own.

use ruff_python_ast::{Comprehension, Expr};
use ruff_text_size::{Ranged, TextRange};

use crate::model::{
    Arm, Block, Branch, BranchKind, Display, Implicit, ImplicitKind, Loop, LoopKind, Node, Use, Value, ValueId,
};

use super::parse::span;
use super::scope::{Inner, Lowerer};

impl<'a> Lowerer<'a> {
    /// What a `for` of a comprehension goes through.
    pub(super) fn iterated(&mut self, generator: &'a Comprehension) -> ValueId {
        self.expression(&generator.iter, if generator.is_async { Use::Consumed } else { Use::Operand })
    }

    /// The loops of a comprehension around its element; the value is a collection of the elements.
    pub(super) fn comprehension(
        &mut self,
        display: Display,
        range: TextRange,
        elements: &[&'a Expr],
        generators: &'a [Comprehension],
    ) -> ValueId {
        self.comprehension_into(display, range, elements, generators, Use::Stored)
    }

    /// `result`: what becomes of each element.
    pub(super) fn comprehension_into(
        &mut self,
        display: Display,
        range: TextRange,
        elements: &[&'a Expr],
        generators: &'a [Comprehension],
        result: Use,
    ) -> ValueId {
        self.comprehension_over(display, range, elements, generators, (result, None))
    }

    /// `given`: the first iterable, where it is evaluated already.
    pub(super) fn comprehension_over(
        &mut self,
        display: Display,
        range: TextRange,
        elements: &[&'a Expr],
        generators: &'a [Comprehension],
        (result, given): (Use, Option<ValueId>),
    ) -> ValueId {
        let inner = self.frame().inner.len();
        let mut values = Vec::new();
        let block =
            self.block(|this| this.generators(display, range, elements, generators, (result, given), &mut values));
        self.frame().nodes.extend(block.nodes);
        self.frame().inner.truncate(inner);
        self.add(Value::Collection(display, values.into()))
    }

    fn generators(
        &mut self,
        display: Display,
        range: TextRange,
        elements: &[&'a Expr],
        generators: &'a [Comprehension],
        (result, given): (Use, Option<ValueId>),
        values: &mut Vec<ValueId>,
    ) {
        let Some((first, rest)) = generators.split_first() else {
            for element in elements {
                let value = self.expression(element, result);
                values.push(value);
            }
            return;
        };
        let mut iterated = None;
        let head = self.block(|this| {
            let value = given.unwrap_or_else(|| this.iterated(first));
            let kind = if first.is_async { ImplicitKind::AsyncIterate } else { ImplicitKind::Iterate };
            this.push(Node::Implicit(Implicit { kind, value, span: span(first.iter.range()) }));
            iterated = Some(value);
        });
        let element = self.add(Value::Element(iterated.unwrap_or(crate::model::UNKNOWN)));
        self.comprehension_target(&first.target, element);
        let body = self.block(|this| {
            let mut conditions = Vec::new();
            for condition in &first.ifs {
                this.expression(condition, Use::Tested);
                conditions.extend(this.said(condition).conditions);
            }
            let inner = this.block(|this| this.generators(display, range, elements, rest, (result, None), values));
            if first.ifs.is_empty() {
                this.frame().nodes.extend(inner.nodes);
            } else {
                let arm = Arm { body: inner, span: span(range), conditions, ..Arm::default() };
                this.push(Node::Branch(Box::new(Branch {
                    kind: BranchKind::Expression,
                    span: span(range),
                    arms: vec![arm],
                    exhaustive: false,
                })));
            }
        });
        let kind = match display {
            _ if first.is_async => LoopKind::AsyncComprehension,
            Display::Other => LoopKind::Generator,
            _ => LoopKind::Comprehension,
        };
        self.push(Node::Loop(Box::new(Loop {
            kind,
            span: span(range),
            keyword: span(first.target.range()),
            head,
            body,
            orelse: Block::default(),
            iterated,
            conditions: Vec::new(),
        })));
    }

    fn comprehension_target(&mut self, target: &'a Expr, value: ValueId) {
        match target {
            Expr::Name(it) => {
                let name = self.name(it.id.as_str());
                let frame = self.frame();
                let local = frame.fresh(name, span(it.range()));
                frame.assign(local, value);
                frame.inner.push((name, Inner::Local(local)));
            }
            Expr::Tuple(it) => self.comprehension_targets(&it.elts, value),
            Expr::List(it) => self.comprehension_targets(&it.elts, value),
            Expr::Starred(it) => self.comprehension_target(&it.value, crate::model::UNKNOWN),
            _ => {
                self.expression(target, Use::Stored);
            }
        }
    }

    fn comprehension_targets(&mut self, targets: &'a [Expr], value: ValueId) {
        for (index, target) in targets.iter().enumerate() {
            let item = self.add(Value::Item(value, index as u32));
            self.comprehension_target(target, item);
        }
    }
}

//! Calls that may run one thing or another: what is sure of all of them.

use crate::knowledge::{Api, Effect};
use crate::model::CallId;
use crate::source::Language;

use super::calls::Callee;
use super::effects::Site;
use super::sites::Found;
use super::types::FnRef;

impl Found<'_> {
    /// Rust: what goes by one name, each under another `cfg`, runs on some platform.
    pub(super) fn twins(&mut self, site: &Site, id: CallId) {
        let project = self.project;
        if project.language(self.file) != Language::Rust {
            return;
        }
        let callees = project.callees(self.file, id);
        let own = callees.iter().map(|it| match it {
            Callee::Own(function) => Some(*function),
            _ => None,
        });
        let Some(functions) = own.collect::<Option<Vec<FnRef>>>() else { return };
        // Methods of one name may be those of several traits.
        let name = |function: &FnRef| (function.file, project.declared(*function).qualname);
        let is_plain = |it: &FnRef| !project.is_method(*it) && !project.declared(*it).kind.is_async();
        if functions.iter().all(|it| name(it) == name(&functions[0]) && is_plain(it)) {
            self.own(site, functions);
        }
    }

    /// The effect that all have which a call may run: only that is sure.
    pub(super) fn effect_of_all(
        &self,
        id: CallId,
        effect_of: &dyn Fn(&'static Api) -> Option<(&'static Api, Effect)>,
    ) -> Option<(&'static Api, Effect)> {
        let language = self.project.language(self.file);
        let callees = self.project.callees(self.file, id);
        let mut effects = callees.iter().map(|callee| match callee {
            Callee::Api(path, _) => self.project.knowledge.api(language, path).and_then(effect_of),
            _ => None,
        });
        let first = effects.next()??;
        effects.all(|it| it.is_some_and(|(_, effect)| effect == first.1)).then_some(first)
    }
}

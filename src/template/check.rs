//! Checks a compiled template before it is used: every name exists, and every helper is used correctly.

mod path;

use handlebars::Template;
use handlebars::template::{BlockParam, DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};

pub(super) use self::path::nearest;

use self::path::{Unknown, follow, segments};
use super::helpers::{HELPERS, Use};
use super::shape::{CONTEXT, Shape};
use super::source::{Fault, Part};

/// Rendering recurses with each block, so deep nesting could overflow the stack.
pub(super) const MAX_DEPTH: usize = 32;

/// Deeply nested loops take long and say little.
const MAX_LOOPS: usize = 2;

/// `{{> name}}`
#[derive(Debug, Clone)]
pub(super) struct Include {
    pub name: String,
    /// Where, in bytes of the file
    pub at: usize,
    /// In how many blocks
    pub depth: usize,
}

/// What a template includes, and everything that is wrong with its names.
pub(super) fn names(template: &Template, part: &Part<'_>) -> (Vec<Include>, Vec<Fault>) {
    let mut walk = Walk { part, scopes: vec![Scope::of(&CONTEXT)], depth: 0, includes: Vec::new(), faults: Vec::new() };
    walk.template(template, 0);
    (walk.includes, walk.faults)
}

/// Where names are looked up: the whole context, or the value of `{{#each}}` or `{{#with}}`.
struct Scope {
    this: &'static Shape,
    loops: bool,
    params: Vec<(String, &'static Shape)>,
}

impl Scope {
    fn of(this: &'static Shape) -> Self {
        Self { this, loops: false, params: Vec::new() }
    }
}

struct Walk<'a> {
    part: &'a Part<'a>,
    scopes: Vec<Scope>,
    depth: usize,
    includes: Vec<Include>,
    faults: Vec<Fault>,
}

impl Walk<'_> {
    fn fault(&mut self, at: usize, message: impl Into<String>) {
        self.faults.push(Fault::new(self.part.start + at, message));
    }

    fn fault_with_help(&mut self, at: usize, message: impl Into<String>, help: impl Into<String>) {
        self.faults.push(Fault::new(self.part.start + at, message).help(help));
    }

    fn template(&mut self, template: &Template, from: usize) {
        for (index, element) in template.elements.iter().enumerate() {
            let place = template.mapping.get(index);
            let at = place.map_or(from, |place| self.part.offset(place.0, place.1));
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(helper) => self.expression(helper, at),
                TemplateElement::HelperBlock(helper) => self.block(helper, at),
                TemplateElement::PartialExpression(partial) => self.include(partial, at),
                TemplateElement::HtmlExpression(_) => {
                    self.fault_with_help(at, "values are always escaped", "write `{{…}}`, with two braces and no `&`");
                }
                _ => self.fault(at, "decorators and partial blocks are not supported"),
            }
        }
    }

    fn expression(&mut self, helper: &HelperTemplate, at: usize) {
        if !helper.params.is_empty() || !helper.hash.is_empty() {
            return self.call(helper, Use::Inline, at);
        }
        match helper.name.as_name() {
            Some(name) if HELPERS.iter().any(|helper| helper.name == name) => self.call(helper, Use::Inline, at),
            Some(path) => match self.resolve(path, at) {
                Some(Shape::Object(_)) => {
                    let parts = self.resolve(path, at).map(Shape::names).unwrap_or_default().join(", ");
                    let at = self.find(path, at);
                    self.fault_with_help(
                        at,
                        format!("`{path}` has parts, so it can't be shown by itself"),
                        format!("it has {parts}"),
                    );
                }
                Some(Shape::List(_)) => {
                    let at = self.find(path, at);
                    let help = format!("write `{{{{join {path}}}}}` or `{{{{#each {path}}}}}`");
                    self.fault_with_help(at, format!("`{path}` is a list"), help);
                }
                Some(Shape::Value) | None => {}
            },
            None => self.fault_with_help(at, "parentheses are for arguments", "write `{{date ticket.due}}`"),
        }
    }

    fn block(&mut self, helper: &HelperTemplate, at: usize) {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.fault(at, format!("blocks are nested deeper than {MAX_DEPTH}"));
        } else {
            self.call(helper, Use::Block, at);
            let scope = self.scope(helper, at);
            let scoped = scope.is_some();
            self.scopes.extend(scope);
            if let Some(template) = &helper.template {
                self.template(template, at);
            }
            if scoped {
                self.scopes.pop();
            }
            if let Some(template) = &helper.inverse {
                self.template(template, at);
            }
        }
        self.depth -= 1;
    }

    /// The scope of names inside the block, if the block changes it.
    fn scope(&mut self, helper: &HelperTemplate, at: usize) -> Option<Scope> {
        let name = helper.name.as_name().unwrap_or_default();
        let path = helper.params.first().and_then(path_of);
        let shape = path.and_then(|path| self.lookup(path).ok());
        let names: Vec<String> = match &helper.block_param {
            None => Vec::new(),
            Some(BlockParam::Single(one)) => vec![one.as_name().unwrap_or_default().to_owned()],
            Some(BlockParam::Pair((one, two))) => {
                [one, two].iter().map(|name| name.as_name().unwrap_or_default().to_owned()).collect()
            }
            Some(_) => Vec::new(),
        };
        match (name, shape) {
            ("each", Some(Shape::List(item))) => {
                if self.scopes.iter().filter(|scope| scope.loops).count() == MAX_LOOPS {
                    self.fault(at, format!("`{{{{#each}}}}` is nested deeper than {MAX_LOOPS}"));
                }
                let shapes = [&**item, &Shape::Value];
                Some(Scope { this: item, loops: true, params: names.into_iter().zip(shapes).collect() })
            }
            ("with", Some(shape @ Shape::Object(_))) => {
                Some(Scope { this: shape, loops: false, params: names.into_iter().zip([shape]).collect() })
            }
            // `call` has reported what is wrong with it.
            _ => None,
        }
    }

    fn call(&mut self, helper: &HelperTemplate, used: Use, at: usize) {
        let name = helper.name.as_name().unwrap_or_default();
        let place = self.find(name, at);
        let Some(known) = HELPERS.iter().find(|known| known.name == name) else {
            let known: Vec<&str> = HELPERS.iter().map(|known| known.name).collect();
            let help = match nearest(name, known.iter().map(|name| (*name).to_owned())) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("the helpers are {}", known.join(", ")),
            };
            return self.fault_with_help(place, format!("there is no helper `{name}`"), help);
        };
        let (least, most) = known.arguments;
        match (known.usage, used) {
            (Use::Block, Use::Inline) => {
                self.fault_with_help(
                    place,
                    format!("`{name}` is a block"),
                    format!("write `{{{{#{name} …}}}}…{{{{/{name}}}}}`"),
                );
            }
            (Use::Inline, Use::Block) => {
                self.fault_with_help(place, format!("`{name}` isn't a block"), format!("write `{{{{{name} …}}}}`"));
            }
            _ => {}
        }
        let given = helper.params.len();
        if !(least..=most).contains(&given) {
            let wanted = match (least, most) {
                (1, 1) => "one argument".to_owned(),
                (least, most) if least == most => format!("{least} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            self.fault(place, format!("`{name}` takes {wanted}, and has {given}"));
        }
        for key in helper.hash.keys().filter(|key| !(matches!(name, "if" | "unless") && *key == "includeZero")) {
            self.fault(place, format!("`{name}` doesn't take `{key}=`"));
        }
        for (index, parameter) in helper.params.iter().enumerate() {
            let shape = self.parameter(parameter, at);
            if index == 0 {
                self.suits(name, parameter, shape, place);
            }
        }
    }

    /// The shape of an argument, if it is a name that exists.
    fn parameter(&mut self, parameter: &Parameter, at: usize) -> Option<&'static Shape> {
        match parameter {
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(helper) = inner.as_element() {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        self.fault(at, format!("parentheses are nested deeper than {MAX_DEPTH}"));
                    } else {
                        self.call(helper, Use::Inline, at);
                    }
                    self.depth -= 1;
                }
                None
            }
            Parameter::Literal(_) => None,
            path => path.as_name().and_then(|path| self.resolve(path, at)),
        }
    }

    /// Reports a helper's first argument if it has the wrong shape.
    fn suits(&mut self, helper: &str, parameter: &Parameter, shape: Option<&Shape>, at: usize) {
        let path = path_of(parameter);
        let wanted = match (helper, shape) {
            ("each", Some(Shape::Object(_) | Shape::Value)) => "a list",
            ("each", None) if path.is_none() => "a list",
            ("with", Some(Shape::List(_) | Shape::Value)) => "something that has parts",
            ("with", None) if path.is_none() => "something that has parts",
            ("join", Some(Shape::Object(_) | Shape::Value)) => "a list",
            ("date" | "ago" | "plural", Some(Shape::Object(_) | Shape::List(_))) => "one value",
            _ => return,
        };
        let given = path.map_or("this argument".to_owned(), |path| format!("`{path}`"));
        self.fault(at, format!("`{helper}` takes {wanted}, which {given} isn't"));
    }

    fn include(&mut self, partial: &DecoratorTemplate, at: usize) {
        let Some(name) = partial.name.as_name() else {
            return self.fault_with_help(at, "a template is included by its name", "write `{{> name}}`");
        };
        if !partial.params.is_empty() || !partial.hash.is_empty() {
            return self.fault(at, format!("`{{{{> {name}}}}}` takes no arguments: it sees the same names"));
        }
        if self.scopes.len() > 1 {
            let message =
                format!("`{{{{> {name}}}}}` can't stand inside `each` or `with`, where names mean something else");
            return self.fault(at, message);
        }
        self.includes.push(Include { name: name.to_owned(), at: self.part.start + at, depth: self.depth });
    }

    /// The shape that a path leads to; reports one that doesn't exist.
    fn resolve(&mut self, path: &str, at: usize) -> Option<&'static Shape> {
        match self.lookup(path) {
            Ok(shape) => Some(shape),
            Err(unknown) => {
                let at = self.find(path, at);
                let message = match unknown.known {
                    Some(known) => format!("`{path}` does not exist: `{known}` has no parts"),
                    None => format!("`{path}` does not exist"),
                };
                let mut fault = Fault::new(self.part.start + at, message);
                fault.help = unknown.help;
                self.faults.push(fault);
                None
            }
        }
    }

    /// The position of `word` after `at`.
    fn find(&self, word: &str, at: usize) -> usize {
        let part_of_path = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | '@' | '[' | ']');
        let rest = self.part.text.get(at..).unwrap_or_default();
        let whole = |found: &usize| {
            let before = rest.get(..*found).and_then(|text| text.chars().next_back());
            let after = rest.get(found + word.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(part_of_path) && !after.is_some_and(part_of_path)
        };
        rest.match_indices(word).map(|(found, _)| found).find(whole).map_or(at, |found| at + found)
    }

    /// Follows a path as Handlebars does.
    fn lookup(&self, path: &str) -> Result<&'static Shape, Unknown> {
        let path =
            path.strip_prefix("this.").or(path.strip_prefix("this/")).or(path.strip_prefix("./")).unwrap_or(path);
        if let Some(rest) = path.strip_prefix("@root.").or(path.strip_prefix("@root/")) {
            return follow(&CONTEXT, &segments(rest), "");
        }
        let (local, path) = path.strip_prefix('@').map_or((false, path), |path| (true, path));
        let climbed = path.trim_start_matches("../");
        let up = (path.len() - climbed.len()) / 3;
        let Some(index) = self.scopes.len().checked_sub(up + 1) else {
            return Err(Unknown { known: None, help: Some("there is nothing above".to_owned()) });
        };
        let scopes = self.scopes.get(..=index).unwrap_or_default();
        if local {
            let known = matches!(climbed, "index" | "first" | "last") && scopes.iter().any(|scope| scope.loops);
            let help = "`@index`, `@first` and `@last` exist inside `{{#each}}`, and `@root` everywhere".to_owned();
            return if known { Ok(&Shape::Value) } else { Err(Unknown { known: None, help: Some(help) }) };
        }
        let segments = segments(climbed);
        let first = segments.first().copied().unwrap_or_default();
        let mut params = self.scopes.iter().rev().flat_map(|scope| &scope.params);
        if let Some((_, shape)) = params.find(|(name, _)| name == first) {
            return follow(shape, segments.get(1..).unwrap_or_default(), first);
        }
        let this = scopes.last().map_or(&*CONTEXT, |scope| scope.this);
        follow(this, &segments, "").map_err(|unknown| {
            if index > 0 && follow(&CONTEXT, &segments, "").is_ok() {
                let help = format!("inside this block, write `@root.{climbed}`");
                Unknown { known: None, help: Some(help) }
            } else {
                unknown
            }
        })
    }
}

fn path_of(parameter: &Parameter) -> Option<&str> {
    match parameter {
        Parameter::Name(_) | Parameter::Path(_) => parameter.as_name(),
        Parameter::Literal(_) | Parameter::Subexpression(_) => None,
        _ => None,
    }
}

//! Which part of the program may know of which: the order in `src/lib.rs`, and no circles inside the modules that have
//! most files. The sources are parsed with `syn`, so a path counts wherever it stands: in `use`, in a type, in a macro.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use syn::visit::{self, Visit};

/// A module may import those of the lines above its own, and none beside it.
const LAYERS: &[&[&str]] = &[
    &["event", "toml_file"],
    &["destination"],
    &["mute"],
    &["reason"],
    &["source", "rule", "template"],
    &["track", "hold"],
    &["plan", "api"],
    &["store", "channel", "telemetry"],
    &["config", "metrics"],
    &["compose", "people"],
    &["intake", "dispatch", "reply"],
    &["recover", "rehearsal", "explain", "who", "summary"],
    &["console", "repository", "slack"],
    &["http"],
    &["app"],
    &["cli"],
    &["main"],
];

/// Modules in which siblings may import each other, as long as they don't do so in a circle.
const WITHOUT_CIRCLES: &[&str] = &["channel", "source"];

/// A module or an item, name by name from the crate's root: `["channel", "http", "Call"]`.
type Name = Vec<String>;

#[test]
fn imports_point_one_way() {
    let mut wrong = Vec::new();
    for Source { file, module, names } in sources() {
        for (_, name) in names.paths {
            let (here, there) = (&module[0], &name[0]);
            if here != there && layer(there) >= layer(here) {
                wrong.push(format!("{}: `{here}` must not know of `{}`", file.display(), name.join("::")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn siblings_inside_a_module_form_no_circle() {
    let sources = sources();
    let modules = sources.iter().map(|source| source.module.clone()).collect::<BTreeSet<_>>();
    let imports = sources.iter().flat_map(|source| source.names.imports.clone()).collect::<BTreeMap<_, _>>();
    let mut edges = BTreeMap::new();
    for Source { file, names, .. } in &sources {
        for (from, name) in &names.paths {
            let edge = siblings(from, &origin(name, &modules, &imports)).filter(|(_, to)| modules.contains(to));
            edges.extend(edge.map(|edge| (edge, file)));
        }
    }
    edges.retain(|(from, _), _| WITHOUT_CIRCLES.contains(&&*from[0]));
    assert!(edges.len() > 50, "the edges are gone");
    let circle = in_circles(edges.keys().cloned().collect());
    let shown = circle.iter().map(|edge| {
        let (from, to) = edge;
        format!("{}: `{}` uses `{}`", edges[edge].display(), from.join("::"), to.join("::"))
    });
    assert!(circle.is_empty(), "these form a circle:\n{}", shown.collect::<Vec<_>>().join("\n"));
}

#[test]
fn the_layers_are_those_of_the_source() {
    let found = sources().into_iter().map(|source| source.module[0].clone()).filter(|module| module != "lib");
    let listed = LAYERS.concat().into_iter().map(str::to_owned).collect::<BTreeSet<_>>();
    assert_eq!(found.collect::<BTreeSet<_>>(), listed);
}

/// PostgreSQL prepares a statement once on a connection. Where a newer version adds a column meanwhile, one that asks for all of
/// them fails from then on.
#[test]
fn no_statement_asks_for_all_columns() {
    // Within another statement, which names those that it wants, they do no harm.
    let all = Regex::new(r"[^(](SELECT|RETURNING) (DISTINCT )?(\w+\.)?\*").unwrap();
    let is_of_store =
        |file: &Path| file.components().any(|part| part.as_os_str() == "store") && !file.ends_with("tests.rs");
    let files = sources().into_iter().map(|source| source.file).filter(|file| is_of_store(file)).collect::<Vec<_>>();
    assert!(files.len() > 50, "the store has moved");
    let asks = |file: &&PathBuf| all.is_match(&fs::read_to_string(file).unwrap());
    assert_eq!(files.iter().filter(asks).collect::<Vec<_>>(), Vec::<&PathBuf>::new());
}

#[test]
fn paths_are_found_in_every_form() {
    let text = r#"
        //! Told by [`crate::doc`].
        use crate::plain::Thing;
        use crate::{grouped::{A, B}, other as another, deep::{self}};
        pub(crate) use super::near;
        fn f(x: crate::typed::T<self::own::T>) -> bool { /* crate::hidden */ crate::called::f("crate::quoted", '"') } // crate::told
        mod inner {
            use super::sibling;
            fn g() { assert!(matches!(x, crate::matched::X { .. }), "crate::quoted") }
        }
        use not_a_crate::x;
    "#;
    let names = Names::of(&["channel".to_owned(), "file".to_owned()], text);
    let found = names.paths.iter().map(|(_, name)| name.join("::")).collect::<Vec<_>>();
    let expected = [
        "plain::Thing",
        "grouped::A",
        "grouped::B",
        "other",
        "deep",
        "channel::near",
        "typed::T",
        "channel::file::own::T",
        "called::f",
        "channel::file::sibling",
        "matched::X",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_circle_is_found_wherever_it_is() {
    let edges = |text: &str| {
        let name = |name: &str| vec![name.to_owned()];
        text.split(' ').map(|edge| edge.split_once('>').unwrap()).map(|(a, b)| (name(a), name(b))).collect()
    };
    assert_eq!(in_circles(edges("a>b b>c a>c")), BTreeSet::new());
    assert_eq!(in_circles(edges("a>b b>c c>d d>b d>e")), edges("b>c c>d d>b"));
}

/// A file of `src`.
struct Source {
    file: PathBuf,
    module: Name,
    names: Names,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if file.is_dir() {
                folders.push(file);
            } else if file.extension().is_some_and(|end| end == "rs") {
                let inside = file.strip_prefix(&root).unwrap().with_extension("");
                let mut module = inside.iter().map(|name| name.to_str().unwrap().to_owned()).collect::<Name>();
                module.pop_if(|last| last == "mod");
                let names = Names::of(&module, &fs::read_to_string(&file).unwrap());
                sources.push(Source { file, module, names });
            }
        }
    }
    assert!(sources.len() > 20, "the sources are gone");
    sources
}

fn layer(module: &str) -> usize {
    LAYERS.iter().position(|layer| layer.contains(&module)).unwrap_or_else(|| panic!("`{module}` is in no layer"))
}

/// The paths in a file that lead to something in this crate.
#[derive(Default)]
struct Names {
    /// The module that is being read: the file's own, or one inside it
    module: Name,
    /// Which module names what
    paths: Vec<(Name, Name)>,
    /// What a module calls something that it imports, and where that is
    imports: Vec<(Name, Name)>,
}

impl Names {
    fn of(module: &[String], text: &str) -> Self {
        let mut names = Self { module: module.to_vec(), ..Self::default() };
        names.visit_file(&syn::parse_file(text).unwrap());
        names
    }

    /// Notes a path, if it starts at this crate; `microalign` is its name in `main.rs`.
    fn add<'a>(&mut self, path: impl IntoIterator<Item = &'a String>) -> Option<Name> {
        let mut path = path.into_iter().cloned().peekable();
        let mut name = match path.next()?.as_str() {
            "crate" | "microalign" => Name::new(),
            "self" => self.module.clone(),
            "super" => self.module.split_last()?.1.to_vec(),
            _ => return None,
        };
        while path.next_if(|part| part == "super").is_some() {
            name.pop();
        }
        name.extend(path.filter(|part| part != "self"));
        if !name.is_empty() {
            self.paths.push((self.module.clone(), name.clone()));
        }
        Some(name)
    }

    fn add_tree(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        let (path, called) = match tree {
            syn::UseTree::Path(path) => return self.add_tree(&path.tree, &with(&path.ident)),
            syn::UseTree::Group(group) => return group.items.iter().for_each(|tree| self.add_tree(tree, before)),
            syn::UseTree::Glob(_) => (before.to_vec(), None),
            syn::UseTree::Name(name) => (with(&name.ident), Some(name.ident.to_string())),
            syn::UseTree::Rename(rename) => (with(&rename.ident), Some(rename.rename.to_string())),
        };
        if let Some((name, called)) = self.add(&path).zip(called) {
            self.imports.push(([&self.module[..], &[called]].concat(), name));
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.add_tree(&item.tree, &[]);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.add(&path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>());
        visit::visit_path(self, path);
    }

    /// A macro's input needn't be Rust, but a path in it reads as one. In a stream of tokens it has spaces, which a quoted
    /// one hasn't.
    fn visit_macro(&mut self, called: &'ast syn::Macro) {
        static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(crate|self|super)( :: \w+)+").unwrap());
        for found in PATH.find_iter(&called.tokens.to_string()) {
            self.add(&found.as_str().split(" :: ").map(str::to_owned).collect::<Vec<_>>());
        }
    }
}

/// Where a name is defined: what a module only imports is looked up there.
fn origin(name: &Name, modules: &BTreeSet<Name>, imports: &BTreeMap<Name, Name>) -> Name {
    let imported = (1..=name.len()).filter(|end| !modules.contains(&name[..*end]));
    let found = imported.filter_map(|end| Some((end, imports.get(&name[..end])?))).next();
    match found {
        Some((end, import)) if import != &name[..end] => {
            origin(&[&import[..], &name[end..]].concat(), modules, imports)
        }
        _ => name.clone(),
    }
}

/// The two modules beside each other through which one name leads to the other.
fn siblings(from: &[String], to: &[String]) -> Option<(Name, Name)> {
    let shared = from.iter().zip(to).take_while(|(from, to)| from == to).count();
    (shared > 0 && shared < from.len() && shared < to.len()).then(|| (from[..=shared].to_vec(), to[..=shared].to_vec()))
}

/// The edges that are left when every module that nothing leads to, or that leads to nothing, is taken away.
fn in_circles(mut edges: BTreeSet<(Name, Name)>) -> BTreeSet<(Name, Name)> {
    loop {
        let (froms, tos): (BTreeSet<_>, BTreeSet<_>) = edges.iter().cloned().unzip();
        let before = edges.len();
        edges.retain(|(from, to)| tos.contains(from) && froms.contains(to));
        if edges.len() == before {
            return edges;
        }
    }
}

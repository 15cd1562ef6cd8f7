//! The page about commands, generated from clap.

use std::fmt::Write as _;

use clap::{Arg, ArgAction, Command};

use super::tables::{Table, code};

/// The page.
pub(super) fn page(mut root: Command) -> String {
    root.build();
    let mut page = "# Commands\n\nExit codes: 0 when all is well, 1 when what was asked about is wrong or something failed, 2 when \
        the command line is wrong. `--json` prints one object a line, and its names are stable.\n"
        .to_owned();
    describe(&root, "microalign", &mut page);
    page
}

/// Writes a command's section, or those of its subcommands, or both.
fn describe(command: &Command, path: &str, page: &mut String) {
    let runs = !command.is_subcommand_required_set() && !command.is_arg_required_else_help_set();
    if runs {
        section(command, path, page);
    }
    for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set() && inner.get_name() != "help") {
        describe(inner, &format!("{path} {}", inner.get_name()), page);
    }
}

fn section(command: &Command, path: &str, page: &mut String) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ").lines().map(str::trim).collect::<Vec<_>>().join("\n");
    // Writing to a String cannot fail.
    let _infallible = write!(page, "\n## `{path}`\n\n{about}\n\n```text\n{usage}\n```\n\n");
    let mut table = Table::new(&["argument", "meaning", "values", "default"]);
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_standard(arg)) {
        table.row([name(arg), meaning(arg), values(arg), default(arg)]);
    }
    table.finish(page);
    for examples in [command.get_after_long_help().or(command.get_after_help())].into_iter().flatten() {
        let _infallible = write!(page, "\n```text\n{}\n```\n", examples.to_string().trim());
    }
}

/// `--help` and `--version`, which every command has.
fn is_standard(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Help | ArgAction::HelpShort | ArgAction::HelpLong | ArgAction::Version)
}

fn name(arg: &Arg) -> String {
    let value = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let value = if value.is_empty() { arg.get_id().as_str().to_uppercase() } else { value };
    if arg.is_positional() {
        let many = if matches!(arg.get_action(), ArgAction::Append) { "…" } else { "" };
        return code(&format!("{value}{many}"));
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let names = [short, long].into_iter().flatten().collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() { code(&format!("{names} {value}")) } else { code(&names) }
}

fn meaning(arg: &Arg) -> String {
    arg.get_long_help().or(arg.get_help()).map(ToString::to_string).unwrap_or_default()
}

fn values(arg: &Arg) -> String {
    let possible = arg.get_possible_values();
    let shown = possible.iter().filter(|value| !value.is_hide_set() && arg.get_action().takes_values());
    shown.map(|value| code(value.get_name())).collect::<Vec<_>>().join(", ")
}

fn default(arg: &Arg) -> String {
    let values = arg.get_default_values().iter().filter(|_| !arg.is_hide_default_value_set());
    let shown = values.filter(|_| arg.get_action().takes_values()).map(|value| value.to_string_lossy().into_owned());
    shown.map(|value| code(&value)).collect::<Vec<_>>().join(", ")
}

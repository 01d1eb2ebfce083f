//! `docs/reference/cli.md`: every command with its arguments, from the definition of the command line itself.

use std::fmt::Write as _;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, CommandFactory as _};

use super::Cli;

const FILE: &str = "docs/reference/cli.md";

#[test]
fn the_reference_of_the_command_line_is_its_own() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reference/cli.md");
    let generated = page();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == generated, "{FILE} is out of date: run `make generate`");
}

fn page() -> String {
    let mut nico = Cli::command();
    nico.build();
    let mut page =
        String::from("<!-- Generated from src/cli.rs; `make generate` writes it anew. -->\n\n# nico\n\n");
    writeln!(page, "{}\n", about(&nico)).unwrap();
    let commands: Vec<_> = nico.get_subcommands().filter(|command| command.get_name() != "help").collect();
    page.push_str("| command | what it does |\n|---|---|\n");
    for command in &commands {
        let (name, short) = (command.get_name(), sentence(command.get_about()));
        writeln!(page, "| [`nico {name}`](#nico-{name}) | {short} |").unwrap();
    }
    page.push_str(
        "\n`-h` and `--help` print this of each command, `nico --version` the version and the commit.\n",
    );
    for command in commands {
        of_command(&mut page, command);
    }
    page
}

fn of_command(page: &mut String, command: &Command) {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.trim().trim_start_matches("Usage:").trim();
    writeln!(page, "\n## nico {}\n\n{}\n\n```\n{usage}\n```", command.get_name(), about(command)).unwrap();
    let told = |argument: &&Arg| {
        !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
    };
    let arguments: Vec<_> = command.get_arguments().filter(told).collect();
    if !arguments.is_empty() {
        page.push_str("\n| argument | what it means |\n|---|---|\n");
    }
    for argument in arguments {
        let cells = [name(argument), meaning(command, argument)].map(|cell| cell.replace('|', "\\|"));
        writeln!(page, "| {} |", cells.join(" | ")).unwrap();
    }
}

/// As it is written on a command line.
fn name(argument: &Arg) -> String {
    let values = argument.get_value_names().filter(|_| argument.get_action().takes_values());
    let value = values.and_then(|names| names.first()).map(ToString::to_string);
    let flags = [
        argument.get_short().map(|short| format!("`-{short}`")),
        argument.get_long().map(|long| match &value {
            Some(value) => format!("`--{long} {value}`"),
            None => format!("`--{long}`"),
        }),
    ];
    let flags: Vec<_> = flags.into_iter().flatten().collect();
    if flags.is_empty() { format!("`{}`", value.unwrap_or_default()) } else { flags.join(", ") }
}

fn meaning(command: &Command, argument: &Arg) -> String {
    let mut parts = vec![sentence(argument.get_long_help().or(argument.get_help()))];
    for value in argument.get_possible_values().iter().filter(|_| argument.get_action().takes_values()) {
        parts.push(format!("`{}`: {}", value.get_name(), sentence(value.get_help())));
    }
    let defaults: Vec<_> =
        argument.get_default_values().iter().map(|value| format!("`{}`", value.display())).collect();
    let is_flag = !argument.get_action().takes_values();
    if !defaults.is_empty() && !is_flag {
        parts.push(format!("Default {}.", defaults.join(", ")));
    }
    if let Some(variable) = argument.get_env() {
        parts.push(format!("Also from the environment: `{}`.", variable.display()));
    }
    if argument.is_required_set() {
        parts.push("Required.".to_owned());
    }
    let others = command.get_arg_conflicts_with(argument);
    let others: Vec<_> = others.into_iter().map(name).collect();
    if !others.is_empty() {
        parts.push(format!("Not together with {}.", others.join(", ")));
    }
    if matches!(argument.get_action(), ArgAction::Append)
        && !parts.concat().contains("repeated")
        && !argument.is_positional()
    {
        parts.push("May be repeated.".to_owned());
    }
    parts.retain(|part| !part.is_empty());
    parts.join("<br>")
}

/// With all of its paragraphs.
fn about(command: &Command) -> String {
    sentence(command.get_long_about().or(command.get_about()))
}

/// clap takes the full stop off a short help.
fn sentence(text: Option<&StyledStr>) -> String {
    let text = text.map(|text| escaped(text.to_string().trim())).unwrap_or_default();
    if text.is_empty() || text.ends_with('.') || text.ends_with(".)") { text } else { format!("{text}.") }
}

/// It is Markdown already, but for what would be taken for HTML.
fn escaped(text: &str) -> String {
    let mut is_code = false;
    let mut escaped = String::new();
    for letter in text.chars() {
        is_code ^= letter == '`';
        if letter == '<' && !is_code {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

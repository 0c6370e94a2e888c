//! The classic mistakes of a Makefile: a target without its colon, spaces for the tab.
//!
//! Not a parser of make's language: what is no plain rule, assignment or directive is left alone.

/// A mistake and its way out.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mistake {
    /// From 1.
    pub(super) line: usize,
    pub(super) found: String,
    pub(super) hint: String,
}

/// What a line of a Makefile is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Blank,
    Rule,
    /// Begins with a tab.
    Recipe,
    Assignment,
    Directive,
    /// Anything else; `indented` by spaces.
    Other {
        indented: bool,
    },
}

/// Words that begin a line of their own kind.
const DIRECTIVES: [&str; 21] = [
    "include", "-include", "sinclude", "ifeq", "ifneq", "ifdef", "ifndef", "else", "endif", "define",
    "endef", "export", "unexport", "override", "private", "undefine", "vpath", "load", "-load", "$(", "${",
];

pub(super) fn mistakes(text: &str) -> Vec<Mistake> {
    // Where another prefix is set, tabs mean nothing.
    if text.lines().any(|line| line.trim_start().starts_with(".RECIPEPREFIX")) {
        return Vec::new();
    }
    let mut mistakes = Vec::new();
    let (mut in_rule, mut continued, mut defining) = (false, false, false);
    let lines: Vec<&str> = text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let continues = continued;
        continued = line.ends_with('\\');
        defining = (defining || first_word(line) == "define") && first_word(line) != "endef";
        if continues || defining {
            continue;
        }
        match kind(line) {
            Line::Blank | Line::Directive => {}
            Line::Recipe => {}
            // In a rule, an indented text with a colon is a recipe with spaces, as in `    echo a: b`.
            Line::Rule if in_rule && line.starts_with(' ') => mistakes.push(spaces(at, line)),
            Line::Rule => in_rule = true,
            Line::Assignment => in_rule = in_rule && line.starts_with(' '),
            Line::Other { indented: true } if in_rule => mistakes.push(spaces(at, line)),
            Line::Other { indented } => {
                in_rule = true;
                let next = lines[at + 1..].iter().find(|next| !matches!(kind(next), Line::Blank));
                let recipe = next.is_some_and(|next| next.starts_with(['\t', ' ']));
                if !indented && (recipe || line.split_whitespace().count() == 1) {
                    mistakes.push(no_colon(at, line));
                }
            }
        }
    }
    mistakes
}

fn spaces(at: usize, line: &str) -> Mistake {
    Mistake {
        line: at + 1,
        found: format!("`{}` is indented with spaces", line.trim()),
        hint: "begin the line with a tab: make says `missing separator` otherwise".to_owned(),
    }
}

fn no_colon(at: usize, line: &str) -> Mistake {
    let mut words = line.split_whitespace();
    let target = words.next().unwrap_or_default();
    let rest = words.map(|word| format!(" {word}")).collect::<String>();
    Mistake {
        line: at + 1,
        found: format!("target `{target}` has no colon"),
        hint: format!("write `{target}:{rest}`"),
    }
}

fn kind(line: &str) -> Line {
    let text = line.trim();
    if text.is_empty() || text.starts_with('#') {
        return Line::Blank;
    }
    if line.starts_with('\t') {
        return Line::Recipe;
    }
    let word = first_word(line);
    if is_assignment(text) {
        return Line::Assignment;
    }
    if DIRECTIVES.contains(&word) || text.starts_with("$(") || text.starts_with("${") {
        return Line::Directive;
    }
    let code = text.split('#').next().unwrap_or_default();
    if without_references(code).contains(':') {
        return Line::Rule;
    }
    Line::Other { indented: line.starts_with(' ') }
}

fn first_word(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or_default()
}

/// `NAME = …`, `NAME := …`, `export NAME ?= …`.
fn is_assignment(text: &str) -> bool {
    let mut rest = text;
    for word in ["export", "override", "private"] {
        rest = rest.strip_prefix(word).filter(|rest| rest.starts_with(' ')).map_or(rest, str::trim_start);
    }
    let name = rest.find(|c: char| c.is_whitespace() || "=:?+!".contains(c)).unwrap_or(rest.len());
    let after = rest[name..].trim_start();
    name > 0 && ["=", ":=", "::=", ":::=", "?=", "+=", "!="].iter().any(|sign| after.starts_with(sign))
}

/// `text` without `$(…)` and `${…}`, whose colons are no rule's.
fn without_references(text: &str) -> String {
    let mut plain = String::new();
    let mut depth = 0_usize;
    let mut before = ' ';
    for c in text.chars() {
        match c {
            '(' | '{' if depth > 0 || before == '$' => depth += 1,
            ')' | '}' if depth > 0 => depth -= 1,
            c if depth == 0 => plain.push(c),
            _ => {}
        }
        before = c;
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::mistakes;

    #[track_caller]
    fn check(makefile: &str, wanted: &[&str]) {
        let found: Vec<String> = mistakes(makefile)
            .into_iter()
            .map(|mistake| format!("{}: {}", mistake.line, mistake.found))
            .collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn a_target_without_its_colon_is_found() {
        check("install\n\tpip install -r requirements.txt\n", &["1: target `install` has no colon"]);
        check("all: lint test\n\nlint hello.py\n\tpylint hello.py\n", &["3: target `lint` has no colon"]);
        check("test:\n\tpytest\nformat", &["3: target `format` has no colon"]);
    }

    #[test]
    fn spaces_for_the_tab_are_found() {
        check(
            "test:\n    python -m pytest -vv --cov=hello\n",
            &["2: `python -m pytest -vv --cov=hello` is indented with spaces"],
        );
        check(
            "install:\n\tpip install x\n  echo done: yes\nlint:\n pylint x\n",
            &["3: `echo done: yes` is indented with spaces", "5: `pylint x` is indented with spaces"],
        );
    }

    #[test]
    fn both_at_once_are_both_found() {
        check(
            "install\n    pip install x\n",
            &["1: target `install` has no colon", "2: `pip install x` is indented with spaces"],
        );
    }

    #[test]
    fn a_good_makefile_has_none() {
        check(include_str!("../../../templates/classic/Makefile"), &[]);
        check(
            "export PATH := $(CURDIR)/.venv/bin:$(PATH)\nX ?= 1\nY=2\nifeq ($(X),1)\n  Z = 3\nendif\n\
             .PHONY: all\nall: $(X:%.c=%.o) \\\n    two\n\techo a\n\n# text\n-include x.mk\n\
             define RECIPE\nanything goes\nendef\n%.o: %.c ; cc $<\nall:: three\n$(eval $(call RECIPE))\n\
             other: private V = 1\n  W = 2\n",
            &[],
        );
        check(".RECIPEPREFIX = >\nall:\n> echo a\n", &[]);
    }
}

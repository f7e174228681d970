//! `backstay explain CODE|KEY`: the page of a code or of a key of the policy.

use super::{Context, Exit};
use crate::diag::nearest;

const RULES: &str = include_str!("../../docs/rules.md");
const POLICY: &str = include_str!("../../docs/policy.md");

/// Say what a code or a key of the policy means
///
/// Examples:
///   backstay explain BS101
///   backstay explain tiers.daily.copies[0].keep
///   backstay explain keep_at_least                 every key of that name
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Args {
    /// A code such as `BS101`, or a key such as `tiers.<name>.copies[].keep`
    #[arg(value_name = "CODE|KEY")]
    subject: String,
}

/// Prints the sections that are meant.
pub fn run(args: &Args, context: &Context) -> Exit {
    let sections = match find(&args.subject) {
        Ok(sections) => sections,
        Err(meant) => {
            let hint = meant.map(|meant| format!("Did you mean `backstay explain '{meant}'`?"));
            context.complain(
                format_args!("`{}` is neither a code nor a key of the policy", args.subject),
                Some(hint.as_deref().unwrap_or("docs/policy.md lists every key, docs/rules.md every code.")),
            );
            return Exit::Usage;
        }
    };
    let pages: Vec<String> =
        sections.iter().map(|section| format!("{}\n\n{}\n", section.title, section.body)).collect();
    context.say(pages.join("\n"));
    Exit::Done
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section<'a> {
    title: &'a str,
    body: &'a str,
}

/// The sections about a subject, or the nearest subject that there is.
fn find(subject: &str) -> Result<Vec<Section<'static>>, Option<String>> {
    let upper = subject.to_ascii_uppercase();
    let rules = sections(RULES);
    let codes: Vec<Section<'_>> = rules.iter().copied().filter(|s| s.title.split(':').next() == Some(&upper)).collect();
    if !codes.is_empty() {
        return Ok(codes);
    }
    let keys: Vec<Section<'_>> = sections(POLICY).into_iter().filter(|section| is_key(section.title)).collect();
    let wanted = steps(subject);
    let exact: Vec<Section<'_>> = keys.iter().copied().filter(|s| fits(&steps(name_of(s.title)), &wanted)).collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let by_last: Vec<Section<'_>> =
        keys.iter().copied().filter(|s| wanted.len() == 1 && steps(name_of(s.title)).last() == wanted.last()).collect();
    if !by_last.is_empty() {
        return Ok(by_last);
    }
    let names = keys.iter().map(|section| name_of(section.title));
    let lasts = keys.iter().filter_map(|section| name_of(section.title).rsplit('.').next());
    let codes = rules.iter().filter_map(|section| section.title.split(':').next());
    Err(nearest(subject, names.chain(lasts).chain(codes)).map(str::to_owned))
}

fn sections(text: &'static str) -> Vec<Section<'static>> {
    let mut sections = Vec::new();
    for part in text.split("\n## ").skip(1) {
        for part in part.split("\n### ") {
            let (title, body) = part.split_once('\n').unwrap_or((part, ""));
            sections.push(Section { title: title.trim(), body: body.trim() });
        }
    }
    sections
}

/// Sections about keys have the key in backticks as their title.
fn is_key(title: &str) -> bool {
    title.starts_with('`') && title.ends_with('`')
}

fn name_of(title: &str) -> &str {
    title.trim_matches('`')
}

/// A route as its steps; positions of lists are left out of what is compared.
fn steps(route: &str) -> Vec<String> {
    let mut steps = Vec::new();
    for step in route.split('.') {
        let (key, index) = step.split_once('[').map_or((step, None), |(key, rest)| (key, Some(rest)));
        steps.push(key.to_owned());
        if index.is_some() {
            steps.push("[]".to_owned());
        }
    }
    steps
}

/// True when a route of the reference, where `<name>` stands for any name, is the route that is wanted.
fn fits(reference: &[String], wanted: &[String]) -> bool {
    let same = |(known, asked): (&String, &String)| known == asked || known.starts_with('<');
    reference.len() == wanted.len() && reference.iter().zip(wanted).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(subject: &str) -> Vec<&'static str> {
        find(subject).unwrap_or_default().iter().map(|section| section.title).collect()
    }

    #[test]
    fn codes_and_keys_are_found() {
        assert_eq!(titles("bs101"), ["BS101: a key is not known"]);
        assert_eq!(titles("tiers.daily.copies[0].keep"), ["`tiers.<name>.copies[].keep`"]);
        assert_eq!(titles("databases.shop"), ["`databases.<name>`"]);
        assert_eq!(titles("tiers.<name>.schedule"), ["`tiers.<name>.schedule`"]);
        assert!(titles("keep_at_least").len() >= 2);
        assert_eq!(find("BS1O1"), Err(Some("BS101".to_owned())));
        assert_eq!(find("kep_at_least"), Err(Some("keep_at_least".to_owned())));
    }
}

//! Enough of HTML to use the pages as a person without scripts would: forms with their hidden fields, links, and the
//! text of an element by its id. It reads what the gateway writes, not what the web holds.

use std::sync::LazyLock;

use regex::Regex;

/// A form of a page.
#[derive(Debug, Clone)]
pub struct Form {
    /// Where it goes, as a path.
    pub action: String,
    /// Whether it is sent as multipart.
    pub multipart: bool,
    /// Its hidden fields and what else is filled in already.
    pub fields: Vec<(String, String)>,
    /// Names of fields that are there to be filled in.
    pub names: Vec<String>,
}

static FORMS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)<form\b([^>]*)>(.*?)</form>").unwrap());
static FIELDS: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?s)<(input|textarea|select|button)\b([^>]*)>").unwrap());
static ATTRIBUTES: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"([a-z_-]+)(?:\s*=\s*"([^"]*)")?"#).unwrap());
static TAGS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?s)<[^>]*>").unwrap());

/// All forms of a page.
pub fn forms(page: &str) -> Vec<Form> {
    FORMS
        .captures_iter(page)
        .map(|found| {
            let fields = FIELDS.captures_iter(&found[2]).filter_map(|field| {
                let name = attribute(&field[2], "name")?;
                let kind = attribute(&field[2], "type").unwrap_or_default();
                let value = attribute(&field[2], "value").unwrap_or_default();
                Some((field[1].to_owned(), kind, name, value))
            });
            let mut form = Form {
                action: attribute(&found[1], "action").unwrap_or_default(),
                multipart: attribute(&found[1], "enctype").is_some_and(|kind| kind.contains("multipart")),
                fields: Vec::new(),
                names: Vec::new(),
            };
            for (element, kind, name, value) in fields {
                match (element.as_str(), kind.as_str()) {
                    ("button", _) => {}
                    ("input", "hidden") => form.fields.push((name, value)),
                    _ => form.names.push(name),
                }
            }
            form
        })
        .collect()
}

/// The form that has a field of this name, hidden or not.
pub fn form_with(page: &str, field: &str) -> Form {
    let has = |form: &Form| {
        form.names.iter().chain(form.fields.iter().map(|(name, _)| name)).any(|name| name == field)
    };
    forms(page)
        .into_iter()
        .find(has)
        .unwrap_or_else(|| panic!("no form with the field `{field}` in:\n{}", text(page)))
}

/// The form that goes there.
pub fn form_to(page: &str, action: &str) -> Option<Form> {
    forms(page).into_iter().find(|form| form.action == action)
}

impl Form {
    /// Its hidden fields with what a person filled in.
    pub fn filled(&self, filled: &[(&str, &str)]) -> Vec<(String, String)> {
        let kept =
            self.fields.iter().filter(|(name, _)| filled.iter().all(|(known, _)| known != name)).cloned();
        kept.chain(filled.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
    }
}

/// The text of the element with this id.
pub fn by_id(page: &str, id: &str) -> Option<String> {
    let start = Regex::new(&format!(r#"<([a-z0-9]+)\b[^>]*\bid="{id}"[^>]*>"#)).unwrap();
    let found = start.captures(page)?;
    let rest = &page[found.get(0)?.end()..];
    let end = rest.find(&format!("</{}>", &found[1]))?;
    Some(text(&rest[..end]).trim().to_owned())
}

/// What a person reads.
pub fn text(page: &str) -> String {
    unescaped(&TAGS.replace_all(page, " "))
}

fn attribute(attributes: &str, name: &str) -> Option<String> {
    ATTRIBUTES
        .captures_iter(attributes)
        .find(|found| &found[1] == name)
        .map(|found| unescaped(found.get(2).map_or("", |value| value.as_str())))
}

fn unescaped(text: &str) -> String {
    [
        ("&#x27;", "'"),
        ("&#39;", "'"),
        ("&#34;", "\""),
        ("&quot;", "\""),
        ("&#60;", "<"),
        ("&lt;", "<"),
        ("&#62;", ">"),
        ("&gt;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
}

//! What the form has in its fields: from the settings, or as somebody filled them in.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use shared::directory::{Directory, GroupId};

use crate::pages::quoted;
use crate::pages::visitor::Form;

/// The fields, right or wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of its own, as the settings are")]
pub(in crate::pages) struct Fields {
    pub(super) sync_users: bool,
    pub(super) sync_groups: bool,
    pub(super) sync_groups_without_email: bool,
    pub(super) nested_groups: bool,
    /// One to a line, [quoted](quoted::shown) where white space counts.
    pub(super) group_prefixes: String,
    pub(super) allowed_groups: BTreeSet<GroupId>,
    pub(super) ignored_groups: BTreeSet<GroupId>,
    /// What was sent in the place of a value that the form offers, by the setting. Only forms that are not ours have any.
    odd: Vec<(&'static str, String)>,
    pub(super) percent: String,
    pub(super) at_least: String,
    /// Minutes; empty for what the deployment says.
    pub(super) every: String,
    /// The version the form was made from.
    pub(super) from_version: u64,
}

impl Fields {
    /// The settings as they are.
    pub(in crate::pages) fn of(directory: &Directory) -> Self {
        let policy = &directory.policy;
        Self {
            sync_users: policy.sync_users(),
            sync_groups: policy.sync_groups(),
            sync_groups_without_email: policy.sync_groups_without_email(),
            nested_groups: policy.nested_groups(),
            group_prefixes: policy.group_prefixes().map(quoted::shown).collect::<Vec<_>>().join("\n"),
            allowed_groups: policy.allowed_groups().clone(),
            ignored_groups: policy.ignored_groups().clone(),
            odd: Vec::new(),
            percent: policy.safety_limit().percent.to_string(),
            at_least: policy.safety_limit().at_least.to_string(),
            every: policy.sync_every().map(|every| every.as_mins().to_string()).unwrap_or_default(),
            from_version: directory.settings_version,
        }
    }

    /// As somebody filled them in.
    pub(super) fn sent(form: &Form, current_version: u64) -> Self {
        let mut odd = Vec::new();
        let mut choice = |name: &'static str| match form.get(name) {
            Some("yes") => true,
            Some("no") | None => false,
            Some(other) => {
                odd.push((name, other.to_owned()));
                false
            }
        };
        let [sync_users, sync_groups, sync_groups_without_email, nested_groups] =
            ["sync_users", "sync_groups", "sync_groups_without_email", "nested_groups"].map(&mut choice);
        let mut groups = |name: &'static str| {
            let (ids, others): (Vec<_>, Vec<_>) =
                form.all(name).map(|text| text.parse().map_err(|_| text)).partition(Result::is_ok);
            odd.extend(others.into_iter().filter_map(Result::err).map(|text: &str| (name, text.to_owned())));
            ids.into_iter().filter_map(Result::ok).collect()
        };
        let [allowed_groups, ignored_groups] = ["allowed_groups", "ignored_groups"].map(&mut groups);
        Self {
            sync_users,
            sync_groups,
            sync_groups_without_email,
            nested_groups,
            group_prefixes: form.raw("group_prefixes").unwrap_or_default().to_owned(),
            allowed_groups,
            ignored_groups,
            odd,
            percent: form.get("percent").unwrap_or_default().to_owned(),
            at_least: form.get("at_least").unwrap_or_default().to_owned(),
            every: form.get("every").unwrap_or_default().to_owned(),
            from_version: form.get("version").and_then(|version| version.parse().ok()).unwrap_or(current_version),
        }
    }

    /// What the settings' parser is to judge.
    pub(super) fn to_json(&self) -> Value {
        // Text that is no number goes as text, to be told so.
        let number = |text: &str| text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number));
        // A line ends as browsers end it; other white space is part of the prefix.
        let lines = self.group_prefixes.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line));
        let prefixes: Vec<String> = lines.filter(|line| !line.trim().is_empty()).map(quoted::read).collect();
        let mut settings = json!({
            "sync_users": self.sync_users,
            "sync_groups": self.sync_groups,
            "sync_groups_without_email": self.sync_groups_without_email,
            "nested_groups": self.nested_groups,
            "group_prefixes": prefixes,
            "allowed_groups": self.allowed_groups,
            "ignored_groups": self.ignored_groups,
            "safety_limit": {"percent": number(&self.percent), "at_least": number(&self.at_least)},
            "sync_every_minutes": if self.every.is_empty() { Value::Null } else { number(&self.every) },
        });
        for (name, text) in &self.odd {
            match settings.get_mut(name) {
                Some(Value::Array(list)) => list.push(json!(text)),
                Some(value) => *value = json!(text),
                None => {}
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use shared::directory::DirectoryId;
    use shared::filter::Policy;

    use super::*;

    #[test]
    fn settings_go_through_the_form_unchanged() {
        let settings = json!({
            "sync_users": true, "sync_groups": true, "sync_groups_without_email": true, "nested_groups": true,
            "group_prefixes": ["vpn-", "wi fi"], "allowed_groups": ["staff"], "ignored_groups": ["robots", "rooms"],
            "safety_limit": {"percent": 7, "at_least": 3}, "sync_every_minutes": 45,
        });
        let id = DirectoryId::new(uuid::Uuid::nil());
        let mut directory = Directory::new(id, "contoso.example".to_owned(), jiff::Timestamp::UNIX_EPOCH);
        directory.policy = Policy::parse(&settings).unwrap();
        assert_eq!(Policy::parse(&Fields::of(&directory).to_json()).unwrap(), directory.policy);

        let sent = "sync_users=yes&sync_groups=yes&sync_groups_without_email=yes&nested_groups=yes&\
                    group_prefixes=vpn-%0D%0A%0D%0Awi+fi&allowed_groups=staff&ignored_groups=robots&ignored_groups=rooms&\
                    percent=7&at_least=3&every=45&version=1";
        let sent = Fields::sent(&Form::parse(sent.as_bytes()), 9);
        assert_eq!((Policy::parse(&sent.to_json()).unwrap(), sent.from_version), (directory.policy, 1));
    }

    #[test]
    fn white_space_of_prefixes_comes_back() {
        let prefixes = ["VPN ", " x", "a\tb", "two\nlines", "two\r\nlines", "end\r", "\"q\"", "NBSP\u{a0}", "\\"];
        let id = DirectoryId::new(uuid::Uuid::nil());
        let mut directory = Directory::new(id, "contoso.example".to_owned(), jiff::Timestamp::UNIX_EPOCH);
        directory.policy = Policy::parse(&json!({"sync_groups": true, "group_prefixes": prefixes})).unwrap();
        let shown = Fields::of(&directory);
        // As a browser sends what it was given.
        let text = shown.group_prefixes.replace('\n', "\r\n");
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([("sync_groups", "yes"), ("group_prefixes", &text), ("percent", "20"), ("at_least", "5")]);
        let sent = Fields::sent(&Form::parse(form.finish().as_bytes()), 1);
        let policy = Policy::parse(&sent.to_json()).unwrap();
        let sorted = |policy: &Policy| policy.group_prefixes().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(sorted(&policy), sorted(&directory.policy));
        assert_eq!(policy.group_prefixes().count(), prefixes.len());
    }

    #[test]
    fn typed_white_space_counts_and_blank_lines_do_not() {
        let sent = Fields::sent(&Form::parse(b"group_prefixes=%0D%0AVPN+%0D%0A++%0D%0A%22Wi+%22%0D%0A"), 1);
        assert_eq!(sent.to_json()["group_prefixes"], json!(["VPN ", "Wi "]));
    }

    #[test]
    fn what_the_form_does_not_offer_is_told_with_its_field() {
        let sent = "sync_users=maybe&sync_groups=yes&allowed_groups=a+b&allowed_groups=ok&percent=20&at_least=5";
        let faults = Policy::parse(&Fields::sent(&Form::parse(sent.as_bytes()), 1).to_json()).unwrap_err().faults;
        let names: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(names, ["sync_users", "allowed_groups[1]"]);
    }

    #[test]
    fn what_is_no_number_is_told_so() {
        let fields = Fields::sent(&Form::parse(b"percent=many&at_least=&every=often"), 1);
        let faults = Policy::parse(&fields.to_json()).unwrap_err().faults;
        let names: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(names, ["safety_limit.percent", "safety_limit.at_least", "sync_every_minutes"]);
    }
}

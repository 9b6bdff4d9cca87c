//! Filters: what an index answers is what a look at every resource would say, and the rest is refused clearly.

use std::collections::BTreeSet;

use http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use tenant::{Action, NewUser, SERVICE_ACCOUNTS};
use uuid::Uuid;

use super::{Client, encoded};
use crate::harness::{World, everything, small};
use crate::queries::ignoring;

async fn found(client: &Client<'_>, filter: &str) -> BTreeSet<String> {
    let answer = client.get(&format!("Users?count=1000&filter={}", encoded(filter))).await;
    let found = ids(answer["Resources"].as_array().unwrap());
    assert_eq!(answer["totalResults"], found.len(), "{filter}");
    found
}

#[tokio::test]
async fn a_name_of_a_deleted_user_means_the_present_one() {
    let world = World::unauthorized(&small()).await;
    let kim = || NewUser {
        user_principal_name: Some("kim@contoso.example".to_owned()),
        mail: Some("kim.lind@contoso.example".to_owned()),
        ..NewUser::named("Kim Lind")
    };
    let deleted = world.apply(Action::CreateUser(kim())).unwrap();
    world.authorize().await;
    world.set(everything()).await;
    world.apply(Action::Delete { id: deleted });
    world.sync().await;
    let client = Client::new(&world).await;
    let by_name = [
        "userName eq \"KIM@contoso.example\"",
        "emails eq \"kim.lind@contoso.example\"",
        "emails[type eq \"work\"].value eq \"Kim.Lind@contoso.example\"",
        "emails[type eq \"work\" and value eq \"kim.lind@contoso.example\"]",
    ];
    for filter in by_name {
        assert_eq!(found(&client, filter).await, BTreeSet::from([deleted.to_string()]), "{filter}");
    }
    let present = world.apply(Action::CreateUser(kim())).unwrap();
    world.sync().await;
    for filter in by_name {
        assert_eq!(found(&client, filter).await, BTreeSet::from([present.to_string()]), "{filter}");
        // What is asked about the name is asked about who has it now.
        let inactive = format!("{filter} and active eq \"False\"");
        assert_eq!(found(&client, &inactive).await, BTreeSet::new(), "{inactive}");
    }
    assert_eq!(world.get("users/kim@contoso.example").await["id"], present.to_string());
    assert_eq!(found(&client, &format!("id eq \"{deleted}\"")).await, BTreeSet::from([deleted.to_string()]));
    let both = BTreeSet::from([deleted.to_string(), present.to_string()]);
    assert_eq!(found(&client, "userName sw \"kim@\"").await, both);
}

#[tokio::test]
async fn guids_and_truth_values_are_compared_in_any_case() {
    let world = World::synced(&small(), everything()).await;
    world.apply(Action::DisableUser { user: world.ordinary_users()[3] });
    world.sync().await;
    let client = Client::new(&world).await;
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let member = world.members_of(group)[0];
    for id in [member.to_string(), member.to_string().to_uppercase()] {
        for filter in [
            format!("id eq \"{id}\""),
            format!("externalId eq \"{id}\""),
            format!("id eq \"{id}\" and active pr"),
            format!("id eq \"{id}\" or id eq \"nobody\""),
        ] {
            assert_eq!(found(&client, &filter).await, BTreeSet::from([member.to_string()]), "{filter}");
        }
        let groups = client.get(&format!("Groups?filter={}", encoded(&format!("members eq \"{id}\"")))).await;
        assert!(ids(groups["Resources"].as_array().unwrap()).contains(&group.to_string()));
        let others = format!("active eq true and id ne \"{id}\"");
        assert!(!found(&client, &others).await.contains(&member.to_string()), "{others}");
    }
    for id in [group.to_string(), group.to_string().to_uppercase()] {
        let members = world.members_of(group).iter().map(ToString::to_string).collect();
        for filter in [format!("groups eq \"{id}\""), format!("groups[value eq \"{id}\"]")] {
            assert_eq!(found(&client, &filter).await, members, "{filter}");
        }
        for filter in [format!("id eq \"{id}\""), format!("externalId eq \"{id}\"")] {
            let one = client.get(&format!("Groups?filter={}", encoded(&filter))).await;
            assert_eq!(ids(one["Resources"].as_array().unwrap()), BTreeSet::from([group.to_string()]), "{filter}");
        }
    }
    for (text, value) in [("\"True\"", "true"), ("\"FALSE\"", "false"), ("\"true\"", "true")] {
        let expected = found(&client, &format!("active eq {value}")).await;
        assert!(!expected.is_empty());
        assert_eq!(found(&client, &format!("active eq {text}")).await, expected, "{text}");
    }
    let primary = "emails[primary eq \"True\" and value sw \"a\"]";
    assert_eq!(found(&client, primary).await, found(&client, "emails[primary eq true].value sw \"A\"").await);
}

#[tokio::test]
async fn names_are_compared_in_any_encoding_and_with_their_marks() {
    let world = World::unauthorized(&small()).await;
    let named = |name: &str, login: &str| {
        let user = NewUser { user_principal_name: Some(login.to_owned()), ..NewUser::named(name) };
        world.apply(Action::CreateUser(user)).unwrap().to_string()
    };
    let decomposed = named("Jo\u{308}rg Novák", "jo\u{308}rg@contoso.example");
    let plain = named("Jorg Novak", "jorg@contoso.example");
    world.authorize().await;
    world.set(everything()).await;
    let client = Client::new(&world).await;
    for filter in [
        "userName eq \"J\u{d6}RG@contoso.example\"",
        "userName eq \" JÖRG@contoso.example \"",
        "userName sw \"jör\"",
        "displayName eq \"JÖRG NOVA\u{301}K\"",
        "name.formatted sw \"Jörg N\"",
        "userName sw \"j\" and displayName co \"RG NOVÁ\"",
        "userName sw \"j\" and displayName ew \"nova\u{301}k\"",
        "displayName sw \"jo\" and displayName gt \"JORG NOVAK\" or userName eq \"jörg@contoso.example\"",
    ] {
        assert_eq!(found(&client, filter).await, BTreeSet::from([decomposed.clone()]), "{filter}");
    }
    assert_eq!(found(&client, "userName eq \"JORG@contoso.example\"").await, BTreeSet::from([plain.clone()]));
    assert_eq!(found(&client, "displayName sw \"jorg\"").await, BTreeSet::from([plain]));
}

/// A filter, apart from how it is written.
#[derive(Debug, Clone)]
enum Asked {
    Compare(&'static str, &'static str, String),
    Active(bool),
    Present(&'static str),
    Not(Box<Asked>),
    And(Vec<Asked>),
    Or(Vec<Asked>),
    Email(Vec<(&'static str, &'static str, String)>),
}

impl Asked {
    fn print(&self) -> String {
        let join = |parts: &[Self], word: &str| {
            parts.iter().map(|part| format!("({})", part.print())).collect::<Vec<_>>().join(word)
        };
        match self {
            Self::Compare(name, operator, text) => format!("{name} {operator} {}", json!(text)),
            Self::Active(true) => "active eq true".to_owned(),
            // As Microsoft's clients write it.
            Self::Active(false) => "active eq \"False\"".to_owned(),
            Self::Present(name) => format!("{name} pr"),
            Self::Not(inner) => format!("not ({})", inner.print()),
            Self::And(parts) => join(parts, " and "),
            Self::Or(parts) => join(parts, " or "),
            Self::Email(tests) => {
                let tests: Vec<String> =
                    tests.iter().map(|(part, operator, text)| format!("{part} {operator} {}", json!(text))).collect();
                match tests.as_slice() {
                    // As Microsoft's clients write it.
                    [first, last] => format!("emails[{first}].{last}"),
                    tests => format!("emails[{}]", tests.join(" and ")),
                }
            }
        }
    }

    /// What RFC 7644, table 3, says of a user.
    fn takes(&self, user: &Value) -> bool {
        let compare = |operator: &str, exact: bool, found: &str, text: &str| {
            let (found, text) =
                if exact { (found.to_owned(), text.to_owned()) } else { (found.to_lowercase(), text.to_lowercase()) };
            match operator {
                "eq" => found == text,
                "ne" => found != text,
                "sw" => found.starts_with(&text),
                "co" => found.contains(&text),
                "ew" => found.ends_with(&text),
                "gt" => found > text,
                "le" => found <= text,
                other => panic!("{other}"),
            }
        };
        match self {
            Self::Compare(name, operator, text) => {
                let is_id = matches!(*name, "id" | "externalId" | "groups" | "groups.value");
                // A whole GUID is the same in any case.
                let text = if is_id && Uuid::parse_str(text).is_ok() { &text.to_lowercase() } else { text };
                read(user, name)
                    .iter()
                    .any(|found| compare(operator, is_id || *name == "meta.resourceType", found, text))
            }
            Self::Active(is) => user["active"] == *is,
            Self::Present(name) => !read(user, name).is_empty() || *name == "active",
            Self::Not(inner) => !inner.takes(user),
            Self::And(parts) => parts.iter().all(|part| part.takes(user)),
            Self::Or(parts) => parts.iter().any(|part| part.takes(user)),
            Self::Email(tests) => user["emails"].as_array().into_iter().flatten().any(|email| {
                tests
                    .iter()
                    .all(|(part, operator, text)| compare(operator, false, email[*part].as_str().unwrap(), text))
            }),
        }
    }
}

/// The texts of an attribute.
fn read(user: &Value, name: &str) -> Vec<String> {
    let name = match name {
        "emails" | "groups" => format!("{name}.value"),
        name => name.to_owned(),
    };
    let mut values = vec![user];
    for part in name.split('.') {
        values = values
            .into_iter()
            .flat_map(|value| match value.get(part) {
                Some(Value::Array(values)) => values.iter().collect::<Vec<_>>(),
                Some(value) => vec![value],
                None => vec![],
            })
            .collect();
    }
    values.into_iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
}

/// Filters about some of these users.
fn asked(users: &[Value]) -> impl Strategy<Value = Asked> + use<> {
    let mut texts: Vec<String> = vec![String::new(), "a".into(), "Kim \"Q\" \\".into(), "É".into()];
    for user in users.iter().step_by(7) {
        for name in ["id", "userName", "displayName", "emails", "groups", "title"] {
            texts.extend(read(user, name));
        }
    }
    let text = proptest::sample::select(texts).prop_flat_map(|text| {
        let short: String = text.chars().take(3).collect();
        prop_oneof![Just(text.clone()), Just(text.to_uppercase()), Just(short)]
    });
    let name = proptest::sample::select(vec![
        "id",
        "externalId",
        "userName",
        "USERNAME",
        "displayName",
        "name.formatted",
        "name.familyName",
        "emails",
        "emails.value",
        "groups",
        "groups.value",
        "title",
        "meta.resourceType",
    ]);
    let operator = proptest::sample::select(vec!["eq", "eq", "eq", "sw", "sw", "ne", "co", "ew", "gt", "le"]);
    let email = (proptest::sample::select(vec!["value", "type"]), operator.clone(), text.clone());
    let leaf = prop_oneof![
        6 => (name.clone(), operator, text).prop_map(|(name, operator, text)| Asked::Compare(name, operator, text)),
        2 => any::<bool>().prop_map(Asked::Active),
        1 => name.prop_map(Asked::Present),
        1 => proptest::collection::vec(email, 1..3).prop_map(Asked::Email),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|inner| Asked::Not(Box::new(inner))),
            2 => proptest::collection::vec(inner.clone(), 2..4).prop_map(Asked::And),
            2 => proptest::collection::vec(inner, 2..4).prop_map(Asked::Or),
        ]
    })
}

fn ids<'a>(users: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    users.into_iter().map(|user| user["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_an_index_answers_is_what_a_look_at_everybody_would_say() {
    let world = World::synced(&small(), everything()).await;
    world.set(ignoring(&world)).await;
    world.apply(Action::Delete { id: world.ordinary_users()[1] });
    world.sync().await;
    let client = Client::new(&world).await;
    let users = client.all("Users", "startIndex", 1_000).await;
    let mut runner = TestRunner::deterministic();
    let (mut answered, mut found, mut refused) = (0, 0, 0);
    for _ in 0..600 {
        let asked = asked(&users).new_tree(&mut runner).unwrap().current();
        // What is written differently is named the same.
        let text = asked.print();
        let asked = match asked {
            Asked::Compare("USERNAME", operator, text) => Asked::Compare("userName", operator, text),
            other => named(other),
        };
        let path = format!("Users?count=1000&filter={}", encoded(&text));
        let answer = client.send(Method::GET, &path, String::new()).await;
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        if answer.status.is_success() {
            let expected = ids(users.iter().filter(|user| asked.takes(user)));
            assert_eq!(ids(body["Resources"].as_array().unwrap()), expected, "{text}");
            assert_eq!(body["totalResults"], expected.len(), "{text}");
            answered += 1;
            found += usize::from(!expected.is_empty());
        } else {
            assert_eq!((answer.status.as_u16(), &body["scimType"]), (400, &json!("invalidFilter")), "{text}: {body}");
            refused += 1;
        }
    }
    assert!(
        answered > 150 && found > 60 && refused > 60,
        "{answered} answered, {found} found somebody, {refused} refused"
    );
}

fn named(asked: Asked) -> Asked {
    let all = |parts: Vec<Asked>| parts.into_iter().map(named).collect();
    match asked {
        Asked::Compare("USERNAME", operator, text) => Asked::Compare("userName", operator, text),
        Asked::Present("USERNAME") => Asked::Present("userName"),
        Asked::Not(inner) => Asked::Not(Box::new(named(*inner))),
        Asked::And(parts) => Asked::And(all(parts)),
        Asked::Or(parts) => Asked::Or(all(parts)),
        other => other,
    }
}

#[tokio::test]
async fn groups_are_found_by_name_and_by_who_is_in_them() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let groups = client.all("Groups", "startIndex", 100).await;
    let found_groups = async |filter: &str| {
        ids(client.get(&format!("Groups?count=1000&filter={}", encoded(filter))).await["Resources"].as_array().unwrap())
    };
    let expected = |takes: &dyn Fn(&Value) -> bool| ids(groups.iter().filter(|group| takes(group)));
    let name = |group: &Value| group["displayName"].as_str().unwrap().to_lowercase();
    for beginning in ["v", "VPN", "all", "zzz"] {
        assert_eq!(
            found_groups(&format!("displayName sw \"{beginning}\"")).await,
            expected(&|group| name(group).starts_with(&beginning.to_lowercase())),
            "{beginning}"
        );
    }
    assert_eq!(
        found_groups(&format!("displayName eq \"{}\"", SERVICE_ACCOUNTS.to_uppercase())).await,
        expected(&|group| name(group) == SERVICE_ACCOUNTS.to_lowercase())
    );
    let member = world.members_of(world.tenant.group_named(SERVICE_ACCOUNTS).unwrap())[0].to_string();
    let has = |group: &Value| group["members"].as_array().into_iter().flatten().any(|one| one["value"] == member);
    for filter in [format!("members eq \"{member}\""), format!("members[value eq \"{member}\" and type eq \"User\"]")] {
        assert_eq!(found_groups(&filter).await, expected(&has), "{filter}");
    }
    assert_eq!(found_groups("members eq \"nobody\"").await, BTreeSet::new());
    // Groups are not found by the groups in them; an empty answer would be a lie.
    let nested = groups.iter().flat_map(|group| group["members"].as_array().into_iter().flatten());
    let nested = nested.filter(|one| one["type"] == "Group").map(|one| one["value"].as_str().unwrap()).next().unwrap();
    let filter = encoded(&format!("members eq \"{nested}\""));
    assert_eq!(
        client.refused(Method::GET, &format!("Groups?filter={filter}"), String::new()).await,
        (400, json!("invalidFilter"))
    );
}

#[tokio::test]
async fn what_is_no_filter_or_has_no_index_is_refused_and_says_why() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName eq kim",
        "userName is \"kim\"",
        "shoeSize eq \"44\"",
        "userName.first eq \"k\"",
        "active gt true",
        "active eq \"yes\"",
        "active gt \"True\"",
        "emails[type eq \"work\"].shoe eq \"x\"",
        "emails[type eq \"work\"].value",
        "userName[type eq \"work\"].value eq \"x\"",
        "userName eq 5",
        "name eq \"Kim\"",
        "title[value eq \"x\"]",
        "emails[shoe eq \"x\"]",
        "(userName eq \"a\"",
        "userName eq \"a\")",
        "not userName eq \"a\"",
        "urn:nothing:userName eq \"a\"",
        "title eq \"Engineer\"",
        "userName ne \"kim\"",
        "not (userName eq \"kim\")",
        "active eq true or title pr",
        "urn:ietf:params:scim:schemas:extension:office365sync:2.0:User:deletedSince gt \"yesterday\"",
    ] {
        assert_eq!(
            client.refused(Method::GET, &format!("Users?filter={}", encoded(filter)), String::new()).await,
            (400, json!("invalidFilter")),
            "{filter}"
        );
    }
}

#[tokio::test]
async fn many_are_looked_up_at_once() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let wanted: Vec<String> = world.ordinary_users().into_iter().take(40).map(|id| id.to_string()).collect();
    let filter = wanted.iter().map(|id| format!("id eq \"{id}\"")).collect::<Vec<_>>().join(" or ");
    let path = format!("Users?count=1000&filter={}", encoded(&filter));
    assert_eq!(ids(client.get(&path).await["Resources"].as_array().unwrap()), wanted.into_iter().collect());
}

#[tokio::test]
async fn filters_without_end_are_refused_at_once() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let body = |filter: &str| {
        json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter }).to_string()
    };
    let deep = |open: &str, depth: usize| format!("{}id pr{}", open.repeat(depth), ")".repeat(depth));
    for filter in [
        "x".repeat(1_000_000),
        deep("(", 10_000),
        deep("not (", 10_000),
        deep("(", 1_000),
        "(".repeat(4_000),
        vec!["id eq \"a\""; 2_000].join(" or "),
        format!("userName eq \"{}\"", "\\u0041".repeat(100_000)),
    ] {
        let (status, kind) = client.refused(Method::POST, "Users/.search", body(&filter)).await;
        assert!((status, &kind) == (400, &json!("invalidFilter")) || status == 413, "{status} {kind}");
    }
    assert_eq!(client.refused(Method::POST, "Users/.search", body(&"x".repeat(3_000_000))).await.0, 413);
    let long = format!("Users?filter={}", "x".repeat(8_000));
    assert_eq!(client.refused(Method::GET, &long, String::new()).await.0, 414);
    let mut runner = TestRunner::deterministic();
    let noise = "[ -~]{0,60}|\\PC{0,20}|[()\\[\\]\"a-z .:]{0,40}|(id|userName|emails|active|and|or|not|eq|sw|pr| |\"a\"|\\(|\\)|\\[|\\]){0,12}";
    for _ in 0..500 {
        let filter = noise.new_tree(&mut runner).unwrap().current();
        let answer = client.send(Method::POST, "Users/.search", body(&filter)).await;
        assert!(matches!(answer.status.as_u16(), 200 | 400), "{filter}: {}", answer.body);
    }
}

//! SCIM, with a real store behind it: everything that is published and nothing else, however it is asked for.

mod filters;

use std::collections::{BTreeMap, BTreeSet};

use http::{Method, StatusCode};
use serde_json::{Value, json};
use shared::access::Scope;
use tenant::{Action, SERVICE_ACCOUNTS};

use crate::harness::{World, everything, small};
use crate::pages::visit::{Answer, ask};
use crate::queries::ignoring;
use crate::tokens::{expired, revoked, token_of};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const DIRECTORY_USER: &str = "urn:ietf:params:scim:schemas:extension:office365sync:2.0:User";

/// A client with a token that may read.
pub struct Client<'a> {
    world: &'a World,
    bearer: String,
}

impl<'a> Client<'a> {
    pub async fn new(world: &'a World) -> Self {
        Self { world, bearer: format!("Bearer {}", token_of(world, Scope::Read, None).await) }
    }

    fn path(&self, of: &str) -> String {
        format!("/scim/v2/{}/{of}", self.world.directory)
    }

    pub async fn send(&self, method: Method, of: &str, body: String) -> Answer {
        let headers = [("authorization", self.bearer.as_str()), ("content-type", "application/scim+json")];
        let answer = ask(self.world, method, &self.path(of), &headers, body).await;
        if answer.status != StatusCode::NOT_MODIFIED {
            assert_eq!(answer.headers["content-type"], "application/scim+json", "{of}: {}", answer.body);
        }
        answer
    }

    pub async fn get(&self, of: &str) -> Value {
        let answer = self.send(Method::GET, of, String::new()).await;
        assert_eq!(answer.status, StatusCode::OK, "{of}: {}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// What is refused, and how.
    pub async fn refused(&self, method: Method, of: &str, body: String) -> (u16, Value) {
        let answer = self.send(method, of, body).await;
        let error: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(error["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:Error"]));
        assert_eq!(error["status"], answer.status.as_str());
        assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{error}");
        (answer.status.as_u16(), error["scimType"].clone())
    }

    /// All resources of a list, page by page: by places, or by cursors.
    pub async fn all(&self, of: &str, by: &str, count: usize) -> Vec<Value> {
        let mut all: Vec<Value> = Vec::new();
        let mut next = if by == "startIndex" { "1".to_owned() } else { String::new() };
        let joint = if of.contains('?') { '&' } else { '?' };
        loop {
            let page = self.get(&format!("{of}{joint}{by}={next}&count={count}")).await;
            let resources = page["Resources"].as_array().unwrap();
            assert_eq!(page["itemsPerPage"], resources.len());
            all.extend(resources.iter().cloned());
            let total = usize::try_from(page["totalResults"].as_u64().unwrap()).unwrap();
            if by == "startIndex" {
                assert_eq!(page["startIndex"].to_string(), next);
                next = (all.len() + 1).to_string();
                if all.len() >= total {
                    assert_eq!(all.len(), total, "{of}");
                    return all;
                }
                assert!(!resources.is_empty(), "{of} has no end");
            } else {
                let Some(cursor) = page["nextCursor"].as_str() else {
                    assert_eq!(all.len(), total, "{of}");
                    return all;
                };
                cursor.clone_into(&mut next);
            }
        }
    }
}

pub fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn by_id(resources: &[Value]) -> BTreeMap<String, Value> {
    let all: BTreeMap<_, _> =
        resources.iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one.clone())).collect();
    assert_eq!(all.len(), resources.len(), "nothing comes twice");
    all
}

fn values(of: &Value) -> BTreeSet<String> {
    of.as_array().into_iter().flatten().map(|one| one["value"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn all_that_is_published_is_read_by_places_and_by_cursors_alike() {
    let world = World::synced(&small(), everything()).await;
    world.set(ignoring(&world)).await;
    world.apply(Action::Delete { id: world.ordinary_users()[1] });
    world.sync().await;
    let client = Client::new(&world).await;
    let known = by_id(&world.list("users").await);
    let counts = world.api.get(&format!("/api/v1/directories/{}", world.directory)).await.unwrap()["counts"].clone();
    for (by, count) in [("startIndex", 7), ("startIndex", 1_000), ("cursor", 7), ("cursor", 1)] {
        let users = by_id(&client.all("Users", by, count).await);
        assert_eq!(users.keys().collect::<Vec<_>>(), known.keys().collect::<Vec<_>>());
        assert_eq!(
            counts["users"]["active"].as_u64().unwrap() + counts["users"]["inactive"].as_u64().unwrap(),
            users.len() as u64
        );
        for (id, user) in &users {
            let own = &known[id];
            assert_eq!(user["active"], own["status"] == "active");
            assert_eq!(user[DIRECTORY_USER]["reason"], own["reason"]);
            assert_eq!(user["externalId"], *id);
            assert_eq!(user["userName"], own["user_principal_name"]);
            assert_eq!(user["displayName"], own["display_name"]);
        }
        let groups = by_id(&client.all("Groups", by, count.min(3)).await);
        assert_eq!(
            groups.keys().cloned().collect::<BTreeSet<_>>(),
            by_id(&world.list("groups").await).into_keys().collect()
        );
        for (id, group) in &groups {
            let members: BTreeSet<String> =
                by_id(&world.list(&format!("groups/{id}/members")).await).into_keys().collect();
            let nested = world.get(&format!("groups/{id}")).await["groups"].clone();
            let nested = nested.as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned());
            assert_eq!(values(&group["members"]), members.iter().cloned().chain(nested).collect());
            // Those who are in it know.
            let filter = encoded(&format!("groups eq \"{id}\""));
            let in_it: BTreeSet<String> =
                by_id(&client.all(&format!("Users?filter={filter}"), by, 5).await).into_keys().collect();
            assert_eq!(in_it, members);
            assert!(members.iter().all(|member| values(&users[member]["groups"]).contains(id)));
        }
    }
    for active in [true, false] {
        let filter = encoded(&format!("active eq {active}"));
        let users = client.all(&format!("Users?filter={filter}"), "startIndex", 9).await;
        assert!(!users.is_empty() && users.iter().all(|user| user["active"] == active), "{active}");
    }
    let both = client.all("", "startIndex", 10).await;
    assert_eq!(both.len(), known.len() + world.list("groups").await.len());
    assert_eq!(client.get("?startIndex=100000").await["Resources"], json!([]));
    world.assert_idle().await;
}

#[tokio::test]
async fn a_resource_keeps_to_its_schema_and_has_a_version() {
    let world = World::synced(&small(), everything()).await;
    world.set(ignoring(&world)).await;
    let client = Client::new(&world).await;
    let schemas = client.get("Schemas").await;
    let mut described = BTreeMap::new();
    for schema in schemas["Resources"].as_array().unwrap() {
        let id = schema["id"].as_str().unwrap();
        assert_eq!(client.get(&format!("Schemas/{id}")).await, *schema);
        let mut names = BTreeSet::new();
        for attribute in schema["attributes"].as_array().unwrap() {
            let name = attribute["name"].as_str().unwrap();
            names.insert(name.to_owned());
            for part in attribute["subAttributes"].as_array().into_iter().flatten() {
                names.insert(format!("{name}.{}", part["name"].as_str().unwrap()));
            }
        }
        described.insert(id.to_owned(), names);
    }
    let known = |schema: &str, names: &BTreeSet<String>| names.is_subset(&described[schema]);
    for kind in ["Users", "Groups"] {
        for resource in client.all(kind, "startIndex", 50).await {
            let (extensions, core): (Vec<_>, Vec<_>) =
                resource.as_object().unwrap().iter().partition(|(name, _)| name.starts_with("urn:"));
            let core =
                core.into_iter().filter(|(name, _)| !["id", "externalId", "schemas", "meta"].contains(&name.as_str()));
            let schema = resource["schemas"][0].as_str().unwrap();
            assert!(known(schema, &core.flat_map(|(name, value)| names(name, value)).collect()), "{resource:#}");
            let mut named: Vec<&str> = vec![schema];
            for (extension, attributes) in extensions {
                named.push(extension);
                let attributes = attributes.as_object().unwrap();
                assert!(known(extension, &attributes.keys().cloned().collect()), "{attributes:?}");
            }
            let said: BTreeSet<&str> =
                resource["schemas"].as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
            assert_eq!(said, named.into_iter().collect());

            let id = resource["id"].as_str().unwrap();
            let answer = client.send(Method::GET, &format!("{kind}/{id}"), String::new()).await;
            assert_eq!(serde_json::from_str::<Value>(&answer.body).unwrap(), resource, "one by one and in lists alike");
            assert_eq!(answer.headers["etag"], resource["meta"]["version"].as_str().unwrap());
            assert_eq!(answer.headers["content-location"], resource["meta"]["location"].as_str().unwrap());
            assert!(resource["meta"]["location"].as_str().unwrap().ends_with(&client.path(&format!("{kind}/{id}"))));
        }
    }
    // Who has a version already gets it only when it has changed.
    let user = world.ordinary_users()[0];
    let path = client.path(&format!("Users/{user}"));
    let version = client.get(&format!("Users/{user}")).await["meta"]["version"].as_str().unwrap().to_owned();
    let again = async || {
        let headers = [("authorization", client.bearer.as_str()), ("if-none-match", version.as_str())];
        ask(&world, Method::GET, &path, &headers, String::new()).await.status
    };
    assert_eq!(again().await, StatusCode::NOT_MODIFIED);
    world.sync().await;
    assert_eq!(again().await, StatusCode::NOT_MODIFIED, "a run that changes nothing changes no version");
    world.apply(Action::DisableUser { user });
    world.sync().await;
    assert_eq!(again().await, StatusCode::OK);
    assert_eq!(client.get(&format!("Users/{user}")).await["active"], false);
}

/// An attribute's name and those of its parts.
fn names(name: &str, value: &Value) -> Vec<String> {
    let part = |object: &Value| {
        object.as_object().into_iter().flatten().map(|(part, _)| format!("{name}.{part}")).collect::<Vec<_>>()
    };
    let parts = match value {
        Value::Array(values) => values.iter().flat_map(part).collect(),
        value => part(value),
    };
    std::iter::once(name.to_owned()).chain(parts).collect()
}

#[tokio::test]
async fn only_the_attributes_that_are_asked_for_are_sent() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let users = client.all("Users", "startIndex", 100).await;
    let place = users.iter().position(|user| user[enterprise]["department"].is_string()).unwrap();
    let whole = users[place].clone();
    let id = whole["id"].as_str().unwrap();
    let asked = async |query: &str| {
        let one = client.get(&format!("Users/{id}?{query}")).await;
        let listed =
            client.get(&format!("Users?startIndex={}&count=1&{query}", place + 1)).await["Resources"][0].clone();
        assert_eq!(one, listed, "{query}");
        one
    };
    let with = |pairs: &[(&str, Value)]| {
        let mut object = json!({ "id": whole["id"], "schemas": whole["schemas"] });
        for (name, value) in pairs {
            object[*name] = value.clone();
        }
        object
    };
    assert_eq!(asked("attributes=userName").await, with(&[("userName", whole["userName"].clone())]));
    assert_eq!(asked("attributes=USERNAME,id").await, with(&[("userName", whole["userName"].clone())]));
    assert_eq!(
        asked(&format!("attributes={USER}:name.familyName,name.givenName")).await,
        with(&[(
            "name",
            json!({ "familyName": whole["name"]["familyName"], "givenName": whole["name"]["givenName"] })
        )])
    );
    let addresses: Vec<Value> =
        whole["emails"].as_array().unwrap().iter().map(|email| json!({ "value": email["value"] })).collect();
    assert_eq!(asked("attributes=emails.value").await, with(&[("emails", json!(addresses))]));
    assert_eq!(asked(&format!("attributes={enterprise}")).await, with(&[(enterprise, whole[enterprise].clone())]));
    assert_eq!(
        asked(&format!("attributes={enterprise}:department")).await,
        with(&[(enterprise, json!({ "department": whole[enterprise]["department"] }))])
    );
    let mut rest = whole.clone();
    rest.as_object_mut().unwrap().remove("userName");
    rest["name"].as_object_mut().unwrap().remove("givenName");
    assert_eq!(asked("excludedAttributes=userName,name.givenName,id,schemas").await, rest);
    for query in ["attributes=shoeSize", "excludedAttributes=a.b", "attributes=id&excludedAttributes=id"] {
        assert_eq!(client.refused(Method::GET, &format!("Users?{query}"), String::new()).await.0, 400, "{query}");
    }
}

#[tokio::test]
async fn what_is_not_published_does_not_exist() {
    let world = World::synced(&small(), everything()).await;
    let group = world.tenant.group_named(SERVICE_ACCOUNTS).unwrap();
    let member = world.members_of(group)[0];
    let mut settings = everything();
    settings["group_prefixes"] = json!(["VPN"]);
    world.set(settings.clone()).await;
    let client = Client::new(&world).await;
    let missing = async |of: &str| client.refused(Method::GET, of, String::new()).await.0 == 404;
    assert!(missing(&format!("Groups/{group}")).await, "a group that is skipped");
    for filter in [format!("id eq \"{group}\""), format!("displayName eq \"{SERVICE_ACCOUNTS}\"")] {
        assert_eq!(client.get(&format!("Groups?filter={}", encoded(&filter))).await["totalResults"], 0, "{filter}");
    }
    let filter = encoded(&format!("groups eq \"{group}\""));
    assert_eq!(client.get(&format!("Users?filter={filter}")).await["totalResults"], 0);
    let user = client.get(&format!("Users/{member}")).await;
    assert!(!values(&user["groups"]).contains(&group.to_string()), "{user:#}");

    settings["sync_users"] = json!(false);
    world.set(settings).await;
    assert_eq!(client.get("Users").await["totalResults"], 0);
    assert!(missing(&format!("Users/{member}")).await);
    for filter in [format!("id eq \"{member}\""), "active eq true".to_owned(), "userName sw \"a\"".to_owned()] {
        assert_eq!(client.get(&format!("Users?filter={}", encoded(&filter))).await["totalResults"], 0, "{filter}");
    }
    for group in client.all("Groups", "startIndex", 50).await {
        let users = group["members"].as_array().into_iter().flatten().filter(|member| member["type"] == "User");
        assert_eq!(users.count(), 0, "{group:#}");
    }
    let filter = encoded(&format!("members eq \"{member}\""));
    assert_eq!(client.get(&format!("Groups?filter={filter}")).await["totalResults"], 0);
}

#[tokio::test]
async fn nothing_can_be_written_and_that_is_said_as_the_rfc_wants_it() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let user = world.ordinary_users()[0];
    let before = client.all("", "startIndex", 100).await;
    for (method, of, status) in [
        (Method::POST, "Users".to_owned(), 501),
        (Method::POST, "Groups".to_owned(), 501),
        (Method::PUT, format!("Users/{user}"), 501),
        (Method::PATCH, format!("Users/{user}"), 501),
        (Method::DELETE, format!("Users/{user}"), 501),
        (Method::DELETE, format!("Groups/{user}"), 501),
        (Method::GET, "Me".to_owned(), 501),
        (Method::POST, "Bulk".to_owned(), 501),
        (Method::DELETE, "Users".to_owned(), 405),
        (Method::PUT, "Schemas".to_owned(), 405),
        (Method::POST, "ResourceTypes/User".to_owned(), 405),
        (Method::PATCH, "ServiceProviderConfig".to_owned(), 405),
        (Method::GET, "Users/.search".to_owned(), 405),
        (Method::GET, "Nowhere".to_owned(), 404),
        (Method::GET, "Schemas?filter=id+pr".to_owned(), 403),
    ] {
        assert_eq!(client.refused(method.clone(), &of, String::new()).await.0, status, "{method} {of}");
    }
    assert_eq!(client.all("", "startIndex", 100).await, before);
}

#[tokio::test]
async fn a_search_may_come_as_a_body() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let schemas = json!(["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]);
    let search = async |of: &str, body: Value| {
        let answer = client.send(Method::POST, of, body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()
    };
    let body = json!({ "schemas": schemas, "filter": "active eq true", "attributes": ["userName"], "startIndex": 2, "count": 3 });
    let filter = encoded("active eq true");
    assert_eq!(
        search("Users/.search", body).await,
        client.get(&format!("Users?filter={filter}&attributes=userName&startIndex=2&count=3")).await
    );
    let everything = search(".search", json!({ "schemas": schemas, "count": 1_000 })).await;
    assert_eq!(everything["totalResults"], client.get("").await["totalResults"]);
    let groups = search(".search", json!({ "schemas": schemas, "filter": "meta.resourceType eq \"Group\"" })).await;
    assert_eq!(groups["Resources"], client.get("Groups").await["Resources"]);
    for body in [
        json!({}),
        json!({ "schemas": [] }),
        json!({ "schemas": schemas, "fliter": "id pr" }),
        json!({ "schemas": schemas, "startIndex": 1, "cursor": "" }),
        json!([]),
    ] {
        assert_eq!(client.refused(Method::POST, "Users/.search", body.to_string()).await.0, 400, "{body}");
    }
}

#[tokio::test]
async fn nobody_sees_another_directory_and_refusals_are_those_of_bearer_tokens() {
    let world = World::synced(&small(), everything()).await;
    let here = format!("/scim/v2/{}", world.directory);
    let id = world.ordinary_users()[0];
    let paths = [
        "/Users".to_owned(),
        format!("/Users/{id}"),
        "/Groups".to_owned(),
        "/Groups/x".to_owned(),
        "/Schemas".to_owned(),
        "/ResourceTypes".to_owned(),
        "/ServiceProviderConfig".to_owned(),
        "/Me".to_owned(),
        "/nowhere".to_owned(),
        String::new(),
    ];
    let stranger = token_of(&world, Scope::Admin, Some("00000000-0000-4000-8000-000000000001".parse().unwrap())).await;
    let (expired, revoked) = (expired(&world).await, revoked(&world).await);
    let own = token_of(&world, Scope::Read, Some(world.directory.parse().unwrap())).await;
    for path in &paths {
        let asked = async |token: &str, at: &str| {
            let bearer = format!("Bearer {token}");
            let headers = if token.is_empty() { vec![] } else { vec![("authorization", bearer.as_str())] };
            ask(&world, Method::GET, &format!("{at}{path}"), &headers, String::new()).await
        };
        for token in ["", "garbage", &expired, &revoked] {
            let answer = asked(token, &here).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
            assert!(answer.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer realm="), "{path}");
        }
        let elsewhere = "/scim/v2/00000000-0000-4000-8000-000000000002";
        let hidden = asked(&stranger, &here).await;
        let missing = asked(&stranger, elsewhere).await;
        assert_eq!((hidden.status, missing.status), (StatusCode::NOT_FOUND, StatusCode::NOT_FOUND), "{path}");
        assert_eq!(hidden.body, missing.body, "whether it exists does not show");
        assert_ne!(asked(&own, &here).await.body, hidden.body, "{path}");
    }
}

#[tokio::test]
async fn lists_are_asked_for_within_bounds() {
    let world = World::synced(&small(), everything()).await;
    let client = Client::new(&world).await;
    let total = client.get("Users").await["totalResults"].as_u64().unwrap();
    for (query, shown) in [
        ("count=-5", 0),
        ("count=0", 0),
        ("count=1000000", total),
        ("startIndex=-3&count=2", 2),
        ("startIndex=0&count=2", 2),
    ] {
        let page = client.get(&format!("Users?{query}")).await;
        assert_eq!((&page["totalResults"], &page["itemsPerPage"]), (&json!(total), &json!(shown)), "{query}");
    }
    let last = client.get(&format!("Users?startIndex={total}")).await;
    assert_eq!(last["itemsPerPage"], 1);
    assert_eq!(client.get(&format!("Users?startIndex={}", total + 1)).await["itemsPerPage"], 0);
    assert_eq!(client.get("Users?startIndex=9223372036854775807").await["itemsPerPage"], 0);
    for query in [
        "count=x",
        "startIndex=1.5",
        "count=1&count=2",
        "fliter=id",
        "cursor=%00",
        "cursor=x",
        "startIndex=1&cursor=x",
        "count=99999999999999999999",
    ] {
        assert_eq!(client.refused(Method::GET, &format!("Users?{query}"), String::new()).await.0, 400, "{query}");
    }
    assert_eq!(client.refused(Method::GET, "?cursor=", String::new()).await.0, 400, "two lists have no common cursor");
}

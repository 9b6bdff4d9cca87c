//! The settings as the document describes them, and as the server takes them: the same, field by field.

use std::collections::BTreeMap;

use http::StatusCode;
use jsonschema::Validator;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::world::{World, path};

/// Settings tried for each field.
const PER_FIELD: usize = 120;

fn schemas() -> Value {
    serde_json::to_value(console::description()).unwrap()
}

/// The schema of a `PUT settings`, with all that it refers to.
fn request_schema() -> Value {
    let document = schemas();
    let operation = &document["paths"]["/api/v1/directories/{directory}/settings"]["put"];
    let mut schema = operation["requestBody"]["content"]["application/json"]["schema"].clone();
    schema["components"] = document["components"].clone();
    schema
}

fn resolve<'a>(schema: &'a Value, root: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(place) => resolve(root.pointer(place.trim_start_matches('#')).unwrap(), root),
        None => schema,
    }
}

/// Makes values that a schema allows, and values next to those.
struct Maker<'a> {
    rng: StdRng,
    root: &'a Value,
}

impl Maker<'_> {
    fn value(&mut self, schema: &Value) -> Value {
        let schema = resolve(schema, self.root).clone();
        if self.rng.random_ratio(1, 6) {
            return self.odd();
        }
        let kinds = match &schema["type"] {
            Value::Array(kinds) => kinds.clone(),
            kind => vec![kind.clone()],
        };
        let kind = kinds[self.rng.random_range(0..kinds.len())].as_str().unwrap().to_owned();
        match kind.as_str() {
            "boolean" => json!(self.rng.random_bool(0.5)),
            "integer" => self.number(&schema),
            "string" => self.text(&schema),
            "array" => self.list(&schema),
            "object" => self.object(&schema),
            "null" => Value::Null,
            other => panic!("no values of the type {other}"),
        }
    }

    fn odd(&mut self) -> Value {
        let odd = [
            json!(null),
            json!(true),
            json!(0),
            json!(-1),
            json!(0.5),
            json!("true"),
            json!(""),
            json!([]),
            json!({}),
            json!([[]]),
            json!([null]),
            json!({"percent": 5, "share": 1}),
            json!("1"),
        ];
        odd[self.rng.random_range(0..odd.len())].clone()
    }

    fn number(&mut self, schema: &Value) -> Value {
        let bound = |name: &str, default: i64| schema[name].as_f64().map_or(default, |bound| bound as i64);
        let (low, high) = (bound("minimum", 0), bound("maximum", 1_000_000));
        let near = [low - 1, low, low + 1, high - 1, high, high + 1, self.rng.random_range(low..=high)];
        let number = near[self.rng.random_range(0..near.len())];
        match self.rng.random_range(0..6) {
            0 => json!(number as f64),
            1 => json!(number as f64 + 0.5),
            2 => json!(number.to_string()),
            _ => json!(number),
        }
    }

    fn text(&mut self, schema: &Value) -> Value {
        const LETTERS: [&str; 16] = [
            "a",
            "Z",
            "7",
            "-",
            "_",
            ".",
            ".",
            " ",
            " ",
            "\t",
            "é",
            "\u{2009}",
            "/",
            "\u{1f600}",
            "\u{85}",
            "\u{feff}",
        ];
        let max = usize::try_from(schema["maxLength"].as_u64().unwrap_or(40)).unwrap();
        let lengths = [0, 1, 1, 2, 3, 9, max - 1, max, max + 1];
        let length = lengths[self.rng.random_range(0..lengths.len())];
        // Many of one kind, so that long ones are not wrong for a single letter.
        let variety = self.rng.random_range(1..=3);
        let from = self.rng.random_range(0..LETTERS.len());
        let letter = |rng: &mut StdRng| LETTERS[(from + rng.random_range(0..variety)) % LETTERS.len()];
        json!((0..length).map(|_| letter(&mut self.rng)).collect::<String>())
    }

    fn list(&mut self, schema: &Value) -> Value {
        let max = usize::try_from(schema["maxItems"].as_u64().unwrap()).unwrap();
        if self.rng.random_ratio(1, 10) {
            let length = max + usize::from(self.rng.random_bool(0.5));
            return json!((0..length).map(|number| format!("g{number}")).collect::<Vec<_>>());
        }
        let mut list: Vec<Value> = (0..self.rng.random_range(0..3)).map(|_| self.value(&schema["items"])).collect();
        if self.rng.random_bool(0.3) {
            list.extend(list.clone());
        }
        Value::Array(list)
    }

    fn object(&mut self, schema: &Value) -> Value {
        let mut object = serde_json::Map::new();
        for (name, property) in schema["properties"].as_object().unwrap() {
            if self.rng.random_bool(0.5) {
                object.insert(name.clone(), self.value(property));
            }
        }
        if self.rng.random_ratio(1, 10) {
            object.insert("another".to_owned(), json!(1));
        }
        object.into()
    }
}

/// Whether the server takes settings: anything but a `422`.
async fn is_taken(settings: &Value) -> (bool, Value) {
    let answer = World::new().ask("PUT", &path("/settings"), settings.clone()).await;
    assert!(matches!(answer.status, StatusCode::OK | StatusCode::UNPROCESSABLE_ENTITY), "{settings}: {answer:?}");
    (answer.status == StatusCode::OK, answer.body)
}

async fn compare(validator: &Validator, settings: &Value) -> bool {
    let (taken, answer) = is_taken(settings).await;
    let allowed = validator.is_valid(settings);
    assert_eq!(
        allowed,
        taken,
        "the document {} {settings}, the server answers {answer:#}",
        if allowed { "allows" } else { "forbids" }
    );
    taken
}

#[tokio::test]
async fn document_and_server_agree_on_every_field() {
    let schema = request_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let root = resolve(&schema, &schema);
    let properties = root["allOf"][0]["properties"].as_object().unwrap();
    assert_eq!(properties.len(), 10, "{properties:?}");
    let mut maker = Maker { rng: StdRng::seed_from_u64(20), root: &schema };
    let mut seen: BTreeMap<&str, [usize; 2]> = BTreeMap::new();
    for (name, property) in properties {
        for _ in 0..PER_FIELD {
            let value = maker.value(property);
            let mut settings = json!({ "sync_groups": true });
            settings[name] = value;
            let taken = compare(&validator, &settings).await;
            seen.entry(name).or_default()[usize::from(taken)] += 1;
        }
    }
    for (name, [refused, taken]) in seen {
        assert!(refused >= 10 && taken >= 10, "{name}: {refused} refused, {taken} taken");
    }
}

#[tokio::test]
async fn document_and_server_agree_on_whole_settings() {
    let schema = request_schema();
    let validator = jsonschema::draft202012::new(&schema).unwrap();
    let root = resolve(&schema, &schema)["allOf"][0].clone();
    let mut maker = Maker { rng: StdRng::seed_from_u64(21), root: &schema };
    let mut taken = 0;
    for _ in 0..400 {
        let settings = maker.object(&root);
        taken += usize::from(compare(&validator, &settings).await);
    }
    assert!((20..380).contains(&taken), "{taken}");
    for odd in [json!(true), json!([]), json!("sync_users"), json!(7)] {
        assert!(!compare(&validator, &odd).await);
    }
}

#[tokio::test]
async fn settings_shown_can_be_sent_back() {
    let answer = World::new().ask("GET", &path("/settings"), json!(null)).await;
    assert!(compare(&jsonschema::draft202012::new(&request_schema()).unwrap(), &answer.body["settings"]).await);
}

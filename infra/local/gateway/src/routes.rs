//! Which function a request comes to: the routes of the deployment template itself.
//!
//! Source: Amazon API Gateway developer guide, "Create routes for HTTP APIs".

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::Method;
use serde_yaml_ng::Value;

const TEMPLATE: &str = include_str!("../../../template.yaml");

static DEPLOYED: LazyLock<Routes> = LazyLock::new(|| Routes::of_template(TEMPLATE));

/// The routes of an API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes(Vec<Route>);

/// A route, and the function that it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    key: String,
    /// Any method where there is none.
    method: Option<Method>,
    path: Path,
    function: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Path {
    /// These segments and no more.
    Whole(Vec<Segment>),
    /// These segments and at least one character behind them, as `{proxy+}` has it.
    Below(Vec<Segment>),
    /// `$default`: whatever no other route takes.
    Rest,
}

/// Literals come before variables where both fit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Variable,
    Literal(String),
}

/// How closely a route fits a request. The greatest wins.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fit<'a> {
    extent: Extent,
    segments: &'a [Segment],
    names_method: bool,
}

/// How much of the path a route spells out.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Extent {
    Nothing,
    Beginning,
    Whole,
}

impl Routes {
    /// The routes of `infra/template.yaml`.
    #[must_use]
    pub fn deployed() -> &'static Self {
        &DEPLOYED
    }

    /// Reads the routes from a template. What has no meaning here is left out; the tests of the template hold it to be complete.
    fn of_template(text: &str) -> Self {
        let template: Value = serde_yaml_ng::from_str(text).unwrap_or_default();
        let resources = template.get("Resources").and_then(Value::as_mapping).cloned().unwrap_or_default();
        let of_type = |kind: &'static str| {
            resources.iter().filter(move |(_, resource)| resource.get("Type").and_then(Value::as_str) == Some(kind))
        };
        let functions: BTreeMap<String, String> = of_type("AWS::ApiGatewayV2::Integration")
            .filter_map(|(name, integration)| {
                // `!GetAtt StatusFunction.Arn`
                let function = text_of(integration, "IntegrationUri")?.strip_suffix("Function.Arn")?;
                Some((format!("integrations/${{{}}}", name.as_str()?), function.to_lowercase()))
            })
            .collect();
        let routes = of_type("AWS::ApiGatewayV2::Route").filter_map(|(_, route)| {
            let function = functions.get(text_of(route, "Target")?)?;
            Some(Route::parse(text_of(route, "RouteKey")?, function))
        });
        Self(routes.collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Route> {
        self.0.iter()
    }

    /// The route that takes a request with this path, as it is handed over to functions.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<&Route> {
        let fitting = self.0.iter().filter_map(|route| Some((route.fit(method, path)?, route)));
        fitting.max_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, route)| route)
    }
}

/// A property of a resource, with or without an intrinsic function.
fn text_of<'a>(resource: &'a Value, property: &str) -> Option<&'a str> {
    match resource.get("Properties")?.get(property)? {
        Value::Tagged(tagged) => tagged.value.as_str(),
        value => value.as_str(),
    }
}

impl Route {
    fn parse(key: &str, function: &str) -> Self {
        let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
        let mut segments: Vec<&str> = path.split('/').skip(1).collect();
        let is_greedy = segments.last().is_some_and(|last| last.starts_with('{') && last.ends_with("+}"));
        if is_greedy {
            segments.pop();
        }
        let segment = |text: &str| {
            if text.starts_with('{') { Segment::Variable } else { Segment::Literal(text.to_owned()) }
        };
        let segments = segments.into_iter().map(segment).collect();
        Self {
            key: key.to_owned(),
            method: method.parse().ok().filter(|_| method != "ANY"),
            path: match path {
                "$default" => Path::Rest,
                _ if is_greedy => Path::Below(segments),
                _ => Path::Whole(segments),
            },
            function: function.to_owned(),
        }
    }

    /// The key, such as `ANY /healthz`.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name of the function, such as `status`.
    #[must_use]
    pub fn function(&self) -> &str {
        &self.function
    }

    fn fit(&self, method: &Method, path: &str) -> Option<Fit<'_>> {
        if self.method.as_ref().is_some_and(|own| own != method) {
            return None;
        }
        let names_method = self.method.is_some();
        let asked: Vec<&str> = path.split('/').skip(1).collect();
        let is_alike = |known: &[Segment]| {
            known.iter().zip(&asked).all(|(known, asked)| match known {
                Segment::Variable => !asked.is_empty(),
                Segment::Literal(text) => text == asked,
            })
        };
        match &self.path {
            Path::Whole(known) => (known.len() == asked.len() && is_alike(known)).then_some(Fit {
                extent: Extent::Whole,
                segments: known,
                names_method,
            }),
            Path::Below(known) => {
                let has_more = asked.iter().skip(known.len()).any(|segment| !segment.is_empty());
                (has_more && is_alike(known)).then_some(Fit {
                    extent: Extent::Beginning,
                    segments: known,
                    names_method,
                })
            }
            Path::Rest => Some(Fit { extent: Extent::Nothing, segments: &[], names_method: false }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_paths_come_before_greedy_ones_and_literals_before_variables() {
        let keys = [
            "GET /pets/dog/1",
            "GET /pets/dog/{id}",
            "GET /pets/{proxy+}",
            "ANY /{proxy+}",
            "POST /pets/dog/1",
            "ANY /pets/dog/1",
            "$default",
        ];
        let routes = Routes(keys.map(|key| Route::parse(key, "f")).to_vec());
        for (method, path, key) in [
            ("GET", "/pets/dog/1", "GET /pets/dog/1"),
            ("POST", "/pets/dog/1", "POST /pets/dog/1"),
            ("HEAD", "/pets/dog/1", "ANY /pets/dog/1"),
            ("GET", "/pets/dog/2", "GET /pets/dog/{id}"),
            ("HEAD", "/pets/dog/2", "ANY /{proxy+}"),
            ("GET", "/pets/cat/1", "GET /pets/{proxy+}"),
            ("GET", "/pets//dog/1", "GET /pets/{proxy+}"),
            ("GET", "/pets/dog/1/", "GET /pets/{proxy+}"),
            ("GET", "/pets/", "ANY /{proxy+}"),
            ("POST", "/test/5", "ANY /{proxy+}"),
            ("GET", "/", "$default"),
        ] {
            let found = routes.find(&method.parse().unwrap(), path).map(Route::key);
            assert_eq!(found, Some(key), "{method} {path}");
        }
    }

    #[test]
    fn every_route_of_the_template_leads_to_a_function() {
        let listed = TEMPLATE.matches("RouteKey:").count();
        assert_eq!(Routes::deployed().iter().count(), listed);
        assert!(Routes::deployed().iter().all(|route| ["oauth", "status", "console"].contains(&route.function())));
    }
}

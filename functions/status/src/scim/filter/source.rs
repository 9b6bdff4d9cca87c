//! Where the resources are found that a filter may take: indexes, and no others.

use std::str::FromStr;

use shared::directory::{GroupId, UserId, UserProfile};

use super::condition::{Condition, Test};
use crate::scim::attributes::{Path, ResourceType};

/// Some resources of one kind, among which are all that a condition takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scim) enum Source {
    /// None at all.
    Nothing,
    /// The one with this id.
    One(String),
    /// Users with this sign-in name, or with this mail address.
    Named(Naming, String),
    /// Whoever has a name that begins like this.
    Beginning(String),
    /// The groups of a user.
    GroupsOf(UserId),
    /// Whoever is in any of these.
    Several(Vec<Self>),
    /// The users in a group.
    MembersOf(GroupId),
    /// Users who are active, or are not.
    Active(bool),
    /// All there are.
    Everything,
}

/// What a name is of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scim) enum Naming {
    SignIn,
    Mail,
}

impl Naming {
    /// Whether a user is named so.
    pub(in crate::scim) fn is_of(self, profile: &UserProfile, name: &str) -> bool {
        match self {
            Self::SignIn => profile.signs_in_as(name),
            Self::Mail => profile.is_reached_at(name),
        }
    }
}

/// How a condition is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scim) struct Plan {
    pub(in crate::scim) source: Source,
    /// True when the condition takes all of them.
    pub(in crate::scim) is_exact: bool,
}

impl Plan {
    const fn exact(source: Source) -> Self {
        Self { source, is_exact: true }
    }

    const fn among(source: Source) -> Self {
        Self { source, is_exact: false }
    }

    /// A plan for a condition; `None` when no index leads to what it takes.
    pub(in crate::scim) fn of(condition: &Condition, kind: ResourceType) -> Option<Self> {
        match condition {
            Condition::Holds(path, test) => of_test(kind, path, path.part.map(|part| part.name), test),
            Condition::OfOne(path, condition) => of_one(kind, path, condition),
            Condition::Not(condition) => Self::of(condition, kind).filter(|plan| plan.is_exact)?.opposite(),
            Condition::All(conditions) => {
                let plans: Vec<Option<Self>> = conditions.iter().map(|condition| Self::of(condition, kind)).collect();
                let is_no_matter = |plan: &Self| plan.is_exact && plan.source == Source::Everything;
                let matters = plans.iter().filter(|plan| !plan.as_ref().is_some_and(is_no_matter)).count();
                let best = plans.into_iter().flatten().min_by_key(|plan| plan.source.breadth())?;
                match (best.source == Source::Everything, matters) {
                    (true, 0) => Some(best),
                    (true, _) => None,
                    (false, _) => Some(Self { is_exact: best.is_exact && matters == 1, ..best }),
                }
            }
            Condition::Any(conditions) => {
                let plans: Vec<Self> =
                    conditions.iter().map(|condition| Self::of(condition, kind)).collect::<Option<_>>()?;
                if let Some(all) = plans.iter().find(|plan| plan.is_exact && plan.source == Source::Everything) {
                    return Some(all.clone());
                }
                let sources: Vec<Source> = plans.into_iter().map(|plan| plan.source).collect();
                sources.iter().all(Source::is_few).then_some(Self::among(Source::Several(sources)))
            }
        }
    }

    fn opposite(self) -> Option<Self> {
        match self.source {
            Source::Active(is_active) => Some(Self::exact(Source::Active(!is_active))),
            Source::Nothing => Some(Self::exact(Source::Everything)),
            Source::Everything => Some(Self::exact(Source::Nothing)),
            _ => None,
        }
    }
}

impl Source {
    /// True when there are few enough to be looked at one by one.
    pub(in crate::scim) fn is_few(&self) -> bool {
        !matches!(self, Self::MembersOf(_) | Self::Active(_) | Self::Everything)
    }

    /// The id of the one there is, if it is one.
    pub(in crate::scim) fn id<T: FromStr>(&self) -> Option<T> {
        if let Self::One(id) = self { id.parse().ok() } else { None }
    }

    /// About how many there are, compared with others.
    fn breadth(&self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::One(_) => 1,
            Self::Named(..) => 2,
            Self::Several(_) => 3,
            Self::GroupsOf(_) => 4,
            Self::Beginning(_) => 5,
            Self::MembersOf(_) => 6,
            Self::Active(_) => 7,
            Self::Everything => 8,
        }
    }
}

/// Where those are whose values of an attribute, or of a part of one, pass a test.
fn of_test(kind: ResourceType, path: &Path, part: Option<&str>, test: &Test) -> Option<Plan> {
    if path.extension.is_some() {
        return None;
    }
    let id = |text: &String| Plan::among(Source::One(text.clone()));
    let beginning = |text: &String| (!text.trim().is_empty()).then(|| Plan::among(Source::Beginning(text.clone())));
    match (kind, path.attribute.name, part, test) {
        (_, "id" | "externalId", None, Test::Equals(text)) => Some(id(text)),
        // What every resource has.
        (_, "id" | "externalId" | "schemas" | "meta", None, Test::Present)
        | (_, "meta", Some("resourceType" | "location"), Test::Present)
        | (ResourceType::User, "userName" | "active", None, Test::Present)
        | (ResourceType::Group, "displayName", None, Test::Present) => Some(Plan::exact(Source::Everything)),
        (_, "meta", Some("resourceType"), Test::Equals(text)) => {
            Some(Plan::exact(if text == kind.name() { Source::Everything } else { Source::Nothing }))
        }
        (ResourceType::User, "userName", None, Test::Equals(text)) => {
            Some(Plan::among(Source::Named(Naming::SignIn, text.clone())))
        }
        (ResourceType::User, "emails", Some("value"), Test::Equals(text)) => {
            Some(Plan::among(Source::Named(Naming::Mail, text.clone())))
        }
        (ResourceType::User, "userName", None, Test::BeginsWith(text))
        | (ResourceType::User, "emails", Some("value"), Test::BeginsWith(text))
        | (_, "displayName", None, Test::Equals(text) | Test::BeginsWith(text))
        | (ResourceType::User, "name", Some("formatted"), Test::Equals(text) | Test::BeginsWith(text)) => {
            beginning(text)
        }
        (ResourceType::User, "active", None, Test::Is(is_active)) => Some(Plan::exact(Source::Active(*is_active))),
        (ResourceType::User, "groups", Some("value"), Test::Equals(text)) => Some(match text.parse() {
            Ok(group) => Plan::exact(Source::MembersOf(group)),
            Err(_) => Plan::exact(Source::Nothing),
        }),
        (ResourceType::Group, "members", Some("value"), Test::Equals(text)) => Some(match text.parse() {
            Ok(user) => Plan::exact(Source::GroupsOf(user)),
            Err(_) => Plan::exact(Source::Nothing),
        }),
        _ => None,
    }
}

/// Where those are of whom one value of a complex attribute meets a condition.
fn of_one(kind: ResourceType, path: &Path, condition: &Condition) -> Option<Plan> {
    let loosely = |plan: Plan| Plan::among(plan.source);
    match condition {
        Condition::Holds(part, test) => of_test(kind, path, Some(part.attribute.name), test).map(loosely),
        Condition::All(conditions) => conditions
            .iter()
            .filter_map(|condition| of_one(kind, path, condition))
            .min_by_key(|plan| plan.source.breadth()),
        Condition::Any(conditions) => {
            let plans = conditions.iter().map(|condition| of_one(kind, path, condition)).collect::<Option<Vec<_>>>()?;
            let sources: Vec<Source> = plans.into_iter().map(|plan| plan.source).collect();
            sources.iter().all(Source::is_few).then_some(Plan::among(Source::Several(sources)))
        }
        Condition::OfOne(..) | Condition::Not(_) => None,
    }
}

//! What resources are made of: the tables that schemas, filters and the choice of attributes go by.
//!
//! Source: RFC 7643, sections 3.1, 4 and 8.7.1, of which these are the attributes that a directory has.

use serde_json::Value;

/// The kinds of resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ResourceType {
    User,
    Group,
}

/// What an attribute's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A sign-in name or mail address: text, but for white space around it.
    Address,
    /// The id of an object in the tenant: text to callers, and a GUID is the same in any case.
    Id,
    Boolean,
    DateTime,
    Reference,
    Complex,
}

/// An attribute, or a part of a complex one.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a characteristic of its own in RFC 7643, section 7")]
pub(super) struct Attribute {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) description: &'static str,
    pub(super) multi_valued: bool,
    pub(super) required: bool,
    pub(super) case_exact: bool,
    pub(super) unique: bool,
    /// True when it is answered whether it was asked for or not.
    pub(super) always: bool,
    pub(super) canonical: &'static [&'static str],
    pub(super) refers_to: &'static [&'static str],
    pub(super) parts: &'static [Self],
}

impl Attribute {
    const fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self {
            name,
            kind,
            description,
            multi_valued: false,
            required: false,
            case_exact: false,
            unique: false,
            always: false,
            canonical: &[],
            refers_to: &[],
            parts: &[],
        }
    }

    const fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Text, description)
    }

    const fn address(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Address, description)
    }

    const fn id(name: &'static str, description: &'static str) -> Self {
        Self { case_exact: true, ..Self::new(name, Kind::Id, description) }
    }

    const fn reference(description: &'static str, refers_to: &'static [&'static str]) -> Self {
        Self { refers_to, case_exact: true, ..Self::new("$ref", Kind::Reference, description) }
    }

    const fn complex(name: &'static str, description: &'static str, parts: &'static [Self]) -> Self {
        Self { parts, ..Self::new(name, Kind::Complex, description) }
    }

    const fn list(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    const fn one_of(self, canonical: &'static [&'static str]) -> Self {
        Self { canonical, ..self }
    }

    const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    const fn unique(self) -> Self {
        Self { unique: true, ..self }
    }

    const fn exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    const fn always(self) -> Self {
        Self { always: true, ..self }
    }

    fn part(&self, name: &str) -> Option<&'static Self> {
        self.parts.iter().find(|part| part.name.eq_ignore_ascii_case(name))
    }
}

/// A schema: what a resource, or an extension of one, has.
#[derive(Debug)]
pub(super) struct Schema {
    pub(super) id: &'static str,
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) attributes: &'static [Attribute],
}

/// What every resource has, whatever its schema.
const COMMON: &[Attribute] = &[
    Attribute::text("schemas", "The schemas of the resource.").list().exact().always(),
    Attribute::id("id", "The object id in the tenant.").unique().always(),
    Attribute::id("externalId", "The object id in the tenant."),
    Attribute::complex(
        "meta",
        "About the resource.",
        &[
            Attribute::text("resourceType", "What kind of resource it is.").exact(),
            Attribute::new("location", Kind::Reference, "Where it is.").exact(),
            Attribute::text("version", "Its version.").exact(),
        ],
    ),
];

pub(super) static USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:User",
    name: "User",
    description: "A user of the directory",
    attributes: &[
        Attribute::address("userName", "The user principal name. It may change: it is not an identity.")
            .required()
            .unique(),
        Attribute::complex(
            "name",
            "The user's name.",
            &[
                Attribute::text("formatted", "The name that people see."),
                Attribute::text("familyName", "The last name."),
                Attribute::text("givenName", "The first name."),
            ],
        ),
        Attribute::text("displayName", "The name that people see."),
        Attribute::text("title", "What the person does."),
        Attribute::text("userType", "`Member` or `Guest`."),
        Attribute::new("active", Kind::Boolean, "Whether the user may be let in."),
        Attribute::complex(
            "emails",
            "All mail addresses.",
            &[
                Attribute::address("value", "The address."),
                Attribute::text("type", "`work` for the primary one, `other` for aliases.").one_of(&["work", "other"]),
                Attribute::new("primary", Kind::Boolean, "True for the primary one."),
            ],
        )
        .list(),
        Attribute::complex(
            "groups",
            "The published groups that the user is directly in.",
            &[
                Attribute::id("value", "The group's id."),
                Attribute::reference("Where the group is.", &["Group"]),
                Attribute::text("display", "The group's name."),
                Attribute::text("type", "`direct`.").one_of(&["direct"]),
            ],
        )
        .list(),
    ],
};

pub(super) static ENTERPRISE_USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
    name: "EnterpriseUser",
    description: "A user's place in the company",
    attributes: &[
        Attribute::text("employeeNumber", "The number HR knows the person by."),
        Attribute::text("organization", "The company."),
        Attribute::text("department", "The department."),
    ],
};

pub(super) static DIRECTORY_USER: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:extension:office365sync:2.0:User",
    name: "DirectoryUser",
    description: "What the sync knows of a user beyond that",
    attributes: &[
        Attribute::text("reason", "Why the user is inactive.").one_of(&[
            "deleted",
            "disabled_in_office_365",
            "member_of_ignored_group",
            "not_in_allowed_group",
            "membership_unknown",
        ]),
        Attribute::text("onPremisesSamAccountName", "The account's name on premises, often the login name on servers."),
        Attribute::new("deletedSince", Kind::DateTime, "When the user was deleted in the tenant."),
    ],
};

pub(super) static GROUP: Schema = Schema {
    id: "urn:ietf:params:scim:schemas:core:2.0:Group",
    name: "Group",
    description: "A group that is synced",
    attributes: &[
        Attribute::text("displayName", "The group's name.").required(),
        Attribute::complex(
            "members",
            "The users who are directly in the group and exist, active or not, and the published groups nested directly in it.",
            &[
                Attribute::id("value", "The member's id."),
                Attribute::reference("Where the member is.", &["User", "Group"]),
                Attribute::text("type", "What kind of resource the member is.").one_of(&["User", "Group"]),
            ],
        )
        .list(),
    ],
};

impl ResourceType {
    pub(super) const ALL: [Self; 2] = [Self::User, Self::Group];

    pub(super) fn schema(self) -> &'static Schema {
        match self {
            Self::User => &USER,
            Self::Group => &GROUP,
        }
    }

    pub(super) fn extensions(self) -> &'static [&'static Schema] {
        static OF_USERS: [&Schema; 2] = [&ENTERPRISE_USER, &DIRECTORY_USER];
        match self {
            Self::User => &OF_USERS,
            Self::Group => &[],
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.schema().name
    }

    pub(super) fn description(self) -> &'static str {
        self.schema().description
    }

    /// The last part of its path.
    pub(super) fn endpoint(self) -> &'static str {
        match self {
            Self::User => "Users",
            Self::Group => "Groups",
        }
    }
}

/// An attribute of a resource, or a part of one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    /// The extension that the attribute is in.
    pub(super) extension: Option<&'static str>,
    pub(super) attribute: &'static Attribute,
    pub(super) part: Option<&'static Attribute>,
}

impl Path {
    /// Finds an attribute by its names, in any case. `schema` may stand before the name.
    ///
    /// Source: RFC 7644, section 3.10.
    pub(super) fn find(of: ResourceType, schema: Option<&str>, name: &str, part: Option<&str>) -> Option<Self> {
        let is = |schema: &Schema| |id: &str| schema.id.eq_ignore_ascii_case(id);
        let (extension, attributes) = match schema {
            None => (None, of.schema().attributes),
            Some(id) if is(of.schema())(id) => (None, of.schema().attributes),
            Some(id) => {
                let extension = of.extensions().iter().find(|extension| is(extension)(id))?;
                (Some(extension.id), extension.attributes)
            }
        };
        let common = if extension.is_none() { COMMON } else { &[] };
        let named = |attribute: &&Attribute| attribute.name.eq_ignore_ascii_case(name);
        let attribute = attributes.iter().chain(common).find(named)?;
        let part = match part {
            None => None,
            Some(part) => Some(attribute.part(part)?),
        };
        Some(Self { extension, attribute, part })
    }

    /// A part of the values of a complex attribute, as it is named within one.
    pub(super) fn within(&self, part: &str) -> Option<Self> {
        Some(Self { extension: None, attribute: self.attribute.part(part)?, part: None })
    }

    /// The same, with the part that is meant when none is named.
    pub(super) fn to_value(self) -> Self {
        let is_bare = self.part.is_none() && self.attribute.kind == Kind::Complex && self.attribute.multi_valued;
        Self { part: if is_bare { self.attribute.part("value") } else { self.part }, ..self }
    }

    /// What its values are.
    pub(super) fn last(&self) -> &'static Attribute {
        self.part.unwrap_or(self.attribute)
    }

    /// Its values in a resource, or in a value of a complex attribute.
    pub(super) fn values<'a>(&self, of: &'a Value) -> Vec<&'a Value> {
        let owner = match self.extension {
            None => Some(of),
            Some(extension) => of.get(extension),
        };
        let values: Vec<&Value> = match owner.and_then(|owner| owner.get(self.attribute.name)) {
            None => Vec::new(),
            Some(Value::Array(values)) => values.iter().collect(),
            Some(value) => vec![value],
        };
        match self.part {
            None => values,
            Some(part) => values.into_iter().filter_map(|value| value.get(part.name)).collect(),
        }
    }

    /// Its name, without that of an extension.
    pub(super) fn name(&self) -> String {
        match self.part {
            None => self.attribute.name.to_owned(),
            Some(part) => format!("{}.{}", self.attribute.name, part.name),
        }
    }
}

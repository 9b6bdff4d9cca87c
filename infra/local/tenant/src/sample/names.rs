//! Made-up names. Any likeness to living people is chance.

use rand::{Rng, seq::IndexedRandom as _};

const GIVEN: [&str; 40] = [
    "Aino", "Amara", "Anton", "Asta", "Bela", "Carmen", "Chidi", "Dalia", "Elin", "Emre", "Fatou", "Felix", "Freya",
    "Goran", "Hana", "Idris", "Ines", "Jonas", "Kaia", "Kenji", "Lale", "Leo", "Lucia", "Malik", "Mira", "Nadia",
    "Nils", "Noor", "Olga", "Pavel", "Quinn", "Rosa", "Samir", "Selma", "Tariq", "Uma", "Viktor", "Wanda", "Yara",
    "Zoë",
];

const FAMILY: [&str; 40] = [
    "Abara",
    "Adler",
    "Bakker",
    "Bergström",
    "Castell",
    "Dahl",
    "Demir",
    "Duarte",
    "Eriksen",
    "Farkas",
    "Fiala",
    "Garrick",
    "Haddad",
    "Hoffner",
    "Ito",
    "Jansson",
    "Kallio",
    "Kovač",
    "Lindqvist",
    "Marsh",
    "Mbeki",
    "Moreau",
    "Nakata",
    "Novák",
    "Okafor",
    "Ossian",
    "Petrov",
    "Quist",
    "Rahimi",
    "Romero",
    "Sato",
    "Silva",
    "Thorne",
    "Ueda",
    "Varga",
    "Vogel",
    "Weiss",
    "Ximenes",
    "Yilmaz",
    "Zeller",
];

const PREFIXES: [&str; 7] = ["VPN ", "SSH-", "Team ", "Project ", "Site ", "Licence ", "team-"];

const SUBJECTS: [&str; 32] = [
    "Atlas", "Aurora", "Basalt", "Beacon", "Birch", "Cinder", "Comet", "Coral", "Delta", "Ember", "Falcon", "Fjord",
    "Garnet", "Harbor", "Heron", "Indigo", "Juniper", "Kestrel", "Lagoon", "Marble", "Meadow", "Nimbus", "Onyx",
    "Orchid", "Pebble", "Quartz", "Raven", "Saffron", "Tundra", "Umber", "Willow", "Zephyr",
];

const QUALIFIERS: [&str; 12] = [
    "",
    " Berlin",
    " Lagos",
    " Lima",
    " Oslo",
    " Osaka",
    " Admins",
    " Readers",
    " Leads",
    " Contractors",
    " EMEA",
    " Überblick",
];

pub(super) const TITLES: [&str; 10] = [
    "Analyst",
    "Buyer",
    "Consultant",
    "Designer",
    "Developer",
    "Engineer",
    "Researcher",
    "Team lead",
    "Technician",
    "Writer",
];

pub(super) const DEPARTMENTS: [&str; 8] =
    ["Finance", "Legal", "Logistics", "Manufacturing", "Marketing", "People", "Research", "Sales"];

pub(super) const OFFICES: [&str; 5] = ["Berlin", "Lagos", "Lima", "Oslo", "Osaka"];

/// One of several.
pub(super) fn pick<'a>(rng: &mut impl Rng, from: &[&'a str]) -> &'a str {
    from.choose(rng).copied().unwrap_or_default()
}

/// A person's name. Not unique.
pub(crate) fn person(rng: &mut impl Rng) -> String {
    format!("{} {}", pick(rng, &GIVEN), pick(rng, &FAMILY))
}

/// A group's name. Not unique; many share a prefix.
pub(crate) fn group(rng: &mut impl Rng) -> String {
    format!("{}{}{}", pick(rng, &PREFIXES), pick(rng, &SUBJECTS), pick(rng, &QUALIFIERS))
}

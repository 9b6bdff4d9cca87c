//! Three-state properties.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What an answer of Graph says of one property.
///
/// Delta answers leave out what was never set or has not changed and send `null` for what was cleared; taking
/// one for the other loses data. Source: Microsoft Graph, "group: delta".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Patch<T> {
    /// Absent: nothing was said, what is known stays.
    #[default]
    Keep,
    /// Null: the property has no value now.
    Clear,
    /// The property has this value now.
    Set(T),
}

impl<T> Patch<T> {
    /// Brings `known` up to date.
    pub fn apply_to(self, known: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *known = None,
            Self::Set(value) => *known = Some(value),
        }
    }

    /// True when bringing `known` up to date would not change it.
    pub fn agrees_with(&self, known: &Option<T>) -> bool
    where
        T: PartialEq,
    {
        match self {
            Self::Keep => true,
            Self::Clear => known.is_none(),
            Self::Set(value) => known.as_ref() == Some(value),
        }
    }

    /// Adds what a later answer says: anything it says replaces what was said before.
    pub fn merge(&mut self, later: Self) {
        if !matches!(later, Self::Keep) {
            *self = later;
        }
    }

    /// True when nothing was said.
    pub fn is_keep(&self) -> bool {
        matches!(self, Self::Keep)
    }

    /// The value set, if one was.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }
}

/// Use with `#[serde(default)]`: an absent property stays [`Patch::Keep`].
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::deserialize(deserializer)?.map_or(Self::Clear, Self::Set))
    }
}

/// Use with `#[serde(skip_serializing_if = "Patch::is_keep")]`, as nothing stands for [`Patch::Keep`].
impl<T: Serialize> Serialize for Patch<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

/// Declares an object's properties twice from one list: `$profile` holds what was last read, `$patch` what one
/// answer says, under Graph's own names (`accountEnabled`).
macro_rules! properties {
    ($profile:ident, $patch:ident, { $($(#[$doc:meta])* $field:ident: $type:ty),* $(,)? }) => {
        /// The properties as last read. `None` is what Graph sends as `null` or never sent.
        #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
        pub struct $profile {
            $($(#[$doc])* #[serde(default, skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        impl $profile {
            /// The names of the properties that have another value here.
            #[must_use]
            pub fn differences(&self, other: &Self) -> Vec<$crate::directory::Text> {
                let differs = [$((stringify!($field), self.$field != other.$field)),*];
                differs.into_iter().filter(|(_, differs)| *differs).map(|(name, _)| name.into()).collect()
            }
        }

        /// What one answer says of the properties.
        #[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub struct $patch {
            $(
                $(#[$doc])*
                #[serde(default, skip_serializing_if = "Patch::is_keep")]
                pub $field: $crate::directory::Patch<$type>,
            )*
        }

        impl $patch {
            /// Brings a profile up to date.
            pub fn apply_to(self, profile: &mut $profile) {
                $(self.$field.apply_to(&mut profile.$field);)*
            }

            /// True when bringing the profile up to date would not change it.
            #[must_use]
            pub fn agrees_with(&self, profile: &$profile) -> bool {
                $(self.$field.agrees_with(&profile.$field))&&*
            }

            /// Adds what a later answer says.
            pub fn merge(&mut self, later: Self) {
                $(self.$field.merge(later.$field);)*
            }
        }
    };
}
pub(super) use properties;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize, Serialize)]
    struct Wire {
        #[serde(default, skip_serializing_if = "Patch::is_keep")]
        mail: Patch<String>,
    }

    fn mail(json: &str) -> Patch<String> {
        serde_json::from_str::<Wire>(json).unwrap().mail
    }

    #[test]
    fn absent_null_and_a_value_are_three_different_things() {
        assert_eq!(mail("{}"), Patch::Keep);
        assert_eq!(mail(r#"{"mail":null}"#), Patch::Clear);
        assert_eq!(mail(r#"{"mail":"a@b"}"#), Patch::Set("a@b".into()));
        for json in ["{}", r#"{"mail":null}"#, r#"{"mail":"a@b"}"#] {
            assert_eq!(serde_json::to_string(&Wire { mail: mail(json) }).unwrap(), json);
        }
    }

    #[test]
    fn a_patch_agrees_with_what_it_would_not_change() {
        for known in [None, Some(1), Some(2)] {
            for patch in [Patch::Keep, Patch::Clear, Patch::Set(1)] {
                let mut after = known;
                patch.clone().apply_to(&mut after);
                assert_eq!(patch.agrees_with(&known), after == known, "{patch:?} on {known:?}");
            }
        }
    }

    #[test]
    fn a_later_answer_replaces_only_what_it_speaks_of() {
        let mut patch = Patch::Set(1);
        patch.merge(Patch::Keep);
        assert_eq!(patch, Patch::Set(1));
        patch.merge(Patch::Clear);
        assert_eq!(patch, Patch::Clear);
    }
}

//! The pages a person sees: choose an account, or read what went wrong.

use http::StatusCode;
use maud::{DOCTYPE, Markup, html};

use super::{Refused, scope::Scopes};
use crate::{
    exchange::{Answer, Fields},
    world::World,
};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: light-dark(#eef1f5, #14171c); }
main { width: min(30rem, 92vw); padding: 2rem; border-radius: .75rem; background: light-dark(#fff, #1e232b);
  box-shadow: 0 .5rem 2rem #0003; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
.note { margin: 0 0 1.25rem; padding: .5rem .75rem; border-radius: .4rem; background: light-dark(#fff4d6, #43381a); }
button { display: block; width: 100%; margin: .5rem 0; padding: .7rem 1rem; text-align: left; font: inherit; cursor: pointer;
  color: inherit; background: transparent; border: 1px solid light-dark(#b9c2cf, #4a5566); border-radius: .5rem; }
button:hover, button:focus-visible { border-color: #2f6fde; outline: 2px solid #2f6fde55; }
button small { display: block; opacity: .75; }
.cancel { text-align: center; margin-top: 1.25rem; }
code { font-size: .9em; }
";

/// The accounts to choose from, and what choosing one consents to.
pub(crate) fn choose(world: &World, scopes: &Scopes, query: &Fields) -> Answer {
    let mut pairs = url::form_urlencoded::Serializer::new(String::from("?"));
    query.iter().for_each(|(name, value)| _ = pairs.append_pair(name, value));
    let action = pairs.finish();
    let content = html! {
        h1 { "Sign in to " (world.tenant.name) }
        p.note { strong { "This is a simulation." } " No account, password or data here is real." }
        p { "An application asks to sign you in and to use:" }
        ul { @for scope in scopes { li { code { (scope) } } } }
        p { "Choose an account to sign in as. Administrators who can consent thereby do." }
        form method="post" action=(action) {
            @for account in world.tenant.administrators() {
                button name="account" value=(account.id) {
                    (account.display_name)
                    small { (account.user_principal_name) }
                    small {
                        @if account.roles.is_empty() { "No directory role" }
                        @for (at, role) in account.roles.iter().enumerate() { @if at > 0 { ", " } (role.display_name()) }
                    }
                }
            }
            button.cancel name="account" value="cancel" { "Cancel" }
        }
    };
    Answer::html(page("Sign in (simulation)", &content).into_string())
}

/// What went wrong before there was a place to answer to.
pub(crate) fn error(world: &mut World, refused: &Refused) -> Answer {
    let (trace, correlation) = (world.fresh_id(), world.fresh_id());
    let content = html! {
        h1 { "Sorry, but we’re having trouble signing you in." }
        p.note { strong { "This is a simulation." } " No account, password or data here is real." }
        p { (refused.description(trace, correlation, world.clock.now())) }
    };
    Answer::html(page("Trouble (simulation)", &content).into_string()).status(StatusCode::BAD_REQUEST)
}

fn page(title: &str, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (maud::PreEscaped(STYLE)) }
            }
            body { main { (content) } }
        }
    }
}

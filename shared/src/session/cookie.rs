//! A session as the browser keeps it: encrypted and authenticated.

use cookie::{Cookie, CookieJar, SameSite};
use http::{HeaderMap, HeaderValue, header};

use super::{Session, SessionKeys};

/// The longest cookie looked at, in bytes: what browsers keep of one (RFC 6265, section 6.1).
const MAX_BYTES: usize = 4_096;

/// The cookie of a deployment. Over HTTPS it has the `__Host-` prefix: browsers then accept it from this host only. A
/// loopback address served over plain HTTP gets a plain cookie, since neither that prefix nor `Secure` works there.
#[derive(Debug, Clone, Copy)]
pub struct SessionCookie {
    secure: bool,
}

impl SessionCookie {
    /// The cookie of a deployment that browsers reach over HTTPS, or not.
    #[must_use]
    pub fn new(secure: bool) -> Self {
        Self { secure }
    }

    fn name(self) -> &'static str {
        if self.secure { "__Host-session" } else { "session" }
    }

    /// The `Set-Cookie` header that gives the browser a session. It lasts until the browser is closed; its content says when
    /// it ends at the latest.
    #[must_use]
    pub fn give(self, keys: &SessionKeys, session: &Session) -> Option<HeaderValue> {
        let mut jar = CookieJar::new();
        let content = serde_json::to_string(session).ok()?;
        jar.private_mut(keys.sealing()).add(self.cookie(content));
        header_of(jar.get(self.name())?)
    }

    /// The `Set-Cookie` header that takes it back.
    #[must_use]
    pub fn take_back(self) -> Option<HeaderValue> {
        let mut cookie = self.cookie(String::new());
        cookie.make_removal();
        header_of(&cookie)
    }

    /// The session the browser sent, whether it is over or not. What was not sealed by us, or with a key that is no longer
    /// used, is none.
    #[must_use]
    pub fn open(self, keys: &SessionKeys, headers: &HeaderMap) -> Option<Session> {
        let lines = headers.get_all(header::COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut sent = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(name, value)| *name == self.name() && value.len() <= MAX_BYTES);
        let (_, value) = sent.next()?;
        if sent.next().is_some() {
            // It is unclear which one is ours.
            return None;
        }
        let sealed = Cookie::new(self.name(), value.to_owned());
        let open = |key| CookieJar::new().private(key).decrypt(sealed.clone());
        keys.all().find_map(open).and_then(|cookie| serde_json::from_str(cookie.value()).ok())
    }

    fn cookie(self, content: String) -> Cookie<'static> {
        Cookie::build((self.name(), content))
            .path("/")
            .http_only(true)
            .secure(self.secure)
            // Not `Strict`: the first page after the sign-in is reached from Microsoft's.
            .same_site(SameSite::Lax)
            .build()
    }
}

fn header_of(cookie: &Cookie<'_>) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&cookie.to_string()).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::session::tests::session;

    const COOKIE: SessionCookie = SessionCookie { secure: true };

    fn keys(lines: &[&str]) -> SessionKeys {
        let lines: Vec<String> = lines.iter().map(|line| line.repeat(40)).collect();
        SessionKeys::parse(&SecretString::from(lines.join("\n"))).unwrap()
    }

    fn sent(given: &HeaderValue) -> HeaderMap {
        let pair = given.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&format!("other=1; {pair}")).unwrap())])
    }

    #[test]
    fn what_is_given_comes_back_and_can_be_read_by_us_alone() {
        let given = COOKIE.give(&keys(&["a"]), &session(1)).unwrap();
        let text = given.to_str().unwrap();
        assert!(text.starts_with("__Host-session="), "{text}");
        assert!(text.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{text}");
        assert!(!text.contains("Ann") && text.len() < 1_500, "{text}");
        assert_eq!(COOKIE.open(&keys(&["a"]), &sent(&given)), Some(session(1)));
    }

    #[test]
    fn a_new_key_opens_what_the_old_one_sealed_until_that_is_taken_out() {
        let given = COOKIE.give(&keys(&["old"]), &session(1)).unwrap();
        assert!(COOKIE.open(&keys(&["new", "old"]), &sent(&given)).is_some());
        assert!(COOKIE.open(&keys(&["new"]), &sent(&given)).is_none());
    }

    #[test]
    fn what_was_altered_or_sent_twice_or_sealed_for_another_name_is_no_session() {
        let keys = keys(&["a"]);
        let given = COOKIE.give(&keys, &session(1)).unwrap();
        let pair = given.to_str().unwrap().split(';').next().unwrap().to_owned();
        let value = pair.split_once('=').unwrap().1;
        let flipped = if value.starts_with('A') { "B" } else { "A" };
        for cookies in [
            String::new(),
            "__Host-session=".to_owned(),
            format!("__Host-session={flipped}{}", &value[1..]),
            format!("__Host-session={}", &value[..value.len() - 4]),
            format!("{pair}; {pair}"),
            format!("session={value}"),
            format!("__Host-session={}", "x".repeat(MAX_BYTES + 1)),
        ] {
            let headers = HeaderMap::from_iter([(header::COOKIE, HeaderValue::from_str(&cookies).unwrap())]);
            assert_eq!(COOKIE.open(&keys, &headers), None, "{cookies}");
        }
        let plain = SessionCookie::new(false).give(&keys, &session(1)).unwrap();
        assert!(plain.to_str().unwrap().starts_with("session="));
        assert!(!plain.to_str().unwrap().contains("Secure"));
        let renamed = plain.to_str().unwrap().replacen("session=", "__Host-session=", 1);
        assert_eq!(COOKIE.open(&keys, &sent(&HeaderValue::from_str(&renamed).unwrap())), None);
    }

    #[test]
    fn taking_it_back_leaves_nothing() {
        let text = COOKIE.take_back().unwrap();
        let text = text.to_str().unwrap();
        assert!(text.starts_with("__Host-session=; ") && text.contains("Max-Age=0"), "{text}");
    }
}

//! The client secret of another tenant's application, from a file.

use std::path::Path;

use secrecy::SecretString;
use shared::app_credential::is_padded;

/// Reads the secret, without the byte order mark and the line end that editors add.
///
/// # Errors
/// A sentence that names the file and says what was expected of it.
pub fn read(file: &Path) -> Result<SecretString, String> {
    let named = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| format!("{named} cannot be read: {error}"))?;
    let secret = text.strip_prefix('\u{feff}').unwrap_or(&text).trim_end_matches(['\r', '\n']);
    if secret.trim().is_empty() {
        return Err(format!("{named} is empty: it must hold the value of the application's client secret"));
    }
    if secret.contains(['\r', '\n']) {
        return Err(format!("{named} has several lines: it must hold the value of the client secret and nothing else"));
    }
    if is_padded(secret) {
        return Err(format!(
            "{named} has spaces or quotation marks around the client secret: remove them, since Microsoft takes them \
             for a part of it"
        ));
    }
    Ok(SecretString::from(secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn of(content: &[u8]) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret.txt");
        std::fs::write(&file, content).unwrap();
        read(&file)
            .map(|secret| secret.expose_secret().to_owned())
            .map_err(|error| error.replace(&file.display().to_string(), "secret.txt"))
    }

    #[test]
    fn what_an_editor_adds_is_no_part_of_the_secret() {
        assert_eq!(of("\u{feff}a~b.c\r\n".as_bytes()).unwrap(), "a~b.c");
    }

    #[test]
    fn a_file_that_holds_no_secret_is_named() {
        let empty = "secret.txt is empty: it must hold the value of the application's client secret";
        assert_eq!(of(b"").unwrap_err(), empty);
        assert_eq!(of(b" \n").unwrap_err(), empty);
        for padded in [&b" a~b.c\n"[..], b"\"a~b.c\"\n", b"'a~b.c'", b"a~b.c \r\n"] {
            assert!(of(padded).unwrap_err().starts_with("secret.txt has spaces or quotation marks around"));
        }
        assert!(of(b"one\ntwo\n").unwrap_err().starts_with("secret.txt has several lines"));
        assert!(of(&[0xff, 0xfe]).unwrap_err().starts_with("secret.txt cannot be read"));
    }
}

//! Much text in few bytes: JSON, deflated.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::bufread::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The most bytes that are unpacked. What is packed has a fraction of it; a few packed bytes could unpack to gigabytes.
const MAX_UNPACKED: u64 = 16 * 1024 * 1024;

/// Packs a value.
pub(super) fn pack(value: &impl Serialize) -> std::io::Result<Vec<u8>> {
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&serde_json::to_vec(value)?)?;
    packed.finish()
}

/// Unpacks a value; `None` when the bytes make no sense.
pub(super) fn unpack<T: DeserializeOwned>(packed: &[u8]) -> Option<T> {
    let mut json = Vec::new();
    ZlibDecoder::new(packed).take(MAX_UNPACKED).read_to_end(&mut json).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked_as_it_was() {
        let texts: Vec<String> = (0..1_000).map(|number| format!("person.{number}@contoso.example")).collect();
        let packed = pack(&texts).unwrap();
        assert!(packed.len() < 10_000, "{}", packed.len());
        assert_eq!(unpack::<Vec<String>>(&packed), Some(texts));
    }

    #[test]
    fn what_makes_no_sense_or_grows_beyond_measure_is_refused() {
        assert_eq!(unpack::<Vec<String>>(b"no"), None);
        assert_eq!(unpack::<Vec<String>>(&pack(&7).unwrap()), None);
        let bomb = pack(&" ".repeat(usize::try_from(MAX_UNPACKED).unwrap())).unwrap();
        assert!(bomb.len() < 20_000, "{}", bomb.len());
        assert_eq!(unpack::<String>(&bomb), None);
    }
}

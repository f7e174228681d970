//! What SCRAM binds a login to: the digest of the server's certificate (`tls-server-end-point`, RFC 5929).

use sha2::{Digest, Sha256, Sha384, Sha512};

/// Algorithms of signatures by the content of their identifier, and the digest that each uses.
const SHA256_OR_WEAKER: [&[u8]; 4] = [
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x04], // MD5 with RSA
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x05], // SHA-1 with RSA
    &[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B], // SHA-256 with RSA
    &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x02],       // SHA-256 with ECDSA
];
const SHA384: [&[u8]; 2] =
    [&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0C], &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x03]];
const SHA512: [&[u8]; 2] =
    [&[0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0D], &[0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x04, 0x03, 0x04]];

/// The digest that a login is bound to; `None` for certificates whose signature has no digest of its own, such as
/// Ed25519: neither side can bind to those.
pub(super) fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let algorithm = signature_algorithm(certificate)?;
    if SHA256_OR_WEAKER.contains(&algorithm) {
        Some(Sha256::digest(certificate).to_vec())
    } else if SHA384.contains(&algorithm) {
        Some(Sha384::digest(certificate).to_vec())
    } else if SHA512.contains(&algorithm) {
        Some(Sha512::digest(certificate).to_vec())
    } else {
        None
    }
}

/// The identifier of `Certificate.signatureAlgorithm`: the second member of the outer sequence.
fn signature_algorithm(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const IDENTIFIER: u8 = 0x06;
    let (members, _) = value(certificate, SEQUENCE)?;
    let (_, rest) = value(members, SEQUENCE)?;
    let (algorithm, _) = value(rest, SEQUENCE)?;
    value(algorithm, IDENTIFIER).map(|(identifier, _)| identifier)
}

/// The content of a DER value with this tag, and what follows it.
fn value(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = bytes.split_first()?;
    let (length, rest) = rest.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = match length {
        0..=0x7F => (usize::from(*length), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(length & 0x7F))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_outer_signature_decides() {
        let certificate = |identifier: &[u8]| {
            let mut algorithm = vec![0x06, identifier.len() as u8];
            algorithm.extend(identifier);
            let mut members = vec![0x30, 0x81, 0x02, 0x05, 0x00, 0x30, algorithm.len() as u8];
            members.extend(algorithm);
            [&[0x30, members.len() as u8][..], &members].concat()
        };
        assert_eq!(end_point(&certificate(SHA256_OR_WEAKER[1])).map(|digest| digest.len()), Some(32));
        assert_eq!(end_point(&certificate(SHA384[1])).map(|digest| digest.len()), Some(48));
        assert_eq!(end_point(&certificate(SHA512[0])).map(|digest| digest.len()), Some(64));
        assert_eq!(end_point(&certificate(&[0x2B, 0x65, 0x70])), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = end_point(&bytes);
            let _ = end_point(&[&[0x30, 0x84, 0xFF][..], &bytes].concat());
        }
    }
}

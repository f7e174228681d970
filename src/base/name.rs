//! Names that users give to storages, tiers, databases; and any text as one component of a key.

/// True for a name as policies allow it: 1 to 63 of `A-Z a-z 0-9 _ . -`, and not `.` or `..`.
pub fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text != "."
        && text != ".."
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Any text as one component of an object key or path: bytes outside `A-Z a-z 0-9 _ . -` become `%XX`.
/// Different texts give different components; a name that `is_name` allows stays as it is.
pub fn encode_component(text: &str) -> String {
    if is_name(text) {
        return text.to_owned();
    }
    let dots_only = text.bytes().all(|b| b == b'.');
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && !dots_only);
        if plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    if out.is_empty() { "%".to_owned() } else { out }
}

/// The text that `encode_component` made into this component, or `None` when it made none such.
pub fn decode_component(component: &str) -> Option<String> {
    if component == "%" {
        return Some(String::new());
    }
    let mut bytes = Vec::with_capacity(component.len());
    let mut rest = component.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = char::from(rest.next()?).to_digit(16)?;
        let low = char::from(rest.next()?).to_digit(16)?;
        bytes.push(u8::try_from(high << 4 | low).ok()?);
    }
    let text = String::from_utf8(bytes).ok()?;
    (encode_component(&text) == component).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_and_everything_else_is_encoded() {
        assert_eq!(encode_component("app.tenant_1"), "app.tenant_1");
        assert_eq!(encode_component("my db/😀"), "my%20db%2F%F0%9F%98%80");
        assert_eq!(encode_component(".."), "%2E%2E");
        assert_eq!(encode_component(""), "%");
        assert_eq!(encode_component("100%"), "100%25");
        for text in ["app", "my db/😀", "..", "", "100%", "a.b"] {
            assert_eq!(decode_component(&encode_component(text)).as_deref(), Some(text));
        }
        for bad in ["a/b", "%4", "%zz", "%41", "a b", "..", "%2f"] {
            assert_eq!(decode_component(bad), None, "{bad}");
        }
        assert!(!is_name("a/b") && !is_name("") && !is_name(".") && is_name("a-b_c.D"));
    }
}

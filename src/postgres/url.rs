//! `postgresql://` URLs as libpq reads them: several hosts, IPv6, socket folders, parameters.

/// The parameters of a URL by libpq's names, in order; later ones win. The error never holds a part of the URL that
/// may be secret.
pub(super) fn parse_url(url: &str) -> Result<Vec<(String, String)>, String> {
    let rest = url
        .strip_prefix("postgresql://")
        .or_else(|| url.strip_prefix("postgres://"))
        .ok_or("it does not begin with `postgresql://`")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: &str| -> Result<(), String> {
        pairs.push((name.to_owned(), decode(value).ok_or_else(|| format!("`{name}` is not encoded correctly"))?));
        Ok(())
    };
    // The last `@` ends the login: hosts have none, and a password that was not encoded may.
    let (login, hosts) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    add("user", user)?;
    add("password", password)?;
    let (hosts, ports) = parse_hosts(hosts)?;
    add("host", &hosts)?;
    add("port", &ports)?;
    add("dbname", database)?;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("a parameter after `?` has no `=`")?;
        let name = decode(name).ok_or("the name of a parameter is not encoded correctly")?;
        add(&name, value)?;
    }
    Ok(pairs)
}

/// `a:1,[::1]:2,c` as `a,::1,c` and `1,2,`; still percent-encoded.
fn parse_hosts(text: &str) -> Result<(String, String), String> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for part in text.split(',') {
        let (host, port) = if let Some(inside) = part.strip_prefix('[') {
            let (host, after) = inside.split_once(']').ok_or("an IPv6 address is not closed by `]`")?;
            (host, after.strip_prefix(':').unwrap_or(after))
        } else {
            part.split_once(':').unwrap_or((part, ""))
        };
        if !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err("a port is not a number; encode special characters of user and password as `%XX`".to_owned());
        }
        hosts.push(host);
        ports.push(port);
    }
    let ports = if ports.iter().all(|port| port.is_empty()) { String::new() } else { ports.join(",") };
    Ok((hosts.join(","), ports))
}

/// The text with `%XX` replaced; `None` when it is cut off, not hexadecimal or not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let value = digit(bytes.next()?)? * 16 + digit(bytes.next()?)?;
            out.push(u8::try_from(value).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

    use super::*;
    use proptest::prelude::*;

    fn parsed(url: &str) -> Vec<(String, String)> {
        let mut pairs = parse_url(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        pairs.retain(|(_, value)| !value.is_empty());
        pairs
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn reads_every_form() {
        assert_eq!(
            parsed("postgres://u:p@h:1/d?sslmode=x"),
            pairs(&[("user", "u"), ("password", "p"), ("host", "h"), ("port", "1"), ("dbname", "d"), ("sslmode", "x")])
        );
        assert_eq!(parsed("postgresql://"), pairs(&[]));
        assert_eq!(parsed("postgresql:///d?host=/tmp"), pairs(&[("dbname", "d"), ("host", "/tmp")]));
        assert_eq!(parsed("postgresql://%2Fvar%2Frun/d"), pairs(&[("host", "/var/run"), ("dbname", "d")]));
        assert_eq!(parsed("postgresql://[::1]:5/d"), pairs(&[("host", "::1"), ("port", "5"), ("dbname", "d")]));
        assert_eq!(parsed("postgresql://a,b:2"), pairs(&[("host", "a,b"), ("port", ",2")]));
        assert_eq!(parsed("postgresql://u@a"), pairs(&[("user", "u"), ("host", "a")]));
        assert_eq!(parsed("postgresql://u:p@ss@a")[1], ("password".to_owned(), "p@ss".to_owned()));
    }

    #[test]
    fn errors_do_not_quote_the_url() {
        for url in
            ["postgresql://u:canary:x@h:canary/d", "canary", "postgresql://u:canary%zz@h", "postgresql://[canary"]
        {
            let error = parse_url(url).unwrap_err();
            assert!(!error.contains("canary"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn any_password_survives_encoding(password in "\\PC{1,20}") {
            let encoded: String = password.bytes().map(|byte| format!("%{byte:02x}")).collect();
            let url = format!("postgresql://u:{encoded}@h/d");
            prop_assert_eq!(&parsed(&url)[1].1, &password);
        }

        #[test]
        fn no_text_panics(url in "(postgresql://)?\\PC*") {
            let _ = parse_url(&url);
        }
    }
}

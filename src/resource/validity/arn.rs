//! Names of things in AWS with everything that makes them unique, and of services.
//!
//! As the API of IAM says (its types `arnType`, `userNameType`, `policyPathType`) and its user guide (page "AWS JSON
//! policy elements: Principal").

/// An ARN in its six parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// The service, such as `iam`.
    pub service: &'a str,
    /// The region; empty for services that have none.
    pub region: &'a str,
    /// Twelve digits, or another word for whose it is.
    pub account: &'a str,
    /// What it names, such as `role/backstay/ci`.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The parts of an ARN; `None` for texts that are none.
    pub fn parse(text: &'a str) -> Option<Arn<'a>> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        let [partition, service, region, account] = [parts.next()?, parts.next()?, parts.next()?, parts.next()?];
        let resource = parts.next()?;
        let is_partition = partition == "aws" || partition.starts_with("aws-");
        (is_partition && !service.is_empty() && !resource.is_empty()).then_some(Arn {
            partition,
            service,
            region,
            account,
            resource,
        })
    }

    /// True when it names an account by its number.
    pub fn has_account(&self) -> bool {
        is_account(self.account)
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

const NOT_AN_ARN: &str = "it is no ARN: `arn:aws:iam::<account>:` and what it names";
const NO_ACCOUNT: &str = "an account has twelve digits";

/// What is wrong with the ARN of a policy that bounds a user or role.
pub fn boundary_problem(text: &str) -> Option<&'static str> {
    let Some(arn) = Arn::parse(text) else { return Some(NOT_AN_ARN) };
    if arn.service != "iam" || !arn.resource.starts_with("policy/") || arn.resource.ends_with('/') {
        return Some("it names no managed policy: `arn:aws:iam::<account>:policy/<name>`");
    }
    // Policies that AWS manages belong to the account `aws`.
    (!arn.has_account() && arn.account != "aws").then_some(NO_ACCOUNT)
}

/// What is wrong with the ARN of a role that is to be assumed.
pub fn role_problem(text: &str) -> Option<&'static str> {
    let Some(arn) = Arn::parse(text) else { return Some(NOT_AN_ARN) };
    if arn.service != "iam" || !arn.resource.starts_with("role/") || arn.resource.ends_with('/') {
        return Some("it names no role: `arn:aws:iam::<account>:role/<name>`");
    }
    (!arn.has_account()).then_some(NO_ACCOUNT)
}

/// What is wrong with a principal that a role is to trust. Wildcards are not judged here.
pub fn principal_problem(text: &str) -> Option<&'static str> {
    if text.contains('*') || is_account(text) {
        return None;
    }
    let Some(arn) = Arn::parse(text) else { return Some(NOT_AN_ARN) };
    let kinds: &[&str] = match arn.service {
        "iam" => &["user/", "role/"],
        "sts" => &["assumed-role/", "federated-user/"],
        _ => return Some("it names no user, role or account of IAM"),
    };
    let is_root = arn.service == "iam" && arn.resource == "root";
    if !is_root && !kinds.iter().any(|kind| arn.resource.strip_prefix(kind).is_some_and(|name| !name.is_empty())) {
        return Some(match arn.resource.starts_with("group/") {
            true => "a group cannot assume a role",
            false => "it names no user, role or account of IAM",
        });
    }
    (!arn.has_account()).then_some(NO_ACCOUNT)
}

/// What is wrong with the name of a service that a role is to trust.
pub fn service_problem(text: &str) -> Option<&'static str> {
    let name = text.strip_suffix(".cn").unwrap_or(text).strip_suffix(".amazonaws.com");
    let is_label = |label: &str| {
        let is_letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !label.is_empty() && label.bytes().all(is_letter)
    };
    match name {
        Some(name) if name.split('.').all(is_label) => None,
        _ => Some("services have names such as `ec2.amazonaws.com`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_apart() {
        let arn = Arn::parse("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/a:b");
        let expected = Arn {
            partition: "aws-us-gov",
            service: "kms",
            region: "us-gov-west-1",
            account: "123456789012",
            resource: "key/a:b",
        };
        assert_eq!(arn, Some(expected));
        for other in
            ["", "arn:aws:iam", "arn:azure:iam::1:x", "aws:iam::123456789012:root", "arn:aws::::x", "arn:aws:s3:::"]
        {
            assert_eq!(Arn::parse(other), None, "{other}");
        }
    }

    #[test]
    fn each_place_takes_its_own_kind_of_arn() {
        let texts = [
            ("arn:aws:iam::123456789012:policy/boundary", [true, false, false]),
            ("arn:aws:iam::aws:policy/PowerUserAccess", [true, false, false]),
            ("arn:aws:iam::123456789012:role/backstay/ci", [false, true, true]),
            ("arn:aws:iam::123456789012:user/ci", [false, false, true]),
            ("arn:aws:iam::123456789012:root", [false, false, true]),
            ("arn:aws:sts::123456789012:assumed-role/ci/session", [false, false, true]),
            ("123456789012", [false, false, true]),
            ("arn:aws:iam::12345:role/ci", [false, false, false]),
            ("arn:aws:iam::123456789012:group/ops", [false, false, false]),
            ("arn:aws:s3:::bucket", [false, false, false]),
            ("arn:aws:iam::123456789012:role/", [false, false, false]),
            ("ci", [false, false, false]),
        ];
        for (text, expected) in texts {
            let found = [boundary_problem(text), role_problem(text), principal_problem(text)].map(|p| p.is_none());
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn services_are_hosts_of_aws() {
        for service in
            ["ec2.amazonaws.com", "ec2.amazonaws.com.cn", "logging.s3.amazonaws.com", "ecs-tasks.amazonaws.com"]
        {
            assert_eq!(service_problem(service), None, "{service}");
        }
        for other in [
            "ec2",
            "",
            ".amazonaws.com",
            "EC2.amazonaws.com",
            "https://ec2.amazonaws.com",
            "ec2.example.com",
            "*.amazonaws.com",
        ] {
            assert!(service_problem(other).is_some(), "{other}");
        }
    }
}

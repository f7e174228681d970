//! ARNs of what a policy is about: what is not known stands as `*`.

use crate::resource::{BucketPlace, Caller, Principal};

/// The account that something stands in.
#[derive(Debug, Clone, Copy, Default)]
pub struct Whereabouts<'a> {
    /// Who asks there; `None`: nobody could be asked, so the account is not known.
    pub caller: Option<&'a Caller>,
    /// The region; empty when it is not known.
    pub region: &'a str,
}

impl Whereabouts<'_> {
    /// `aws`, `aws-cn`, `aws-us-gov`; by the region where nobody could be asked.
    pub fn partition(&self) -> &str {
        match self.caller {
            Some(caller) => caller.partition(),
            None if self.region.starts_with("cn-") => "aws-cn",
            None if self.region.starts_with("us-gov-") => "aws-us-gov",
            None => "aws",
        }
    }

    /// Twelve digits, or `*`.
    pub fn account(&self) -> &str {
        self.caller.map_or("*", |caller| &caller.account)
    }

    fn region(&self) -> &str {
        if self.region.is_empty() { "*" } else { self.region }
    }

    /// ARN of something in IAM: `iam("role", "/backstay/", "ci")`.
    pub fn iam(&self, kind: &str, path: &str, name: &str) -> String {
        format!("arn:{}:iam::{}:{kind}{path}{name}", self.partition(), self.account())
    }

    /// ARN of a user or role whose path is not known.
    pub(super) fn principal(&self, principal: &Principal) -> String {
        match principal {
            Principal::User(name) => self.iam("user", "/*", name),
            Principal::Role(name) => self.iam("role", "/*", name),
        }
    }

    /// ARN of a bucket.
    pub fn bucket(&self, name: &str) -> String {
        format!("arn:{}:s3:::{name}", self.partition())
    }

    /// ARN of something in KMS: `kms("alias/backups")`, `kms("key/*")`.
    pub fn kms(&self, what: &str) -> String {
        format!("arn:{}:kms:{}:{}:{what}", self.partition(), self.region(), self.account())
    }

    /// An alarm of CloudWatch.
    pub fn alarm(&self, name: &str) -> String {
        format!("arn:{}:cloudwatch:{}:{}:alarm:{name}", self.partition(), self.region(), self.account())
    }

    /// The name under which S3 calls other services here.
    pub(super) fn s3_service(&self) -> String {
        let ending = if self.partition() == "aws-cn" { ".cn" } else { "" };
        format!("s3.{}.amazonaws.com{ending}", self.region())
    }
}

/// A place of backups in S3, with what matters to the permissions that it takes.
#[derive(Debug, Clone, Copy)]
pub struct BackupSite<'a> {
    /// The bucket and the start of its keys.
    pub place: &'a BucketPlace,
    /// The account that the bucket is in.
    pub at: Whereabouts<'a>,
    /// The KMS key that encrypts at rest: ARN, id, alias or ARN of an alias. `None`: no key, or the account's own for
    /// S3, which takes no permission.
    pub key: Option<&'a str>,
    /// Objects are locked at upload.
    pub locks: bool,
    /// The bucket keeps versions.
    pub versions: bool,
}

impl BackupSite<'_> {
    /// ARN of the bucket.
    pub fn bucket(&self) -> String {
        self.at.bucket(&self.place.bucket)
    }

    /// ARN of keys below the prefix: `keys("data/*")`.
    pub fn keys(&self, pattern: &str) -> String {
        format!("{}/{}{pattern}", self.bucket(), self.place.prefix)
    }
}

//! Claims of volumes that folders of the policy lie in.

use super::{CronJobs, head, text};
use crate::base::Size;
use crate::schedule::Program;

/// A volume, by its claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Name of the claim.
    pub claim: String,
    /// Folder that it is mounted at.
    pub path: String,
    /// Size to ask for; `None` for a claim that somebody else makes.
    pub size: Option<Size>,
    /// Storage class of a claim that is made here.
    pub storage_class: Option<String>,
}

/// The manifests of the claims that are made here, by file name.
pub(super) fn claims(jobs: &CronJobs, program: &Program) -> Vec<(String, String)> {
    let made = jobs.volumes.iter().filter_map(|volume| volume.size.map(|size| (volume, size)));
    made.map(|(volume, size)| {
        let class = volume.storage_class.iter().map(|class| format!("  storageClassName: {}\n", text(class)));
        let manifest = format!(
            "{}apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {}\n  namespace: {}\n  labels:\n    \
             app.kubernetes.io/name: backstay\n    app.kubernetes.io/managed-by: backstay\nspec:\n  accessModes:\n    \
             - ReadWriteOnce\n{}  resources:\n    requests:\n      storage: {}\n",
            head(&program.policy),
            text(&volume.claim),
            text(&jobs.namespace),
            class.collect::<String>(),
            quantity(size),
        );
        (format!("claim-{}.yaml", volume.claim), manifest)
    })
    .collect()
}

/// A size as Kubernetes writes it: in the largest binary unit that says it exactly.
fn quantity(size: Size) -> String {
    let units = [("Ti", 40), ("Gi", 30), ("Mi", 20), ("Ki", 10)];
    let exact = units.into_iter().find(|(_, bits)| size.0 > 0 && size.0.is_multiple_of(1 << bits));
    exact.map_or_else(|| size.0.to_string(), |(unit, bits)| format!("{}{unit}", size.0 >> bits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_exact() {
        let written = [(50 << 30, "50Gi"), (2 << 40, "2Ti"), (1_000_000, "1000000"), (1536 << 20, "1536Mi"), (0, "0")];
        for (bytes, text) in written {
            assert_eq!(quantity(Size(bytes)), text);
        }
    }
}

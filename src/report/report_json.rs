//! A report for machines: `report --json`.

use super::Dossier;
use super::standing_json::{StandingView, standing_view};
use crate::plan::Cost;
use serde::Serialize;

#[derive(Debug, Serialize)]
struct DossierView<'a> {
    #[serde(flatten)]
    standing: StandingView,
    cost: Option<&'a Cost>,
    manifests: Vec<ManifestView<'a>>,
}

#[derive(Debug, Serialize)]
struct ManifestView<'a> {
    database: &'a str,
    tier: &'a str,
    id: &'a str,
    storage: &'a str,
    sha256: String,
}

/// The document of some policies, ending with a line feed.
pub fn report_json(dossiers: &[Dossier]) -> String {
    let view = |dossier: &'_ Dossier| {
        let manifests = dossier.manifests.iter().map(|(place, digest)| ManifestView {
            database: &place.database,
            tier: &place.tier,
            id: place.id.as_str(),
            storage: &place.storage,
            sha256: digest.to_string(),
        });
        let manifests: Vec<_> = manifests.collect();
        let view = DossierView { standing: standing_view(&dossier.standing), cost: dossier.cost.as_ref(), manifests };
        // Our own structs serialise always.
        serde_json::to_value(view).unwrap_or_default()
    };
    let policies: Vec<_> = dossiers.iter().map(view).collect();
    let document = serde_json::json!({ "format_version": 1, "policies": policies });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

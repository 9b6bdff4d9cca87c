//! What was measured, written into the documents.

use crate::binaries::root;
use crate::plot;
use crate::report::Report;

/// The tables of `docs/performance.md`, by the name in its markers, with the scenarios they show.
const TABLES: [(&str, &[&str]); 6] = [
    ("goals", &["full", "idle", "settings", "throttled", "startup"]),
    ("sizes", &["changes", "scale"]),
    ("pages", &["pages"]),
    ("queries", &["queries"]),
    ("compare", &["compare"]),
    ("cost", &["cost"]),
];

/// Replaces the tables between their markers, and writes the results and the plot beside them.
pub fn write(report: &Report) {
    let docs = root().join("docs");
    let path = docs.join("performance.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    for (name, scenarios) in TABLES {
        page = replaced(&page, name, &report.table(scenarios));
    }
    std::fs::write(path, page).unwrap();
    std::fs::create_dir_all(docs.join("performance")).unwrap();
    std::fs::write(docs.join("performance/results.json"), report.json()).unwrap();
    std::fs::write(docs.join("performance/scaling.svg"), plot::scaling(&report.data["scale"])).unwrap();
}

/// The page with this text between the markers of that name.
fn replaced(page: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("{begin} is missing"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("{end} is missing"));
    format!("{before}{begin}{text}{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = "a\n<!-- x -->\nold\n<!-- end of x -->\nb";
        assert_eq!(replaced(page, "x", "new\n"), "a\n<!-- x -->\nnew\n<!-- end of x -->\nb");
    }
}

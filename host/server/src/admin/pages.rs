//! The files of the operator's page, which the program carries along.
//!
//! It owns what each is called and what kind it is. Nobody has to show anything for
//! them: what they show is asked for with the token.

/// A file: its path, its kind, what is in it.
type Page = (&'static str, &'static str, &'static str);

/// Where the page is.
pub(super) const DASHBOARD: &str = "/dashboard";

const PAGES: [Page; 4] = [
    (
        DASHBOARD,
        "text/html; charset=utf-8",
        include_str!("dashboard/index.html"),
    ),
    (
        "/dashboard/app.js",
        "text/javascript; charset=utf-8",
        include_str!("dashboard/app.js"),
    ),
    (
        "/dashboard/style.css",
        "text/css; charset=utf-8",
        include_str!("dashboard/style.css"),
    ),
    (
        "/dashboard/icon.svg",
        "image/svg+xml",
        include_str!("dashboard/icon.svg"),
    ),
];

/// The kind and the text of the file at a path.
pub(super) fn at(path: &str) -> Option<(&'static str, &'static str)> {
    let page = PAGES.iter().find(|(known, ..)| *known == path);
    page.map(|(_, kind, text)| (*kind, *text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_asks_for_nothing_that_is_not_here() {
        let (_, html) = at(DASHBOARD).unwrap();
        let mut asked = 0;
        for part in html.split(['"', '\'']) {
            if part.starts_with("/dashboard") {
                assert!(at(part).is_some(), "{part}");
                asked += 1;
            }
        }
        assert_eq!(asked, 3);
        for (path, _, text) in PAGES {
            for outside in [
                "https://",
                "//cdn",
                "innerHTML",
                "style=\"",
                "onclick",
                "eval(",
            ] {
                assert!(!text.contains(outside), "{path}: {outside}");
            }
            let http = text.replace("http://www.w3.org/", "");
            assert!(!http.contains("http://"), "{path}");
        }
    }
}

//! Proves in a browser that the operator's page lets in whoever has the token, shows
//! what the host does while it does it, obeys, and can be read on any screen.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use fusebox_tests::{Browser, Client, Host, Setup, until};
use serde_json::{Value, json};

const DESKTOP: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (360, 740);
const SMALL_PHONE: (u32, u32) = (320, 568);

const FLIP: &str = "[data-plugin=misbehave] [data-handler=flip]";

struct Board {
    host: Host,
    token: String,
    browser: Browser,
}

fn host() -> (Host, String, String) {
    let host = Setup::new()
        .plugin("hello")
        .plugin("everything")
        .plugin("misbehave")
        .file("broken", b"this is no component")
        .admin()
        .start();
    let (address, file) = host.admin();
    let token = std::fs::read_to_string(file).expect("the token is in its file");
    let url = format!("http://{address}");
    (host, token.trim().to_owned(), url)
}

/// A page that is open, by the link that `fusebox dashboard` gives.
fn board(scheme: &str, size: (u32, u32)) -> Board {
    let (host, token, url) = host();
    let mut browser = Browser::start(&url, scheme, size);
    browser.open(&format!("/dashboard#token={token}"));
    browser.see("body[data-state=live] #board");
    Board {
        host,
        token,
        browser,
    }
}

impl Board {
    fn call_flip(client: &mut Client, fail: bool) -> Result<Value, Value> {
        client.call("flip", json!({"fail": fail}))
    }

    fn open_the_breaker(&mut self) {
        let mut client = Client::modern(&self.host);
        for _ in 0..5 {
            Self::call_flip(&mut client, true).expect_err("a fault");
        }
    }

    /// Nothing was complained about, and nobody else was asked.
    #[track_caller]
    fn check_quiet(&mut self) {
        let noticed = self.browser.ask(&json!({"do": "problems"}));
        assert_eq!(noticed, json!({"problems": [], "foreign": []}));
    }

    /// Nothing stands beside the screen.
    #[track_caller]
    fn check_fits(&mut self) {
        let widths = self.browser.run(
            "[document.documentElement.scrollWidth, window.innerWidth, \
             [...document.querySelectorAll('body *')].filter((one) => one.checkVisibility() \
             && one.getBoundingClientRect().right > window.innerWidth + 1 \
             && !one.closest('svg') && !one.closest('.visually-hidden')).map((one) => one.outerHTML.slice(0, 120))]",
        );
        let (whole, seen) = (widths[0].as_u64(), widths[1].as_u64());
        assert!(whole <= seen && widths[2] == json!([]), "{widths:#}");
    }

    /// For whoever wants to look: into the folder that `FUSEBOX_PICTURES` names.
    fn picture(&mut self, name: &str) {
        if let Some(folder) = std::env::var_os("FUSEBOX_PICTURES") {
            let path = PathBuf::from(folder).join(format!("{name}.png"));
            let path = path.display().to_string();
            self.browser.ask(&json!({"do": "picture", "path": path}));
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since.expect("a time after 1970").as_millis();
    i64::try_from(millis).expect("a time of today")
}

#[test]
fn whoever_has_the_token_comes_in() {
    let (_host, token, url) = host();
    let mut browser = Browser::start(&url, "light", DESKTOP);
    browser.open("/");
    browser.see("#login");
    assert_eq!(browser.run("location.pathname"), "/dashboard");
    // The refusals themselves are told on the console, by the browser.
    for wrong in ["x", "fba_x"] {
        browser.ask(&json!({"do": "fill", "at": "#token", "value": wrong}));
        browser.click("#login button");
        browser.see("#login-problem:not(:empty)");
        let told = browser.text("#login-problem");
        assert!(told.contains("not the token of this host"), "{told}");
    }
    browser.ask(&json!({"do": "fill", "at": "#token", "value": token}));
    browser.ask(&json!({"do": "press", "key": "Enter"}));
    browser.see("body[data-state=live] #board");
    let cookies = browser.ask(&json!({"do": "cookies"}));
    let cookie = &cookies[0];
    assert_eq!(
        (&cookie["httpOnly"], &cookie["sameSite"]),
        (&json!(true), &json!("Strict")),
        "{cookies}"
    );
    assert_ne!(cookie["value"], json!(token));
    assert_eq!(browser.run("document.cookie"), "");
    // Who comes again is known, until they leave.
    browser.open("/dashboard");
    browser.see("body[data-state=live] #board");
    browser.click("#logout");
    browser.see("#login");
    browser.open("/dashboard");
    browser.see("#login");
}

#[test]
fn a_link_opens_the_page_and_leaves_no_token_behind() {
    let mut board = board("light", DESKTOP);
    let address = board.browser.run("location.href");
    let address = address.as_str().expect("an address").to_owned();
    assert!(!address.contains(&board.token), "{address}");
    assert!(address.ends_with("/dashboard"), "{address}");
    let seen = board.browser.text("body");
    assert!(!seen.contains(&board.token));
    board.check_quiet();
}

#[test]
fn the_page_shows_a_breaker_that_opens_and_closes_it_by_order() {
    let mut board = board("light", DESKTOP);
    let before = board.browser.text("#facts");
    let mut client = Client::modern(&board.host);
    for _ in 0..4 {
        Board::call_flip(&mut client, true).expect_err("a fault");
    }
    let opened = format!("{FLIP}[data-state=open]");
    board.browser.send(&json!({"do": "when", "at": opened}));
    Board::call_flip(&mut client, true).expect_err("a fault");
    let faulted = now_ms();
    let shown = board.browser.receive();
    let shown = shown.as_i64().expect("a time");
    eprintln!(
        "the page shows the breaker open {} ms after the fault",
        shown - faulted
    );

    board.browser.see("#status[data-status=degraded]");
    let cause = board.browser.text("#causes");
    assert!(
        cause.contains("1 breakers of plugin misbehave are not closed"),
        "{cause}"
    );
    let fuse = board.browser.text(FLIP);
    assert!(fuse.contains("open, probes in"), "{fuse}");
    let faults = board
        .browser
        .ask(&json!({"do": "count", "at": "#faults li"}));
    assert_eq!(faults, 5);
    let fault = board.browser.text("#faults li");
    assert!(
        fault.contains("trapped") && fault.contains("flip"),
        "{fault}"
    );
    board.picture("desktop-open");

    // By keyboard alone.
    let reset = format!("{FLIP} .reset");
    let focused = format!("document.querySelector({reset:?}).focus()");
    board.browser.run(&focused);
    board.browser.ask(&json!({"do": "press", "key": "Enter"}));
    board.browser.see(&format!("{FLIP}[data-state=closed]"));
    Board::call_flip(&mut client, false).expect("it passes again");
    board.browser.see("#changes li");
    let changes = board.browser.text("#changes");
    assert!(changes.contains("reset"), "{changes}");
    assert!(changes.contains("127.0.0.1 by dashboard"), "{changes}");

    // Figures move by themselves.
    until("the figures have moved", || {
        (board.browser.text("#facts") != before).then_some(())
    });
    let calls = format!("{FLIP} .state");
    until("the call is counted", || {
        board.browser.text(&calls).contains("6 calls").then_some(())
    });
    board.check_quiet();
}

#[test]
fn a_file_that_can_not_be_used_is_explained() {
    let mut board = board("light", DESKTOP);
    let broken = board.browser.text("[data-plugin=broken]");
    assert!(broken.contains("failed"), "{broken}");
    let problem = board.browser.text("[data-plugin=broken] .problem");
    assert!(problem.len() > 10, "{problem}");
    board.host.remove("broken");
    board
        .browser
        .ask(&json!({"do": "gone", "at": "[data-plugin=broken]"}));
    board.check_quiet();
}

#[test]
fn the_host_drains_and_resumes_when_asked_twice() {
    let mut board = board("light", DESKTOP);
    board.browser.click("#drain");
    board.browser.see("#ask[open]");
    // Leaving it is what Enter does.
    board.browser.ask(&json!({"do": "press", "key": "Enter"}));
    board.browser.ask(&json!({"do": "gone", "at": "#ask"}));
    assert_eq!(board.host.get("/ready").head.status, 200);
    board.browser.click("#drain");
    board.browser.click("#ask-yes");
    board.browser.see("#status[data-status=draining]");
    assert_eq!(board.host.get("/ready").head.status, 503);
    board.browser.click("#drain");
    until("the host takes everybody", || {
        (board.host.get("/ready").head.status == 200).then_some(())
    });
    board.check_quiet();
}

#[test]
fn details_are_told_when_they_are_opened() {
    let mut board = board("light", DESKTOP);
    let _session = Client::legacy(&board.host);
    for (name, words) in [
        ("sessions", "2025-11-25"),
        ("tasks", "There are none."),
        ("config", "max_connections = 15000"),
    ] {
        board.browser.click(&format!("#{name} summary"));
        board.browser.see(&format!("#{name} .body > *"));
        let told = board.browser.text(&format!("#{name} .body"));
        assert!(told.contains(words), "{name}: {told}");
    }
    board.check_quiet();
}

#[test]
fn a_host_that_is_gone_is_said_to_be_gone() {
    let mut board = board("light", DESKTOP);
    board.host.kill();
    board.browser.see("body[data-state=lost] #lost");
    let lost = board.browser.text("#lost");
    assert!(lost.contains("Disconnected since"), "{lost}");
    assert_eq!(board.browser.text("#live"), "disconnected");
    board.picture("desktop-lost");
}

#[test]
fn it_fits_on_any_screen_in_light_and_in_dark() {
    let mut pages = Vec::new();
    for (scheme, size, name) in [
        ("light", PHONE, "phone-light"),
        ("dark", SMALL_PHONE, "phone-small-dark"),
        ("dark", DESKTOP, "desktop-dark"),
    ] {
        let mut board = board(scheme, size);
        board.open_the_breaker();
        board.browser.see(&format!("{FLIP}[data-state=open]"));
        board.check_fits();
        board.browser.click("#config summary");
        board.browser.see("#config pre");
        board.check_fits();
        board.picture(name);
        let page = board
            .browser
            .run("getComputedStyle(document.body).backgroundColor");
        pages.push(page);
        board.check_quiet();
    }
    assert_ne!(pages[0], pages[1], "dark is another page than light");
    assert_eq!(pages[1], pages[2]);
}

/// The contrast of each text with what is behind it is at least what WCAG 2 asks for,
/// level AA.
#[test]
fn every_text_can_be_read() {
    for scheme in ["light", "dark"] {
        let mut board = board(scheme, DESKTOP);
        board.open_the_breaker();
        board.browser.see(&format!("{FLIP}[data-state=open]"));
        let poor = board.browser.run(CONTRAST);
        assert_eq!(poor, json!([]), "{scheme}: {poor:#}");
        let unnamed = board.browser.run(UNNAMED);
        assert_eq!(unnamed, json!([]), "{unnamed:#}");
    }
}

/// Texts with too little contrast, and how much they have.
const CONTRAST: &str = r"(() => {
    const parse = (color) => color.match(/[\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, at) => sum + part * [0.2126, 0.7152, 0.0722][at], 0);
    const behind = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const color = parse(getComputedStyle(at).backgroundColor);
            if (color.length < 4 || color[3] === 1) return color;
        }
        return [255, 255, 255];
    };
    const poor = [];
    for (const one of document.querySelectorAll('body *')) {
        const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
        if (!own || !one.checkVisibility() || one.closest('.visually-hidden, option')) continue;
        const style = getComputedStyle(one);
        const [ink, page] = [light(parse(style.color)), light(behind(one))];
        const contrast = (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05);
        const large = parseFloat(style.fontSize) >= 24;
        if (contrast < (large ? 3 : 4.5)) poor.push([one.outerHTML.slice(0, 100), contrast]);
    }
    return poor;
})()";

/// What can be used and has no name for those who don't see it.
const UNNAMED: &str = r"[...document.querySelectorAll('button, select, input, summary, [role=img]')]
    .filter((one) => one.checkVisibility() && !(one.getAttribute('aria-label')
        || one.textContent.trim() || (one.labels && one.labels.length)))
    .map((one) => one.outerHTML.slice(0, 100))";

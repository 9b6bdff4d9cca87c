//! A real browser: Chromium, headless, driven by its own driver.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use thirtyfour::prelude::*;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::visit::Visitor;

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(100);
/// What a window can be made to; below, a telephone is played.
const NARROWEST_WINDOW: u32 = 500;
/// The checker, as it comes from npm.
const AXE: &str = include_str!("axe-core/axe.min.js");
const CHECK: &str = r#"
const done = arguments[arguments.length - 1];
axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) =>
  done(violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html} ${node.any.map((a) => a.message)}`))));
"#;
/// Set where a missing browser is an error.
const REQUIRED: &str = "BROWSER_TESTS";
/// The folder for pictures of the pages; without one, none are taken.
const PICTURES: &str = "PICTURES";

/// A browser with its driver. The driver ends with it.
pub struct Browser {
    pub driver: WebDriver,
    base: Url,
    _driver_process: Child,
    _profile: tempfile::TempDir,
}

/// How a browser is set up.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    pub scripts: bool,
    pub dark: bool,
    pub width: u32,
}

impl Default for Setup {
    fn default() -> Self {
        Self { scripts: true, dark: false, width: 1_200 }
    }
}

/// Runs `test` in a browser; says so and passes where there is none, unless one is required.
pub async fn in_a_browser<F: Future<Output = ()>>(base: &Url, setup: Setup, test: impl FnOnce(Browser) -> F) {
    if let Some(browser) = Browser::open(base, setup).await {
        test(browser).await;
    } else {
        assert!(variable(REQUIRED).is_none(), "{REQUIRED} is set, but there is no chromedriver");
        skipped("there is no chromedriver (Debian: apt-get install chromium chromium-driver)");
    }
}

#[expect(clippy::disallowed_methods, reason = "how tests are run is no setting of the program")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[expect(clippy::print_stderr, reason = "whoever reads the log of the tests should see it")]
fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

impl Browser {
    async fn open(base: &Url, setup: Setup) -> Option<Self> {
        let mut process = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .ok()?;
        let mut lines = BufReader::new(process.stdout.take()?).lines();
        let port = loop {
            let line = lines.next_line().await.ok()??;
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let profile = tempfile::tempdir().unwrap();
        let mut capabilities = DesiredCapabilities::chrome();
        let size = format!("--window-size={},1400", setup.width);
        let data = format!("--user-data-dir={}", profile.path().display());
        let mut flags = vec![
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--lang=en-US",
            &size,
            &data,
        ];
        if setup.dark {
            flags.push("--force-dark-mode");
        }
        for flag in flags {
            capabilities.add_arg(flag).unwrap();
        }
        if setup.width < NARROWEST_WINDOW {
            let metrics =
                serde_json::json!({"deviceMetrics": {"width": setup.width, "height": 800, "pixelRatio": 1.0}});
            capabilities.add_experimental_option("mobileEmulation", metrics).unwrap();
        }
        if !setup.scripts {
            let off = serde_json::json!({"profile.managed_default_content_settings.javascript": 2});
            capabilities.add_experimental_option("prefs", off).unwrap();
        }
        let driver = WebDriver::new(format!("http://127.0.0.1:{port}"), capabilities).await.unwrap();
        Some(Self { driver, base: base.clone(), _driver_process: process, _profile: profile })
    }

    /// Opens one of our pages.
    pub async fn open_page(&self, path: &str) {
        self.driver.goto(self.base.join(path).unwrap().as_str()).await.unwrap();
    }

    /// The path of the page that is open.
    pub async fn path(&self) -> String {
        self.driver.current_url().await.unwrap().path().to_owned()
    }

    /// All text of the page, as people see it.
    pub async fn text(&self) -> String {
        self.find("body").await.text().await.unwrap()
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> WebElement {
        let query = self.driver.query(By::Css(css)).wait(PATIENCE, POLL);
        match query.first().await {
            Ok(element) => element,
            Err(error) => panic!(
                "{css} is not on the page {}: {error}\n{}",
                self.path().await,
                self.driver.source().await.unwrap()
            ),
        }
    }

    /// Waits until the page says this.
    pub async fn wait_for(&self, text: &str) {
        for _ in 0..PATIENCE.as_millis() / POLL.as_millis() {
            if self.driver.source().await.is_ok_and(|source| source.contains(text)) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        panic!("the page {} never said {text:?}:\n{}", self.path().await, self.text().await);
    }

    /// Presses the button, or follows the link, with this text.
    pub async fn press(&self, text: &str) {
        let path = format!("//*[self::a or self::button][contains(normalize-space(.), '{text}')]");
        let query = self.driver.query(By::XPath(&path)).wait(PATIENCE, POLL);
        match query.first().await {
            Ok(element) => {
                element.scroll_into_view().await.unwrap();
                element.click().await.unwrap();
            }
            Err(error) => panic!("there is no {text:?} to press: {error}\n{}", self.text().await),
        }
    }

    /// Chooses an option of a drop-down.
    pub async fn choose(&self, name: &str, value: &str) {
        self.find(&format!("select[name={name}] option[value={value}]")).await.click().await.unwrap();
    }

    /// Fills in a field in place of what it has.
    pub async fn fill(&self, name: &str, text: &str) {
        let field = self.find(&format!("[name={name}]")).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Signs in at Microsoft's page as this account, when it is asked for.
    pub async fn sign_in(&self, account: &str) {
        self.press(account).await;
    }

    /// Has the session of somebody who has signed in.
    pub async fn be(&self, visitor: &Visitor<'_>) {
        self.open_page("/signed-out").await;
        let (name, value) = visitor.cookie.split_once('=').unwrap();
        self.driver.add_cookie(Cookie::new(name, value)).await.unwrap();
    }

    /// What axe-core finds wrong with the page by WCAG 2.2, levels A and AA; one line each.
    pub async fn violations(&self) -> Vec<String> {
        self.driver.execute(AXE, Vec::new()).await.unwrap();
        let found = self.driver.execute_async(CHECK, Vec::new()).await.unwrap();
        found.convert().unwrap()
    }

    /// Spoils the page, to see whether that is noticed.
    pub async fn spoil(&self) {
        let script = "document.querySelector('main').innerHTML += '<img src=\"/x\"><input>'";
        self.driver.execute(script, Vec::new()).await.unwrap();
    }

    /// Presses keys, wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        self.driver.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// The text, or the label, of what has the focus.
    pub async fn focused(&self) -> String {
        let script =
            "const e = document.activeElement; return e.labels?.[0]?.textContent || e.textContent || e.name || ''";
        self.driver.execute(script, Vec::new()).await.unwrap().convert().unwrap()
    }

    /// True when something is wider than the window.
    pub async fn is_too_wide(&self) -> bool {
        let script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        self.driver.execute(script, Vec::new()).await.unwrap().convert().unwrap()
    }

    /// Takes a picture of the page, where pictures are wanted.
    pub async fn picture(&self, name: &str) {
        if let Some(folder) = variable(PICTURES) {
            self.driver.screenshot(&PathBuf::from(folder).join(format!("{name}.png"))).await.unwrap();
        }
    }
}

//! A real browser: Chromium, headless, driven by its own driver.

use std::io;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::error::CmdError;
use fantoccini::wd::{WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use futures::FutureExt as _;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use url::Url;

use super::visit::Visitor;
use crate::clock::{PAUSE, pause_for_process};

/// How long something may take to appear.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a window can be made to; below, a telephone is played.
const NARROWEST_WINDOW: u32 = 500;
/// The checker, as it comes from npm.
const AXE: &str = include_str!("axe-core/axe.min.js");
const CHECK: &str = r#"
const done = arguments[arguments.length - 1];
axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) =>
  done(violations.flatMap(({ id, help, nodes }) => nodes.map((node) => `${id}: ${help}: ${node.html} ${node.any.map((a) => a.message)}`))));
"#;
/// A command of the `DevTools` protocol, which chromedriver passes on.
#[derive(Debug)]
struct DevTools {
    name: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({"cmd": self.name, "params": self.parameters}).to_string()))
    }
}

/// Set where a missing browser is an error.
const REQUIRED: &str = "BROWSER_TESTS";
/// The folder for pictures of the pages; without one, none are taken.
const PICTURES: &str = "PICTURES";

/// A browser with its driver.
pub struct Browser {
    client: Client,
    base: Url,
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

/// Runs `test` in a browser, and closes that whatever comes of it; says so and passes where there is none, unless one is
/// required.
pub async fn in_a_browser<F: Future<Output = ()>>(base: &Url, setup: Setup, test: impl FnOnce(Arc<Browser>) -> F) {
    let Some((driver, port)) = start_driver().await.unwrap() else {
        assert!(variable(REQUIRED).is_none(), "{REQUIRED} is set, but there is no chromedriver");
        skipped("there is no chromedriver (Debian: apt-get install chromium chromium-driver)");
        return;
    };
    let profile = tempfile::tempdir().unwrap();
    let client = open(port, setup, profile.path()).await;
    let browser = Arc::new(Browser { client: client.clone(), base: base.clone() });
    let outcome = AssertUnwindSafe(test(browser)).catch_unwind().await;
    client.close().await.unwrap();
    drop(driver);
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

/// Starts the driver on a free port; `None` when there is none here.
async fn start_driver() -> io::Result<Option<(Child, u16)>> {
    let mut said = Vec::new();
    // It was seen to end before it had a port, when much was starting at once.
    for _ in 0..5 {
        let mut driver = Command::new("chromedriver");
        driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = match driver.spawn() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            started => started?,
        };
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        while let Some(line) = lines.next_line().await? {
            let port = line.split_once("started successfully on port ");
            if let Some(port) = port.and_then(|(_, port)| port.trim_end_matches('.').parse().ok()) {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Some((process, port)));
            }
            said.push(line);
        }
    }
    Err(io::Error::other(format!("chromedriver does not start: {said:?}")))
}

async fn open(port: u16, setup: Setup, profile: &Path) -> Client {
    let mut flags = [
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
    ]
    .map(str::to_owned)
    .to_vec();
    flags.push(format!("--window-size={},1400", setup.width));
    flags.push(format!("--user-data-dir={}", profile.display()));
    if setup.dark {
        flags.push("--force-dark-mode".to_owned());
    }
    let mut options = json!({"args": flags});
    if setup.width < NARROWEST_WINDOW {
        options["mobileEmulation"] = json!({"deviceMetrics": {"width": setup.width, "height": 800, "pixelRatio": 1.0}});
    }
    if !setup.scripts {
        options["prefs"] = json!({"profile.managed_default_content_settings.javascript": 2});
    }
    // A busy machine takes longer than the 30 seconds that scripts have otherwise.
    let timeouts = json!({"script": 120_000});
    let capabilities = json!({"browserName": "chrome", "timeouts": timeouts, "goog:chromeOptions": options});
    let Value::Object(capabilities) = capabilities else { unreachable!("an object") };
    let mut builder = ClientBuilder::new(HttpConnector::new());
    builder.capabilities(capabilities).connect(&format!("http://127.0.0.1:{port}")).await.unwrap()
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
    /// Opens one of our pages.
    pub async fn open_page(&self, path: &str) {
        self.client.goto(self.base.join(path).unwrap().as_str()).await.unwrap();
    }

    /// Opens any address.
    pub async fn open_url(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The whole address of the page that is open.
    pub async fn url(&self) -> Url {
        self.client.current_url().await.unwrap()
    }

    /// Loads the page once more.
    pub async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// Goes back in the history.
    pub async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// Opens a further tab, which is in front then.
    pub async fn open_tab(&self) -> WindowHandle {
        let tab = self.client.new_window(true).await.unwrap().handle;
        self.client.switch_to_window(tab.clone()).await.unwrap();
        tab
    }

    /// Brings a tab to the front.
    pub async fn show_tab(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.unwrap();
    }

    /// Runs a script on the page, which calls its last argument when it is done.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute_async(script, arguments).await.unwrap()
    }

    /// Gives a command of the `DevTools` protocol.
    pub async fn command(&self, name: &'static str, parameters: Value) {
        self.client.issue_cmd(DevTools { name, parameters }).await.unwrap();
    }

    /// The path of the page that is open.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// All text of the page, as people see it.
    pub async fn text(&self) -> String {
        self.find("body").await.text().await.unwrap()
    }

    /// Waits for an element.
    pub async fn find(&self, css: &str) -> Element {
        match self.wait(Locator::Css(css)).await {
            Ok(element) => element,
            Err(error) => panic!(
                "{css} is not on the page {}: {error}\n{}",
                self.path().await,
                self.client.source().await.unwrap()
            ),
        }
    }

    async fn wait(&self, locator: Locator<'_>) -> Result<Element, CmdError> {
        self.client.wait().at_most(PATIENCE).every(PAUSE).for_element(locator).await
    }

    /// Waits until the page says this.
    pub async fn wait_for(&self, text: &str) {
        for _ in 0..PATIENCE.as_millis() / PAUSE.as_millis() {
            if self.client.source().await.is_ok_and(|source| source.contains(text)) {
                return;
            }
            pause_for_process().await;
        }
        panic!("the page {} never said {text:?}:\n{}", self.path().await, self.text().await);
    }

    /// Presses the button, or follows the link, with this text.
    pub async fn press(&self, text: &str) {
        let path = format!("//*[self::a or self::button][contains(normalize-space(.), '{text}')]");
        loop {
            let pressed = match self.wait(Locator::XPath(&path)).await {
                Ok(element) => element.click().await,
                Err(error) => panic!("there is no {text:?} to press: {error}\n{}", self.text().await),
            };
            match pressed {
                // The page was exchanged for a new look at it in between.
                Err(error) if error.is_stale_element_reference() => {}
                pressed => return pressed.unwrap(),
            }
        }
    }

    /// Chooses an option of a drop-down.
    pub async fn choose(&self, name: &str, value: &str) {
        self.find(&format!("select[name={name}] option[value='{value}']")).await.click().await.unwrap();
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
        self.give(visitor).await;
    }

    async fn give(&self, visitor: &Visitor<'_>) {
        let cookie = json!(format!("{}; path=/", visitor.cookie));
        self.client.execute("document.cookie = arguments[0]", vec![cookie]).await.unwrap();
    }

    /// Has another session from now on, on the page that is open.
    pub async fn has(&self, visitor: &Visitor<'_>) {
        let (name, _) = visitor.cookie.split_once('=').unwrap();
        // Scripts cannot replace one that is for the server alone.
        self.client.delete_cookie(name).await.unwrap();
        self.give(visitor).await;
    }

    /// What a field has.
    pub async fn value(&self, name: &str) -> String {
        self.find(&format!("[name={name}]")).await.prop("value").await.unwrap().unwrap()
    }

    /// What axe-core finds wrong with the page by WCAG 2.2, levels A and AA; one line each.
    pub async fn violations(&self) -> Vec<String> {
        self.client.execute(AXE, Vec::new()).await.unwrap();
        serde_json::from_value(self.client.execute_async(CHECK, Vec::new()).await.unwrap()).unwrap()
    }

    /// Spoils the page, to see whether that is noticed.
    pub async fn spoil(&self) {
        let script = "document.querySelector('main').innerHTML += '<img src=\"/x\"><input>'";
        self.client.execute(script, Vec::new()).await.unwrap();
    }

    /// Presses keys, wherever the focus is.
    pub async fn keys(&self, keys: &str) {
        self.client.active_element().await.unwrap().send_keys(keys).await.unwrap();
    }

    /// The text, or the label, of what has the focus.
    pub async fn focused(&self) -> String {
        let script =
            "const e = document.activeElement; return e.labels?.[0]?.textContent || e.textContent || e.name || ''";
        serde_json::from_value(self.client.execute(script, Vec::new()).await.unwrap()).unwrap()
    }

    /// True when something is wider than the window.
    pub async fn is_too_wide(&self) -> bool {
        let script = "return document.documentElement.scrollWidth > document.documentElement.clientWidth";
        serde_json::from_value(self.client.execute(script, Vec::new()).await.unwrap()).unwrap()
    }

    /// Takes a picture of the page, where pictures are wanted.
    pub async fn picture(&self, name: &str) {
        if let Some(folder) = variable(PICTURES) {
            let picture = self.client.screenshot().await.unwrap();
            std::fs::write(PathBuf::from(folder).join(format!("{name}.png")), picture).unwrap();
        }
    }
}

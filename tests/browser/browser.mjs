// What the browser tests share: Chromium, the program under test, and what must hold for every page.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

// The packages are where the tests are started, not beside these files.
export const require = createRequire(resolve("package.json"));
const { chromium } = require("playwright-core");
const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const PROGRAM = process.env.MICROALIGN_PROGRAM;
const SCREENS = process.env.MICROALIGN_SCREENS;
export const SECRET = "a secret of the browser tests";

/** The sizes and colours in which every page is looked at. */
export const LOOKS = [
    { name: "wide-light", viewport: { width: 1280, height: 900 }, colorScheme: "light" },
    { name: "wide-dark", viewport: { width: 1280, height: 900 }, colorScheme: "dark" },
    { name: "phone-light", viewport: { width: 390, height: 844 }, colorScheme: "light" },
    { name: "phone-dark", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
];

/** Starts Chromium. */
export function launch() {
    const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find((path) => existsSync(path));
    assert.ok(executablePath, "there is no Chromium: install it");
    // CI runs as root, for whom Chromium has no sandbox.
    return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A program that runs until it is stopped, whose output said what was waited for. */
class Program {
    constructor(args, waitFor) {
        this.output = "";
        this.child = spawn(PROGRAM, args, { stdio: ["ignore", "pipe", "pipe"] });
        this.ready = new Promise((done, failed) => {
            const read = (chunk) => {
                this.output += chunk;
                const found = this.output.match(waitFor);
                if (found) done(found);
            };
            this.child.stdout.on("data", read);
            this.child.stderr.on("data", read);
            this.child.on("exit", (code) => failed(new Error(`the program ended with ${code}:\n${this.output}`)));
        });
    }

    async stop() {
        if (this.child.exitCode !== null) return;
        const ended = new Promise((done) => this.child.once("exit", done));
        this.child.kill("SIGINT");
        await ended;
    }
}

/** The demo, when its story is over: its address. */
export async function demo() {
    const program = new Program(["demo"], /The service stays up: (http:\S+?)\/? /);
    const [, address] = await program.ready;
    return { address, stop: () => program.stop() };
}

/** A service with these files beside its configuration. */
export async function serve(files) {
    const folder = mkdtempSync(join(tmpdir(), "microalign-browser-"));
    for (const [name, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), text);
    }
    const program = new Program(["serve", "-c", join(folder, "microalign.toml")], /listening.*?(127\.0\.0\.1:\d+)/);
    const [, place] = await program.ready;
    const address = `http://${place}`;
    const stop = async () => {
        await program.stop();
        rmSync(folder, { recursive: true });
    };
    let last = 0;
    const github = async (event, payload) => {
        const body = JSON.stringify(payload);
        const signature = `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`;
        last += 1;
        const headers = { "content-type": "application/json", "x-github-event": event, "x-github-delivery": `b-${last}`,
            "x-hub-signature-256": signature };
        const answer = await fetch(`${address}/webhooks/github`, { method: "POST", headers, body });
        assert.equal(answer.status, 202);
        return (await answer.json()).event;
    };
    return { address, folder, github, stop };
}

/** A page of Chromium's that fails the test if anything is asked elsewhere, is blocked, or ends with an error. */
export async function open(browser, options = {}) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const wrong = [];
    page.on("console", (message) => { if (message.type() === "error") wrong.push(message.text()); });
    page.on("pageerror", (error) => wrong.push(String(error)));
    page.on("dialog", (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); return dialog.dismiss(); });
    page.on("request", (request) => {
        const url = new URL(request.url());
        const ours = ["127.0.0.1", "localhost"].includes(url.hostname) || ["data:", "blob:", "about:"].includes(url.protocol);
        if (!ours) wrong.push(`asks elsewhere: ${url}`);
    });
    return { page, context, wrong };
}

/** What must hold for every page as it is shown now. */
export async function sound(page, name) {
    const structure = await page.evaluate(() => ({
        mains: document.querySelectorAll("main").length,
        headings: document.querySelectorAll("h1").length,
        title: document.title,
        overflow: document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth,
        addresses: [...document.querySelectorAll("[href],[src],[action]")]
            .flatMap((element) => ["href", "src", "action"].map((name) => element.getAttribute(name)).filter(Boolean)),
        hacked: window.hacked,
    }));
    assert.equal(structure.mains, 1, `${name}: <main>`);
    assert.equal(structure.headings, 1, `${name}: <h1>`);
    assert.ok(structure.title.length > 3, `${name}: a title`);
    assert.ok(structure.overflow <= 0, `${name}: ${structure.overflow} px are cut off to the right`);
    assert.equal(structure.hacked, undefined, `${name}: a script of somebody else's ran`);
    const foreign = structure.addresses.filter((address) => /^\s*(javascript|vbscript|data:text)/i.test(address));
    assert.deepEqual(foreign, [], name);
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const said = violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
    assert.deepEqual(said, [], `${name}: axe`);
}

/** Keeps a picture of the page for somebody to look at, if a folder for them was named. */
export async function keep(page, name) {
    if (SCREENS) await page.screenshot({ path: join(SCREENS, `${name}.png`), fullPage: true });
}

/** Every different kind of page that is reached by links from `start`, a few of each. */
export async function crawl(page, address, each = 2) {
    const seen = new Set(), kinds = new Map(), queue = ["/"], found = [];
    while (queue.length > 0) {
        const path = queue.shift();
        const kind = path.replace(/\?.*/, "").split("/").slice(0, 2).join("/");
        if (seen.has(path) || (kinds.get(kind) ?? 0) >= each) continue;
        seen.add(path);
        kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
        const answer = await page.goto(address + path);
        assert.equal(answer.status(), 200, path);
        found.push(path);
        // In a picture, `href` isn't a string.
        const links = await page.evaluate(() => [...document.querySelectorAll("a[href]:not([download])")]
            .map((link) => new URL(link.getAttribute("href"), location.href).href));
        for (const link of links) {
            const url = new URL(link);
            if (url.origin === address && !url.pathname.endsWith(".csv") && !url.pathname.startsWith("/api/")) queue.push(url.pathname + url.search);
        }
    }
    return found;
}

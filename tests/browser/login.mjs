// Somebody logs in to the console in Chromium, with a real provider (oidc.mjs), and is let in, refused and logged out.
//   node login.mjs PROGRAM   in the folder of the npm packages; PROGRAM is the program to test
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const require = createRequire(resolve("package.json"));
const { chromium } = require("playwright-core");
const program = resolve(process.argv[2]);
const here = dirname(fileURLToPath(import.meta.url));
const children = [];

/** Starts a program, and waits for a line that says something. */
async function started(command, args, cwd, said) {
    const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "pipe"] });
    children.push(child);
    const lines = [];
    const found = new Promise((found, failed) => {
        for (const stream of [child.stdout, child.stderr]) {
            createInterface({ input: stream }).on("line", (line) => {
                lines.push(line);
                const value = said(line);
                if (value) found(value);
            });
        }
        child.on("exit", () => failed(new Error(`${command} ended:\n${lines.join("\n")}`)));
    });
    return await found;
}

async function freePort() {
    const server = createServer();
    await new Promise((done) => server.listen(0, "127.0.0.1", done));
    const { port } = server.address();
    await new Promise((done) => server.close(done));
    return port;
}

const home = mkdtempSync(join(tmpdir(), "microalign-login-"));
let browser;
try {
    const port = await freePort();
    const base = `http://127.0.0.1:${port}`;
    const json = (line) => (line.startsWith("{") ? JSON.parse(line) : undefined);
    const provider = await started("node", [join(here, "oidc.mjs"), `${base}/login/done`], process.cwd(), json);
    mkdirSync(join(home, "rules"));
    writeFileSync(join(home, "microalign.toml"), `
[server]
listen = "127.0.0.1:${port}"
public_url = "${base}"
[github]
secrets = ["0123456789abcdef"]
[console]
view = ["@example.com"]
operate = ["group:operators"]
[console.oidc]
issuer = "${provider.issuer}"
client_id = "${provider.client_id}"
client_secret = "${provider.client_secret}"
`);
    const listening = (line) => (line.includes('"listening"') ? JSON.parse(line) : undefined);
    await started(program, ["serve", "--log", "json"], home, listening);
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });

    /** A new browser, which complains about everything that a page may not do. */
    async function visitor() {
        const context = await browser.newContext();
        const page = await context.newPage();
        page.on("console", (message) => {
            // The provider's own pages load what isn't there.
            const expected = /status of (401|403)/.test(message.text()) || !page.url().startsWith(base);
            if (message.type() === "error" && !expected) throw new Error(`${page.url()}: ${message.text()}`);
        });
        return page;
    }

    /** Logs in from the page that is shown. */
    async function logIn(page, name) {
        await page.getByRole("link", { name: "Log in" }).click();
        await page.locator("input[name=login]").fill(name);
        await page.locator("input[name=password]").fill("any");
        await page.getByRole("button").first().click();
        await page.getByRole("button", { name: "Continue" }).click();
        await page.waitForURL(`${base}/**`);
    }

    const heading = (page) => page.getByRole("heading", { level: 1 }).textContent();

    // An operator comes back to where they wanted to go.
    const ana = await visitor();
    const asked = await ana.goto(`${base}/audit`);
    assert.equal(asked.status(), 401);
    await logIn(ana, "ana@example.com operators");
    assert.equal(ana.url(), `${base}/audit`);
    assert.equal(await heading(ana), "Changes");
    assert.match(await ana.locator(".visitor").textContent(), /ana@example\.com/);

    // Scripts see no cookie, and a form on another site does nothing.
    assert.equal(await ana.evaluate(() => document.cookie), "");
    const evil = createServer((_, answer) => {
        answer.setHeader("content-type", "text/html");
        answer.end(`<form method="post" action="${base}/logout"><input name="form_token" value="x"></form>
            <script>document.forms[0].submit()</script>`);
    });
    await new Promise((done) => evil.listen(0, "127.0.0.1", done));
    for (const host of ["127.0.0.1", "localhost"]) {
        const tab = await ana.context().newPage();
        const sent = tab.waitForResponse((response) => response.url() === `${base}/logout`);
        await tab.goto(`http://${host}:${evil.address().port}/`);
        await sent;
        await tab.close();
        await ana.reload();
        assert.equal(await heading(ana), "Changes", `still logged in after a form on ${host}`);
    }
    evil.close();

    // A role that isn't enough, and none.
    const bo = await visitor();
    await bo.goto(base);
    await logIn(bo, "bo@example.com");
    assert.equal(await heading(bo), "Activity");
    const refused = await bo.goto(`${base}/audit`);
    assert.equal(refused.status(), 403);
    assert.match(await bo.locator("main").textContent(), /This takes the role `operate`\. You have the role `view`\./);
    for (const [name, said] of [
        ["mallory@evil.example", /who has no role here/],
        ["unverified@example.com", /hasn't verified your mail address/],
    ]) {
        const stranger = await visitor();
        await stranger.goto(base);
        await logIn(stranger, name);
        assert.equal(await heading(stranger), "Not allowed");
        assert.match(await stranger.locator("main").textContent(), said);
    }

    await ana.getByRole("button", { name: "Log out" }).click();
    assert.equal(await heading(ana), "Logged out");
    const out = await ana.goto(`${base}/audit`);
    assert.equal(out.status(), 401);
    console.log("login: an operator, a reader and two strangers came, and one was logged out");
} finally {
    await browser?.close();
    for (const child of children) child.kill();
    rmSync(home, { recursive: true, force: true });
}

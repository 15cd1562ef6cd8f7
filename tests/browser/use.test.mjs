// What people do in the console, in Chromium: watch, look for something, try again, mute, try out a rule, follow a link in a mail.
import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { after, before, test } from "node:test";
import { crawl, launch, open, serve, sound, SECRET } from "./browser.mjs";

// All that a title could do to a page: markup, a link that runs something, an end of an attribute, and bidirectional text.
const HOSTILE = "<script>window.hacked=1</script><img src=x onerror=window.hacked=1> \"'> [x](javascript:window.hacked=1) \u202egnp.exe";

let browser, board, answers, service;

before(async () => {
    // A board that refuses what it gets until it is told to take it.
    answers = 410;
    board = createServer((request, response) => {
        request.resume();
        request.on("end", () => { response.writeHead(answers); response.end("from the board"); });
    });
    await new Promise((done) => board.listen(0, "127.0.0.1", done));
    const hook = `http://127.0.0.1:${board.address().port}/board`;
    browser = await launch();
    service = await serve({
        "microalign.toml": `[server]\nlisten = "127.0.0.1:0"\npublic_url = "http://127.0.0.1:0"\nconsole = true\n`
            + `[github]\nsecrets = ["${SECRET}"]\n[webhook.board]\nurl = "${hook}"\n`
            + `secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"\n`,
        "rules/web.toml": `team = "web"\nto = ["mailbox"]\nsettle = "0s"\n[[rule]]\nname = "merged"\n`
            + `on = ["pull_request.merged"]\nrepo = ["acme/*"]\n`,
        "rules/board.toml": `team = "board"\nto = ["webhook:board"]\nsettle = "0s"\n[[rule]]\nname = "closed"\n`
            + `on = ["pull_request.closed"]\n`,
        "rules/notes.toml": `team = "notes"\nto = ["email:notes@example.com"]\nsettle = "0s"\n[[rule]]\nname = "assumed"\n`
            + `on = ["note.assumed"]\nobject_by = "3d"\n`,
    });
});

after(async () => {
    await browser?.close();
    await service?.stop();
    board?.close();
});

function pull(number, title, merged = true) {
    const person = { login: "ana", type: "User", html_url: "https://github.com/ana" };
    return {
        action: "closed",
        pull_request: {
            number, title, html_url: `https://github.com/acme/api/pull/${number}`, state: "closed", merged, draft: false,
            user: person, body: "", base: { ref: "main" }, head: { ref: "work" }, labels: [],
        },
        repository: { full_name: "acme/api", private: false, html_url: "https://github.com/acme/api" },
        sender: person,
    };
}

test("what happens appears without a reload", async () => {
    const { page, context, wrong } = await open(browser);
    await page.goto(service.address);
    await service.github("pull_request", pull(1, "Appears by itself"));
    const news = page.getByText("Appears by itself").first();
    const button = page.getByRole("button", { name: /new/i });
    await Promise.race([news.waitFor(), button.waitFor()]);
    if (await button.isVisible()) await button.click();
    await news.waitFor();
    assert.deepEqual(wrong, []);
    await context.close();
});

test("a filter is an address", async () => {
    await service.github("pull_request", pull(2, "Only the board hears this", false));
    const { page, context } = await open(browser);
    await page.goto(service.address);
    await page.getByLabel("Team").first().fill("board");
    await page.getByRole("button", { name: "Show" }).click();
    await page.waitForURL(/team=board/);
    await page.getByText("Only the board hears this").first().waitFor();
    assert.equal(await page.getByText("Appears by itself").count(), 0);
    await context.close();
});

test("what failed is tried again", async () => {
    const { page, context } = await open(browser);
    await page.goto(`${service.address}/deliveries`);
    const again = page.getByRole("button", { name: /^try again/i }).last();
    await again.waitFor();
    answers = 200;
    await again.click();
    await page.waitForLoadState();
    for (let tries = 0; ; tries += 1) {
        await page.goto(`${service.address}/?team=board`);
        if (await page.locator("article .sent, article.sent").count() > 0) break;
        assert.ok(tries < 100, "it was not sent");
    }
    await context.close();
});

test("a rule is tried out beside an event", async () => {
    const { page, context, wrong } = await open(browser);
    await page.goto(`${service.address}/playground`);
    await page.getByLabel("Team").selectOption("web");
    await page.getByRole("button", { name: "Choose" }).click();
    const rule = page.getByLabel("Team file");
    await page.getByText("Or paste one", { exact: true }).click();
    await page.getByLabel("GitHub's name for the event").fill("pull_request");
    await page.getByLabel("Payload (JSON)").fill(JSON.stringify(pull(3, "Tried out")));
    await rule.fill('team = "web"\nto = ["mailbox"]\n[[rule]]\nname = "all"\non = ["pull_request.merged"]\nrepo = ["acme/*"]\n');
    await page.getByText(/matches|matched/).first().waitFor();
    await page.getByText("Tried out").last().waitFor();
    await rule.fill('team = "web"\nto = ["mailbox"]\n[[rule]]\nname = "all"\non = ["pull_request.merged"]\nrepos = ["acme/*"]\n');
    await page.getByText(/repos/).last().waitFor();
    assert.deepEqual([...new Set(wrong)], []);
    await context.close();
});

test("an event leads to the playground, and stays chosen with another team", async () => {
    const event = await service.github("pull_request", pull(5, "Led to the playground"));
    const { page, context } = await open(browser);
    await page.goto(`${service.address}/events/${event}`);
    await page.getByRole("link", { name: /try a change/i }).click();
    await page.getByLabel("Team").selectOption("web");
    await page.getByRole("button", { name: "Choose" }).click();
    assert.equal(await page.getByLabel(/Stored event/).inputValue(), String(event));
    await page.getByText("Led to the playground").last().waitFor();
    await page.getByRole("link", { name: "another" }).click();
    await page.waitForURL(/delivery=/);
    await context.close();
});

test("what a title holds is text everywhere", async () => {
    const event = await service.github("pull_request", pull(4, HOSTILE));
    const { page, context, wrong } = await open(browser);
    for (const path of [...await crawl(page, service.address, 4), `/events/${event}`]) {
        await page.goto(service.address + path);
        await sound(page, path);
    }
    assert.deepEqual([...new Set(wrong)], []);
    await page.goto(`${service.address}/events/${event}`);
    assert.ok((await page.locator("main").innerText()).includes("<script>"), "the title is shown as it is");
    await context.close();
});

/** The links in the mails that were written so far, by the word that their path begins with. */
function links() {
    const folder = join(service.folder, "mailbox");
    if (!existsSync(folder)) return {};
    const mails = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".eml"))
        .map((name) => readFileSync(join(folder, name), "utf8").replaceAll(/=\r?\n/g, "").replaceAll("=3D", "="));
    const found = mails.join("\n").matchAll(/http:\/\/127[^\s<>"]*?(\/(mute|unsubscribe|object)\/[\w.~-]+)/g);
    return Object.fromEntries([...found].map(([, path, word]) => [word, path]));
}

test("the pages behind the links in mails are sound", async () => {
    const { pull_request: about, ...rest } = pull(6, HOSTILE);
    const comment = { id: 6, html_url: `${about.html_url}#issuecomment-6`, user: about.user, body: `/assume ${HOSTILE}` };
    await service.github("issue_comment", { ...rest, action: "created", comment, issue: { ...about, pull_request: {} } });
    for (let tries = 0; Object.keys(links()).length < 3; tries += 1) {
        assert.ok(tries < 200, `not all links came: ${JSON.stringify(links())}`);
        await pause(50);
    }
    for (const path of Object.values(links())) {
        const { page, context, wrong } = await open(browser);
        await page.goto(service.address + path);
        await sound(page, path);
        assert.deepEqual(wrong, [], path);
        await context.close();
    }
});

test("a form on somebody else's page is refused", async () => {
    answers = 200;
    const { page, context } = await open(browser);
    await page.goto(`http://127.0.0.1:${board.address().port}/`);
    const refused = page.waitForResponse((response) => response.url() === `${service.address}/playground`);
    await page.evaluate((action) => {
        const form = document.createElement("form");
        Object.assign(form, { method: "post", action });
        document.body.append(form);
        form.submit();
    }, `${service.address}/playground`);
    assert.equal((await refused).status(), 403);
    await context.close();
});

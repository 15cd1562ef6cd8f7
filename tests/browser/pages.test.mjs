// Every page of the console, in Chromium, on the demo's story.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LOOKS, crawl, demo, keep, launch, open, sound } from "./browser.mjs";

let browser, service, paths;

before(async () => {
    [browser, service] = await Promise.all([launch(), demo()]);
    const { page, context } = await open(browser);
    paths = await crawl(page, service.address);
    await context.close();
});

after(async () => {
    await browser?.close();
    await service?.stop();
});

test("the demo fills every part of the console", async () => {
    const parts = ["/", "/events/", "/conversations/", "/deliveries", "/assumptions", "/teams", "/teams/", "/playground", "/map", "/audit"];
    for (const part of parts) {
        assert.ok(paths.some((path) => path === part || (part.length > 1 && path.startsWith(part))), `${part} is reached`);
    }
});

for (const { name, ...look } of LOOKS) {
    test(`every page is sound: ${name}`, async () => {
        const { page, context, wrong } = await open(browser, look);
        for (const path of paths) {
            await page.goto(service.address + path);
            await sound(page, path);
            await keep(page, `${name}${path.replaceAll(/[^a-z0-9.-]+/gi, "_")}`);
        }
        assert.deepEqual([...new Set(wrong)], []);
        await context.close();
    });
}

test("every page reads without JavaScript", async () => {
    const words = async (javaScriptEnabled, path) => {
        const { page, context } = await open(browser, { javaScriptEnabled });
        await page.goto(service.address + path);
        const text = await page.locator("main").innerText();
        await context.close();
        return text.replaceAll(/\s+/g, " ").trim();
    };
    for (const path of paths) {
        const plain = await words(false, path);
        assert.ok(plain.length > 40, `${path}: ${plain}`);
    }
});

test("every page is used with the keyboard alone", async () => {
    const { page, context } = await open(browser);
    for (const path of paths) {
        await page.goto(service.address + path);
        await page.keyboard.press("Tab");
        assert.equal(await page.evaluate(() => document.activeElement.className), "skip", path);
        await page.keyboard.press("Enter");
        assert.equal(await page.evaluate(() => document.activeElement.id), "content", path);
        const reachable = await page.evaluate(() => {
            const wanted = [...document.querySelectorAll("main a[href], main button, main input, main select, main textarea")];
            return wanted.filter((element) => element.tabIndex < 0).map((element) => element.outerHTML);
        });
        assert.deepEqual(reachable, [], path);
    }
    await context.close();
});

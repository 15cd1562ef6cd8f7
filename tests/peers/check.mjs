// Holds messages against the programs that define their formats: Teams' cards against Microsoft's own renderer, Slack's
// messages and forms against the types of Slack's SDK.
//   node check.mjs MESSAGES   where MESSAGES is a folder that the tests `built_in_messages_fit` and `forms_fit` have written
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const require = createRequire(resolve("package.json"));
const { JSDOM } = require("jsdom");
const MarkdownIt = require("markdown-it");
const { window } = new JSDOM("<!doctype html><body></body>");
for (const name of ["document", "HTMLElement", "HTMLButtonElement", "HTMLInputElement", "Node"]) {
    globalThis[name] = window[name];
}
globalThis.window = window;
// jsdom does no layout, and so has no innerText.
Object.defineProperty(window.HTMLElement.prototype, "innerText", {
    get() { return this.textContent; },
    set(text) { this.textContent = text; },
});
const cards = require("adaptivecards/dist/adaptivecards.js");
// Teams does as much with a TextBlock, and with nothing else.
cards.AdaptiveCard.onProcessMarkdown = (text, result) => {
    result.outputHtml = new MarkdownIt().renderInline(text);
    result.didProcess = true;
};

const OURS = ["https://ours.example/", "https://github.example/", "https://jira.example/", "https://example.atlassian.net/"];
const folder = process.argv[2];
const messages = (channel) => readdirSync(folder).filter((name) => name.startsWith(`${channel}-`))
    .map((name) => [name, JSON.parse(readFileSync(join(folder, name), "utf8"))]);

/** Every text in a card, as it was written. */
function texts(value) {
    if (typeof value === "string") return [value];
    if (Array.isArray(value)) return value.flatMap(texts);
    return [value.text ?? [], value.inlines ?? [], value.items ?? []].flatMap(texts);
}

function card(name, message) {
    const [attachment] = message.attachments;
    assert.equal(attachment.contentType, "application/vnd.microsoft.card.adaptive");
    const context = new cards.SerializationContext(cards.Versions.v1_4);
    const parsed = new cards.AdaptiveCard();
    parsed.parse(attachment.content, context);
    const events = Array.from({ length: context.eventCount }, (_, at) => context.getEventAt(at).message);
    assert.deepEqual(events, [], name);
    assert.deepEqual(parsed.validateProperties().validationEvents, [], name);
    const html = parsed.render();
    // Whatever a value says: the card shows it letter by letter, and no link or element comes of it.
    assert.equal(html.textContent, texts(attachment.content.body).join(""), name);
    for (const link of html.querySelectorAll("a")) {
        assert.ok(OURS.some((start) => link.href.startsWith(start)), `${name}: ${link.href}`);
    }
    assert.deepEqual([...html.querySelectorAll("script, img, iframe, input, button")], [], name);
}

function slack(list, forms) {
    const source = ['import type { KnownBlock, ModalView } from "@slack/types";',
        'import type { ChatPostMessageArguments } from "@slack/web-api";',
        // Documented, and missing in the types: <https://docs.slack.dev/reference/block-kit/blocks/rich-text-block>.
        'declare module "@slack/types" { interface RichTextList { offset?: number } }',
        ...list.flatMap(([, { blocks, ...message }], at) => [
            `const blocks${at}: KnownBlock[] = ${JSON.stringify(blocks)};`,
            `export const message${at}: ChatPostMessageArguments = { ...${JSON.stringify(message)}, channel: "C1", blocks: blocks${at} };`,
        ]),
        ...forms.map(([, view], at) => `export const form${at}: ModalView = ${JSON.stringify(view)};`)];
    writeFileSync("slack.ts", source.join("\n"));
    const options = ["--strict", "--noEmit", "--skipLibCheck", "--module", "nodenext", "--target", "es2022"];
    execFileSync("node", [require.resolve("typescript/bin/tsc"), ...options, "slack.ts"], { stdio: "inherit" });
}

const teams = messages("teams");
assert.ok(teams.length > 20, "no cards");
for (const [name, message] of teams) card(name, message);
console.log(`${teams.length} cards are fine`);
const posts = messages("slack");
assert.equal(posts.length, teams.length);
const forms = messages("modal");
assert.ok(forms.length > 2, "no forms");
slack(posts, forms);
console.log(`${posts.length} Slack messages and ${forms.length} forms are fine`);
